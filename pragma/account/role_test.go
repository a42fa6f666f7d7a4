package account_test

import (
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

func TestOnlyKnownRolesCanBeConfigured(t *testing.T) {
	for _, c := range []struct {
		text string
		want account.Role
	}{{"ADMIN", pragma.RoleAdmin}, {"VIEWER", pragma.RoleViewer}, {"admin", ""}, {"", ""}, {"ADMIN ", ""}, {"ROOT", ""}} {
		var got account.Role
		err := got.UnmarshalText([]byte(c.text))
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}
