package account_test

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// TestLogInsSurviveAClockThatWentBack runs two servers one after the other on one
// store. Between them the session ids in the store are moved a year ahead, to what
// a process whose clock was wrong would have made.
func TestLogInsSurviveAClockThatWentBack(t *testing.T) {
	db := store.Memory()
	start := func(fn func(t *testing.T, w *world)) {
		w := &world{}
		build := func() *pragma.Server {
			w.accounts, w.lab = &account.Service{}, &lab{}
			return &pragma.Server{Store: db, Social: []pragma.Service{w.accounts}, Game: []pragma.Service{w.lab}}
		}
		pragmatest.Run(t, build, func(pw *pragmatest.World) {
			w.World = pw
			fn(pw.T, w)
		})
	}
	start(func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		w.Raw(gamePlayer, game)
		w.Raw(socialPlayer, social)
	})
	moveSessions(t, db, 365*24*time.Hour)
	start(func(t *testing.T, w *world) {
		ping := func(c *pragmatest.Raw) pragmatest.Frame { return ask(c, "LabRpc.PingV1", nil) }
		var latest string
		for i := range 20 { // log-ins of the same moment are ordered too
			game, social := w.mustLogIn("robin", "Robin")
			if got := w.upgrade(gamePlayer, game); got.Status != 426 { // neither token nor session are refused
				t.Fatalf("log-in %d after the clock went back: %d %s", i, got.Status, got.Body)
			}
			if f := ping(w.Raw(gamePlayer, game)); f.Response == nil {
				t.Fatalf("log-in %d: got %s", i, f)
			}
			w.Raw(socialPlayer, social)
			if latest != "" {
				if got := w.upgrade(gamePlayer, latest); got.Status != 426 {
					t.Fatalf("%d %s", got.Status, got.Body)
				}
				if got := w.call(gamePlayer, latest, "LabRpc.PingV1Request"); got.Refusal.ServiceError.Error != "SessionService_TokenDoesNotMatchCurrentSession" {
					t.Errorf("log-in %d: the one before got %d %s", i, got.Status, got.Body)
				}
			}
			latest = game
		}
		w.Restart()
		if got := w.call(gamePlayer, latest, "LabRpc.PingV1Request"); got.Status != 200 {
			t.Errorf("the latest log-in after a restart: %d %s", got.Status, got.Body)
		}
	})
}

// moveSessions changes the times in all ids of sessions that a store has.
func moveSessions(t *testing.T, open store.Opener, by time.Duration) {
	t.Helper()
	db, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moved := make(map[string]string)
	for _, kind := range []string{"session-game", "session-social", "account"} {
		for rec, err := range db.List(t.Context(), store.Query{Kind: kind}) {
			if err != nil {
				t.Fatal(err)
			}
			if kind != "account" {
				id := sessionIn(t, rec.Body)
				ms := binary.BigEndian.Uint64(id[:8])>>16 + uint64(by.Milliseconds())
				later := id
				binary.BigEndian.PutUint64(later[:8], ms<<16|uint64(id[6])<<8|uint64(id[7]))
				moved[id.String()] = later.String()
			}
			body := string(rec.Body)
			for id, later := range moved {
				body = strings.ReplaceAll(body, id, later)
			}
			put := store.Put{Key: rec.Key, Expect: rec.Rev, Due: rec.Due, Body: []byte(body)}
			if err := store.Commit(t.Context(), db, &store.Batch{Puts: []store.Put{put}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(moved) != 1 {
		t.Fatalf("the store has the sessions %v, want one", moved)
	}
}

func sessionIn(t *testing.T, body []byte) pragma.SessionID {
	t.Helper()
	var r struct {
		Session struct{ SessionID pragma.SessionID } `json:"session"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Session.SessionID.IsZero() {
		t.Fatalf("no session in %s: %v", body, err)
	}
	return r.Session.SessionID
}
