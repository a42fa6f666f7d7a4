package wire

import "github.com/openpragma/engine/pragma/ext"

// The calls of InventoryRpc that do not need a store, crafting or payment (wire
// §7.8, §8). GetInventoryV2 and DeletePlayerInventoryV3 have an [Empty] request;
// deleting and clearing have an Empty response, and so has
// ResetClientInventoryCacheVersionV1Notification.

// InventoryGetInventoryV2Response is what the caller owns and may see.
type InventoryGetInventoryV2Response struct {
	Full InventoryFullV1Data `json:"full"`
}

// InventorySyncEntitlementsV1Request hands over what stores have sold.
type InventorySyncEntitlementsV1Request struct {
	ProviderData []ProviderData `json:"providerData"` // may be missing
}

// ProviderData is how a store knows the player.
type ProviderData struct {
	Provider string    `json:"provider"`
	AuthCode string    `json:"authCode"`
	Ext      ext.Value `json:"ext,omitzero"` // generation 339 only
}

// InventorySyncEntitlementsV1Response says what became of purchases.
type InventorySyncEntitlementsV1Response struct {
	Fulfilled   []ProviderEntitlementV1 `json:"fulfilled"`
	Unfulfilled []ProviderEntitlementV1 `json:"unfulfilled"`
}

// ProviderEntitlementV1 is something bought in a store.
type ProviderEntitlementV1 struct {
	ProviderID     string `json:"providerId"`
	ProviderItemID string `json:"providerItemId"`
}

// InventoryGetInventoryPartnerV2Request asks for an inventory.
type InventoryGetInventoryPartnerV2Request struct {
	PlayerID      UUID     `json:"playerId,omitzero"`
	TagsToInclude []string `json:"tagsToInclude"` // items with one of them; none: all
}

// InventoryGetInventoryPartnerV2Response has both parts of it.
type InventoryGetInventoryPartnerV2Response struct {
	Inventory ServiceInventoryData `json:"inventory"`
}

// The operator's variant of GetInventoryPartnerV2; the name is ours.
type (
	InventoryGetInventoryOperatorV1Request  = InventoryGetInventoryPartnerV2Request
	InventoryGetInventoryOperatorV1Response = InventoryGetInventoryPartnerV2Response
)

// InventoryGrantItemsPartnerV2Request gives items to a player.
type InventoryGrantItemsPartnerV2Request struct {
	PlayerID   UUID                `json:"playerId,omitzero"`
	ItemGrants []ItemServerGrantV1 `json:"itemGrants"`
}

// InventoryUpdateItemsPartnerV2Request changes items of a player.
type InventoryUpdateItemsPartnerV2Request struct {
	PlayerID UUID                 `json:"playerId,omitzero"`
	Updates  []ServerItemUpdateV2 `json:"updates"`
}

// InventoryDestroyItemsPartnerV2Request takes items from a player.
type InventoryDestroyItemsPartnerV2Request struct {
	PlayerID     UUID                  `json:"playerId,omitzero"`
	ItemDestroys []ItemServerDestroyV1 `json:"itemDestroys"`
}

// InventoryApplyInventoryOperationsPartnerV1Request does all kinds at once.
type InventoryApplyInventoryOperationsPartnerV1Request struct {
	PlayerID       UUID           `json:"playerId,omitzero"`
	DataOperations DataOperations `json:"dataOperations"`
}

// InventoryApplyInventoryOperationsPartnerV1Response says what changed. It is
// empty for an idempotency key that was used before.
type InventoryApplyInventoryOperationsPartnerV1Response struct {
	Updates *ServiceUpdateItemsResponse `json:"updates,omitzero"`
}

// The other calls that change an inventory have the same answer.
type (
	InventoryGrantItemsPartnerV2Response                = InventoryApplyInventoryOperationsPartnerV1Response
	InventoryUpdateItemsPartnerV2Response               = InventoryApplyInventoryOperationsPartnerV1Response
	InventoryDestroyItemsPartnerV2Response              = InventoryApplyInventoryOperationsPartnerV1Response
	InventoryApplyInventoryOperationsOperatorV1Request  = InventoryApplyInventoryOperationsPartnerV1Request
	InventoryApplyInventoryOperationsOperatorV1Response = InventoryApplyInventoryOperationsPartnerV1Response
)

// InventoryDeletePlayerInventoryPartnerV1Request empties an inventory.
type InventoryDeletePlayerInventoryPartnerV1Request struct {
	PlayerID UUID `json:"playerId,omitzero"`
}

// InventoryClearPlayerInventoryCachePartnerV1Request has a client read again.
type InventoryClearPlayerInventoryCachePartnerV1Request = InventoryDeletePlayerInventoryPartnerV1Request

// InventorySimulateRewardsV2Request asks what rewards a player might get.
type InventorySimulateRewardsV2Request struct {
	RewardGrants []RewardGrant `json:"rewardGrants"`
}

// InventorySimulateRewardsV2Response shows one possible outcome.
type InventorySimulateRewardsV2Response struct {
	InventoryDelta UpdateSummaryV0 `json:"inventoryDelta"`
}

// InventoryUpdatedV1Notification tells a player what others changed.
type InventoryUpdatedV1Notification struct {
	Segment InventorySegmentV1Data `json:"segment"`
	Delta   UpdateSummaryV0        `json:"delta"`
}
