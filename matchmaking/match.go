package matchmaking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// How long parties take no part after a match that could not be made for another
// reason than one of them having left: at first, and after many times in a row.
const (
	minHold = time.Second
	maxHold = 30 * time.Second
)

// errGone is a match of a party that no longer waits.
var errGone = errors.New("a party is no longer in matchmaking")

// strayError is a ticket that its party does not hold.
type strayError struct {
	id  pragma.TicketID
	err error
}

func (e *strayError) Error() string { return fmt.Sprintf("stray ticket %s: %v", e.id, e.err) }
func (e *strayError) Unwrap() error { return e.err }

// start makes a game of parties: all of it in tx, or none. What players are is
// read from their tickets; the plugin only says who and on which team.
func (s *Service) start(tx *entity.Tx, id pragma.GameInstanceID, key QueueKey, game *NewGameInstance, parties []*Party) error {
	r := &gameinstance.NewInstance{
		ID: id, RequestExt: game.RequestExt,
		GameServerVersion: key.GameServerVersion, GameServerZone: game.GameServerZone, QueueKey: key.Ext,
	}
	var err error
	if r.Players, r.Parties, err = s.takeAll(tx, id, &game.roster, parties); err != nil {
		return err
	}
	if game.queue != nil {
		r.ContinueMatchmaking = &gameinstance.QueuePlace{Key: game.queue.Ext, GameServerVersion: game.queue.GameServerVersion}
	}
	if _, err := s.Games.CreateByMatchmaking(tx, r); err != nil {
		return fmt.Errorf("create the game instance: %w", err)
	}
	return nil
}

// takeAll ends the tickets of parties that go into a game, and says who goes.
func (s *Service) takeAll(tx *entity.Tx, game pragma.GameInstanceID, who *roster, parties []*Party) ([]gameinstance.PlayerToAdd, []gameinstance.MatchedParty, error) {
	matched := make([]gameinstance.MatchedParty, 0, len(parties))
	ids := make([]pragma.TicketID, 0, len(parties))
	players := make(map[pragma.PlayerID]gameinstance.PlayerToAdd, len(who.members))
	for _, p := range parties {
		t, err := s.takeTicket(tx, p.TicketID, game)
		if err != nil {
			return nil, nil, err
		}
		ids = append(ids, p.TicketID)
		matched = append(matched, gameinstance.MatchedParty{PartyID: t.PartyID, Ext: t.Ext})
		for i := range t.Players {
			from := &t.Players[i]
			players[from.PlayerID] = gameinstance.PlayerToAdd{
				PlayerID: from.PlayerID, PartyID: t.PartyID, SocialID: from.SocialID,
				DisplayName: from.DisplayName, ClientVersion: from.ClientVersion,
			}
		}
	}
	added := make([]gameinstance.PlayerToAdd, 0, len(who.members))
	for _, a := range who.members {
		add := players[a.Player.ID]
		add.TeamNumber, add.Ext = a.TeamNumber, a.Ext
		added = append(added, add)
	}
	s.forget(tx, ids...)
	return added, matched, nil
}

