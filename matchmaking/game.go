package matchmaking

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// gameTicket is what a ticket of a running game has besides.
type gameTicket struct {
	GameInstanceID    pragma.GameInstanceID `json:"gameInstanceId"`
	GameServerVersion string                `json:"gameServerVersion,omitzero"` // the game's
	GameServerZone    string                `json:"gameServerZone,omitzero"`
	Players           []gameTicketPlayer    `json:"players,omitzero"`
	// Revision grows with every change of the content. A match is made for a
	// revision, so that it never rests on something that is no longer true.
	Revision int64 `json:"revision"`

	entity.Unknown
}

type gameTicketPlayer struct {
	PlayerID   pragma.PlayerID `json:"playerId"`
	PartyID    pragma.PartyID  `json:"partyId,omitzero"`
	TeamNumber int64           `json:"teamNumber,omitzero"`
	Ext        ext.Value       `json:"ext,omitzero"` // ExtMatchmakingGamePlayer
}

func (p *gameTicketPlayer) equal(o *gameTicketPlayer) bool {
	return p.PlayerID == o.PlayerID && p.PartyID == o.PartyID && p.TeamNumber == o.TeamNumber && p.Ext.Equal(o.Ext)
}

// describe brings what the entry says into the ticket, and reports whether that
// is anything new.
func (t *ticket) describe(e *gameinstance.QueueEntry) bool {
	g := t.Game
	players := make([]gameTicketPlayer, len(e.Players))
	for i, p := range e.Players {
		players[i] = gameTicketPlayer{PlayerID: p.PlayerID, PartyID: p.PartyID, TeamNumber: p.TeamNumber, Ext: p.Ext}
	}
	same := slices.EqualFunc(g.Players, players, func(a, b gameTicketPlayer) bool { return a.equal(&b) })
	if g.Revision > 0 && same && t.Ext.Equal(e.Ext) && g.GameServerVersion == e.GameServerVersion && g.GameServerZone == e.GameServerZone {
		return false
	}
	t.Ext, g.Players = e.Ext, players
	g.GameServerVersion, g.GameServerZone = e.GameServerVersion, e.GameServerZone
	g.Revision++
	return true
}

// game is what a plugin sees of the ticket. It shares nothing that changes.
func (t *ticket) game(id pragma.TicketID) *GameInstance {
	g := &GameInstance{
		ID: t.Game.GameInstanceID, Ext: t.Ext, EnteredAt: t.EnteredAt,
		GameServerVersion: t.Game.GameServerVersion, GameServerZone: t.Game.GameServerZone,
		Players: make([]GamePlayer, len(t.Game.Players)),
		ticket:  id, revision: t.Game.Revision,
	}
	for i, p := range t.Game.Players {
		g.Players[i] = GamePlayer{ID: p.PlayerID, PartyID: p.PartyID, TeamNumber: p.TeamNumber, Ext: p.Ext}
	}
	g.Parties = partiesOf(g.Players)
	return g
}

// partiesOf returns the parties of a game's players, in the order of players.
func partiesOf(players []GamePlayer) []GameParty {
	var parties []GameParty
	for _, p := range players {
		if p.PartyID.IsZero() {
			continue
		}
		at := slices.IndexFunc(parties, func(o GameParty) bool { return o.ID == p.PartyID })
		if at < 0 {
			at = len(parties)
			parties = append(parties, GameParty{ID: p.PartyID})
		}
		parties[at].Players = append(parties[at].Players, p.ID)
	}
	return parties
}

// EnterGame lets a running game wait for more players, inside its own update. It
// is for package gameinstance.
func (s *Service) EnterGame(tx *entity.Tx, e *gameinstance.QueueEntry) error {
	t, err := s.tickets.New(tx, e.TicketID.String())
	if err != nil {
		return err
	}
	*t = ticket{
		Key: e.Place.Key, GameServerVersion: e.Place.GameServerVersion, EnteredAt: tx.Now(),
		Game: &gameTicket{GameInstanceID: e.GameInstanceID},
	}
	t.describe(e)
	s.follow(tx, e.TicketID)
	return nil
}

// ChangeGame replaces what is known of a game that waits, inside its own update.
// It is for package gameinstance.
func (s *Service) ChangeGame(tx *entity.Tx, e *gameinstance.QueueEntry) error {
	t, err := s.tickets.In(tx, e.TicketID.String())
	if err != nil {
		return err
	}
	if t.Game == nil || t.Game.GameInstanceID != e.GameInstanceID {
		return fmt.Errorf("ticket %s is not that of game instance %s", e.TicketID, e.GameInstanceID)
	}
	if t.describe(e) {
		s.follow(tx, e.TicketID)
	}
	return nil
}

// LeaveGame removes the ticket of a game, inside the update of the game. It is
// for package gameinstance.
func (s *Service) LeaveGame(tx *entity.Tx, id pragma.TicketID) error {
	err := s.tickets.Delete(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	s.follow(tx, id)
	return err
}

type followKey pragma.TicketID

// follow brings the index in line with the ticket of a game, after everything the
// game tells its players: the match may be next.
func (s *Service) follow(tx *entity.Tx, id pragma.TicketID) {
	tx.BeforeCommit(followKey(id), func() error {
		t, err := s.tickets.In(tx, id.String())
		if errors.Is(err, entity.ErrNotFound) {
			s.forget(tx, id)
			return nil
		}
		if err != nil {
			return err
		}
		key, g := t.key(), t.game(id)
		tx.After(func(context.Context) { s.index.addGame(key, g) })
		return nil
	})
}
