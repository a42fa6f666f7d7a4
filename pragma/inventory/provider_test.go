package inventory_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/inventory"
)

// vault keeps items elsewhere: gold, and nothing else.
type vault struct {
	mu      sync.Mutex
	gold    map[pragma.PlayerID]int64
	version int64
	padding string // makes updates large
}

var errShut = &pragma.Error{Code: pragma.Unavailable, Reason: "InventoryService_GetError", Message: "the vault is shut"}

func (v *vault) Read(_ context.Context, r *inventory.ReadRequest) (*inventory.Contents, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gold == nil {
		return nil, errShut
	}
	return &inventory.Contents{Player: inventory.Part{
		Stackables: []inventory.StackableItem{{CatalogID: "gold", Amount: v.gold[r.PlayerID]}}, Version: v.version,
	}}, nil
}

func (v *vault) Apply(ctx context.Context, r *inventory.ApplyRequest) (*inventory.Updates, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u := new(inventory.Updates)
	u.Player.Segment.PreviousVersion = v.version
	v.version++
	u.Player.Segment.Version = v.version
	for _, g := range r.Operations.StackableGrants {
		v.gold[r.PlayerID] += g.Amount
		u.Player.Segment.Stackables = []inventory.StackableItem{{CatalogID: "gold", Amount: v.gold[r.PlayerID]}}
	}
	if v.padding != "" {
		large := inventory.InstancedItem{CatalogID: "sword", Ext: ext.Of(m{"x": v.padding})}
		u.Player.Segment.Instanced = []inventory.InstancedItem{large, large}
	}
	r.Committed(ctx, u)
	return u, nil
}

func (v *vault) Delete(_ context.Context, r *inventory.DeleteRequest) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.gold, r.PlayerID)
	v.version++
	return nil
}

func TestAnotherProviderKeepsTheItems(t *testing.T) {
	v := &vault{}
	run(t, options{provider: v}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		robin.refused("GetInventoryV2", m{}, "InventoryService_GetError")
		v.gold = map[pragma.PlayerID]int64{robin.id: 5}

		server.grant(robin.id, "gold", 7)
		w.same("told", robin.update()["segment"].(m)["stackables"].(list)[0].(m)["amount"], "12")
		w.same("inventory", names(robin.full()), m{"gold": "12"})
		w.same("by tag", names(server.do("GetInventoryPartnerV2", m{"playerId": robin.id, "tagsToInclude": list{"weapon"}})["inventory"].(m)["player"].(m)), m{})
		server.refused("GrantItemsPartnerV2", m{"playerId": pragma.NewID[pragma.PlayerID]()}, "InventoryService_PlayerIdNotFound")

		v.padding = strings.Repeat("x", 600<<10)
		if _, err := w.items.Apply(t.Context(), robin.id, gold(1, "")); err != nil {
			t.Error(err)
		}
		w.same("told of a change that is too large", robin.told(), []m{{reset: m{}}})

		server.do("DeletePlayerInventoryPartnerV1", m{"playerId": robin.id})
		w.same("told of the end", robin.told(), []m{{reset: m{}}})
		w.same("inventory", names(robin.full()), m{"gold": "0"})
		err := w.lab.quests.Upsert(t.Context(), "dragon", func(tx *entity.Tx, _ *quest) error {
			_, err := w.items.ApplyIn(tx, robin.id, gold(1, ""))
			return err
		})
		if err == nil {
			t.Error("ApplyIn works with another provider")
		}
	})
}

// guard lets nobody into a party without a weapon.
type guard struct{ party.Defaults }

var errUnarmed = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GuardService_Unarmed", Title: true}

func (guard) OnAddPlayer(_ context.Context, r *party.AddPlayerRequest) error {
	items := r.PlayerToAdd.Inventory()
	if len(items) != 2 || items[0].CatalogID != "sword" || items[1].CatalogID != "rating" || items[1].Amount != 9 {
		return errUnarmed.With("he has %v", items)
	}
	return nil
}

func TestPartiesSeeTheItemsOfTheirTags(t *testing.T) {
	o := options{
		yaml: `game: {serviceConfigs: {PartyConfig: {inventoryTagsToInclude: {"1": weapon, "2": hidden}}}}`,
		more: func(items *inventory.Service) []pragma.Service {
			return []pragma.Service{&party.Service{Plugin: guard{}, Inventory: items}}
		},
	}
	run(t, o, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		server.grant(robin.id, "rating", 9)
		robin.Request("PartyRpc.CreateV1", m{})
		for f := robin.Read(); f.ServiceError == nil || f.ServiceError.ExtError != errUnarmed.Reason; f = robin.Read() {
			if f.Response != nil {
				t.Fatal("an unarmed player has a party")
			}
		}
		sword := server.item(robin.id, "sword")
		robin.Call("PartyRpc.CreateV1", m{})
		items, err := w.items.Items(t.Context(), robin.id)
		if err != nil || len(items) != 3 {
			t.Fatalf("items = %v, %v", items, err)
		}
		w.same("an item", items[1], inventory.Item{CatalogID: "sword", InstanceID: sword, Tags: []string{"weapon"}})
	})
}
