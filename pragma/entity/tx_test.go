package entity_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

func TestSeveralEntitiesChangeTogetherOrNotAtAll(t *testing.T) {
	_, k := bank(t, memory(t))
	mustCreate(t, k, "b", 0)
	move := func(fail error) error {
		return k.Update(t.Context(), "a", func(tx *entity.Tx, from *account) error {
			to, err := k.In(tx, "b")
			if err != nil {
				return err
			}
			from.Balance -= 4
			to.Balance += 4
			return fail
		})
	}
	if err := move(nil); err != nil {
		t.Fatal(err)
	}
	if err := move(errors.New("no")); err == nil {
		t.Fatal("the refused transfer succeeded")
	}
	if a, b := balance(t, k, "a"), balance(t, k, "b"); a != 6 || b != 4 {
		t.Errorf("balances = %d and %d, want 6 and 4", a, b)
	}
}

func TestOneTransactionSeesItsOwnWork(t *testing.T) {
	n, k := bank(t, memory(t))
	var steps []string
	step := func(name string, _ *account, err error) {
		switch {
		case errors.Is(err, entity.ErrNotFound):
			name += ": not found"
		case errors.Is(err, entity.ErrExists):
			name += ": exists"
		case err != nil:
			t.Errorf("%s: %v", name, err)
		}
		steps = append(steps, name)
	}
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		in := func(id string) (*account, error) { return k.In(tx, id) }
		steps = nil
		self, err := in("a")
		if self != s {
			t.Error("the updated entity has two working copies")
		}
		step("in a", self, err)
		b, err := in("b")
		step("in b", b, err)
		step("delete b", nil, k.Delete(tx, "b"))
		b, err = k.New(tx, "b")
		step("new b", b, err)
		b.Balance = 5
		again, err := k.InOrNew(tx, "b")
		if again != b {
			t.Error("b has two working copies")
		}
		step("in or new b", again, err)
		b, err = k.New(tx, "b")
		step("new b", b, err)
		step("delete a", nil, k.Delete(tx, "a"))
		a, err := in("a")
		step("in a", a, err)
		a, err = k.New(tx, "a")
		step("new a", a, err)
		if a.Balance != 0 {
			t.Errorf("a new entity has balance %d", a.Balance)
		}
		a.Owner = "second life"
		c, err := k.New(tx, "c")
		step("new c", c, err)
		step("delete c", nil, k.Delete(tx, "c"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"in a", "in b: not found", "delete b: not found", "new b", "in or new b", "new b: exists",
		"delete a", "in a: not found", "new a", "new c", "delete c"}
	if diff := cmp.Diff(steps, want); diff != "" {
		t.Errorf("steps (-got +want):\n%s", diff)
	}
	got := fmt.Sprintf("%s %s %d", record(t, n.driver, "account", "a").Body,
		record(t, n.driver, "account", "b").Body, record(t, n.driver, "account", "c").Rev)
	if want := `{"owner":"second life","balance":0} {"owner":"","balance":5} 0`; got != want {
		t.Errorf("stored:\n%s\nwant\n%s", got, want)
	}
}

func TestDeletedEntityIsGoneAndCanComeBack(t *testing.T) {
	_, k := bank(t, memory(t))
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		s.Balance = 77 // without meaning: it is deleted
		return k.Delete(tx, "a")
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Read(t.Context(), "a"); !errors.Is(err, entity.ErrNotFound) {
		t.Errorf("Read = %v, want ErrNotFound", err)
	}
	mustCreate(t, k, "a", 1)
	if got := balance(t, k, "a"); got != 1 {
		t.Errorf("balance = %d, want 1", got)
	}
}

func TestInOrNewCreatesOnlyWhatIsNotZero(t *testing.T) {
	n, k := bank(t, memory(t))
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		for _, id := range []string{"zero", "some"} {
			other, err := k.InOrNew(tx, id)
			if err != nil {
				return err
			}
			if id == "some" {
				other.Balance = 1
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	zero, some := record(t, n.driver, "account", "zero").Rev, record(t, n.driver, "account", "some").Rev
	if zero != 0 || some != 1 {
		t.Errorf("revisions: zero %d, some %d; want 0 and 1", zero, some)
	}
}

func TestManyEntitiesInOneTransaction(t *testing.T) {
	_, k := bank(t, memory(t))
	const many = 200
	for range 2 {
		err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
			for i := range many {
				other, err := k.InOrNew(tx, fmt.Sprint(i))
				if err != nil {
					return err
				}
				other.Balance += i + 1
			}
			again, err := k.In(tx, "0")
			if err == nil {
				again.Balance++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if first, last := balance(t, k, "0"), balance(t, k, fmt.Sprint(many-1)); first != 4 || last != 2*many {
		t.Errorf("balances = %d and %d, want 4 and %d", first, last, 2*many)
	}
}

func TestTransactionIsOfNoUseAfterItsEnd(t *testing.T) {
	_, k := bank(t, memory(t))
	var kept *entity.Tx
	if err := k.Update(t.Context(), "a", func(tx *entity.Tx, _ *account) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := k.In(kept, "b"); err == nil || errors.Is(err, entity.ErrNotFound) {
		t.Errorf("In = %v, want an error that says so", err)
	}
}

func TestEffectsHappenInTheOrderTheyWereAskedFor(t *testing.T) {
	n, k := bank(t, memory(t))
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		s.Balance++
		tx.NotifyPlayers(n.message("joined"), player(1), player(2))
		tx.NotifyPlayers(n.message("to nobody"))
		tx.NotifyAccounts(n.message("befriended"), pragma.SocialID{4})
		tx.NotifyAccounts(n.message("to nobody"))
		for i := range 3 { // three changes, one notification in the place of the first
			tx.NotifyLater("slot", func() *pragma.Notification { return n.message("balance %d, first asked at %d", s.Balance, i) }, player(3))
			tx.NotifyPartner(n.message("change %d", i), partner(9))
			s.Balance++
		}
		tx.NotifyLater("other", func() *pragma.Notification { return nil }, player(3))
		tx.After(func(ctx context.Context) { n.note(ctx, "after") })
		for range 2 {
			tx.BeforeCommit("slot", func() error {
				s.Balance *= 2
				tx.BeforeCommit("nested", func() error {
					tx.NotifyPlayers(n.message("from the end"), player(1))
					return nil
				})
				return nil
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"player 1: joined", "player 2: joined", "account 4: befriended",
		"player 3: balance 28, first asked at 0",
		"partner 9: change 0", "partner 9: change 1", "partner 9: change 2",
		"after",
		"player 1: from the end",
	}
	if diff := cmp.Diff(n.took(), want); diff != "" {
		t.Errorf("effects (-got +want):\n%s", diff)
	}
	if got := balance(t, k, "a"); got != 28 {
		t.Errorf("balance = %d, want 28", got)
	}
}

func TestEffectsHappenBeforeTheNextUpdateBegins(t *testing.T) {
	n, k := bank(t, memory(t))
	first := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
			tx.After(func(ctx context.Context) {
				close(first)
				n.note(ctx, "effect of the first")
			})
			return nil
		})
	}()
	<-first
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		n.note(t.Context(), "second")
		return nil
	})
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(n.took(), []string{"effect of the first", "second"}); diff != "" {
		t.Errorf("order (-got +want):\n%s", diff)
	}
}

func TestPanicInAfterIsLoggedAndTheRestStillHappens(t *testing.T) {
	n, k := bank(t, memory(t))
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		s.Balance++
		tx.After(func(context.Context) { panic("oops") })
		tx.NotifyPlayers(n.message("hello"), player(1))
		return nil
	})
	if err != nil {
		t.Errorf("Update = %v, want nil: the commit stands", err)
	}
	if diff := cmp.Diff(n.took(), []string{"player 1: hello"}); diff != "" || n.lines.count("panicked") != 1 {
		t.Errorf("sent (-got +want):\n%s\nlog: %s", diff, n.lines.text.String())
	}
}

func TestEffectsSurviveTheEndOfTheCallersContext(t *testing.T) {
	n, k := bank(t, memory(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := k.Update(ctx, "a", func(tx *entity.Tx, s *account) error {
		s.Balance++
		tx.After(func(context.Context) { cancel() })
		tx.NotifyPlayers(n.message("hello"), player(1)) // the node checks the context
		return nil
	})
	if err != nil || len(n.took()) != 1 {
		t.Errorf("Update = %v, want nil and one notification", err)
	}
}

func TestNowIsTheSameDuringOneRun(t *testing.T) {
	_, k := bank(t, memory(t))
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		first := tx.Now()
		for range 1000 {
			if now := tx.Now(); !now.Equal(first) {
				return fmt.Errorf("%v, then %v", first, now)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
