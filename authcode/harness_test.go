package authcode_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

type m = map[string]any

const (
	application = "5f158727c9e95137883b8b96"
	secret      = "the-secret-of-the-cup"
	redeemType  = "AuthCodeRpc.GetPlayerWithAuthCodeV1Request"
)

var (
	socialPlayer   = pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}
	socialPartner  = pragma.Gateway{Backend: pragma.Social, Type: pragma.Partner}
	socialOperator = pragma.Gateway{Backend: pragma.Social, Type: pragma.Operator}
)

// options say how a test wants its server.
type options struct {
	plugin   authcode.ProfilePlugin
	config   string // more of AuthCodeServiceConfig, in YAML's flow style
	accounts authcode.Accounts
	store    store.Opener
	files    []string // instead of config
}

// section is a configuration with the required keys.
func section(more string) string {
	return fmt.Sprintf("social: {serviceConfigs: {AuthCodeServiceConfig: {authCodeApplicationId: %s, authCodeApplicationSecret: %s, %s}}}",
		application, secret, more)
}

// world is a server with auth codes.
type world struct {
	*pragmatest.World
	t *testing.T
}

func run(t *testing.T, o options, fn func(t *testing.T, w *world)) {
	t.Helper()
	build := func() *pragma.Server {
		accounts := &account.Service{}
		look := o.accounts
		if look == nil {
			look = accounts
		}
		srv := &pragma.Server{
			Social: []pragma.Service{accounts, &authcode.Service{Plugin: o.plugin, Accounts: look}},
			Store:  o.store,
		}
		if o.files == nil {
			srv.Config = pragmatest.Config(t, section(o.config))
			return srv
		}
		cfg, err := pragma.LoadConfig(o.files...)
		if err != nil {
			t.Fatal(err)
		}
		srv.Config = cfg
		return srv
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw, t: pw.T}
		fn(pw.T, w)
	})
}

// player is somebody with a socket on Social.
type player struct {
	*pragmatest.Raw
	t     *testing.T
	id    string // of his account
	token string
}

func (w *world) join(name string) *player {
	w.t.Helper()
	_, token := w.Tokens(name)
	p := &player{Raw: w.Raw(socialPlayer, token), t: w.t, token: token}
	p.id = p.Call("AccountRpc.GetAccountV1", m{})["pragmaSocialId"].(string)
	return p
}

// ask asks for a code.
func (p *player) ask() pragmatest.Frame {
	p.t.Helper()
	p.Request("AuthCodeRpc.AuthCodeV1", m{"playerId": "any string"})
	return p.Read()
}

// code is ask for a code that must be given.
func (p *player) code() string {
	p.t.Helper()
	f := p.ask()
	if f.Response == nil {
		p.t.Fatalf("no code: %s", f.Text)
	}
	return f.Response.Payload["authCode"].(string)
}

// partnerToken returns the social half of a new pair of partner tokens.
func (w *world) partnerToken(allowed ...string) string {
	w.t.Helper()
	body := `{"providerId":"UNSAFE","providerToken":"{\"accountId\":\"operator\",\"displayName\":\"operator\"}"}`
	resp, err := w.HTTP().Post("http://"+w.Address(socialOperator)+"/v1/account/authenticateorcreatev2", "application/json", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		PragmaTokens struct{ PragmaSocialToken string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		w.t.Fatal(err)
	}
	c := w.Raw(socialOperator, got.PragmaTokens.PragmaSocialToken)
	defer c.Close()
	return c.Call("AccountRpc.CreatePartnerTokenV1", m{"name": "escs", "allowedTypes": allowed})["pragmaPartnerSocialToken"].(string)
}

// door is a gateway of a node, for calls over HTTP.
type door struct {
	http *http.Client
	url  string
}

func (w *world) door(g pragma.Gateway) door {
	return door{w.HTTP(), "http://" + w.Address(g) + "/v1/rpc"}
}

// partner redeems codes over HTTP, as a tournament platform does.
type partner struct {
	t     *testing.T
	door  door
	token string
}

func (w *world) partner() *partner {
	w.t.Helper()
	return &partner{w.t, w.door(socialPartner), w.partnerToken(redeemType)}
}

// answer is what a partner gets.
type answer struct {
	Status   int
	Text     string
	Response *struct {
		RequestID json.Number
		Type      string
		Payload   struct {
			Player   m
			AuthCode string
		}
	}
	ServiceError *struct {
		Status, Error, ExtError string
		DebugDetails            []string
		ApplicationError        m
	}
}

// reason names the refusal; empty for none.
func (a *answer) reason() string {
	if a.ServiceError == nil {
		return ""
	}
	return a.ServiceError.Error + a.ServiceError.ExtError
}

// post sends a body with a token. It may be called by any goroutine.
func (d door) post(ctx context.Context, token, body string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"},
		"Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"},
	}
	resp, err := d.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{Status: resp.StatusCode, Text: string(text)}
	return a, json.Unmarshal(text, a)
}

func (p *partner) post(body string) (*answer, error) {
	return p.door.post(p.t.Context(), p.token, body)
}

// send posts a payload in its envelope.
func (p *partner) send(payload string) *answer {
	p.t.Helper()
	a, err := p.post(`{"requestId":1,"type":"` + redeemType + `","payload":` + payload + `}`)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// redeem redeems a code with the right id and secret.
func (p *partner) redeem(code string) *answer {
	p.t.Helper()
	return p.send(flat(code, application, secret))
}

func flat(code, id, key string) string {
	return fmt.Sprintf(`{"code":%q,"applicationId":%q,"secretKey":%q}`, code, id, key)
}

// wantPlayer fails the test if the answer is not the profile of p.
func (a *answer) wantPlayer(p *player) {
	p.t.Helper()
	if a.Response == nil || a.Response.Payload.Player["playerId"] != p.id {
		p.t.Errorf("got %d %s, want the profile of %s", a.Status, a.Text, p.id)
	}
}

func wantRefusal(t *testing.T, a *answer, want string) {
	t.Helper()
	if got := a.reason(); got != want {
		t.Errorf("got %d %s, want %s", a.Status, a.Text, want)
	}
}

// count returns how many records of a kind there are.
func count(t *testing.T, db store.Driver, kind string) (n int) {
	t.Helper()
	for _, err := range db.List(t.Context(), store.Query{Kind: kind}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// sum is how a code is kept.
func sum(code string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(code))) }
