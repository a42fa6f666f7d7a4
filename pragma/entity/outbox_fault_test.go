package entity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func TestTwoNodesDeliverACallOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		world := newShop()
		world.set(5*time.Second, nil)
		var nodes []*customers
		for range 2 {
			d, _ := open(t.Context())
			d = storetest.Faulty(d, storetest.Faults{Latency: 10 * time.Millisecond})
			nodes = append(nodes, newCustomers(t, d, world, entity.LaneOptions[order, receipt]{}))
		}
		for i := range 20 {
			nodes[i%2].mustOrder(t, fmt.Sprint(i), "sword")
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if calls := world.took(); len(calls) != 20 {
			t.Errorf("%d calls, want 20: %q", len(calls), calls)
		}
		for _, c := range nodes {
			c.stop()
		}
	})
}

func TestCallOfADeadNodeIsMadeAgainWhenItsLeaseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		d, _ := open(t.Context())
		world := newShop()
		c := newCustomers(t, d, world, entity.LaneOptions[order, receipt]{Timeout: 20 * time.Second})
		world.set(19*time.Second, nil)
		c.mustOrder(t, "a", "sword")
		time.Sleep(time.Second)
		if err := d.Close(); err != nil { // as good as kill -9: nothing can be committed any more
			t.Fatal(err)
		}
		world.set(0, nil)
		d2, _ := open(t.Context())
		again := newCustomers(t, d2, world, entity.LaneOptions[order, receipt]{Timeout: 20 * time.Second})
		time.Sleep(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff(world.took(), []string{"a sword #1 at 0s", "a sword #2 at 30s"}); diff != "" {
			t.Errorf("calls (-got +want):\n%s", diff)
		}
		if got := again.state(t, "a"); got != "9 sword, receipt 1" {
			t.Errorf("state = %s", got)
		}
		c.stop()
		again.stop()
	})
}

func TestNodeThatStartsAgainDoesNotWaitForItsOwnLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		d, _ := open(t.Context())
		world := newShop()
		world.node = "node-1"
		c := newCustomers(t, d, world, entity.LaneOptions[order, receipt]{Timeout: 20 * time.Second})
		world.set(19*time.Second, nil)
		c.mustOrder(t, "a", "sword")
		time.Sleep(time.Second)
		if err := d.Close(); err != nil { // as good as kill -9
			t.Fatal(err)
		}
		world.set(0, nil)
		d2, _ := open(t.Context())
		again := newCustomers(t, d2, world, entity.LaneOptions[order, receipt]{Timeout: 20 * time.Second})
		time.Sleep(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff(world.took(), []string{"a sword #1 at 0s", "a sword #2 at 1s"}); diff != "" {
			t.Errorf("calls (-got +want):\n%s", diff)
		}
		c.stop()
		again.stop()
	})
}

func TestFailureOfAnOverdueAttemptDoesNotDisturbTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		d, _ := open(t.Context())
		stuck := newShop()
		o := entity.LaneOptions[order, receipt]{Timeout: time.Second}
		c := newCustomers(t, d, stuck, o)
		stuck.set(0, func(call *entity.Call[order]) error {
			time.Sleep(15 * time.Second) // ignores its context, and its lease of 11 s
			return entity.Permanent(errors.New("too late to matter"))
		})
		c.mustOrder(t, "a", "sword")
		time.Sleep(time.Second)
		d2, _ := open(t.Context())
		world := newShop()
		world.set(0, func(call *entity.Call[order]) error {
			time.Sleep(5 * time.Second)
			return nil
		})
		again := newCustomers(t, d2, world, o)
		time.Sleep(time.Minute)
		synctest.Wait()
		if dead := again.dead(t); dead != nil {
			t.Errorf("dead letters: %q", dead)
		}
		if s, err := again.kind.Read(t.Context(), "a"); err != nil || s.Owner != "sword, receipt 1" {
			t.Errorf("state = %+v, %v", s, err)
		}
		c.stop()
		again.stop()
	})
}

