package escs

import (
	"context"
	"errors"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// A client may have registered the id of an account that has never been on this
// game shard (escs Q14). The set is then Unplayable, as F8 wants it, until its
// players are here: whoever queues has those looked up who were unknown.

// listedAs is the id under which a player is found when he queues: his own or,
// while nobody knows whose it is, the one that the start has. Empty: none.
func (p *setPlayer) listedAs() string {
	if !p.PlayerID.IsZero() {
		return p.PlayerID.String()
	}
	if id, err := pragma.ParseID[pragma.PlayerID](p.IngamePlayerID); err == nil && !id.IsZero() {
		return id.String()
	}
	return ""
}

// awaits reports whether a player is one of those who were unknown when the set
// started.
func (st *set) awaits(who *pragma.PlayerSession) bool {
	return slices.ContainsFunc(st.Players, func(p setPlayer) bool {
		id := p.listedAs()
		return p.PlayerID.IsZero() && (id == who.PlayerID.String() || id == who.SocialID.String())
	})
}

// meet looks up who was unknown when the set started. It reports whether the set
// can be played now.
func (s *Service) meet(ctx context.Context, setID string) (bool, error) {
	st, err := s.readSet(ctx, setID)
	if errors.Is(err, entity.ErrNotFound) {
		return false, nil
	}
	if err != nil || st.State != Unplayable {
		return err == nil, err
	}
	players, err := s.playersOf(ctx, &st.Start)
	if errors.Is(err, pragma.ErrMalformed) { // one player under two ids
		return false, nil
	}
	if err != nil || slices.ContainsFunc(players, func(p setPlayer) bool { return p.PlayerID.IsZero() }) {
		return false, err
	}
	err = again(ctx, func() error {
		return s.sets.Update(ctx, setID, func(tx *entity.Tx, now *set) error {
			if now.State != Unplayable || !now.Start.equal(&st.Start) || !tx.Now().Before(now.EndTime) {
				return nil
			}
			count, start := now.StartCount, now.Start
			_, err := s.replace(tx, now, s.cfg.Load(), &start, now.Raw, players, startReplaced)
			now.StartCount = count
			return err
		})
	})
	if errors.Is(err, entity.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// isSetID reports whether a set can have this id.
func isSetID(id string) bool {
	return len(id) <= maxID && (store.Key{Kind: setKind, ID: id}).Validate() == nil
}
