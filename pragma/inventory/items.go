package inventory

import (
	"cmp"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

type itemKind struct{}

// InstanceID names one item of one player: a stack or an instanced item. Later
// instanced items have greater ids.
type InstanceID = pragma.ID[itemKind]

// StackableItem is a stack: so many of one kind. A player has at most one of a
// kind.
type StackableItem struct {
	CatalogID  string
	InstanceID InstanceID
	Amount     int64 // never negative
}

// InstancedItem is a single thing with data of its own.
type InstancedItem struct {
	CatalogID  string
	InstanceID InstanceID
	Ext        ext.Value
}

// Contents is everything a player owns.
type Contents struct {
	Player Part // what the player sees
	Hidden Part // what he never sees
}

// Part is one part of an inventory.
type Part struct {
	Stackables []StackableItem // in the order of catalog ids
	Instanced  []InstancedItem // in the order of instance ids: oldest first
	Version    int64           // changes so far; 0 for one that was never touched
}

// Updates is what one request changed. It is zero, but for Repeated, if its
// idempotency key had been used before.
type Updates struct {
	Player, Hidden Update
	// Repeated says that nothing was done, because it has been done before.
	Repeated bool
}

// Update is what a request changed in one part.
type Update struct {
	Segment Segment
	Delta   Delta
}

// Changed reports whether the part has a new version.
func (u *Update) Changed() bool { return u.Segment.Version != u.Segment.PreviousVersion }

// Segment is the outcome: the items that are now different. Applied to a part of
// the previous version it makes the one of the version.
type Segment struct {
	Stackables        []StackableItem
	Instanced         []InstancedItem
	RemovedStackables []InstanceID
	RemovedInstanced  []InstanceID
	// Version is PreviousVersion+1, or the same if nothing is different.
	PreviousVersion, Version int64
}

// Delta is the way there: what each operation did, in order. Operations without
// effect are not in it.
type Delta struct {
	Stackables []StackableDelta
	Instanced  []InstancedDelta
}

// StackableDelta is what one operation did to a stack.
type StackableDelta struct {
	CatalogID     string
	Tags          []string // of the operation
	AmountChanged int64    // never zero
}

// InstancedDelta is what one operation did to an instanced item: it was added if
// there is no Initial, removed if there is no Final, updated otherwise.
type InstancedDelta struct {
	CatalogID      string
	Tags           []string // of the operation
	Initial, Final *InstancedItem
}

// Operations is one request to change an inventory. The operations are done in
// the order of the fields, all or none. Tags are free texts that come back in the
// [Delta].
type Operations struct {
	StackableGrants   []StackableGrant
	StackableUpdates  []StackableUpdate
	InstancedGrants   []InstancedGrant
	InstancedUpdates  []InstancedUpdate
	InstancedDestroys []InstanceID
	Rewards           []RewardGrant
	// IdempotencyKey makes repetitions harmless: the first request with it is
	// done, the others do nothing, whatever they ask for. It is per player and at
	// most 256 bytes. Empty means that every request counts. Refused ones do not.
	IdempotencyKey string
}

// StackableGrant adds to a stack, and makes it if need be.
type StackableGrant struct {
	CatalogID string
	Amount    int64 // at least 1
	Tags      []string
}

// StackableUpdate changes a stack that exists. It is named by one of the ids or
// by both; the catalog id is found faster.
type StackableUpdate struct {
	CatalogID     string
	InstanceID    InstanceID
	AmountChanged int64 // negative: take away
	Tags          []string
}

// InstancedGrant makes a new item.
type InstancedGrant struct {
	CatalogID string
	Ext       ext.Value // for [InstancedItemPlugin.NewInstanced]
	Tags      []string
}

// InstancedUpdate changes an item.
type InstancedUpdate struct {
	InstanceID    InstanceID
	UpdateEntryID string    // what kind of update; only the plugin knows
	RequestExt    ext.Value // for [InstancedItemPlugin.Update]
	Tags          []string
}

// RewardGrant has the plugin choose what is granted.
type RewardGrant struct {
	TableID string
	Count   int64 // at least 1
	Tags    []string
}

// count returns how many operations there are.
func (o *Operations) count() int {
	return len(o.StackableGrants) + len(o.StackableUpdates) + len(o.InstancedGrants) +
		len(o.InstancedUpdates) + len(o.InstancedDestroys) + len(o.Rewards)
}

// Item is something a player owns, in the words of other services: what parties
// keep in a player's snapshot.
type Item struct {
	CatalogID  string   `json:"catalogId"`
	InstanceID string   `json:"instanceId,omitzero"`
	Amount     int64    `json:"amount,omitzero"` // of a stack
	Tags       []string `json:"tags,omitzero"`   // of its kind
}

func (p *Part) sort() {
	slices.SortFunc(p.Stackables, compareStacks)
	slices.SortFunc(p.Instanced, compareInstanced)
}

func compareStacks(a, b StackableItem) int    { return cmp.Compare(a.CatalogID, b.CatalogID) }
func compareInstanced(a, b InstancedItem) int { return a.InstanceID.Compare(b.InstanceID) }