func TestShutdownEndsAnAttemptWithoutLosingTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := store.Memory()
		d, _ := open(t.Context())
		world := newShop()
		c := newCustomers(t, d, world, entity.LaneOptions[order, receipt]{})
		world.set(5*time.Second, nil)
		c.mustOrder(t, "a", "sword")
		time.Sleep(time.Second)
		c.stop() // ends the context of Deliver
		d2, _ := open(t.Context())
		again := newCustomers(t, d2, world, entity.LaneOptions[order, receipt]{})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		want := []string{"a sword #1 at 0s", "a sword #1 at 1s"} // the interrupted attempt does not count
		if diff := cmp.Diff(world.took(), want); diff != "" {
			t.Errorf("calls (-got +want):\n%s", diff)
		}
		if got := again.state(t, "a"); got != "9 sword, receipt 1" {
			t.Errorf("state = %s", got)
		}
		again.stop()
	})
}

// TestOutboxInABadWorld lets everything fail now and then: every order is
// delivered or paid back, exactly once.
func TestOutboxInABadWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(t, storetest.Faults{})
		world := newShop()
		c := newCustomers(t, d, world, entity.LaneOptions[order, receipt]{})
		world.set(time.Second, func(call *entity.Call[order]) error {
			switch (len(call.Key) + call.Attempt + int(call.Key[0])) % 4 {
			case 0:
				return errors.New("no")
			case 1:
				panic("oops")
			case 2:
				if call.Attempt > 1 {
					return entity.Permanent(errors.New("never"))
				}
			}
			return nil
		})
		for i := range 60 {
			mustCreate(t, c.kind, fmt.Sprint(i), 10)
		}
		d.Set(storetest.Faults{Conflict: 0.1, UnknownBefore: 0.1, UnknownAfter: 0.1, Unavailable: 0.1, Read: 0.05, Latency: time.Millisecond})
		for i := range 60 {
			for c.order(t, fmt.Sprint(i), "sword") != nil {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		d.Set(storetest.Faults{})
		dead := len(c.dead(t))
		delivered := 0
		for i := range 60 {
			switch got := c.state(t, fmt.Sprint(i)); {
			case strings.HasPrefix(got, "9 sword, receipt "):
				delivered++
			case strings.HasPrefix(got, "10 owner of "):
			default:
				t.Errorf("account %d: %s", i, got)
			}
		}
		if delivered+dead != 60 || delivered == 0 || dead == 0 {
			t.Errorf("%d delivered, %d dead; want 60 together and some of both", delivered, dead)
		}
		c.stop()
	})
}

func TestRequestsOfOtherVersionsTravelOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		c.shop.set(0, func(*entity.Call[order]) error { return errors.New("no") })
		next := time.Now().UTC().Format(time.RFC3339)
		body := `{"request":{"item":"sword","colour":"red"},"created":"` + next + `","expires":"2100-01-01T00:00:00Z","attempt":0,"next":"` + next + `","priority":1}`
		b := &store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "outbox/shop", ID: "a"}, Due: time.Now(), Body: []byte(body)}}}
		if err := store.Commit(t.Context(), c.driver, b); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		got := string(record(t, c.driver, "outbox/shop", "a").Body)
		if !strings.Contains(got, `"colour":"red"`) || !strings.Contains(got, `"priority":1`) || !strings.Contains(got, `"error":"no"`) {
			t.Errorf("body = %s", got)
		}
		c.stop()
	})
}

func TestUnreadableRequestBecomesADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCustomers(t, memory(t), newShop(), entity.LaneOptions[order, receipt]{})
		mustCreate(t, c.kind, "a", 10)
		b := &store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "outbox/shop", ID: "a"}, Due: time.Now(), Body: []byte(`{"request":{"item":1}}`)}}}
		if err := store.Commit(t.Context(), c.driver, b); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		seen := 0
		for d, err := range c.lane.DeadLetters(t.Context()) {
			if err != nil && d.Key == "a" && strings.Contains(d.Error, "decode the request") {
				seen++
			}
		}
		if calls := c.shop.took(); seen != 1 || calls != nil {
			t.Errorf("%d dead letters, calls %q; want one and none", seen, calls)
		}
		c.stop()
	})
}
