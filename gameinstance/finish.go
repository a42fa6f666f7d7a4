package gameinstance

import (
	"context"
	"slices"

	"github.com/openpragma/engine/pragma/ext"
)

// finish turns what hooks and service did into records and notifications.
func (t *turn) finish() error {
	if t.inst.over != nil {
		return t.finishOver()
	}
	c, err := t.collect()
	if err != nil {
		return err
	}
	if !c.changes() && !t.dirty && !t.rosterDirty {
		t.touch(false)
		return nil
	}
	if err := t.build(c); err != nil {
		return err
	}
	t.h.Version++
	t.touch(true)
	for _, write := range []func(*changes) error{t.writeRoster, t.writeData, t.writeAllocation} {
		if err := write(c); err != nil {
			return err
		}
	}
	if err := t.requeue(c); err != nil {
		return err
	}
	if err := t.tell(c); err != nil {
		return err
	}
	t.tellQueue()
	return nil
}

// changes is what a working copy differs in from what is stored.
type changes struct {
	added   []*GamePlayer
	moved   []*GamePlayer // to another team
	removed []removal
	entries []touched
	place   bool // version or zone
	alloc   bool

	addedExt []ext.Value // ExtAddedToGame, by place in added
	toldExt  []ext.Value // ExtGameServerPlayer, by place in added
}

func (c *changes) changes() bool {
	return len(c.added)+len(c.moved)+len(c.removed)+len(c.entries) > 0 || c.place || c.alloc
}

// collect compares the working copy with what is stored.
func (t *turn) collect() (*changes, error) {
	i := t.inst
	c := &changes{removed: i.removed, alloc: i.allocate != nil}
	c.place = i.head.GameServerVersion != t.h.GameServerVersion || i.head.GameServerZone != t.h.GameServerZone
	if err := checkPlace(i.head.GameServerVersion, i.head.GameServerZone); err != nil {
		return nil, err
	}
	c.entries = cellsOf(&i.data)
	for _, r := range i.removed {
		c.entries = append(c.entries, cellsOf(&r.player.data)...)
	}
	for _, p := range i.players { // not those that nobody has looked at
		c.entries = append(c.entries, cellsOf(&p.data)...)
		switch {
		case p.added:
			c.added = append(c.added, p)
		case p.team != p.m.TeamNumber:
			c.moved = append(c.moved, p)
		}
	}
	if err := t.collectMoved(c); err != nil {
		return nil, err
	}
	slices.SortFunc(c.entries, compareTouched)
	return c, i.err
}

// collectMoved adds the entries that look different to players who changed team,
// because others do or do not see them.
func (t *turn) collectMoved(c *changes) error {
	if len(c.moved) == 0 {
		return nil
	}
	teams := make(map[int64]bool)
	for _, p := range c.moved {
		teams[p.team], teams[p.m.TeamNumber] = true, true
	}
	ix, err := t.index()
	if err != nil {
		return err
	}
	stores := []*DataStore{t.inst.Data()}
	for _, p := range t.inst.players {
		stores = append(stores, &p.data)
	}
	for _, d := range stores {
		for key, sync := range ix.of(d.owner) {
			if sync.scope != syncTeam || !teams[sync.team] {
				continue
			}
			if cell := d.cell(key); cell.base == cell.now { // otherwise it is in the list already
				c.entries = append(c.entries, touched{d.owner, key, cell.base, cell.now})
			}
		}
	}
	return nil
}

// build asks the plugin what added players and their server are told.
func (t *turn) build(c *changes) error {
	if len(c.added) == 0 {
		return nil
	}
	var err error
	if c.addedExt, err = t.buildAdded(c.added); err != nil {
		return err
	}
	if !t.h.Server.IsZero() {
		c.toldExt, err = t.buildServerPlayers(c.added)
	}
	return err
}

func (t *turn) buildAdded(players []*GamePlayer) ([]ext.Value, error) {
	return t.buildEach("BuildExtAddedToGame", players, func(ctx context.Context, p *GamePlayer) (ext.Value, error) {
		return t.s.Plugin.BuildExtAddedToGame(ctx, &BuildExtAddedToGameRequest{GameInstance: t.inst, Player: p})
	})
}

func (t *turn) buildServerPlayers(players []*GamePlayer) ([]ext.Value, error) {
	return t.buildEach("BuildExtGameServerPlayer", players, func(ctx context.Context, p *GamePlayer) (ext.Value, error) {
		return t.s.Plugin.BuildExtGameServerPlayer(ctx, &BuildExtGameServerPlayerRequest{GameInstance: t.inst, Player: p})
	})
}

// buildEach runs a hook for each player, with one deadline for all.
func (t *turn) buildEach(name string, players []*GamePlayer, fn func(context.Context, *GamePlayer) (ext.Value, error)) ([]ext.Value, error) {
	if _, plain := t.s.Plugin.(Defaults); plain {
		return make([]ext.Value, len(players)), nil
	}
	var built []ext.Value
	err := t.hook(name, func(ctx context.Context) error {
		list := make([]ext.Value, 0, len(players))
		for _, p := range players {
			v, err := fn(ctx, p)
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		built = list
		return nil
	})
	if err != nil {
		return nil, err
	}
	return built, nil
}
