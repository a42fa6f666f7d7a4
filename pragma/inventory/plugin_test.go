package inventory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/inventory"
)

func isError(err error, want *pragma.Error) bool { return errors.Is(err, want) }

// forge is a plugin whose hooks a test sets; the others are the defaults.
type forge struct {
	inventory.InstancedItemDefaults
	newItem func(ctx context.Context, r *inventory.NewInstancedRequest) (ext.Value, error)
	update  func(r *inventory.UpdateInstancedRequest) (*ext.Value, error)
}

func (f *forge) NewInstanced(ctx context.Context, r *inventory.NewInstancedRequest) (ext.Value, error) {
	if f.newItem == nil {
		return f.InstancedItemDefaults.NewInstanced(ctx, r)
	}
	return f.newItem(ctx, r)
}

func (f *forge) Update(ctx context.Context, r *inventory.UpdateInstancedRequest) (*ext.Value, error) {
	if f.update == nil {
		return f.InstancedItemDefaults.Update(ctx, r)
	}
	return f.update(r)
}

type bank struct {
	inventory.StackableItemDefaults
	onUpdate func(r *inventory.UpdateStackableRequest) (int64, error)
}

func (b *bank) OnUpdate(_ context.Context, r *inventory.UpdateStackableRequest) (int64, error) {
	return b.onUpdate(r)
}

type chest struct {
	inventory.RewardSelectorDefaults
	choose func(r *inventory.SelectRequest) (*inventory.Rewards, error)
}

func (c *chest) Select(_ context.Context, r *inventory.SelectRequest) (*inventory.Rewards, error) {
	return c.choose(r)
}

type level struct {
	Level int `json:"level"`
}

func TestPluginDecidesWhatIsInItems(t *testing.T) {
	var seen []string
	plugin := &forge{
		newItem: func(_ context.Context, r *inventory.NewInstancedRequest) (ext.Value, error) {
			stacks, items := r.Inventory.All()
			gold, ok := r.Inventory.Stackable("gold")
			if len(stacks) != 1 || !ok || gold.Amount != 30 {
				return ext.Value{}, inventory.ErrRequirementsNotMet.With("want 30 gold, there are %v and %v", stacks, gold)
			}
			seen = append(seen, r.CatalogID+" "+r.Spec.Name)
			asked, err := ext.As[level](r.RequestExt)
			asked.Level += 10 * len(items)
			return ext.Of(asked), err
		},
		update: func(r *inventory.UpdateInstancedRequest) (*ext.Value, error) {
			if _, ok := r.Inventory.Instanced(r.Item.InstanceID); !ok {
				return nil, errors.New("the item is not in the inventory")
			}
			if r.UpdateEntryID == "polish" {
				return nil, nil
			}
			now, err := ext.As[level](r.Item.Ext)
			now.Level++
			v := ext.Of(now)
			return &v, err
		},
	}
	run(t, options{instanced: plugin}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 10)
		got := server.apply(robin.id, m{
			"stackableItemGrants":       list{m{"catalogId": "gold", "amount": 20}}, // is done first
			"instancedItemServerGrants": list{m{"catalogId": "sword", "ext": m{"level": 1}}, m{"catalogId": "bow", "ext": m{"level": 2}}},
		})
		items := got["updates"].(m)["player"].(m)["segment"].(m)["instanced"].(list)
		w.same("contents", list{items[0].(m)["ext"], items[1].(m)["ext"]}, list{m{"level": 1.0}, m{"level": 12.0}})
		w.same("hooks", seen, []string{"sword Sword", "bow "})
		robin.told()

		id := items[0].(m)["instanceId"]
		for _, entry := range []string{"polish", "sharpen"} {
			server.apply(robin.id, m{"serverInstancedItemUpdates": list{m{"instanceId": id, "updateEntryId": entry}}})
		}
		w.same("told of the one that changed something", robin.update()["segment"].(m)["instanced"].(list)[0].(m)["ext"], m{"level": 2.0})
		w.same("version", robin.full()["version"], "3")
	})
}

func TestPluginThatFailsChangesNothing(t *testing.T) {
	errClosed := &pragma.Error{Code: pragma.FailedPrecondition, Reason: "ForgeService_Closed", Title: true, Message: "come back tomorrow"}
	var left chan struct{}
	plugin := &forge{newItem: func(ctx context.Context, r *inventory.NewInstancedRequest) (ext.Value, error) {
		switch how, _ := ext.As[struct{ How string }](r.RequestExt); how.How {
		case "refuse":
			return ext.Value{}, errClosed
		case "panic":
			panic("out of iron")
		case "bad value":
			return ext.Of(make(chan int)), nil
		case "late":
			time.Sleep(5 * time.Second)
			stacks, _ := r.Inventory.All() // is empty by now
			if len(stacks) == 0 {
				close(left)
			}
		}
		return ext.Value{}, nil
	}}
	run(t, options{instanced: plugin}, func(t *testing.T, w *world) {
		left = make(chan struct{})
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 10)
		robin.told()
		for how, want := range map[string]string{
			"refuse": "ForgeService_Closed", "panic": "UNKNOWN_ERROR", "late": "UNKNOWN_ERROR", "bad value": "UNKNOWN_ERROR",
		} {
			server.refused("ApplyInventoryOperationsPartnerV1", m{"playerId": robin.id, "dataOperations": m{
				"stackableItemGrants":       list{m{"catalogId": "gold", "amount": 1}},
				"instancedItemServerGrants": list{m{"catalogId": "sword", "ext": m{"How": how}}},
			}}, want)
		}
		<-left
		w.same("inventory", names(robin.full()), m{"gold": "10"})
		w.same("told", robin.told(), []m(nil))
	})
}

