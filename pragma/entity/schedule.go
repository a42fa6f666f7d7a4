package entity

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

const (
	// pollInterval is how often the store is asked for timers that other nodes set.
	pollInterval = time.Second
	// timerSlots is how many OnDue of one kind run at a time.
	timerSlots = 16
	// dueBatch is how many due records are read at a time.
	dueBatch = 64

	minFireBackoff = time.Second
	maxFireBackoff = 5 * time.Minute
)

// schedule calls fire for the records of one kind when they are due. It keeps
// nothing that matters: what is due, the store knows.
type schedule struct {
	host  host
	kind  string
	slots chan struct{}
	fire  func(ctx context.Context, id string) error

	signal chan struct{} // tells the loop to look again
	fired  sync.WaitGroup

	mu      sync.Mutex
	planned time.Time // store time of the next look; zero while the loop looks
	busy    map[string]*bool
	failed  map[string]failure
}

// failure makes a record wait although it is due.
type failure struct {
	due   time.Time // of the record; another one is another timer
	count int
	retry time.Time // local time
}

func newSchedule(h host, kind string, slots int, fire func(ctx context.Context, id string) error) *schedule {
	return &schedule{
		host:   h,
		kind:   kind,
		slots:  make(chan struct{}, slots),
		fire:   fire,
		signal: make(chan struct{}, 1),
		busy:   make(map[string]*bool),
		failed: make(map[string]failure),
	}
}

// run looks for due records until ctx ends, and then waits for those it fired.
func (s *schedule) run(ctx context.Context) {
	defer s.fired.Wait()
	for ctx.Err() == nil {
		t := time.NewTimer(s.pass(ctx))
		select {
		case <-t.C:
		case <-s.signal:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// wake tells the loop of a timer that this process has set.
func (s *schedule) wake(due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.planned.IsZero() || due.Before(s.planned) {
		s.nudge()
	}
}

func (s *schedule) nudge() {
	select {
	case s.signal <- struct{}{}:
	default: // it will look anyway
	}
}

// pass fires what is due and returns how long to wait before the next look.
func (s *schedule) pass(ctx context.Context) time.Duration {
	limit := s.begin()
	now, err := s.host.Store().Now(ctx)
	start := time.Now()
	var recs []store.Record
	if err == nil {
		recs, err = s.host.Store().Due(ctx, s.kind, now.Add(pollInterval), limit)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.host.Log().WarnContext(ctx, "cannot look for timers", "kind", s.kind, "err", err)
		}
		return pollInterval
	}
	wait := pollInterval
	seen := make(map[string]bool, len(recs))
	for _, r := range recs {
		if r.Due.After(now) {
			wait = r.Due.Sub(now)
			break
		}
		seen[r.ID] = true
		if s.ready(r) && !s.start(ctx, r) {
			return 0
		}
	}
	if len(seen) == limit { // there may be more
		return 0
	}
	return s.plan(now, start, wait, seen)
}

// begin returns how many records to ask for: the ones that must wait could
// otherwise hide all others.
func (s *schedule) begin() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = time.Time{}
	return dueBatch + len(s.busy) + len(s.failed)
}

// plan forgets failures of records that are no longer due and returns how long
// to sleep.
func (s *schedule) plan(now, start time.Time, wait time.Duration, seen map[string]bool) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	elapsed := time.Since(start)
	wait -= elapsed
	for id, f := range s.failed {
		if !seen[id] && s.busy[id] == nil {
			delete(s.failed, id)
			continue
		}
		if s.busy[id] == nil {
			wait = min(wait, time.Until(f.retry))
		}
	}
	s.planned = now.Add(elapsed + wait)
	return wait
}

// ready reports whether a due record may be fired now.
func (s *schedule) ready(r store.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if again := s.busy[r.ID]; again != nil {
		*again = true
		return false
	}
	f, ok := s.failed[r.ID]
	if ok && !f.due.Equal(r.Due) {
		delete(s.failed, r.ID)
		return true
	}
	return !ok || !time.Now().Before(f.retry)
}

// start fires a record as soon as there is a free slot. It reports false if ctx
// ended first.
func (s *schedule) start(ctx context.Context, r store.Record) bool {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	s.mu.Lock()
	s.busy[r.ID] = new(bool)
	s.mu.Unlock()
	s.fired.Go(func() {
		defer func() { <-s.slots }()
		s.finish(ctx, r, s.fire(ctx, r.ID))
	})
	return true
}

// finish notes the result of one fire.
func (s *schedule) finish(ctx context.Context, r store.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := *s.busy[r.ID]
	delete(s.busy, r.ID)
	if err == nil {
		delete(s.failed, r.ID)
		if again {
			s.nudge()
		}
		return
	}
	if ctx.Err() != nil {
		return // the server stops; the record stays due
	}
	f := s.failed[r.ID]
	f.due = r.Due
	f.count++
	wait := backoff(f.count, minFireBackoff, maxFireBackoff)
	f.retry = time.Now().Add(wait)
	s.failed[r.ID] = f
	s.host.Log().WarnContext(ctx, "timer failed", "kind", s.kind, "id", r.ID, "count", f.count, "retryIn", wait, "err", err)
	s.nudge()
}

// backoff returns how long to wait after the n-th failure: it doubles from one
// failure to the next, and half of it is random. Whole milliseconds keep the
// clock of a synctest bubble on times that the store can tell apart.
func backoff(n int, least, most time.Duration) time.Duration {
	d := least
	for ; n > 1 && d < most; n-- {
		d *= 2
	}
	d = min(d, most)
	return (d/2 + rand.N(d/2+1)).Truncate(time.Millisecond)
}
