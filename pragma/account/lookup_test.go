package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

const nobodyID = "99999999-9999-4999-8999-999999999999"

// lookupWorld has robin with accounts at three providers, one of which everybody
// sees, and marian who looks.
func lookupWorld(t *testing.T, fn func(t *testing.T, w *world, robin object, marian *pragmatest.Raw)) {
	t.Helper()
	build := func() *account.Service {
		tower := newKiosk("TOWER_EXT", linkable)
		tower.number = 101
		return &account.Service{Providers: []account.IdentityProvider{
			&account.Unsafe{}, tower,
			newKiosk("STEAM", func(s *account.ProviderSettings) { linkable(s); s.VisibleToOtherPlayers = true }),
		}}
	}
	runWith(t, build, func(t *testing.T, w *world) {
		c, robin := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call(linkCall, linkRequest("STEAM", "765/Rob"))
		c.Call(linkCall, linkRequest(101, "t1/Tower Rob"))
		marian, _ := w.openAs("UNSAFE", unsafeToken("marian"))
		fn(t, w, robin, marian)
	})
}

// at is a provider account in an answer.
func at(provider, id, name, discriminator string) any {
	return object{"idProviderType": provider, "accountId": id, "providerDisplayName": object{"displayName": name, "discriminator": discriminator}}
}

func TestNamesAndPlayersAreFoundByEachOther(t *testing.T) {
	lookupWorld(t, func(t *testing.T, w *world, robin object, marian *pragmatest.Raw) {
		name := object{"displayName": "robin", "discriminator": robin["discriminator"]}
		partner := w.partner()
		for _, shardID := range []string{shard, ""} {
			byPlayer := marian.Call("AccountRpc.GetDisplayNameForPragmaPlayerIdV1", object{"pragmaPlayerId": robin["pragmaPlayerId"], "gameShardId": shardID})
			if diff := cmp.Diff(name, byPlayer); diff != "" {
				t.Errorf("player's look-up (-want +got):\n%s", diff)
			}
			byPartner := partner.Call("AccountRpc.GetDisplayNameForPlayerIdPartnerV2", object{"playerId": robin["pragmaPlayerId"], "gameShardId": shardID})
			if diff := cmp.Diff(object{"displayName": name}, byPartner); diff != "" {
				t.Errorf("partner's look-up (-want +got):\n%s", diff)
			}
			for _, written := range []string{"robin", "ROBIN", " Robin "} {
				got := marian.Call("AccountRpc.GetPragmaPlayerIdForDisplayNameV1", object{"displayName": written, "discriminator": robin["discriminator"], "gameShardId": shardID})
				if got["pragmaPlayerId"] != robin["pragmaPlayerId"] {
					t.Errorf("%q is %v", written, got)
				}
			}
		}
	})
}

func TestLookUpsOfNobodyAreNotFound(t *testing.T) {
	lookupWorld(t, func(t *testing.T, w *world, robin object, marian *pragmatest.Raw) {
		partner := w.partner()
		operator := w.viewer()
		const elsewhere = "00000000-0000-0000-0000-000000000002"
		digits := robin["discriminator"]
		for _, tt := range []struct {
			c       *pragmatest.Raw
			call    string
			payload object
		}{
			{marian, "GetDisplayNameForPragmaPlayerIdV1", object{"pragmaPlayerId": nobodyID}},
			{marian, "GetDisplayNameForPragmaPlayerIdV1", object{}},
			{marian, "GetDisplayNameForPragmaPlayerIdV1", object{"pragmaPlayerId": robin["pragmaPlayerId"], "gameShardId": elsewhere}},
			{marian, "GetDisplayNameForPragmaPlayerIdV1", object{"pragmaPlayerId": robin["pragmaSocialId"]}},
			{partner, "GetDisplayNameForPlayerIdPartnerV2", object{"playerId": nobodyID}},
			{marian, "GetPragmaPlayerIdForDisplayNameV1", object{}},
			{marian, "GetPragmaPlayerIdForDisplayNameV1", object{"displayName": "robin"}},
			{marian, "GetPragmaPlayerIdForDisplayNameV1", object{"displayName": "robin", "discriminator": "42"}},
			{marian, "GetPragmaPlayerIdForDisplayNameV1", object{"displayName": "robin", "discriminator": "x\x00yz"}},
			{marian, "GetPragmaPlayerIdForDisplayNameV1", object{"displayName": "nobody", "discriminator": digits}},
			{marian, "GetPragmaPlayerIdForDisplayNameV1", object{"displayName": strings.Repeat("x", 500), "discriminator": digits}},
			{marian, "GetPragmaPlayerIdForDisplayNameV1", object{"displayName": "robin", "discriminator": digits, "gameShardId": elsewhere}},
			{marian, "GetPlayerIdentitiesV1", object{"playerIds": []any{robin["pragmaPlayerId"]}, "gameShardId": elsewhere}},
			{marian, "GetPragmaPlayerIdsForProviderIdsV2", object{"gameShardId": elsewhere}},
			{partner, "ViewSocialIdentityPartnerV2", object{"pragmaSocialId": nobodyID}},
			{partner, "ViewSocialIdentityPartnerV2", object{}},
			{operator, "ViewSocialIdentityV1", object{"pragmaSocialId": nobodyID}},
		} {
			if got := refused(t, tt.c, "AccountRpc."+tt.call, tt.payload); got != "AccountService_NotFound" {
				t.Errorf("%s %v: got %s", tt.call, tt.payload, got)
			}
		}
	})
}

