package matchmaking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// Why players cannot be added to a game for whom nobody is to blame.
var (
	errGameGone    = errors.New("the game no longer waits")
	errGameChanged = errors.New("the game has changed since the hook saw it")
)

func (r *run) join(g *GameInstance, update *GameInstanceUpdate, parties []*Party) bool {
	if !r.queue.claimGame(r.pool, g, parties) {
		return false
	}
	ok := r.beside(func(ctx context.Context) {
		err := r.commitJoin(ctx, r.queue, g, update, parties)
		switch {
		case err == nil:
			r.count(resultJoined)
		case expected(err) || errors.Is(err, errGameGone) || errors.Is(err, errGameChanged):
			r.count(resultContested)
			r.m.Log().DebugContext(ctx, "parties not added to a game", "queue", r.name, "gameInstanceId", g.ID, "err", err)
		default:
			r.count(resultFailed)
			r.m.Log().WarnContext(ctx, "parties not added to a game; they wait on", "queue", r.name, "gameInstanceId", g.ID, "parties", len(parties), "err", err)
		}
	})
	if !ok {
		r.queue.giveBack(parties, 0, 0)
		r.queue.releaseGame(g.entry, 0)
	}
	return ok
}

// commitJoin adds parties to a game that a pass has found. If that cannot be, all
// go back to their queue with their old entry time.
func (s *Service) commitJoin(ctx context.Context, q *queue, g *GameInstance, update *GameInstanceUpdate, parties []*Party) error {
	asked := false // the game's plugin
	err := s.Games.AddByMatchmaking(ctx, g.ID, g.ticket, func(tx *entity.Tx) (*gameinstance.MatchedPlayers, error) {
		asked = false
		r, err := s.take(tx, g, update, parties)
		asked = err == nil
		return r, err
	})
	switch {
	case err == nil:
		q.releaseGame(g.entry, 0)
		return nil
	case asked && !troubled(err):
		s.dropGone(ctx, parties)
		s.refresh(ctx, g)
		q.refused(g.entry, g.revision, parties)
		return err
	case errors.Is(err, gameinstance.ErrUnknownGameInstanceID), errors.Is(err, gameinstance.ErrGameInstanceNotInMatchmaking):
		s.dropStrayGame(ctx, g)
		err = fmt.Errorf("%w: %w", errGameGone, err)
	}
	partyHold, gameHold := minHold, time.Duration(0)
	if stray, ok := errors.AsType[*strayError](err); ok {
		s.dropStray(ctx, stray)
		partyHold = 0
	}
	if s.dropGone(ctx, parties) || errors.Is(err, errGameGone) || errors.Is(err, errGameChanged) {
		partyHold = 0
	}
	if troubled(err) || errors.Is(err, errGameGone) { // if it is still there after all
		gameHold = minHold
	}
	s.refresh(ctx, g)
	q.giveBack(parties, partyHold, maxHold)
	q.releaseGame(g.entry, gameHold)
	return err
}

// take ends the tickets of parties that a game gets, inside its update.
func (s *Service) take(tx *entity.Tx, g *GameInstance, update *GameInstanceUpdate, parties []*Party) (*gameinstance.MatchedPlayers, error) {
	t, err := s.tickets.In(tx, g.ticket.String())
	switch {
	case errors.Is(err, entity.ErrNotFound):
		return nil, errGameGone
	case err != nil:
		return nil, err
	case t.Game == nil || t.Game.Revision != g.revision:
		return nil, errGameChanged
	}
	r := &gameinstance.MatchedPlayers{RequestExt: update.RequestExt, StopMatchmaking: update.stop}
	r.Players, r.Parties, err = s.takeAll(tx, g.ID, &update.roster, parties)
	return r, err
}

// refresh brings what is known of a game in line with the store, after a commit
// that failed or whose outcome is unknown.
func (s *Service) refresh(ctx context.Context, g *GameInstance) {
	t, err := s.tickets.Read(ctx, g.ticket.String())
	switch {
	case errors.Is(err, entity.ErrNotFound):
		s.index.remove(g.ticket)
	case err == nil && t.Game != nil:
		s.index.addGame(t.key(), t.game(g.ticket))
	}
}

// dropStrayGame deletes a ticket that its game does not hold, if there is one.
func (s *Service) dropStrayGame(ctx context.Context, g *GameInstance) {
	err := s.removeStrayGame(ctx, g.ID, g.ticket)
	if err != nil && !errors.Is(err, entity.ErrNotFound) {
		s.m.Log().WarnContext(ctx, "cannot drop a ticket", "ticket", g.ticket, "err", err)
	}
}

// removeStrayGame deletes a ticket unless its game holds it.
func (s *Service) removeStrayGame(ctx context.Context, game pragma.GameInstanceID, id pragma.TicketID) error {
	return s.tickets.Update(ctx, id.String(), func(tx *entity.Tx, _ *ticket) error {
		holds, err := s.Games.HoldsTicket(tx, game, id)
		if holds || err != nil {
			return err
		}
		s.m.Log().ErrorContext(ctx, "dropping a ticket that its game does not hold", "ticket", id, "gameInstanceId", game)
		s.forget(tx, id)
		return s.tickets.Delete(tx, id.String())
	})
}

// failGame takes a game out of the queue because a hook failed.
func (r *run) failGame(g *GameInstance) {
	if r.queue.claimGame(r.pool, g, nil) {
		r.expel(r.ctx, g.entry)
	}
}

// expel takes a claimed game out of matchmaking, beside the loop. If that cannot
// be committed, it stays.
func (l *loop) expel(ctx context.Context, e *gameEntry) {
	g := l.queue.gameOf(e)
	l.m.Log().ErrorContext(ctx, "matchmaking hook failed; the game leaves the queue", "hook", hookMatchGame, "queue", l.name, "gameInstanceId", g.ID)
	ok := l.goCommit(ctx, func(ctx context.Context) {
		err := l.Games.ExpelFromMatchmaking(ctx, g.ID, g.ticket)
		switch {
		case err == nil:
		case errors.Is(err, gameinstance.ErrUnknownGameInstanceID), errors.Is(err, gameinstance.ErrGameInstanceNotInMatchmaking):
			l.dropStrayGame(ctx, g)
		default:
			l.m.Log().WarnContext(ctx, "cannot take a game out of matchmaking", "gameInstanceId", g.ID, "err", err)
		}
		l.refresh(ctx, g)
		l.queue.releaseGame(e, minHold)
	})
	if !ok {
		l.queue.releaseGame(e, 0)
	}
}

// gameOf returns what is known of a game.
func (q *queue) gameOf(e *gameEntry) *GameInstance {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	return e.game
}

// troubled reports whether err is trouble with the store, which may pass.
func troubled(err error) bool {
	return slices.ContainsFunc([]error{
		store.ErrUnavailable, store.ErrConflict, store.ErrUnknown, store.ErrFull, context.DeadlineExceeded, context.Canceled,
	}, func(p error) bool { return errors.Is(err, p) })
}
