package account_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

const (
	renameCall        = "AccountRpc.UpdateDisplayNameV1"
	renamePartnerCall = "AccountRpc.UpdateDisplayNamePartnerV1"
)

// free lets players change their names.
type free struct{ account.Defaults }

func (free) OnAccountUpdate(context.Context, *account.UpdateRequest) error { return nil }

func renames(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	runWith(t, func() *account.Service { return &account.Service{Plugin: free{}} }, fn)
}

// named is the name in an answer, such as robin#0042.
func named(answer object, member string) string {
	name := answer[member].(object)
	return fmt.Sprint(name["displayName"], "#", name["discriminator"])
}

func TestPlayersMayNotChangeTheirNamesByDefault(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		if got := refused(t, c, renameCall, object{"requestedDisplayName": "Hood"}); got != "AccountService_DisplayNameUpdateNotAllowed" {
			t.Errorf("player: got %s", got)
		}
		got := w.partner().Call(renamePartnerCall, object{"pragmaSocialId": social["pragmaSocialId"], "requestedDisplayName": "Hood"})
		if want := fmt.Sprint("Hood#", social["discriminator"]); named(got, "updatedDisplayName") != want {
			t.Errorf("partner: got %v, want %s", got, want)
		}
	})
}

func TestRenameKeepsTheDigitsAndFreesTheOldName(t *testing.T) {
	renames(t, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		digits := social["discriminator"].(string)
		time.Sleep(time.Hour)
		for _, tt := range []struct{ ask, want string }{{"Hood", "Hood"}, {"HOOD", "HOOD"}, {"  Robin Hood  ", "Robin Hood"}, {"Robin Hood", "Robin Hood"}, {"robin", "robin"}} {
			got := c.Call(renameCall, object{"requestedDisplayName": tt.ask})
			if named(got, "updatedDisplayName") != tt.want+"#"+digits {
				t.Errorf("%q: got %v", tt.ask, got)
			}
		}
		c.Call(renameCall, object{"requestedDisplayName": "Hood"})
		acc := c.Call("AccountRpc.GetAccountV1", nil)
		if !about(acc["lastDisplayNameUpdateTimestampMillis"], time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)) || named(acc, "displayName") != "Hood#"+digits {
			t.Errorf("account = %v", acc)
		}
		// Somebody else gets the old name with the same digits, and only that one.
		other, _ := w.openAs("UNSAFE", unsafeToken("marian"))
		find := func(name string) any {
			f := ask(other, "AccountRpc.GetPragmaPlayerIdForDisplayNameV1", object{"displayName": name, "discriminator": digits})
			if f.Response == nil {
				return f.ServiceError.Error
			}
			return f.Response.Payload["pragmaPlayerId"]
		}
		if find("robin") != "AccountService_NotFound" || find("hood") != social["pragmaPlayerId"] {
			t.Errorf("robin is %v, hood is %v", find("robin"), find("hood"))
		}
	})
}

func TestNewNameIsInNewTokensAndLookUps(t *testing.T) {
	renames(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		c := w.Raw(socialPlayer, social)
		c.Call(renameCall, object{"requestedDisplayName": "Hood"})
		fresh := c.Call("AccountRpc.RefreshTokensV1", tokens(game, social))["pragmaTokens"].(object)
		for _, token := range []string{"pragmaGameToken", "pragmaSocialToken"} {
			if got := claims(t, fresh[token].(string))["displayName"]; got != "Hood" {
				t.Errorf("%s of the refresh: %v", token, got)
			}
		}
		w.Restart()
		game, _ = w.mustLogIn("robin", "Robin")
		if got := claims(t, game)["displayName"]; got != "Hood" {
			t.Errorf("log-in: %v", got)
		}
		p, err := w.accounts.Profile(t.Context(), socialID(t, claims(t, game)["pragmaSocialId"].(string)))
		if err != nil || p.DisplayName.DisplayName != "Hood" {
			t.Errorf("profile: %v, %v", p, err)
		}
	})
}

func TestRequestedNamesAreChecked(t *testing.T) {
	renames(t, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		partner := w.partner()
		for _, name := range []string{"", "   ", "a#b", "robin#0042", "a\tb", "a\u200bb", "a\x00b", strings.Repeat("x", 33), strings.Repeat("🦊", 32), "a\uFFFDb"} {
			if got := refused(t, c, renameCall, object{"requestedDisplayName": name}); got != "AccountService_BadRequest" {
				t.Errorf("%q: got %s", name, got)
			}
		}
		time.Sleep(time.Second)
		for _, name := range []string{"x", strings.Repeat("x", 32), "Ængström", "りんご", strings.Repeat("🦊", 30)} {
			if got := c.Call(renameCall, object{"requestedDisplayName": name}); got["updatedDisplayName"].(object)["displayName"] != name {
				t.Errorf("%q: got %v", name, got)
			}
		}
		for name, payload := range map[string]object{
			"nobody": {"requestedDisplayName": "Hood"}, "unknown": {"pragmaSocialId": pragma.NewID[pragma.SocialID]().String(), "requestedDisplayName": "Hood"},
		} {
			if got := refused(t, partner, renamePartnerCall, payload); got != "AccountService_NotFound" {
				t.Errorf("%s: got %s", name, got)
			}
		}
		if got := refused(t, partner, renamePartnerCall, object{"pragmaSocialId": social["pragmaSocialId"], "requestedDisplayName": "#"}); got != "AccountService_BadRequest" {
			t.Errorf("partner: got %s", got)
		}
		if _, err := w.accounts.UpdateDisplayName(t.Context(), pragma.NewID[pragma.SocialID](), "Hood"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("UpdateDisplayName = %v", err)
		}
	})
}

