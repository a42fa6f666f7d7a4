package oidc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/plugins/oidc"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestClaimsBecomeTheAccountAsConfigured(t *testing.T) {
	iss, transport := serveTLS(t)
	admins := func(c *oidc.Config) {
		c.OperatorAccounts = map[string]account.Role{"248289761001": "VIEWER"}
		c.OperatorEmails = map[string]account.Role{"robin@example.COM": "ADMIN", "kate@example.com": "ADMIN", "": "ADMIN"}
	}
	for _, c := range []struct {
		name   string
		change func(c *oidc.Config)
		claims claims
		want   account.ProviderAccount
	}{
		{"another claim names the account", func(c *oidc.Config) { c.AccountIDClaim = "oid" }, claims{"oid": "x-1"}, account.ProviderAccount{AccountID: "x-1", DisplayName: "Robin"}},
		{"a number names the account", func(c *oidc.Config) { c.AccountIDClaim = "uid" }, claims{"uid": 90071992547409931}, account.ProviderAccount{AccountID: "90071992547409931", DisplayName: "Robin"}},
		{"another claim is the display name", func(c *oidc.Config) { c.DisplayNameClaim = "nick" }, claims{"nick": "Hood"}, account.ProviderAccount{AccountID: "248289761001", DisplayName: "Hood"}},
		{"no display name", nil, claims{"preferred_username": nil}, account.ProviderAccount{AccountID: "248289761001"}},
		{"a display name that is no text", nil, claims{"preferred_username": 7}, account.ProviderAccount{AccountID: "248289761001"}},
		{"an operator by account", admins, claims{"email": nil}, account.ProviderAccount{AccountID: "248289761001", DisplayName: "Robin", OperatorRoles: []string{"VIEWER"}}},
		{"an operator by e-mail", admins, claims{"sub": "2"}, account.ProviderAccount{AccountID: "2", DisplayName: "Robin", OperatorRoles: []string{"ADMIN"}}},
		{"an operator by both", admins, nil, account.ProviderAccount{AccountID: "248289761001", DisplayName: "Robin", OperatorRoles: []string{"VIEWER", "ADMIN"}}},
		{"an e-mail that is not verified", admins, claims{"sub": "2", "email_verified": false}, account.ProviderAccount{AccountID: "2", DisplayName: "Robin"}},
		{"an e-mail nobody speaks of verifying", admins, claims{"sub": "2", "email_verified": nil}, account.ProviderAccount{AccountID: "2", DisplayName: "Robin"}},
		{"verified as a text", admins, claims{"sub": "2", "email_verified": "true"}, account.ProviderAccount{AccountID: "2", DisplayName: "Robin", OperatorRoles: []string{"ADMIN"}}},
		{"an e-mail with the Kelvin sign", admins, claims{"sub": "2", "email": "\u212Aate@example.com"}, account.ProviderAccount{AccountID: "2", DisplayName: "Robin"}},
		{"an empty e-mail", admins, claims{"sub": "2", "email": ""}, account.ProviderAccount{AccountID: "2", DisplayName: "Robin"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(c.change), Transport: transport}
			got, err := validate(t, p, iss.token(c.claims))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("account (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStudioAdjustsTheAccount(t *testing.T) {
	iss, transport := serveTLS(t)
	errAge := &pragma.Error{Code: pragma.PermissionDenied, Reason: "TOO_YOUNG", Title: true}
	p := &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(nil), Transport: transport}
	p.Adjust = func(_ context.Context, r *oidc.AdjustRequest) error {
		var age int
		if err := r.Claims.Decode("age", &age); err != nil {
			return err
		}
		if age < 16 {
			return errAge
		}
		r.Account.DisplayName = r.Claims.Text("clan") + " " + r.Account.DisplayName
		if !r.Claims.Has("clan") || r.Claims.Has("none") || r.Claims.Text("none") != "" || r.Claims.Bool("age") || r.VerifiedEmail != "Robin@Example.com" || r.Request.Type != pragma.Player {
			t.Errorf("unexpected request %+v", r)
		}
		return nil
	}
	got, err := validate(t, p, iss.token(claims{"age": 17, "clan": "Merry", "none": nil}))
	if err != nil || got.DisplayName != "Merry Robin" {
		t.Errorf("got %+v, %v; want the display name Merry Robin", got, err)
	}
	if _, err := validate(t, p, iss.token(claims{"age": 7})); !errors.Is(err, errAge) {
		t.Errorf("a child: %v, want the studio's error", err)
	}
	if _, err := validate(t, p, iss.token(claims{"age": "old"})); err == nil {
		t.Error("a claim of a wrong kind was decoded")
	}
}

func TestSettingsSayWhoMayLogIn(t *testing.T) {
	for _, c := range []struct{ players, operators bool }{{true, false}, {false, true}, {false, false}} {
		cfg := oidc.DefaultConfig()
		cfg.PlayerLoginEnabled, cfg.OperatorLoginEnabled, cfg.AccountLinkingEnabled = c.players, c.operators, true
		p := &oidc.Provider{Type: "DEMO_EXT", Config: &cfg}
		if p.CanAuthenticate(t.Context(), pragma.Player) != c.players || p.CanAuthenticate(t.Context(), pragma.Operator) != c.operators || p.CanAuthenticate(t.Context(), pragma.Partner) {
			t.Errorf("%+v: CanAuthenticate says otherwise", c)
		}
		if p.Settings() != cfg.ProviderSettings {
			t.Errorf("Settings() = %+v, want %+v", p.Settings(), cfg.ProviderSettings)
		}
	}
	pragmatest.CheckPlugin[account.IdentityProvider](t, &oidc.Provider{})
}
