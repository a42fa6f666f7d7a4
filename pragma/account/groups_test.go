package account_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func createGroup(t *testing.T, admin *pragmatest.Raw, name string) string {
	t.Helper()
	got := admin.Call("AccountRpc.CreatePlayerGroupOperatorV1", object{"name": name, "description": "for tests"})["playerGroup"].(object)
	want := object{"playerGroupId": got["playerGroupId"], "name": strings.TrimSpace(name), "description": "for tests", "playerCount": "0"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("group (-got +want):\n%s", diff)
	}
	return got["playerGroupId"].(string)
}

// counts returns the player counts of all groups in the order of their names.
func counts(t *testing.T, c *pragmatest.Raw, call string) (list []string) {
	t.Helper()
	for _, g := range c.Call(call, nil)["playerGroups"].([]any) {
		list = append(list, fmt.Sprint(g.(object)["name"], " ", g.(object)["playerCount"]))
	}
	return list
}

func TestPlayerGroupsCountTheirMembers(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		admin, partner := w.admin(), w.partner()
		beta := createGroup(t, admin, " beta testers ")
		alpha := createGroup(t, admin, "Alpha testers")
		robin, marian, tuck := w.newAccount("robin"), w.newAccount("marian"), w.newAccount("tuck")
		one := func(c *pragmatest.Raw, call, group, account string) any {
			return c.Call("AccountRpc."+call, object{"playerGroupId": group, "pragmaSocialId": account})["playerGroupIds"]
		}
		steps := []struct {
			name      string
			got, want any
		}{
			{"in", one(partner, "AddAccountToPlayerGroupPartnerV1", beta, robin), []any{beta}},
			{"twice", one(partner, "AddAccountToPlayerGroupPartnerV1", beta, robin), []any{beta}},
			{"in another", one(admin, "AddAccountToPlayerGroupOperatorV1", alpha, robin), []any{beta, alpha}},
			{"many", admin.Call("AccountRpc.AddAccountsToPlayerGroupOperatorV1", object{"playerGroupId": beta, "pragmaSocialIds": []string{marian, robin, tuck, marian}}), object{}},
			{"out", one(partner, "RemoveAccountFromPlayerGroupPartnerV1", beta, robin), []any{alpha}},
			{"out again", refused(t, partner, "AccountRpc.RemoveAccountFromPlayerGroupPartnerV1", object{"playerGroupId": beta, "pragmaSocialId": robin}), "AccountService_PlayerGroupCouldNotRemove"},
			{"back in", one(partner, "AddAccountToPlayerGroupPartnerV1", beta, robin), []any{alpha, beta}},
			{"many out", admin.Call("AccountRpc.RemoveAccountsFromPlayerGroupOperatorV1", object{"playerGroupId": beta, "pragmaSocialIds": []string{robin, tuck, tuck}}), object{}},
			{"many, of whom one is out", refused(t, partner, "AccountRpc.RemoveAccountsFromPlayerGroupPartnerV1", object{"playerGroupId": beta, "pragmaSocialIds": []string{marian, tuck}}), "AccountService_PlayerGroupCouldNotRemove"},
			{"the last", one(admin, "RemoveAccountFromPlayerGroupOperatorV1", alpha, robin), []any{}},
		}
		for _, s := range steps {
			if diff := cmp.Diff(s.got, s.want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", s.name, diff)
			}
		}
		w.Restart()
		want := []string{"Alpha testers 0", "beta testers 1"}
		if got := counts(t, w.viewer(), "AccountRpc.ViewPlayerGroupsOperatorV1"); !cmp.Equal(got, want) {
			t.Errorf("operator: got %q, want %q", got, want)
		}
		if got := counts(t, w.partner(), "AccountRpc.ViewPlayerGroupsPartnerV1"); !cmp.Equal(got, want) {
			t.Errorf("partner: got %q, want %q", got, want)
		}
	})
}

