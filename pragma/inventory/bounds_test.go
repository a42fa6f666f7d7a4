package inventory_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/store"
)

// swords is a request for n swords.
func swords(n int) *inventory.Operations {
	o := new(inventory.Operations)
	for range n {
		o.InstancedGrants = append(o.InstancedGrants, inventory.InstancedGrant{CatalogID: "sword"})
	}
	return o
}

func TestFullInventoryTakesNothingMore(t *testing.T) {
	run(t, options{config: "{maxItems: 3}"}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		old := server.item(robin.id, "sword")
		server.item(robin.id, "curse") // hidden ones count too
		more := m{"playerId": robin.id, "dataOperations": m{"instancedItemServerGrants": list{m{"catalogId": "bow"}}}}
		server.refused("ApplyInventoryOperationsPartnerV1", more, "InventoryService_GrantError")
		server.grant(robin.id, "gold", 5) // a stack that is there is no new item
		server.apply(robin.id, m{         // one for another
			"instancedItemServerGrants":   list{m{"catalogId": "bow"}},
			"instancedItemServerDestroys": list{m{"instanceId": old}},
		})
		w.same("inventory", names(robin.full()), m{"gold": "10", "bow": 1})
	})
}

func TestInventoryHasAnEndInBytes(t *testing.T) {
	run(t, options{config: "{maxBytes: 1000}"}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		item := func(size int) (m, string) {
			return server.try("GrantItemsPartnerV2", m{"playerId": robin.id, "itemGrants": list{
				m{"instanced": m{"catalogId": "sword", "ext": m{"x": strings.Repeat("x", size)}}},
			}})
		}
		granted, refused := item(700)
		if refused != "" {
			t.Fatal(refused)
		}
		if _, refused = item(300); refused != "InventoryService_GrantError" {
			t.Errorf("refused with %q", refused)
		}
		id := granted["updates"].(m)["player"].(m)["segment"].(m)["instanced"].(list)[0].(m)["instanceId"]
		server.do("UpdateItemsPartnerV2", m{"playerId": robin.id, "updates": list{m{"instanced": m{"instanceId": id}}}})
		if _, refused = item(300); refused != "" {
			t.Errorf("after making room: refused with %q", refused)
		}
	})
}

func TestRequestHasAnEnd(t *testing.T) {
	run(t, options{config: "{maxOperations: 5, maxItemExtBytes: 8000}"}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		if _, err := w.items.Apply(t.Context(), robin.id, swords(5)); err != nil {
			t.Error(err)
		}
		stacks := list{}
		for range 6 {
			stacks = append(stacks, m{"stackable": m{"catalogId": "gold", "amount": 1}})
		}
		server.refused("GrantItemsPartnerV2", m{"playerId": robin.id, "itemGrants": stacks}, "SessionService_RequestTooLarge")
		w.same("inventory", names(robin.full()), m{"sword": 5})
	})
	run(t, options{config: "{maxOperations: 4096}"}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		_, err := w.items.Apply(t.Context(), robin.id, swords(3900)) // in one message it would be too large
		if !isError(err, pragma.ErrTooLarge) {
			t.Errorf("an answer of about 1 MiB: %v", err)
		}
		w.same("inventory", names(robin.full()), m{})
	})
}

// counter counts the records that commits write.
type counter struct {
	store.Driver
	puts, bytes atomic.Int64
}

func (c *counter) Commit(ctx context.Context, b *store.Batch) error {
	for _, p := range b.Puts {
		if strings.HasPrefix(p.Key.Kind, "inventory") {
			c.puts.Add(1)
			c.bytes.Add(int64(len(p.Body)))
		}
	}
	return c.Driver.Commit(ctx, b)
}

func TestCostOfAChangeFollowsItsSize(t *testing.T) {
	db := &counter{Driver: store.NewMemory()}
	run(t, options{open: memory(db), config: "{maxItems: 5000}"}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		for range 10 {
			if _, err := w.items.Apply(t.Context(), robin.id, swords(500)); err != nil {
				t.Fatal(err)
			}
		}
		robin.told()
		db.puts.Store(0)
		db.bytes.Store(0)
		if _, err := w.items.Apply(t.Context(), robin.id, &inventory.Operations{
			StackableGrants: []inventory.StackableGrant{{CatalogID: "gold", Amount: 1}},
		}); !isError(err, inventory.ErrGrant) {
			t.Errorf("item 5,001: %v", err)
		}
		c, err := w.items.Read(t.Context(), robin.id)
		if err != nil || len(c.Player.Instanced) != 5000 {
			t.Fatalf("%d items, %v", len(c.Player.Instanced), err)
		}
		_, err = w.items.Apply(t.Context(), robin.id, &inventory.Operations{InstancedDestroys: []inventory.InstanceID{c.Player.Instanced[77].InstanceID}})
		if err != nil {
			t.Fatal(err)
		}
		if puts, bytes := db.puts.Load(), db.bytes.Load(); puts != 2 || bytes > 16<<10 {
			t.Errorf("one of 5,000 items changed: %d records of %d bytes, want the head and a page", puts, bytes)
		}
		full := robin.full()
		w.same("version", full["version"], "11")
		w.same("items", len(full["instanced"].(list)), 4999)
	})
}

func TestItemsAreFoundHoweverManyThereAre(t *testing.T) {
	catalog := goods()
	for n := range 300 {
		catalog.Stackables = append(catalog.Stackables, inventory.StackableSpec{CatalogID: fmt.Sprintf("token %d", n), RemoveIfNone: true})
	}
	run(t, options{catalog: &catalog}, func(t *testing.T, w *world) {
		robin := w.player("robin")
		apply := func(o *inventory.Operations) *inventory.Updates {
			t.Helper()
			u, err := w.items.Apply(t.Context(), robin.id, o)
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		var ids []inventory.InstanceID
		for n := range 300 {
			u := apply(&inventory.Operations{
				StackableGrants: []inventory.StackableGrant{{CatalogID: fmt.Sprintf("token %d", n), Amount: 5}},
				InstancedGrants: []inventory.InstancedGrant{{CatalogID: "sword"}},
			})
			ids = append(ids, u.Player.Segment.Instanced[0].InstanceID)
		}
		c, err := w.items.Read(t.Context(), robin.id)
		if err != nil {
			t.Fatal(err)
		}
		for n, s := range c.Player.Stackables {
			change := inventory.StackableUpdate{CatalogID: s.CatalogID, AmountChanged: -5}
			if n%2 == 0 {
				change = inventory.StackableUpdate{InstanceID: s.InstanceID, AmountChanged: -5}
			}
			apply(&inventory.Operations{StackableUpdates: []inventory.StackableUpdate{change}, InstancedDestroys: ids[n : n+1]})
		}
		w.same("inventory", names(robin.full()), m{})
		w.same("version", robin.full()["version"], "600")
	})
}
