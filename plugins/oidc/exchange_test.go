package oidc_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/plugins/oidc"
)

const redirect = "https://game.example/callback"

func withCodes(c *oidc.Config) {
	c.ClientSecret, c.RedirectURIs = "pa ss:word", []string{redirect}
}

func code(members map[string]string) string {
	all := map[string]string{"code": "c1", "redirectUri": redirect}
	for k, v := range members {
		all[k] = v
	}
	return envelope(all)
}

func TestACodeIsExchangedForAToken(t *testing.T) {
	iss, transport := serveTLS(t)
	for _, c := range []struct {
		name    string
		methods []string
		basic   string
		form    map[string]string
	}{
		{"with a header", nil, clientID + ":pa+ss%3Aword", map[string]string{"client_secret": ""}},
		{"with a form", []string{"client_secret_post"}, ":", map[string]string{"client_id": clientID, "client_secret": "pa ss:word"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			iss.meta = map[string]any{"token_endpoint_auth_methods_supported": c.methods}
			iss.tokens["c1"] = iss.token(claims{"nonce": "n"})
			p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(withCodes), Transport: transport}
			who, err := validate(t, p, code(map[string]string{"codeVerifier": "v", "nonce": "n"}))
			if err != nil || who.AccountID != "248289761001" {
				t.Fatalf("got %+v, %v", who, err)
			}
			if iss.basic != c.basic {
				t.Errorf("basic authentication %q, want %q", iss.basic, c.basic)
			}
			want := map[string]string{"grant_type": "authorization_code", "code": "c1", "redirect_uri": redirect, "code_verifier": "v"}
			for k, v := range c.form {
				want[k] = v
			}
			got := make(map[string]string)
			for k := range want {
				got[k] = iss.form.Get(k)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("form (-want +got):\n%s", diff)
			}
			_, err = validate(t, p, code(nil))
			wantRefused(t, err, "code is not valid")
		})
	}
}

func TestCodesAreRefusedFor(t *testing.T) {
	iss, transport := serveTLS(t)
	for _, c := range []struct {
		name   string
		change func(c *oidc.Config)
		token  string
		claims claims
		want   string
	}{
		{"a server that takes none", nil, code(nil), nil, "not accepted"},
		{"another redirect", withCodes, code(map[string]string{"redirectUri": redirect + "/.."}), nil, "redirectUri"},
		{"no redirect", withCodes, code(map[string]string{"redirectUri": ""}), nil, "redirectUri"},
		{"another nonce", withCodes, code(map[string]string{"nonce": "x"}), claims{"nonce": "n"}, "another nonce"},
		{"a token for another program", withCodes, code(nil), claims{"aud": "x"}, "another program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			iss.tokens["c1"] = iss.token(c.claims)
			p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(c.change), Transport: transport}
			_, err := validate(t, p, c.token)
			wantRefused(t, err, c.want)
		})
	}
}

func TestAnExchangeThatFailsKeepsTheSecret(t *testing.T) {
	iss, transport := serveTLS(t)
	reply := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	for _, c := range []struct {
		name  string
		fault http.HandlerFunc
		meta  map[string]any
	}{
		{"our credentials are wrong", reply(401, `{"error":"invalid_client"}`), nil},
		{"a server error", reply(500, ``), nil},
		{"no ID token", reply(200, `{"access_token":"x"}`), nil},
		{"not JSON", reply(200, `<html>`), nil},
		{"a redirect", http.RedirectHandler("https://evil.example", http.StatusTemporaryRedirect).ServeHTTP, nil},
		{"an endless answer", reply(200, strings.Repeat("x", 2<<20)), nil},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
		{"an endpoint without TLS", nil, map[string]any{"token_endpoint": "http://issuer.example/token"}},
		{"no endpoint", nil, map[string]any{"token_endpoint": nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			iss.fail(tokenPath, c.fault)
			iss.meta = c.meta
			p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(withCodes), Transport: transport}
			_, err := validate(t, p, code(nil))
			wantPassing(t, err)
			if cause := errors.Unwrap(err); cause == nil || strings.Contains(cause.Error(), "word") {
				t.Errorf("cause %v; want one without the secret", cause)
			}
		})
	}
}
