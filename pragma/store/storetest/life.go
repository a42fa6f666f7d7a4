package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

func lifeCases() []testCase {
	return []testCase{
		{"records survive close and open", testReopen},
		{"after close everything is unavailable", testClosed},
		{"close during commits leaves every answer true", testCloseDuringCommits},
		{"an ended context begins nothing", testEndedContext},
		{"a commit cut short was certainly not applied", testCancelledCommits},
		{"the context's cause can be recognised", func(t *testing.T, f *fixture) {
			cause := errors.New("too slow")
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(cause)
			_, err := f.Get(ctx, key("a"))
			if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
				t.Errorf("Get() = %v, want %v and %v", err, context.Canceled, cause)
			}
		}},
		{"now is a sensible time in UTC", func(t *testing.T, f *fixture) {
			one, err := f.Now(t.Context())
			if err != nil || one.Location() != time.UTC || one.Year() < 2000 {
				t.Fatalf("Now() = %v, %v, want a time in UTC", one, err)
			}
			if two, err := f.Now(t.Context()); err != nil || two.Before(one) {
				t.Errorf("Now() = %v, %v after %v", two, err, one)
			}
		}},
	}
}

func testReopen(t *testing.T, f *fixture) {
	f.must(store.Batch{Puts: []store.Put{
		put("a", 0, "one"),
		{Key: key("b"), Due: testTime(), Body: []byte("two")},
		put("gone", 0, ""),
	}})
	f.put(key("a"), 1, "changed")
	f.must(store.Batch{Deletes: []store.Check{{Key: key("gone"), Expect: 1}}})
	a, b := f.get(key("a")), f.get(key("b"))
	for range 3 {
		f.reopen()
		same(t, "a", f.get(key("a")), a)
		same(t, "b", f.get(key("b")), b)
		same(t, "ids", f.list(store.Query{Kind: "thing"}), []string{"a", "b"})
		same(t, "due", f.due("thing", testTime(), 9), []string{"b"})
	}
	f.put(key("a"), 2, "again")
	f.holds(key("a"), 3, "again")
}

func testClosed(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "one")
	if err := f.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	calls := map[string]func(context.Context) error{
		"Get": func(ctx context.Context) error { _, err := f.Get(ctx, key("a")); return err },
		"Due": func(ctx context.Context) error { _, err := f.Due(ctx, "thing", testTime(), 1); return err },
		"Now": func(ctx context.Context) error { _, err := f.Now(ctx); return err },
		"Commit": func(ctx context.Context) error {
			return f.Commit(ctx, &store.Batch{Puts: []store.Put{put("b", 0, "")}})
		},
		"List": func(ctx context.Context) error {
			for _, err := range f.List(ctx, store.Query{Kind: "thing"}) {
				return err
			}
			return nil
		},
	}
	for name, call := range calls {
		if err := call(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s() after Close = %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close() = %v", err)
	}
	f.reopen()
	f.holds(key("b"), 0, "")
}

func testEndedContext(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // a driver that chooses at random would betray itself
		if err := store.Commit(ctx, f.Driver, &store.Batch{Puts: []store.Put{put("a", 0, "")}}); !errors.Is(err, context.Canceled) {
			t.Fatalf("Commit() = %v, want %v", err, context.Canceled)
		}
	}
	f.holds(key("a"), 0, "")
	f.put(key("b"), 0, "")
	if _, err := f.Get(ctx, key("b")); !errors.Is(err, context.Canceled) {
		t.Errorf("Get() = %v, want %v", err, context.Canceled)
	}
	if _, err := f.Due(ctx, "thing", testTime(), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Due() = %v, want %v", err, context.Canceled)
	}
	for r, err := range f.List(ctx, store.Query{Kind: "thing"}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("List() yields %s, %v, want %v", r.Key, err, context.Canceled)
		}
	}
}

// answers commits creations from many goroutines until stop returns true, and
// notes what each was told.
func (f *fixture) answers(ctx func() context.Context, stop func() bool) map[store.Key]error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var next atomic.Int64
	told := make(map[store.Key]error)
	d := f.Driver
	for range 32 {
		wg.Go(func() {
			for !stop() {
				k := numbered("thing", int(next.Add(1)))
				err := d.Commit(ctx(), &store.Batch{Token: store.NewToken(), Puts: []store.Put{{Key: k}}})
				mu.Lock()
				told[k] = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return told
}

// truthful checks that what was acknowledged is there, and nothing else.
func (f *fixture) truthful(told map[store.Key]error, allowed error) (applied int) {
	f.t.Helper()
	for k, err := range told {
		rev := f.get(k).Rev
		switch {
		case err == nil && rev == 1:
			applied++
		case err != nil && errors.Is(err, allowed) && rev == 0:
		default:
			f.t.Errorf("%s has revision %d after its commit returned %v", k, rev, err)
		}
	}
	return applied
}

func testCloseDuringCommits(t *testing.T, f *fixture) {
	var closed atomic.Bool
	var closing sync.Once
	count := atomic.Int64{}
	told := f.answers(t.Context, func() bool {
		if count.Add(1) > 300 {
			closing.Do(func() {
				if err := f.Close(); err != nil {
					t.Errorf("Close() = %v", err)
				}
				closed.Store(true)
			})
		}
		return closed.Load()
	})
	f.reopen()
	if f.truthful(told, store.ErrUnavailable) == 0 {
		t.Error("no commit was applied before Close")
	}
}

func testCancelledCommits(t *testing.T, f *fixture) {
	var n atomic.Int64
	var mu sync.Mutex
	var cancels []context.CancelFunc
	told := f.answers(func() context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		mu.Lock()
		defer mu.Unlock()
		cancels = append(cancels, cancel)
		if len(cancels) > 16 { // the oldest may be done, waiting or running
			cancels[0]()
			cancels = cancels[1:]
		}
		return ctx
	}, func() bool { return n.Add(1) > 4000 })
	for _, cancel := range cancels {
		cancel()
	}
	if f.truthful(told, context.Canceled) == 0 {
		t.Error("no commit was applied")
	}
}
