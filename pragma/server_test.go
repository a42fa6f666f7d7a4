package pragma_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
)

// echo is a studio's service with one call per gateway and a log-in that trusts
// everybody.
type echo struct {
	m      *pragma.Mount
	poke   pragma.Notice[said]
	ended  chan pragma.EndReason
	hold   chan struct{} // a slow call waits for it
	inside chan struct{} // a slow call has started
}

type said struct {
	Text string `json:"text"`
}

func (e *echo) Name() string { return "EchoRpc" }

func (e *echo) Mount(m *pragma.Mount) error {
	e.m = m
	e.poke = pragma.PlayerNotice[said](m, "PokeV1Notification")
	pragma.HandlePlayer(m, "SayV1", func(ctx context.Context, s *pragma.PlayerSession, r *said) (*said, error) {
		return r, nil
	})
	pragma.HandlePlayer(m, "PokeMeV1", func(ctx context.Context, s *pragma.PlayerSession, r *said) (*said, error) {
		m.NotifyPlayers(ctx, e.poke.Of(r), s.PlayerID)
		return r, nil
	})
	pragma.HandlePlayer(m, "SlowV1", func(ctx context.Context, s *pragma.PlayerSession, r *said) (*said, error) {
		e.inside <- struct{}{}
		<-e.hold
		return r, nil
	})
	pragma.HandlePlayer(m, "PanicV1", func(context.Context, *pragma.PlayerSession, *said) (*said, error) {
		panic("boom")
	})
	pragma.HandlePartner(m, "SayPartnerV1", func(_ context.Context, _ *pragma.PartnerSession, r *said) (*said, error) { return r, nil })
	m.OnSessionEnd(func(_ context.Context, _ *pragma.PlayerSession, reason pragma.EndReason) error {
		e.ended <- reason
		return nil
	})
	return nil
}

type backend struct {
	echo *echo
	addr pragma.Addresses
	stop func()
}

