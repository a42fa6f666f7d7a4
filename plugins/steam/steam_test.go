package steam_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/plugins/steam"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const (
	apiKey = "5EC2E7KEY"
	robin  = "76561198000000001"
	john   = "76561198000000002" // who lends
	ticket = "14000000deadBEEF"

	ticketPath  = "/ISteamUserAuth/AuthenticateUserTicket/v1/"
	bansPath    = "/ISteamUser/GetPlayerBans/v1/"
	ownsPath    = "/ISteamUser/CheckAppOwnership/v2/"
	namesPath   = "/ISteamUser/GetPlayerSummaries/v2/"
	openIDPath  = "/openid/login"
	openIDStart = "https://steamcommunity.com/openid/id/"
)

// fake is Steam, as far as the provider knows it.
type fake struct {
	t testing.TB

	mu     sync.Mutex
	asked  map[string][]url.Values
	fault  map[string]http.HandlerFunc
	params map[string]any  // of the answer about a ticket
	vac    map[string]bool // banned accounts
	owns   map[string]bool
	lender string          // who the owner is, if anybody owns
	valid  map[string]bool // signatures of assertions that Steam made
}

func newFake(t testing.TB) *fake {
	return &fake{
		t: t, asked: make(map[string][]url.Values), fault: make(map[string]http.HandlerFunc),
		params: map[string]any{"result": "OK", "steamid": robin, "ownersteamid": robin, "vacbanned": false, "publisherbanned": false},
		vac:    make(map[string]bool), owns: map[string]bool{robin: true, john: true}, valid: make(map[string]bool),
	}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.mu.Lock()
	if len(f.asked[r.URL.Path]) < 1000 { // a fuzz run asks for hours
		f.asked[r.URL.Path] = append(f.asked[r.URL.Path], r.Form)
	}
	fault := f.fault[r.URL.Path]
	f.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == openIDPath {
		_, _ = fmt.Fprintf(w, "ns:http://specs.openid.net/auth/2.0\nis_valid:%v\n", f.valid[r.PostForm.Get("openid.sig")])
		f.valid[r.PostForm.Get("openid.sig")] = false
		return
	}
	if r.Form.Get("key") != apiKey {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	id := r.Form.Get("steamids")
	switch r.URL.Path {
	case ticketPath:
		if !strings.EqualFold(r.Form.Get("ticket"), ticket) || r.Form.Get("appid") != "480" {
			f.write(w, map[string]any{"response": map[string]any{"error": map[string]any{"errorcode": 101, "errordesc": "Invalid ticket"}}})
			return
		}
		f.write(w, map[string]any{"response": map[string]any{"params": f.params}})
	case bansPath:
		f.write(w, map[string]any{"players": []any{map[string]any{"SteamId": id, "VACBanned": f.vac[id], "NumberOfGameBans": 0}}})
	case ownsPath:
		f.write(w, map[string]any{"appownership": map[string]any{"ownsapp": f.owns[r.Form.Get("steamid")], "ownersteamid": f.lender, "result": "OK"}})
	case namesPath:
		f.write(w, map[string]any{"response": map[string]any{"players": []any{map[string]any{"steamid": id, "personaname": "Robin"}}}})
	default:
		http.NotFound(w, r)
	}
}

func (f *fake) write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) fail(path string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault[path] = h
}

func (f *fake) times(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked[path])
}

func (f *fake) total() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, list := range f.asked {
		n += len(list)
	}
	return n
}

