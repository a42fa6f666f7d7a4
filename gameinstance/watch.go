package gameinstance

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// Watcher is a service that follows the games that matchmaking makes, see
// [Service.Watch]. Its methods may be called by any number of goroutines, and
// again for the same after a conflict. The parties they are given are not to be
// changed.
type Watcher interface {
	// GameCreated is called inside the transaction that makes a game of parties:
	// what it changes on tx is committed with it, or neither is. It must not touch
	// games and parties. Its error refuses the game.
	GameCreated(tx *entity.Tx, id pragma.GameInstanceID, parties []MatchedParty) error
	// GameOver is called inside the transaction that ends a game, before its players
	// return to their parties. The rules of GameCreated apply; its error refuses the
	// end, which is then tried again or reported to who asked for it.
	GameOver(tx *entity.Tx, e *GameOver) error
	// BuildGameStart may add to what [Plugin.BuildExtGameStart] has built for the
	// game server. It has the time of that hook. Its error refuses the link.
	BuildGameStart(ctx context.Context, parties []MatchedParty, built ext.Value) (ext.Value, error)
}

// GameOver says how a game is over, for a [Watcher].
type GameOver struct {
	GameInstanceID pragma.GameInstanceID
	Reason         GameEndReason
	// TerminationReason is that of [GameInstanceEndedRequest].
	TerminationReason string
	// NeverBegan says that no server was to be had, or that it did not connect the
	// players, and that the game is over because of that, whatever its reason says.
	NeverBegan bool
	// Parties are those with which matchmaking made the game, none for other games.
	Parties []MatchedParty
}

// Watch has a service follow games. Services that mount later call it while they
// mount.
func (s *Service) Watch(w Watcher) { s.watchers = append(s.watchers, w) }

// tellCreated tells watchers of a new game.
func (t *turn) tellCreated(parties []MatchedParty) error {
	for _, w := range t.s.watchers {
		if err := w.GameCreated(t.tx, t.h.ID, parties); err != nil {
			return err
		}
	}
	return nil
}

// watchOver tells watchers of the end. The head is in its last state.
func (t *turn) watchOver(r *roster) error {
	if len(t.s.watchers) == 0 {
		return nil
	}
	e := &GameOver{
		GameInstanceID: t.h.ID, Reason: endReason(t.h.State),
		TerminationReason: t.h.Reason.String(), NeverBegan: t.neverBegan, Parties: r.Parties,
	}
	for _, w := range t.s.watchers {
		if err := w.GameOver(t.tx, e); err != nil {
			return err
		}
	}
	return nil
}

// buildGameStart asks the plugin, then watchers, what a server is told at the start.
func (t *turn) buildGameStart(r *roster) (ext.Value, error) {
	var start ext.Value
	err := t.hook("BuildExtGameStart", func(ctx context.Context) error {
		v, err := t.s.Plugin.BuildExtGameStart(ctx, &BuildExtGameStartRequest{GameInstance: t.inst})
		for _, w := range t.s.watchers {
			if err == nil {
				v, err = w.BuildGameStart(ctx, r.Parties, v)
			}
		}
		start = v
		return err
	})
	if err != nil {
		return ext.Value{}, err // the hook may still be running
	}
	return start, nil
}
