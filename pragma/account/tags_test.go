package account_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func tagRequest(accounts, tags []string) object {
	return object{"request": object{"pragmaSocialIds": accounts, "accountTags": tags}}
}

func untagRequest(accounts, tags []string) object {
	return object{"request": object{"pragmaSocialIds": accounts, "accountTagIds": tags}}
}

// tagsOf reads an answer with the tags of accounts.
func tagsOf(payload object) map[string][]string {
	all := make(map[string][]string)
	for _, entry := range payload["accountTagsBySocialId"].([]any) {
		texts := []string{}
		for _, tag := range entry.(object)["accountTags"].([]any) {
			texts = append(texts, tag.(object)["tag"].(string))
		}
		all[entry.(object)["pragmaSocialId"].(string)] = texts
	}
	return all
}

// tagIDs returns the ids of all tags by their text.
func tagIDs(c *pragmatest.Raw) map[string]string {
	ids := make(map[string]string)
	for _, tag := range c.Call("AccountRpc.ViewTagsPartnerV1", nil)["accountTags"].([]any) {
		ids[tag.(object)["tag"].(string)] = tag.(object)["tagId"].(string)
	}
	return ids
}

func TestAccountsAreTagged(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		partner, admin := w.partner(), w.admin()
		robin, marian := w.newAccount("robin"), w.newAccount("marian")
		check := func(when string, got object, want map[string][]string) {
			t.Helper()
			if diff := cmp.Diff(tagsOf(got), want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", when, diff)
			}
		}
		check("two on two", partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{robin, marian, robin}, []string{" Streamer ", "vip"})),
			map[string][]string{robin: {"Streamer", "vip"}, marian: {"Streamer", "vip"}})
		check("again and another", admin.Call("AccountRpc.AddAccountTagsOperatorV1", tagRequest([]string{robin}, []string{"STREAMER", "early", "early"})),
			map[string][]string{robin: {"Streamer", "vip", "early"}})
		w.Restart()
		partner, admin = w.partner(), w.admin()
		ids := tagIDs(partner)
		if len(ids) != 3 || ids["Streamer"] == "" || ids["vip"] == "" || ids["early"] == "" {
			t.Fatalf("tags: %v", ids)
		}
		check("one off", partner.Call("AccountRpc.RemoveAccountTagsPartnerV1", untagRequest([]string{robin, marian}, []string{ids["vip"], ids["early"]})),
			map[string][]string{robin: {"Streamer"}, marian: {"Streamer"}})
		check("off again", admin.Call("AccountRpc.RemoveAccountTagsOperatorV1", untagRequest([]string{marian}, []string{ids["vip"], ids["Streamer"]})),
			map[string][]string{marian: {}})
		get := object{"pragmaSocialIds": []string{robin, marian, pragma.NewID[pragma.SocialID]().String()}}
		check("get", partner.Call("AccountRpc.GetAccountTagsPartnerV1", get), map[string][]string{robin: {"Streamer"}, marian: {}})
		check("get as a viewer", w.viewer().Call("AccountRpc.GetAccountTagsOperatorV1", get), map[string][]string{robin: {"Streamer"}, marian: {}})
		var order []string
		for _, tag := range w.viewer().Call("AccountRpc.ViewTagsOperatorV1", nil)["accountTags"].([]any) {
			order = append(order, tag.(object)["tag"].(string))
		}
		if want := []string{"early", "Streamer", "vip"}; !cmp.Equal(order, want) {
			t.Errorf("all tags: got %q, want %q", order, want)
		}
	})
}

