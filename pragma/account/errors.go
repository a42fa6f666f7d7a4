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
)
