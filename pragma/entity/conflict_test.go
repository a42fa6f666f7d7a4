package entity_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// faulty returns a store whose commits can be made to fail.
func faulty(t testing.TB, f storetest.Faults) *storetest.FaultyDriver {
	d := storetest.Faulty(store.NewMemory(), f)
	t.Cleanup(func() { closeStore(t, d) })
	return d
}

// twoNodes returns two servers on one database, each with the accounts.
func twoNodes(t *testing.T) (one, two *node, k1, k2 *entity.Kind[account]) {
	t.Helper()
	open := store.Memory()
	var nodes [2]*node
	var kinds [2]*entity.Kind[account]
	for i := range nodes {
		d, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeStore(t, d) })
		nodes[i] = newNode(t, d)
		kinds[i] = accounts(nodes[i])
		nodes[i].start()
	}
	return nodes[0], nodes[1], kinds[0], kinds[1]
}

func TestConflictRunsTheFunctionAgainOnTheNewState(t *testing.T) {
	one, _, k1, k2 := twoNodes(t)
	mustCreate(t, k1, "a", 10)
	var seen []int
	err := k1.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		seen = append(seen, s.Balance)
		if len(seen) == 1 { // the other node is faster, once
			if err := k2.Update(t.Context(), "a", add(100)); err != nil {
				return err
			}
		}
		s.Balance++
		tx.NotifyPlayers(one.message("try %d", len(seen)), player(1))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(seen, []int{10, 110}); diff != "" {
		t.Errorf("states the function saw (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(one.took(), []string{"player 1: try 2"}); diff != "" {
		t.Errorf("sent (-got +want):\n%s", diff)
	}
	if got := balance(t, k1, "a"); got != 111 {
		t.Errorf("balance = %d, want 111", got)
	}
}

func TestAnswersWithoutACommitAreCheckedToo(t *testing.T) {
	broke := errors.New("broke")
	withdraw := func(_ *entity.Tx, s *account) error {
		if s.Balance < 50 {
			return broke
		}
		s.Balance -= 50
		return nil
	}
	t.Run("a refusal", func(t *testing.T) {
		_, _, k1, k2 := twoNodes(t)
		mustCreate(t, k1, "a", 10) // cached by the first node
		if err := k2.Update(t.Context(), "a", add(100)); err != nil {
			t.Fatal(err)
		}
		if err := k1.Update(t.Context(), "a", withdraw); err != nil {
			t.Errorf("Update = %v, want nil: the refusal came from an old state", err)
		}
		if err := k2.Update(t.Context(), "a", withdraw); err != nil {
			t.Error(err)
		}
		if err := k1.Update(t.Context(), "a", withdraw); !errors.Is(err, broke) {
			t.Errorf("Update = %v, want the refusal", err)
		}
	})
	t.Run("a look at two entities", func(t *testing.T) {
		_, _, k1, k2 := twoNodes(t)
		mustCreate(t, k1, "a", 10)
		mustCreate(t, k1, "b", 0)
		tries, sum := 0, 0
		err := k1.Update(t.Context(), "a", func(tx *entity.Tx, a *account) error {
			tries++
			if tries == 1 { // between the two reads the other node moves everything
				move := func(tx *entity.Tx, a *account) error {
					b, err := k2.In(tx, "b")
					if err != nil {
						return err
					}
					b.Balance, a.Balance = a.Balance, 0
					return nil
				}
				if err := k2.Update(t.Context(), "a", move); err != nil {
					return err
				}
			}
			b, err := k1.In(tx, "b")
			if err != nil {
				return err
			}
			sum = a.Balance + b.Balance
			return nil
		})
		if err != nil || sum != 10 || tries != 2 {
			t.Errorf("sum = %d after %d tries, %v; want 10 after 2", sum, tries, err)
		}
	})
}

func TestEntityThatWasMissingIsChecked(t *testing.T) {
	_, _, k1, k2 := twoNodes(t)
	mustCreate(t, k1, "a", 10)
	tries := 0
	err := k1.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		tries++
		if _, err := k1.In(tx, "b"); !errors.Is(err, entity.ErrNotFound) {
			return err
		}
		mustCreate(t, k2, "b", 1)
		s.Owner = "there is no b"
		return nil
	})
	s, _ := k1.Read(t.Context(), "a")
	if err != nil || tries != 2 || s.Owner == "there is no b" {
		t.Errorf("%v after %d tries, owner %q; want the second try to find b", err, tries, s.Owner)
	}
}

// TestNoDecisionOnAStateThatSomebodyChanges has two nodes that each look at one
// account and empty the other: one of them must see what the other did.
func TestNoDecisionOnAStateThatSomebodyChanges(t *testing.T) {
	_, _, k1, k2 := twoNodes(t)
	mustCreate(t, k1, "a", 10)
	mustCreate(t, k1, "b", 10)
	meanwhile := func() error { return nil }
	empty := func(k *entity.Kind[account], id, other string) error {
		return k.Update(t.Context(), id, func(tx *entity.Tx, s *account) error {
			o, err := k.In(tx, other)
			if err != nil {
				return err
			}
			if o.Balance == 0 {
				return errRefused // one must keep its money
			}
			s.Balance = 0
			run := meanwhile
			meanwhile = func() error { return nil }
			return run()
		})
	}
	meanwhile = func() error { return empty(k2, "b", "a") }
	if err := empty(k1, "a", "b"); !errors.Is(err, errRefused) {
		t.Errorf("second decision = %v, want a refusal", err)
	}
	if got := balance(t, k1, "a") + balance(t, k1, "b"); got != 10 {
		t.Errorf("%d is left, want 10", got)
	}
}