// takeTicket ends the ticket of a party that goes into a game.
func (s *Service) takeTicket(tx *entity.Tx, id pragma.TicketID, game pragma.GameInstanceID) (*ticket, error) {
	t, err := s.tickets.In(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	found := *t
	err = s.Parties.EnterGame(tx, found.PartyID, id, game)
	if errors.Is(err, party.ErrInvalidState) {
		return nil, &strayError{id, err}
	}
	if err != nil {
		return nil, err
	}
	return &found, s.tickets.Delete(tx, id.String())
}

// commit makes a match that a pass has found. If it cannot be made, the parties
// that still wait go back to their queue with their old entry time.
func (s *Service) commit(ctx context.Context, q *queue, game *NewGameInstance, parties []*Party) error {
	id := pragma.NewID[pragma.GameInstanceID]()
	err := s.tickets.Update(ctx, parties[0].TicketID.String(), func(tx *entity.Tx, _ *ticket) error {
		return s.start(tx, id, q.key, game, parties)
	})
	if err == nil {
		return nil
	}
	hold := minHold
	if stray, ok := errors.AsType[*strayError](err); ok {
		s.dropStray(ctx, stray)
		hold = 0
	}
	if s.dropGone(ctx, parties) {
		hold = 0
	}
	q.giveBack(parties, hold, maxHold)
	return err
}

// dropGone takes those of the parties out of the index whose ticket is gone, and
// reports whether there are any. It is how a commit of unknown outcome is
// resolved too.
func (s *Service) dropGone(ctx context.Context, parties []*Party) bool {
	var gone []pragma.TicketID
	for _, p := range parties {
		if _, err := s.tickets.Read(ctx, p.TicketID.String()); errors.Is(err, entity.ErrNotFound) {
			gone = append(gone, p.TicketID)
		}
	}
	s.index.remove(gone...)
	return len(gone) > 0
}

// dropStray deletes a ticket whose party does not know of it. There is nobody to
// be told.
func (s *Service) dropStray(ctx context.Context, stray *strayError) {
	s.m.Log().ErrorContext(ctx, "dropping a ticket that its party does not hold", "ticket", stray.id, "err", stray.err)
	err := s.tickets.Update(ctx, stray.id.String(), func(tx *entity.Tx, _ *ticket) error {
		s.forget(tx, stray.id)
		return s.tickets.Delete(tx, stray.id.String())
	})
	if err != nil && !errors.Is(err, entity.ErrNotFound) {
		s.m.Log().WarnContext(ctx, "cannot drop a ticket", "ticket", stray.id, "err", err)
	}
}

// giveUp sends a party back from matchmaking. If that cannot be committed, the
// party stays in the queue.
func (s *Service) giveUp(ctx context.Context, q *queue, p *Party) {
	err := s.tickets.Update(ctx, p.TicketID.String(), func(tx *entity.Tx, t *ticket) error {
		return s.sendBack(tx, p.TicketID, t, wire.MatchmakingFailureUnspecified)
	})
	switch {
	case errors.Is(err, entity.ErrNotFound):
		s.index.remove(p.TicketID)
	case err != nil:
		s.m.Log().WarnContext(ctx, "cannot send a party back from matchmaking", "party", p.ID, "err", err)
		s.dropGone(ctx, []*Party{p})
		q.giveBack([]*Party{p}, minHold, maxHold)
	}
}

// timeOut sends a party back that has waited for queueTimeoutSeconds.
func (s *Service) timeOut(tx *entity.Tx, id string, t *ticket) error {
	ticketID, err := pragma.ParseID[pragma.TicketID](id)
	if err != nil {
		return err
	}
	return s.sendBack(tx, ticketID, t, wire.MatchmakingFailureUnspecified)
}

// sendBack ends a ticket without a game. The players are told in the order of
// wire §9: their session, the failure, the party.
func (s *Service) sendBack(tx *entity.Tx, id pragma.TicketID, t *ticket, why wire.MatchmakingFailureReason) error {
	partyID := t.PartyID
	var told []pragma.PlayerID
	for _, player := range t.playerIDs() {
		where, err := s.slots.Edit(tx, player)
		if err != nil {
			return err
		}
		if where.TicketID == id {
			where.TicketID = pragma.TicketID{}
			told = append(told, player)
		}
	}
	tx.NotifyPlayers(s.failure.Of(&wire.MatchmakingFailureV1Notification{Reason: why}), told...)
	if err := s.tickets.Delete(tx, id.String()); err != nil {
		return err
	}
	s.forget(tx, id)
	return s.Parties.ReturnFromMatchmaking(tx, partyID, id, party.ReturnFailed)
}

// expected reports whether a failed commit is a part of normal life: somebody
// left, or was faster.
func expected(err error) bool {
	return errors.Is(err, errGone) || errors.Is(err, entity.ErrNotFound) || errors.Is(err, store.ErrConflict)
}
