package account

import (
	"fmt"

	"github.com/openpragma/engine/pragma"
)

// ErrProviderResponse is an identity provider that cannot be reached, or answers
// in a way that says nothing about the caller. The log-in may be tried again. An
// [IdentityProvider] wraps the cause in it, for the log.
var ErrProviderResponse = &pragma.Error{
	Code:    pragma.Unavailable,
	Reason:  "AccountService_IdProviderUnexpectedResponse",
	Message: "the identity provider does not answer as it should; try again later",
}

// Role is the role of an operator in the configuration of a provider:
// [pragma.RoleAdmin] or [pragma.RoleViewer].
type Role string

// UnmarshalText accepts the names of the roles.
func (r *Role) UnmarshalText(text []byte) error {
	switch role := string(text); role {
	case pragma.RoleAdmin, pragma.RoleViewer:
		*r = Role(role)
		return nil
	}
	return fmt.Errorf("want %s or %s", pragma.RoleAdmin, pragma.RoleViewer)
}
