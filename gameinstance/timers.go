package gameinstance

import (
	"context"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// maxTimeOuts is how many times of an instance can be over in one commit: each of
// its timers, and again for a server that a hook has asked for.
const maxTimeOuts = 16

// onDue does what is due of an instance, one thing after the other. What does not
// go away by being done is said and tried again later, so that one record that
// nobody understands keeps no node busy.
func (s *Service) onDue(tx *entity.Tx, _ string, h *head) error {
	for n := 0; ; n++ {
		due := h.due()
		if due.IsZero() || due.After(tx.Now()) {
			return nil
		}
		if h.isOver() {
			h.stopTimers()
			h.StaleBy = time.Time{}
			return s.purge(tx, h)
		}
		t := s.begin(tx, h)
		t.chained, t.timer = n > 0, true
		before := h.timers()
		if err := t.timeOut(); err != nil {
			return err
		}
		if h.timers() == before && !h.isOver() || n == maxTimeOuts {
			s.postpone(tx, h)
			return nil
		}
	}
}

// postponeBy is when a timer is looked at again that nothing was done about.
const postponeBy = time.Minute

// postpone moves every timer that is due.
func (s *Service) postpone(tx *entity.Tx, h *head) {
	state, timers := h.State, h.timers()
	for _, at := range h.each() {
		if !at.IsZero() && !at.After(tx.Now()) {
			*at = tx.Now().Add(postponeBy)
		}
	}
	tx.After(func(ctx context.Context) {
		s.m.Log().ErrorContext(ctx, "a timer of a game instance is due and nothing is to be done; it is looked at again later",
			"gameInstanceId", h.ID, "state", state, "timers", timers)
	})
}

// timeOut does what is due.
func (t *turn) timeOut() error {
	h := t.h
	past := func(due time.Time) bool { return !due.IsZero() && !due.After(t.now) }
	switch {
	case past(h.AllocateBy) && h.Allocation != nil && h.Allocation.Failed:
		return t.allocationFailed(CauseProviderError)
	case t.late(&h.AllocateBy):
		return t.allocationFailed(CauseTimeout)
	case t.late(&h.ConnectBy):
		return t.initialPlayersFailed()
	case past(h.AliveBy) && !h.CallsAlive && t.s.m.PartnerConnected(h.Server):
		t.alive()
	case t.late(&h.AliveBy):
		return t.serverDisconnected()
	case t.late(&h.MoreBy):
		return t.morePlayersFailed()
	case past(h.AbsoluteBy):
		t.reason = wire.GameInstanceTerminationAbsoluteTimeoutElapsed
		t.inst.Terminate()
		return t.finish()
	case past(h.StaleBy):
		return t.expired()
	}
	return nil // what was due has been moved
}

// late reports whether a server's time is over. A server that could not reach
// this backend, because it did not run, gets some more.
func (t *turn) late(due *time.Time) bool {
	if due.IsZero() || due.After(t.now) {
		return false
	}
	if grace := t.s.started.Add(t.cfg.silence()); grace.After(t.now) {
		*due = grace
		return false
	}
	return true
}

// fallBack runs a hook that owns what happens after a failure. If it fails, its
// default is done instead.
func (t *turn) fallBack(name string, hook func(ctx context.Context, p Plugin, inst *Instance) error) error {
	own := t.inst // a hook that overruns keeps it
	err := t.hook(name, func(ctx context.Context) error { return hook(ctx, t.s.Plugin, own) })
	if err == nil {
		return nil
	}
	t.s.m.Log().ErrorContext(t.tx.Context(), "hook failed; its default is done instead", "hook", name, "gameInstanceId", t.h.ID, "err", err)
	t.renew()
	fresh := t.inst
	return t.hook(name, func(ctx context.Context) error { return hook(ctx, Defaults{}, fresh) })
}

// dropServer takes the server away, and tells it, before a hook decides what
// becomes of the instance.
func (t *turn) dropServer(end EndReason, reason wire.GameInstanceTerminationReason) error {
	t.reason = reason
	t.tellServers(reason)
	return t.unlink(parting{end: end, over: reason})
}

// unlink takes the server away from the instance and its players.
func (t *turn) unlink(p parting) error {
	r, err := t.roster()
	if err != nil {
		return err
	}
	if err := t.partServer(p); err != nil {
		return err
	}
	t.unlinked = t.h.Host != nil
	t.dirty, t.rosterDirty = true, true
	t.h.unlink()
	r.unlink()
	t.renew()
	return nil
}

// partServer is part for the server that goes, or that does not come. One that
// created the instance and does not run it stays wanted.
func (t *turn) partServer(p parting) error {
	if t.h.Server == t.h.CreatedBy {
		return t.partAll(p)
	}
	if t.h.Allocation == nil {
		return nil
	}
	return t.part(t.h.Allocation.ID, p)
}

func (t *turn) allocationFailed(cause string) error {
	end := EndTimedOut
	if cause == CauseProviderError {
		end = EndRefused
	}
	if err := t.dropServer(end, wire.GameInstanceTerminationAllocationFailed); err != nil {
		return err
	}
	t.neverBegan = true
	err := t.fallBack("OnGameServerAllocationFailed", func(ctx context.Context, p Plugin, inst *Instance) error {
		return p.OnGameServerAllocationFailed(ctx, &GameServerAllocationFailedRequest{GameInstance: inst, Cause: cause})
	})
	if err != nil {
		return err
	}
	return t.finish()
}

func (t *turn) initialPlayersFailed() error {
	r, err := t.roster()
	if err != nil {
		return err
	}
	initial := make(map[pragma.PlayerID]bool)
	for i := range r.Players {
		initial[r.Players[i].PlayerID] = r.Players[i].Told && r.Players[i].ConnectBy.IsZero()
	}
	if err := t.dropServer(EndNotConnected, wire.GameInstanceTerminationConnectPlayersTimeout); err != nil {
		return err
	}
	t.neverBegan = true
	err = t.fallBack("OnGameServerFailedToConnectInitialPlayers", func(ctx context.Context, p Plugin, inst *Instance) error {
		return p.OnGameServerFailedToConnectInitialPlayers(ctx, &GameServerFailedToConnectInitialPlayersRequest{
			GameInstance: inst, InitialPlayers: inst.pick(initial),
		})
	})
	if err != nil {
		return err
	}
	return t.finish()
}

func (t *turn) morePlayersFailed() error {
	t.reason = wire.GameInstanceTerminationConnectPlayersTimeout
	r, err := t.roster()
	if err != nil {
		return err
	}
	late := make(map[pragma.PlayerID]bool)
	for i := range r.Players {
		m := &r.Players[i]
		if !m.ConnectBy.IsZero() && !m.ConnectBy.After(t.now) {
			late[m.PlayerID] = true
			m.ConnectBy = time.Time{} // from here on it is the plugin's affair
		}
	}
	t.rosterDirty = true
	t.renew()
	err = t.fallBack("OnGameServerFailedToConnectMorePlayers", func(ctx context.Context, p Plugin, inst *Instance) error {
		return p.OnGameServerFailedToConnectMorePlayers(ctx, &GameServerFailedToConnectMorePlayersRequest{
			GameInstance: inst, MorePlayers: inst.pick(late),
		})
	})
	if err != nil {
		return err
	}
	return t.finish()
}

// pick returns the players of the working copy who are marked.
func (i *Instance) pick(marked map[pragma.PlayerID]bool) []*GamePlayer {
	var list []*GamePlayer
	for _, p := range i.present() {
		if marked[p.m.PlayerID] {
			list = append(list, p)
		}
	}
	return list
}

func (t *turn) serverDisconnected() error {
	if err := t.dropServer(EndDisconnected, wire.GameInstanceTerminationKeepAliveFailed); err != nil {
		return err
	}
	err := t.fallBack("OnGameServerDisconnected", func(ctx context.Context, p Plugin, inst *Instance) error {
		return p.OnGameServerDisconnected(ctx, &GameServerDisconnectedRequest{GameInstance: inst})
	})
	if err != nil {
		return err
	}
	return t.finish()
}

func (t *turn) expired() error {
	t.h.StaleBy = t.cfg.staleAt(t.h.LastAccess)
	if t.h.StaleBy.After(t.now) || t.h.StaleBy.IsZero() {
		return nil // the configuration has changed
	}
	t.reason, t.final = wire.GameInstanceTerminationExpired, StateExpired
	err := t.fallBack("OnGameInstanceExpired", func(ctx context.Context, p Plugin, inst *Instance) error {
		return p.OnGameInstanceExpired(ctx, &GameInstanceExpiredRequest{GameInstance: inst})
	})
	if err != nil {
		return err
	}
	t.h.LastAccess = t.now // an instance that the hook keeps has its time once more
	return t.finish()
}

// alive notes a sign of life of the server, not more often than once a second or,
// where servers must not be silent for long, a quarter of that time.
func (t *turn) alive() {
	h := t.h
	if h.State != StateRunning || h.Server.IsZero() {
		return
	}
	if !t.cfg.EnableKeepAlive {
		h.AliveBy = time.Time{}
		return
	}
	silence := t.cfg.silence()
	if by := t.now.Add(silence); by.Sub(h.AliveBy) >= min(time.Second, silence/4) || by.Before(h.AliveBy) {
		h.AliveBy = by
	}
}

// watchExpiration has a change of the expiration reach instances that nobody
// touches.
func (s *Service) watchExpiration(m *pragma.Mount) {
	s.recheck = make(chan struct{}, 1)
	s.config.OnChange(func(before, after Config) {
		if before.staleAt(time.Time{}) != after.staleAt(time.Time{}) {
			select {
			case s.recheck <- struct{}{}:
			default: // it is waited for already
			}
		}
	})
	m.Go("expiration", func(ctx context.Context) {
		s.restartExpiration(ctx) // the configuration may have changed while nothing ran
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.recheck:
				s.restartExpiration(ctx)
			}
		}
	})
}

func (s *Service) restartExpiration(ctx context.Context) {
	expires := func(h *head) time.Time {
		if h.isOver() {
			return time.Time{}
		}
		cfg := s.config.Load()
		return cfg.staleAt(h.LastAccess)
	}
	for item, err := range s.heads.List(ctx, "", "") {
		if err == nil && !item.State.StaleBy.Equal(expires(item.State)) {
			err = s.heads.Update(ctx, item.ID, func(_ *entity.Tx, h *head) error {
				h.StaleBy = expires(h)
				return nil
			})
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.m.Log().WarnContext(ctx, "cannot apply the new expiration to a game instance", "gameInstanceId", item.ID, "err", err)
		}
	}
}
