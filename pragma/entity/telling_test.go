package entity_test

import (
	"context"
	"errors"
	"fmt"
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
			for round := 0; round < rounds; {
				err := k.Update(t.Context(), pair[0], func(tx *entity.Tx, s *account) error {
					other, err := k.In(tx, pair[1])
					if err != nil {
						return err
					}
					s.Balance++
					other.Balance--
					tx.After(func(context.Context) {})
					return nil
				})
				if !errors.Is(err, store.ErrConflict) { // four in a row is bad luck, which it may have again
					errs = append(errs, err)
					round++
				}
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

// What is said of one entity comes in the order of its versions, whoever says it.
func TestWhatIsSaidOfAnEntityComesInTheOrderOfItsVersions(t *testing.T) {
	type step struct {
		of     string // whose update it is
		change string // the entity that it changes; empty: it only looks at "c"
	}
	tests := []struct {
		name          string
		first, second step
	}{
		{"two others change it", step{"a", "c"}, step{"b", "c"}},
		{"itself, then another", step{"c", "c"}, step{"b", "c"}},
		{"another, then itself", step{"a", "c"}, step{"c", "c"}},
		{"its own look, then another's change", step{"c", ""}, step{"b", "c"}},
		{"another's look, then another's change", step{"a", ""}, step{"b", "c"}},
		{"another's change, then its own look", step{"a", "c"}, step{"c", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, k := bank(t, memory(t))
				mustCreate(t, k, "b", 1)
				mustCreate(t, k, "c", 1)
				run := func(s step, say func(tx *entity.Tx, version int)) {
					err := k.Update(t.Context(), s.of, func(tx *entity.Tx, _ *account) error {
						c, err := k.In(tx, "c")
						if err != nil {
							return err
						}
						if s.change != "" {
							c.Balance++
						}
						say(tx, c.Balance)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
				go run(tt.first, func(tx *entity.Tx, version int) { slow(n, tx, fmt.Sprint("first ", version)) })
				synctest.Wait()
				run(tt.second, func(tx *entity.Tx, version int) {
					tx.After(func(ctx context.Context) { n.note(ctx, fmt.Sprint("second ", version)) })
				})
				time.Sleep(time.Minute)
				version := 1
				var want []string
				for i, s := range []step{tt.first, tt.second} {
					if s.change != "" {
						version++
					}
					want = append(want, fmt.Sprint([]string{"first ", "second "}[i], version))
				}
				if diff := cmp.Diff(n.took(), want); diff != "" {
					t.Errorf("order (-got +want):\n%s", diff)
				}
			})
		})
	}
}

// A greeting that is about to say what has changed since it looked looks again.
func TestWhoOnlyLooksSaysNothingOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := memory(t)
		_, before := bank(t, d)
		mustCreate(t, before, "c", 1)
		n := newNode(t, d)
		k := accounts(n) // nothing is cached
		n.start()
		looked := make(chan error)
		go func() {
			looked <- k.Update(t.Context(), "c", func(tx *entity.Tx, c *account) error {
				if c.Balance == 1 {
					time.Sleep(time.Second)
				}
				slow(n, tx, fmt.Sprint("looked ", c.Balance))
				return nil
			})
		}()
		synctest.Wait()
		err := k.Upsert(t.Context(), "b", func(tx *entity.Tx, _ *account) error {
			c, err := k.In(tx, "c")
			if err != nil {
				return err
			}
			c.Balance++
			slow(n, tx, fmt.Sprint("changed ", c.Balance))
			return nil
		})
		if err := errors.Join(err, <-looked); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(n.took(), []string{"changed 2", "looked 2"}); diff != "" {
			t.Errorf("order (-got +want):\n%s", diff)
		}
	})
}
