package dbtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

func thing(id string) store.Key { return store.Key{Kind: "thing", ID: id} }

func revision(t testing.TB, d store.Driver, id string) int64 {
	t.Helper()
	recs, err := d.Get(t.Context(), thing(id))
	if err != nil {
		t.Fatal(err)
	}
	return recs[0].Rev
}

// Load keeps counters, one of each of its writers, while a test does harm to the
// server; every second step of one is also a record of its own, made in the same
// commit.
type Load struct {
	d            store.Driver
	stop         atomic.Bool
	wg           sync.WaitGroup
	acknowledged [8]atomic.Int64
	mistakes     chan error
}

// StartLoad begins to count; Finish ends it.
func StartLoad(d store.Driver) *Load {
	l := &Load{d: d, mistakes: make(chan error, 8)}
	for w := range l.acknowledged {
		l.wg.Go(func() {
			if err := l.count(w); err != nil {
				l.mistakes <- err
			}
		})
	}
	return l
}

// count adds one as often as it can. After an outcome that stays unknown it
// looks for itself, which is exact because nobody else writes this counter.
func (l *Load) count(w int) error {
	ctx := context.Background()
	counter := thing(fmt.Sprintf("counter %d", w))
	for n := int64(0); !l.stop.Load(); {
		b := &store.Batch{Puts: []store.Put{{Key: counter, Expect: n}}}
		if n%2 == 0 {
			b.Puts = append(b.Puts, store.Put{Key: thing(fmt.Sprintf("step %d/%06d", w, n))})
		}
		err := store.Commit(ctx, l.d, b)
		for errors.Is(err, store.ErrUnknown) {
			time.Sleep(20 * time.Millisecond)
			if recs, readErr := l.d.Get(ctx, counter); readErr == nil {
				switch recs[0].Token {
				case b.Token:
					err = nil
				default:
					err = store.ErrUnavailable
				}
			}
		}
		switch {
		case err == nil:
			n++
			l.acknowledged[w].Store(n)
		case errors.Is(err, store.ErrUnavailable):
			time.Sleep(5 * time.Millisecond)
		default:
			return fmt.Errorf("writer %d at %d: %w", w, n, err)
		}
	}
	return nil
}

// Progress waits until every writer has come further.
func (l *Load) Progress(t testing.TB) {
	t.Helper()
	for w := range l.acknowledged {
		before := l.acknowledged[w].Load()
		for end := time.Now().Add(60 * time.Second); l.acknowledged[w].Load() < before+3; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("writer %d does not go on", w)
			}
		}
	}
}

// Finish ends the load and compares what was acknowledged with what is stored.
func (l *Load) Finish(t testing.TB, d store.Driver) {
	t.Helper()
	l.stop.Store(true)
	l.wg.Wait()
	close(l.mistakes)
	for err := range l.mistakes {
		t.Error(err)
	}
	var all []int64
	for w := range l.acknowledged {
		n := l.acknowledged[w].Load()
		all = append(all, n)
		if got := revision(t, d, fmt.Sprintf("counter %d", w)); got != n {
			t.Errorf("counter %d = %d, acknowledged were %d", w, got, n)
		}
		steps := int64(0)
		for r, err := range d.List(t.Context(), store.Query{Kind: "thing", Prefix: fmt.Sprintf("step %d/", w)}) {
			if err != nil || r.Rev != 1 || r.ID != fmt.Sprintf("step %d/%06d", w, 2*steps) {
				t.Fatalf("step %d of writer %d is %s at revision %d, %v", steps, w, r.Key, r.Rev, err)
			}
			steps++
		}
		if want := (n + 1) / 2; steps != want {
			t.Errorf("writer %d has %d steps, want %d", w, steps, want)
		}
	}
	t.Logf("commits of each writer: %v", all)
}