func start(t testing.TB, yaml string) *backend {
	t.Helper()
	cfg, err := pragma.ParseConfig(yaml)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{echo: &echo{ended: make(chan pragma.EndReason, 8), hold: make(chan struct{}), inside: make(chan struct{}, 8)}}
	ready := make(chan pragma.Addresses, 1)
	srv := &pragma.Server{
		Config: cfg,
		Game:   []pragma.Service{b.echo},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Listen: func(ctx context.Context, _ pragma.Gateway, _ string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
		Ready: func(a pragma.Addresses) { ready <- a },
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	select {
	case b.addr = <-ready:
	case err := <-done:
		t.Fatalf("Run: %v", err)
	}
	t.Cleanup(func() {
		if ctx.Err() == nil {
			b.stop()
		}
	})
	return b
}

func (b *backend) token(t testing.TB, id pragma.PlayerID, session pragma.SessionID) string {
	t.Helper()
	tok, err := b.echo.m.SignPlayerToken(pragma.Game, &pragma.PlayerSession{
		PlayerID: id, SocialID: pragma.SocialID(id), SessionID: session, IDProvider: "UNSAFE",
		DisplayName: pragma.DisplayName{DisplayName: "robin", Discriminator: "0042"}, GameShardID: b.echo.m.ShardID(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func (b *backend) dial(t testing.TB, token string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return websocket.Dial(ctx, "ws://"+b.addr[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}]+"/v1/rpc",
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
}

func send(t *testing.T, ws *websocket.Conn, frame string) {
	t.Helper()
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, data, err := ws.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSocketAnswersInTheDocumentedEnvelope(t *testing.T) {
	b := start(t, "")
	ws, resp, err := b.dial(t, b.token(t, pragma.NewID[pragma.PlayerID](), pragma.NewOrderedID[pragma.SessionID]()))
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != "" {
		t.Errorf("subprotocol = %q, want none", got)
	}
	for _, step := range []struct{ name, send, want string }{
		{"heartbeat", `{"requestId":7,"type":"PlayerSessionRpc.HeartbeatV1Request","payload":{}}`,
			`{"sequenceNumber":0,"response":{"requestId":7,"type":"PlayerSessionRpc.HeartbeatV1Response","payload":{}}}`},
		{"call", `{"requestId":8,"type":"EchoRpc.SayV1Request","payload":{"text":"hi"}}`,
			`{"sequenceNumber":1,"response":{"requestId":8,"type":"EchoRpc.SayV1Response","payload":{"text":"hi"}}}`},
		{"small first letter", `{"requestId":9,"type":"echoRpc.SayV1Request"}`,
			`{"sequenceNumber":2,"response":{"requestId":9,"type":"EchoRpc.SayV1Response","payload":{"text":""}}}`},
	} {
		t.Run(step.name, func(t *testing.T) {
			send(t, ws, step.send)
			if got := read(t, ws); got != step.want {
				t.Errorf("got  %s\nwant %s", got, step.want)
			}
		})
	}
}

func TestAnswerLeavesBeforeTheNotificationsItCaused(t *testing.T) {
	b := start(t, "")
	ws, _, err := b.dial(t, b.token(t, pragma.NewID[pragma.PlayerID](), pragma.NewOrderedID[pragma.SessionID]()))
	if err != nil {
		t.Fatal(err)
	}
	send(t, ws, `{"requestId":1,"type":"EchoRpc.PokeMeV1Request","payload":{"text":"hi"}}`)
	first, second := read(t, ws), read(t, ws)
	if !strings.Contains(first, `"response"`) || !strings.Contains(second, `"notification":{"type":"EchoRpc.PokeV1Notification"`) {
		t.Errorf("got %s then %s, want the response, then the notification", first, second)
	}
}

func TestHeartbeatsAreAnsweredWhileACallRuns(t *testing.T) {
	b := start(t, "")
	ws, _, err := b.dial(t, b.token(t, pragma.NewID[pragma.PlayerID](), pragma.NewOrderedID[pragma.SessionID]()))
	if err != nil {
		t.Fatal(err)
	}
	send(t, ws, `{"requestId":1,"type":"EchoRpc.SlowV1Request","payload":{}}`)
	<-b.echo.inside
	send(t, ws, `{"requestId":2,"type":"PlayerSessionRpc.HeartbeatV1Request","payload":{}}`)
	if got := read(t, ws); !strings.Contains(got, `"requestId":2`) {
		t.Errorf("first answer = %s, want the heartbeat's", got)
	}
	close(b.echo.hold)
	if got := read(t, ws); !strings.Contains(got, `"requestId":1`) {
		t.Errorf("second answer = %s, want the slow call's", got)
	}
}

func TestTroubleIsTold(t *testing.T) {
	b := start(t, "")
	ws, _, err := b.dial(t, b.token(t, pragma.NewID[pragma.PlayerID](), pragma.NewOrderedID[pragma.SessionID]()))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, frame, status, reason string }{
		{"unknown type", `{"requestId":3,"type":"EchoRpc.NopeV1Request","payload":{}}`, "BAD_PARAM", "INVALID_REQUEST_TYPE"},
		{"another gateway's type", `{"requestId":3,"type":"EchoRpc.SayPartnerV1Request","payload":{}}`, "BAD_SESSION", "SessionService_WrongSessionType"},
		{"malformed payload", `{"requestId":3,"type":"EchoRpc.SayV1Request","payload":{"text":[1]}}`, "BAD_PARAM", "Serialization_Error"},
		{"not an object", `[1,2]`, "BAD_PARAM", "Serialization_Error"},
		{"panic", `{"requestId":3,"type":"EchoRpc.PanicV1Request","payload":{}}`, "INTERNAL_ERROR", "UNKNOWN_ERROR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			send(t, ws, tt.frame)
			var got struct {
				ServiceError struct {
					Status, Error, TraceID string
					DebugDetails           []string
				}
			}
			if err := json.Unmarshal([]byte(read(t, ws)), &got); err != nil {
				t.Fatal(err)
			}
			e := got.ServiceError
			if e.Status != tt.status || e.Error != tt.reason || e.TraceID == "" || len(e.DebugDetails) == 0 {
				t.Errorf("got %+v, want %s %s with a trace id and details", e, tt.status, tt.reason)
			}
			if strings.Contains(strings.Join(e.DebugDetails, ""), "boom") {
				t.Error("the cause reached the client")
			}
		})
	}
}

func TestLaterLogInTakesOver(t *testing.T) {
	b := start(t, "")
	id := pragma.NewID[pragma.PlayerID]()
	older := b.token(t, id, pragma.NewOrderedID[pragma.SessionID]())
	first, _, err := b.dial(t, older)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := b.dial(t, b.token(t, id, pragma.NewOrderedID[pragma.SessionID]()))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, first); !strings.Contains(got, `"reason":"USURPED"`) {
		t.Errorf("the first socket got %s, want USURPED", got)
	}
	if _, _, err := first.Read(t.Context()); websocket.CloseStatus(err) != 4001 {
		t.Errorf("the first socket ended with %v, want close code 4001", err)
	}
	if _, resp, err := b.dial(t, older); err == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the older token was let in again: %v", err)
	}
	send(t, second, `{"requestId":1,"type":"EchoRpc.SayV1Request","payload":{}}`)
	if got := read(t, second); !strings.Contains(got, `"requestId":1`) {
		t.Errorf("the second socket got %s, want an answer", got)
	}
}

func TestSessionEndsOnLogOutAndOnACleanClose(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, ws *websocket.Conn)
	}{
		{"log-out", func(t *testing.T, ws *websocket.Conn) {
			send(t, ws, `{"requestId":1,"type":"PlayerSessionRpc.RequestLogoutV1Request","payload":{}}`)
			if got := read(t, ws); !strings.Contains(got, "RequestLogoutV1Response") {
				t.Errorf("got %s, want the answer", got)
			}
			if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("closed with %v, want 1000", err)
			}
		}},
		{"clean close", func(t *testing.T, ws *websocket.Conn) { ws.Close(websocket.StatusNormalClosure, "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, "")
			tok := b.token(t, pragma.NewID[pragma.PlayerID](), pragma.NewOrderedID[pragma.SessionID]())
			ws, _, err := b.dial(t, tok)
			if err != nil {
				t.Fatal(err)
			}
			tt.end(t, ws)
			if got := <-b.echo.ended; got != pragma.EndAsRequested {
				t.Errorf("session ended with %s, want %s", got, pragma.EndAsRequested)
			}
			if _, resp, err := b.dial(t, tok); err == nil || resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("the token of the ended session was let in: %v", err)
			}
		})
	}
}

func TestLogInQueueLetsEverybodyIn(t *testing.T) {
	b := start(t, "")
	url := "http://" + b.addr[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}] + "/v1/loginqueue/getinqueuev1"
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var got struct {
				Token       string
				IsAllowedIn bool
			}
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if !got.IsAllowedIn || strings.Count(got.Token, ".") != 2 {
				t.Errorf("got %+v, want to be let in with a token", got)
			}
		})
	}
}
