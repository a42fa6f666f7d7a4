package oidc_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/plugins/oidc"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// A provider token of any form gets an answer, and only one that the issuer has
// signed gets an account.
func FuzzProviderToken(f *testing.F) {
	iss := newIssuer(f)
	iss.url = "https://issuer.test"
	iss.publish(newKey(f, "first"))
	good := iss.token(nil)
	p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(withCodes), Transport: memory{iss}}
	for _, seed := range []string{
		good, envelope(map[string]string{"idToken": good, "nonce": "n"}), code(nil), tamper(good, 0), tamper(good, 1), jsonSerialized(good),
		"", "{}", "...", "eyJhbGciOiJub25lIn0.e30.", `{"code":1}`, `{"idToken":"a","idToken":"b"}`, "{\"idToken\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		who, err := p.Validate(t.Context(), &account.ValidateRequest{ProviderToken: token})
		var inner struct {
			IDToken string `json:"idToken"`
		}
		_ = json.Unmarshal([]byte(token), &inner)
		switch {
		case (who == nil) == (err == nil):
			t.Fatalf("got %+v and %v, want one of them", who, err)
		case err != nil:
			if _, ok := errors.AsType[*pragma.Error](err); !ok {
				t.Errorf("error %v has no reason", err)
			}
		case !strings.Contains(token, good) && !strings.Contains(inner.IDToken, good):
			t.Errorf("%q was accepted as %+v", token, who)
		}
	})
}
