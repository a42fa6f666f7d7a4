package account_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const (
	linkCall   = "AccountRpc.LinkIdentityProviderAccountV2"
	unlinkCall = "AccountRpc.UnlinkIdentityProviderAccountPartnerV1"
)

func linkable(s *account.ProviderSettings) {
	s.AccountLinkingEnabled, s.AccountUnlinkingEnabled = true, true
}

// linkWorld has the UNSAFE provider and others with their rules.
func linkWorld(t *testing.T, plugin account.Plugin, fn func(t *testing.T, w *world)) {
	t.Helper()
	build := func() *account.Service {
		return &account.Service{Plugin: plugin, Providers: []account.IdentityProvider{
			&account.Unsafe{}, newKiosk("STEAM", linkable), newKiosk("EPIC", nil),
			newKiosk("DISCORD", func(s *account.ProviderSettings) { linkable(s); s.AccountLinkingCooldownInDays = 1 }),
			newKiosk("TWITCH", func(s *account.ProviderSettings) {
				linkable(s)
				s.AccountLinkingOneAssociationOnly, s.PlayerLoginEnabled = true, false
			}),
		}}
	}
	runWith(t, build, fn)
}

func linkRequest(provider any, token string) object {
	return object{"newProvider": object{"providerId": provider, "providerToken": token}}
}

func unlinkRequest(social object, provider string) object {
	return object{"pragmaSocialId": social["pragmaSocialId"], "idProvider": provider}
}

// linksOf returns the provider accounts of the caller.
func linksOf(c *pragmatest.Raw) (list []string) {
	for _, p := range c.Call("AccountRpc.GetAccountV1", nil)["idProviderAccounts"].([]any) {
		list = append(list, fmt.Sprint(p.(object)["idProviderType"], " ", p.(object)["accountId"]))
	}
	return list
}

func TestLinkedProviderAccountLogsIntoTheSameAccount(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call(linkCall, linkRequest(4, "765/Rob"))
		want := []string{"UNSAFE robin", "STEAM 765"}
		if diff := cmp.Diff(want, linksOf(c)); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
		_, steam := w.openAs("STEAM", "765/Rob")
		if steam["pragmaSocialId"] != social["pragmaSocialId"] || steam["displayName"] != "robin" || steam["idProvider"] != "STEAM" {
			t.Errorf("the log-in by STEAM is %v", steam)
		}
		w.Restart()
		c, _ = w.openAs("STEAM", "765/Rob")
		if diff := cmp.Diff(want, linksOf(c)); diff != "" {
			t.Errorf("links after a restart (-want +got):\n%s", diff)
		}
	})
}

func TestLinksAreRestricted(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		w.openAs("STEAM", "taken/Other")
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		for _, tt := range []struct {
			name     string
			provider any
			token    string
			want     [2]string
		}{
			{"unknown provider", "XBOX", "x", [2]string{"AccountService_IdProviderMissing", "pragma.IdProviderNotFoundApplicationError"}},
			{"no provider", "", "x", [2]string{"AccountService_IdProviderMissing", "pragma.IdProviderNotFoundApplicationError"}},
			{"linking disabled", "EPIC", "x", [2]string{"AccountService_IdProviderLinkingDisabled", "AccountRpc.IdProviderLinkingDisabledApplicationError"}},
			{"another's account", "STEAM", "taken/Mine", [2]string{"AccountService_IdProviderAlreadyAssociated", "AccountRpc.IdProviderLinkedToOtherAccountApplicationError"}},
			{"refused by the provider", "STEAM", "stranger", [2]string{"AccountService_Unverified", ""}},
			{"no account id", "STEAM", "", [2]string{"AccountService_Unauthorized", "AccountRpc.UnauthorizedApplicationError"}},
			{"impossible account id", "STEAM", "a\x00b", [2]string{"AccountService_Unauthorized", "AccountRpc.UnauthorizedApplicationError"}},
		} {
			if got := applicationError(t, c, linkCall, linkRequest(tt.provider, tt.token)); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
			}
			time.Sleep(100 * time.Millisecond)
		}
		c.Call(linkCall, linkRequest("STEAM", "765/Rob"))
		bound := [2]string{"AccountService_AccountAlreadyBoundToProviderType", "AccountRpc.IdProviderAlreadyLinkedToAccountApplicationError"}
		for name, token := range map[string]string{"the same again": "765/Rob", "a second one": "766/Rob"} {
			if got := applicationError(t, c, linkCall, linkRequest("STEAM", token)); got != bound {
				t.Errorf("%s: got %q, want %q", name, got, bound)
			}
		}
		if diff := cmp.Diff([]string{"UNSAFE robin", "STEAM 765"}, linksOf(c)); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
	})
}

