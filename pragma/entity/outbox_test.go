package entity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

type order struct {
	Item string `json:"item"`
}

type receipt struct{ Number int }

// shop is the outside world: it recognises keys and answers as the test says.
type shop struct {
	node string // the name of the nodes; empty: each has its own

	mu     sync.Mutex
	begin  time.Time
	calls  []string
	orders map[string]receipt // by idempotency key
	answer func(c *entity.Call[order]) error
	takes  time.Duration
}

func newShop() *shop {
	return &shop{begin: time.Now(), orders: make(map[string]receipt), answer: func(*entity.Call[order]) error { return nil }}
}

func (s *shop) deliver(ctx context.Context, c *entity.Call[order]) (receipt, error) {
	s.mu.Lock()
	s.calls = append(s.calls, fmt.Sprint(c.Key, " ", c.Request.Item, " #", c.Attempt, " at ", time.Since(s.begin)))
	answer, takes := s.answer, s.takes
	s.mu.Unlock()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return receipt{}, context.Cause(ctx)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := answer(c); err != nil {
		return receipt{}, err
	}
	if _, done := s.orders[c.Key]; !done {
		s.orders[c.Key] = receipt{len(s.orders) + 1}
	}
	return s.orders[c.Key], nil
}

func (s *shop) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *shop) set(takes time.Duration, answer func(c *entity.Call[order]) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = takes
	if answer != nil {
		s.answer = answer
	}
}

// customers are accounts that order things: an order costs 1, a receipt is noted
// as the owner, a dead letter is paid back.
type customers struct {
	*node
	shop *shop
	kind *entity.Kind[account]
	lane *entity.Lane[order, receipt]
}

func newCustomers(t testing.TB, d store.Driver, s *shop, o entity.LaneOptions[order, receipt]) *customers {
	t.Helper()
	c := &customers{node: newNode(t, d), shop: s}
	c.called = s.node
	c.kind = accounts(c.node)
	o.Deliver = s.deliver
	o.Delivered = func(tx *entity.Tx, call *entity.Call[order], r receipt) error {
		a, err := c.kind.In(tx, call.Key)
		if err != nil {
			return err
		}
		a.Owner = fmt.Sprintf("%s, receipt %d", call.Request.Item, r.Number)
		tx.NotifyPlayers(c.message("%s delivered", call.Key), player(1))
		return nil
	}
	o.Dead = func(tx *entity.Tx, call *entity.Call[order], cause error) error {
		a, err := c.kind.In(tx, call.Key)
		if err != nil {
			return err
		}
		a.Balance++
		tx.NotifyPlayers(c.message("%s failed", call.Key), player(1))
		return nil
	}
	c.lane = entity.NewLaneHost(c.engine, c.node, "shop", o)
	c.start()
	return c
}

func (c *customers) order(t testing.TB, id, item string) error {
	t.Helper()
	return c.kind.Update(t.Context(), id, func(tx *entity.Tx, s *account) error {
		s.Balance--
		return c.lane.Call(tx, id, order{item})
	})
}

func (c *customers) mustOrder(t testing.TB, id, item string) {
	t.Helper()
	mustCreate(t, c.kind, id, 10)
	if err := c.order(t, id, item); err != nil {
		t.Fatal(err)
	}
}

func (c *customers) state(t testing.TB, id string) string {
	t.Helper()
	s, err := c.kind.Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", s.Balance, s.Owner)
}

func (c *customers) dead(t testing.TB) []string {
	t.Helper()
	var got []string
	for d, err := range c.lane.DeadLetters(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s #%d: %s", d.Key, d.Request.Item, d.Attempt, d.Error))
	}
	return got
}

func TestCallIsMadeOnceItsCommitIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		c.mustOrder(t, "a", "sword")
		err := c.kind.Update(t.Context(), "a", func(tx *entity.Tx, _ *account) error {
			if err := c.lane.Call(tx, "never", order{"shield"}); err != nil {
				return err
			}
			return errors.New("changed my mind")
		})
		if err == nil {
			t.Error("the refused update succeeded")
		}
		synctest.Wait()
		if diff := cmp.Diff(c.shop.took(), []string{"a sword #1 at 0s"}); diff != "" {
			t.Errorf("calls (-got +want):\n%s", diff)
		}
		if got := c.state(t, "a"); got != "9 sword, receipt 1" {
			t.Errorf("state = %s", got)
		}
		if diff := cmp.Diff(c.took(), []string{"player 1: a delivered"}); diff != "" {
			t.Errorf("sent (-got +want):\n%s", diff)
		}
		if rev := record(t, c.driver, "outbox/shop", "a").Rev; rev != 0 {
			t.Error("the delivered call is still in the lane")
		}
		c.stop()
	})
}

func TestSecondCallWithTheSameKeyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		c.shop.set(time.Second, nil)
		c.mustOrder(t, "a", "sword")
		if err := c.order(t, "a", "sword"); !errors.Is(err, entity.ErrExists) {
			t.Errorf("order = %v, want ErrExists", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := c.state(t, "a"); got != "9 sword, receipt 1" {
			t.Errorf("state = %s", got)
		}
		c.stop()
	})
}

func TestFailedCallIsRepeatedWithGrowingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		c.shop.set(0, func(call *entity.Call[order]) error {
			switch {
			case call.Attempt == 2:
				panic("oops")
			case call.Attempt < 6:
				return errors.New("no")
			}
			return nil
		})
		c.mustOrder(t, "a", "sword")
		time.Sleep(31 * time.Second) // 1 + 2 + 4 + 8 + 16 s at most
		synctest.Wait()
		if calls := c.shop.took(); len(calls) != 6 {
			t.Errorf("calls: %q, want six", calls)
		}
		if got := c.state(t, "a"); got != "9 sword, receipt 1" {
			t.Errorf("state = %s", got)
		}
		c.stop()
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		c.shop.set(0, func(call *entity.Call[order]) error {
			if call.Attempt == 1 {
				return fmt.Errorf("shop: %w", entity.RetryAfter(errors.New("come back later"), time.Hour))
			}
			return nil
		})
		c.mustOrder(t, "a", "sword")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if diff := cmp.Diff(c.shop.took(), []string{"a sword #1 at 0s", "a sword #2 at 1h0m0s"}); diff != "" {
			t.Errorf("calls (-got +want):\n%s", diff)
		}
		c.stop()
	})
}

func TestCallsThatAreGivenUpBecomeDeadLetters(t *testing.T) {
	for _, x := range []struct {
		name    string
		answer  error
		options entity.LaneOptions[order, receipt]
		takes   time.Duration
		dead    string
	}{
		{"at once after a permanent error", entity.Permanent(errors.New("no such item")), entity.LaneOptions[order, receipt]{}, 0, "a sword #1: no such item"},
		{"when the deadline has passed", errors.New("no"), entity.LaneOptions[order, receipt]{
			MinBackoff: time.Minute, MaxBackoff: time.Minute, Deadline: 20 * time.Second,
		}, 0, "a sword #1: no"},
		{"when every attempt takes too long", nil, entity.LaneOptions[order, receipt]{
			Timeout: time.Second, Deadline: time.Second,
		}, time.Minute, "a sword #1: call took longer than 1s"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCustomers(t, memory(t), newShop(), x.options)
				c.shop.set(x.takes, func(*entity.Call[order]) error { return x.answer })
				c.mustOrder(t, "a", "sword")
				time.Sleep(time.Hour)
				synctest.Wait()
				if diff := cmp.Diff(c.dead(t), []string{x.dead}); diff != "" {
					t.Errorf("dead letters (-got +want):\n%s", diff)
				}
				if got := c.state(t, "a"); got != "10 owner of a" {
					t.Errorf("state = %s, want the money back", got)
				}
				if n := c.lines.count("outbox call given up"); n != 1 {
					t.Errorf("logged %d times, want once", n)
				}
				c.shop.set(0, func(*entity.Call[order]) error { return nil })
				if err := c.lane.Retry(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got, dead := c.state(t, "a"), c.dead(t); got != "10 sword, receipt 1" || dead != nil {
					t.Errorf("after Retry: state = %s, dead letters %q", got, dead)
				}
				if err := c.lane.Retry(t.Context(), "a"); !errors.Is(err, entity.ErrNotFound) {
					t.Errorf("second Retry = %v, want ErrNotFound", err)
				}
				c.stop()
			})
		})
	}
}

func TestCallThatWaitedTooLongIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		d, _ := open(t.Context())
		c := newCustomers(t, d, newShop(), entity.LaneOptions[order, receipt]{})
		c.shop.set(0, func(*entity.Call[order]) error { return errors.New("no") })
		c.mustOrder(t, "a", "sword")
		synctest.Wait()
		c.stop()
		time.Sleep(25 * time.Hour) // nobody is there
		d2, _ := open(t.Context())
		again := newCustomers(t, d2, newShop(), entity.LaneOptions[order, receipt]{})
		synctest.Wait()
		if calls := again.shop.took(); calls != nil {
			t.Errorf("calls: %q, want none", calls)
		}
		if dead := again.dead(t); len(dead) != 1 || !strings.Contains(dead[0], "deadline") || !strings.Contains(dead[0], "the last one: no") {
			t.Errorf("dead letters: %q", dead)
		}
		again.stop()
	})
}

func TestErrorOfDeliveredCountsAsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		c.mustOrder(t, "a", "sword")
		err := c.kind.Update(t.Context(), "a", func(tx *entity.Tx, _ *account) error {
			return c.lane.Call(tx, "b", order{"shield"}) // there is no account b to take the receipt
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		mustCreate(t, c.kind, "b", 0)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := c.state(t, "b"); !strings.HasPrefix(got, "0 shield, receipt ") {
			t.Errorf("state = %s", got)
		}
		if calls := c.shop.took(); len(calls) < 4 {
			t.Errorf("calls: %q, want several for b", calls)
		}
		c.stop()
	})
}

func TestCancelledCallIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		c.shop.set(5*time.Second, nil)
		c.mustOrder(t, "a", "sword")
		time.Sleep(time.Second)
		cancel := func(tx *entity.Tx, s *account) error {
			s.Owner = "cancelled"
			return c.lane.Cancel(tx, "a")
		}
		if err := c.kind.Update(t.Context(), "a", cancel); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := c.state(t, "a"); got != "9 cancelled" {
			t.Errorf("state = %s: the result of a cancelled call must be thrown away", got)
		}
		if err := c.kind.Update(t.Context(), "a", cancel); !errors.Is(err, entity.ErrNotFound) {
			t.Errorf("second Cancel = %v, want ErrNotFound", err)
		}
		c.stop()
	})
}

func TestSlowLaneDoesNotDelayAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, memory(t))
		k := accounts(n)
		slow, fast := newShop(), newShop()
		slow.set(9*time.Second, nil)
		one := entity.NewLaneHost(n.engine, n, "slow", entity.LaneOptions[order, receipt]{Deliver: slow.deliver, Concurrency: 2})
		two := entity.NewLaneHost(n.engine, n, "fast", entity.LaneOptions[order, receipt]{Deliver: fast.deliver})
		n.start()
		err := k.Upsert(t.Context(), "a", func(tx *entity.Tx, _ *account) error {
			var errs []error
			for i := range 6 {
				errs = append(errs, one.Call(tx, fmt.Sprint(i), order{"x"}), two.Call(tx, fmt.Sprint(i), order{"y"}))
			}
			return errors.Join(errs...)
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s, f := len(slow.took()), len(fast.took()); s != 2 || f != 6 {
			t.Errorf("%d slow and %d fast calls have begun, want 2 and 6", s, f)
		}
		time.Sleep(18 * time.Second)
		synctest.Wait()
		if s := len(slow.took()); s != 4 {
			t.Errorf("%d more slow calls, want 4", s)
		}
		n.stop()
	})
}
