package main

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestThousandsAreSeparated(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7.4: "7", 999: "999", 999.6: "1,000", 1234567: "1,234,567"} {
		if got := thousands(v); got != want {
			t.Errorf("thousands(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestPercentileIsOneOfTheValues(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i) // 100 down to 1
	}
	for _, c := range []struct {
		name   string
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{name: "of none", p: 50},
		{name: "of one", values: []time.Duration{7}, p: 99, want: 7},
		{name: "median of a hundred", values: hundred, p: 50, want: 50},
		{name: "99th of a hundred", values: hundred, p: 99, want: 99},
		{name: "99th of ten", values: hundred[:10], p: 99, want: 10},
		{name: "the smallest", values: hundred, p: 0, want: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := percentile(c.values, c.p); got != c.want {
				t.Errorf("percentile(%d) = %d, want %d", c.p, got, c.want)
			}
		})
	}
}

func TestRatesAddUp(t *testing.T) {
	var r rate
	if got := r.String(); got != "0" {
		t.Errorf("an empty rate prints as %q", got)
	}
	r.add(rate{n: 500, time: time.Second})
	r.add(rate{n: 1000, time: 500 * time.Millisecond})
	if got := r.String(); got != "1,000" {
		t.Errorf("1500 in 1.5 s print as %q, want 1,000", got)
	}
	if got := ratio(r.perSecond(), 4000); got != "25 %" {
		t.Errorf("ratio() = %q, want 25 %%", got)
	}
	if got := ratio(1, 0); got != "unknown" {
		t.Errorf("ratio to nothing = %q", got)
	}
}

func TestCountsAreWords(t *testing.T) {
	got := []string{plural(1, "socket"), plural(5000, "socket"), parties(1), parties(32)}
	if diff := cmp.Diff([]string{"1 socket", "5,000 sockets", "1 party", "32 parties"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEachKeepsOrderAndLimit(t *testing.T) {
	var now, most atomic.Int64
	got, err := each(3, 20, func(i int) (int, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return i * i, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != i*i {
			t.Errorf("result %d is %d", i, v)
		}
	}
	if most.Load() > 3 {
		t.Errorf("%d at the same time, want at most 3", most.Load())
	}
}

func TestEachStopsAfterAnError(t *testing.T) {
	failed := errors.New("failed")
	calls := 0
	_, err := each(1, 100, func(i int) (int, error) {
		calls++
		if i == 4 {
			return 0, failed
		}
		return i, nil
	})
	if !errors.Is(err, failed) || calls != 5 {
		t.Errorf("each() = %v after %d calls, want %v after 5", err, calls, failed)
	}
}

func TestTemporaryDirectoryIsRemovedAfterAFailureToo(t *testing.T) {
	failed := errors.New("failed")
	var was string
	err := inTempDir(func(dir string) error {
		was = dir
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v, want %v", err, failed)
	}
	if _, err := os.Stat(was); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", was, err)
	}
}

func TestMemoryIsSharedOutAmongSockets(t *testing.T) {
	before := memory{Resident: 10 << 20, Heap: 4 << 20, Stacks: 1 << 20}
	after := memory{Resident: 30 << 20, Heap: 9 << 20, Stacks: 9 << 20}
	if got, want := after.per(1024, before).String(), "20.0 KB resident (heap 5.0, stacks 8.0)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTooManyFilesAreRefusedWithTheLimit(t *testing.T) {
	if err := allowFiles(10); err != nil {
		t.Errorf("ten files are refused: %v", err)
	}
	if err := allowFiles(1 << 40); err == nil {
		t.Skip("this system has no limit")
	} else if want := "raise it with ulimit -Hn"; !contains(err, want) {
		t.Errorf("error %q, want it to say %q", err, want)
	}
}
