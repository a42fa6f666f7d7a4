package steam_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/openpragma/engine/plugins/steam"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// A token of any form gets an answer. Steam here says yes to every assertion, so
// only those get an account that are fit to be asked about.
func FuzzProviderToken(f *testing.F) {
	steamer := newFake(f)
	steamer.fail(openIDPath, reply(200, "ns:http://specs.openid.net/auth/2.0\nis_valid:true\n"))
	for _, seed := range []string{
		ticket, "abcd", "", "{}", `{"sig":"a","sig":"b"}`, assertion(time.Now(), nil),
		assertion(time.Now(), map[string]string{"signed": "sig"}), assertion(time.Now(), map[string]string{"claimedId": openIDStart + "1"}),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p := provider(steamer, func(c *steam.Config) { withOpenID(c); c.OpenID.MaxAgeSeconds = 3600 })
		who, err := p.Validate(t.Context(), &account.ValidateRequest{ProviderToken: token})
		switch {
		case (who == nil) == (err == nil):
			t.Fatalf("got %+v and %v, want one of them", who, err)
		case err != nil:
			if _, ok := errors.AsType[*pragma.Error](err); !ok {
				t.Errorf("error %v has no reason", err)
			}
			return
		}
		var a struct{ ClaimedID, Identity, OPEndpoint string }
		_ = json.Unmarshal([]byte(token), &a)
		if a.ClaimedID != "" && (a.ClaimedID != openIDStart+who.AccountID || a.Identity != a.ClaimedID || a.OPEndpoint != endpoint) {
			t.Errorf("%q was accepted as %s", token, who.AccountID)
		}
	})
}
