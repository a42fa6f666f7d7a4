package jsonbench

import (
	jsonv1 "encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// The messages below have the shape of the engine's wire types: an envelope
// around a party of four. R is the raw value of the library under test.

type request[R any] struct {
	RequestID int64  `json:"requestId"`
	Type      string `json:"type"`
	Payload   R      `json:"payload"`
}

type party[R any] struct {
	PartyID                  string           `json:"partyId"`
	Version                  int64            `json:"version,string"`
	InviteCode               string           `json:"inviteCode"`
	PreferredGameServerZones []string         `json:"preferredGameServerZones"`
	ZonePings                map[string]int32 `json:"gameServerZoneToPing"`
	Ext                      R                `json:"extBroadcastParty"`
	Players                  []partyPlayer[R] `json:"partyMembers"`
}

type partyPlayer[R any] struct {
	PlayerID    string      `json:"playerId"`
	SocialID    string      `json:"socialId"`
	DisplayName displayName `json:"displayName"`
	IsReady     bool        `json:"isReady"`
	IsLeader    bool        `json:"isLeader"`
	Ext         R           `json:"ext"`
}

type displayName struct {
	DisplayName   string `json:"displayName"`
	Discriminator string `json:"discriminator"`
}

type (
	rawV1 = jsonv1.RawMessage
	rawV2 = jsontext.Value
)

func sampleParty[R ~[]byte]() party[R] {
	p := party[R]{
		PartyID:                  "2f0f7a86-8a4c-4a1e-b8a2-5d0c4a4e9f10",
		Version:                  17,
		InviteCode:               "K3V9QX",
		PreferredGameServerZones: []string{"eu-central-1", "us-east-1"},
		ZonePings:                map[string]int32{"eu-central-1": 18, "us-east-1": 104},
		Ext:                      R(`{"gameMode":"conquest","map":"harbour"}`),
	}
	for _, name := range []string{"Ada", "Brahe", "Curie", "Dirac"} {
		p.Players = append(p.Players, partyPlayer[R]{
			PlayerID:    "47eaa099-2cb6-416d-86dc-283cf0480ff9",
			SocialID:    "5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301",
			DisplayName: displayName{DisplayName: name, Discriminator: "0042"},
			IsReady:     name != "Dirac",
			IsLeader:    name == "Ada",
			Ext:         R(`{"character":"ranger","level":"31"}`),
		})
	}
	return p
}
