package steam_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/plugins/steam"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func section(config string) string {
	return `social: {pluginConfigs: {AccountService.identityProviderPlugins: {plugins: {STEAM: {config: ` + config + `}}}}}`
}

// nothing opens the gateways of the game backend.
type nothing struct{}

func (*nothing) Name() string              { return "NothingRpc" }
func (*nothing) Mount(*pragma.Mount) error { return nil }

func TestAPlayerLogsInToAServer(t *testing.T) {
	f := newFake(t)
	build := func() *pragma.Server {
		p := &steam.Provider{Transport: memory{f}}
		return &pragma.Server{
			Config: pragmatest.Config(t, section(`{appId: 480, steamWebAPIKey: `+apiKey+`, openId: {enabled: true, returnTo: ["`+site+`"]}}`)),
			Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{p}}},
			Game:   []pragma.Service{&nothing{}},
		}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		logIn := func(token string) (*client.Player, error) {
			p, err := client.LogIn(w.T.Context(), w.Options(pragma.Player), client.Credentials{Provider: "STEAM", Token: token})
			if err == nil {
				p.Close()
			}
			return p, err
		}
		byTicket, err := logIn(ticket)
		if err != nil {
			w.T.Fatal(err)
		}
		f.valid["good"] = true
		inBrowser, err := logIn(assertion(time.Now(), nil))
		if err != nil || inBrowser.SocialID() != byTicket.SocialID() {
			w.T.Errorf("by OpenID: %v; want the same account as by ticket", err)
		}
		if _, err := logIn("abcd"); !errors.Is(err, account.ErrUnauthorized) {
			w.T.Errorf("a wrong ticket: %v, want AccountService_Unauthorized", err)
		}
		f.fail(namesPath, reply(500, ""))
		if _, err := logIn(ticket); err != nil {
			w.T.Errorf("without a name: %v", err)
		}
		f.fail(ticketPath, hang)
		if _, err := logIn(ticket); !errors.Is(err, account.ErrProviderResponse) {
			w.T.Errorf("Steam hangs: %v, want AccountService_IdProviderUnexpectedResponse before the limit of the hook", err)
		}
		logs := w.Logs()
		for _, secret := range []string{apiKey, ticket} {
			if strings.Contains(logs, secret) {
				w.T.Errorf("%q was logged", secret)
			}
		}
		for _, want := range []string{"the name of a player is not known", "AuthenticateUserTicket/v1: no answer in time"} {
			if !strings.Contains(logs, want) {
				w.T.Errorf("the log does not say %q", want)
			}
		}
	})
}

func start(t *testing.T, yaml ...string) error {
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
		Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{&steam.Provider{}}}},
		Ready:  func(pragma.Addresses) { stop() },
	}
	return srv.Run(ctx)
}

func TestTheConfigurationDecidesWhetherTheServerStarts(t *testing.T) {
	const good = `appId: 480, steamWebAPIKey: hush`
	for _, c := range []struct{ name, config, want string }{
		{"what must be", `{` + good + `}`, ""},
		{"all", `{` + good + `, restrictByAppOwnership: true, restrictByAccountBan: true, allowFamilySharing: false, fetchPlayerName: false,
			apiUrl: "https://api.example/steam/", identity: pragma, timeoutMillis: 1000, operatorLoginEnabled: true,
			openId: {enabled: true, endpoint: "https://a.example/login", identityPrefix: "https://a.example/id/", returnTo: ["` + site + `"], maxAgeSeconds: 60},
			operatorAccounts: {` + robin + `: ADMIN}}`, ""},
		{"Steam on this machine", `{` + good + `, apiUrl: "http://127.0.0.1:8080"}`, ""},
		{"no game", `{steamWebAPIKey: hush}`, "appId: must be the id"},
		{"a negative game", `{appId: -1, steamWebAPIKey: hush}`, "appId"},
		{"no key", `{appId: 480}`, "steamWebAPIKey: must not be empty"},
		{"Steam without TLS", `{` + good + `, apiUrl: "http://api.example"}`, "apiUrl: must be https"},
		{"a key in the address", `{` + good + `, apiUrl: "https://api.example?key=hush"}`, "apiUrl: must have no user"},
		{"no time", `{` + good + `, timeoutMillis: 0}`, "timeoutMillis: must be"},
		{"OpenID for any site", `{` + good + `, openId: {enabled: true}}`, "returnTo: name at least one"},
		{"OpenID for a site that is none", `{` + good + `, openId: {enabled: true, returnTo: [studio]}}`, "not an absolute address"},
		{"OpenID without TLS", `{` + good + `, openId: {enabled: true, returnTo: ["` + site + `"], endpoint: "http://a.example"}}`, "endpoint: must be https"},
		{"OpenID for everybody", `{` + good + `, openId: {enabled: true, returnTo: ["` + site + `"], identityPrefix: ""}}`, "identityPrefix: must not"},
		{"OpenID for ever", `{` + good + `, openId: {enabled: true, returnTo: ["` + site + `"], maxAgeSeconds: 86400}}`, "maxAgeSeconds: must be"},
		{"an operator nobody can be", `{` + good + `, operatorAccounts: {12: ADMIN}}`, "not the id of a Steam account"},
		{"an unknown role", `{` + good + `, operatorAccounts: {` + robin + `: GOD}}`, "want ADMIN or VIEWER"},
		{"a misspelt key", `{` + good + `, steamWebApiKey: hush}`, "unknown key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := start(t, section(c.config))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("Run() = %v\nwant an error with %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "hush"):
				t.Errorf("Run() = %v\nwant an error without the key", err)
			}
		})
	}
}
