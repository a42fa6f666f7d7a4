package inventory

import (
	"context"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// rules are what changes go by: one configuration for all of a request.
type rules struct {
	cfg       Config
	cat       *catalog
	instanced InstancedItemPlugin
	stackable StackableItemPlugin
	selector  RewardSelectorPlugin
	// hook calls a hook of a plugin within its time.
	hook func(ctx context.Context, name string, fn func(context.Context) error) error
}

// change is one request at work on an inventory.
type change struct {
	*rules
	ctx    context.Context
	player pragma.PlayerID
	shelf  *shelf
	before limits

	touched []*touched
	index   map[InstanceID]*touched
	updates Updates
	done    int // operations so far
	bytes   int // of the answer, at most
}

// limits are what there was before.
type limits struct{ items, bytes int }

// touched is an item as it was before the request.
type touched struct {
	id        InstanceID
	catalogID string
	stackable bool
	existed   bool
	amount    int64     // of a stack that existed
	ext       ext.Value // of an instanced item that existed
}

func newChange(ctx context.Context, r *rules, player pragma.PlayerID, s *shelf) *change {
	return &change{
		rules: r, ctx: ctx, player: player, shelf: s,
		before: limits{s.head.Items, s.head.Bytes},
		index:  make(map[InstanceID]*touched),
	}
}

// apply does all operations and returns what they changed. After an error the
// shelf is to be thrown away.
func (c *change) apply(o *Operations) (*Updates, error) {
	for _, do := range []func(*Operations) error{c.stacks, c.instances, c.rewardGrants} {
		if err := do(o); err != nil {
			return nil, err
		}
	}
	return c.finish()
}

// touch remembers an item as it was, the first time it is changed.
func (c *change) touch(t touched) {
	if c.index[t.id] == nil {
		c.index[t.id] = &t
		c.touched = append(c.touched, &t)
	}
}

// part returns the part of the answer that a kind belongs to.
func (c *change) part(catalogID string) *Update {
	if c.cat.hidden(catalogID) {
		return &c.updates.Hidden
	}
	return &c.updates.Player
}

// Bounds of one answer, which is also one notification.
const (
	maxAnswerBytes = 960 << 10
	deltaFrame     = 120
)

// answer counts what an operation adds to the answer.
func (c *change) answer(tags []string, items int) error {
	c.bytes += deltaFrame + items
	for _, tag := range tags {
		c.bytes += 6*len(tag) + 3 // as escapes, at worst
	}
	if c.bytes > maxAnswerBytes {
		return pragma.ErrTooLarge.With("the answer would be larger than %d bytes", maxAnswerBytes)
	}
	return nil
}

func (c *change) stacks(o *Operations) error {
	for i := range o.StackableGrants {
		if err := c.grantStack(&o.StackableGrants[i]); err != nil {
			return err
		}
	}
	for i := range o.StackableUpdates {
		if err := c.updateStack(&o.StackableUpdates[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) instances(o *Operations) error {
	for i := range o.InstancedGrants {
		if err := c.grantInstanced(&o.InstancedGrants[i]); err != nil {
			return err
		}
	}
	for i := range o.InstancedUpdates {
		if err := c.updateInstanced(&o.InstancedUpdates[i]); err != nil {
			return err
		}
	}
	for _, id := range o.InstancedDestroys {
		if err := c.destroy(id); err != nil {
			return err
		}
	}
	return nil
}

// begin counts an operation and checks what is free text in it.
func (c *change) begin(tags []string) error {
	c.done++
	if c.done > c.cfg.MaxOperations {
		return pragma.ErrTooLarge.With("more than %d operations in one request", c.cfg.MaxOperations)
	}
	return checkTags(tags)
}

const (
	maxTags     = 32
	maxTagBytes = 100
)

func checkTags(tags []string) error {
	tooLong := func(tag string) bool { return len(tag) > maxTagBytes }
	if len(tags) > maxTags || slices.ContainsFunc(tags, tooLong) {
		return pragma.ErrTooLarge.With("more than %d tags, or one of more than %d bytes", maxTags, maxTagBytes)
	}
	return nil
}

// rewardGrants has the plugin choose and grants what it chose.
func (c *change) rewardGrants(o *Operations) error {
	for i := range o.Rewards {
		g := &o.Rewards[i]
		if err := c.begin(g.Tags); err != nil {
			return err
		}
		if g.Count < 1 {
			return ErrGrant.With("the count of a reward must be at least 1")
		}
		chosen, err := c.choose(g)
		if err != nil {
			return err
		}
		if err := c.grantChosen(chosen, g.Tags); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) choose(g *RewardGrant) (*Rewards, error) {
	var chosen *Rewards // a late hook may still write it
	err := c.look("Select", func(ctx context.Context, view *Inventory) (err error) {
		chosen, err = c.selector.Select(ctx, &SelectRequest{PlayerID: c.player, TableID: g.TableID, Count: g.Count, Inventory: view})
		return err
	})
	if err != nil {
		return nil, err
	}
	return chosen, nil
}

func (c *change) grantChosen(chosen *Rewards, tags []string) error {
	if chosen == nil {
		return nil
	}
	for _, g := range chosen.Stackables {
		g.Tags = slices.Concat(tags, g.Tags)
		if err := c.grantStack(&g); err != nil {
			return err
		}
	}
	for _, g := range chosen.Instanced {
		g.Tags = slices.Concat(tags, g.Tags)
		if err := c.grantInstanced(&g); err != nil {
			return err
		}
	}
	return nil
}

// finish checks the bounds, makes the segments and moves the versions on.
func (c *change) finish() (*Updates, error) {
	h := c.shelf.head
	switch {
	case h.Items > c.cfg.MaxItems && h.Items > c.before.items:
		return nil, ErrGrant.With("a player has at most %d items", c.cfg.MaxItems)
	case h.Bytes > c.cfg.MaxBytes && h.Bytes > c.before.bytes:
		return nil, ErrGrant.With("the items of a player have at most %d bytes", c.cfg.MaxBytes)
	}
	for _, t := range c.touched {
		if err := c.compare(t); err != nil {
			return nil, err
		}
	}
	c.updates.Player.Segment.move(&h.Version)
	c.updates.Hidden.Segment.move(&h.HiddenVersion)
	if err := c.shelf.grow(); err != nil {
		return nil, err
	}
	return &c.updates, nil
}

// compare adds an item to the segment of its part if it is different now.
func (c *change) compare(t *touched) error {
	s := &c.part(t.catalogID).Segment
	if t.stackable {
		now, exists, err := c.shelf.stack(t.catalogID)
		switch {
		case err != nil:
			return err
		case t.existed && (!exists || now.InstanceID != t.id):
			s.RemovedStackables = append(s.RemovedStackables, t.id)
		case exists && now.InstanceID == t.id && (!t.existed || now.Amount != t.amount):
			s.Stackables = append(s.Stackables, now)
		}
		return nil
	}
	now, exists, err := c.shelf.instanced(t.id)
	switch {
	case err != nil:
		return err
	case t.existed && !exists:
		s.RemovedInstanced = append(s.RemovedInstanced, t.id)
	case exists && (!t.existed || !now.Ext.Equal(t.ext)):
		s.Instanced = append(s.Instanced, now)
	}
	return nil
}

// move says which versions a segment leads from and to.
func (s *Segment) move(version *int64) {
	s.PreviousVersion = *version
	if len(s.Stackables)+len(s.Instanced)+len(s.RemovedStackables)+len(s.RemovedInstanced) > 0 {
		*version++
	}
	s.Version = *version
}
