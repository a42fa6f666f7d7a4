package account_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func TestStoreThatFailsIsNamedAndNothingHappens(t *testing.T) {
	db := storetest.Faulty(store.NewMemory(), storetest.Faults{})
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
		admin, robin := w.admin(), w.newAccount("robin")
		group := createGroup(t, admin, "testers")
		_, social := w.mustLogIn("robin", "robin")
		player := w.Raw(socialPlayer, social)
		for _, tt := range []struct {
			c       *pragmatest.Raw
			call    string
			payload object
			want    string
		}{
			{admin, management + "SetAccessModeOperatorV1", object{"gameShardId": shard, "accessMode": "LIMITED"}, "GameManagementService_FailedToSetAccessMode"},
			{admin, "AccountRpc.BanAccountOperatorV1", object{"pragmaSocialId": robin}, "Service_OperatingError"},
			{admin, "AccountRpc.AddAccountToPlayerGroupOperatorV1", object{"playerGroupId": group, "pragmaSocialId": robin}, "Service_OperatingError"},
			{admin, "AccountRpc.AddAccountTagsOperatorV1", tagRequest([]string{robin}, []string{"vip"}), "Service_OperatingError"},
		} {
			db.Next(storetest.Unavailable)
			if got := refused(t, tt.c, tt.call, tt.payload); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.call, got, tt.want)
			}
		}
		if f, ok := player.Poll(0); ok && f.Notification != nil && f.Notification.Type == "AccountRpc.BanV1Notification" {
			t.Error("the player was told of a ban that was not stored")
		}
		if !w.getsIn("robin") || len(tagIDs(w.partner())) != 0 || counts(t, admin, "AccountRpc.ViewPlayerGroupsOperatorV1")[0] != "testers 0" {
			t.Error("something was stored")
		}
		// A conflict runs the change again, and what was told once is told once.
		db.Next(storetest.Conflict, storetest.Conflict)
		admin.Call("AccountRpc.AddAccountToPlayerGroupOperatorV1", object{"playerGroupId": group, "pragmaSocialId": robin})
		partner := w.partner()
		db.Next(storetest.Conflict, storetest.Conflict)
		ban(t, partner, object{"pragmaSocialId": robin})
		if got := counts(t, admin, "AccountRpc.ViewPlayerGroupsOperatorV1")[0]; got != "testers 1" {
			t.Errorf("got %s, want testers 1", got)
		}
		if bans, err := w.accounts.Bans(t.Context(), socialID(t, robin)); len(bans) != 1 || err != nil {
			t.Errorf("got %d bans, %v, want one", len(bans), err)
		}
		db.Set(storetest.Faults{Read: 1})
		if a := w.logIn(socialPlayer, unsafe("robin", "robin")); a.Status != http.StatusInternalServerError {
			t.Errorf("log-in without a store: got %d", a.Status)
		}
		db.Set(storetest.Faults{})
	})
}