func reply(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// memory carries requests to a handler without sockets, for virtual time.
type memory struct{ handler http.Handler }

func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	done := make(chan *http.Response, 1)
	go func() {
		rec := httptest.NewRecorder()
		m.handler.ServeHTTP(rec, req)
		done <- rec.Result()
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

func config(change func(c *steam.Config)) *steam.Config {
	c := steam.DefaultConfig()
	c.AppID, c.SteamWebAPIKey = 480, apiKey
	if change != nil {
		change(&c)
	}
	return &c
}

func provider(f *fake, change func(c *steam.Config)) *steam.Provider {
	return &steam.Provider{Config: config(change), Transport: memory{f}}
}

func validate(t *testing.T, p *steam.Provider, token string) (*account.ProviderAccount, error) {
	t.Helper()
	return p.Validate(t.Context(), &account.ValidateRequest{ProviderToken: token, Type: pragma.Player})
}

func wantRefused(t *testing.T, err error, message string) {
	t.Helper()
	e, ok := errors.AsType[*pragma.Error](err)
	if !ok || !errors.Is(err, account.ErrUnauthorized) || !strings.Contains(e.Message, message) {
		t.Errorf("got error %v, want AccountService_Unauthorized with %q", err, message)
	}
}

// wantPassing wants a failure of Steam, with a cause that holds no secret.
func wantPassing(t *testing.T, err error, cause string) {
	t.Helper()
	e, ok := errors.AsType[*pragma.Error](err)
	if !ok || !errors.Is(err, account.ErrProviderResponse) || e.Code != pragma.Unavailable {
		t.Errorf("got error %v, want AccountService_IdProviderUnexpectedResponse, unavailable", err)
		return
	}
	if text := fmt.Sprint(errors.Unwrap(err)); !strings.Contains(text, cause) || strings.Contains(text, apiKey) || strings.Contains(text, ticket) {
		t.Errorf("cause %q, want one with %q and without secrets", text, cause)
	}
}

func TestATicketNamesTheAccount(t *testing.T) {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	f := newFake(t)
	srv.Config.Handler = f
	p := &steam.Provider{Transport: srv.Client().Transport, Config: config(func(c *steam.Config) {
		c.APIURL, c.Identity = srv.URL+"/", "pragma"
		c.OperatorAccounts = map[string]account.Role{robin: "VIEWER"}
	})}
	got, err := validate(t, p, " "+ticket+"\n")
	if err != nil {
		t.Fatal(err)
	}
	want := &account.ProviderAccount{AccountID: robin, DisplayName: "Robin", OperatorRoles: []string{"VIEWER"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	asked := url.Values{"appid": {"480"}, "key": {apiKey}, "ticket": {ticket}, "identity": {"pragma"}, "format": {"json"}}
	if diff := cmp.Diff([]url.Values{asked}, f.asked[ticketPath]); diff != "" {
		t.Errorf("question to Steam (-want +got):\n%s", diff)
	}
	if n := f.total(); n != 2 {
		t.Errorf("Steam was asked %d times, want twice: ticket and name", n)
	}
}

func TestWhatIsNoTicketNeverReachesSteam(t *testing.T) {
	f := newFake(t)
	p := provider(f, nil)
	for _, c := range []struct{ name, token string }{
		{"nothing", ""},
		{"spaces", "   "},
		{"an odd number of digits", "abc"},
		{"other letters", "14zz"},
		{"an address", "../../x"},
		{"another parameter", "14&steamid=1"},
		{"other digits", "١٤"},
		{"a megabyte", strings.Repeat("ab", 1<<19)},
		{"an assertion", `{}`},
		{"an endless assertion", `{"sig":"` + strings.Repeat("x", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := validate(t, p, c.token)
			wantRefused(t, err, "")
		})
	}
	if n := f.total(); n != 0 {
		t.Errorf("Steam was asked %d times, want never", n)
	}
}

func TestATicketSteamDoesNotKnowIsRefused(t *testing.T) {
	f := newFake(t)
	_, err := validate(t, provider(f, nil), "abcd")
	wantRefused(t, err, "does not accept the ticket")
	_, err = validate(t, provider(f, func(c *steam.Config) { c.AppID = 481 }), ticket)
	wantRefused(t, err, "does not accept the ticket")
}

func TestRestrictionsOfTickets(t *testing.T) {
	bans := func(c *steam.Config) { c.RestrictByAccountBan = true }
	owners := func(c *steam.Config) { c.RestrictByAppOwnership = true }
	own := func(c *steam.Config) { c.AllowFamilySharing = false }
	for _, c := range []struct {
		name   string
		change func(c *steam.Config)
		steam  func(f *fake)
		want   string // "" is accepted
	}{
		{"a banned account where that does not matter", nil, func(f *fake) { f.params["vacbanned"] = true }, ""},
		{"banned by VAC", bans, func(f *fake) { f.params["vacbanned"] = true }, "banned"},
		{"banned by the publisher", bans, func(f *fake) { f.params["publisherbanned"] = true }, "banned"},
		{"not banned", bans, nil, ""},
		{"borrowed", nil, func(f *fake) { f.params["ownersteamid"] = john }, ""},
		{"borrowed where that is not allowed", own, func(f *fake) { f.params["ownersteamid"] = john }, "borrowed"},
		{"borrowed from one who is banned", bans, func(f *fake) { f.params["ownersteamid"] = john; f.vac[john] = true }, "banned"},
		{"borrowed from one who is not", bans, func(f *fake) { f.params["ownersteamid"] = john; f.vac[robin] = true }, ""},
		{"owned", owners, nil, ""},
		{"not owned", owners, func(f *fake) { f.owns[robin] = false }, "does not own"},
		{"not owned where that does not matter", nil, func(f *fake) { f.owns[robin] = false }, ""},
		{"owned by the lender", owners, func(f *fake) { f.owns[robin] = false; f.params["ownersteamid"] = john }, ""},
		{"not owned by the lender", owners, func(f *fake) { f.owns[john] = false; f.params["ownersteamid"] = john }, "does not own"},
		{"no word of an owner", owners, func(f *fake) { f.params["ownersteamid"] = "0"; f.lender = "0" }, ""},
		{"owned by another, found out late", func(c *steam.Config) { owners(c); own(c) }, func(f *fake) { delete(f.params, "ownersteamid"); f.lender = john }, "borrowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			if c.steam != nil {
				c.steam(f)
			}
			got, err := validate(t, provider(f, c.change), ticket)
			switch {
			case c.want != "":
				wantRefused(t, err, c.want)
			case err != nil:
				t.Error(err)
			case got.AccountID != robin:
				t.Errorf("got account %s, want the player's: %s", got.AccountID, robin)
			}
		})
	}
}

func TestSteamFailingIsNotThePlayersFault(t *testing.T) {
	all := func(c *steam.Config) { c.RestrictByAccountBan, c.RestrictByAppOwnership = true, true }
	params := func(text string) http.HandlerFunc { return reply(200, `{"response":{"params":`+text+`}}`) }
	for _, c := range []struct {
		name, path string
		fault      http.HandlerFunc
		cause      string
	}{
		{"our key is wrong", ticketPath, reply(403, "Forbidden <b>key="+apiKey+"</b>"), "status 403"},
		{"too many questions", ticketPath, reply(429, ""), "status 429"},
		{"a server error", ticketPath, reply(503, ""), "status 503"},
		{"a redirect with the key", ticketPath, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example"+r.URL.String(), http.StatusFound)
		}, "status 302"},
		{"a page", ticketPath, reply(200, "<html>"), "unreadable"},
		{"an endless page", ticketPath, reply(200, strings.Repeat(" ", 5<<20)), "too large"},
		{"nothing", ticketPath, reply(200, "{}"), "no account"},
		{"no result", ticketPath, params(`{"steamid":"` + robin + `"}`), "no account"},
		{"another result", ticketPath, params(`{"result":"Failure","steamid":"` + robin + `"}`), "no account"},
		{"no id", ticketPath, params(`{"result":"OK"}`), "impossible id"},
		{"an id that is no number", ticketPath, params(`{"result":"OK","steamid":"` + robin + `x"}`), "impossible id"},
		{"an id of a group", ticketPath, params(`{"result":"OK","steamid":"103582791429521412"}`), "impossible id"},
		{"an id with a zero before", ticketPath, params(`{"result":"OK","steamid":"0` + robin + `"}`), "impossible id"},
		{"an impossible owner", ticketPath, params(`{"result":"OK","steamid":"` + robin + `","ownersteamid":"12"}`), "impossible id"},
		{"an account and an error", ticketPath, reply(200, `{"response":{"params":{"result":"OK","steamid":"`+robin+`"},"error":{"errorcode":1}}}`), "both"},
		{"a member twice", ticketPath, params(`{"result":"OK","steamid":"` + robin + `","steamid":"` + john + `"}`), "unreadable"},
		{"bans unknown", bansPath, reply(500, ""), "GetPlayerBans/v1: status 500"},
		{"bans of nobody", bansPath, reply(200, `{"players":[]}`), "somebody else"},
		{"bans of somebody else", bansPath, reply(200, `{"players":[{"SteamId":"1","VACBanned":false}]}`), "somebody else"},
		{"bans without statement", bansPath, reply(200, `{"players":[{"SteamId":"`+john+`"}]}`), "somebody else"},
		{"ownership unknown", ownsPath, reply(500, ""), "CheckAppOwnership/v2: status 500"},
		{"ownership without statement", ownsPath, reply(200, `{"appownership":{"result":"OK"}}`), "no statement"},
		{"ownership in doubt", ownsPath, reply(200, `{"appownership":{"result":"No","ownsapp":true}}`), "no statement"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.params["ownersteamid"] = john
			f.fail(c.path, c.fault)
			got, err := validate(t, provider(f, all), ticket)
			if got != nil {
				t.Errorf("got account %+v, want none", got)
			}
			wantPassing(t, err, c.cause)
		})
	}
}