func TestPluginDecidesAmounts(t *testing.T) {
	plugin := &bank{onUpdate: func(r *inventory.UpdateStackableRequest) (int64, error) {
		switch {
		case r.NewAmount == 13:
			return 0, inventory.ErrRequirementsNotMet
		case r.NewAmount == 99:
			return -1, nil
		case r.CatalogID == "arrows" && r.NewAmount > r.Spec.Limit:
			return r.Spec.Limit, nil // the rest is lost
		case r.CatalogID == "gold" && r.NewAmount > r.OldAmount:
			return r.NewAmount + 1, nil // interest
		}
		return r.NewAmount, nil
	}}
	run(t, options{stackable: plugin}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "arrows", 50)
		got := server.grant(robin.id, "gold", 5)["updates"].(m)["player"].(m)
		w.same("delta", got["delta"].(m)["stackables"].(list)[0].(m)["amountChanged"], "6")
		for amount, want := range map[int]string{7: "InventoryService_RequirementsNotMetError", 93: "InventoryService_InsufficientCurrencyError"} {
			server.refused("GrantItemsPartnerV2", m{"playerId": robin.id, "itemGrants": list{m{"stackable": m{"catalogId": "gold", "amount": amount}}}}, want)
		}
		w.same("inventory", names(robin.full()), m{"arrows": "20", "gold": "6"})
	})
}

func TestPluginChoosesRewards(t *testing.T) {
	plugin := &chest{choose: func(r *inventory.SelectRequest) (*inventory.Rewards, error) {
		switch r.TableID {
		case "win":
			return &inventory.Rewards{
				Stackables: []inventory.StackableGrant{{CatalogID: "gold", Amount: 10 * r.Count, Tags: []string{"base"}}, {CatalogID: "rating", Amount: 1}},
				Instanced:  []inventory.InstancedGrant{{CatalogID: "sword", Ext: ext.Of(level{int(r.Count)})}},
			}, nil
		case "nothing":
			return nil, nil
		case "wrong":
			return &inventory.Rewards{Stackables: []inventory.StackableGrant{{CatalogID: "silver", Amount: 1}}}, nil
		case "endless":
			return &inventory.Rewards{Instanced: make([]inventory.InstancedGrant, 5000)}, nil
		}
		return nil, inventory.ErrGrant
	}}
	run(t, options{rewards: plugin}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		rewards := func(table string, count int) m {
			return m{"rewardGrants": list{m{"tableId": table, "count": count, "tags": list{"match"}}}}
		}
		simulated := server.do("SimulateRewardsV2", rewards("win", 2))["inventoryDelta"].(m)
		w.same("simulated", simulated["stackables"], list{
			m{"catalogId": "gold", "tags": list{"match", "base"}, "amountChanged": "20"},
			m{"catalogId": "rating", "tags": list{"match"}, "amountChanged": "1"},
		})
		w.same("simulated sword", simulated["instanced"].(list)[0].(m)["final"].(m)["ext"], m{"level": 2.0})
		w.same("nothing has happened", robin.full()["version"], "0")

		server.apply(robin.id, rewards("win", 2))
		w.same("inventory", names(robin.full()), m{"gold": "20", "sword": 1})
		server.apply(robin.id, rewards("nothing", 1))
		for table, want := range map[string]string{"wrong": "InventoryService_CatalogIdNotFound", "": "InventoryService_GrantError", "endless": "InventoryService_CatalogIdNotFound"} {
			server.refused("SimulateRewardsV2", rewards(table, 1), want)
			server.refused("ApplyInventoryOperationsPartnerV1", m{"playerId": robin.id, "dataOperations": rewards(table, 1)}, want)
		}
		w.same("version", robin.full()["version"], "1")
	})
}

func TestInventoryOfATestIsWhatItWasMadeOf(t *testing.T) {
	sword := inventory.InstancedItem{CatalogID: "sword", InstanceID: inventory.InstanceID{1}, Ext: ext.Of(level{4})}
	inv := inventory.NewInventory([]inventory.StackableItem{{CatalogID: "gold", Amount: 5}, {CatalogID: "arrows", Amount: 3}}, []inventory.InstancedItem{sword})
	stacks, items := inv.All()
	if len(stacks) != 2 || stacks[0].CatalogID != "arrows" || len(items) != 1 {
		t.Errorf("All() = %v, %v", stacks, items)
	}
	if got, ok := inv.Instanced(inventory.InstanceID{1}); !ok || !got.Ext.Equal(sword.Ext) {
		t.Errorf("Instanced() = %v, %t", got, ok)
	}
	if _, ok := inv.Instanced(inventory.InstanceID{2}); ok {
		t.Error("an item that is not there was found")
	}
	var none *inventory.Inventory
	if _, ok := none.Stackable("gold"); ok {
		t.Error("there is gold in no inventory")
	}
}
