package inventory

import (
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// From domain to wire.

func fullOf(p *Part) wire.InventoryFullV1Data {
	return wire.InventoryFullV1Data{Stackables: stacksOf(p.Stackables), Instanced: instancedOf(p.Instanced), Version: wire.Int64(p.Version)}
}

func updatesOf(u *Updates) *wire.InventoryApplyInventoryOperationsPartnerV1Response {
	if u.Repeated {
		return nil
	}
	return &wire.InventoryApplyInventoryOperationsPartnerV1Response{
		Updates: &wire.ServiceUpdateItemsResponse{Hidden: updateOf(&u.Hidden), Player: updateOf(&u.Player)},
	}
}

func updateOf(u *Update) wire.UpdateItemsResponse {
	s := &u.Segment
	return wire.UpdateItemsResponse{
		Segment: wire.InventorySegmentV1Data{
			Stackables: stacksOf(s.Stackables), Instanced: instancedOf(s.Instanced),
			RemovedStackables: idsOf(s.RemovedStackables), RemovedInstanced: idsOf(s.RemovedInstanced),
			PreviousVersion: wire.Int64(s.PreviousVersion), Version: wire.Int64(s.Version),
		},
		Delta: deltaOf(&u.Delta),
	}
}

func deltaOf(d *Delta) (out wire.UpdateSummaryV0) {
	for _, s := range d.Stackables {
		out.Stackables = append(out.Stackables, wire.StackableDelta{CatalogID: s.CatalogID, Tags: s.Tags, AmountChanged: wire.Int64(s.AmountChanged)})
	}
	for _, i := range d.Instanced {
		w := wire.InstancedDeltaV2{CatalogID: i.CatalogID, Tags: i.Tags, Operation: wire.InstancedDeltaUpdated}
		if i.Initial == nil {
			w.Operation = wire.InstancedDeltaAdded
		} else {
			w.Initial = &instancedOf([]InstancedItem{*i.Initial})[0]
		}
		if i.Final == nil {
			w.Operation = wire.InstancedDeltaRemoved
		} else {
			w.Final = &instancedOf([]InstancedItem{*i.Final})[0]
		}
		out.Instanced = append(out.Instanced, w)
	}
	return out
}

func stacksOf(items []StackableItem) []wire.StackableItem {
	out := make([]wire.StackableItem, len(items))
	for n, i := range items {
		out[n] = wire.StackableItem{CatalogID: i.CatalogID, InstanceID: wire.UUID(i.InstanceID), Amount: wire.Int64(i.Amount)}
	}
	return out
}

func instancedOf(items []InstancedItem) []wire.InstancedItem {
	out := make([]wire.InstancedItem, len(items))
	for n, i := range items {
		out[n] = wire.InstancedItem{CatalogID: i.CatalogID, InstanceID: wire.UUID(i.InstanceID), Ext: i.Ext}
	}
	return out
}

func idsOf(ids []InstanceID) []wire.UUID {
	out := make([]wire.UUID, len(ids))
	for n, id := range ids {
		out[n] = wire.UUID(id)
	}
	return out
}

// From wire to domain.

func operationsOf(w *wire.DataOperations) *Operations {
	o := &Operations{Rewards: rewardsOf(w.RewardGrants), IdempotencyKey: w.IdempotencyKey}
	for i := range w.StackableItemGrants {
		o.grantStack(&w.StackableItemGrants[i])
	}
	for i := range w.StackableItemUpdates {
		o.updateStack(&w.StackableItemUpdates[i])
	}
	for i := range w.InstancedItemServerGrants {
		o.grantInstanced(&w.InstancedItemServerGrants[i])
	}
	for i := range w.ServerInstancedItemUpdates {
		o.updateInstanced(&w.ServerInstancedItemUpdates[i])
	}
	for _, d := range w.InstancedItemServerDestroys {
		o.InstancedDestroys = append(o.InstancedDestroys, InstanceID(d.InstanceID))
	}
	return o
}

func rewardsOf(grants []wire.RewardGrant) (out []RewardGrant) {
	for _, g := range grants {
		out = append(out, RewardGrant{TableID: g.TableID, Count: int64(g.Count), Tags: g.Tags})
	}
	return out
}

func (o *Operations) grantStack(w *wire.StackableItemGrant) {
	o.StackableGrants = append(o.StackableGrants, StackableGrant{w.CatalogID, int64(w.Amount), w.Tags})
}

func (o *Operations) updateStack(w *wire.StackableItemUpdate) {
	o.StackableUpdates = append(o.StackableUpdates, StackableUpdate{w.CatalogID, InstanceID(w.InstanceID), int64(w.AmountChanged), w.Tags})
}

func (o *Operations) grantInstanced(w *wire.InstancedItemServerGrant) {
	o.InstancedGrants = append(o.InstancedGrants, InstancedGrant{w.CatalogID, w.Ext, w.Tags})
}

func (o *Operations) updateInstanced(w *wire.ServerInstancedItemUpdate) {
	o.InstancedUpdates = append(o.InstancedUpdates, InstancedUpdate{InstanceID(w.InstanceID), w.UpdateEntryID, w.RequestExt, w.Tags})
}

// oneof refuses a message that has none or several of its members.
func oneof(what string, has ...bool) error {
	n := 0
	for _, h := range has {
		if h {
			n++
		}
	}
	if n != 1 {
		return pragma.ErrMalformed.With("each of %s must have exactly one member", what)
	}
	return nil
}