func TestTagRequestsAreChecked(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		partner, admin := w.partner(), w.admin()
		robin, nobody := w.newAccount("robin"), pragma.NewID[pragma.SocialID]().String()
		one := []string{robin}
		numbered := func(n int) []string {
			list := make([]string, n)
			for i := range list {
				list[i] = fmt.Sprint("tag", i)
			}
			return list
		}
		const add, remove = "AddAccountTags", "RemoveAccountTags"
		for _, tt := range []struct {
			name, call string
			payload    object
			want       string
		}{
			{"nothing", add, object{}, "AccountService_BadRequest"},
			{"no account", add, tagRequest(nil, []string{"x"}), "AccountService_BadRequest"},
			{"empty account", add, tagRequest([]string{""}, []string{"x"}), "AccountService_BadRequest"},
			{"many accounts", add, tagRequest(manyIDs(501), []string{"x"}), "AccountService_BadRequest"},
			{"much in all", add, tagRequest(manyIDs(201), numbered(10)), "AccountService_BadRequest"},
			{"unknown account", add, tagRequest([]string{robin, nobody}, []string{"x"}), "AccountService_NotFound"},
			{"unknown account first", add, tagRequest([]string{nobody, robin}, []string{"x"}), "AccountService_NotFound"},
			{"no tag", add, tagRequest(one, nil), "AccountService_AccountTagValidation"},
			{"empty tag", add, tagRequest(one, []string{"x", " "}), "AccountService_AccountTagValidation"},
			{"long tag", add, tagRequest(one, []string{strings.Repeat("x", 65)}), "AccountService_AccountTagValidation"},
			{"tag with a line", add, tagRequest(one, []string{"a\nb"}), "AccountService_AccountTagValidation"},
			{"many tags", add, tagRequest(one, numbered(51)), "AccountService_AccountTagValidation"},
			{"take nothing", remove, object{}, "AccountService_BadRequest"},
			{"take no tag", remove, untagRequest(one, nil), "AccountService_AccountTagValidation"},
			{"take an unknown tag", remove, untagRequest(one, []string{nobody}), "AccountService_AccountTagValidation"},
			{"take an empty tag", remove, untagRequest(one, []string{""}), "AccountService_AccountTagValidation"},
			{"take from an unknown account", remove, untagRequest([]string{nobody}, []string{nobody}), "AccountService_NotFound"},
			{"take no id", remove, untagRequest(one, []string{"x"}), "Serialization_Error"},
			{"get of none", "GetAccountTags", object{}, "AccountService_BadRequest"},
		} {
			if got := refused(t, partner, "AccountRpc."+tt.call+"PartnerV1", tt.payload); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		if ids := tagIDs(partner); len(ids) != 0 {
			t.Errorf("tags were made: %v", ids)
		}
		viewer := w.viewer()
		for call, payload := range map[string]object{"AddAccountTags": tagRequest(one, []string{"x"}), "RemoveAccountTags": untagRequest(one, []string{nobody})} {
			if got := refused(t, viewer, "AccountRpc."+call+"OperatorV1", payload); got != "AccountService_Unauthorized" {
				t.Errorf("%s by a viewer: %s", call, got)
			}
		}
		admin.Call("AccountRpc.AddAccountTagsOperatorV1", tagRequest(one, numbered(50)))
		if got := refused(t, admin, "AccountRpc.AddAccountTagsOperatorV1", tagRequest(one, []string{"tag49", "one more"})); got != "AccountService_AccountTagValidation" {
			t.Errorf("the 51st tag: %s", got)
		}
		if ids := tagIDs(partner); len(ids) != 50 {
			t.Errorf("%d tags were made, want 50", len(ids))
		}
	})
}

func TestThereIsALimitOfTags(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		partner := w.partner()
		last := ""
		for i := range 20 {
			list := make([]string, 50)
			for n := range list {
				list[n] = fmt.Sprint("tag", i*50+n)
			}
			last = w.newAccount(fmt.Sprint("player", i))
			partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{last}, list))
		}
		robin := w.newAccount("robin")
		if got := refused(t, partner, "AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{robin}, []string{"one more"})); got != "AccountService_AccountTagValidation" {
			t.Errorf("tag 1001: %s", got)
		}
		partner.Call("AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{robin}, []string{"tag999"}))
	})
}

func TestATagIsMadeOnceInARace(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		for i := range 8 {
			c, account := w.partner(), w.newAccount(fmt.Sprint("player", i))
			wg.Go(func() {
				for {
					f := ask(c, "AccountRpc.AddAccountTagsPartnerV1", tagRequest([]string{account}, []string{"streamer"}))
					if f.ServiceError == nil {
						return
					}
					if f.ServiceError.Error != "Service_OperatingError" { // four conflicts in a row
						t.Errorf("got %s", f)
						return
					}
				}
			})
		}
		wg.Wait()
		if ids := tagIDs(w.partner()); len(ids) != 1 {
			t.Errorf("got %v, want one tag", ids)
		}
	})
}