func TestUnlinkedProviderAccountIsFree(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call(linkCall, linkRequest("STEAM", "765/Rob"))
		partner := w.partner()
		partner.Call(unlinkCall, unlinkRequest(social, "STEAM"))
		if diff := cmp.Diff([]string{"UNSAFE robin"}, linksOf(c)); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
		other, marian := w.openAs("UNSAFE", unsafeToken("marian"))
		other.Call(linkCall, linkRequest("STEAM", "765/Rob"))
		if _, steam := w.openAs("STEAM", "765/Rob"); steam["pragmaSocialId"] != marian["pragmaSocialId"] {
			t.Errorf("STEAM logs into %v, want %v", steam["pragmaSocialId"], marian["pragmaSocialId"])
		}
		partner.Call(unlinkCall, unlinkRequest(marian, "STEAM"))
		if _, steam := w.openAs("STEAM", "765/Rob"); steam["pragmaSocialId"] == marian["pragmaSocialId"] || steam["pragmaSocialId"] == social["pragmaSocialId"] {
			t.Errorf("an unlinked account logs into %v", steam["pragmaSocialId"])
		}
	})
}

func TestUnlinksAreRestricted(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		_, social := w.openAs("EPIC", "e/Rob")
		_, steam := w.openAs("STEAM", "765/Rob")
		partner := w.partner()
		for _, tt := range []struct {
			name    string
			payload object
			want    [2]string
		}{
			{"unknown provider", unlinkRequest(social, "XBOX"), [2]string{"AccountService_IdProviderMissing", "pragma.IdProviderNotFoundApplicationError"}},
			{"unlinking disabled", unlinkRequest(social, "EPIC"), [2]string{"AccountService_IdProviderLinkingDisabled", "AccountRpc.IdProviderUnlinkingDisabledApplicationError"}},
			{"not linked", unlinkRequest(social, "STEAM"), [2]string{"AccountService_IdProviderMissing", "pragma.IdProviderNotFoundApplicationError"}},
			{"the only one", unlinkRequest(steam, "STEAM"), [2]string{"AccountService_CannotUnlinkOnlyIdProvider", ""}},
			{"unknown account", object{"pragmaSocialId": pragma.NewID[pragma.SocialID]().String(), "idProvider": "STEAM"}, [2]string{"AccountService_NotFound", ""}},
			{"no account", object{"idProvider": "STEAM"}, [2]string{"AccountService_NotFound", ""}},
		} {
			if got := applicationError(t, partner, unlinkCall, tt.payload); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

func TestLinkWaitsForTheCooldown(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call(linkCall, linkRequest("DISCORD", "d/Rob"))
		partner := w.partner()
		partner.Call(unlinkCall, unlinkRequest(social, "DISCORD"))
		f := ask(c, linkCall, linkRequest("DISCORD", "d2/Rob"))
		_, rest, ok := strings.Cut(f.Text, `"applicationError":{"type":"AccountRpc.LinkCooldownApplicationError","payload":{"linkableTimestampMillis":"`)
		until, _, _ := strings.Cut(rest, `"`)
		if !ok || f.ServiceError.Error != "AccountService_IdProviderLinkingDisabled" || !about(until, time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("got %s", f.Text)
		}
		other, _ := w.openAs("UNSAFE", unsafeToken("marian"))
		other.Call(linkCall, linkRequest("DISCORD", "d/Rob")) // the wait is that of an account
		for _, socket := range []*pragmatest.Raw{c, other, partner} {
			socket.Close() // or a day of pings follows
		}
		time.Sleep(24*time.Hour + time.Second)
		c, _ = w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call(linkCall, linkRequest("DISCORD", "d2/Rob"))
	})
}

