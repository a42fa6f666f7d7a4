package account_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

const overviews = "AccountRpc.GetPragmaAccountOverviews"

// found makes a search and returns the display names that it finds, without
// discriminators and sorted, and the count.
func found(t *testing.T, c *pragmatest.Raw, call string, payload object) (names []string, count string) {
	t.Helper()
	got := c.Call(call, payload)
	var ids []string
	for _, a := range got["accounts"].([]any) {
		ids = append(ids, a.(object)["pragmaSocialId"].(string))
		names = append(names, a.(object)["displayName"].(object)["displayName"].(string))
	}
	if !slices.IsSorted(ids) {
		t.Errorf("the answer is not in the order of the social ids: %q", ids)
	}
	slices.Sort(names)
	return names, got["count"].(string)
}

// accountRecord is an account in the store, with what no log-in can make.
func accountRecord(id, name string, members string) store.Put {
	body := fmt.Sprintf(`{"socialId":%q,"displayName":{"displayName":%q,"discriminator":"0001"},"players":{},%s}`, id, name, members)
	return store.Put{Key: store.Key{Kind: "account", ID: id}, Body: []byte(body)}
}

func TestSearchFindsAccountsByEveryMember(t *testing.T) {
	db := store.NewMemory()
	const tuckID, allanID = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
	batch := &store.Batch{Puts: []store.Put{
		accountRecord(tuckID, "Tuck", `"emailAddress":"tuck@example.com","emailVerified":true,"providers":[{"provider":"STEAM","accountId":"765","displayName":"Friar"}]`),
		accountRecord(allanID, "Allan", `"emailAddress":"allan@example.com","providers":[{"provider":"EPIC","accountId":"765","displayName":"Friar"}]`),
	}}
	if err := store.Commit(t.Context(), db, batch); err != nil {
		t.Fatal(err)
	}
	w := &world{}
	build := func() *pragma.Server {
		w.accounts, w.lab = &account.Service{}, &lab{}
		return &pragma.Server{
			Social: []pragma.Service{w.accounts}, Game: []pragma.Service{w.lab},
			Store: func(context.Context) (store.Driver, error) { return db, nil },
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		t := pw.T
		admin := w.admin() // test01
		partner := w.partner()
		robin, marian := w.newAccount("Robin"), w.newAccount("Marian")
		_, social := w.mustLogIn("Robin", "")
		discriminator := claims(t, social)["discriminator"].(string)
		testers, guests := createGroup(t, admin, "testers"), createGroup(t, admin, "guests")
		for group, accounts := range map[string][]string{testers: {robin, tuckID}, guests: {marian, robin}} {
			admin.Call("AccountRpc.AddAccountsToPlayerGroupOperatorV1", object{"playerGroupId": group, "pragmaSocialIds": accounts})
		}
		partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{robin, allanID}, []string{"vip"}))
		partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{marian}, []string{"early"}))
		tags := tagIDs(partner)
		nobody := pragma.NewID[pragma.SocialID]().String()
		for _, tt := range []struct {
			name   string
			filter object
			want   []string
		}{
			{"tag", object{"accountTagIds": []string{tags["vip"]}}, []string{"Allan", "Robin"}},
			{"one of the tags", object{"accountTagIds": []string{tags["vip"], tags["early"], nobody}}, []string{"Allan", "Marian", "Robin"}},
			{"unknown tag", object{"accountTagIds": []string{nobody}}, nil},
			{"not the tag", object{"excludedAccountTagIds": []string{tags["vip"], nobody}}, []string{"Marian", "Tuck", "operator", "test01"}},
			{"group", object{"playerGroupIds": []string{testers}}, []string{"Robin", "Tuck"}},
			{"one of the groups", object{"playerGroupIds": []string{testers, guests}}, []string{"Marian", "Robin", "Tuck"}},
			{"group and not the other", object{"playerGroupIds": []string{testers}, "excludedPlayerGroupIds": []string{guests}}, []string{"Tuck"}},
			{"neither group", object{"excludedPlayerGroupIds": []string{testers, guests}}, []string{"Allan", "operator", "test01"}},
			{"group and tag", object{"playerGroupIds": []string{guests}, "accountTagIds": []string{tags["early"]}}, []string{"Marian"}},
			{"provider by name", object{"idProviders": []string{"STEAM"}}, []string{"Tuck"}},
			{"provider by number", object{"idProviders": []any{4, "EPIC"}}, []string{"Allan", "Tuck"}},
			{"verified", object{"searchEmailVerified": "VERIFIED"}, []string{"Tuck"}},
			{"not verified", object{"searchEmailVerified": "UNVERIFIED", "idProviders": []string{"EPIC", "STEAM"}}, []string{"Allan"}},
			{"e-mail", object{"emailAddress": "TUCK@example.com"}, []string{"Tuck"}},
			{"unknown e-mail", object{"emailAddress": "tuck@example"}, nil},
			{"account at a provider", object{"idProviderAccountId": "Robin"}, []string{"Robin"}},
			{"account at another provider", object{"idProviderAccountId": "Robin", "idProviders": []string{"STEAM"}}, nil},
			{"account that cannot be", object{"idProviderAccountId": strings.Repeat("x", 200)}, nil},
			{"social id", object{"pragmaSocialId": strings.ToUpper(marian)}, []string{"Marian"}},
			{"unknown social id", object{"pragmaSocialId": nobody}, nil},
			{"social id of somebody else", object{"pragmaSocialId": marian, "pragmaFullDisplayName": "Robin"}, nil},
			{"name at a provider", object{"idProviderDisplayNameSearch": object{"idProvider": "EPIC", "fullDisplayName": "friar"}}, []string{"Allan"}},
			{"full name", object{"pragmaFullDisplayName": "rOBIN#" + discriminator}, []string{"Robin"}},
			{"full name without the digits", object{"pragmaFullDisplayName": "robin"}, []string{"Robin"}},
			{"part of a name", object{"pragmaFullDisplayName": "rob"}, nil},
			{"part of the digits", object{"pragmaFullDisplayName": "robin#" + discriminator[:2]}, nil},
			{"name that cannot be", object{"pragmaFullDisplayName": strings.Repeat("x", 200)}, nil},
			{"name with a NUL", object{"pragmaFullDisplayName": "x\x00"}, nil},
			{"game shard", object{"gameShardId": shard}, []string{"Marian", "Robin", "operator", "test01"}},
			{"what says nothing", object{"gameShardId": shard, "pragmaSocialId": "", "emailAddress": "", "idProviders": []string{}, "searchEmailVerified": "DISABLED"}, []string{"Marian", "Robin", "operator", "test01"}},
		} {
			for c, call := range map[*pragmatest.Raw]string{partner: overviews + "PartnerV1", admin: overviews + "OperatorV1"} {
				names, count := found(t, c, call, object{"filter": tt.filter})
				if !cmp.Equal(names, tt.want) || count != fmt.Sprint(len(tt.want)) {
					t.Errorf("%s: got %q of %s, want %q", tt.name, names, count, tt.want)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestSearchAnswersInPages(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		viewer := w.viewer()
		var all []string
		for i := range 7 {
			name := fmt.Sprint("player", i)
			w.newAccount(name)
			all = append(all, name)
		}
		var names []string
		for i := range 4 {
			page, count := found(t, viewer, overviews+"OperatorV1", object{"filter": object{}, "pageIndex": i, "pageSize": 3})
			if want := []int{3, 3, 1, 0}[i]; len(page) != want || count != "7" {
				t.Errorf("page %d: got %q of %s, want %d of 7", i, page, count, want)
			}
			names = append(names, page...)
		}
		if slices.Sort(names); !cmp.Equal(names, all) {
			t.Errorf("all pages: got %q, want %q", names, all)
		}
		if page, count := found(t, viewer, overviews+"OperatorV1", nil); len(page) != 7 || count != "7" {
			t.Errorf("an operator who says nothing: got %q of %s", page, count)
		}
	})
}

func TestSearchRequestsAreChecked(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		partner, viewer := w.partner(), w.viewer()
		for _, tt := range []struct {
			name              string
			payload           object
			partner, operator string
		}{
			{"nothing", object{}, "AccountService_MissingFilter", ""},
			{"empty filter", object{"filter": object{}}, "AccountService_MissingFilter", ""},
			{"filter of nothing", object{"filter": object{"searchEmailVerified": "DISABLED", "accountTagIds": []string{}}}, "AccountService_MissingFilter", ""},
			{"negative page", object{"filter": object{"gameShardId": shard}, "pageIndex": -1}, "AccountService_BadRequest", "AccountService_BadRequest"},
			{"negative size", object{"filter": object{"gameShardId": shard}, "pageSize": -1}, "AccountService_BadRequest", "AccountService_BadRequest"},
			{"large size", object{"filter": object{"gameShardId": shard}, "pageSize": 501}, "AccountService_BadRequest", "AccountService_BadRequest"},
			{"another shard", object{"filter": object{"gameShardId": "00000000-0000-0000-0000-000000000002"}}, "AccountService_NotFound", "AccountService_NotFound"},
			{"provider without a name", object{"filter": object{"idProviderDisplayNameSearch": object{"idProvider": "STEAM"}}}, "AccountService_MissingFilter", "AccountService_MissingFilter"},
			{"name without a provider", object{"filter": object{"idProviderDisplayNameSearch": object{"fullDisplayName": "x"}}}, "AccountService_MissingFilter", "AccountService_MissingFilter"},
			{"many tags", object{"filter": object{"accountTagIds": manyIDs(101)}}, "AccountService_BadRequest", "AccountService_BadRequest"},
			{"many groups", object{"filter": object{"excludedPlayerGroupIds": manyIDs(101)}}, "AccountService_BadRequest", "AccountService_BadRequest"},
			{"no id", object{"filter": object{"pragmaSocialId": "robin"}}, "Serialization_Error", "Serialization_Error"},
		} {
			for _, side := range []struct {
				c          *pragmatest.Raw
				call, want string
			}{{partner, "PartnerV1", tt.partner}, {viewer, "OperatorV1", tt.operator}} {
				f, got := ask(side.c, overviews+side.call, tt.payload), ""
				if f.ServiceError != nil {
					got = f.ServiceError.Error
				}
				if got != side.want {
					t.Errorf("%s, %s: got %q, want %q", tt.name, side.call, got, side.want)
				}
			}
		}
	})
}

