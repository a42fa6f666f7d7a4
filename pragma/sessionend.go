package pragma

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// This file is the other half of sessions: what happens by itself.

const (
	// expireInterval is how often detached sessions are looked at when nothing
	// happens: a grace time ends at most this much late.
	expireInterval = time.Second
	// tellAgain is when services are told of an end again, after a failure or the
	// death of the process that was telling them.
	tellAgain = 5 * time.Second

	sweepBatch   = 256 // sessions read at once
	sweepWorkers = 16  // sessions worked on at once
)

// recover gives the sessions of this node the grace time to come back, whatever
// they were when it stopped: connected in a crash, detached in a drain. It works
// on some at a time, because the store commits them together.
func (s *sessions) recover(ctx context.Context) error {
	now, err := s.side.store.Now(ctx)
	if err != nil {
		return err
	}
	live, err := s.side.store.Due(ctx, s.kind(), now.Add(2*liveDue), 1<<30)
	if err != nil {
		return fmt.Errorf("list live sessions: %w", err)
	}
	slots := make(chan struct{}, sweepWorkers)
	var wg sync.WaitGroup
	for _, rec := range live {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := s.update(ctx, rec.Key, s.restored); err != nil { // one broken record is no reason not to start
				s.side.core.log.ErrorContext(ctx, "cannot restore a session", "record", rec.Key.String(), "err", err)
			}
		})
	}
	wg.Wait()
	if s.side.backend == Game {
		return s.recount(ctx)
	}
	return store.ContextError(ctx)
}

func (s *sessions) restored(r *sessionRecord, now time.Time) error {
	back := now.Add(s.grace())
	if r.Node != s.side.core.node || !r.live() || r.State == sessionDetached && !r.due.Before(back) {
		return errUnchanged
	}
	if r.State == sessionConnected {
		r.State, r.Since = sessionDetached, now
	}
	r.due = back
	return nil
}

