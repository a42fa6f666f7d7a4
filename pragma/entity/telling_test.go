package entity_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// slow notifies late, as on a machine with much to do.
func slow(n *node, tx *entity.Tx, line string) {
	tx.After(func(ctx context.Context) {
		time.Sleep(3 * time.Second)
		n.note(ctx, line)
	})
}

func TestATimerDoesNotOvertakeWhatWasSaidOfItsEntity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		k := accounts(n)
		timers := entity.OfHost(n.engine, n, "alarm", entity.Options[alarm]{
			Due: func(s *alarm) time.Time { return s.Rings },
			OnDue: func(tx *entity.Tx, _ string, s *alarm) error {
				s.Rings = time.Time{}
				tx.After(func(ctx context.Context) { n.note(ctx, "rang") })
				return nil
			},
		})
		n.start()
		err := k.Create(t.Context(), "a", func(tx *entity.Tx, s *account) error {
			s.Owner = "me"
			other, err := timers.New(tx, "new")
			if err != nil {
				return err
			}
			other.Rings = tx.Now()
			slow(n, tx, "created")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff(n.took(), []string{"created", "rang"}); diff != "" {
			t.Errorf("order (-got +want):\n%s", diff)
		}
	})
}

func TestAnUpdateStopsWaitingWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, k := bank(t, memory(t))
		mustCreate(t, k, "b", 1)
		go func() {
			err := k.Update(t.Context(), "a", func(tx *entity.Tx, _ *account) error {
				b, err := k.In(tx, "b")
				if err != nil {
					return err
				}
				b.Balance++
				slow(n, tx, "said")
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.Update(ctx, "b", add(1)); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Update() = %v, want that its time is over", err)
		}
		if err := k.Update(t.Context(), "b", add(1)); err != nil {
			t.Error(err)
		}
		if got := balance(t, k, "b"); got != 3 {
			t.Errorf("balance = %d, want 3", got)
		}
		if held := entity.LocksHeld(n.engine); held != 0 {
			t.Errorf("%d locks are held", held)
		}
	})
}

func TestUpdatesThatChangeEachOthersEntitiesAllEnd(t *testing.T) {
	n, k := bank(t, memory(t))
	mustCreate(t, k, "b", 0)
	const rounds = 200
	done := make(chan error, 2)
	for _, pair := range [][2]string{{"a", "b"}, {"b", "a"}} {
		go func() {
			var errs []error
			for range rounds {
				errs = append(errs, k.Update(t.Context(), pair[0], func(tx *entity.Tx, s *account) error {
					other, err := k.In(tx, pair[1])
					if err != nil {
						return err
					}
					s.Balance++
					other.Balance--
					tx.After(func(context.Context) {})
					return nil
				}))
			}
			done <- errors.Join(errs...)
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	if sum := balance(t, k, "a") + balance(t, k, "b"); sum != 10 {
		t.Errorf("sum = %d, want 10", sum)
	}
	n.stop()
}
