package party

import (
	"context"
	"reflect"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// settleTime is after how long all parties are looked at once more: calls that
// began under the old configuration have ended by then.
const settleTime = 10 * time.Second

// maxRecheckDelay bounds the wait when parties cannot be changed.
const maxRecheckDelay = 5 * time.Minute

// watchRules has a change of the versions and of the expiration reach parties
// that nobody touches (engine §3.3). It needs no memory: all parties are looked at
// when the server starts and after each change, so a pass that is cut short is
// made up for, and it does no harm if several nodes make theirs at once.
func (s *Service) watchRules(m *pragma.Mount) {
	s.recheck = make(chan struct{}, 1)
	if s.cfg == nil {
		return // the start fails
	}
	s.cfg.OnChange(func(before, after Config) {
		if before.staleAfter() != after.staleAfter() ||
			!reflect.DeepEqual(before.GameServerVersionCompatibility, after.GameServerVersionCompatibility) {
			s.rulesChanged()
		}
	})
	if s.Compatibility != nil {
		s.Compatibility.WatchGameServerVersions(s.rulesChanged)
	}
	m.Go("recheck", s.recheckLoop)
}

func (s *Service) rulesChanged() {
	select {
	case s.recheck <- struct{}{}:
	default: // it is waited for already
	}
}

// recheckLoop looks at all parties at the start, as the configuration may have
// changed while nothing ran, and twice after each change.
func (s *Service) recheckLoop(ctx context.Context) {
	passes, delay := 1, settleTime
	for {
		if passes > 0 && s.recheckAll(ctx) {
			passes, delay = passes-1, settleTime
		} else if passes > 0 {
			delay = min(2*delay, maxRecheckDelay)
		}
		var again <-chan time.Time
		if passes > 0 {
			again = time.After(delay)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.recheck:
			passes, delay = 2, settleTime
		case <-again:
		}
	}
}

// recheckAll applies the present configuration to all parties. It reports false
// if it has to be done again because the store failed.
func (s *Service) recheckAll(ctx context.Context) (done bool) {
	done = true
	for item, err := range s.parties.List(ctx, "", "") {
		if err == nil {
			err = s.recheckParty(ctx, item)
			done = done && err == nil
		} else if item.ID == "" {
			done = false
		}
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			s.m.Log().WarnContext(ctx, "cannot apply the configuration to a party", "party", item.ID, "err", err)
		}
	}
	return done
}

// recheckParty changes a party only if its timer or its version is not what the
// configuration wants.
func (s *Service) recheckParty(ctx context.Context, item entity.Item[state]) error {
	cfg := s.cfg.Load()
	timer := store.TruncateDue(s.due(item.State))
	if timer.Equal(item.Due) && !s.outdated(ctx, item.State, &cfg) {
		return nil
	}
	return s.update(ctx, item.State.ID, nil, func(c *change) error {
		if !c.outdated(c.tx.Context(), c.st, &c.cfg) {
			return nil // the commit sets the timer
		}
		before := c.st.LastAccess
		_, err := c.finish()
		c.st.LastAccess = before // nobody touched the party
		return err
	})
}

// outdated reports whether a party has a version that is gone.
func (s *Service) outdated(ctx context.Context, st *state, cfg *Config) bool {
	return !st.NoCommonVersion && !s.allows(ctx, st, cfg)
}
