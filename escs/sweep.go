package escs

import (
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/entity"
)

// due is when a set is to be looked at next: a function of its state, so that it
// survives a restart. Sets are looked at together, every cleanInterval.
func (s *Service) due(st *set) time.Time {
	cfg := s.cfg.Load()
	return ceil(st.next(cfg), cfg.CleanInterval)
}

// next is when something is to happen to a set.
func (st *set) next(cfg *Config) time.Time {
	switch {
	case st.State.open():
		return st.EndTime
	case st.State == InMatch, st.State == Ended:
		return latest(st.EndTime.Add(cfg.ResultGraceAfterEnd), st.WaitUntil)
	case !st.PartyID.IsZero():
		return st.EndTime
	}
	return latest(st.EndTime, st.ChangedAt).Add(cfg.RetainAfterEnd)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ceil returns the first multiple of step that is not before t.
func ceil(t time.Time, step time.Duration) time.Time {
	if down := t.Truncate(step); down.Before(t) {
		return down.Add(step)
	}
	return t
}

// sweep does what is due for a set.
func (s *Service) sweep(tx *entity.Tx, _ string, st *set) error {
	cfg := s.cfg.Load()
	st.SweptAt = tx.Now()
	for !tx.Now().Before(st.next(cfg)) {
		switch {
		case st.State.open():
			s.m.Log().InfoContext(tx.Context(), "set expired", "set", st.ID, "queued", st.queued(), "required", len(st.Players))
			if err := s.disband(tx, st); err != nil {
				return err
			}
			st.move(Expired, tx.Now())
		case st.State == InMatch, st.State == Ended:
			if err := s.giveUpResults(tx, st); err != nil {
				return err
			}
		case !st.PartyID.IsZero():
			if err := s.disband(tx, st); err != nil {
				return err
			}
		default:
			return s.remove(tx, st)
		}
	}
	return nil
}

// disband closes the party of a set, so that its members may do what they like.
// Who is in a game keeps his party: then only the set forgets it.
func (s *Service) disband(tx *entity.Tx, st *set) error {
	id := st.PartyID
	if id.IsZero() {
		return nil
	}
	p, err := s.Parties.In(tx, id)
	if err == nil {
		err = s.close(tx, p)
	}
	st.scatter(tx.Now())
	if errors.Is(err, party.ErrPartyNotFound) {
		return nil
	}
	return err
}

func (s *Service) close(tx *entity.Tx, p *party.Party) error {
	for _, m := range p.Players() {
		where, err := s.slots.Edit(tx, m.ID())
		if err != nil {
			return err
		}
		if where.InGame() {
			return nil
		}
	}
	return s.Parties.CloseIn(tx, p.ID())
}

// giveUpResults ends the wait for results of a game, unless some are on their way
// (escs F19).
func (s *Service) giveUpResults(tx *entity.Tx, st *set) error {
	if s.resultInfo != nil {
		r, err := s.resultInfo(tx.Context(), st.ID, st.Start.RoundID)
		if err != nil {
			return fmt.Errorf("look for results of set %s: %w", st.ID, err)
		}
		if r != nil { // whoever delivers them says what became of them
			st.WaitUntil = tx.Now().Add(s.cfg.Load().CleanInterval)
			return nil
		}
	}
	st.move(ResultsFailed, tx.Now())
	st.Reason = reasonNoResult
	s.m.Log().WarnContext(tx.Context(), "no result came for a set", "set", st.ID, "game", st.GameInstanceID)
	return nil
}

// remove deletes a set and what belongs to it.
func (s *Service) remove(tx *entity.Tx, st *set) error {
	if err := s.unlist(tx, st); err != nil {
		return err
	}
	if !st.GameInstanceID.IsZero() {
		if err := s.games.Delete(tx, st.GameInstanceID.String()); err != nil && !errors.Is(err, entity.ErrNotFound) {
			return err
		}
	}
	if s.dropResult != nil {
		if err := s.dropResult(tx, st.ID, st.Start.RoundID); err != nil {
			return fmt.Errorf("drop results of set %s: %w", st.ID, err)
		}
	}
	return s.sets.Delete(tx, st.ID)
}
