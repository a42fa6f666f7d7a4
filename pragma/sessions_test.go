package pragma_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
)

const replaced = "SessionService_TokenDoesNotMatchCurrentSession"

// live asks the directory.
func (r robin) live() bool {
	r.w.T.Helper()
	ok, err := r.w.m.Connected(r.w.T.Context(), r.id)
	if err != nil {
		r.w.T.Fatal(err)
	}
	return ok
}

// wantEnds waits until nothing more happens at once, and compares.
func (w *world) wantEnds(when string, want ...end) {
	w.T.Helper()
	settle()
	if diff := cmp.Diff(want, w.ended()); diff != "" {
		w.T.Fatalf("%s: OnSessionEnd was called otherwise than wanted (-want +got):\n%s", when, diff)
	}
}

func TestBrokenConnectionHasTheGraceTime(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		w.Raw(gamePlayer, token).Cut()
		time.Sleep(59 * time.Second)
		w.wantEnds("before the grace time is over")
		if !r.live() {
			t.Error("the session is not live in its grace time")
		}
		time.Sleep(3 * time.Second)
		w.wantEnds("after it", end{id, pragma.EndExpired})
		if got := w.refuseUpgrade(gamePlayer, token); got.Status != http.StatusUnauthorized || got.Frame.ServiceError.Error != replaced {
			t.Errorf("the token of the ended session got %d %v, want 401 %s", got.Status, got.Frame, replaced)
		}
	})
}

func TestSessionThatComesBackHasNotEnded(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		for range 3 {
			w.Raw(gamePlayer, token).Cut()
			time.Sleep(59 * time.Second)
		}
		c := w.Raw(gamePlayer, token)
		time.Sleep(10 * time.Minute)
		w.wantEnds("with a socket")
		c.Cut()
		// The due of the break before is long over: only the last one counts.
		time.Sleep(50 * time.Second)
		w.wantEnds("in the last grace time")
		time.Sleep(12 * time.Second)
		w.wantEnds("in the end", end{id, pragma.EndExpired})
	})
}

func TestReconnectHeaderIsOnlyAHint(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		for _, headers := range [][]string{nil, {"pragma-reconnect", ""}, {"Pragma-Reconnect", "yes"}} {
			ws, _, err := w.upgrade(gamePlayer, token, headers...)
			if err != nil {
				t.Fatalf("with headers %q: %v", headers, err)
			}
			ws.CloseNow()
		}
	})
}

func TestHowASocketIsClosedDecidesWhetherTheSessionEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(ws *websocket.Conn)
		ends bool
	}{
		{"1000", func(ws *websocket.Conn) { ws.Close(websocket.StatusNormalClosure, "") }, true},
		{"1001", func(ws *websocket.Conn) { ws.Close(websocket.StatusGoingAway, "") }, false},
		{"4000", func(ws *websocket.Conn) { ws.Close(4000, "bye") }, false},
		{"cut", func(ws *websocket.Conn) { ws.CloseNow() }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				r := w.robin()
				token, id := r.login()
				ws, _, err := w.upgrade(gamePlayer, token)
				if err != nil {
					t.Fatal(err)
				}
				tt.end(ws)
				if !tt.ends {
					w.wantEnds("at once")
					if ws, _, err := w.upgrade(gamePlayer, token); err != nil {
						t.Errorf("cannot come back: %v", err)
					} else {
						ws.CloseNow()
					}
					return
				}
				w.wantEnds("at once", end{id, pragma.EndAsRequested})
				if r.live() {
					t.Error("the session is still live")
				}
			})
		})
	}
}

func TestLogOutAnswersThenClosesWith1000(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		c := w.Raw(gamePlayer, token)
		c.Request("LabRpc.SlowV1", said{})
		c.Request("PlayerSessionRpc.RequestLogoutV1", nil)
		c.Request("LabRpc.SayV1", said{"too late"})
		settle()
		close(w.hold)
		c.Read()
		if f := c.Read(); f.String() != "PlayerSessionRpc.RequestLogoutV1Response" {
			t.Errorf("got %s, want the answer", f)
		}
		if code := c.Closed(); code != 1000 {
			t.Errorf("closed with %d, want 1000", code)
		}
		w.wantEnds("after log-out", end{id, pragma.EndAsRequested})
		if got := w.heard(); got != nil {
			t.Errorf("a call behind the log-out ran: %q", got)
		}
	})
}

func TestLogOutOverHTTPEndsTheSessionForItsSocketToo(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		w.post(gamePlayer, token, `{"requestId":1,"type":"PlayerSessionRpc.RequestLogoutV1Request"}`)
		w.wantEnds("without a socket", end{id, pragma.EndAsRequested})
	})
}

