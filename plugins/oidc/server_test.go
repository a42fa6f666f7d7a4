package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/plugins/oidc"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// section is the configuration of providers, as YAML in flow style.
func section(plugins string) string {
	return `social: {pluginConfigs: {AccountService.identityProviderPlugins: {plugins: ` + plugins + `}}}`
}

func demo(config string) string { return section(`{DEMO_EXT: {config: ` + config + `}}`) }

const demoIssuer = `issuer: "https://issuer.test", clientIds: [` + clientID + `]`

// onServer runs a whole server with the provider DEMO_EXT and its issuer.
func onServer(t *testing.T, config string, prepare func(iss *issuer), fn func(w *pragmatest.World, iss *issuer)) {
	t.Helper()
	iss := newIssuer(t)
	iss.url = "https://issuer.test"
	iss.publish(newKey(t, "first"))
	if prepare != nil {
		prepare(iss)
	}
	build := func() *pragma.Server {
		p := &oidc.Provider{Type: "DEMO_EXT", Transport: memory{iss}}
		return &pragma.Server{
			Config: pragmatest.Config(t, demo(config)),
			Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{p}}},
			Game:   []pragma.Service{&nothing{}},
		}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) { fn(w, iss) })
}

// nothing opens the gateways of the game backend.
type nothing struct{}

func (*nothing) Name() string              { return "NothingRpc" }
func (*nothing) Mount(*pragma.Mount) error { return nil }
func credentials(token string) client.Credentials {
	return client.Credentials{Provider: "DEMO_EXT", Token: token}
}

func logIn(w *pragmatest.World, token string) (pragma.SocialID, error) {
	p, err := client.LogIn(w.T.Context(), w.Options(pragma.Player), credentials(token))
	if err != nil {
		return pragma.SocialID{}, err
	}
	defer p.Close()
	return p.SocialID(), nil
}

func TestAPlayerLogsInToAServer(t *testing.T) {
	onServer(t, `{`+demoIssuer+`}`, nil, func(w *pragmatest.World, iss *issuer) {
		first, err := logIn(w, iss.token(nil))
		if err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(time.Minute)
		iss.publish(newKey(w.T, "second"))
		again, err := logIn(w, iss.token(nil))
		if err != nil || again != first {
			w.T.Errorf("after a rotation: account %v, %v; want %v again", again, err, first)
		}
		other, err := logIn(w, iss.token(claims{"sub": "2"}))
		if err != nil || other == first {
			w.T.Errorf("another player: account %v, %v; want one of his own", other, err)
		}
		_, err = logIn(w, iss.token(claims{"aud": "x"}))
		if !errors.Is(err, account.ErrUnauthorized) {
			w.T.Errorf("a token for another program: %v, want AccountService_Unauthorized", err)
		}
		if strings.Contains(w.Logs(), "eyJ") {
			w.T.Error("a token was logged")
		}
	})
}

func TestAServerStartsWithoutItsIssuer(t *testing.T) {
	away := func(iss *issuer) {
		iss.fail(discoveryPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	}
	onServer(t, `{`+demoIssuer+`}`, away, func(w *pragmatest.World, iss *issuer) {
		body := fmt.Sprintf(`{"providerId":"DEMO_EXT","providerToken":%q}`, iss.token(nil))
		url := "http://" + w.Address(pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}) + "/v1/account/authenticateorcreatev2"
		resp, err := w.HTTP().Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			w.T.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			w.T.Errorf("status %d, want 503", resp.StatusCode)
		}
		if _, err := logIn(w, iss.token(nil)); !errors.Is(err, account.ErrProviderResponse) {
			w.T.Errorf("got %v, want AccountService_IdProviderUnexpectedResponse", err)
		}
		iss.fail(discoveryPath, nil)
		time.Sleep(time.Second)
		if _, err := logIn(w, iss.token(nil)); err != nil {
			w.T.Errorf("when the issuer is back: %v", err)
		}
		if !strings.Contains(w.Logs(), "identity provider cannot be reached") {
			w.T.Error("the log does not say that the issuer was away")
		}
	})
}