func TestARefusalCountsMoreThanAFailure(t *testing.T) {
	f := newFake(t)
	f.owns[robin] = false
	delete(f.params, "ownersteamid")
	f.fail(bansPath, reply(500, ""))
	_, err := validate(t, provider(f, func(c *steam.Config) { c.RestrictByAccountBan, c.RestrictByAppOwnership = true, true }), ticket)
	wantRefused(t, err, "does not own")
}

func TestALogInDoesNotFailForAName(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault http.HandlerFunc
	}{
		{"an error", reply(500, "")},
		{"nobody", reply(200, `{"response":{"players":[]}}`)},
		{"somebody else", reply(200, `{"response":{"players":[{"steamid":"1","personaname":"Guy"}]}}`)},
		{"a page", reply(200, `<html>`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.fail(namesPath, c.fault)
			got, err := validate(t, provider(f, nil), ticket)
			if err != nil || got.DisplayName != "" || got.AccountID != robin {
				t.Errorf("got %+v, %v; want the account without a name", got, err)
			}
		})
	}
	f := newFake(t)
	if _, err := validate(t, provider(f, func(c *steam.Config) { c.FetchPlayerName = false }), ticket); err != nil || f.times(namesPath) != 0 {
		t.Errorf("%v; Steam was asked %d times for a name nobody wants", err, f.times(namesPath))
	}
}

