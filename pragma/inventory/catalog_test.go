package inventory_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestCatalogOfTheConfigurationJoinsThatOfTheProgram(t *testing.T) {
	config := `{
		hiddenItemTags: {default: null, mine: secret},
		catalog: {
			stackables: {silver: {name: Silver, limit: 10, tags: [currency, metal], ext: {color: [200, 200, 210]}}, bow: {}},
			instanced: {crown: {tags: [secret]}, sword: {name: Saber}},
		}}`
	run(t, options{config: config}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		for _, id := range []string{"gold", "silver", "bow", "rating"} {
			server.grant(robin.id, id, 5)
		}
		for _, id := range []string{"sword", "crown", "curse"} {
			server.item(robin.id, id)
		}
		server.refused("GrantItemsPartnerV2", m{"playerId": robin.id, "itemGrants": list{m{"instanced": m{"catalogId": "bow"}}}}, "InventoryService_CatalogIdNotFound")
		w.same("inventory", names(robin.full()), m{"gold": "5", "silver": "5", "bow": "5", "rating": "5", "sword": 1, "curse": 1})

		content, err := w.items.LoginContent(t.Context(), robin.id)
		if err != nil {
			t.Fatal(err)
		}
		type entry struct {
			CatalogID, Name, Limit string
			Tags                   []string
			Ext                    ext.Value
		}
		got, err := ext.As[struct {
			InventoryContent struct {
				ItemCatalog struct{ StackableEntries, InstancedEntries []entry }
			}
		}](content)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range append(got.InventoryContent.ItemCatalog.StackableEntries, got.InventoryContent.ItemCatalog.InstancedEntries...) {
			ids = append(ids, e.CatalogID)
		}
		w.same("what clients know of", ids, []string{"arrows", "bow", "gold", "rating", "silver", "curse", "sword"})
		silver := got.InventoryContent.ItemCatalog.StackableEntries[4]
		w.same("silver", silver, entry{"silver", "Silver", "10", []string{"currency", "metal"}, ext.Of(m{"color": list{200, 200, 210}})})
	})
}

// TestItemsOfLostKindsAreHidden restarts with a smaller catalog.
func TestItemsOfLostKindsAreHidden(t *testing.T) {
	catalog := goods()
	run(t, options{catalog: &catalog}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 5)
		sword := server.item(robin.id, "sword")
		catalog.Instanced = nil
		w.Restart()
		robin, server = w.player("robin"), w.partner()
		w.same("inventory", names(robin.full()), m{"gold": "5"})
		whole := server.do("GetInventoryPartnerV2", m{"playerId": robin.id})["inventory"].(m)
		w.same("hidden part", names(whole["hidden"].(m)), m{"sword": 1})
		server.refused("UpdateItemsPartnerV2", m{"playerId": robin.id, "updates": list{m{"instanced": m{"instanceId": sword}}}}, "InventoryService_CatalogIdNotFound")
		server.do("DestroyItemsPartnerV2", m{"playerId": robin.id, "itemDestroys": list{m{"instanced": m{"instanceId": sword}}}})
		w.same("told", robin.told(), []m(nil))
	})
}

func TestLoweredLimitLetsPlayersSpend(t *testing.T) {
	catalog := goods()
	run(t, options{catalog: &catalog}, func(t *testing.T, w *world) {
		robin, server := w.player("robin"), w.partner()
		server.grant(robin.id, "gold", 50)
		catalog.Stackables[0].Limit = 10
		w.Restart()
		robin, server = w.player("robin"), w.partner()
		server.refused("GrantItemsPartnerV2", m{"playerId": robin.id, "itemGrants": list{m{"stackable": m{"catalogId": "gold", "amount": 1}}}}, "InventoryService_StackLimitExceeded")
		server.do("UpdateItemsPartnerV2", m{"playerId": robin.id, "updates": list{m{"stackable": m{"catalogId": "gold", "amountChanged": -5}}}})
		w.same("inventory", names(robin.full()), m{"gold": "45"})
	})
}

func TestServerWithABadCatalogDoesNotStart(t *testing.T) {
	stack := func(s inventory.StackableSpec) inventory.Catalog {
		return inventory.Catalog{Stackables: []inventory.StackableSpec{s}}
	}
	for name, tt := range map[string]struct {
		service *inventory.Service
		config  string
		want    string
	}{
		"empty id":       {&inventory.Service{Catalog: stack(inventory.StackableSpec{})}, "", `catalog id "": want 1 to 100 bytes`},
		"long id":        {&inventory.Service{Catalog: stack(inventory.StackableSpec{CatalogID: strings.Repeat("x", 101)})}, "", "want 1 to 100 bytes"},
		"quotes":         {&inventory.Service{Catalog: stack(inventory.StackableSpec{CatalogID: `a"b`})}, "", "without quotes"},
		"bad UTF-8":      {&inventory.Service{Catalog: stack(inventory.StackableSpec{CatalogID: "\xff"})}, "", "printable text"},
		"negative limit": {&inventory.Service{Catalog: stack(inventory.StackableSpec{CatalogID: "gold", Limit: -1})}, "", "the limit is negative"},
		"twice": {&inventory.Service{Catalog: inventory.Catalog{
			Stackables: []inventory.StackableSpec{{CatalogID: "gold"}}, Instanced: []inventory.InstancedSpec{{CatalogID: "gold"}},
		}}, "", `"gold" stands twice`},
		"bad ext": {&inventory.Service{Catalog: stack(inventory.StackableSpec{CatalogID: "gold", Ext: ext.Of(make(chan int))})}, "", "gold"},
		"too large": {&inventory.Service{Catalog: inventory.Catalog{Instanced: []inventory.InstancedSpec{
			{CatalogID: "a", Ext: ext.Of(m{"x": strings.Repeat("x", 600<<10)})}, {CatalogID: "b", Ext: ext.Of(m{"x": strings.Repeat("x", 600<<10)})},
		}}}, "", "the catalog cannot be sent to clients"},
		"bounds":        {&inventory.Service{}, "{maxItems: 0}", "maxItems: want 1 to 16384, got 0"},
		"more bounds":   {&inventory.Service{}, "{maxItemExtBytes: 9000}", "maxItemExtBytes: want 0 to 8192, got 9000"},
		"written twice": {&inventory.Service{}, "{catalog: {stackables: {gold: {}}, instanced: {gold: {}}}}", `"gold" stands twice`},
		"unknown key":   {&inventory.Service{}, "{catalog: {stackable: {}}}", "unknown key"},
		"misspelt hook": {&inventory.Service{Instanced: misspelt{}}, "", "misspelt hook"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &pragma.Server{Game: []pragma.Service{tt.service}}
			if tt.config != "" {
				srv.Config = pragmatest.Config(t, "game: {serviceConfigs: {InventoryServiceConfig: "+tt.config+"}}")
			}
			if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v\nwant one with %q", err, tt.want)
			}
		})
	}
}

type misspelt struct {
	inventory.InstancedItemDefaults
}

func (misspelt) NewInstance() {}

func TestServiceBelongsOnTheGameBackend(t *testing.T) {
	srv := &pragma.Server{Social: []pragma.Service{&inventory.Service{}}}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs on the Game backend") {
		t.Errorf("error = %v", err)
	}
}

func TestDefaultConfigIsValid(t *testing.T) {
	for _, mode := range []pragma.Mode{pragma.Development, pragma.Production} {
		c := inventory.DefaultConfig(mode)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		if diff := cmp.Diff(c.EnableDeletePlayerInventory, mode == pragma.Development); diff != "" {
			t.Errorf("%s: %s", mode, diff)
		}
	}
}
