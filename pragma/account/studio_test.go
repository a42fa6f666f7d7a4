package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// kiosk is an identity provider of a test: whoever says who he is, as
// "<account id>/<display name>", is it.
type kiosk struct {
	account.ProviderDefaults
	name     string
	number   int
	settings account.ProviderSettings
	seen     func(*account.ValidateRequest) // nil: nobody looks
}

func newKiosk(name string, change func(*account.ProviderSettings)) *kiosk {
	k := &kiosk{name: name, settings: account.DefaultProviderSettings()}
	if change != nil {
		change(&k.settings)
	}
	return k
}

func (k *kiosk) GetType() string                    { return k.name }
func (k *kiosk) TypeNumber() int                    { return k.number }
func (k *kiosk) Settings() account.ProviderSettings { return k.settings }

func (k *kiosk) Validate(_ context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error) {
	if k.seen != nil {
		k.seen(r)
	}
	id, name, _ := strings.Cut(r.ProviderToken, "/")
	if id == "stranger" {
		return nil, &pragma.Error{Code: pragma.Unauthenticated, Reason: "AccountService_Unverified", Message: "stranger"}
	}
	return &account.ProviderAccount{AccountID: id, DisplayName: name, Discriminator: "7", OperatorRoles: []string{pragma.RoleAdmin}}, nil
}

// runWith is run with any account service; build is called for every start.
func runWith(t *testing.T, build func() *account.Service, fn func(t *testing.T, w *world)) {
	t.Helper()
	runOn(t, nil, build, fn)
}

// runOn is runWith on a store; nil is a new one.
func runOn(t *testing.T, db store.Driver, build func() *account.Service, fn func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{}
	server := func() *pragma.Server {
		w.accounts, w.lab = build(), &lab{}
		srv := &pragma.Server{Social: []pragma.Service{w.accounts}, Game: []pragma.Service{w.lab}}
		if db != nil {
			srv.Store = func(context.Context) (store.Driver, error) { return db, nil }
		}
		return srv
	}
	pragmatest.Run(t, server, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

// openAs logs a player in with a provider and opens his social socket.
func (w *world) openAs(provider, token string) (c *pragmatest.Raw, social object) {
	w.T.Helper()
	a := w.logIn(socialPlayer, body(provider, token, shard))
	if a.Status != 200 {
		w.T.Fatalf("log in as %s %s: %d %s", provider, token, a.Status, a.Body)
	}
	text := a.Tokens.PragmaTokens.PragmaSocialToken
	return w.Raw(socialPlayer, text), claims(w.T, text)
}

// unsafeToken is the provider token of an UNSAFE account named after its id.
func unsafeToken(id string) string { return fmt.Sprintf(`{"accountId":%q}`, id) }

// applicationError makes a call that must fail and returns the reason and the
// type of the application error beside it.
func applicationError(t *testing.T, c *pragmatest.Raw, call string, payload any) [2]string {
	t.Helper()
	f := ask(c, call, payload)
	if f.ServiceError == nil {
		t.Errorf("%s with %v was not refused: %v", call, payload, f.Response.Payload)
		return [2]string{}
	}
	var text struct {
		ServiceError struct {
			Error            string
			ApplicationError struct{ Type string }
		}
	}
	if err := json.Unmarshal([]byte(f.Text), &text); err != nil {
		t.Fatal(err)
	}
	return [2]string{text.ServiceError.Error, text.ServiceError.ApplicationError.Type}
}

// hooks is a plugin of a test: it notes which hooks are called, and refuses with
// the error that it has for one.
type hooks struct {
	account.Defaults
	note   func(hook string, r any)
	refuse map[string]error
	create func(*account.CreateRequest) (*account.NewAccount, error)
}

func (h *hooks) called(hook string, r any) error {
	if h.note != nil {
		h.note(hook, r)
	}
	return h.refuse[hook]
}

func (h *hooks) OnAccountCreate(ctx context.Context, r *account.CreateRequest) (*account.NewAccount, error) {
	if err := h.called("OnAccountCreate", r); err != nil {
		return nil, err
	}
	if h.create != nil {
		return h.create(r)
	}
	return h.Defaults.OnAccountCreate(ctx, r)
}

func (h *hooks) OnAccountCreated(_ context.Context, e *account.CreatedEvent) error {
	return h.called("OnAccountCreated", e)
}

func (h *hooks) OnAccountLogin(_ context.Context, r *account.LoginRequest) error {
	return h.called("OnAccountLogin", r)
}

func (h *hooks) OnAccountUpdate(_ context.Context, r *account.UpdateRequest) error {
	return h.called("OnAccountUpdate", r)
}

func (h *hooks) OnAccountDelete(_ context.Context, r *account.DeleteRequest) error {
	return h.called("OnAccountDelete", r)
}

func (h *hooks) OnAccountDeleted(_ context.Context, e *account.DeletedEvent) error {
	return h.called("OnAccountDeleted", e)
}

func (h *hooks) OnAccountLink(_ context.Context, r *account.LinkRequest) error {
	return h.called("OnAccountLink", r)
}

// about reports whether a time on the wire is a time, give or take a second.
func about(millis any, want time.Time) bool {
	text, _ := millis.(string)
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && time.UnixMilli(n).Sub(want).Abs() <= time.Second
}

func contains(text, part string) bool { return strings.Contains(text, part) }
