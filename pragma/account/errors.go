package account

import "github.com/openpragma/engine/pragma"

// Errors of accounts (engine §2.6).
var (
	// ErrProvider is an unknown or disabled identity provider.
	ErrProvider = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_Error", Message: "unknown or disabled identity provider"}
	// ErrNotFound is a game shard or an account that does not exist.
	ErrNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "AccountService_NotFound", Message: "not found"}
	// ErrUnauthorized is a log-in or a refresh that is refused.
	ErrUnauthorized = &pragma.Error{Code: pragma.PermissionDenied, Reason: "AccountService_Unauthorized", Message: "not authorized"}
	// ErrNoDiscriminators is a display name that ten thousand accounts have already.
	ErrNoDiscriminators = &pragma.Error{Code: pragma.ResourceExhausted, Reason: "AccountService_RanOutOfDiscriminators", Message: "this display name is taken too often"}
	// ErrDatabase is a log-in that the store could not take; it may be tried again.
	ErrDatabase = &pragma.Error{Code: pragma.Unavailable, Reason: "Database_Error", Message: "the log-in cannot be stored now"}
	// ErrBadRequest is a request with values that cannot be.
	ErrBadRequest = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_BadRequest", Message: "bad request"}
	// ErrProviderResponse is an identity provider that cannot be reached, or answers
	// in a way that says nothing about the caller. The log-in may be tried again. An
	// [IdentityProvider] wraps the cause in it, for the log.
	ErrProviderResponse = &pragma.Error{Code: pragma.Unavailable, Reason: "AccountService_IdProviderUnexpectedResponse", Message: "the identity provider does not answer as it should; try again later"}
)

// Errors of player groups, account tags and searches (wire §11.1).
var (
	// ErrGroupNameTaken is the name of a player group that there is already.
	ErrGroupNameTaken = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_PlayerGroupNameCollision", Message: "there is a player group with this name"}
	// ErrGroupInvalid is a name or a description that a player group cannot have,
	// or one group too many.
	ErrGroupInvalid = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_PlayerGroupValidation", Message: "not possible for a player group"}
	// ErrNotInGroup is an account that cannot be taken out of a player group
	// because it is not in it.
	ErrNotInGroup = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_PlayerGroupCouldNotRemove", Message: "the account is not in the player group"}
	// ErrTagInvalid is a text that cannot be a tag, an unknown tag, or one too many.
	ErrTagInvalid = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_AccountTagValidation", Message: "not possible as an account tag"}
	// ErrMissingFilter is a search that says too little.
	ErrMissingFilter = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_MissingFilter", Message: "the filter is missing"}
)

// Errors of the access to a game shard (wire §11.1).
var (
	// ErrAccessMode is an access mode that cannot be stored now; it may be tried again.
	ErrAccessMode = &pragma.Error{Code: pragma.Unavailable, Reason: "GameManagementService_FailedToSetAccessMode", Message: "the access mode cannot be stored now"}
	// ErrEventNotFound is a limited access event that does not exist.
	ErrEventNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "GameManagementService_LimitedAccessEventNotFound", Message: "no such limited access event"}
	// ErrEventName is a limited access event without a name.
	ErrEventName = &pragma.Error{Code: pragma.InvalidArgument, Reason: "GameManagementService_LimitedAccessEventNameMissing", Message: "the limited access event has no name"}
	// ErrEventTime is a limited access event that ends before it starts, or has ended.
	ErrEventTime = &pragma.Error{Code: pragma.InvalidArgument, Reason: "GameManagementService_LimitedAccessEventTimeInvalid", Message: "the limited access event must end after its start and after now"}
	// ErrEventOver is a change of a limited access event that has ended.
	ErrEventOver = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GameManagementService_LimitedAccessEventCannotModifyExistingEvent", Message: "the limited access event has ended"}
	// ErrShard is a missing game shard, or one of another server.
	ErrShard = &pragma.Error{Code: pragma.InvalidArgument, Reason: "GameManagementService_GameShardInvalid", Message: "not the game shard of this server"}
	// ErrGameManagement is a request about the access to a shard with values that
	// cannot be.
	ErrGameManagement = &pragma.Error{Code: pragma.InvalidArgument, Reason: "GameManagementService_BadRequest", Message: "bad request"}
)
