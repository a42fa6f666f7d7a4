package matchmaking

import (
	"maps"
	"slices"
	"time"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// ticket is a party or a running game in matchmaking as it is stored: entity kind
// "ticket", by ticket id. It is there from the commit that let it enter to the
// one that says what became of it. That of a party never changes, that of a game
// does with the game.
type ticket struct {
	PartyID                  pragma.PartyID `json:"partyId,omitzero"`
	Key                      ext.Value      `json:"key,omitzero"` // ExtMatchmakingKey
	GameServerVersion        string         `json:"gameServerVersion,omitzero"`
	PreferredGameServerZones []string       `json:"preferredGameServerZones,omitzero"`
	Ext                      ext.Value      `json:"ext,omitzero"` // ExtMatchmakingParty
	Players                  []ticketPlayer `json:"players,omitzero"`
	EnteredAt                time.Time      `json:"enteredAt"`
	TimesOutAt               time.Time      `json:"timesOutAt,omitzero"` // zero: never
	// Game is what waits if it is no party. Key and GameServerVersion are its
	// queue, and Ext its ExtMatchmakingGameInstance.
	Game *gameTicket `json:"game,omitzero"`
}

type ticketPlayer struct {
	PlayerID             pragma.PlayerID    `json:"playerId"`
	SocialID             pragma.SocialID    `json:"socialId"`
	DisplayName          pragma.DisplayName `json:"displayName"`
	ClientVersion        string             `json:"clientVersion,omitzero"`
	GameServerZoneToPing map[string]int     `json:"gameServerZoneToPing,omitzero"` // milliseconds
	Ext                  ext.Value          `json:"ext,omitzero"`                  // ExtMatchmakingPlayer
}

// newTicket is the ticket of a party that enters now.
func newTicket(e *party.QueueEntry, now time.Time, timeout time.Duration) ticket {
	t := ticket{
		PartyID: e.PartyID, Key: e.Key, GameServerVersion: e.GameServerVersion,
		PreferredGameServerZones: slices.Clone(e.PreferredGameServerZones),
		Ext:                      e.Ext, EnteredAt: now,
	}
	if timeout > 0 {
		t.TimesOutAt = now.Add(timeout)
	}
	for _, p := range e.Players {
		t.Players = append(t.Players, ticketPlayer{
			PlayerID: p.PlayerID, SocialID: p.SocialID, DisplayName: p.DisplayName, ClientVersion: p.ClientVersion,
			GameServerZoneToPing: maps.Clone(p.GameServerZoneToPing), Ext: p.Ext,
		})
	}
	return t
}

func (t *ticket) timesOutAt() time.Time { return t.TimesOutAt }

func (t *ticket) key() QueueKey { return QueueKey{t.Key, t.GameServerVersion} }

func (t *ticket) playerIDs() []pragma.PlayerID {
	ids := make([]pragma.PlayerID, len(t.Players))
	for i := range t.Players {
		ids[i] = t.Players[i].PlayerID
	}
	return ids
}

// party is what a plugin sees of the ticket. It shares nothing that changes.
func (t *ticket) party(id pragma.TicketID) *Party {
	p := &Party{
		ID: t.PartyID, TicketID: id,
		PreferredGameServerZones: slices.Clone(t.PreferredGameServerZones),
		GameServerVersion:        t.GameServerVersion, Ext: t.Ext, EnteredAt: t.EnteredAt,
	}
	players := make([]Player, len(t.Players))
	p.Players = make([]*Player, len(t.Players))
	for i := range t.Players {
		from := &t.Players[i]
		players[i] = Player{
			ID: from.PlayerID, PartyID: t.PartyID, SocialID: from.SocialID, DisplayName: from.DisplayName,
			ClientVersion: from.ClientVersion, GameServerZoneToPing: maps.Clone(from.GameServerZoneToPing),
			Ext: from.Ext, party: p,
		}
		p.Players[i] = &players[i]
	}
	return p
}