func TestPlayerGroupRequestsAreChecked(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		admin := w.admin()
		robin := w.newAccount("robin")
		id := createGroup(t, admin, "Testers")
		nobody := pragma.NewID[pragma.SocialID]().String()
		many := make([]string, 2001)
		for i := range many {
			many[i] = pragma.NewID[pragma.SocialID]().String()
		}
		for _, tt := range []struct {
			name, call string
			payload    object
			want       string
		}{
			{"no name", "CreatePlayerGroup", object{}, "AccountService_PlayerGroupValidation"},
			{"blank name", "CreatePlayerGroup", object{"name": " \t "}, "AccountService_PlayerGroupValidation"},
			{"long name", "CreatePlayerGroup", object{"name": strings.Repeat("x", 65)}, "AccountService_PlayerGroupValidation"},
			{"long name in bytes", "CreatePlayerGroup", object{"name": strings.Repeat("🦊", 40)}, "AccountService_PlayerGroupValidation"},
			{"name with a control", "CreatePlayerGroup", object{"name": "a\x00b"}, "AccountService_PlayerGroupValidation"},
			{"long description", "CreatePlayerGroup", object{"name": "x", "description": strings.Repeat("x", 501)}, "AccountService_PlayerGroupValidation"},
			{"same name", "CreatePlayerGroup", object{"name": "Testers"}, "AccountService_PlayerGroupNameCollision"},
			{"same name in another case", "CreatePlayerGroup", object{"name": " TESTERS"}, "AccountService_PlayerGroupNameCollision"},
			{"unknown group", "AddAccountToPlayerGroup", object{"playerGroupId": nobody, "pragmaSocialId": robin}, "AccountService_NotFound"},
			{"no group", "AddAccountToPlayerGroup", object{"pragmaSocialId": robin}, "AccountService_NotFound"},
			{"unknown account", "AddAccountToPlayerGroup", object{"playerGroupId": id, "pragmaSocialId": nobody}, "AccountService_NotFound"},
			{"no account", "AddAccountToPlayerGroup", object{"playerGroupId": id}, "AccountService_BadRequest"},
			{"no id", "AddAccountToPlayerGroup", object{"playerGroupId": "testers", "pragmaSocialId": robin}, "Serialization_Error"},
			{"one of many unknown", "AddAccountsToPlayerGroup", object{"playerGroupId": id, "pragmaSocialIds": []string{robin, nobody}}, "AccountService_NotFound"},
			{"one of many empty", "AddAccountsToPlayerGroup", object{"playerGroupId": id, "pragmaSocialIds": []string{robin, ""}}, "AccountService_BadRequest"},
			{"none", "AddAccountsToPlayerGroup", object{"playerGroupId": id, "pragmaSocialIds": []string{}}, "AccountService_BadRequest"},
			{"too many", "AddAccountsToPlayerGroup", object{"playerGroupId": id, "pragmaSocialIds": many}, "AccountService_BadRequest"},
			{"out of an unknown group", "RemoveAccountFromPlayerGroup", object{"playerGroupId": nobody, "pragmaSocialId": robin}, "AccountService_NotFound"},
			{"unknown account out", "RemoveAccountsFromPlayerGroup", object{"playerGroupId": id, "pragmaSocialIds": []string{nobody}}, "AccountService_NotFound"},
		} {
			if got := refused(t, admin, "AccountRpc."+tt.call+"OperatorV1", tt.payload); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		if got, want := counts(t, admin, "AccountRpc.ViewPlayerGroupsOperatorV1"), []string{"Testers 0"}; !cmp.Equal(got, want) {
			t.Errorf("afterwards: got %q, want %q", got, want)
		}
		viewer := w.viewer()
		for _, tt := range []struct {
			call    string
			payload object
		}{
			{"CreatePlayerGroup", object{"name": "x"}},
			{"AddAccountToPlayerGroup", object{"playerGroupId": id, "pragmaSocialId": robin}},
			{"AddAccountsToPlayerGroup", object{"playerGroupId": id, "pragmaSocialIds": []string{robin}}},
			{"RemoveAccountFromPlayerGroup", object{"playerGroupId": id, "pragmaSocialId": robin}},
			{"RemoveAccountsFromPlayerGroup", object{"playerGroupId": id, "pragmaSocialIds": []string{robin}}},
		} {
			if got := refused(t, viewer, "AccountRpc."+tt.call+"OperatorV1", tt.payload); got != "AccountService_Unauthorized" {
				t.Errorf("%s by a viewer: %s", tt.call, got)
			}
		}
	})
}

