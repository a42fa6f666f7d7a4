package party_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func TestInventoriesAreReadAgainWithoutTellingAnybody(t *testing.T) {
	var inside []party.Item
	hat, cape := party.Item{CatalogID: "hat", Tags: []string{"skin"}}, party.Item{CatalogID: "cape", Tags: []string{"skin"}}
	owned := &bag{items: []party.Item{hat}}
	plugin := &recorder{backend: func(q *party.BackendUpdateRequest) error { inside = q.Party.Players()[0].Inventory(); return nil }}
	run(t, options{plugin: plugin, inventory: owned, config: `{inventoryTagsToInclude: {"1": skin}}`}, func(w *world) {
		ctx := w.T.Context()
		robin, marian := w.player("robin"), w.player("marian")
		s := w.together(robin, marian)
		robin.told()
		marian.told()
		before, err := w.parties.Party(ctx, s.partyID())
		if err != nil {
			t.Fatal(err)
		}
		owned.items = []party.Item{hat, cape, {CatalogID: "gold", Tags: []string{"money"}}}
		stranger := pragma.NewID[pragma.PlayerID]()
		for range 2 { // it may be repeated
			if err := w.parties.RefreshInventories(ctx, s.partyID(), []pragma.PlayerID{robin.id, stranger}); err != nil {
				t.Fatal(err)
			}
		}
		w.tells("a refresh", map[*player][]string{robin: nil, marian: nil})
		after, err := w.parties.Party(ctx, s.partyID())
		if err != nil {
			t.Fatal(err)
		}
		if after.Version != before.Version || !after.LastAccess.Equal(before.LastAccess) {
			t.Errorf("version %d, access %v, want %d, %v", after.Version, after.LastAccess, before.Version, before.LastAccess)
		}
		owned.err = errors.New("down")
		if err := w.parties.RefreshInventories(ctx, s.partyID(), []pragma.PlayerID{robin.id}); !errors.Is(err, owned.err) {
			t.Errorf("RefreshInventories() = %v, want the inventory's error", err)
		}
		owned.err = nil
		if err := w.parties.RefreshInventories(ctx, pragma.NewID[pragma.PartyID](), []pragma.PlayerID{robin.id}); err != nil {
			t.Errorf("RefreshInventories() of no party = %v", err)
		}
		if err := w.parties.Update(ctx, s.partyID(), ext.Value{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]party.Item{hat, cape}, inside); diff != "" {
			t.Errorf("snapshot (-want +got):\n%s", diff)
		}
	})
}
