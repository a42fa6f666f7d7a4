package oidc_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/plugins/oidc"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

func validate(t *testing.T, p *oidc.Provider, token string) (*account.ProviderAccount, error) {
	t.Helper()
	return p.Validate(t.Context(), &account.ValidateRequest{ProviderToken: token, Type: pragma.Player})
}

// wantRefused wants a refusal for the client, with a part of its message.
func wantRefused(t *testing.T, err error, message string) {
	t.Helper()
	e, ok := errors.AsType[*pragma.Error](err)
	if !ok || !errors.Is(err, account.ErrUnauthorized) || !strings.Contains(e.Message, message) {
		t.Errorf("got error %v, want AccountService_Unauthorized with %q", err, message)
	}
}

func wantPassing(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*pragma.Error](err)
	if !ok || !errors.Is(err, account.ErrProviderResponse) || e.Code != pragma.Unavailable {
		t.Errorf("got error %v, want AccountService_IdProviderUnexpectedResponse, unavailable", err)
	}
}

func TestATokenOfTheIssuerNamesTheAccount(t *testing.T) {
	iss, transport := serveTLS(t)
	p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(nil), Transport: transport}
	for _, c := range []struct{ name, token string }{
		{"plain", iss.token(nil)},
		{"with spaces around", "\n " + iss.token(nil) + " "},
		{"in JSON", envelope(map[string]string{"idToken": iss.token(nil)})},
		{"in JSON with members nobody knows", envelope(map[string]string{"idToken": iss.token(nil), "platform": "pc"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := validate(t, p, c.token)
			if err != nil {
				t.Fatal(err)
			}
			want := &account.ProviderAccount{AccountID: "248289761001", DisplayName: "Robin"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("account (-want +got):\n%s", diff)
			}
		})
	}
	if d, k := iss.times(discoveryPath), iss.times(keysPath); d != 1 || k != 1 {
		t.Errorf("the issuer was asked %d times for discovery and %d times for keys, want once each", d, k)
	}
}

func TestTokensAreRefusedFor(t *testing.T) {
	iss, transport := serveTLS(t)
	other := newKey(t, "first") // the right key id, the wrong key
	now := time.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for _, c := range []struct {
		name  string
		token string
		want  string
	}{
		{"another audience", iss.token(claims{"aud": "another-game"}), "another program"},
		{"no audience", iss.token(claims{"aud": nil}), "another program"},
		{"an audience that only begins like ours", iss.token(claims{"aud": clientID + "2"}), "another program"},
		{"another authorized party", iss.token(claims{"azp": "another-game"}), "issued to another program"},
		{"an authorized party that is no text", iss.token(claims{"azp": []string{clientID}}), "issued to another program"},
		{"a foreign audience beside ours and no authorized party", iss.token(claims{"aud": []string{clientID, "x"}}), "which one asked"},
		{"another issuer", iss.token(claims{"iss": "https://evil.example"}), "not from the issuer"},
		{"an issuer with a slash more", iss.token(claims{"iss": iss.url + "/"}), "not from the issuer"},
		{"its end", iss.token(claims{"exp": at(-2 * time.Minute)}), "expired"},
		{"no end", iss.token(claims{"exp": nil}), "when it was issued"},
		{"no beginning", iss.token(claims{"iat": nil}), "when it was issued"},
		{"a beginning to come", iss.token(claims{"iat": at(2 * time.Minute)}), "not valid yet"},
		{"not before later", iss.token(claims{"nbf": at(2 * time.Minute)}), "not valid yet"},
		{"a not before that is no time", iss.token(claims{"nbf": "soon"}), "not from the issuer"},
		{"a not before beyond time", iss.token(claims{"nbf": 1e300}), "cannot be read"},
		{"another key with the same id", sign(t, other, nil, iss.usual(nil)), "not from the issuer"},
		{"an unknown key", sign(t, newKey(t, "../../etc/passwd"), nil, iss.usual(nil)), "not from the issuer"},
		{"a changed payload", tamper(iss.token(nil), 1), "not from the issuer"},
		{"a changed signature", tamper(iss.token(nil), 2), "not from the issuer"},
		{"the type of access tokens", sign(t, iss.keys[0], map[jose.HeaderKey]any{"typ": "at+jwt"}, iss.usual(nil)), "cannot be read"},
		{"the type of log-out tokens", sign(t, iss.keys[0], map[jose.HeaderKey]any{"typ": "application/LOGOUT+JWT"}, iss.usual(nil)), "cannot be read"},
		{"an account without id", iss.token(claims{"sub": nil}), "does not name an account"},
		{"an account id that is a list", iss.token(claims{"sub": []string{"1"}}), ""},
		{"a claim that stands twice", sign(t, iss.keys[0], nil, fmt.Sprintf(
			`{"iss":%q,"aud":%q,"sub":"1","sub":"2","iat":%d,"exp":%d}`, iss.url, clientID, at(0), at(time.Hour))), "cannot be read"},
		{"claims that are no object", sign(t, iss.keys[0], nil, `[1]`), "not from the issuer"},
		{"nothing in it", "", "must be an ID token"},
		{"dots", strings.Repeat(".", 3000), "cannot be read"},
		{"a megabyte", strings.Repeat("a", 1<<20), "too long"},
		{"JSON without token", `{}`, "must be an ID token"},
		{"JSON that ends early", `{"idToken":`, "not readable"},
		{"JSON with a member twice", `{"idToken":"a","idToken":"b"}`, "not readable"},
		{"a token and a code", `{"idToken":"a","code":"b"}`, "not both"},
		{"a token in JSON serialization", envelope(map[string]string{"idToken": jsonSerialized(iss.token(nil))}), "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(nil), Transport: transport}
			got, err := validate(t, p, c.token)
			if got != nil {
				t.Fatalf("got account %+v, want none", got)
			}
			wantRefused(t, err, c.want)
		})
	}
}