// run ends detached sessions when their grace time is over and finishes ended
// ones, until ctx ends.
func (s *sessions) run(ctx context.Context) {
	tick := time.NewTicker(expireInterval)
	defer tick.Stop()
	w := &finishers{slots: make(chan struct{}, sweepWorkers), busy: make(map[string]bool)}
	defer w.wait.Wait()
	for {
		s.retryDepartures(ctx)
		s.side.sockets.expire()
		if err := s.sweep(ctx, w); err != nil && ctx.Err() == nil {
			s.side.core.log.WarnContext(ctx, "cannot look for sessions to end", "backend", s.side.backend, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// retryDepartures stores the ends of connections that the store did not take.
func (s *sessions) retryDepartures(ctx context.Context) {
	s.mu.Lock()
	lost := maps.Clone(s.lost)
	s.mu.Unlock()
	for _, gone := range lost {
		key := s.keyOf(gone.session)
		unlock, err := s.lock(ctx, key)
		if err != nil {
			return
		}
		if s.side.sockets.player(s.subject(gone.session)) == nil {
			err = s.depart(ctx, gone)
		}
		if err == nil {
			s.forget(key)
		}
		unlock()
	}
}

// sweep starts to finish every session that is due. It does not wait for the
// services, so that a slow one does not hold up the players of the others.
func (s *sessions) sweep(ctx context.Context, w *finishers) error {
	for {
		now, err := s.side.store.Now(ctx)
		if err != nil {
			return err
		}
		due, err := s.side.store.Due(ctx, s.kind(), now, sweepBatch)
		if err != nil {
			return err
		}
		begun := 0
		for _, rec := range due {
			if w.begin(rec.ID) {
				begun++
				w.wait.Go(func() {
					defer w.end(rec.ID)
					if err := s.finish(ctx, rec.Key); err != nil && ctx.Err() == nil {
						s.side.core.log.WarnContext(ctx, "cannot end a session; it is tried again", "record", rec.Key.String(), "err", err)
					}
				})
			}
		}
		if len(due) < sweepBatch || begun == 0 {
			return nil
		}
	}
}

// finishers are the goroutines that finish sessions, one for each.
type finishers struct {
	wait  sync.WaitGroup
	slots chan struct{}

	mu   sync.Mutex
	busy map[string]bool // by record id
}

// begin reports whether nobody finishes the session yet. It waits for a free slot.
func (w *finishers) begin(id string) bool {
	w.mu.Lock()
	free := !w.busy[id]
	w.busy[id] = true
	w.mu.Unlock()
	if free {
		w.slots <- struct{}{}
	}
	return free
}

func (w *finishers) end(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, id)
	<-w.slots
}

// finish moves one due session on: detached to ending, ending to ended.
func (s *sessions) finish(ctx context.Context, key store.Key) error {
	unlock, err := s.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	// A server that stops waits for what has begun: services' functions would go
	// on behind it otherwise. Each has its own limit.
	ctx = context.WithoutCancel(ctx)
	ending := false
	err = s.update(ctx, key, func(r *sessionRecord, now time.Time) error {
		ending = false
		if r.due.IsZero() || r.due.After(now) {
			return errUnchanged // it came back since it was listed
		}
		switch r.State {
		case sessionDetached:
			r.State, r.Reason, r.Since = sessionEnding, EndExpired, now
		case sessionEnding:
		case sessionConnected: // liveDue has passed
			r.due = now.Add(liveDue)
			return nil
		default:
			r.due = time.Time{}
			return nil
		}
		ending = true
		r.due = now.Add(tellAgain)
		return nil
	})
	if err != nil || !ending {
		return err
	}
	ended, _, err := s.load(ctx, key)
	if err != nil || ended.State != sessionEnding {
		return err
	}
	if err := s.tell(ctx, &ended); err != nil {
		s.side.core.log.ErrorContext(ctx, "cannot finish an ended session; it is tried again",
			"session", ended.Session.SessionID, "err", err)
		return nil
	}
	return s.markEnded(ctx, key, ended.Session.SessionID)
}

// tell tells the services that a session has ended. The caller holds its lock.
func (s *sessions) tell(ctx context.Context, ended *sessionRecord) error {
	core := s.side.core
	if ended.Reason == EndExpired { // there is no socket, unless its end was not stored
		s.close(ctx, &ended.Session, EndExpired)
	}
	for _, fn := range s.side.onSessionEnd {
		err := guard(ctx, core.log, "OnSessionEnd", core.requestTimeout(), errLate, func(ctx context.Context) error {
			return fn(ctx, &ended.Session, ended.Reason)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// errLate ends what services do when a session begins or ends.
var errLate = ErrUnavailable.Wrap(errors.New("it took longer than a call may (requestTimeoutMillis)"))

// settle tells the services of an end now, because the player's next session is
// about to begin. A service that fails does not lock the player out: for it, the
// new session has taken over the old one. The caller holds the lock, and ctx has
// requestTimeout; half of it is for the services.
func (s *sessions) settle(ctx context.Context, key store.Key) error {
	ended, _, err := s.load(ctx, key)
	if err != nil || ended.State != sessionEnding {
		return err
	}
	half, cancel := context.WithTimeoutCause(ctx, s.side.core.requestTimeout()/2, errLate)
	defer cancel()
	err = s.tell(half, &ended)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		s.side.core.log.ErrorContext(ctx, "cannot finish an ended session; the player's next one goes on",
			"session", ended.Session.SessionID, "err", err)
	}
	return s.markEnded(ctx, key, ended.Session.SessionID)
}

func (s *sessions) markEnded(ctx context.Context, key store.Key, id SessionID) error {
	return s.update(ctx, key, func(r *sessionRecord, _ time.Time) error {
		if r.State != sessionEnding || r.Session.SessionID != id {
			return errUnchanged
		}
		r.State, r.due = sessionEnded, time.Time{}
		return nil
	})
}
