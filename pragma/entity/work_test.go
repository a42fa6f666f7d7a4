package entity_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// errands registers a kind whose timers work outside of updates: an errand is
// claimed for a minute, run, and then due no more.
func errands(n *node, run func(ctx context.Context, id string) error) *entity.Kind[alarm] {
	var k *entity.Kind[alarm]
	k = entity.OfHost(n.engine, n, "errand", entity.Options[alarm]{
		Due: func(s *alarm) time.Time { return s.Rings },
		Work: func(ctx context.Context, id string) error {
			claimed := false
			err := k.Update(ctx, id, func(tx *entity.Tx, s *alarm) error {
				if claimed = !s.Rings.After(tx.Now()); claimed {
					s.Rings = tx.Now().Add(time.Minute)
				}
				return nil
			})
			if err != nil || !claimed {
				return err
			}
			if err := run(ctx, id); err != nil {
				return err
			}
			return k.Update(context.WithoutCancel(ctx), id, func(_ *entity.Tx, s *alarm) error {
				s.Rings, s.Rung = time.Time{}, s.Rung+1
				return nil
			})
		},
	})
	return k
}

func TestWorkIsDoneOutsideOfUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := memory(t)
		r := &ringing{begin: time.Now()}
		one := func() (*node, *entity.Kind[alarm]) {
			n := newNode(t, d)
			return n, errands(n, func(_ context.Context, id string) error {
				r.note(id)
				time.Sleep(10 * time.Second)
				return nil
			})
		}
		n, k := one()
		other, _ := one() // two nodes, one of which is faster
		n.start()
		other.start()
		set(t, k, "a", 5*time.Second, 0)
		time.Sleep(5*time.Second + time.Second/2)
		// An update of the entity does not wait for the work.
		if s, err := k.Read(t.Context(), "a"); err != nil || s.Rung != 0 {
			t.Errorf("while it works: %+v, %v", s, err)
		}
		time.Sleep(time.Hour)
		if diff := cmp.Diff(r.took(), []string{"a 5s"}); diff != "" {
			t.Errorf("work (-got +want):\n%s", diff)
		}
		for item, err := range k.List(t.Context(), "", "") { // what a node has in its cache may be old
			if err != nil || item.State.Rung != 1 {
				t.Errorf("in the end: %+v, %v", item.State, err)
			}
		}
	})
}

func TestWorkIsRepeatedAfterErrorsAndPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		var count atomic.Int32
		var k *entity.Kind[alarm]
		k = entity.OfHost(n.engine, n, "errand", entity.Options[alarm]{
			Due: func(s *alarm) time.Time { return s.Rings },
			Work: func(ctx context.Context, id string) error {
				switch count.Add(1) {
				case 1:
					return errors.New("not yet")
				case 2:
					panic("not yet either")
				case 3:
					return nil // and it is still due
				}
				return k.Update(ctx, id, func(_ *entity.Tx, s *alarm) error {
					s.Rings = time.Time{}
					return nil
				})
			},
		})
		n.start()
		set(t, k, "a", 0, 0)
		time.Sleep(time.Minute)
		if count.Load() != 4 {
			t.Errorf("called %d times in a minute, want 4", count.Load())
		}
	})
}

func TestWorkGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := memory(t)
		n := newNode(t, d)
		k := errands(n, func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		})
		n.start()
		set(t, k, "a", 0, 0)
		time.Sleep(time.Second)
		n.stop()
		again := newNode(t, d)
		var done atomic.Int32
		errands(again, func(context.Context, string) error { done.Add(1); return nil })
		again.start()
		time.Sleep(50 * time.Second)
		if done.Load() != 0 {
			t.Error("done again before the claim was over")
		}
		time.Sleep(time.Minute)
		if done.Load() != 1 {
			t.Errorf("done %d times, want once", done.Load())
		}
	})
}

func TestAKindHasOneUseForItsTimers(t *testing.T) {
	due := func(s *alarm) time.Time { return s.Rings }
	on := func(*entity.Tx, string, *alarm) error { return nil }
	work := func(context.Context, string) error { return nil }
	for name, o := range map[string]entity.Options[alarm]{
		"Due alone":    {Due: due},
		"Work alone":   {Work: work},
		"OnDue alone":  {OnDue: on},
		"all together": {Due: due, OnDue: on, Work: work},
	} {
		n := newNode(t, store.NewMemory())
		entity.OfHost(n.engine, n, "errand", o)
		if got := fmt.Sprint(n.problems); got != `[entity kind "errand": Due and one of OnDue and Work need each other]` {
			t.Errorf("%s: problems %s", name, got)
		}
	}
}