func TestLaterLogInUsurpsTheEarlierOne(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		older, olderID := r.login()
		first := w.Raw(gamePlayer, older)
		second := r.socket()
		f := first.Read()
		if f.String() != "PlayerSessionRpc.SessionTerminatedV1Notification" || f.Notification.Payload["reason"] != "USURPED" {
			t.Fatalf("the first socket got %s, want to be told USURPED", f)
		}
		session := f.Notification.Payload["playerSession"].(map[string]any)
		if session["pragmaId"] != r.id.String() || session["sessionId"] != olderID.String() {
			t.Errorf("it was told of session %v", session)
		}
		if code := first.Closed(); code != 4001 {
			t.Errorf("the first socket was closed with %d, want 4001", code)
		}
		if got := w.refuseUpgrade(gamePlayer, older); got.Status != http.StatusUnauthorized || got.Frame.ServiceError.Error != replaced {
			t.Errorf("the older token got %d %v", got.Status, got.Frame)
		}
		if got := w.post(gamePlayer, older, `{"requestId":5,"type":"LabRpc.SayV1Request"}`); got.Status != http.StatusUnauthorized {
			t.Errorf("the older token got %d over HTTP, want 401", got.Status)
		}
		if f := call(second, "LabRpc.SayV1", said{"hi"}); f.Response == nil {
			t.Errorf("the second socket got %s", f)
		}
		time.Sleep(5 * time.Minute)
		w.wantEnds("for a session that was taken over")
	})
}

func TestNewSocketOfTheSameSessionReplacesTheFirstSilently(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		first := w.Raw(gamePlayer, token)
		second := w.Raw(gamePlayer, token)
		if f, ok := first.Poll(time.Second); ok {
			t.Errorf("the first socket was told %s", f)
		}
		if code := first.Closed(); code != -1 {
			t.Errorf("the first socket was closed with %d, want it cut", code)
		}
		time.Sleep(5 * time.Minute)
		w.wantEnds("with a live socket")
		if f := call(second, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("the second socket got %s", f)
		}
	})
}

// Of all sockets of a player one is left, whatever the order in which they are
// opened, and its session is known as connected.
func TestRacingSocketsOfOnePlayerLeaveOneLive(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		tokens := make([]string, 4)
		for i := range tokens {
			tokens[i], _ = r.login()
		}
		for range 10 {
			var wg sync.WaitGroup
			var mu sync.Mutex
			var open []*websocket.Conn
			for i := range 12 {
				wg.Go(func() {
					if ws, _, err := w.upgrade(gamePlayer, tokens[i%len(tokens)]); err == nil {
						mu.Lock()
						defer mu.Unlock()
						open = append(open, ws)
					}
				})
			}
			wg.Wait()
			alive := 0
			for _, ws := range open {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				if _, _, err := ws.Read(ctx); errors.Is(err, context.DeadlineExceeded) {
					alive++
				}
				cancel()
				ws.CloseNow()
			}
			if alive != 1 {
				t.Fatalf("%d sockets are alive, want 1", alive)
			}
			if !r.live() {
				t.Fatal("the session is not live")
			}
		}
		newest := w.Raw(gamePlayer, tokens[len(tokens)-1])
		time.Sleep(10 * time.Minute)
		w.wantEnds("with a live socket")
		newest.Cut()
		time.Sleep(2 * time.Minute)
		if got := w.ended(); len(got) != 1 || got[0].Reason != pragma.EndExpired {
			t.Errorf("ends = %v, want the newest session to expire", got)
		}
	})
}

func TestNoCallOfAnOlderSessionBeginsAfterItWasTakenOver(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		first := r.socket()
		first.Request("LabRpc.SlowV1", said{})
		<-w.inside
		for range 5 {
			first.Request("LabRpc.SayV1", said{"queued"})
		}
		settle()
		second := r.socket() // the upgrade is answered here
		close(w.hold)
		first.Closed()
		if f := call(second, "LabRpc.SayV1", said{"new"}); f.Response == nil {
			t.Fatalf("got %s", f)
		}
		if diff := cmp.Diff([]string{"new"}, w.heard()); diff != "" {
			t.Errorf("calls that took effect (-want +got):\n%s", diff)
		}
	})
}

func TestSlowBodyOverHTTPIsNoHeadStartOverALogIn(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		older, _ := r.login()
		begun, goOn := make(chan struct{}), make(chan struct{})
		body := slowBody{text: strings.NewReader(`{"requestId":1,"type":"LabRpc.SayV1Request","payload":{"text":"old"}}`), begun: begun, goOn: goOn}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.Address(gamePlayer)+"/v1/rpc", &body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+older)
		status := make(chan int)
		go func() {
			resp, err := w.HTTP().Do(req)
			if err != nil {
				status <- 0
				return
			}
			resp.Body.Close()
			status <- resp.StatusCode
		}()
		<-begun
		settle()
		r.socket()
		close(goOn)
		if got := <-status; got != http.StatusUnauthorized {
			t.Errorf("status = %d, want 401", got)
		}
		if got := w.heard(); got != nil {
			t.Errorf("the older session said %q", got)
		}
	})
}

