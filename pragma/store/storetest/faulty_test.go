package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func batch(i int) *store.Batch {
	return &store.Batch{Token: store.NewToken(), Puts: []store.Put{{Key: store.Key{Kind: "thing", ID: fmt.Sprint(i)}}}}
}

func rev(t *testing.T, d store.Driver, i int) int64 {
	t.Helper()
	recs, err := d.Get(t.Context(), store.Key{Kind: "thing", ID: fmt.Sprint(i)})
	if err != nil {
		t.Fatal(err)
	}
	return recs[0].Rev
}

func TestPlannedFaultsDoWhatTheyPromise(t *testing.T) {
	for i, c := range []struct {
		name    string
		fault   storetest.Fault
		want    error
		applied int64
	}{
		{"none", storetest.None, nil, 1},
		{"conflict", storetest.Conflict, store.ErrConflict, 0},
		{"unknown before", storetest.UnknownBefore, store.ErrUnknown, 0},
		{"unknown after", storetest.UnknownAfter, store.ErrUnknown, 1},
		{"unavailable", storetest.Unavailable, store.ErrUnavailable, 0},
		{"full", storetest.Full, store.ErrFull, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := storetest.Faulty(store.NewMemory(), storetest.Faults{})
			d.Next(c.fault)
			if err := d.Commit(t.Context(), batch(i)); !errors.Is(err, c.want) {
				t.Errorf("Commit() = %v, want %v", err, c.want)
			}
			if got := rev(t, d, i); got != c.applied {
				t.Errorf("revision = %d, want %d", got, c.applied)
			}
			if got := d.Injected(c.fault); got != 1 {
				t.Errorf("Injected() = %d, want 1", got)
			}
			if err := d.Commit(t.Context(), batch(100)); err != nil {
				t.Errorf("Commit() after the planned fault = %v, want nil", err)
			}
		})
	}
}

func TestTheSameSeedInjectsTheSameFaults(t *testing.T) {
	outcomes := func(seed uint64) []string {
		d := storetest.Faulty(store.NewMemory(), storetest.Faults{
			Seed: seed, Conflict: .2, UnknownBefore: .2, UnknownAfter: .2, Unavailable: .1, Full: .1,
		})
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprint(d.Commit(t.Context(), batch(i))))
		}
		return all
	}
	if diff := cmp.Diff(outcomes(1), outcomes(1)); diff != "" {
		t.Errorf("two runs with one seed differ:\n%s", diff)
	}
	if cmp.Equal(outcomes(1), outcomes(2)) {
		t.Error("two seeds inject the same faults")
	}
}

func TestFaultsComeAsOftenAsTold(t *testing.T) {
	d := storetest.Faulty(store.NewMemory(), storetest.Faults{Seed: 3, Conflict: .5, Full: .25})
	const n = 4000
	for i := range n {
		_ = d.Commit(t.Context(), batch(i))
	}
	for fault, want := range map[storetest.Fault]int{storetest.Conflict: n / 2, storetest.Full: n / 4, storetest.None: n / 4} {
		if got := d.Injected(fault); got < want*8/10 || got > want*12/10 {
			t.Errorf("fault %d was injected %d times, want about %d", fault, got, want)
		}
	}
	d.Set(storetest.Faults{})
	if err := d.Commit(t.Context(), batch(n)); err != nil {
		t.Errorf("Commit() without faults = %v, want nil", err)
	}
}

func TestReadsFailToo(t *testing.T) {
	d, err := storetest.FaultyOpener(store.Memory(), storetest.Faults{Read: 1})(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Get(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Get() = %v, want %v", err, store.ErrUnavailable)
	}
	if _, err := d.Due(t.Context(), "thing", time.Now(), 1); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Due() = %v, want %v", err, store.ErrUnavailable)
	}
	for _, err := range d.List(t.Context(), store.Query{Kind: "thing"}) {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("List() yields %v, want %v", err, store.ErrUnavailable)
		}
	}
	if err := store.Commit(t.Context(), d, batch(1)); err != nil {
		t.Errorf("Commit() = %v, want nil", err)
	}
}

func TestLatencyPassesInTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := storetest.Faulty(store.NewMemory(), storetest.Faults{Latency: time.Hour})
		start := time.Now()
		for i := range 10 {
			if err := d.Commit(t.Context(), batch(i)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < time.Minute || took > 10*time.Hour {
			t.Errorf("10 commits took %v of the bubble's time, want between a minute and 10 hours", took)
		}
	})
}

func ExampleFaulty() {
	d := storetest.Faulty(store.NewMemory(), storetest.Faults{})
	d.Next(storetest.UnknownAfter) // applied, but the answer got lost
	err := store.Commit(context.Background(), d, batch(1))
	fmt.Println(err, d.Injected(storetest.UnknownAfter))

	// Output:
	// <nil> 1
}
