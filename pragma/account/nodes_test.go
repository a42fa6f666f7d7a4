package account_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// TestDecisionsOfAnotherNodeHoldAtOnce changes records in the store itself, as
// another node does, while this node has the old ones in its cache.
func TestDecisionsOfAnotherNodeHoldAtOnce(t *testing.T) {
	db := store.NewMemory()
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
		elsewhere := func(kind, id, before, after string) {
			t.Helper()
			key := store.Key{Kind: kind, ID: id}
			recs, err := db.Get(t.Context(), key)
			if err != nil || !strings.Contains(string(recs[0].Body), before) {
				t.Fatalf("%s: %s, %v", key, recs[0].Body, err)
			}
			body := strings.Replace(string(recs[0].Body), before, after, 1)
			put := store.Put{Key: key, Expect: recs[0].Rev, Body: []byte(body)}
			if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
				t.Fatal(err)
			}
		}
		setMode(w.admin(), "OPEN")
		game, social := w.mustLogIn("robin", "Robin")
		id := claims(t, social)["pragmaSocialId"].(string)
		player := w.Raw(socialPlayer, social)
		refresh := func() any {
			t.Helper()
			return player.Call("AccountRpc.RefreshTokensV1", tokens(game, social))["pragmaTokens"].(object)["pragmaGameToken"]
		}
		if refresh() == "" {
			t.Fatal("no game token")
		}
		elsewhere("game-shard", shard, "OPEN", "LIMITED")
		if got := refresh(); got != "" {
			t.Error("a refresh does not know that the shard is limited")
		}
		elsewhere("game-shard", shard, "LIMITED", "OPEN")
		if refresh() == "" {
			t.Error("a refresh does not know that the shard is open")
		}
		elsewhere("account", id, `"providers"`, `"bans":[{"id":"5f0d3c1a-7b2e-4d8c-9a61-0b4f5e6d7c8b","allShards":true,"start":"2000-01-01T00:00:00Z","durationInMillis":0,"reason":"","comment":"","revoked":false}],"providers"`)
		if got := refused(t, player, "AccountRpc.RefreshTokensV1", tokens(game, social)); got != "AccountService_Unauthorized" {
			t.Errorf("refresh after the ban: got %s", got)
		}
		if a := w.logIn(socialPlayer, unsafe("robin", "Robin")); a.Status != http.StatusForbidden {
			t.Errorf("log-in after the ban: got %d", a.Status)
		}
	})
}
