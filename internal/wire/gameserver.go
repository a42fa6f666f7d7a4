package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/ext"
)

// The calls of game servers and other partners to GameInstanceRpc and
// MatchLifecycleRpc (wire §7.5, §16.5). Responses not listed here are [Empty].

// GameInstanceRequest names an instance and asks for nothing more.
type GameInstanceRequest struct {
	GameInstanceID UUID `json:"gameInstanceId,omitzero"`
}

// The requests that are a [GameInstanceRequest], under the names of their calls.
type (
	GameInstanceEnterMatchmakingV1Request = GameInstanceRequest
	GameInstanceGameKeepAliveV1Request    = GameInstanceRequest
	GameInstanceGetGameStartDataV1Request = GameInstanceRequest
	GameInstanceLeaveMatchmakingV1Request = GameInstanceRequest
	GameInstanceLinkV1Request             = GameInstanceRequest
)

// GameInstanceConnectPlayersV1Request opens the instance to its players. Some
// servers leave out hostname and port.
type GameInstanceConnectPlayersV1Request struct {
	GameInstanceID          UUID                      `json:"gameInstanceId,omitzero"`
	Hostname                string                    `json:"hostname"`
	Port                    Int32                     `json:"port"`
	PlayerConnectionDetails []PlayerConnectionDetails `json:"playerConnectionDetails"`
}

// GameInstanceConnectMorePlayersV1Request does the same for players who came later.
type GameInstanceConnectMorePlayersV1Request = GameInstanceConnectPlayersV1Request

// GameInstanceGameKeepAliveV1Response says when the server is to call again.
type GameInstanceGameKeepAliveV1Response struct {
	EnableKeepAlive         bool  `json:"enableKeepAlive"`
	KeepAliveIntervalMillis Int64 `json:"keepAliveIntervalMillis"`
}

// GameInstanceConnectPlayersV1Response is the same answer.
type GameInstanceConnectPlayersV1Response = GameInstanceGameKeepAliveV1Response

// GameInstanceCreateGameInstancePartnerV1Request makes an instance and, without
// SkipLink, links the calling server to it.
type GameInstanceCreateGameInstancePartnerV1Request struct {
	RequestExt        ext.Value     `json:"requestExt"`
	PlayersToAdd      []PlayerToAdd `json:"playersToAdd"`
	GameServerVersion string        `json:"gameServerVersion"`
	GameServerZone    string        `json:"gameServerZone"`
	SkipLink          bool          `json:"skipLink"`
}

// GameInstanceCreateGameInstancePartnerV1Response has no GameStart with SkipLink.
type GameInstanceCreateGameInstancePartnerV1Response struct {
	GameInstanceID UUID       `json:"gameInstanceId,omitzero"`
	GameStart      *GameStart `json:"gameStart,omitzero"`
}

// GameInstanceGetGameStartDataV1Response has what a server needs to start.
type GameInstanceGetGameStartDataV1Response struct {
	GameStart GameStart `json:"gameStart"`
}

// GameInstanceLinkV1Response is the same answer.
type GameInstanceLinkV1Response = GameInstanceGetGameStartDataV1Response

// GameInstanceUnlinkV1Request lets a server give an instance back.
type GameInstanceUnlinkV1Request struct {
	GameInstanceID UUID      `json:"gameInstanceId,omitzero"`
	RequestExt     ext.Value `json:"requestExt"`
}

// GameInstanceEndGameV1Request reports the end of a game.
type GameInstanceEndGameV1Request struct {
	GameInstanceID    UUID                          `json:"gameInstanceId,omitzero"`
	PlayerGameResults LenientList[PlayerGameResult] `json:"playerGameResults"`
	Ext               ext.Value                     `json:"ext"`
}

// GameInstanceRemovePlayersV1Request takes players out of an instance.
type GameInstanceRemovePlayersV1Request struct {
	GameInstanceID UUID             `json:"gameInstanceId,omitzero"`
	Players        []PlayerToRemove `json:"players"`
	Ext            ext.Value        `json:"ext"`
}

// GameInstanceRemovePlayersV2Request is the same call under its newer name.
type GameInstanceRemovePlayersV2Request = GameInstanceRemovePlayersV1Request

// GameInstanceUpdateGameInstanceV1Request asks the plugin for a change.
type GameInstanceUpdateGameInstanceV1Request struct {
	GameInstanceID UUID      `json:"gameInstanceId,omitzero"`
	RequestExt     ext.Value `json:"requestExt"`
}

// GameInstanceVerifyPlayerPartnerV1Request asks whether a connecting player is
// who he says.
type GameInstanceVerifyPlayerPartnerV1Request struct {
	GameInstanceID  UUID   `json:"gameInstanceId,omitzero"`
	PlayerID        UUID   `json:"playerId,omitzero"`
	ConnectionToken string `json:"connectionToken"`
}

// GameInstanceVerifyPlayerPartnerV1Response is the answer.
type GameInstanceVerifyPlayerPartnerV1Response struct {
	IsValid bool `json:"isValid"`
}

// MatchLifecycleMatchEndV4Request is how older servers end a game.
type MatchLifecycleMatchEndV4Request struct {
	MatchID      UUID          `json:"matchId,omitzero"` // the game instance id
	MatchEnd     MatchEnd      `json:"matchEnd"`
	MatchMetrics []MatchMetric `json:"matchMetrics"`
}

// MatchEnd is the result of a match.
type MatchEnd struct {
	MatchID         UUID             `json:"matchId,omitzero"`
	PlayerMatchEnds []PlayerMatchEnd `json:"playerMatchEnds"`
	Ext             ext.Value        `json:"ext,omitzero"`
}

// MatchMetric is a figure for the log.
type MatchMetric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// PlayerMatchEnd is one player's result. Read, its Ext is the member ext or, when
// there is none, the whole entry without the player id.
type PlayerMatchEnd struct {
	PlayerID UUID      `json:"playerId,omitzero"`
	Ext      ext.Value `json:"ext"`
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *PlayerMatchEnd) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var entry struct {
		PlayerID UUID           `json:"playerId"`
		Ext      *ext.Value     `json:"ext"`
		Rest     jsontext.Value `json:",embed"`
	}
	if err := json.UnmarshalDecode(dec, &entry); err != nil {
		return err
	}
	p.PlayerID = entry.PlayerID
	p.Ext = ext.Value{}
	switch {
	case entry.Ext != nil:
		p.Ext = *entry.Ext
	case len(entry.Rest) > 0:
		rest, err := ext.Parse(entry.Rest)
		if err != nil {
			return err
		}
		p.Ext = rest
	}
	return nil
}