func TestIdentitiesShowOthersOnlyWhatIsVisible(t *testing.T) {
	lookupWorld(t, func(t *testing.T, w *world, robin object, marian *pragmatest.Raw) {
		steam, tower, own := at("STEAM", "765", "Rob", "7"), at("TOWER_EXT", "t1", "Tower Rob", "7"), at("UNSAFE", "robin", "robin", "")
		self, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		partner := w.partner()
		player, social := robin["pragmaPlayerId"], robin["pragmaSocialId"]
		byIDs := func(ids ...any) object { return object{"gameShardId": shard, "providerAccountIds": ids} }
		id := func(provider any, account string) object {
			return object{"idProviderType": provider, "providerAccountId": account}
		}
		players, socials := object{"playerIds": []any{player}, "gameShardId": shard}, object{"socialIds": []any{social}}
		for _, tt := range []struct {
			name    string
			c       *pragmatest.Raw
			call    string
			payload object
			want    []any
		}{
			{"player of another", marian, "GetPlayerIdentitiesV1", players, []any{steam}},
			{"player of himself", self, "GetPlayerIdentitiesV1", players, []any{own, steam, tower}},
			{"player for a partner", partner, "GetPlayerIdentitiesPartnerV1", players, []any{own, steam, tower}},
			{"account of another", marian, "GetSocialIdentitiesV1", socials, []any{steam}},
			{"account of himself", self, "GetSocialIdentitiesV1", socials, []any{own, steam, tower}},
			{"account for a partner", partner, "GetSocialIdentitiesPartnerV1", socials, []any{own, steam, tower}},
			{"by number", marian, "GetPragmaPlayerIdsForProviderIdsV2", byIDs(id(1, "robin")), []any{own, steam}},
			{"by a title's number", marian, "GetPragmaPlayerIdsForProviderIdsV2", byIDs(id(101, "t1")), []any{tower, steam}},
			{"by name", marian, "GetPlayerIdentitiesByProviderAccountIdsV1", byIDs(id("STEAM", "765")), []any{steam}},
			{"by two", marian, "GetSocialIdentitiesByProviderAccountIdsV1", byIDs(id("TOWER_EXT", "t1"), id("UNSAFE", "robin"), id("101", "t1")), []any{own, tower, steam}},
		} {
			got := tt.c.Call("AccountRpc."+tt.call, tt.payload)
			identity := object{"pragmaSocialId": social, "pragmaDisplayName": object{"displayName": "robin", "discriminator": robin["discriminator"]}, "idProviderAccounts": tt.want}
			member := "playerIdentities"
			if strings.Contains(tt.call, "Social") {
				member = "socialIdentities"
				identity["gameIdentities"] = []any{object{"gameShardId": shard, "pragmaPlayerId": player}}
			} else {
				identity["pragmaPlayerId"] = player
			}
			want := object{member: []any{identity}}
			if !strings.Contains(tt.call, "Provider") {
				want["failures"] = []any{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestBatchesAnswerEachIDOnceAndNameFailures(t *testing.T) {
	lookupWorld(t, func(t *testing.T, w *world, robin object, marian *pragmatest.Raw) {
		player, social := robin["pragmaPlayerId"].(string), robin["pragmaSocialId"].(string)
		failure := []any{object{"pragmaId": nobodyID, "error": "AccountService_NotFound"}}
		for call, payload := range map[string]object{
			"GetPlayerIdentitiesV1": {"playerIds": []any{nobodyID, player, strings.ToUpper(player), nobodyID}},
			"GetSocialIdentitiesV1": {"socialIds": []any{social, nobodyID, social}},
		} {
			got := marian.Call("AccountRpc."+call, payload)
			identities, _ := got["playerIdentities"].([]any)
			if identities == nil {
				identities, _ = got["socialIdentities"].([]any)
			}
			if len(identities) != 1 || !cmp.Equal(got["failures"], any(failure)) {
				t.Errorf("%s: got %v", call, got)
			}
		}
		unknown := marian.Call("AccountRpc.GetPlayerIdentitiesByProviderAccountIdsV1", object{"providerAccountIds": []any{
			object{"idProviderType": "STEAM", "providerAccountId": "nobody"}, object{"idProviderType": "XBOX", "providerAccountId": "1"},
			object{"idProviderType": "STEAM"}, object{"idProviderType": "STEAM", "providerAccountId": strings.Repeat("x", 500)},
			object{"idProviderType": "STEAM", "providerAccountId": "a\x00b"}, object{}, object{"idProviderType": "STEAM", "providerAccountId": "765"},
		}})
		if list := unknown["playerIdentities"].([]any); len(list) != 1 {
			t.Errorf("found %v", list)
		}
		for _, call := range []string{"GetPlayerIdentitiesV1", "GetSocialIdentitiesV1", "GetPragmaPlayerIdsForProviderIdsV2", "GetSocialIdentitiesByProviderAccountIdsV1"} {
			for member, list := range marian.Call("AccountRpc."+call, nil) {
				if len(list.([]any)) != 0 {
					t.Errorf("%s of nothing: %s is %v", call, member, list)
				}
			}
		}
	})
}

func TestBatchesAreBounded(t *testing.T) {
	lookupWorld(t, func(t *testing.T, w *world, _ object, marian *pragmatest.Raw) {
		providers := func(n int) (list []any) {
			for i := range n {
				list = append(list, object{"idProviderType": "STEAM", "providerAccountId": fmt.Sprint(i)})
			}
			return list
		}
		for n, want := range map[int]string{account.MaxLookup: "", account.MaxLookup + 1: "AccountService_BadRequest"} {
			for call, payload := range map[string]object{
				"GetPlayerIdentitiesV1":                     {"playerIds": manyIDs(n)},
				"GetSocialIdentitiesV1":                     {"socialIds": manyIDs(n)},
				"GetPragmaPlayerIdsForProviderIdsV2":        {"providerAccountIds": providers(n)},
				"GetSocialIdentitiesByProviderAccountIdsV1": {"providerAccountIds": providers(n)},
			} {
				f, got := ask(marian, "AccountRpc."+call, payload), ""
				if f.ServiceError != nil {
					got = f.ServiceError.Error
				}
				if got != want {
					t.Errorf("%s with %d: got %q, want %q", call, n, got, want)
				}
			}
		}
	})
}

func TestViewShowsEverythingOfAnAccount(t *testing.T) {
	lookupWorld(t, func(t *testing.T, w *world, robin object, _ *pragmatest.Raw) {
		partner := w.partner()
		self, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		self.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{robin["pragmaSocialId"].(string)}, []string{"vip"}))
		request := object{"pragmaSocialId": robin["pragmaSocialId"]}
		got := partner.Call("AccountRpc.ViewSocialIdentityPartnerV2", request)
		if diff := cmp.Diff(got, w.viewer().Call("AccountRpc.ViewSocialIdentityV1", request)); diff != "" {
			t.Errorf("operators see something else:\n%s", diff)
		}
		all := got["socialIdentity"].(object)
		for _, member := range []string{"createdTimestampMillis", "lastLoginTimestampMillis"} {
			if !about(all[member], time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) {
				t.Errorf("%s = %v", member, all[member])
			}
		}
		personal, _ := all["pragmaPersonalId"].(string)
		if id, err := pragma.ParseID[account.PersonalID](personal); err != nil || id.IsZero() || personal == robin["pragmaSocialId"] {
			t.Errorf("pragmaPersonalId = %q", personal)
		}
		want := object{
			"socialIdentity": object{
				"pragmaSocialId":     robin["pragmaSocialId"],
				"pragmaDisplayName":  object{"displayName": "robin", "discriminator": robin["discriminator"]},
				"gameIdentities":     []any{object{"gameShardId": shard, "pragmaPlayerId": robin["pragmaPlayerId"]}},
				"idProviderAccounts": []any{at("UNSAFE", "robin", "robin", ""), at("STEAM", "765", "Rob", "7"), at("TOWER_EXT", "t1", "Tower Rob", "7")},
			},
			"pragmaPersonalId": personal,
			"tags":             []any{object{"tagId": tagIDs(partner)["vip"], "tag": "vip"}},
			"emailAddress":     "robin@example.com", "emailVerified": false,
			"createdTimestampMillis": all["createdTimestampMillis"], "lastLoginTimestampMillis": all["lastLoginTimestampMillis"],
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		w.Restart()
		again := w.partner().Call("AccountRpc.ViewSocialIdentityPartnerV2", request)["socialIdentity"].(object)
		if again["pragmaPersonalId"] != personal {
			t.Error("the personal id has changed")
		}
	})
}

func TestOldAccountsGetAPersonalIDWhenTheyAreLookedAt(t *testing.T) {
	db := store.NewMemory()
	const id = "33333333-3333-4333-8333-333333333333"
	old := accountRecord(id, "Tuck", `"providers":[{"provider":"UNSAFE","accountId":"tuck","displayName":"Tuck"}]`)
	owner := store.Put{Key: store.Key{Kind: "account-provider", ID: "UNSAFE:tuck"}, Body: []byte(`{"socialId":"` + id + `"}`)}
	if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{old, owner}}); err != nil {
		t.Fatal(err)
	}
	runOn(t, db, func() *account.Service { return &account.Service{} }, func(t *testing.T, w *world) {
		partner := w.partner()
		view := func() string {
			return partner.Call("AccountRpc.ViewSocialIdentityPartnerV2", object{"pragmaSocialId": id})["socialIdentity"].(object)["pragmaPersonalId"].(string)
		}
		first := view()
		if _, social := w.openAs("UNSAFE", unsafeToken("tuck")); social["pragmaSocialId"] != id || social["pragmaPlayerId"] == nil {
			t.Errorf("log-in: %v", social)
		}
		if got := view(); got != first || first == "" {
			t.Errorf("personal ids %q and %q", first, got)
		}
	})
}

func TestAccountsThatNeverPlayedHereHaveNoPlayer(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.logIn(socialPlayer, body("UNSAFE", unsafeToken("robin"), ""))
		marian, _ := w.openAs("UNSAFE", unsafeToken("marian"))
		ids := object{"providerAccountIds": []any{object{"idProviderType": "UNSAFE", "providerAccountId": "robin"}}}
		if got := marian.Call("AccountRpc.GetPragmaPlayerIdsForProviderIdsV2", ids); len(got["playerIdentities"].([]any)) != 0 {
			t.Errorf("got %v", got)
		}
		got := marian.Call("AccountRpc.GetSocialIdentitiesByProviderAccountIdsV1", ids)["socialIdentities"].([]any)
		if len(got) != 1 || len(got[0].(object)["gameIdentities"].([]any)) != 0 {
			t.Fatalf("got %v", got)
		}
		name := got[0].(object)["pragmaDisplayName"]
		if reason := refused(t, marian, "AccountRpc.GetPragmaPlayerIdForDisplayNameV1", name); reason != "AccountService_NotFound" {
			t.Errorf("by name: %s", reason)
		}
	})
}
