package wire

// The enums of InventoryRpc (wire §11.4); its messages are in inventoryitems.go and
// inventorycalls.go.

// InstancedDeltaOperation says what happened to an instanced item.
type InstancedDeltaOperation = Enum[instancedDeltaOperation]

type instancedDeltaOperation struct{}

// Operations on instanced items.
const (
	InstancedDeltaUnknown InstancedDeltaOperation = 0
	InstancedDeltaAdded   InstancedDeltaOperation = 1
	InstancedDeltaRemoved InstancedDeltaOperation = 2
	InstancedDeltaUpdated InstancedDeltaOperation = 3
)

func (instancedDeltaOperation) names() []enumName { return instancedDeltaOperations }

var instancedDeltaOperations = []enumName{{0, "UNKNOWN"}, {1, "ADDED"}, {2, "REMOVED"}, {3, "UPDATED"}}

// ProviderEntitlementRecordStatus says how far an entitlement is.
type ProviderEntitlementRecordStatus = Enum[providerEntitlementRecordStatus]

type providerEntitlementRecordStatus struct{}

// Statuses of entitlement records.
const (
	EntitlementUnused    ProviderEntitlementRecordStatus = 0
	EntitlementPending   ProviderEntitlementRecordStatus = 1
	EntitlementCompleted ProviderEntitlementRecordStatus = 2
)

func (providerEntitlementRecordStatus) names() []enumName { return providerEntitlementRecordStatuses }

var providerEntitlementRecordStatuses = []enumName{
	{0, "UNUSED_STATUS"},
	{1, "ENTITLEMENT_PENDING"},
	{2, "ENTITLEMENT_COMPLETED"},
}

// EpicOfferType sorts the offers of the Epic store.
type EpicOfferType = Enum[epicOfferType]

type epicOfferType struct{}

// Kinds of offers.
const (
	EpicOfferUnknown      EpicOfferType = 0
	EpicOfferConsumable   EpicOfferType = 1
	EpicOfferAddon        EpicOfferType = 2
	EpicOfferEdition      EpicOfferType = 3
	EpicOfferGame         EpicOfferType = 4
	EpicOfferDemo         EpicOfferType = 5
	EpicOfferDigitalExtra EpicOfferType = 6
	EpicOfferSeasonPass   EpicOfferType = 7
)

func (epicOfferType) names() []enumName { return epicOfferTypes }

var epicOfferTypes = []enumName{
	{0, "UNKNOWN_OFFER_TYPE"},
	{1, "CONSUMABLE"},
	{2, "ADDON"},
	{3, "EDITION"},
	{4, "GAME"},
	{5, "DEMO"},
	{6, "DIGITAL_EXTRA"},
	{7, "SEASON_PASS"},
}