func TestAnIssuerThatHangsDoesNotLookLikeABug(t *testing.T) {
	onServer(t, `{`+demoIssuer+`}`, func(iss *issuer) { iss.fail(keysPath, hang) }, func(w *pragmatest.World, iss *issuer) {
		time.Sleep(time.Minute)
		if _, err := logIn(w, iss.token(nil)); !errors.Is(err, account.ErrProviderResponse) {
			w.T.Errorf("got %v, want AccountService_IdProviderUnexpectedResponse before the limit of the hook", err)
		}
	})
}

// start starts a server with a configuration and returns why it does not.
func start(t *testing.T, transport http.RoundTripper, typ string, yaml ...string) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cfg, err := pragma.ParseConfig(append([]string{`core: {gatewayManager: {social: {
		player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}}}`}, yaml...)...)
	if err != nil {
		t.Fatal(err)
	}
	srv := &pragma.Server{
		Config: cfg,
		Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{&oidc.Provider{Type: typ, Transport: transport}}}},
		Ready:  func(pragma.Addresses) { stop() },
	}
	return srv.Run(ctx)
}

func TestAnIssuerMayBeRequiredAtStart(t *testing.T) {
	iss, transport := serveTLS(t)
	config := demo(fmt.Sprintf(`{issuer: %q, clientIds: [a], requireIssuerAtStart: true}`, iss.url))
	if err := start(t, transport, "DEMO_EXT", config); err != nil {
		t.Errorf("with the issuer: %v", err)
	}
	iss.fail(keysPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	if err := start(t, transport, "DEMO_EXT", config); err == nil || !strings.Contains(err.Error(), "DEMO_EXT: ask issuer "+iss.url+": keys: status 502") {
		t.Errorf("without: %v, want an error that says why", err)
	}
}

func TestConfigurationsThatCannotBeMeantStopTheStart(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"no issuer", `{clientIds: [a]}`, "issuer: want an address"},
		{"an issuer without TLS", `{issuer: "http://issuer.example", clientIds: [a]}`, "issuer: must be https"},
		{"an issuer with a query", `{issuer: "https://issuer.example/?a=b", clientIds: [a]}`, "issuer: must have no user"},
		{"no clients", `{issuer: "https://issuer.example"}`, "clientIds: name at least one"},
		{"an empty client", `{issuer: "https://issuer.example", clientIds: [""]}`, "an id is empty"},
		{"no signature", `{` + demoIssuer + `, signingAlgorithms: [none]}`, `"none" is not one of`},
		{"a shared secret", `{` + demoIssuer + `, signingAlgorithms: [RS256, HS256]}`, `"HS256" is not one of`},
		{"no algorithm", `{` + demoIssuer + `, signingAlgorithms: []}`, "signingAlgorithms: name at least one"},
		{"an unknown rule", `{` + demoIssuer + `, nonce: SOMETIMES}`, "want OPTIONAL, REQUIRED"},
		{"single use for ever", `{` + demoIssuer + `, singleUse: true}`, "needs maxTokenAgeSeconds"},
		{"a negative skew", `{` + demoIssuer + `, clockSkewSeconds: -1}`, "clockSkewSeconds: must be from 0"},
		{"a skew of a day", `{` + demoIssuer + `, clockSkewSeconds: 86400}`, "clockSkewSeconds: must be from 0 to 600"},
		{"keys for ever", `{` + demoIssuer + `, keyCacheSeconds: 0}`, "keyCacheSeconds: must be"},
		{"stale before old", `{` + demoIssuer + `, keyStaleSeconds: 5}`, "keyStaleSeconds: must be from 3600"},
		{"no account", `{` + demoIssuer + `, accountIdClaim: ""}`, "accountIdClaim: must not be empty"},
		{"an unknown role", `{` + demoIssuer + `, operatorAccounts: {"1": ROOT}}`, "want ADMIN or VIEWER"},
		{"codes to anywhere", `{` + demoIssuer + `, clientSecret: hush}`, "redirectUris: name at least one"},
		{"a wait for ever", `{` + demoIssuer + `, accountLinkingCooldownInDays: -1}`, "accountLinkingCooldownInDays: want 0 to"},
		{"a misspelt key", `{` + demoIssuer + `, clientId: x}`, "unknown key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := start(t, nil, "DEMO_EXT", demo(c.config))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("Run() = %v\nwant an error with %q", err, c.want)
			}
		})
	}
	for _, typ := range []string{"", "google", "UNSAFE", "A.B"} {
		if err := start(t, nil, typ); err == nil || !strings.Contains(err.Error(), "must be a name of its own") {
			t.Errorf("type %q: Run() = %v, want an error", typ, err)
		}
	}
}

