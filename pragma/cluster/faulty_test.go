package cluster_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/cluster"
	"github.com/openpragma/engine/pragma/cluster/clustertest"
)

func TestFaultyWithoutFaultsIsABus(t *testing.T) {
	clustertest.Run(t, func(*testing.T) func(string) cluster.Bus {
		hub := quietHub()
		return func(name string) cluster.Bus { return cluster.NewFaulty(hub.Node(name), 1, cluster.Faults{}) }
	})
}

// send publishes 0 to n-1, a millisecond apart, waits for the late ones and
// returns what arrived.
func send(t *testing.T, seed uint64, faults cluster.Faults, n int) (got []int, status cluster.Status) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bus := cluster.NewFaulty(cluster.NewLocal(), seed, faults)
		arrived := make(chan int, 3*n)
		mustSubscribe(t, bus, "s", func(_ context.Context, data []byte) {
			i, _ := strconv.Atoi(string(data))
			arrived <- i
		})
		for i := range n {
			mustPublish(t, bus, "s", strconv.Itoa(i))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Hour)
		if err := bus.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		close(arrived)
		for i := range arrived {
			got = append(got, i)
		}
		status = bus.Status()
	})
	return got, status
}

func TestFaultsDoWhatTheyAreCalled(t *testing.T) {
	const n = 400
	tests := []struct {
		name         string
		faults       cluster.Faults
		least, most  int // how many arrive
		inOrder      bool
		everyArrives bool
	}{
		{"none", cluster.Faults{}, n, n, true, true},
		{"drop some", cluster.Faults{Drop: 0.5}, n / 4, 3 * n / 4, true, false},
		{"drop all", cluster.Faults{Drop: 1}, 0, 0, true, false},
		{"double some", cluster.Faults{Double: 0.5}, 5 * n / 4, 7 * n / 4, true, true},
		{"double all", cluster.Faults{Double: 1}, 2 * n, 2 * n, true, true},
		{"delay some", cluster.Faults{Delay: 0.5, MaxDelay: time.Second}, n, n, false, true},
		{"reorder some", cluster.Faults{Reorder: 0.5}, n, n, false, true},
		{"all of it", cluster.Faults{Drop: 0.2, Double: 0.2, Delay: 0.2, Reorder: 0.2}, n / 2, 3 * n / 2, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, status := send(t, 7, test.faults, n)
			if len(got) < test.least || len(got) > test.most {
				t.Errorf("%d messages arrived, want %d to %d", len(got), test.least, test.most)
			}
			if ordered := slices.IsSorted(got); ordered != test.inOrder {
				t.Errorf("in order = %v, want %v", ordered, test.inOrder)
			}
			distinct := slices.Compact(slices.Sorted(slices.Values(got)))
			if len(distinct)+int(status.Dropped) != n {
				t.Errorf("%d arrived and %d counted as dropped, of %d", len(distinct), status.Dropped, n)
			}
			if test.everyArrives != (len(distinct) == n) {
				t.Errorf("%d of %d messages arrived", len(distinct), n)
			}
		})
	}
}

func TestSameSeedGivesSameFaults(t *testing.T) {
	faults := cluster.Faults{Drop: 0.2, Double: 0.2, Reorder: 0.2}
	first, _ := send(t, 42, faults, 200)
	second, _ := send(t, 42, faults, 200)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two runs of one seed differ (-first +second):\n%s", diff)
	}
	other, _ := send(t, 43, faults, 200)
	if slices.Equal(first, other) {
		t.Error("another seed gave the same faults")
	}
}

func TestReorderedMessageComesAfterTheNext(t *testing.T) {
	got, _ := send(t, 1, cluster.Faults{Reorder: 1, MaxDelay: time.Hour / 2}, 3)
	// Each is held until the next Publish has held its own, the last until MaxDelay.
	if diff := cmp.Diff(got, []int{0, 1, 2}); diff != "" {
		t.Errorf("arrived (-got +want):\n%s", diff)
	}
	synctest.Test(t, func(t *testing.T) {
		bus := cluster.NewFaulty(cluster.NewLocal(), 1, cluster.Faults{Reorder: 1})
		defer bus.Close()
		var order []string
		mustSubscribe(t, bus, "s", func(_ context.Context, data []byte) { order = append(order, string(data)) })
		mustPublish(t, bus, "s", "first")
		bus.SetFaults(cluster.Faults{})
		mustPublish(t, bus, "s", "second")
		if diff := cmp.Diff(order, []string{"second", "first"}); diff != "" {
			t.Errorf("arrived (-got +want):\n%s", diff)
		}
	})
}

