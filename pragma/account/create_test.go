package account_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/store"
)

func TestAccountMadeAheadIsTheOneOfTheFirstLogIn(t *testing.T) {
	var got []string
	plugin := &hooks{note: func(hook string, _ any) { got = append(got, hook) }}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		p, err := w.accounts.CreateAccount(t.Context(), &account.CreateAccountRequest{
			Provider: "UNSAFE", Account: account.ProviderAccount{AccountID: "robin", DisplayName: "Robin"}, GameShardID: w.lab.m.ShardID(),
		})
		if err != nil || p.PlayerID.IsZero() || p.DisplayName.DisplayName != "Robin" {
			t.Fatalf("CreateAccount = %+v, %v", p, err)
		}
		if diff := cmp.Diff([]string{"OnAccountCreate", "OnAccountCreated"}, got); diff != "" {
			t.Errorf("hooks (-want +got):\n%s", diff)
		}
		view := w.partner().Call("AccountRpc.ViewSocialIdentityPartnerV2", object{"pragmaSocialId": p.SocialID.String()})["socialIdentity"].(object)
		if view["lastLoginTimestampMillis"] != "0" {
			t.Errorf("the account has logged in at %v", view["lastLoginTimestampMillis"])
		}
		game, _ := w.mustLogIn("robin", "Other")
		if c := claims(t, game); c["pragmaSocialId"] != p.SocialID.String() || c["pragmaPlayerId"] != p.PlayerID.String() || c["displayName"] != "Robin" {
			t.Errorf("the first log-in is %v", c)
		}
	})
}

func TestCreateAccountRefuses(t *testing.T) {
	plugin := &hooks{refuse: make(map[string]error)}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		w.mustLogIn("robin", "Robin")
		long := strings.Repeat("x", 101)
		for _, tt := range []struct {
			name string
			r    account.CreateAccountRequest
			want error
		}{
			{"one that exists", account.CreateAccountRequest{Provider: "UNSAFE", Account: account.ProviderAccount{AccountID: "robin"}}, account.ErrAlreadyExists},
			{"an unknown provider", account.CreateAccountRequest{Provider: "XBOX", Account: account.ProviderAccount{AccountID: "a"}}, account.ErrProvider},
			{"no account id", account.CreateAccountRequest{Provider: "UNSAFE"}, account.ErrBadRequest},
			{"a long account id", account.CreateAccountRequest{Provider: "UNSAFE", Account: account.ProviderAccount{AccountID: long}}, account.ErrBadRequest},
			{"another shard", account.CreateAccountRequest{Provider: "UNSAFE", Account: account.ProviderAccount{AccountID: "a"}, GameShardID: pragma.NewID[pragma.GameShardID]()}, account.ErrNotFound},
		} {
			if _, err := w.accounts.CreateAccount(t.Context(), &tt.r); !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
			}
		}
		plugin.refuse["OnAccountCreate"] = errStudio
		if _, err := w.accounts.CreateAccount(t.Context(), &account.CreateAccountRequest{Provider: "UNSAFE", Account: account.ProviderAccount{AccountID: "a"}}); !errors.Is(err, errStudio) {
			t.Errorf("refused by the plugin: got %v", err)
		}
	})
}

func TestPartnersMakeAccounts(t *testing.T) {
	const call = "AccountRpc.CreateAccountPartnerV1"
	run(t, func(t *testing.T, w *world) {
		partner := w.partner()
		request := object{"providerId": 1, "providerAccountId": "robin", "providerDisplayName": object{"displayName": "Robin"}, "gameShardId": shard}
		got := partner.Call(call, request)["socialIdentity"].(object)
		if got["pragmaDisplayName"].(object)["displayName"] != "Robin" || !cmp.Equal(got["idProviderAccounts"], any([]any{at("UNSAFE", "robin", "Robin", "")})) || len(got["gameIdentities"].([]any)) != 1 {
			t.Errorf("got %v", got)
		}
		if got := applicationError(t, partner, call, request); got != [2]string{"AccountService_AlreadyExists", "AccountRpc.AccountAlreadyExistsApplicationError"} {
			t.Errorf("again: %q", got)
		}
		for name, tt := range map[string]struct {
			change object
			want   string
		}{
			"unknown provider": {object{"providerId": "XBOX"}, "AccountService_Error"},
			"no account id":    {object{"providerAccountId": ""}, "AccountService_BadRequest"},
			"another shard":    {object{"gameShardId": nobodyID}, "AccountService_NotFound"},
		} {
			bad := object{"providerId": "UNSAFE", "providerAccountId": "marian", "gameShardId": ""}
			for k, v := range tt.change {
				bad[k] = v
			}
			if got := refused(t, partner, call, bad); got != tt.want {
				t.Errorf("%s: got %s, want %s", name, got, tt.want)
			}
		}
		got = partner.Call(call, object{"providerId": "UNSAFE", "providerAccountId": "marian"})["socialIdentity"].(object)
		if len(got["gameIdentities"].([]any)) != 0 || got["pragmaDisplayName"].(object)["displayName"] != "player" {
			t.Errorf("without a shard and a name: %v", got)
		}
	})
}

