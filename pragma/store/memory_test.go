package store_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func memoryHarness() storetest.Harness {
	return storetest.Harness{Open: func(testing.TB) store.Opener { return store.Memory() }}
}

func TestMemoryKeepsThePromisesOfThePort(t *testing.T) { storetest.Run(t, memoryHarness()) }

func BenchmarkMemory(b *testing.B) { storetest.Bench(b, memoryHarness()) }

func TestMemoryFollowsTheClockOfItsBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := store.NewMemory()
		start := now(t, d)
		due := start.Add(time.Hour)
		k := store.Key{Kind: "invite", ID: "a"}
		if err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: k, Due: due}}}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{0, 1} {
			recs, err := d.Due(t.Context(), "invite", now(t, d), 10)
			if err != nil || len(recs) != want {
				t.Errorf("after %v, Due() = %d records, %v, want %d", now(t, d).Sub(start), len(recs), err, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

func now(t *testing.T, d store.Driver) time.Time {
	t.Helper()
	at, err := d.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestDriversOfOneOpenerShareTheirRecords(t *testing.T) {
	open := store.Memory()
	one, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	two, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "party", ID: "a"}}}}
	if err := store.Commit(t.Context(), one, &b); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(t.Context(), two, &b); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Commit() through the second driver = %v, want %v", err, store.ErrConflict)
	}
}

func TestMemoriesOfTheirOwnShareNothing(t *testing.T) {
	b := store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "party", ID: "a"}}}}
	for range 2 {
		if err := store.Commit(t.Context(), store.NewMemory(), &b); err != nil {
			t.Errorf("Commit() = %v, want nil", err)
		}
	}
}

// In a bubble the waits between the attempts cost nothing.
func TestCommitLooksForAnUnknownOutcomeForAboutASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := storetest.Faulty(store.NewMemory(), storetest.Faults{})
		d.Next(storetest.UnknownAfter, storetest.Unavailable, storetest.UnknownBefore)
		start := time.Now()
		b := store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "party", ID: "a"}}}}
		if err := store.Commit(t.Context(), d, &b); err != nil {
			t.Errorf("Commit() = %v, want nil", err)
		}
		d.Next(storetest.UnknownBefore)
		d.Set(storetest.Faults{Unavailable: 1})
		b = store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "party", ID: "b"}}}}
		if err := store.Commit(t.Context(), d, &b); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("Commit() = %v, want %v", err, store.ErrUnknown)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("resolving took %v of the bubble's time, want at most 2s", took)
		}
	})
}
