package wire

import "github.com/openpragma/engine/pragma/ext"

// What players own (wire §7.8, §13).

// StackableItem is a stack: so many of one kind.
type StackableItem struct {
	CatalogID  string `json:"catalogId"`
	InstanceID UUID   `json:"instanceId,omitzero"`
	Amount     Int64  `json:"amount"`
}

// InstancedItem is a single thing with data of its own.
type InstancedItem struct {
	CatalogID  string    `json:"catalogId"`
	InstanceID UUID      `json:"instanceId,omitzero"`
	Ext        ext.Value `json:"ext"`
}

// InventoryFullV1Data is one part of an inventory, the visible or the hidden one.
type InventoryFullV1Data struct {
	Stackables []StackableItem `json:"stackables"`
	Instanced  []InstancedItem `json:"instanced"`
	Version    Int64           `json:"version"`
}

// ServiceInventoryData is a whole inventory.
type ServiceInventoryData struct {
	Hidden InventoryFullV1Data `json:"hidden"`
	Player InventoryFullV1Data `json:"player"`
}

// InventorySegmentV1Data is what a change of one part led to. A client applies it
// if it has the previous version.
type InventorySegmentV1Data struct {
	Stackables        []StackableItem `json:"stackables"`
	Instanced         []InstancedItem `json:"instanced"`
	RemovedStackables []UUID          `json:"removedStackables"` // instance ids
	RemovedInstanced  []UUID          `json:"removedInstanced"`
	PreviousVersion   Int64           `json:"previousVersion"`
	Version           Int64           `json:"version"`
}

// StackableDelta says by how much one operation changed a stack.
type StackableDelta struct {
	CatalogID     string   `json:"catalogId"`
	Tags          []string `json:"tags"` // of the operation
	AmountChanged Int64    `json:"amountChanged"`
}

// InstancedDeltaV2 says what one operation did to an instanced item.
type InstancedDeltaV2 struct {
	CatalogID string                  `json:"catalogId"`
	Tags      []string                `json:"tags"` // of the operation
	Operation InstancedDeltaOperation `json:"operation"`
	Initial   *InstancedItem          `json:"initial,omitzero"` // none if it was added
	Final     *InstancedItem          `json:"final,omitzero"`   // none if it was removed
}

// UpdateSummaryV0 says what the operations of a request did.
type UpdateSummaryV0 struct {
	Stackables []StackableDelta   `json:"stackables"`
	Instanced  []InstancedDeltaV2 `json:"instanced"`
}

// UpdateItemsResponse is the change of one part.
type UpdateItemsResponse struct {
	Segment InventorySegmentV1Data `json:"segment"`
	Delta   UpdateSummaryV0        `json:"delta"`
}

// ServiceUpdateItemsResponse is the change of both parts.
type ServiceUpdateItemsResponse struct {
	Hidden UpdateItemsResponse `json:"hidden"`
	Player UpdateItemsResponse `json:"player"`
}

// StackableItemGrant adds to a stack.
type StackableItemGrant struct {
	CatalogID string   `json:"catalogId"`
	Amount    Int64    `json:"amount"`
	Tags      []string `json:"tags"`
}

// StackableItemUpdate adds to a stack or, with a negative amount, takes away. The
// stack is named by either id.
type StackableItemUpdate struct {
	CatalogID     string   `json:"catalogId"`
	InstanceID    UUID     `json:"instanceId,omitzero"`
	AmountChanged Int64    `json:"amountChanged"`
	Tags          []string `json:"tags"`
}

// InstancedItemServerGrant makes an instanced item.
type InstancedItemServerGrant struct {
	Ext       ext.Value `json:"ext"`
	CatalogID string    `json:"catalogId"`
	Tags      []string  `json:"tags"`
}

// ServerInstancedItemUpdate asks the plugin to change an instanced item.
type ServerInstancedItemUpdate struct {
	RequestExt    ext.Value `json:"requestExt"`
	InstanceID    UUID      `json:"instanceId,omitzero"`
	UpdateEntryID string    `json:"updateEntryId"`
	Tags          []string  `json:"tags"`
}

// InstancedItemServerDestroy removes an instanced item.
type InstancedItemServerDestroy struct {
	InstanceID UUID `json:"instanceId,omitzero"`
}

// RewardGrant asks for rewards of a table.
type RewardGrant struct {
	TableID string   `json:"tableId"`
	Count   Int64    `json:"count"`
	Tags    []string `json:"tags"`
}

// ItemServerGrantV1 is exactly one of its members.
type ItemServerGrantV1 struct {
	Instanced *InstancedItemServerGrant `json:"instanced,omitzero"`
	Stackable *StackableItemGrant       `json:"stackable,omitzero"`
}

// ServerItemUpdateV2 is exactly one of its members.
type ServerItemUpdateV2 struct {
	Instanced *ServerInstancedItemUpdate `json:"instanced,omitzero"`
	Stackable *StackableItemUpdate       `json:"stackable,omitzero"`
}

// ItemServerDestroyV1 has its one member.
type ItemServerDestroyV1 struct {
	Instanced *InstancedItemServerDestroy `json:"instanced,omitzero"`
}

// DataOperations is any number of operations that happen together or not at all.
type DataOperations struct {
	StackableItemGrants         []StackableItemGrant         `json:"stackableItemGrants"`
	StackableItemUpdates        []StackableItemUpdate        `json:"stackableItemUpdates"`
	InstancedItemServerGrants   []InstancedItemServerGrant   `json:"instancedItemServerGrants"`
	ServerInstancedItemUpdates  []ServerInstancedItemUpdate  `json:"serverInstancedItemUpdates"`
	InstancedItemServerDestroys []InstancedItemServerDestroy `json:"instancedItemServerDestroys"`
	RewardGrants                []RewardGrant                `json:"rewardGrants"`
	IdempotencyKey              string                       `json:"idempotencyKey"`
}
