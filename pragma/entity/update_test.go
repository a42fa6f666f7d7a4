package entity_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

type account struct {
	Owner   string    `json:"owner"`
	Balance int       `json:"balance"`
	Closes  time.Time `json:"closes,omitzero"`
}

// accounts returns a kind of plain accounts on the node.
func accounts(n *node) *entity.Kind[account] {
	return entity.OfHost(n.engine, n, "account", entity.Options[account]{})
}

// bank returns a node with accounts and one account "a" with a balance of 10.
func bank(t *testing.T, d store.Driver) (*node, *entity.Kind[account]) {
	t.Helper()
	n := newNode(t, d)
	k := accounts(n)
	n.start()
	mustCreate(t, k, "a", 10)
	return n, k
}

func mustCreate(t testing.TB, k *entity.Kind[account], id string, balance int) {
	t.Helper()
	err := k.Create(t.Context(), id, func(_ *entity.Tx, s *account) error {
		s.Owner, s.Balance = "owner of "+id, balance
		return nil
	})
	if err != nil {
		t.Fatalf("create %s: %v", id, err)
	}
}

func balance(t testing.TB, k *entity.Kind[account], id string) int {
	t.Helper()
	s, err := k.Read(t.Context(), id)
	if err != nil {
		t.Fatalf("read %s: %v", id, err)
	}
	return s.Balance
}

func add(amount int) func(*entity.Tx, *account) error {
	return func(_ *entity.Tx, s *account) error {
		s.Balance += amount
		return nil
	}
}

func TestUpdateCommitsWhatTheFunctionMadeOfTheCopy(t *testing.T) {
	n, k := bank(t, memory(t))
	if err := k.Update(t.Context(), "a", add(5)); err != nil {
		t.Fatal(err)
	}
	if got := balance(t, k, "a"); got != 15 {
		t.Errorf("balance = %d, want 15", got)
	}
	if got := string(record(t, n.driver, "account", "a").Body); got != `{"owner":"owner of a","balance":15}` {
		t.Errorf("stored body = %s", got)
	}
}

func TestUpdateThatFailsChangesNothing(t *testing.T) {
	refused := &pragma.Error{Code: pragma.FailedPrecondition, Reason: "Bank_Refused"}
	for _, c := range []struct {
		name string
		fn   func(tx *entity.Tx, s *account) error
		want error
	}{
		{"error", func(*entity.Tx, *account) error { return refused }, refused},
		{"panic", func(*entity.Tx, *account) error { panic("oops") }, pragma.ErrInternal},
		{"error before the commit", func(tx *entity.Tx, _ *account) error {
			tx.BeforeCommit(1, func() error { return refused })
			return nil
		}, refused},
		{"panic before the commit", func(tx *entity.Tx, _ *account) error {
			tx.NotifyLater(1, func() *pragma.Notification { panic("oops") }, player(1))
			return nil
		}, pragma.ErrInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, k := bank(t, memory(t))
			err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
				s.Balance = 0
				tx.NotifyPlayers(n.message("no"), player(1))
				tx.After(func(context.Context) { t.Error("After ran") })
				return c.fn(tx, s)
			})
			if !errors.Is(err, c.want) {
				t.Errorf("Update = %v, want %v", err, c.want)
			}
			if got := balance(t, k, "a"); got != 10 {
				t.Errorf("balance = %d, want 10", got)
			}
			if got := record(t, n.driver, "account", "a").Rev; got != 1 {
				t.Errorf("revision = %d, want 1", got)
			}
			if sent := n.took(); sent != nil {
				t.Errorf("sent %q, want nothing", sent)
			}
			if held := entity.LocksHeld(n.engine); held != 0 {
				t.Errorf("%d locks are held", held)
			}
		})
	}
}

