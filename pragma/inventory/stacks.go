package inventory

import (
	"context"
	"math"

	"github.com/openpragma/engine/pragma"
)

func (c *change) grantStack(g *StackableGrant) error {
	if err := c.begin(g.Tags); err != nil {
		return err
	}
	spec, ok := c.cat.stackables[g.CatalogID]
	if !ok {
		return ErrCatalogIDNotFound.With("no stackable items %q", g.CatalogID)
	}
	if g.Amount < 1 {
		return ErrGrant.With("the amount of a grant must be at least 1")
	}
	item, exists, err := c.shelf.stack(g.CatalogID)
	if err != nil {
		return err
	}
	if !exists {
		item.InstanceID = pragma.NewOrderedID[InstanceID]()
	}
	return c.changeStack(&spec, item, exists, g.Amount, g.Tags)
}

func (c *change) updateStack(u *StackableUpdate) error {
	if err := c.begin(u.Tags); err != nil {
		return err
	}
	item, exists, err := c.findStack(u)
	if err != nil {
		return err
	}
	if !exists {
		return ErrInstanceNotFound
	}
	spec, ok := c.cat.stackables[item.CatalogID]
	if !ok {
		return ErrCatalogIDNotFound.With("no stackable items %q", item.CatalogID)
	}
	return c.changeStack(&spec, item, true, u.AmountChanged, u.Tags)
}

func (c *change) findStack(u *StackableUpdate) (StackableItem, bool, error) {
	if u.CatalogID == "" {
		if u.InstanceID.IsZero() {
			return StackableItem{}, false, nil
		}
		return c.shelf.stackByID(u.InstanceID)
	}
	if _, ok := c.cat.stackables[u.CatalogID]; !ok {
		return StackableItem{}, false, ErrCatalogIDNotFound.With("no stackable items %q", u.CatalogID)
	}
	item, exists, err := c.shelf.stack(u.CatalogID)
	if !u.InstanceID.IsZero() && item.InstanceID != u.InstanceID {
		exists = false
	}
	return item, exists, err
}

// changeStack brings a stack to a new amount.
func (c *change) changeStack(spec *StackableSpec, item StackableItem, exists bool, by int64, tags []string) error {
	old := item.Amount
	if by > 0 && old > math.MaxInt64-by {
		return ErrOverflow
	}
	if by == math.MinInt64 { // no stack is that large, and it has no opposite
		return ErrInsufficient
	}
	amount := old + by
	err := c.hook(c.ctx, "OnUpdate", func(ctx context.Context) (err error) {
		amount, err = c.stackable.OnUpdate(ctx, &UpdateStackableRequest{
			PlayerID: c.player, CatalogID: item.CatalogID, Spec: *spec, OldAmount: old, NewAmount: old + by,
		})
		return err
	})
	switch {
	case err != nil:
		return err
	case amount < 0:
		return ErrInsufficient
	case spec.Limit > 0 && amount > spec.Limit && amount > old: // the limit may be newer than the stack
		return ErrStackLimitExceeded.With("a stack of %q has at most %d", spec.CatalogID, spec.Limit)
	case exists && amount == old && (amount > 0 || !spec.RemoveIfNone):
		return nil
	}
	return c.setStack(item, exists, amount, amount == 0 && spec.RemoveIfNone, tags)
}

// setStack stores a stack's new amount.
func (c *change) setStack(item StackableItem, exists bool, amount int64, remove bool, tags []string) error {
	c.touch(touched{id: item.InstanceID, catalogID: item.CatalogID, stackable: true, existed: exists, amount: item.Amount})
	by := amount - item.Amount
	item.Amount = amount
	var err error
	switch {
	case !remove:
		err = c.shelf.putStack(item)
	case exists:
		err = c.shelf.removeStack(item)
	}
	if err != nil {
		return err
	}
	if by != 0 {
		d := &c.part(item.CatalogID).Delta
		d.Stackables = append(d.Stackables, StackableDelta{item.CatalogID, tags, by})
	}
	return c.answer(tags, sizeOfStack(item)+len(item.CatalogID))
}
