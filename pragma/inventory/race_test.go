package inventory_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func gold(amount int64, key string) *inventory.Operations {
	return &inventory.Operations{
		StackableGrants: []inventory.StackableGrant{{CatalogID: "gold", Amount: amount}}, IdempotencyKey: key,
	}
}

func TestGrantsAtTheSameTimeAllCount(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		copied := newCopy(robin.full())
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := w.items.Apply(t.Context(), robin.id, gold(2, "")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.same("inventory", names(robin.full()), m{"gold": "100"})
		w.same("version", robin.full()["version"], "50")
		copied.follow(t, robin.told())
		w.same("what the client made of the segments", copied.full(), robin.full())
	})
}

func TestOnlyOneOfManyWithTheSameKeyCounts(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		var wg sync.WaitGroup
		var mu sync.Mutex
		first := 0
		for range 50 {
			wg.Go(func() {
				u, err := w.items.Apply(t.Context(), robin.id, gold(2, "game 7"))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if !u.Repeated {
					first++
				}
			})
		}
		wg.Wait()
		if first != 1 {
			t.Errorf("%d requests counted, want 1", first)
		}
		w.same("inventory", names(robin.full()), m{"gold": "2"})
	})
}

// TestKeysHoldWhateverTheStoreDoes repeats requests until they have a definite
// answer, on a store that is as if other nodes and a bad network were at work.
func TestKeysHoldWhateverTheStoreDoes(t *testing.T) {
	faults := storetest.Faults{Seed: 7, Conflict: 0.3, UnknownBefore: 0.1, UnknownAfter: 0.1, Unavailable: 0.1, Latency: 5 * time.Millisecond}
	db := storetest.Faulty(store.NewMemory(), faults)
	db.Set(storetest.Faults{})
	run(t, options{open: memory(db)}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		db.Set(faults)
		var wg sync.WaitGroup
		for n := range 40 {
			wg.Go(func() {
				for tries := 0; ; tries++ {
					_, err := w.items.Apply(t.Context(), robin.id, gold(1, fmt.Sprint("game ", n/2))) // two of each
					if err == nil {
						return
					}
					if tries == 1000 {
						t.Errorf("game %d: %v", n/2, err)
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		wg.Wait()
		db.Set(storetest.Faults{})
		w.same("inventory", names(robin.full()), m{"gold": "20"})
		w.same("version", robin.full()["version"], "20")
	})
}

func TestItemsChangeWithAnEntityOrNotAtAll(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		errTooSoon := errors.New("too soon")
		finish := func(after error) error {
			return w.lab.quests.Upsert(t.Context(), "dragon", func(tx *entity.Tx, q *quest) error {
				q.Done = true
				if _, err := w.items.ApplyIn(tx, robin.id, gold(100, "dragon")); err != nil {
					return err
				}
				return after
			})
		}
		if err := finish(errTooSoon); !errors.Is(err, errTooSoon) {
			t.Errorf("error = %v", err)
		}
		w.same("nothing has happened", names(robin.full()), m{})
		w.same("told", robin.told(), []m(nil))
		for range 2 {
			if err := finish(nil); err != nil {
				t.Error(err)
			}
		}
		w.same("inventory", names(robin.full()), m{"gold": "100"})
		robin.update()

		err := w.lab.quests.Upsert(t.Context(), "dragon", func(tx *entity.Tx, _ *quest) error {
			if _, err := w.items.Read(tx.Context(), robin.id); err != nil {
				t.Errorf("reading within an update: %v", err)
			}
			_, err := w.items.ApplyIn(tx, pragma.PlayerID{}, gold(1, ""))
			return err
		})
		if !isError(err, inventory.ErrPlayerNotFound) {
			t.Errorf("of nobody: %v", err)
		}
	})
}
