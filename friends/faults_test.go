package friends_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func TestStoreThatFailsChangesNeitherList(t *testing.T) {
	db := storetest.Faulty(store.NewMemory(), storetest.Faults{})
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		robin, marian := w.join("robin"), w.join("marian")
		db.Next(storetest.Unavailable)
		if f := robin.call("SendFriendInviteBySocialIdV1", m{"inviteeSocialId": marian.id}); f.ServiceError == nil || f.ServiceError.Error != "Service_OperatingError" {
			t.Errorf("got %s", f.Text)
		}
		marian.drain()
		if l := marian.list(); marian.version != "0" || l.Version != "0" {
			t.Errorf("told version %s, has %+v", marian.version, l)
		}
		db.Next(storetest.Conflict, storetest.Conflict)
		befriend(t, robin, marian)
		if robin.behind || marian.behind || robin.version != "2" {
			t.Errorf("after conflicts: version %s, gaps %v %v", robin.version, robin.behind, marian.behind)
		}
		db.Next(storetest.Conflict)
		if got := robin.online("Online"); got != "Ok" {
			t.Error(got)
		}
		if marian.drain(); marian.presences[robin.id] != "Online 1" {
			t.Errorf("presence = %q", marian.presences[robin.id])
		}
	})
}

// TestDecisionsOfAnotherNodeHoldAtOnce changes records in the store itself, as
// another node does, while this node has the old ones in its cache.
func TestDecisionsOfAnotherNodeHoldAtOnce(t *testing.T) {
	db := store.NewMemory()
	run(t, options{store: func(context.Context) (store.Driver, error) { return db, nil }}, func(t *testing.T, w *world) {
		robin, marian := pairOfFriends(t, w)
		elsewhere := func(kind, id, before, after string) {
			t.Helper()
			key := store.Key{Kind: kind, ID: id}
			recs, err := db.Get(t.Context(), key)
			if err != nil || !strings.Contains(string(recs[0].Body), before) {
				t.Fatalf("%s: %s, %v", key, recs[0].Body, err)
			}
			put := store.Put{Key: key, Expect: recs[0].Rev, Body: []byte(strings.Replace(string(recs[0].Body), before, after, 1))}
			if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
				t.Fatal(err)
			}
		}
		// They part, and she blocks him.
		elsewhere("friends", marian.id, `"friends"`, `"blocked"`)
		elsewhere("friends", robin.id, `"friends":["`+marian.id+`"],`, ``)
		if l := robin.list(); len(l.Friends) != 0 {
			t.Errorf("he still has %v", l.Friends)
		}
		if got := robin.does("SendFriendInviteBySocialIdV1", m{"inviteeSocialId": marian.id}); got != "InviteeNotFound" {
			t.Errorf("invite: %s", got)
		}
		// His session ends, while a call of his is still on its way here.
		robin.online("Online")
		elsewhere("presence", robin.id, `"version":1`, `"version":2,"over":"ffffffff-ffff-ffff-ffff-ffffffffffff"`)
		if f := robin.call("SetPresenceV1", m{"basicPresence": "Away"}); f.ServiceError == nil || f.ServiceError.Error != "SessionService_TokenDoesNotMatchCurrentSession" {
			t.Errorf("a call of a session that is over: %s", f.Text)
		}
	})
}