// Creations and first log-ins at the same time make one account, and at most one
// of the creations says that it was it.
func TestCreationRacesWithTheFirstLogIn(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		for round := range 10 {
			id := fmt.Sprint("p", round)
			var wg sync.WaitGroup
			var mu sync.Mutex
			made := 0
			ids := make(map[string]bool)
			for range 4 {
				wg.Go(func() {
					p, err := w.accounts.CreateAccount(t.Context(), &account.CreateAccountRequest{Provider: "UNSAFE", Account: account.ProviderAccount{AccountID: id}})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						made++
						ids[p.SocialID.String()] = true
					case !errors.Is(err, account.ErrAlreadyExists):
						t.Errorf("CreateAccount: %v", err)
					}
				})
				wg.Go(func() {
					a, err := w.tryLogIn(socialPlayer, unsafe(id, ""))
					if err != nil || a.Status != 200 {
						t.Errorf("log-in: %d %s %v", a.Status, a.Body, err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					ids[claims(t, a.Tokens.PragmaTokens.PragmaSocialToken)["pragmaSocialId"].(string)] = true
				})
			}
			wg.Wait()
			if len(ids) != 1 || made > 1 {
				t.Fatalf("%d accounts, %d were made by CreateAccount", len(ids), made)
			}
		}
	})
}

func TestUnsafeAccountsAreCheckedBeforeAnyIsMade(t *testing.T) {
	const call = "AccountRpc.CreateAccountWithUnsafeProviderV2"
	run(t, func(t *testing.T, w *world) {
		admin := w.admin()
		many := make([]object, 1001)
		for i := range many {
			many[i] = object{"id": fmt.Sprint("m", i)}
		}
		for name, tt := range map[string]struct {
			accounts any
			want     string
		}{
			"too many": {many, "AccountService_BadRequest"},
			"no id":    {[]object{{"id": "a"}, {}}, "AccountService_BadRequest"},
			"long id":  {[]object{{"id": "a"}, {"id": strings.Repeat("x", 101)}}, "AccountService_BadRequest"},
		} {
			if got := refused(t, admin, call, object{"newAccounts": tt.accounts}); got != tt.want {
				t.Errorf("%s: got %s, want %s", name, got, tt.want)
			}
		}
		admin.Call(call, object{"newAccounts": []object{{"id": "robin"}, {"id": "robin"}}, "gameShardId": shard})
		if n := len(overviewNames(t, w)); n != 2 {
			t.Errorf("%d accounts, want robin and the operator", n)
		}
		if !contains(w.Logs(), `action="create accounts"`) {
			t.Error("the audit log does not have it")
		}
	})
}

// overviewNames returns the display names of all accounts.
func overviewNames(t *testing.T, w *world) []string {
	t.Helper()
	names, _ := found(t, w.viewer(), overviews+"OperatorV1", object{})
	return names
}

// Another node unlinks a provider account, or gives it to another account, while
// this one has the old records in its cache.
func TestLogInFollowsAProviderAccountThatAnotherNodeMoved(t *testing.T) {
	db := store.NewMemory()
	runOn(t, db, func() *account.Service { return &account.Service{} }, func(t *testing.T, w *world) {
		robin, marian := w.newAccount("robin"), w.newAccount("marian")
		edit := func(kind, id string, change func(body string) string) {
			t.Helper()
			key := store.Key{Kind: kind, ID: id}
			recs, err := db.Get(t.Context(), key)
			if err != nil || !recs[0].Exists() {
				t.Fatalf("%s: %v", key, err)
			}
			put := store.Put{Key: key, Expect: recs[0].Rev, Body: []byte(change(string(recs[0].Body)))}
			if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
				t.Fatal(err)
			}
		}
		edit("account-provider", "UNSAFE:robin", func(body string) string { return strings.Replace(body, robin, marian, 1) })
		edit("account", robin, func(body string) string {
			return strings.Replace(body, `"accountId":"robin"`, `"accountId":"other"`, 1)
		})
		edit("account", marian, func(body string) string {
			return strings.Replace(body, `"accountId":"marian"`, `"accountId":"robin"`, 1)
		})
		if got := w.newAccount("robin"); got != marian {
			t.Errorf("robin logs into %s, want %s", got, marian)
		}
		edit("account-provider", "UNSAFE:robin", func(string) string { return `{"socialId":"00000000-0000-0000-0000-000000000000"}` })
		edit("account", marian, func(body string) string {
			return strings.Replace(body, `"accountId":"robin"`, `"accountId":"other"`, 1)
		})
		if got := w.newAccount("robin"); got == marian || got == robin {
			t.Errorf("robin logs into %s, want a new account", got)
		}
	})
}
