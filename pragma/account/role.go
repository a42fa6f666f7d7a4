package account

import (
	"fmt"

	"github.com/openpragma/engine/pragma"
)

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
