package fleet

import "github.com/openpragma/engine/pragma"

// Errors of the fleet (wire §11.1). Hooks may return them too. The values are not
// to be changed.
var (
	// ErrServerPoolNotFound is a server of a pool that does not exist.
	ErrServerPoolNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "FleetService_ServerPoolNotFound", Message: "no such server pool"}
	// ErrPolicyNotFound is a pool whose management policy is not configured.
	ErrPolicyNotFound = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "FleetService_ServerPoolManagementPolicyConfigNotFound", Message: "the management policy of the pool is not configured"}
	// ErrServerNotRequested is a report with a token that was made for another
	// server than the one it names, or for a single game.
	ErrServerNotRequested = &pragma.Error{Code: pragma.PermissionDenied, Reason: "MatchCapacityService_ServerNotRequested", Message: "the token is for another server"}
)
