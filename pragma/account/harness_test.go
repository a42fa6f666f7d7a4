package account_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const shard = "00000000-0000-0000-0000-000000000001"

var (
	socialPlayer   = pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}
	socialPartner  = pragma.Gateway{Backend: pragma.Social, Type: pragma.Partner}
	socialOperator = pragma.Gateway{Backend: pragma.Social, Type: pragma.Operator}
	gamePlayer     = pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}
	gamePartner    = pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}
)

// lab gives the game backend something to call.
type lab struct{ m *pragma.Mount }

func (l *lab) Name() string { return "LabRpc" }

func (l *lab) Mount(m *pragma.Mount) error {
	l.m = m
	type empty struct{}
	pragma.HandlePartner(m, "PingPartnerV1", func(context.Context, *pragma.PartnerSession, *empty) (*empty, error) { return nil, nil })
	pragma.HandlePlayer(m, "PingV1", func(context.Context, *pragma.PlayerSession, *empty) (*empty, error) { return nil, nil })
	return nil
}

// world is a server with accounts.
type world struct {
	*pragmatest.World
	accounts *account.Service // of the server that runs now
	lab      *lab
}

func run(t *testing.T, fn func(t *testing.T, w *world), providers ...account.IdentityProvider) {
	t.Helper()
	w := &world{}
	build := func() *pragma.Server {
		w.accounts, w.lab = &account.Service{Providers: providers}, &lab{}
		return &pragma.Server{Social: []pragma.Service{w.accounts}, Game: []pragma.Service{w.lab}}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

// answer is what a log-in gets.
type answer struct {
	Status int
	Body   string
	Tokens struct {
		PragmaTokens struct{ PragmaGameToken, PragmaSocialToken string }
	}
	Refusal struct {
		ServiceError struct{ Status, Error, ExtError string }
	}
}

// unsafe is the body of a log-in with the UNSAFE provider.
func unsafe(accountID, name string) string {
	return body("UNSAFE", fmt.Sprintf(`{"accountId":%q,"displayName":%q}`, accountID, name), shard)
}

func body(provider, token, shard string) string {
	text, _ := json.Marshal(map[string]string{"providerId": provider, "providerToken": token, "gameShardId": shard})
	return string(text)
}

func (w *world) logIn(g pragma.Gateway, body string) answer {
	w.T.Helper()
	a, err := w.tryLogIn(g, body)
	if err != nil {
		w.T.Fatal(err)
	}
	return a
}

func (w *world) tryLogIn(g pragma.Gateway, body string) (a answer, err error) {
	resp, err := w.HTTP().Post("http://"+w.Address(g)+"/v1/account/authenticateorcreatev2", "application/json", strings.NewReader(body))
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	a.Status, a.Body = resp.StatusCode, string(text)
	if a.Status == http.StatusOK {
		return a, json.Unmarshal(text, &a.Tokens)
	}
	return a, json.Unmarshal(text, &a.Refusal)
}

// mustLogIn logs a player in and returns his tokens.
func (w *world) mustLogIn(accountID, name string) (game, social string) {
	w.T.Helper()
	a := w.logIn(socialPlayer, unsafe(accountID, name))
	if a.Status != http.StatusOK {
		w.T.Fatalf("log in %s: %d %s", accountID, a.Status, a.Body)
	}
	return a.Tokens.PragmaTokens.PragmaGameToken, a.Tokens.PragmaTokens.PragmaSocialToken
}

// claims reads the payload of a token, as clients do.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q has %d parts", token, len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(c *pragmatest.Raw, name string, payload any) pragmatest.Frame {
	c.Request(name, payload)
	for {
		if f := c.Read(); f.Notification == nil {
			return f
		}
	}
}
