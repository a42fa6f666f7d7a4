package account_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

func TestProfilesAreFoundByTheWholeDisplayName(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		_, social := w.mustLogIn("robin", "Robin")
		player := w.Raw(socialPlayer, social)
		digits := player.Call("AccountRpc.GetAccountV1", map[string]any{})["displayName"].(map[string]any)["discriminator"].(string)
		for _, name := range []string{"Robin", "rObIn"} {
			p, err := w.accounts.ProfileByDisplayName(t.Context(), pragma.DisplayName{DisplayName: name, Discriminator: digits})
			if err != nil || p.SocialID.String() != claims(t, social)["pragmaSocialId"] {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
		for what, name := range map[string]pragma.DisplayName{
			"nothing":    {},
			"no digits":  {DisplayName: "Robin"},
			"no name":    {Discriminator: digits},
			"a stranger": {DisplayName: "Marian", Discriminator: digits},
			"too long":   {DisplayName: strings.Repeat("r", 1000), Discriminator: digits},
			"a zero":     {DisplayName: "Ro\x00bin", Discriminator: digits},
		} {
			if p, err := w.accounts.ProfileByDisplayName(t.Context(), name); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: %+v, %v", what, p, err)
			}
		}
	})
}