func TestPlayerCountIsRightAfterRaces(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		admin := w.admin()
		groups := []string{createGroup(t, admin, "a"), createGroup(t, admin, "b")}
		var accounts []string
		for i := range 4 {
			accounts = append(accounts, w.newAccount(fmt.Sprint("player", i)))
		}
		sockets := make([]*pragmatest.Raw, 6)
		for i := range sockets {
			sockets[i] = w.partner()
		}
		// Everybody adds everybody, in another order, while they log in.
		var wg sync.WaitGroup
		for i, c := range sockets {
			wg.Go(func() {
				for n := range 8 {
					payload := object{"playerGroupId": groups[(i+n)%2], "pragmaSocialId": accounts[(i*3+n/2)%4]}
					for {
						f := ask(c, "AccountRpc.AddAccountToPlayerGroupPartnerV1", payload)
						if f.ServiceError == nil {
							break
						}
						if f.ServiceError.Error != "Service_OperatingError" { // four conflicts in a row
							t.Errorf("add: %s", f)
							break
						}
					}
				}
			})
			wg.Go(func() {
				if a, err := w.tryLogIn(socialPlayer, unsafe(fmt.Sprint("player", i%4), "x")); err != nil || a.Status/100 == 4 {
					t.Errorf("log in: %d %s, %v", a.Status, a.Body, err)
				}
			})
		}
		wg.Wait()
		if got, want := counts(t, admin, "AccountRpc.ViewPlayerGroupsOperatorV1"), []string{"a 4", "b 4"}; !cmp.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestOneOfManyGroupsWithTheSameNameIsMade(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		made := make(chan string, 8)
		for range 8 {
			c := w.admin()
			wg.Go(func() {
				f := ask(c, "AccountRpc.CreatePlayerGroupOperatorV1", object{"name": "testers"})
				switch {
				case f.ServiceError == nil:
					made <- f.Response.Payload["playerGroup"].(object)["playerGroupId"].(string)
				case f.ServiceError.Error != "AccountService_PlayerGroupNameCollision":
					t.Errorf("got %s", f)
				}
			})
		}
		wg.Wait()
		if len(made) != 1 {
			t.Errorf("%d groups were made, want 1", len(made))
		}
	})
}

func TestAccountsAndServersHaveALimitOfGroups(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		admin := w.admin()
		robin := w.newAccount("robin")
		for i := range 500 {
			time.Sleep(100 * time.Millisecond) // an operator may not call faster for long
			id := createGroup(t, admin, fmt.Sprint("group", i))
			if i < 50 {
				admin.Call("AccountRpc.AddAccountToPlayerGroupOperatorV1", object{"playerGroupId": id, "pragmaSocialId": robin})
			} else if i == 50 {
				if got := refused(t, admin, "AccountRpc.AddAccountToPlayerGroupOperatorV1", object{"playerGroupId": id, "pragmaSocialId": robin}); got != "AccountService_PlayerGroupValidation" {
					t.Errorf("the 51st group: %s", got)
				}
			}
		}
		if got := refused(t, admin, "AccountRpc.CreatePlayerGroupOperatorV1", object{"name": "one more"}); got != "AccountService_PlayerGroupValidation" {
			t.Errorf("group 501: %s", got)
		}
	})
}

func TestDeletedAccountLeavesNothingBehind(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		admin, partner := w.admin(), w.partner()
		_, social := w.mustLogIn("robin", "robin")
		player := w.Raw(socialPlayer, social)
		robin, marian := w.newAccount("robin"), w.newAccount("marian")
		group := createGroup(t, admin, "testers")
		admin.Call("AccountRpc.AddAccountsToPlayerGroupOperatorV1", object{"playerGroupId": group, "pragmaSocialIds": []string{robin, marian}})
		partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{robin, marian}, []string{"vip"}))
		b := ban(t, partner, object{"pragmaSocialId": robin, "allGameShards": false})
		if err := w.accounts.DeleteAccount(t.Context(), socialID(t, robin)); err != nil {
			t.Fatal(err)
		}
		if got, want := counts(t, admin, "AccountRpc.ViewPlayerGroupsOperatorV1"), []string{"testers 1"}; !cmp.Equal(got, want) {
			t.Errorf("groups: got %q, want %q", got, want)
		}
		for _, filter := range []object{{"playerGroupIds": []string{group}}, {"accountTagIds": []string{tagIDs(partner)["vip"]}}} {
			if names, _ := found(t, partner, overviews+"PartnerV1", object{"filter": filter}); !cmp.Equal(names, []string{"marian"}) {
				t.Errorf("%v: got %q", filter, names)
			}
		}
		if got := refused(t, partner, "AccountRpc.RevokeBanAccountPartnerV1", object{"banId": b["banId"]}); got != "AccountService_NotFound" {
			t.Errorf("revoke: got %s", got)
		}
		if got := player.Closed(); got != 4002 {
			t.Errorf("the player's socket ended with %d, want 4002", got)
		}
	})
}
