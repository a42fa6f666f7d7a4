package inventory

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// InstancedItemPlugin decides what is inside instanced items (engine §7.3, slot
// InventoryService.instancedItemPlugin). Embed [InstancedItemDefaults].
//
// For this and the other plugins: an error refuses the whole request and reaches
// who made it; so does a panic, or a hook that takes too long
// (pluginTimeoutMillis), as an internal error. Hooks for one player never overlap,
// hooks for different ones do. A hook may run again for the same request, so it
// must have no effects besides its result.
type InstancedItemPlugin interface {
	// NewInstanced returns what a new item contains.
	NewInstanced(ctx context.Context, r *NewInstancedRequest) (ext.Value, error)
	// Update returns what an item contains from now on; nil leaves it as it is.
	Update(ctx context.Context, r *UpdateInstancedRequest) (*ext.Value, error)

	mustEmbedInstancedItemDefaults()
}

// StackableItemPlugin decides how large stacks get (engine §7.3, slot
// InventoryService.stackableItemPlugin). Embed [StackableItemDefaults]. Its rules
// are those of [InstancedItemPlugin].
type StackableItemPlugin interface {
	// OnUpdate returns the new amount of a stack. It is called for grants too. An
	// amount below zero or beyond the limit refuses the request.
	OnUpdate(ctx context.Context, r *UpdateStackableRequest) (int64, error)

	mustEmbedStackableItemDefaults()
}

// RewardSelectorPlugin chooses rewards (engine §7.3, slot
// InventoryService.rewardSelectorPlugin). Embed [RewardSelectorDefaults]. Its
// rules are those of [InstancedItemPlugin].
type RewardSelectorPlugin interface {
	// Select returns what a reward consists of. Chance is welcome: what is
	// committed comes from the last call for a request. The tags of the reward
	// are put in front of those of the grants.
	Select(ctx context.Context, r *SelectRequest) (*Rewards, error)

	mustEmbedRewardSelectorDefaults()
}

// NewInstancedRequest is for [InstancedItemPlugin.NewInstanced].
type NewInstancedRequest struct {
	PlayerID   pragma.PlayerID // zero in a simulation
	CatalogID  string
	Spec       InstancedSpec // of the catalog id
	RequestExt ext.Value     // from whoever grants; trusted
	Inventory  *Inventory
}

// UpdateInstancedRequest is for [InstancedItemPlugin.Update].
type UpdateInstancedRequest struct {
	PlayerID      pragma.PlayerID
	Item          InstancedItem // as it is so far
	Spec          InstancedSpec // of its kind
	UpdateEntryID string        // may be empty
	RequestExt    ext.Value     // from whoever updates; trusted
	Inventory     *Inventory
}

// UpdateStackableRequest is for [StackableItemPlugin.OnUpdate].
type UpdateStackableRequest struct {
	PlayerID  pragma.PlayerID // zero in a simulation
	CatalogID string
	Spec      StackableSpec // of the catalog id
	OldAmount int64         // 0 for a new stack
	NewAmount int64         // as asked for; may be negative or beyond the limit
}

// SelectRequest is for [RewardSelectorPlugin.Select].
type SelectRequest struct {
	PlayerID  pragma.PlayerID // zero in a simulation
	TableID   string
	Count     int64 // at least 1
	Inventory *Inventory
}

// Rewards is what a reward consists of.
type Rewards struct {
	Stackables []StackableGrant
	Instanced  []InstancedGrant
}

// InstancedItemDefaults are the defaults of [InstancedItemPlugin].
type InstancedItemDefaults struct{}

// StackableItemDefaults are the defaults of [StackableItemPlugin].
type StackableItemDefaults struct{}

// RewardSelectorDefaults are the defaults of [RewardSelectorPlugin].
type RewardSelectorDefaults struct{}

var (
	_ InstancedItemPlugin  = InstancedItemDefaults{}
	_ StackableItemPlugin  = StackableItemDefaults{}
	_ RewardSelectorPlugin = RewardSelectorDefaults{}
)

func (InstancedItemDefaults) mustEmbedInstancedItemDefaults()   {}
func (StackableItemDefaults) mustEmbedStackableItemDefaults()   {}
func (RewardSelectorDefaults) mustEmbedRewardSelectorDefaults() {}

// NewInstanced returns the request's ext.
func (InstancedItemDefaults) NewInstanced(_ context.Context, r *NewInstancedRequest) (ext.Value, error) {
	return r.RequestExt, nil
}

// Update returns the request's ext.
func (InstancedItemDefaults) Update(_ context.Context, r *UpdateInstancedRequest) (*ext.Value, error) {
	return &r.RequestExt, nil
}

// OnUpdate returns the amount that was asked for.
func (StackableItemDefaults) OnUpdate(_ context.Context, r *UpdateStackableRequest) (int64, error) {
	return r.NewAmount, nil
}

// Select refuses with [ErrGrant]: there are no reward tables.
func (RewardSelectorDefaults) Select(_ context.Context, r *SelectRequest) (*Rewards, error) {
	return nil, ErrGrant.With("there is no reward table %q", r.TableID)
}
