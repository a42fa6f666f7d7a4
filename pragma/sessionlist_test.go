package pragma_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// admin is an operator's socket.
func (w *world) admin() *pragmatest.Raw { return w.Raw(gameOperator, w.operatorToken()) }

// viewer may only look.
func (w *world) viewer() *pragmatest.Raw {
	w.T.Helper()
	token, err := w.m.SignOperatorToken(pragma.Game, &pragma.OperatorSession{
		SocialID: pragma.NewID[pragma.SocialID](), SessionID: pragma.NewOrderedID[pragma.SessionID](), Roles: []string{"VIEWER"},
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return w.Raw(gameOperator, token)
}

type filter map[string]any

// list returns the sessions on a page, and how many there are.
func list(c *pragmatest.Raw, f filter, page, size int) (sessions []map[string]any, count string) {
	got := c.Call("OperatorSessionRpc.ListSessionsOperatorV1", map[string]any{"filter": f, "pageIndex": page, "pageSize": size})
	for _, s := range got["sessions"].([]any) {
		sessions = append(sessions, s.(map[string]any))
	}
	return sessions, got["count"].(string)
}

// ids are the ids of the sessions that a filter lets through.
func ids(c *pragmatest.Raw, f filter) (all []string) {
	sessions, _ := list(c, f, 0, 500)
	for _, s := range sessions {
		all = append(all, s["sessionId"].(string))
	}
	return all
}

func TestOperatorsSeeSessionsToTheLetter(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		began := time.Now()
		w.Raw(gamePlayer, token).Cut()
		time.Sleep(10 * time.Second)
		w.Raw(gamePlayer, token)
		time.Sleep(15 * time.Second)
		want := map[string]any{
			"sessionId": id.String(), "sessionType": "PLAYER", "backendType": "GAME", "state": "CONNECTED",
			"pragmaId": r.id.String(), "socialId": r.id.String(), "displayName": map[string]any{"displayName": "robin", "discriminator": "0042"},
			"connectedTimestampMillis": fmt.Sprint(began.UnixMilli()),
			"remoteAddress":            "127.0.0.1", "nodeName": "node-1",
		}
		for _, c := range []*pragmatest.Raw{w.admin(), w.viewer()} {
			sessions, count := list(c, filter{"sessionType": "PLAYER"}, 0, 0)
			got := c.Call("OperatorSessionRpc.GetSessionOperatorV1", map[string]string{"sessionId": id.String()})["session"].(map[string]any)
			for _, s := range append(sessions, got) {
				delete(s, "lastSeenTimestampMillis")
				if diff := cmp.Diff(want, s); diff != "" {
					t.Errorf("session (-want +got):\n%s", diff)
				}
			}
			if count != "1" {
				t.Errorf("count = %s, want 1", count)
			}
		}
	})
}