func TestSetFaultsCutsOffAndHeals(t *testing.T) {
	bus := cluster.NewFaulty(cluster.NewLocal(), 1, cluster.Faults{Drop: 1})
	defer bus.Close()
	var got []string
	mustSubscribe(t, bus, "s", func(_ context.Context, data []byte) { got = append(got, string(data)) })
	mustPublish(t, bus, "s", "lost")
	bus.SetFaults(cluster.Faults{})
	mustPublish(t, bus, "s", "healed")
	if diff := cmp.Diff(got, []string{"healed"}); diff != "" {
		t.Errorf("arrived (-got +want):\n%s", diff)
	}
}

func TestFaultyRequests(t *testing.T) {
	tests := []struct {
		name   string
		faults cluster.Faults
		fails  error
		served uint64
	}{
		{"no faults", cluster.Faults{}, nil, 1},
		{"lost", cluster.Faults{Drop: 1}, context.DeadlineExceeded, 0},
		{"doubled", cluster.Faults{Double: 1}, nil, 2},
		{"delayed", cluster.Faults{Delay: 1, MaxDelay: time.Second}, nil, 1},
		{"delayed beyond its deadline", cluster.Faults{Delay: 1, MaxDelay: 1000 * time.Hour}, context.DeadlineExceeded, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := cluster.NewFaulty(cluster.NewLocal(), 3, test.faults)
				defer bus.Close()
				mustServe(t, bus, "s")
				_, err := bus.Request(t.Context(), "s", nil)
				if !errors.Is(err, test.fails) {
					t.Errorf("Request = %v, want %v", err, test.fails)
				}
				if got := bus.Status().Served; got != test.served {
					t.Errorf("Served = %d, want %d", got, test.served)
				}
			})
		})
	}
}

func TestAnswerMayBeLostAfterTheWorkWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cluster.NewFaulty(cluster.NewLocal(), 5, cluster.Faults{Drop: 0.3})
		defer bus.Close()
		mustServe(t, bus, "s")
		var answered uint64
		for range 100 {
			if _, err := bus.Request(t.Context(), "s", nil); err == nil {
				answered++
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Request = %v, want DeadlineExceeded", err)
			}
		}
		s := bus.Status()
		if answered == 0 || s.Served <= answered || s.Served >= 100 {
			t.Errorf("served %d, answered %d of 100; want some lost before and some after", s.Served, answered)
		}
	})
}

func TestCloseOfFaultyLosesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cluster.NewFaulty(cluster.NewLocal(), 1, cluster.Faults{Delay: 1, MaxDelay: time.Hour})
		mustSubscribe(t, bus, "s", func(context.Context, []byte) { t.Error("a message arrived after Close") })
		mustServe(t, bus, "s")
		for range 10 {
			mustPublish(t, bus, "s", "late")
		}
		requested := make(chan error)
		go func() {
			_, err := bus.Request(context.WithoutCancel(t.Context()), "s", nil)
			requested <- err
		}()
		synctest.Wait()
		if err := errors.Join(bus.Close(), bus.Close()); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if err := <-requested; !errors.Is(err, cluster.ErrClosed) {
			t.Errorf("a request that waited = %v, want ErrClosed", err)
		}
		if got := bus.Status().Dropped; got != 10 {
			t.Errorf("Dropped = %d, want 10", got)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestFaultyHoldsABoundedNumberOfMessages(t *testing.T) {
	const n = 3000
	synctest.Test(t, func(t *testing.T) {
		bus := cluster.NewFaulty(cluster.NewLocal(), 1, cluster.Faults{Delay: 1})
		defer bus.Close()
		for range n {
			mustPublish(t, bus, "s", "late")
		}
		dropped := bus.Status().Dropped
		if dropped == 0 || dropped >= n {
			t.Errorf("Dropped = %d of %d, want some", dropped, n)
		}
		time.Sleep(time.Hour)
		mustPublish(t, bus, "s", "room again")
		if got := bus.Status().Dropped; got != dropped {
			t.Errorf("Dropped = %d, want still %d", got, dropped)
		}
	})
}

func mustServe(t *testing.T, bus cluster.Bus, subject string) {
	t.Helper()
	_, err := bus.Serve(subject, func(context.Context, []byte) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatalf("Serve(%s) = %v", subject, err)
	}
}
