package inventory

import "github.com/openpragma/engine/pragma"

// Errors of inventories (engine §7.4, wire §11.1). A request that is refused has
// changed nothing.
var (
	// ErrPlayerNotFound is a player id nobody has.
	ErrPlayerNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "InventoryService_PlayerIdNotFound", Message: "no such player"}
	// ErrCatalogIDNotFound is a kind of items that is not in the catalog, or of
	// the other sort: instanced instead of stackable.
	ErrCatalogIDNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "InventoryService_CatalogIdNotFound", Message: "no such kind of items"}
	// ErrInstanceNotFound is an item the player does not have.
	ErrInstanceNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "InventoryService_InstanceNotFound", Message: "the player has no such item"}
	// ErrInsufficient is taking more from a stack than there is.
	ErrInsufficient = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "InventoryService_InsufficientCurrencyError", Message: "there is not enough in the stack"}
	// ErrStackLimitExceeded is a stack beyond the limit of its kind.
	ErrStackLimitExceeded = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "InventoryService_StackLimitExceeded", Message: "the stack would be too large"}
	// ErrOverflow is a stack beyond 64 bits.
	ErrOverflow = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "InventoryService_Overflow", Message: "the stack would overflow"}
	// ErrGrant is a grant that cannot be: less than one, an unknown reward table,
	// an inventory that is full.
	ErrGrant = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "InventoryService_GrantError", Message: "cannot be granted"}
	// ErrRequirementsNotMet is for plugins that refuse a change.
	ErrRequirementsNotMet = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "InventoryService_RequirementsNotMetError", Message: "the requirements are not met"}
	// ErrDeleteNotEnabled is a player who may not delete his own inventory.
	ErrDeleteNotEnabled = &pragma.Error{Code: pragma.PermissionDenied, Reason: "InventoryService_DeletePlayerInventoryConfigNotEnabled", Message: "players may not delete their inventories here"}
)
