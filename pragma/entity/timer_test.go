package entity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// alarm is a state with a timer.
type alarm struct {
	Rings time.Time `json:"rings,omitzero"`
	Rung  int       `json:"rung"`
	Every int       `json:"every"` // seconds; 0: once
}

// ringing notes which alarms rang and when, in seconds since the start.
type ringing struct {
	mu    sync.Mutex
	begin time.Time
	rung  []string
}

func (r *ringing) note(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rung = append(r.rung, fmt.Sprint(id, " ", time.Since(r.begin)))
}

func (r *ringing) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	rung := r.rung
	r.rung = nil
	return rung
}

// alarms registers a kind whose timers are noted.
func alarms(n *node) (*entity.Kind[alarm], *ringing) {
	r := &ringing{begin: time.Now()}
	return entity.OfHost(n.engine, n, "alarm", entity.Options[alarm]{
		Due: func(s *alarm) time.Time { return s.Rings },
		OnDue: func(tx *entity.Tx, id string, s *alarm) error {
			s.Rung++
			s.Rings = time.Time{}
			if s.Every > 0 {
				s.Rings = tx.Now().Add(time.Duration(s.Every) * time.Second)
			}
			tx.After(func(context.Context) { r.note(id) })
			return nil
		},
	}), r
}

func set(t testing.TB, k *entity.Kind[alarm], id string, in time.Duration, every int) {
	t.Helper()
	err := k.Upsert(t.Context(), id, func(tx *entity.Tx, s *alarm) error {
		s.Rings, s.Every = tx.Now().Add(in), every
		return nil
	})
	if err != nil {
		t.Fatalf("set %s: %v", id, err)
	}
}

func TestTimersFireExactlyWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		k, r := alarms(n)
		n.start()
		set(t, k, "late", 90*time.Minute, 0)
		set(t, k, "soon", 1500*time.Millisecond, 0)
		set(t, k, "now", 0, 0)
		set(t, k, "often", 20*time.Minute, 20*60)
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		want := []string{"now 0s", "soon 1.5s", "often 20m0s", "often 40m0s", "often 1h0m0s", "often 1h20m0s", "late 1h30m0s"}
		if diff := cmp.Diff(r.took(), want); diff != "" {
			t.Errorf("rung (-got +want):\n%s", diff)
		}
		n.stop()
	})
}

func TestTimerFollowsTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		k, r := alarms(n)
		n.start()
		set(t, k, "moved", time.Second, 0)
		set(t, k, "moved", 10*time.Second, 0)
		set(t, k, "earlier", time.Hour, 0)
		set(t, k, "earlier", 250*time.Millisecond, 0)
		set(t, k, "cleared", time.Second, 0)
		set(t, k, "deleted", time.Second, 0)
		if err := k.Update(t.Context(), "cleared", func(tx *entity.Tx, s *alarm) error {
			s.Rings = time.Time{}
			return k.Delete(tx, "deleted")
		}); err != nil && !errors.Is(err, entity.ErrNotFound) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if diff := cmp.Diff(r.took(), []string{"earlier 250ms", "moved 10s"}); diff != "" {
			t.Errorf("rung (-got +want):\n%s", diff)
		}
		n.stop()
	})
}

func TestTimerSetByAnotherNodeIsFoundByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		first, _ := open(t.Context())
		second, _ := open(t.Context())
		one, two := newNode(t, first), newNode(t, second)
		k1, r1 := alarms(one)
		_, r2 := alarms(two)
		one.start()
		two.start()
		for i := range 50 {
			set(t, k1, fmt.Sprint(i), time.Minute, 0)
		}
		one.stop() // the node that set them dies
		time.Sleep(time.Minute)
		synctest.Wait()
		if rung := append(r1.took(), r2.took()...); len(rung) != 50 || rung[0][len(rung[0])-4:] != "1m0s" {
			t.Errorf("rung: %q, want 50 at one minute", rung)
		}
		two.stop()
	})
}

func TestTwoNodesFireATimerOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		var rings []*ringing
		var kinds []*entity.Kind[alarm]
		for range 2 {
			d, _ := open(t.Context())
			n := newNode(t, storetest.Faulty(d, storetest.Faults{Latency: 20 * time.Millisecond}))
			k, r := alarms(n)
			n.start()
			defer n.stop()
			kinds, rings = append(kinds, k), append(rings, r)
		}
		for i := range 30 {
			set(t, kinds[i%2], fmt.Sprint(i), 10*time.Second, 10)
		}
		time.Sleep(65 * time.Second)
		synctest.Wait()
		total := len(rings[0].took()) + len(rings[1].took())
		stored := 0
		for item, err := range kinds[0].List(t.Context(), "", "") {
			if err != nil {
				t.Fatal(err)
			}
			stored += item.State.Rung
		}
		if total != stored || stored < 30*5 || stored > 30*6 {
			t.Errorf("%d effects for %d rings in the states, want as many, and about 180", total, stored)
		}
	})
}