func TestSteamThatIsNotThereIsAnErrorWithoutTheKey(t *testing.T) {
	p := &steam.Provider{Config: config(func(c *steam.Config) { c.APIURL = "https://127.0.0.1:1" })}
	_, err := validate(t, p, ticket)
	wantPassing(t, err, "AuthenticateUserTicket/v1: ")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Validate(ctx, &account.ValidateRequest{ProviderToken: ticket})
	wantPassing(t, err, "canceled")
}

func TestSettingsSayWhoMayLogIn(t *testing.T) {
	for _, c := range []struct{ players, operators bool }{{true, false}, {false, true}, {false, false}} {
		p := provider(nil, func(cfg *steam.Config) {
			cfg.PlayerLoginEnabled, cfg.OperatorLoginEnabled, cfg.AccountLinkingEnabled = c.players, c.operators, true
		})
		if p.CanAuthenticate(t.Context(), pragma.Player) != c.players || p.CanAuthenticate(t.Context(), pragma.Operator) != c.operators || p.CanAuthenticate(t.Context(), pragma.Partner) {
			t.Errorf("%+v: CanAuthenticate says otherwise", c)
		}
		if p.Settings() != p.Config.ProviderSettings {
			t.Errorf("Settings() = %+v, want %+v", p.Settings(), p.Config.ProviderSettings)
		}
	}
	pragmatest.CheckPlugin[account.IdentityProvider](t, &steam.Provider{})
}