func TestOutdatedCacheOfAnotherEntityIsForgotten(t *testing.T) {
	_, _, k1, k2 := twoNodes(t)
	mustCreate(t, k1, "a", 10)
	mustCreate(t, k1, "b", 10) // cached by the first node
	if err := k2.Update(t.Context(), "b", add(5)); err != nil {
		t.Fatal(err)
	}
	var seen []int
	err := k1.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		b, err := k1.In(tx, "b")
		if err != nil {
			return err
		}
		seen = append(seen, b.Balance)
		s.Balance++
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(seen, []int{10, 15}); diff != "" {
		t.Errorf("states the function saw (-got +want):\n%s", diff)
	}
}

func TestConflictsWithoutEndAreGivenUp(t *testing.T) {
	d := faulty(t, storetest.Faults{})
	n, k := bank(t, d)
	d.Set(storetest.Faults{Conflict: 1})
	tries := 0
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		tries++
		s.Balance++
		tx.After(func(context.Context) { t.Error("After ran") })
		return nil
	})
	if !errors.Is(err, pragma.ErrUnavailable) || !errors.Is(err, store.ErrConflict) {
		t.Errorf("Update = %v, want ErrUnavailable and ErrConflict", err)
	}
	if tries != entity.MaxTries {
		t.Errorf("%d tries, want %d", tries, entity.MaxTries)
	}
	d.Set(storetest.Faults{})
	if got := balance(t, k, "a"); got != 10 {
		t.Errorf("balance = %d, want 10", got)
	}
	if held := entity.LocksHeld(n.engine); held != 0 {
		t.Errorf("%d locks are held", held)
	}
}

func TestUnknownOutcomes(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults []storetest.Fault
		want   error
		sent   int
		after  int
	}{
		{"applied and found out", []storetest.Fault{storetest.UnknownAfter}, nil, 1, 11},
		{"not applied and repeated", []storetest.Fault{storetest.UnknownBefore}, nil, 1, 11},
		{"store is down", []storetest.Fault{storetest.Unavailable}, store.ErrUnavailable, 0, 10},
		{"store is full", []storetest.Fault{storetest.Full}, store.ErrFull, 0, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := faulty(t, storetest.Faults{})
				n, k := bank(t, d)
				d.Next(c.faults...)
				err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
					s.Balance++
					tx.NotifyPlayers(n.message("hello"), player(1))
					return nil
				})
				if !errors.Is(err, c.want) {
					t.Errorf("Update = %v, want %v", err, c.want)
				}
				if got := balance(t, k, "a"); got != c.after {
					t.Errorf("balance = %d, want %d", got, c.after)
				}
				if sent := n.took(); len(sent) != c.sent {
					t.Errorf("sent %q, want %d", sent, c.sent)
				}
			})
		})
	}
}

func TestOutcomeThatStaysUnknownHasNoEffectsAndIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(t, storetest.Faults{})
		_, k := bank(t, d)
		d.Next(storetest.UnknownAfter)
		for range 20 {
			d.Next(storetest.UnknownBefore)
		}
		failing := d // reads fail too, so nothing can be found out
		err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
			s.Balance++
			failing.Set(storetest.Faults{Read: 1})
			tx.After(func(context.Context) { t.Error("After ran") })
			return nil
		})
		if !errors.Is(err, store.ErrUnknown) {
			t.Errorf("Update = %v, want ErrUnknown", err)
		}
		d.Set(storetest.Faults{})
		if got := balance(t, k, "a"); got != 11 {
			t.Errorf("balance = %d, want 11: it was applied, and the cache must not hide that", got)
		}
	})
}

func TestStoreThatCannotBeReadFailsTheUpdate(t *testing.T) {
	d := faulty(t, storetest.Faults{})
	_, k := bank(t, d)
	d.Set(storetest.Faults{Read: 1})
	if err := k.Upsert(t.Context(), "b", add(1)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Upsert = %v, want ErrUnavailable", err)
	}
	if _, err := k.Read(t.Context(), "b"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Read = %v, want ErrUnavailable", err)
	}
}

// TestManyWritersOfTwoNodes lets both nodes count on the same few entities.
func TestManyWritersOfTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, k1, k2 := twoNodes(t)
		mustCreate(t, k1, "a", 0)
		var mu sync.Mutex
		done := 0
		var wg sync.WaitGroup
		for i := range 40 {
			k := []*entity.Kind[account]{k1, k2}[i%2]
			wg.Go(func() {
				for range 10 {
					err := k.Update(t.Context(), "a", add(1))
					switch {
					case err == nil:
						mu.Lock()
						done++
						mu.Unlock()
					case !errors.Is(err, pragma.ErrUnavailable):
						t.Error(err)
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		wg.Wait()
		// What a node reads may be behind, what it updates may not.
		got := 0
		if err := k1.Update(t.Context(), "a", func(_ *entity.Tx, s *account) error {
			got = s.Balance
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got != done || done < 200 {
			t.Errorf("balance = %d, want %d and most of 400", got, done)
		}
	})
}