// TestFailingTimersDoNotDelayOthers has more failing entities than are read at a
// time, next to one that is fine.
func TestFailingTimersDoNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		r := &ringing{begin: time.Now()}
		var repaired atomic.Bool
		k := entity.OfHost(n.engine, n, "alarm", entity.Options[alarm]{
			Due: func(s *alarm) time.Time { return s.Rings },
			OnDue: func(tx *entity.Tx, id string, s *alarm) error {
				switch {
				case id == "good" || repaired.Load():
					s.Rings = time.Time{}
					tx.After(func(context.Context) { r.note(id) })
					return nil
				case id[len(id)-1] == '0':
					panic("oops")
				case id[len(id)-1] == '1':
					s.Rung++ // without moving the due time: nothing is committed
					return nil
				}
				return errors.New("no")
			},
		})
		n.start()
		const bad = 300
		for i := range bad {
			set(t, k, fmt.Sprintf("bad%d", i), time.Second, 0)
		}
		set(t, k, "good", 2*time.Second, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(r.took(), []string{"good 2s"}); diff != "" {
			t.Errorf("rung (-got +want):\n%s", diff)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if failures := n.lines.count("timer failed"); failures < 8*bad || failures > 16*bad {
			t.Errorf("%d failures in ten minutes, want about 11 of each of %d", failures, bad)
		}
		if s, err := k.Read(t.Context(), "bad1"); err != nil || s.Rung != 0 {
			t.Errorf("state = %+v, %v; want an unchanged one", s, err)
		}
		repaired.Store(true)
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if rung := r.took(); len(rung) != bad {
			t.Errorf("%d rang after the repair, want %d", len(rung), bad)
		}
		n.stop()
	})
}

func TestNewTimerOfAFailingEntityIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		r := &ringing{begin: time.Now()}
		k := entity.OfHost(n.engine, n, "alarm", entity.Options[alarm]{
			Due: func(s *alarm) time.Time { return s.Rings },
			OnDue: func(tx *entity.Tx, id string, s *alarm) error {
				if s.Every == 0 {
					return errors.New("no")
				}
				s.Rings = time.Time{}
				tx.After(func(context.Context) { r.note(id) })
				return nil
			},
		})
		n.start()
		set(t, k, "now", 0, 0)
		set(t, k, "soon", 0, 0)
		time.Sleep(20 * time.Minute) // they now wait for minutes
		set(t, k, "now", 0, 1)
		set(t, k, "soon", time.Second, 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(r.took(), []string{"now 20m0s", "soon 20m1s"}); diff != "" {
			t.Errorf("rung (-got +want):\n%s", diff)
		}
		n.stop()
	})
}

func TestTimerThatIsDueAgainWhileItRunsFiresRightAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		r := &ringing{begin: time.Now()}
		k := entity.OfHost(n.engine, n, "alarm", entity.Options[alarm]{
			Due: func(s *alarm) time.Time { return s.Rings },
			OnDue: func(tx *entity.Tx, id string, s *alarm) error {
				s.Rings = time.Time{}
				if s.Rung++; s.Rung < 3 {
					s.Rings = tx.Now().Add(50 * time.Millisecond)
				}
				tx.After(func(context.Context) {
					r.note(id)
					time.Sleep(100 * time.Millisecond)
				})
				return nil
			},
		})
		n.start()
		set(t, k, "x", 0, 0)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(r.took(), []string{"x 0s", "x 100ms", "x 200ms"}); diff != "" {
			t.Errorf("rung (-got +want):\n%s", diff)
		}
		n.stop()
	})
}

func TestSlowTimersRunTogetherUpToALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		var mu sync.Mutex
		running, most, total := 0, 0, 0
		k := entity.OfHost(n.engine, n, "alarm", entity.Options[alarm]{
			Due: func(s *alarm) time.Time { return s.Rings },
			OnDue: func(tx *entity.Tx, _ string, s *alarm) error {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				running--
				total++
				mu.Unlock()
				s.Rings = time.Time{}
				return nil
			},
		})
		n.start()
		for i := range 5 * entity.TimerSlots {
			set(t, k, fmt.Sprint(i), time.Second, 0)
		}
		time.Sleep(6*time.Second + time.Millisecond)
		synctest.Wait()
		if most != entity.TimerSlots || total != 5*entity.TimerSlots {
			t.Errorf("at most %d at a time, %d in all; want %d and %d", most, total, entity.TimerSlots, 5*entity.TimerSlots)
		}
		n.stop()
	})
}

func TestTimersOutliveAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(t, storetest.Faults{})
		n := newNode(t, d)
		k, r := alarms(n)
		n.start()
		set(t, k, "x", time.Minute, 0)
		d.Set(storetest.Faults{Read: 1})
		time.Sleep(10 * time.Minute)
		d.Set(storetest.Faults{Unavailable: 1})
		time.Sleep(10 * time.Minute)
		d.Set(storetest.Faults{})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if rung := r.took(); len(rung) != 1 {
			t.Errorf("rung: %q, want once", rung)
		}
		n.stop()
	})
}

func TestBackoffGrowsAndIsRandom(t *testing.T) {
	for n, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second, 10: 5 * time.Minute, 1000: 5 * time.Minute} {
		var waits []time.Duration
		for range 200 {
			waits = append(waits, entity.Backoff(n, time.Second, 5*time.Minute))
		}
		least, greatest := slices.Min(waits), slices.Max(waits)
		if least < most/2 || greatest > most || greatest-least < most/4 {
			t.Errorf("after failure %d: %v to %v, want %v to %v", n, least, greatest, most/2, most)
		}
	}
}
