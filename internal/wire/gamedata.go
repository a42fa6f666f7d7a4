package wire

import "github.com/openpragma/engine/pragma/ext"

// GameDataRpc (wire §7.7). GetLoginDataV3 has an [Empty] request.

// GameDataGetLoginDataV3Response is what a client gets once, at its start.
type GameDataGetLoginDataV3Response struct {
	LoginData LoginDataV3 `json:"loginData"`
}

// GameDataGetLoginDataV2Response is the same under its older name.
type GameDataGetLoginDataV2Response = GameDataGetLoginDataV3Response

// LoginDataV3 is the content of the log-in data. InventoryData has the form of
// [InventoryLoginData].
type LoginDataV3 struct {
	Ext           ext.Value `json:"ext"`
	InventoryData ext.Value `json:"inventoryData"`
}

// InventoryLoginData is what clients need to know of all items there are. The
// members of which this server has none are of any type.
type InventoryLoginData struct {
	IssuedLimitedGrantTrackingIDs []string         `json:"issuedLimitedGrantTrackingIds"`
	InventoryContent              InventoryContent `json:"inventoryContent"`
}

// InventoryContent is the content of a game, as far as clients see it.
type InventoryContent struct {
	ItemCatalog                ItemCatalog `json:"itemCatalog"`
	Stores                     []ext.Value `json:"stores"`
	UpdateEntries              []ext.Value `json:"updateEntries"`
	CraftingEntries            []ext.Value `json:"craftingEntries"`
	ItemBundles                []ext.Value `json:"itemBundles"`
	ProviderEntitlements       []ext.Value `json:"providerEntitlements"`
	CraftingEntriesFingerprint string      `json:"craftingEntriesFingerprint"`
}

// ItemCatalog lists the kinds of items.
type ItemCatalog struct {
	StackableEntries []StackableSpec `json:"stackableEntries"`
	InstancedEntries []InstancedSpec `json:"instancedEntries"`
}

// StackableSpec is a kind of stackable items.
type StackableSpec struct {
	CatalogID    string    `json:"catalogId"`
	Name         string    `json:"name"`
	Limit        Int64     `json:"limit"`
	Tags         []string  `json:"tags"`
	RemoveIfNone bool      `json:"removeIfNone"`
	Ext          ext.Value `json:"ext"`
}

// InstancedSpec is a kind of instanced items.
type InstancedSpec struct {
	CatalogID string    `json:"catalogId"`
	Name      string    `json:"name"`
	Tags      []string  `json:"tags"`
	Ext       ext.Value `json:"ext"`
}