func TestOneAssociationOnlyOutlivesUnlinking(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		other, _ := w.openAs("UNSAFE", unsafeToken("marian"))
		c.Call(linkCall, linkRequest("TWITCH", "t/Rob"))
		w.partner().Call(unlinkCall, unlinkRequest(social, "TWITCH"))
		want := [2]string{"AccountService_IdProviderAlreadyAssociated", "AccountRpc.LinkOneAssociationOnlyApplicationError"}
		if got := applicationError(t, other, linkCall, linkRequest("TWITCH", "t/Rob")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		_, err := w.accounts.CreateAccount(t.Context(), &account.CreateAccountRequest{Provider: "TWITCH", Account: account.ProviderAccount{AccountID: "t"}})
		if err == nil {
			t.Error("it makes a new account")
		}
		c.Call(linkCall, linkRequest("TWITCH", "t/Rob"))
		if err := w.accounts.DeleteAccount(t.Context(), socialID(t, social["pragmaSocialId"].(string))); err != nil {
			t.Fatal(err)
		}
		other.Call(linkCall, linkRequest("TWITCH", "t/Rob")) // whose it was is gone
	})
}

func TestPluginRefusesALink(t *testing.T) {
	var got account.LinkRequest
	plugin := &hooks{refuse: map[string]error{"OnAccountLink": errStudio}, note: func(_ string, r any) {
		if l, ok := r.(*account.LinkRequest); ok {
			got = *l
		}
	}}
	linkWorld(t, plugin, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		f := ask(c, linkCall, linkRequest("STEAM", "765/Rob"))
		if f.ServiceError == nil || f.ServiceError.ExtError != "Studio_Refused" || !contains(f.Text, "studio.RefusedApplicationError") {
			t.Errorf("got %s", f.Text)
		}
		if got.Provider != "STEAM" || got.ProviderAccount.AccountID != "765" || got.Account.SocialID.String() != social["pragmaSocialId"] || len(got.Account.Providers) != 1 {
			t.Errorf("the hook was shown %+v", got)
		}
		if links := linksOf(c); len(links) != 1 {
			t.Errorf("links = %v", links)
		}
	})
}