// jsonSerialized turns a compact token into the other form of RFC 7515.
func jsonSerialized(token string) string {
	parts := strings.Split(token, ".")
	b, _ := json.Marshal(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
	return string(b)
}

func TestOnlyAllowedAlgorithmsCount(t *testing.T) {
	iss, transport := serveTLS(t)
	rs := newRSA(t, "rs", 2048)
	iss.publish(rs, iss.keys[0])
	body, _ := json.Marshal(iss.usual(nil))
	der, err := x509.MarshalPKIXPublicKey(rs.Public().Key.(*rsa.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	hmac := jose.JSONWebKey{Key: public, KeyID: "rs", Algorithm: "HS256"}
	raw := base64.RawURLEncoding.EncodeToString
	for _, c := range []struct {
		name, token string
		algorithms  []string
		ok          bool
	}{
		{"RS256", sign(t, rs, nil, iss.usual(nil)), nil, true},
		{"PS256 with a key that is for RS256", sign(t, jose.JSONWebKey{Key: rs.Key, KeyID: "rs", Algorithm: "PS256"}, nil, iss.usual(nil)), []string{"PS256"}, false},
		{"RS256 where ES256 alone is allowed", sign(t, rs, nil, iss.usual(nil)), []string{"ES256"}, false},
		{"none", raw([]byte(`{"alg":"none"}`)) + "." + raw(body) + ".", nil, false},
		{"None with a key id", raw([]byte(`{"alg":"None","kid":"rs"}`)) + "." + raw(body) + ".", nil, false},
		{"HS256 with the public key", sign(t, hmac, nil, iss.usual(nil)), nil, false},
		{"no algorithm", raw([]byte(`{}`)) + "." + raw(body) + ".AAAA", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &oidc.Provider{Type: "DEMO_EXT", Transport: transport, Config: iss.config(func(cfg *oidc.Config) {
				if c.algorithms != nil {
					cfg.SigningAlgorithms = c.algorithms
				}
			})}
			_, err := validate(t, p, c.token)
			if !c.ok {
				wantRefused(t, err, "")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheConfigurationSaysWhatATokenMustBe(t *testing.T) {
	iss, transport := serveTLS(t)
	now := time.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	sum := sha256.Sum256([]byte("secret"))
	nonce := func(n string) string {
		return envelope(map[string]string{"idToken": iss.token(claims{"nonce": n}), "nonce": "secret"})
	}
	for _, c := range []struct {
		name   string
		change func(c *oidc.Config)
		token  string
		want   string // "" is accepted
	}{
		{"a second client", func(c *oidc.Config) { c.ClientIDs = []string{"x", clientID} }, iss.token(nil), ""},
		{"ours among several, asked for by us", nil, iss.token(claims{"aud": []string{clientID, "x"}, "azp": clientID}), ""},
		{"two of ours", func(c *oidc.Config) { c.ClientIDs = []string{"x", clientID} }, iss.token(claims{"aud": []string{clientID, "x"}}), ""},
		{"a listed party", func(c *oidc.Config) { c.AuthorizedParties = []string{"android"} }, iss.token(claims{"azp": "android"}), ""},
		{"a party that is not listed", func(c *oidc.Config) { c.AuthorizedParties = []string{"android"} }, iss.token(claims{"azp": clientID}), "issued to another"},
		{"the end within the skew", nil, iss.token(claims{"exp": at(-30 * time.Second)}), ""},
		{"the beginning within the skew", nil, iss.token(claims{"iat": at(30 * time.Second), "nbf": at(30 * time.Second)}), ""},
		{"no skew", func(c *oidc.Config) { c.ClockSkewSeconds = 0 }, iss.token(claims{"exp": at(-2 * time.Second)}), "expired"},
		{"a fresh token", func(c *oidc.Config) { c.MaxTokenAgeSeconds = 60 }, iss.token(claims{"iat": at(-90 * time.Second)}), ""},
		{"an old token", func(c *oidc.Config) { c.MaxTokenAgeSeconds = 60 }, iss.token(claims{"iat": at(-150 * time.Second)}), "too old"},
		{"a nonce that fits", nil, nonce("secret"), ""},
		{"a nonce that does not", nil, nonce("public"), "another nonce"},
		{"a nonce the token lacks", nil, envelope(map[string]string{"idToken": iss.token(nil), "nonce": "secret"}), "another nonce"},
		{"a nonce nobody sent", nil, iss.token(claims{"nonce": "secret"}), ""},
		{"a nonce that must be sent", func(c *oidc.Config) { c.Nonce = oidc.NonceRequired }, iss.token(claims{"nonce": "secret"}), "must have the nonce"},
		{"no nonce at all where it must be", func(c *oidc.Config) { c.Nonce = oidc.NonceRequired }, iss.token(nil), "must have the nonce"},
		{"a nonce that was sent", func(c *oidc.Config) { c.Nonce = oidc.NonceRequired }, nonce("secret"), ""},
		{"a hashed nonce in hex", func(c *oidc.Config) { c.Nonce = oidc.NonceSHA256 }, nonce(hex.EncodeToString(sum[:])), ""},
		{"a hashed nonce in base64", func(c *oidc.Config) { c.Nonce = oidc.NonceSHA256 }, nonce(base64.RawURLEncoding.EncodeToString(sum[:])), ""},
		{"a nonce that should be hashed", func(c *oidc.Config) { c.Nonce = oidc.NonceSHA256 }, nonce("secret"), "another nonce"},
		{"a required claim", func(c *oidc.Config) { c.RequiredClaims = map[string]string{"hd": "example.com"} }, iss.token(claims{"hd": "example.com"}), ""},
		{"a required claim in a list", func(c *oidc.Config) { c.RequiredClaims = map[string]string{"groups": "qa"} }, iss.token(claims{"groups": []any{1, "dev", "qa"}}), ""},
		{"a required boolean", func(c *oidc.Config) { c.RequiredClaims = map[string]string{"email_verified": "true"} }, iss.token(nil), ""},
		{"a required claim of another value", func(c *oidc.Config) { c.RequiredClaims = map[string]string{"hd": "example.com"} }, iss.token(claims{"hd": "example.org"}), "may not log in"},
		{"a required claim that is missing", func(c *oidc.Config) { c.RequiredClaims = map[string]string{"hd": ""} }, iss.token(nil), "may not log in"},
		{"a required claim that is an object", func(c *oidc.Config) { c.RequiredClaims = map[string]string{"hd": "{}"} }, iss.token(claims{"hd": claims{}}), "may not log in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(c.change), Transport: transport}
			_, err := validate(t, p, c.token)
			if c.want != "" {
				wantRefused(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestATokenMayBeGoodForOneLogInOnly(t *testing.T) {
	iss, transport := serveTLS(t)
	p := &oidc.Provider{Type: "DEMO_EXT", Transport: transport, Config: iss.config(func(c *oidc.Config) { c.SingleUse, c.MaxTokenAgeSeconds = true, 600 })}
	first := iss.usual(claims{"jti": "1"})
	token := sign(t, iss.keys[0], nil, first)
	if _, err := validate(t, p, token); err != nil {
		t.Fatal(err)
	}
	_, err := validate(t, p, token)
	wantRefused(t, err, "used before")
	again := sign(t, iss.keys[0], nil, first)
	if again == token {
		t.Fatal("the signature should differ")
	}
	_, err = validate(t, p, again)
	wantRefused(t, err, "used before")
	if _, err := validate(t, p, iss.token(claims{"jti": "2"})); err != nil {
		t.Errorf("a second token: %v", err)
	}
}
