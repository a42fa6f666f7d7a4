package inventory

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func (c *change) grantInstanced(g *InstancedGrant) error {
	if err := c.begin(g.Tags); err != nil {
		return err
	}
	spec, ok := c.cat.instanced[g.CatalogID]
	if !ok {
		return ErrCatalogIDNotFound.With("no instanced items %q", g.CatalogID)
	}
	var content ext.Value
	err := c.look("NewInstanced", func(ctx context.Context, view *Inventory) (err error) {
		content, err = c.instanced.NewInstanced(ctx, &NewInstancedRequest{
			PlayerID: c.player, CatalogID: g.CatalogID, Spec: spec, RequestExt: g.Ext, Inventory: view,
		})
		return err
	})
	if err != nil {
		return err
	}
	item := InstancedItem{g.CatalogID, pragma.NewOrderedID[InstanceID](), content}
	if err := c.checkExt(content); err != nil {
		return err
	}
	c.touch(touched{id: item.InstanceID, catalogID: item.CatalogID})
	if err := c.shelf.putInstanced(item); err != nil {
		return err
	}
	return c.tellInstanced(InstancedDelta{CatalogID: item.CatalogID, Tags: g.Tags, Final: &item})
}

func (c *change) updateInstanced(u *InstancedUpdate) error {
	if err := c.begin(u.Tags); err != nil {
		return err
	}
	item, exists, err := c.shelf.instanced(u.InstanceID)
	if err != nil {
		return err
	}
	if !exists {
		return ErrInstanceNotFound
	}
	spec, ok := c.cat.instanced[item.CatalogID]
	if !ok {
		return ErrCatalogIDNotFound.With("no instanced items %q", item.CatalogID)
	}
	var content *ext.Value
	err = c.look("Update", func(ctx context.Context, view *Inventory) (err error) {
		content, err = c.instanced.Update(ctx, &UpdateInstancedRequest{
			PlayerID: c.player, Item: item, Spec: spec, UpdateEntryID: u.UpdateEntryID, RequestExt: u.RequestExt, Inventory: view,
		})
		return err
	})
	if err != nil {
		return err
	}
	if content == nil || content.Equal(item.Ext) {
		return nil
	}
	if err := c.checkExt(*content); err != nil {
		return err
	}
	c.touch(touched{id: item.InstanceID, catalogID: item.CatalogID, existed: true, ext: item.Ext})
	final := item
	final.Ext = *content
	if err := c.shelf.putInstanced(final); err != nil {
		return err
	}
	return c.tellInstanced(InstancedDelta{CatalogID: item.CatalogID, Tags: u.Tags, Initial: &item, Final: &final})
}

// destroy removes an item. It need not be in the catalog any more.
func (c *change) destroy(id InstanceID) error {
	if err := c.begin(nil); err != nil {
		return err
	}
	item, exists, err := c.shelf.instanced(id)
	if err != nil {
		return err
	}
	if !exists {
		return ErrInstanceNotFound
	}
	c.touch(touched{id: id, catalogID: item.CatalogID, existed: true, ext: item.Ext})
	if err := c.shelf.removeInstanced(item); err != nil {
		return err
	}
	return c.tellInstanced(InstancedDelta{CatalogID: item.CatalogID, Initial: &item})
}

// look calls a hook that may look at the inventory.
func (c *change) look(hook string, fn func(ctx context.Context, view *Inventory) error) error {
	view := &Inventory{shelf: c.shelf}
	err := c.hook(c.ctx, hook, func(ctx context.Context) error { return fn(ctx, view) })
	if unread := view.end(); unread != nil {
		return unread
	}
	return err
}

func (c *change) checkExt(v ext.Value) error {
	if err := v.Err(); err != nil {
		return err
	}
	if v.Len() > c.cfg.MaxItemExtBytes && !v.IsEmpty() {
		return pragma.ErrTooLarge.With("the ext of an item has at most %d bytes", c.cfg.MaxItemExtBytes)
	}
	return nil
}

func (c *change) tellInstanced(d InstancedDelta) error {
	part := &c.part(d.CatalogID).Delta
	part.Instanced = append(part.Instanced, d)
	bytes := 0
	for _, item := range []*InstancedItem{d.Initial, d.Final, d.Final} { // the last for the segment
		if item != nil {
			bytes += sizeOfInstanced(*item)
		}
	}
	return c.answer(d.Tags, bytes+len(d.CatalogID))
}
