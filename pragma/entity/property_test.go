package entity_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// transfer is one random command: move an amount from one account to some others.
type transfer struct {
	from    int
	to      []int
	amount  int
	close   bool // delete the account afterwards; what is left goes to the first receiver
	refuse  bool // the function returns an error after its changes
	outcome error
}

// world is the plan of one run.
type world struct {
	accounts int
	workers  [][]*transfer
	faults   storetest.Faults
	cache    int // bytes
}

const opening = 100 // balance

func drawWorld(rt *rapid.T) world {
	w := world{accounts: rapid.IntRange(2, 6).Draw(rt, "accounts")}
	chance := rapid.SampledFrom([]float64{0, 0, 0.05, 0.2})
	w.faults = storetest.Faults{
		Seed:          rapid.Uint64().Draw(rt, "seed"),
		Conflict:      chance.Draw(rt, "conflict"),
		UnknownBefore: chance.Draw(rt, "unknownBefore"),
		UnknownAfter:  chance.Draw(rt, "unknownAfter"),
		Unavailable:   chance.Draw(rt, "unavailable"),
		Read:          chance.Draw(rt, "read"),
		Latency:       rapid.SampledFrom([]time.Duration{0, time.Millisecond}).Draw(rt, "latency"),
	}
	w.cache = rapid.SampledFrom([]int{0, 1000, 1 << 20}).Draw(rt, "cache")
	index := rapid.IntRange(0, w.accounts-1)
	for range rapid.IntRange(1, 8).Draw(rt, "workers") {
		var plan []*transfer
		for range rapid.IntRange(1, 12).Draw(rt, "commands") {
			plan = append(plan, &transfer{
				from:   index.Draw(rt, "from"),
				to:     rapid.SliceOfN(index, 1, 3).Draw(rt, "to"),
				amount: rapid.IntRange(0, 30).Draw(rt, "amount"),
				close:  rapid.IntRange(0, 5).Draw(rt, "close") == 0,
				refuse: rapid.IntRange(0, 5).Draw(rt, "refuse") == 0,
			})
		}
		w.workers = append(w.workers, plan)
	}
	return w
}

// TestBankKeepsItsMoney moves money between accounts from many goroutines on two
// nodes while the store misbehaves. Whatever happens, the sum stays the same, no
// command takes effect twice, and there are effects of exactly those commands
// that were answered with success.
func TestBankKeepsItsMoney(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		var problems []string
		synctest.Test(t, func(t *testing.T) { problems = w.run(t) })
		if problems != nil {
			rt.Fatal(strings.Join(problems, "\n"))
		}
	})
}

type branch struct {
	*node
	accounts *entity.Kind[account]
	ledger   *entity.Kind[string]
}

func (w world) run(t *testing.T) (problems []string) {
	open := store.Memory()
	var branches []*branch
	var drivers []*storetest.FaultyDriver
	for range 2 {
		d, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f := storetest.Faulty(d, w.faults)
		f.Set(storetest.Faults{})
		n := newNode(t, f)
		entity.LimitCache(n.engine, w.cache)
		branches = append(branches, &branch{n, accounts(n), entity.OfHost(n.engine, n, "ledger", entity.Options[string]{})})
		drivers = append(drivers, f)
	}
	for i := range w.accounts {
		mustCreate(t, branches[0].accounts, fmt.Sprint(i), opening)
	}
	for _, d := range drivers {
		d.Set(w.faults)
	}
	var wg sync.WaitGroup
	for i, plan := range w.workers {
		wg.Go(func() {
			for j, c := range plan {
				c.outcome = branches[i%2].do(t, fmt.Sprintf("%d.%d", i, j), c)
			}
		})
	}
	wg.Wait()
	for _, d := range drivers {
		d.Set(storetest.Faults{})
	}
	return w.check(t, branches)
}

var errRefused = errors.New("refused")

// do runs one command. Its entry in the ledger is made in the same commit, so a
// command that took effect twice would find its own entry.
func (b *branch) do(t *testing.T, command string, c *transfer) error {
	id := fmt.Sprint(c.from)
	return b.accounts.Update(t.Context(), id, func(tx *entity.Tx, from *account) error {
		entry, err := b.ledger.New(tx, command)
		if err != nil {
			return fmt.Errorf("command %s again: %w", command, err)
		}
		*entry = "done"
		tx.NotifyPlayers(b.message("%s", command), player(1))
		var first *account
		for _, to := range c.to {
			other, err := b.accounts.In(tx, fmt.Sprint(to))
			if err != nil {
				return err
			}
			from.Balance -= c.amount
			other.Balance += c.amount
			if first == nil {
				first = other
			}
		}
		if c.close && first != from {
			first.Balance += from.Balance
			from.Balance = 0
			if err := b.accounts.Delete(tx, id); err != nil {
				return err
			}
		}
		if c.refuse {
			return errRefused
		}
		return nil
	})
}

// expected reports whether an error may come from a closed account, from the
// command itself or from a misbehaving store.
func expected(err error) bool {
	for _, target := range []error{entity.ErrNotFound, errRefused, pragma.ErrUnavailable, store.ErrUnavailable} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func (w world) check(t *testing.T, branches []*branch) (problems []string) {
	fail := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	sum := 0
	for item, err := range branches[0].accounts.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		sum += item.State.Balance
	}
	if sum != w.accounts*opening {
		fail("the sum is %d, want %d", sum, w.accounts*opening)
	}
	effects := make(map[string]int)
	for _, b := range branches {
		for _, s := range b.took() {
			effects[strings.TrimPrefix(s, "player 1: ")]++
		}
		if held := entity.LocksHeld(b.engine); held != 0 {
			fail("%d locks are held", held)
		}
		if _, _, flights := entity.Cached(b.engine); flights != 0 {
			fail("%d keys are marked as being read or written", flights)
		}
	}
	for i, plan := range w.workers {
		for j, c := range plan {
			command := fmt.Sprintf("%d.%d", i, j)
			applied := record(t, branches[0].driver, "ledger", command).Rev != 0
			switch {
			case errors.Is(c.outcome, store.ErrUnknown):
				if effects[command] != 0 {
					fail("%s: unknown outcome, %d effects", command, effects[command])
				}
			case errors.Is(c.outcome, entity.ErrExists):
				fail("%s took effect twice", command)
			case c.outcome == nil:
				if !applied || effects[command] != 1 {
					fail("%s: acknowledged, applied: %t, %d effects", command, applied, effects[command])
				}
			case applied || effects[command] != 0:
				fail("%s: %v, applied: %t, %d effects", command, c.outcome, applied, effects[command])
			case !expected(c.outcome):
				fail("%s: unexpected error %v", command, c.outcome)
			}
			if c.refuse && c.outcome == nil {
				fail("%s: refused and acknowledged", command)
			}
		}
	}
	return problems
}