// slow is a store that takes its time to list accounts.
type slow struct{ store.Driver }

func (s slow) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for r, err := range s.Driver.List(ctx, q) {
			if q.Kind == "account" {
				time.Sleep(1200 * time.Millisecond)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func runSlow(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{}
	db := slow{store.NewMemory()}
	build := func() *pragma.Server {
		w.accounts, w.lab = &account.Service{}, &lab{}
		return &pragma.Server{
			Social: []pragma.Service{w.accounts}, Game: []pragma.Service{w.lab},
			Store: func(context.Context) (store.Driver, error) { return db, nil },
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		for i := range 10 {
			w.newAccount(fmt.Sprint("player", i))
		}
		fn(pw.T, w)
	})
}

func TestSearchThatTakesTooLongAnswersWhatItHasOrNothing(t *testing.T) {
	runSlow(t, func(t *testing.T, w *world) {
		viewer := w.viewer()
		names, count := found(t, viewer, overviews+"OperatorV1", object{"pageSize": 2})
		if len(names) != 2 || count != "2" {
			t.Errorf("a full page: got %q of %s, want 2 of the 2 that were seen in time", names, count)
		}
		if got := refused(t, viewer, overviews+"OperatorV1", object{"pageSize": 5}); got != "Service_OperatingError" {
			t.Errorf("a page that was not full: got %s", got)
		}
		names, _ = found(t, viewer, overviews+"OperatorV1", object{"filter": object{"pragmaFullDisplayName": "player3"}})
		if !cmp.Equal(names, []string{"player3"}) {
			t.Errorf("a search by key: got %q", names)
		}
	})
}

func TestFewSearchesRunAtATime(t *testing.T) {
	runSlow(t, func(t *testing.T, w *world) {
		start := time.Now()
		var sockets []*pragmatest.Raw
		for range 4 {
			c := w.viewer()
			c.Request(overviews+"OperatorV1", object{"pageSize": 5})
			sockets = append(sockets, c)
		}
		for _, c := range sockets {
			if f := c.Read(); f.ServiceError == nil || f.ServiceError.Error != "Service_OperatingError" {
				t.Errorf("got %s", f)
			}
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("the last answer came after %v of virtual time", took)
		}
	})
}
