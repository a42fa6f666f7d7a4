package escs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// Who is queued, who leads, whether all are there: a set says of its party what the
// party is, because every change of the party brings the set along in its commit.
// The same goes for its game.

// partyChanged is called in each commit that changes a party.
func (s *Service) partyChanged(tx *entity.Tx, p *party.Party) error {
	info := SetOfParty(p)
	if info == nil {
		return nil
	}
	st, err := s.sets.In(tx, info.SetID)
	if errors.Is(err, entity.ErrNotFound) {
		return nil // the party has outlived its set
	}
	if err != nil {
		return fmt.Errorf("read set %s: %w", info.SetID, err)
	}
	if st.PartyID == p.ID() {
		s.follow(tx, st, p)
	}
	return nil
}

// follow makes the set say what its party is.
func (s *Service) follow(tx *entity.Tx, st *set, p *party.Party) {
	if p.PlayerCount() == 0 { // it is being closed
		st.scatter(tx.Now())
		return
	}
	if !st.State.open() {
		return
	}
	ready := true
	st.LeaderID = pragma.PlayerID{}
	for i := range st.Players {
		m := &st.Players[i]
		switch member := p.Player(m.PlayerID); {
		case member == nil:
			m.State, m.QueuedAt, ready = PlayerExpected, time.Time{}, false
		case m.State != PlayerQueued:
			m.State, m.QueuedAt = PlayerQueued, tx.Now()
			fallthrough
		default:
			ready = ready && member.IsReady()
			if member.IsLeader() && st.LeaderID.IsZero() {
				st.LeaderID = m.PlayerID
			}
		}
	}
	before := st.State
	switch {
	case st.queued() < len(st.Players):
		st.StartFailed = false
		st.move(Queueing, tx.Now())
	case p.InMatchmaking():
		st.move(Matchmaking, tx.Now())
	default:
		st.move(Complete, tx.Now())
	}
	if st.State != Complete {
		return
	}
	if before == Received || before == Queueing {
		tx.NotifyPlayers(s.complete.Of(st.complete()), st.ids()...)
	}
	if ready && !st.StartFailed {
		s.enterSoon(tx, st.LeaderID)
	}
}

// scatter notes that there is no party any more.
func (st *set) scatter(now time.Time) {
	st.PartyID, st.LeaderID = pragma.PartyID{}, pragma.PlayerID{}
	if !st.State.open() {
		return
	}
	for i := range st.Players {
		st.Players[i].State, st.Players[i].QueuedAt = PlayerExpected, time.Time{}
	}
	st.StartFailed = false
	st.move(Queueing, now)
}

func (st *set) ids() []pragma.PlayerID {
	ids := make([]pragma.PlayerID, len(st.Players))
	for i := range st.Players {
		ids[i] = st.Players[i].PlayerID
	}
	return ids
}

func (st *set) setPlayers(to PlayerState) {
	for i := range st.Players {
		st.Players[i].State = to
	}
}

// games follows the games that are made of parties of sets.
type gameWatcher struct{ *Service }

var _ gameinstance.Watcher = gameWatcher{}

// GameCreated links a game to its set.
func (s gameWatcher) GameCreated(tx *entity.Tx, id pragma.GameInstanceID, parties []gameinstance.MatchedParty) error {
	for _, p := range parties {
		info, err := SetInfo(p.Ext)
		if err != nil || info == nil {
			continue // an ext of the studio may be anything
		}
		st, err := s.sets.In(tx, info.SetID)
		if errors.Is(err, entity.ErrNotFound) {
			return notFound(NoSet)
		}
		if err != nil {
			return fmt.Errorf("read set %s: %w", info.SetID, err)
		}
		switch {
		case st.PartyID != p.PartyID:
			return notFound(PartyGone)
		case st.State.played():
			return cannotJoin(SetFinished)
		}
		game, err := s.games.New(tx, id.String())
		if err != nil {
			return fmt.Errorf("link game %s to set %s: %w", id, st.ID, err)
		}
		game.SetID = st.ID
		st.GameInstanceID, st.StartFailed = id, false
		st.setPlayers(PlayerInMatch)
		st.move(InMatch, tx.Now())
	}
	return nil
}

// GameOver notes the end of a game with its set. A game that never began gives the
// set back to its party (escs F18).
func (s gameWatcher) GameOver(tx *entity.Tx, e *gameinstance.GameOver) error {
	if SetOfGame(e.Parties) == nil {
		return nil
	}
	game, err := s.games.In(tx, e.GameInstanceID.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the set of game %s: %w", e.GameInstanceID, err)
	}
	st, err := s.sets.In(tx, game.SetID)
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read set %s: %w", game.SetID, err)
	}
	if st.GameInstanceID != e.GameInstanceID || st.State != InMatch {
		return nil
	}
	if e.NeverBegan {
		st.GameInstanceID, st.StartFailed = pragma.GameInstanceID{}, true
		st.setPlayers(PlayerQueued)
		st.move(Complete, tx.Now()) // who has left meanwhile, the party says when it is back
		if st.PartyID.IsZero() {
			st.scatter(tx.Now())
		}
		return nil
	}
	st.setPlayers(PlayerDone)
	st.move(Ended, tx.Now())
	return nil
}

// startMember is the member under which a game server is told its set.
const startMember = "escsMatchmakingInfo"

// BuildGameStart tells the game server of a set what it is, above all when it ends,
// so that it can be done in time (escs §11). It learns no names.
func (gameWatcher) BuildGameStart(_ context.Context, parties []gameinstance.MatchedParty, built ext.Value) (ext.Value, error) {
	info := SetOfGame(parties)
	if info == nil {
		return built, nil
	}
	return withMember(built, startMember, info.withoutNames())
}
