package account_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

var errStudio = &pragma.Error{Code: pragma.PermissionDenied, Reason: "Studio_Refused", Title: true, Message: "not today", Type: "studio.RefusedApplicationError"}

func TestPluginsHaveNoMisspeltHooks(t *testing.T) {
	pragmatest.CheckPlugin[account.Plugin](t, account.Defaults{})
	pragmatest.CheckPlugin[account.Plugin](t, &hooks{})
	pragmatest.CheckPlugin[account.IdentityProvider](t, &account.Unsafe{})
	pragmatest.CheckPlugin[account.EmailSender](t, &postbox{})
}

func TestHooksOfALogInComeInTheirOrder(t *testing.T) {
	var mu sync.Mutex
	var got []string
	login := make(chan account.LoginRequest, 10)
	plugin := &hooks{note: func(hook string, r any) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, hook)
		if l, ok := r.(*account.LoginRequest); ok {
			login <- *l
		}
	}}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		for range 2 {
			a := w.logIn(socialPlayer, `{"providerId":"UNSAFE","providerToken":"{\"accountId\":\"robin\"}","gameShardId":"`+shard+
				`","loginOptions":{"distributionPlatform":"STEAM","hardwareClass":"PC","hardwareDevice":"Deck"}}`)
			if a.Status != http.StatusOK {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			in := <-login
			c := claims(t, a.Tokens.PragmaTokens.PragmaGameToken)
			want := account.LoginRequest{
				Account: in.Account, Provider: "UNSAFE", Type: pragma.Player, GameShardID: w.lab.m.ShardID(),
				Options: account.LoginOptions{DistributionPlatform: "STEAM", HardwareClass: "PC", HardwareDevice: "Deck"},
			}
			if diff := cmp.Diff(want, in); diff != "" {
				t.Errorf("OnAccountLogin (-want +got):\n%s", diff)
			}
			if c["extSessionInfo"] != `{"distributionPlatform":"STEAM","hardwareClass":"PC","hardwareDevice":"Deck"}` {
				t.Errorf("extSessionInfo = %v", c["extSessionInfo"])
			}
			if in.Account.SocialID.String() != c["pragmaSocialId"] || in.Account.Players[in.GameShardID].String() != c["pragmaPlayerId"] || in.Account.PersonalID.IsZero() {
				t.Errorf("OnAccountLogin was shown %+v, the token says %v", in.Account, c)
			}
		}
		want := []string{"OnAccountCreate", "OnAccountCreated", "OnAccountLogin", "OnAccountLogin"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("hooks (-want +got):\n%s", diff)
		}
		if a := w.logIn(socialOperator, unsafe("robin", "")); a.Status != http.StatusOK {
			t.Fatalf("operator: %d %s", a.Status, a.Body)
		}
		if in := <-login; in.Type != pragma.Operator {
			t.Errorf("an operator's log-in is one of a %s", in.Type)
		}
	})
}

func TestHooksRefuseLogInsWithTheirOwnErrors(t *testing.T) {
	plugin := &hooks{refuse: make(map[string]error)}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			name, hook string
			err        error
			status     int
			reason     string // of error or of extError
		}{
			{"no creation", "OnAccountCreate", errStudio, 401, "Studio_Refused"},
			{"creation fails", "OnAccountCreate", errors.New("secret trouble"), 500, "UNKNOWN_ERROR"},
			{"no log-in", "OnAccountLogin", errStudio, 401, "Studio_Refused"},
			{"log-in fails", "OnAccountLogin", errors.New("secret trouble"), 500, "UNKNOWN_ERROR"},
			{"told of the creation", "OnAccountCreated", errStudio, 200, ""},
		} {
			clear(plugin.refuse)
			plugin.refuse[tt.hook] = tt.err
			a := w.logIn(socialPlayer, unsafe("robin", "Robin"))
			reason := a.Refusal.ServiceError.Error + a.Refusal.ServiceError.ExtError
			if a.Status != tt.status || reason != tt.reason {
				t.Errorf("%s: got %d %s, want %d %s", tt.name, a.Status, a.Body, tt.status, tt.reason)
			}
			_, err := w.accounts.Profile(t.Context(), pragma.NewID[pragma.SocialID]())
			if !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	})
}

func TestNoAccountMeansThatNoneIsMade(t *testing.T) {
	plugin := &hooks{create: func(*account.CreateRequest) (*account.NewAccount, error) { return nil, nil }}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		if a := w.logIn(socialPlayer, unsafe("robin", "Robin")); a.Status != 401 || a.Refusal.ServiceError.Error != "AccountService_Unauthorized" {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		plugin.create = nil
		w.mustLogIn("robin", "Robin")
	})
}

func TestPluginSaysWhatIsInANewAccount(t *testing.T) {
	plugin := &hooks{create: func(r *account.CreateRequest) (*account.NewAccount, error) {
		return &account.NewAccount{DisplayName: r.Provider + "#" + r.ProviderAccount.DisplayName, EmailAddress: "robin@example.com", EmailVerified: true}, nil
	}}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		got := c.Call("AccountRpc.GetAccountV1", nil)
		if name := got["displayName"].(object)["displayName"]; name != "UNSAFErobin" || got["emailAddress"] != "robin@example.com" || got["emailVerified"] != true {
			t.Errorf("got %v", got)
		}
	})
}

// A hook that is asked before something is stored may itself use the server.
func TestLogInHooksMayUseTheAccounts(t *testing.T) {
	var accounts *account.Service
	plugin := &busy{}
	runWith(t, func() *account.Service {
		accounts = &account.Service{Plugin: plugin}
		plugin.accounts = accounts
		return accounts
	}, func(t *testing.T, w *world) {
		w.mustLogIn("robin", "Robin")
		game, _ := w.mustLogIn("robin", "Robin")
		if got := claims(t, game)["displayName"]; got != "Renamed" {
			t.Errorf("displayName = %v, want the name that the hook gave", got)
		}
	})
}

type busy struct {
	account.Defaults
	accounts *account.Service
}

func (b *busy) OnAccountLogin(ctx context.Context, r *account.LoginRequest) error {
	_, err := b.accounts.UpdateDisplayName(ctx, r.Account.SocialID, "Renamed")
	return err
}

func TestHookThatHangsRefuses(t *testing.T) {
	hang := make(chan struct{})
	plugin := &hooks{}
	plugin.note = func(hook string, _ any) {
		if hook == "OnAccountUpdate" {
			<-hang
		}
	}
	runWith(t, func() *account.Service { hang = make(chan struct{}); return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		start := time.Now()
		if got := refused(t, c, "AccountRpc.UpdateDisplayNameV1", object{"requestedDisplayName": "Marian"}); got != "UNKNOWN_ERROR" {
			t.Errorf("got %s", got)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %v, want pluginTimeoutMillis", waited)
		}
		close(hang)
		synctest.Wait()
		p, err := w.accounts.Profile(t.Context(), socialID(t, social["pragmaSocialId"].(string)))
		if err != nil || p.DisplayName.DisplayName != "robin" {
			t.Errorf("the name is %v, %v", p.DisplayName, err)
		}
	})
}
