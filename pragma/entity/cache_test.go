package entity_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func TestCacheStaysBelowItsLimit(t *testing.T) {
	n, k := bank(t, memory(t))
	entity.LimitCache(n.engine, 10_000)
	for i := range 100 {
		id := fmt.Sprint(i)
		if err := k.Create(t.Context(), id, func(_ *entity.Tx, s *account) error {
			s.Owner = strings.Repeat("x", 500)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	entries, bytes, flights := entity.Cached(n.engine)
	if bytes > 10_000 || entries < 5 || entries > 20 || flights != 0 {
		t.Errorf("%d entries, %d bytes, %d flights", entries, bytes, flights)
	}
	if got := balance(t, k, "a"); got != 10 {
		t.Errorf("balance = %d, want 10", got)
	}
}

func TestCacheForgetsEverythingAboutADeletedEntity(t *testing.T) {
	n, k := bank(t, memory(t))
	before, size, _ := entity.Cached(n.engine)
	mustCreate(t, k, "b", 1)
	if err := k.Update(t.Context(), "b", func(tx *entity.Tx, _ *account) error { return k.Delete(tx, "b") }); err != nil {
		t.Fatal(err)
	}
	entries, bytes, flights := entity.Cached(n.engine)
	if entries != before || bytes != size || flights != 0 {
		t.Errorf("%d entries, %d bytes, %d flights; want %d, %d, 0", entries, bytes, flights, before, size)
	}
}

// TestReadsNeverGoBackwards has writers that change two entities at once under
// changing primaries, delete and recreate one of them, and readers that must
// never see less than what they saw, or than what was acknowledged.
func TestReadsNeverGoBackwards(t *testing.T) {
	d := faulty(t, storetest.Faults{Seed: 4, Conflict: 0.1})
	n := newNode(t, d)
	k := accounts(n)
	n.start()
	ids := []string{"a", "b"}
	for _, id := range ids {
		mustCreate(t, k, id, 0)
	}
	var acknowledged atomic.Int64
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				least := int(acknowledged.Load())
				s, err := k.Read(t.Context(), ids[rand.IntN(2)])
				if err != nil {
					t.Error(err)
					return
				}
				if s.Balance < last || s.Balance < least {
					t.Errorf("read %d after %d, with %d acknowledged", s.Balance, last, least)
					return
				}
				last = s.Balance
			}
		})
	}
	for i := range 4 {
		writers.Go(func() {
			for range 200 {
				bump(t, k, ids[i%2], ids[(i+1)%2], &acknowledged)
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if _, _, flights := entity.Cached(n.engine); flights != 0 {
		t.Errorf("%d keys are still marked as being read or written", flights)
	}
}

// bump moves both entities to the next number; one of them dies and comes back.
func bump(t *testing.T, k *entity.Kind[account], id, other string, acknowledged *atomic.Int64) {
	next := 0
	err := k.Update(t.Context(), id, func(tx *entity.Tx, s *account) error {
		o, err := k.In(tx, other)
		if err != nil {
			return err
		}
		next = s.Balance + 1
		if next%3 == 0 {
			if err := k.Delete(tx, other); err != nil {
				return err
			}
			if o, err = k.New(tx, other); err != nil {
				return err
			}
		}
		s.Balance, o.Balance = next, next
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if err == nil {
		for {
			have := acknowledged.Load()
			if have >= int64(next) || acknowledged.CompareAndSwap(have, int64(next)) {
				return
			}
		}
	}
}
