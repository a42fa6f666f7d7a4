package account_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/store"
)

const deleteCall = "AccountRpc.DeleteAccountPartnerV1"

func TestDeletionFreesEverythingOfAnAccount(t *testing.T) {
	db := store.NewMemory()
	build := func() *account.Service {
		return &account.Service{Providers: []account.IdentityProvider{&account.Unsafe{}, newKiosk("STEAM", linkable)}}
	}
	runOn(t, db, build, func(t *testing.T, w *world) {
		_, social := w.mustLogIn("robin", "Robin")
		c := w.Raw(socialPlayer, social)
		id := claims(t, social)["pragmaSocialId"]
		c.Call(linkCall, linkRequest("STEAM", "765/Rob"))
		partner := w.partner()
		partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{id.(string)}, []string{"vip"}))
		ban(t, partner, object{"pragmaSocialId": id, "durationInMillis": 1})
		partner.Call(deleteCall, object{"pragmaSocialId": id})
		if got := refused(t, partner, deleteCall, object{"pragmaSocialId": id}); got != "AccountService_NotFound" {
			t.Errorf("deleting again: %s", got)
		}
		if got := c.Closed(); got != 4002 {
			t.Errorf("the socket of the deleted account ended with %d, want 4002", got)
		}
		time.Sleep(time.Second) // until the plugin is told
		for _, kind := range []string{"account", "account-provider", "account-player", "account-name", "account-ban", "account-mark", "outbox/account-deleted"} {
			for rec, err := range db.List(t.Context(), store.Query{Kind: kind}) {
				if err != nil {
					t.Fatal(err)
				}
				if contains(string(rec.Body), id.(string)) || contains(rec.ID, id.(string)) {
					t.Errorf("%s is left: %s", rec.Key, rec.Body)
				}
			}
		}
		// Both provider accounts are free, and what they make are new accounts.
		_, again := w.mustLogIn("robin", "Robin")
		_, steam := w.openAs("STEAM", "765/Rob")
		if fresh := claims(t, again)["pragmaSocialId"]; fresh == id || steam["pragmaSocialId"] == id || fresh == steam["pragmaSocialId"] {
			t.Errorf("UNSAFE makes %v, STEAM %v, the old one was %v", fresh, steam["pragmaSocialId"], id)
		}
	})
}

func TestPluginIsAskedAndToldOfADeletion(t *testing.T) {
	var mu sync.Mutex
	var told []account.DeletedEvent
	plugin := &hooks{refuse: map[string]error{"OnAccountDelete": errStudio, "OnAccountDeleted": errStudio}}
	plugin.note = func(_ string, r any) {
		if e, ok := r.(*account.DeletedEvent); ok {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, *e)
		}
	}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		partner := w.partner()
		request := object{"pragmaSocialId": social["pragmaSocialId"]}
		if f := ask(partner, deleteCall, request); f.ServiceError == nil || f.ServiceError.ExtError != "Studio_Refused" {
			t.Errorf("got %s", f)
		}
		c.Call("AccountRpc.GetAccountV1", nil)
		delete(plugin.refuse, "OnAccountDelete")
		partner.Call(deleteCall, request)
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(told) != 1 || told[0].Account.SocialID.String() != social["pragmaSocialId"] || len(told[0].Account.Providers) != 1 {
			t.Errorf("told of %+v", told)
		}
	})
}

func TestOperatorsChangeAccountsIfTheyMay(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call(linkCall, linkRequest("STEAM", "765/Rob"))
		id := social["pragmaSocialId"]
		viewer, admin := w.viewer(), w.admin()
		for _, tt := range []struct {
			call, action string
			payload      object
		}{
			{"UpdateDisplayName", "update display name", object{"pragmaSocialId": id, "requestedDisplayName": "Hood"}},
			{"UnlinkIdentityProviderAccount", "unlink provider account", unlinkRequest(social, "STEAM")},
			{"CreateAccount", "create account", object{"providerId": "STEAM", "providerAccountId": "765"}},
			{"DeleteAccount", "delete account", object{"pragmaSocialId": id}},
		} {
			call := "AccountRpc." + tt.call + "OperatorV1"
			if got := refused(t, viewer, call, tt.payload); got != "AccountService_Unauthorized" {
				t.Errorf("%s by a viewer: %s", tt.call, got)
			}
			admin.Call(call, tt.payload)
			if n := strings.Count(w.Logs(), `action="`+tt.action+`"`); n != 1 {
				t.Errorf("the audit log has %q %d times", tt.action, n)
			}
		}
		viewer.Call("AccountRpc.GetPlayerIdentitiesOperatorV1", nil)
		viewer.Call("AccountRpc.GetSocialIdentitiesOperatorV1", nil)
		if _, err := w.accounts.Profile(t.Context(), socialID(t, id.(string))); err == nil {
			t.Error("it is still there")
		}
	})
}

// Log-ins, renames and deletions of one provider account at the same time: every
// log-in gets an account, and the last one is whole.
func TestDeletionRacesWithLogIns(t *testing.T) {
	db := store.NewMemory()
	runOn(t, db, func() *account.Service { return &account.Service{Plugin: free{}} }, func(t *testing.T, w *world) {
		for range 20 {
			id := socialID(t, w.newAccount("robin"))
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() {
					a, err := w.tryLogIn(socialPlayer, unsafe("robin", "Robin"))
					if err != nil || a.Status != 200 && a.Status != 401 {
						t.Errorf("log-in: %d %s %v", a.Status, a.Body, err)
					}
				})
				wg.Go(func() { _ = w.accounts.DeleteAccount(t.Context(), id) })
				wg.Go(func() { _, _ = w.accounts.UpdateDisplayName(t.Context(), id, fmt.Sprint("Name", i)) })
			}
			wg.Wait()
			w.mustLogIn("robin", "Robin")
			// Everything that has an owner has one that exists and knows of it.
			for _, kind := range []string{"account-provider", "account-player", "account-name"} {
				for rec, err := range db.List(t.Context(), store.Query{Kind: kind}) {
					if err != nil {
						t.Fatal(err)
					}
					checkOwner(t, db, rec)
				}
			}
		}
	})
}

// checkOwner checks that what a record points to exists and points back.
func checkOwner(t *testing.T, db store.Driver, rec store.Record) {
	t.Helper()
	const head = `{"socialId":"`
	id := string(rec.Body[len(head) : len(head)+36])
	if id == "00000000-0000-0000-0000-000000000000" {
		return
	}
	recs, err := db.Get(t.Context(), store.Key{Kind: "account", ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if !recs[0].Exists() {
		t.Fatalf("%s belongs to %s, which does not exist", rec.Key, id)
	}
}

func TestDeletionIsToldAfterAKill(t *testing.T) {
	var mu sync.Mutex
	told := 0
	hang := make(chan struct{})
	first := true
	plugin := &hooks{}
	plugin.note = func(hook string, _ any) {
		if hook != "OnAccountDeleted" {
			return
		}
		mu.Lock()
		wait := first
		first = false
		mu.Unlock()
		if wait {
			<-hang
			return
		}
		mu.Lock()
		told++
		mu.Unlock()
	}
	runWith(t, func() *account.Service {
		if first {
			hang = make(chan struct{})
		}
		return &account.Service{Plugin: plugin}
	}, func(t *testing.T, w *world) {
		id := socialID(t, w.newAccount("robin"))
		if err := w.accounts.DeleteAccount(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the hook hangs now
		w.Kill()
		close(hang)
		w.Start()
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if told == 0 {
			t.Error("the plugin was never told")
		}
	})
}
