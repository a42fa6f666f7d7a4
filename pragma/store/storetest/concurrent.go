package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openpragma/engine/pragma/store"
)

// writers is the number of goroutines that commit at once.
const writers = 32

func concurrentCases() []testCase {
	return []testCase{
		{"counters of 32 writers are exact", testCounters},
		{"a conflict never fails its neighbours", testIndependence},
		{"of many creations one succeeds", testOneWinner},
		{"transfers keep their sum at every moment", testTransfers},
		{"faults change no count", testCountersWithFaults},
		{"a commit is seen by the reads after it", testReadYourWrites},
	}
}

// interposed runs other once, after the first commit that ended unknown.
type interposed struct {
	*FaultyDriver
	once  sync.Once
	other func()
}

// Commit implements store.Driver.
func (i *interposed) Commit(ctx context.Context, b *store.Batch) error {
	err := i.FaultyDriver.Commit(ctx, b)
	if errors.Is(err, store.ErrUnknown) {
		i.once.Do(i.other)
	}
	return err
}

// increment adds one to a counter and tries again after conflicts.
func increment(ctx context.Context, d store.Driver, k store.Key) error {
	for {
		recs, err := d.Get(ctx, k)
		if err != nil {
			return err
		}
		err = store.Commit(ctx, d, &store.Batch{Puts: []store.Put{
			{Key: k, Expect: recs[0].Rev, Body: number(value(recs[0]) + 1)},
		}})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func value(r store.Record) int64 {
	if len(r.Body) < 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(r.Body))
}

// each runs fn in every writer and waits.
func each(fn func(writer int)) {
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func testCounters(t *testing.T, f *fixture) {
	const rounds, counters = 12, 4
	each(func(w int) {
		for i := range rounds {
			if err := increment(t.Context(), f.Driver, numbered("counter", (w+i)%counters)); err != nil {
				t.Errorf("increment: %v", err)
				return
			}
		}
	})
	for i := range counters {
		r := f.get(numbered("counter", i))
		if want := int64(writers * rounds / counters); value(r) != want || r.Rev != want {
			t.Errorf("counter %d = %d at revision %d, want %d", i, value(r), r.Rev, want)
		}
	}
}

// testIndependence mixes batches that must succeed with batches that must not,
// of one and of several records, so that a driver groups them.
func testIndependence(t *testing.T, f *fixture) {
	const rounds = 30
	taken := key("taken")
	f.put(taken, 0, "mine")
	each(func(w int) {
		mine := numbered("own", w)
		twin := numbered("twin", w)
		for i := range rounds {
			var err error
			switch rev := int64(i / 3); i % 3 {
			case 0: // must succeed
				err = store.Commit(t.Context(), f.Driver, &store.Batch{Puts: []store.Put{
					{Key: mine, Expect: rev, Body: number(rev + 1)},
					{Key: twin, Expect: rev, Body: number(rev + 1)},
				}})
			case 1: // must fail late, after its first put
				err = wantConflict(store.Commit(t.Context(), f.Driver, &store.Batch{Puts: []store.Put{
					{Key: mine, Expect: rev + 1, Body: []byte("wrong")},
					{Key: taken, Expect: 0, Body: []byte("wrong")},
				}}))
			case 2: // must fail alone
				err = wantConflict(store.Commit(t.Context(), f.Driver, &store.Batch{Puts: []store.Put{
					{Key: taken, Expect: 9, Body: []byte("wrong")},
				}}))
			}
			if err != nil {
				t.Errorf("writer %d, round %d: %v", w, i, err)
				return
			}
		}
	})
	f.holds(taken, 1, "mine")
	for w := range writers {
		f.holds(numbered("own", w), rounds/3, string(number(rounds/3)))
		f.holds(numbered("twin", w), rounds/3, string(number(rounds/3)))
	}
}

func wantConflict(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return fmt.Errorf("got %w, want %w", err, store.ErrConflict)
}

func testOneWinner(t *testing.T, f *fixture) {
	for round := range 10 {
		var winners atomic.Int64
		each(func(w int) {
			err := store.Commit(t.Context(), f.Driver, &store.Batch{Puts: []store.Put{
				{Key: numbered("code", round), Body: number(int64(w))},
				{Key: numbered(fmt.Sprintf("owner %d", round), w)},
			}})
			switch {
			case err == nil:
				winners.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("Commit() = %v, want %v", err, store.ErrConflict)
			}
		})
		owners := f.list(store.Query{Kind: fmt.Sprintf("owner %d", round)})
		winner := numbered("", int(value(f.get(numbered("code", round))))).ID
		if winners.Load() != 1 || len(owners) != 1 || owners[0] != winner {
			t.Errorf("%d winners, owners %v, want one, %s", winners.Load(), owners, winner)
		}
	}
}

// testTransfers moves amounts between accounts while others read all of them at
// once: a Get is from one moment.
func testTransfers(t *testing.T, f *fixture) {
	const accounts, rounds = 8, 40
	keys := make([]store.Key, accounts)
	for i := range keys {
		keys[i] = numbered("account", i)
		f.must(store.Batch{Puts: []store.Put{{Key: keys[i], Body: number(100)}}})
	}
	each(func(w int) {
		rng := rand.New(rand.NewPCG(uint64(w), 7))
		for range rounds {
			recs, err := f.Get(t.Context(), keys...)
			if err != nil {
				t.Errorf("Get() = %v", err)
				return
			}
			var sum int64
			for _, r := range recs {
				sum += value(r)
			}
			if sum != 100*accounts {
				t.Errorf("sum of accounts = %d, want %d", sum, 100*accounts)
				return
			}
			from, to := rng.IntN(accounts), rng.IntN(accounts-1)
			if to >= from {
				to++
			}
			err = store.Commit(t.Context(), f.Driver, &store.Batch{Puts: []store.Put{
				{Key: keys[from], Expect: recs[from].Rev, Body: number(value(recs[from]) - 1)},
				{Key: keys[to], Expect: recs[to].Rev, Body: number(value(recs[to]) + 1)},
			}})
			if err != nil && !errors.Is(err, store.ErrConflict) {
				t.Errorf("Commit() = %v", err)
				return
			}
		}
	})
}

// testCountersWithFaults counts what was acknowledged on counters of one writer
// each, so that every unknown outcome can be found out.
func testCountersWithFaults(t *testing.T, f *fixture) {
	d := Faulty(f.Driver, Faults{Seed: 1, Conflict: .1, UnknownBefore: .15, UnknownAfter: .15, Unavailable: .1})
	var acknowledged, unknown [writers]int64
	each(func(w int) {
		for range 10 {
			switch err := increment(t.Context(), d, numbered("counter", w)); {
			case err == nil:
				acknowledged[w]++
			case errors.Is(err, store.ErrUnknown):
				unknown[w]++
			case !errors.Is(err, store.ErrUnavailable):
				t.Errorf("increment: %v", err)
			}
		}
	})
	for w := range writers {
		got := value(f.get(numbered("counter", w)))
		if got < acknowledged[w] || got > acknowledged[w]+unknown[w] {
			t.Errorf("counter %d = %d with %d acknowledged and %d unknown increments", w, got, acknowledged[w], unknown[w])
		}
	}
	if d.Injected(UnknownAfter) == 0 || d.Injected(UnknownBefore) == 0 {
		t.Error("no unknown outcome was injected")
	}
}

func testReadYourWrites(t *testing.T, f *fixture) {
	each(func(w int) {
		k := numbered("own", w)
		for i := range int64(15) {
			err := store.Commit(t.Context(), f.Driver, &store.Batch{Puts: []store.Put{{Key: k, Expect: i, Body: number(i), Due: testTime()}}})
			if err != nil {
				t.Errorf("Commit() = %v", err)
				return
			}
			recs, err := f.Get(t.Context(), k)
			if err != nil || recs[0].Rev != i+1 || value(recs[0]) != i {
				t.Errorf("Get() = revision %d, %v, want %d", recs[0].Rev, err, i+1)
				return
			}
			for r, err := range f.List(t.Context(), store.Query{Kind: "own", Prefix: k.ID}) {
				if err != nil || r.Rev != i+1 {
					t.Errorf("List() yields revision %d, %v, want %d", r.Rev, err, i+1)
				}
			}
		}
	})
}