func TestOperatorsFilterSessions(t *testing.T) {
	run(t, "core: {session: {partnerGraceSeconds: 300}}", func(t *testing.T, w *world) {
		robin, away, gone := w.robin(), w.robin(), w.robin()
		_, robinID := w.login(robin)
		awaySocket, awayID := w.login(away)
		awaySocket.Cut()
		goneSocket, _ := w.login(gone)
		goneSocket.Close()
		callerToken, callerID := w.robin().login()
		w.post(gamePlayer, callerToken, sayFrame)
		server := w.partnerToken()
		w.Raw(gamePartner, server)
		w.Raw(gamePartner, server).Cut()
		w.walker(gamePartner, server).ws.CloseNow() // this one may come back
		settle()
		c := w.viewer()
		players := []string{robinID.String(), awayID.String(), callerID.String()}
		for _, tt := range []struct {
			name string
			f    filter
			want []string
		}{
			{"players", filter{"sessionType": "PLAYER"}, players},
			{"by number", filter{"sessionType": 1}, players},
			{"connected players", filter{"sessionType": "PLAYER", "state": "CONNECTED"}, players[:1]},
			{"detached players", filter{"sessionType": "PLAYER", "state": "DETACHED"}, players[1:]},
			{"one player", filter{"playerId": robin.id.String()}, players[:1]},
			{"one account", filter{"socialId": away.id.String()}, players[1:2]},
			{"a player who is gone", filter{"playerId": gone.id.String()}, nil},
			{"nobody", filter{"playerId": pragma.NewID[pragma.PlayerID]().String()}, nil},
			{"a name", filter{"displayName": "Robin", "sessionType": "PLAYER"}, players},
			{"a full name", filter{"displayName": "robin#0042"}, players},
			{"half a name", filter{"displayName": "rob"}, nil},
			{"services", filter{"sessionType": "SERVICE"}, nil},
		} {
			if diff := cmp.Diff(tt.want, ids(c, tt.f)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
		for _, tt := range []struct {
			name string
			f    filter
			want int
		}{
			{"everything", nil, 6},
			{"partners", filter{"sessionType": "PARTNER"}, 2},
			{"partners that may come back", filter{"sessionType": "PARTNER", "state": "DETACHED"}, 1},
			{"operators", filter{"sessionType": "OPERATOR"}, 1},
		} {
			if got := len(ids(c, tt.f)); got != tt.want {
				t.Errorf("%s: %d sessions, want %d", tt.name, got, tt.want)
			}
		}
	})
}

// login opens a socket of a new session.
func (w *world) login(r robin) (*pragmatest.Raw, pragma.SessionID) {
	w.T.Helper()
	token, id := r.login()
	return w.Raw(gamePlayer, token), id
}

// looking counts the records of sessions that are read.
type looking struct {
	store.Driver
	read atomic.Int64
}

func (l *looking) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	recs, err := l.Driver.Due(ctx, kind, before, limit)
	if kind == "session-game" && limit > 1000 {
		l.read.Add(int64(len(recs)))
	}
	return recs, err
}

func TestPagesOfSessionsAreStable(t *testing.T) {
	db := &looking{Driver: store.NewMemory()}
	runOn(t, db, func(t *testing.T, w *world) {
		for range 20 { // log-ins of the past
			s, _ := w.login(w.robin())
			s.Close()
		}
		var want []string
		for range 25 {
			_, id := w.login(w.robin())
			want = append(want, id.String())
			time.Sleep(2 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		c := w.viewer()
		db.read.Store(0)
		var got []string
		for page := range 4 {
			sessions, count := list(c, filter{"sessionType": "PLAYER"}, page, 10)
			if count != fmt.Sprint(25+page) {
				t.Errorf("page %d: count = %s, want %d", page, count, 25+page)
			}
			for _, s := range sessions {
				got = append(got, s["sessionId"].(string))
			}
			w.login(w.robin()) // later ones stand behind
		}
		if diff := cmp.Diff(want, got[:25]); diff != "" || len(got) != 27 {
			t.Errorf("%d sessions (-want +got):\n%s", len(got), diff)
		}
		if got := db.read.Load(); got != 25+26+27+28 {
			t.Errorf("%d records were read, want those of live sessions", got)
		}
	})
}

func TestOperatorCallsForSessionsRefuseBadInput(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		s, id := w.login(w.robin())
		ended, endedID := w.login(w.robin())
		ended.Close()
		settle()
		c := w.admin()
		const malformed, missing = "error Serialization_Error", "error SessionService_SessionNotFound"
		for _, tt := range []struct{ name, call, payload, want string }{
			{"no id", "GetSessionOperatorV1", `{}`, malformed},
			{"not an id", "GetSessionOperatorV1", `{"sessionId":"robin"}`, malformed},
			{"unknown", "GetSessionOperatorV1", `{"sessionId":"` + pragma.NewID[pragma.SessionID]().String() + `"}`, missing},
			{"over", "GetSessionOperatorV1", `{"sessionId":"` + endedID.String() + `"}`, missing},
			{"no id to end", "TerminateSessionOperatorV1", `{"sessionId":""}`, malformed},
			{"unknown to end", "TerminateSessionOperatorV1", `{"sessionId":"` + pragma.NewID[pragma.SessionID]().String() + `"}`, missing},
			{"over already", "TerminateSessionOperatorV1", `{"sessionId":"` + endedID.String() + `"}`, missing},
			{"negative page", "ListSessionsOperatorV1", `{"pageIndex":-1}`, malformed},
			{"negative size", "ListSessionsOperatorV1", `{"pageSize":-1}`, malformed},
			{"large size", "ListSessionsOperatorV1", `{"pageSize":501}`, malformed},
			{"filter of a wrong kind", "ListSessionsOperatorV1", `{"filter":[]}`, malformed},
			{"huge page", "ListSessionsOperatorV1", `{"pageIndex":2147483647,"pageSize":500}`, "OperatorSessionRpc.ListSessionsOperatorV1Response"},
		} {
			c.Send(`{"requestId":1,"type":"OperatorSessionRpc.` + tt.call + `Request","payload":` + tt.payload + `}`)
			if got := c.Read().String(); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		v := w.viewer()
		if got := call(v, "OperatorSessionRpc.TerminateSessionOperatorV1", map[string]string{"sessionId": id.String()}); got.String() != "error AccountService_Unauthorized" {
			t.Errorf("a viewer who ends a session got %s", got)
		}
		if got := call(c, "MultiplayerRpc.GetCacheInfoOperatorV1", nil); got.String() != malformed {
			t.Errorf("no player: got %s", got)
		}
		if f := call(s, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("after all that the session got %s", f)
		}
	})
}

func TestKickedPlayerIsOutForGood(t *testing.T) {
	for _, tt := range []struct {
		name      string
		connected bool
	}{{"with a socket", true}, {"in the grace time", false}} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				r := w.robin()
				token, id := r.login()
				k := w.walker(gamePlayer, token)
				if !tt.connected {
					k.ws.CloseNow()
					settle()
				}
				w.admin().Call("OperatorSessionRpc.TerminateSessionOperatorV1", map[string]string{"sessionId": strings.ToUpper(id.String())})
				w.wantEnds("at once", end{id, pragma.EndKicked})
				if tt.connected {
					f := k.frame()
					if f == nil || f.Notification == nil || f.Notification.Payload["reason"] != "KICKED" {
						t.Errorf("got %v, want the end of the session", f)
					}
				}
				if got := w.refuseUpgrade(gamePlayer, token, "Pragma-Reconnect", k.stream+"/0"); got.Status != http.StatusUnauthorized {
					t.Errorf("the kicked session got %d", got.Status)
				}
				if got := w.post(gamePlayer, token, sayFrame); got.Status != http.StatusUnauthorized {
					t.Errorf("a call of the kicked session got %d", got.Status)
				}
				if log := w.Logs(); !strings.Contains(log, `action="terminate session"`) || !strings.Contains(log, id.String()) {
					t.Error("the audit log does not say who ended what")
				}
				r.socket() // a new log-in is welcome
			})
		})
	}
}

func TestKickedPartnersAndOperatorsLoseTheirConnections(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		server := w.partnerToken()
		first, second := w.Raw(gamePartner, server), w.Raw(gamePartner, server)
		c, other := w.admin(), w.admin()
		settle()
		for _, s := range ids(c, filter{"sessionType": "PARTNER"})[:1] {
			c.Call("OperatorSessionRpc.TerminateSessionOperatorV1", map[string]string{"sessionId": s})
		}
		f, ok := first.Poll(time.Second)
		if !ok || f.Notification == nil || f.Notification.Payload["reason"] != "KICKED" {
			t.Errorf("the first server got %v, want the end of the session", f)
		}
		if code := first.Closed(); code != 4002 {
			t.Errorf("the first server was closed with %d, want 4002", code)
		}
		if f := call(second, "LabRpc.SayPartnerV1", said{}); f.Response == nil {
			t.Errorf("the second server got %s", f)
		}
		operators := ids(c, filter{"sessionType": "OPERATOR"})
		c.Call("OperatorSessionRpc.TerminateSessionOperatorV1", map[string]string{"sessionId": operators[1]})
		if code := other.Closed(); code != 4002 {
			t.Errorf("the other operator was closed with %d, want 4002", code)
		}
	})
}