func TestEverySettingCanBeConfigured(t *testing.T) {
	iss, transport := serveTLS(t)
	all := fmt.Sprintf(`{issuer: %q, clientIds: [a, b], authorizedParties: [c], signingAlgorithms: [EdDSA], clockSkewSeconds: 0,
		maxTokenAgeSeconds: 60, nonce: OPTIONAL, singleUse: true, accountIdClaim: oid, displayNameClaim: nick, emailClaim: mail,
		requiredClaims: {hd: x}, operatorAccounts: {1: ADMIN}, operatorEmails: {a@b.c: VIEWER}, clientSecret: s, redirectUris: [r],
		timeoutMillis: 1000, keyCacheSeconds: 60, keyStaleSeconds: 60, keyRefetchSeconds: 60, requireIssuerAtStart: true,
		playerLoginEnabled: false, operatorLoginEnabled: true, showPortalLoginButton: true, accountLinkingEnabled: true}`, iss.url)
	if err := start(t, transport, "DEMO_EXT", demo(all)); err != nil {
		t.Error(err)
	}
}

func TestPlainHTTPIsForThisMachineInDevelopment(t *testing.T) {
	local := demo(`{issuer: "http://127.0.0.1:1/realm", clientIds: [a]}`)
	if err := start(t, nil, "DEMO_EXT", local); err != nil {
		t.Errorf("in development: %v", err)
	}
	err := start(t, nil, "DEMO_EXT", local, `core: {backendMode: PRODUCTION}`)
	if err == nil || !strings.Contains(err.Error(), "issuer: must be https") {
		t.Errorf("in production: %v, want an error about the issuer", err)
	}
}

func TestOnlyListedPeopleAreOperators(t *testing.T) {
	config := `{` + demoIssuer + `, operatorLoginEnabled: true, operatorEmails: {robin@example.com: VIEWER}}`
	onServer(t, config, nil, func(w *pragmatest.World, iss *issuer) {
		for _, c := range []struct {
			name   string
			claims claims
			want   int
		}{
			{"listed", nil, http.StatusOK},
			{"not listed", claims{"sub": "2", "email": "john@example.com"}, http.StatusUnauthorized},
			{"not verified", claims{"sub": "3", "email_verified": false}, http.StatusUnauthorized},
		} {
			body := fmt.Sprintf(`{"providerId":"DEMO_EXT","providerToken":%q}`, iss.token(c.claims))
			url := "http://" + w.Address(pragma.Gateway{Backend: pragma.Social, Type: pragma.Operator}) + "/v1/account/authenticateorcreatev2"
			resp, err := w.HTTP().Post(url, "application/json", strings.NewReader(body))
			if err != nil {
				w.T.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.want {
				w.T.Errorf("%s: status %d, want %d", c.name, resp.StatusCode, c.want)
			}
		}
	})
}

func TestAReloadMayNameAnotherIssuer(t *testing.T) {
	old, next := newIssuer(t), newIssuer(t)
	old.url, next.url = "https://issuer.test", "https://next.test"
	old.publish(newKey(t, "first"))
	next.publish(newKey(t, "first"))
	hosts := http.NewServeMux()
	hosts.Handle("issuer.test/", old)
	hosts.Handle("next.test/", next)
	file := filepath.Join(t.TempDir(), "config.yml")
	write := func(url string) {
		yaml := "core: {backendMode: DEVELOPMENT}\n" + demo(fmt.Sprintf(`{issuer: %q, clientIds: [%s]}`, url, clientID))
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(old.url)
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		p := &oidc.Provider{Type: "DEMO_EXT", Transport: memory{hosts}}
		return &pragma.Server{
			Config: cfg,
			Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{p}}},
			Game:   []pragma.Service{&nothing{}},
		}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		if _, err := logIn(w, old.token(nil)); err != nil {
			w.T.Errorf("before: %v", err)
		}
		write(next.url)
		time.Sleep(10 * time.Second)
		if _, err := logIn(w, next.token(nil)); err != nil {
			w.T.Errorf("after: %v", err)
		}
		if _, err := logIn(w, old.token(nil)); !errors.Is(err, account.ErrUnauthorized) {
			w.T.Errorf("the old issuer: %v, want AccountService_Unauthorized", err)
		}
	})
}