func TestPartnerLinksAndLogsIn(t *testing.T) {
	const call = "AccountRpc.LinkIdentityProviderAccountPartnerV1"
	linkWorld(t, nil, func(t *testing.T, w *world) {
		partner := w.partner()
		request := func(old, oldToken, fresh, freshToken, shard string) object {
			return object{"request": object{
				"gameShardId":      shard,
				"existingProvider": object{"providerId": old, "providerToken": oldToken},
				"newProvider":      object{"providerId": fresh, "providerToken": freshToken},
			}}
		}
		for _, tt := range []struct {
			name    string
			payload object
			want    string
		}{
			{"no account yet", request("EPIC", "e/Rob", "STEAM", "765/Rob", shard), "AccountService_NotFound"},
			{"unknown old provider", request("XBOX", "e/Rob", "STEAM", "765/Rob", shard), "AccountService_IdProviderMissing"},
			{"unknown new provider", request("EPIC", "e/Rob", "XBOX", "765/Rob", shard), "AccountService_IdProviderMissing"},
			{"old provider without log-in", request("TWITCH", "e/Rob", "STEAM", "765/Rob", shard), "AccountService_Error"},
			{"new provider without linking", request("STEAM", "e/Rob", "EPIC", "765/Rob", shard), "AccountService_IdProviderLinkingDisabled"},
			{"another shard", request("EPIC", "e/Rob", "STEAM", "765/Rob", "00000000-0000-0000-0000-000000000002"), "AccountService_NotFound"},
			{"nothing", object{}, "AccountService_IdProviderMissing"},
		} {
			if got := refused(t, partner, call, tt.payload); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		_, social := w.openAs("EPIC", "e/Rob")
		tokens := partner.Call(call, request("EPIC", "e/Rob", "STEAM", "765/Rob", shard))["tokens"].(object)
		c := claims(t, tokens["pragmaGameToken"].(string))
		if c["pragmaSocialId"] != social["pragmaSocialId"] || c["gameShardId"] != shard || c["idProvider"] != "EPIC" || c["sessionId"] == social["sessionId"] {
			t.Errorf("the game token says %v", c)
		}
		w.Raw(socialPlayer, tokens["pragmaSocialToken"].(string))
		if _, steam := w.openAs("STEAM", "765/Rob"); steam["pragmaSocialId"] != social["pragmaSocialId"] {
			t.Error("it was not linked")
		}
	})
}

// Two accounts link the same provider account, which logs in for the first time
// too: one of the three has it.
func TestProviderAccountBelongsToOneAccountUnderAnyRace(t *testing.T) {
	linkWorld(t, nil, func(t *testing.T, w *world) {
		robin, robinID := w.openAs("UNSAFE", unsafeToken("robin"))
		marian, marianID := w.openAs("UNSAFE", unsafeToken("marian"))
		partner := w.partner()
		for round := range 20 {
			token := fmt.Sprintf("%d/Rob", round)
			var wg sync.WaitGroup
			var linked [2]bool
			var first answer
			for i, c := range []*pragmatest.Raw{robin, marian} {
				wg.Go(func() { linked[i] = ask(c, linkCall, linkRequest("STEAM", token)).Response != nil })
			}
			wg.Go(func() { first, _ = w.tryLogIn(socialPlayer, body("STEAM", token, shard)) })
			wg.Wait()
			if first.Status != http.StatusOK {
				t.Fatalf("log-in: %d %s", first.Status, first.Body)
			}
			owner := claims(t, w.logIn(socialPlayer, body("STEAM", token, shard)).Tokens.PragmaTokens.PragmaSocialToken)["pragmaSocialId"]
			if got := claims(t, first.Tokens.PragmaTokens.PragmaSocialToken)["pragmaSocialId"]; got != owner {
				t.Fatalf("round %d: the first log-in was %v, the second %v", round, got, owner)
			}
			if linked[0] != (owner == robinID["pragmaSocialId"]) || linked[1] != (owner == marianID["pragmaSocialId"]) {
				t.Fatalf("round %d: linked %v, owner %v", round, linked, owner)
			}
			for i, social := range []object{robinID, marianID} {
				if linked[i] {
					partner.Call(unlinkCall, unlinkRequest(social, "STEAM"))
				}
			}
			time.Sleep(time.Second)
		}
	})
}

func TestProviderSettingsAreReadFromTheConfiguration(t *testing.T) {
	build := func() *pragma.Server {
		return &pragma.Server{
			Config: pragmatest.Config(t, "social: {pluginConfigs: {AccountService: {identityProviderPlugins: {plugins: {UNSAFE: {config: {playerLoginEnabled: false}}}}}}}"),
			Game:   []pragma.Service{&lab{}},
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		if a := w.logIn(socialPlayer, unsafe("robin", "")); a.Status != 400 || a.Refusal.ServiceError.Error != "AccountService_Error" || !contains(a.Body, "AccountRpc.IdProviderAuthenticationDisabledApplicationError") {
			pw.T.Errorf("player: %d %s", a.Status, a.Body)
		}
		if a := w.logIn(socialOperator, unsafe("test01", "")); a.Status != 200 {
			pw.T.Errorf("operator in development: %d %s", a.Status, a.Body)
		}
	})
}
