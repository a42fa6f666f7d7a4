package account

import "github.com/openpragma/engine/pragma"

// Errors of accounts (engine §2.6). Where the documented product has a typed
// application error, its name travels beside the documented reason.
var (
	// ErrProvider is an unknown identity provider.
	ErrProvider = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_Error", Message: "unknown or disabled identity provider", Type: "pragma.IdProviderNotFoundApplicationError"}
	// ErrProviderDisabled is an identity provider by which this caller may not log
	// in. [errors.Is] takes it for [ErrProvider].
	ErrProviderDisabled = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_Error", Message: "unknown or disabled identity provider", Type: "AccountRpc.IdProviderAuthenticationDisabledApplicationError"}
	// ErrNotFound is a game shard or an account that does not exist.
	ErrNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "AccountService_NotFound", Message: "not found"}
	// ErrUnauthorized is a log-in or a refresh that is refused.
	ErrUnauthorized = &pragma.Error{Code: pragma.PermissionDenied, Reason: "AccountService_Unauthorized", Message: "not authorized", Type: "AccountRpc.UnauthorizedApplicationError"}
	// ErrAlreadyExists is a provider account that has an account already.
	ErrAlreadyExists = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_AlreadyExists", Message: "this provider account has an account already", Type: "AccountRpc.AccountAlreadyExistsApplicationError"}
	// ErrNoDiscriminators is a display name that ten thousand accounts have already.
	ErrNoDiscriminators = &pragma.Error{Code: pragma.ResourceExhausted, Reason: "AccountService_RanOutOfDiscriminators", Message: "this display name is taken too often", Type: "AccountRpc.RanOutOfDiscriminatorsApplicationError"}
	// ErrDatabase is a log-in that the store could not take; it may be tried again.
	ErrDatabase = &pragma.Error{Code: pragma.Unavailable, Reason: "Database_Error", Message: "the log-in cannot be stored now"}
	// ErrBadRequest is a request with values that cannot be.
	ErrBadRequest = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_BadRequest", Message: "bad request"}
	// ErrProviderResponse is an identity provider that cannot be reached, or answers
	// in a way that says nothing about the caller. The log-in may be tried again. An
	// [IdentityProvider] wraps the cause in it, for the log.
	ErrProviderResponse = &pragma.Error{Code: pragma.Unavailable, Reason: "AccountService_IdProviderUnexpectedResponse", Message: "the identity provider does not answer as it should; try again later"}
	// ErrDisplayNameUpdate is a change of the display name that is not allowed.
	ErrDisplayNameUpdate = &pragma.Error{Code: pragma.PermissionDenied, Reason: "AccountService_DisplayNameUpdateNotAllowed", Message: "the display name may not be changed"}
)

// Errors of linking and unlinking (engine §2.6).
var (
	// ErrProviderMissing is an identity provider that the server does not know, or
	// of which the account has no account.
	ErrProviderMissing = &pragma.Error{Code: pragma.NotFound, Reason: "AccountService_IdProviderMissing", Message: "no such identity provider", Type: "pragma.IdProviderNotFoundApplicationError"}
	// ErrLinkingDisabled is an identity provider whose accounts may not be linked.
	ErrLinkingDisabled = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_IdProviderLinkingDisabled", Message: "accounts of this provider may not be linked", Type: "AccountRpc.IdProviderLinkingDisabledApplicationError"}
	// ErrUnlinkingDisabled is one whose accounts may not be unlinked. There is no
	// documented name for it, so it shares one with [ErrLinkingDisabled].
	ErrUnlinkingDisabled = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_IdProviderLinkingDisabled", Message: "accounts of this provider may not be unlinked", Type: "AccountRpc.IdProviderUnlinkingDisabledApplicationError"}
	// ErrLinkCooldown is a link too soon after an unlinking. Its detail says until
	// when, as linkableTimestampMillis.
	ErrLinkCooldown = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_IdProviderLinkingDisabled", Message: "an account of this provider was unlinked lately", Type: "AccountRpc.LinkCooldownApplicationError"}
	// ErrProviderTaken is a provider account that belongs to another account.
	ErrProviderTaken = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_IdProviderAlreadyAssociated", Message: "this provider account belongs to another account", Type: "AccountRpc.IdProviderLinkedToOtherAccountApplicationError"}
	// ErrOneAssociation is a provider account that belonged to another account
	// once, and may not belong to a second one.
	ErrOneAssociation = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_IdProviderAlreadyAssociated", Message: "this provider account belonged to another account", Type: "AccountRpc.LinkOneAssociationOnlyApplicationError"}
	// ErrProviderBound is an account that has an account of the provider already.
	ErrProviderBound = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_AccountAlreadyBoundToProviderType", Message: "the account has an account of this provider already", Type: "AccountRpc.IdProviderAlreadyLinkedToAccountApplicationError"}
	// ErrOnlyProvider is the last provider account, without which nobody could log
	// in.
	ErrOnlyProvider = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "AccountService_CannotUnlinkOnlyIdProvider", Message: "the only provider account cannot be unlinked"}
)

// Errors of e-mail addresses (wire §11.1).
var (
	// ErrTooManyEmails is one more verification mail within the hour than
	// [MaxEmailsPerHour].
	ErrTooManyEmails = &pragma.Error{Code: pragma.ResourceExhausted, Reason: "AccountService_EmailSenderRequestError", Message: "too many verification mails; try again later"}
	// ErrEmailToken is a token that verifies nothing: unreadable, or no longer
	// that of the account's address.
	ErrEmailToken = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_TokenDecodeFailed", Message: "this token verifies no e-mail address"}
	// ErrEmailTokenExpired is a token that came too late.
	ErrEmailTokenExpired = &pragma.Error{Code: pragma.InvalidArgument, Reason: "AccountService_TokenExpired", Message: "this token has expired"}
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