// Many accounts take the same name at once, from names with equal digits: no two
// have the same in the end, and no record is left behind.
func TestRenamesAtTheSameTimeKeepNamesUnique(t *testing.T) {
	db := store.NewMemory()
	runOn(t, db, func() *account.Service { return &account.Service{Plugin: free{}} }, func(t *testing.T, w *world) {
		const n = 12
		var players []*pragmatest.Raw
		for i := range n {
			c, _ := w.openAs("UNSAFE", unsafeToken(fmt.Sprint("p", i)))
			players = append(players, c)
		}
		partnerNames := func() (names []string) {
			for _, c := range players {
				names = append(names, strings.ToLower(named(c.Call("AccountRpc.GetAccountV1", nil), "displayName")))
			}
			return names
		}
		for round := range 8 {
			var wg sync.WaitGroup
			for i, c := range players {
				wg.Go(func() { ask(c, renameCall, object{"requestedDisplayName": fmt.Sprint("Name", (round+i/6)%3)}) })
			}
			wg.Wait()
			names := partnerNames()
			if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != n {
				t.Fatalf("round %d: %v", round, names)
			}
			time.Sleep(time.Second)
		}
		names := partnerNames()
		for rec, err := range db.List(t.Context(), store.Query{Kind: "account-name"}) {
			if err != nil {
				t.Fatal(err)
			}
			owned := !strings.Contains(string(rec.Body), "00000000-0000-0000-0000-000000000000")
			if owned != slices.Contains(names, rec.ID) {
				t.Errorf("%s is %s, the names are %v", rec.ID, rec.Body, names)
			}
		}
	})
}

// The digits are those of both: exactly one may keep them.
func TestTwoWithTheSameDigitsDoNotGetTheSameName(t *testing.T) {
	db := store.NewMemory()
	ids := [2]string{"11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"}
	b := &store.Batch{}
	for i, id := range ids {
		name := fmt.Sprint("twin", i)
		b.Puts = append(b.Puts, accountRecord(id, name, `"providers":[]`),
			store.Put{Key: store.Key{Kind: "account-name", ID: name + "#0001"}, Body: []byte(`{"socialId":"` + id + `"}`)})
	}
	if err := store.Commit(t.Context(), db, b); err != nil {
		t.Fatal(err)
	}
	runOn(t, db, func() *account.Service { return &account.Service{} }, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		var got [2]pragma.DisplayName
		for i, id := range ids {
			wg.Go(func() {
				var err error
				if got[i], err = w.accounts.UpdateDisplayName(t.Context(), socialID(t, id), "Twin"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got[0] == got[1] || (got[0].Discriminator == "0001") == (got[1].Discriminator == "0001") {
			t.Errorf("got %v", got)
		}
	})
}

func TestNameThatWasGivenUpIsAmongTheFreeOnes(t *testing.T) {
	db := store.NewMemory()
	var names []store.Put
	for n := range 10000 {
		owner := "99999999-9999-4999-8999-999999999999"
		if n == 77 {
			owner = "00000000-0000-0000-0000-000000000000"
		}
		names = append(names, store.Put{Key: store.Key{Kind: "account-name", ID: fmt.Sprintf("robin#%04d", n)}, Body: []byte(`{"socialId":"` + owner + `"}`)})
	}
	for part := range slices.Chunk(names, 1000) {
		if err := store.Commit(t.Context(), db, &store.Batch{Puts: part}); err != nil {
			t.Fatal(err)
		}
	}
	runOn(t, db, func() *account.Service { return &account.Service{Plugin: free{}} }, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("a", "Robin")
		if got := claims(t, game)["discriminator"]; got != "0077" {
			t.Errorf("discriminator = %v", got)
		}
		other, _ := w.openAs("UNSAFE", unsafeToken("b"))
		if got := applicationError(t, other, renameCall, object{"requestedDisplayName": "robin"}); got != [2]string{"AccountService_RanOutOfDiscriminators", "AccountRpc.RanOutOfDiscriminatorsApplicationError"} {
			t.Errorf("got %q", got)
		}
		w.Raw(socialPlayer, social).Call(renameCall, object{"requestedDisplayName": "Other"})
		if got := other.Call(renameCall, object{"requestedDisplayName": "robin"}); named(got, "updatedDisplayName") != "robin#0077" {
			t.Errorf("got %v", got)
		}
	})
}