func TestPanicIsLoggedWithItsStack(t *testing.T) {
	n, k := bank(t, memory(t))
	_ = k.Update(t.Context(), "a", func(*entity.Tx, *account) error { panic("oops") })
	if n.lines.count("entity code panicked") != 1 || n.lines.count("TestPanicIsLogged") == 0 {
		t.Errorf("log: %s", n.lines.text.String())
	}
}

func TestExistenceDecidesBeforeTheFunctionRuns(t *testing.T) {
	_, k := bank(t, memory(t))
	never := func(*entity.Tx, *account) error {
		t.Error("the function ran")
		return nil
	}
	if err := k.Create(t.Context(), "a", never); !errors.Is(err, entity.ErrExists) {
		t.Errorf("Create = %v, want ErrExists", err)
	}
	if err := k.Update(t.Context(), "b", never); !errors.Is(err, entity.ErrNotFound) {
		t.Errorf("Update = %v, want ErrNotFound", err)
	}
	if _, err := k.Read(t.Context(), "b"); !errors.Is(err, entity.ErrNotFound) {
		t.Errorf("Read = %v, want ErrNotFound", err)
	}
}

func TestCreateKeepsAZeroState(t *testing.T) {
	_, k := bank(t, memory(t))
	if err := k.Create(t.Context(), "zero", add(0)); err != nil {
		t.Fatal(err)
	}
	if got := balance(t, k, "zero"); got != 0 {
		t.Errorf("balance = %d, want 0", got)
	}
}

func TestUpsertCreatesOnlyWhatIsNotZero(t *testing.T) {
	n, k := bank(t, memory(t))
	for id, amount := range map[string]int{"a": 1, "new": 1, "zero": 0} {
		if err := k.Upsert(t.Context(), id, add(amount)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for item, err := range k.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(item.ID, " ", item.State.Balance))
	}
	if diff := cmp.Diff(got, []string{"a 11", "new 1"}); diff != "" {
		t.Errorf("accounts (-got +want):\n%s", diff)
	}
	if rev := record(t, n.driver, "account", "zero").Rev; rev != 0 {
		t.Errorf("zero was created")
	}
}

func TestUnchangedStateIsNotWritten(t *testing.T) {
	n, k := bank(t, memory(t))
	if err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		s.Balance++
		s.Balance--
		tx.NotifyPlayers(n.message("hello"), player(1))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if rev := record(t, n.driver, "account", "a").Rev; rev != 1 {
		t.Errorf("revision = %d, want 1", rev)
	}
	if diff := cmp.Diff(n.took(), []string{"player 1: hello"}); diff != "" {
		t.Errorf("sent (-got +want):\n%s", diff)
	}
}

func TestStateInOtherWordsIsUnchanged(t *testing.T) {
	n, k := bank(t, memory(t))
	put(t, n.driver, "account", "b", ` { "balance" : 3, "owner":"x" } `)
	if err := k.Update(t.Context(), "b", add(0)); err != nil {
		t.Fatal(err)
	}
	if rev := record(t, n.driver, "account", "b").Rev; rev != 1 {
		t.Errorf("revision = %d, want 1: a read must not rewrite a record", rev)
	}
	if err := k.Update(t.Context(), "b", add(1)); err != nil {
		t.Fatal(err)
	}
	if got := string(record(t, n.driver, "account", "b").Body); got != `{"owner":"x","balance":4}` {
		t.Errorf("body = %s", got)
	}
}

func TestWorkingCopiesAreNotShared(t *testing.T) {
	_, k := bank(t, memory(t))
	first, err := k.Read(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	first.Balance = 99
	if got := balance(t, k, "a"); got != 10 {
		t.Errorf("balance = %d, want 10", got)
	}
}

func TestReadWhileAnUpdateRunsSeesTheStateBefore(t *testing.T) {
	_, k := bank(t, memory(t))
	err := k.Update(t.Context(), "a", func(_ *entity.Tx, s *account) error {
		s.Balance = 11
		if got := balance(t, k, "a"); got != 10 {
			t.Errorf("balance = %d, want 10", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