type slowBody struct {
	text        *strings.Reader
	begun, goOn chan struct{}
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.begun != nil {
		close(b.begun)
		b.begun = nil
		<-b.goOn
	}
	return b.text.Read(p)
}

func TestHTTPCallsKeepASessionAlive(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, id := w.robin().login()
		say := `{"requestId":1,"type":"LabRpc.SayV1Request"}`
		for range 20 {
			if got := w.post(gamePlayer, token, say); got.Status != http.StatusOK {
				t.Fatalf("status = %d", got.Status)
			}
			time.Sleep(50 * time.Second)
		}
		w.wantEnds("with calls within the grace time")
		// Calls in quick succession are not all stored; the last one counts anyway.
		w.post(gamePlayer, token, say)
		time.Sleep(14 * time.Second)
		w.post(gamePlayer, token, say)
		time.Sleep(59 * time.Second)
		w.wantEnds("before the grace time after the last call")
		time.Sleep(20 * time.Second)
		w.wantEnds("after it", end{id, pragma.EndExpired})
	})
}

func TestHTTPCallsOfALaterLogInDisturbNoSocket(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		older, olderID := r.login()
		c := w.Raw(gamePlayer, older)
		newer, newerID := r.login()
		say := `{"requestId":1,"type":"LabRpc.SayV1Request"}`
		if got := w.post(gamePlayer, newer, say); got.Status != http.StatusOK {
			t.Fatalf("status = %d", got.Status)
		}
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("the socket got %s", f)
		}
		c.Cut()
		for range 4 { // the player is there, so the session that may come back stays
			time.Sleep(40 * time.Second)
			w.post(gamePlayer, newer, say)
		}
		w.wantEnds("while the later log-in calls")
		w.Raw(gamePlayer, older).Cut()
		time.Sleep(2 * time.Minute)
		w.wantEnds("afterwards", end{olderID, pragma.EndExpired})
		w.post(gamePlayer, newer, say)
		time.Sleep(2 * time.Minute)
		w.wantEnds("of the later log-in", end{olderID, pragma.EndExpired}, end{newerID, pragma.EndExpired})
	})
}

func TestSocketsOfBothBackendsAreSessionsOfTheirOwn(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		game, social := w.Tokens("robin")
		a, b := w.Raw(gamePlayer, game), w.Raw(socialPlayer, social)
		a.Close()
		settle()
		if got := len(w.ended()); got != 1 {
			t.Errorf("%d game sessions have ended, want 1", got)
		}
		if f := call(b, "PlayerSessionRpc.HeartbeatV1", nil); f.Response == nil {
			t.Errorf("the social socket got %s", f)
		}
	})
}

func TestPartnersHaveAnyNumberOfSockets(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token := w.partnerToken()
		a, b := w.Raw(gamePartner, token), w.Raw(gamePartner, token)
		if f := call(a, "LabRpc.SayPartnerV1", said{"a"}); f.Response == nil {
			t.Errorf("the first got %s", f)
		}
		if f := call(b, "LabRpc.SayPartnerV1", said{"b"}); f.Response == nil {
			t.Errorf("the second got %s", f)
		}
	})
}

func TestSessionRefreshTakesOnlyTokensOfTheSameSession(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		c := w.Raw(gamePlayer, token)
		other, _ := r.login()
		for _, tt := range []struct{ name, token, want string }{
			{"same session", r.token(id), "PlayerSessionRpc.SessionRefreshV1Response"},
			{"another log-in", other, "error " + replaced},
			{"another player", w.robin().token(id), "error " + replaced},
			{"nonsense", "x", "error AccountService_TokenDecodeFailed"},
		} {
			if f := call(c, "PlayerSessionRpc.SessionRefreshV1", map[string]string{"token": tt.token}); f.String() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, f, tt.want)
			}
		}
	})
}

func TestOnConnectRunsForEverySocketAndSurvivesFailures(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		w.onConnect = func(ctx context.Context, s *pragma.PlayerSession) error {
			w.m.NotifyPlayers(ctx, w.poke.Of(&said{"welcome"}), s.PlayerID)
			panic("boom")
		}
		for range 2 {
			c := w.Raw(gamePlayer, token)
			c.Request("LabRpc.SayV1", said{"hi"})
			if first, second := c.Read(), c.Read(); first.Notification == nil || second.Response == nil {
				t.Errorf("got %s then %s, want the welcome first", first, second)
			}
		}
		if diff := cmp.Diff([]pragma.SessionID{id, id}, w.connected); diff != "" {
			t.Errorf("OnConnect (-want +got):\n%s", diff)
		}
	})
}
