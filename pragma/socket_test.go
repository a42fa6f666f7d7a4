package pragma_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
)

// text opens a socket and returns how to exchange whole frames with it.
func (w *world) text(token string) (send func(string), read func() string) {
	w.T.Helper()
	ws, _, err := w.upgrade(gamePlayer, token)
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { ws.CloseNow() })
	send = func(frame string) {
		w.T.Helper()
		if err := ws.Write(w.T.Context(), websocket.MessageText, []byte(frame)); err != nil {
			w.T.Fatal(err)
		}
	}
	read = func() string {
		w.T.Helper()
		ctx, cancel := context.WithTimeout(w.T.Context(), time.Minute)
		defer cancel()
		_, data, err := ws.Read(ctx)
		if err != nil {
			w.T.Fatal(err)
		}
		return string(data)
	}
	return send, read
}

func TestFramesAreThoseOfTheSpecification(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		send, read := w.text(token)
		for _, tt := range []struct{ name, send, want string }{
			{"heartbeat", `{"requestId":7,"type":"PlayerSessionRpc.HeartbeatV1Request","payload":{}}`,
				`{"sequenceNumber":0,"response":{"requestId":7,"type":"PlayerSessionRpc.HeartbeatV1Response","payload":{}}}`},
			{"call", `{"requestId":8,"type":"LabRpc.SayV1Request","payload":{"text":"hi"}}`,
				`{"sequenceNumber":1,"response":{"requestId":8,"type":"LabRpc.SayV1Response","payload":{"text":"hi"}}}`},
			{"small first letter, no payload", `{"requestId":9,"type":"labRpc.SayV1Request"}`,
				`{"sequenceNumber":2,"response":{"requestId":9,"type":"LabRpc.SayV1Response","payload":{"text":""}}}`},
			{"snake case and unknown members", `{"request_id":9,"more":[1],"type":"LabRpc.SayV1Request","payload":{"text":"x","y":1}}`,
				`{"sequenceNumber":3,"response":{"requestId":9,"type":"LabRpc.SayV1Response","payload":{"text":"x"}}}`},
			{"request id beyond 32 bits", `{"requestId":1700000000000,"type":"LabRpc.SayV1Request"}`,
				`{"sequenceNumber":4,"response":{"requestId":1700000000000,"type":"LabRpc.SayV1Response","payload":{"text":""}}}`},
			{"greatest request id, again", `{"requestId":9223372036854775807,"type":"LabRpc.SayV1Request"}`,
				`{"sequenceNumber":5,"response":{"requestId":9223372036854775807,"type":"LabRpc.SayV1Response","payload":{"text":""}}}`},
		} {
			send(tt.send)
			if got := read(); got != tt.want {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
			}
		}
		w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"psst"}), r.id)
		if got, want := read(), `{"sequenceNumber":6,"notification":{"type":"LabRpc.PokeV1Notification","payload":{"text":"psst"}}}`; got != want {
			t.Errorf("notification:\ngot  %s\nwant %s", got, want)
		}
		send(`{"requestId":3,"type":"LabRpc.NopeV1Request"}`)
		got := read()
		head := `{"sequenceNumber":7,"serviceError":{"requestId":3,"status":"BAD_PARAM","error":"INVALID_REQUEST_TYPE","traceId":"`
		tail := `","debugDetails":["INVALID_REQUEST_TYPE: no service handles this type"]}}`
		if !strings.HasPrefix(got, head) || !strings.HasSuffix(got, tail) {
			t.Errorf("refusal:\ngot  %s\nwant %s…%s", got, head, tail)
		}
	})
}

func TestHandshakeIgnoresWhatItDoesNotOffer(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		ws, resp, err := w.upgrade(gamePlayer, token, "Sec-WebSocket-Protocol", "pragma",
			"Origin", "http://elsewhere.example", "Accept", "application/json", "Content-Type", "application/json")
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != "" {
			t.Errorf("subprotocol = %q, want none", got)
		}
	})
}

func TestCallsOfOneConnectionRunInOrder(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.robin().socket()
		for i := range 30 {
			c.Request("LabRpc.SayV1", said{fmt.Sprint(i)})
		}
		for i := range 30 {
			if f := c.Read(); f.Response == nil || f.Response.Payload["text"] != fmt.Sprint(i) {
				t.Fatalf("answer %d is %s %v", i, f, f.Response)
			}
		}
	})
}

func TestAnswerLeavesBeforeTheNotificationsItCaused(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.robin().socket()
		for range 10 {
			c.Request("LabRpc.PokeMeV1", said{"hi"})
			if first, second := c.Read(), c.Read(); first.Response == nil || second.Notification == nil {
				t.Fatalf("got %s then %s, want the response, then the notification", first, second)
			}
		}
	})
}

func TestNotificationsOfOthersWaitForTheAnswerOfASlowCall(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		c := r.socket()
		c.Request("LabRpc.SlowV1", said{"slow"})
		<-w.inside
		w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"news"}), r.id)
		if f := call(c, "PlayerSessionRpc.HeartbeatV1", nil); f.String() != "PlayerSessionRpc.HeartbeatV1Response" {
			t.Errorf("got %s, want the heartbeat at once", f)
		}
		if f, ok := c.Poll(time.Second); ok {
			t.Errorf("got %s while the call runs", f)
		}
		close(w.hold)
		if first, second := c.Read(), c.Read(); first.String() != "LabRpc.SlowV1Response" || second.Notification == nil {
			t.Errorf("got %s then %s", first, second)
		}
	})
}

func TestSequenceNumbersHaveNoGapsUnderConcurrency(t *testing.T) {
	run(t, `core: {session: {playerRatePerSecond: 10000, playerBurst: 10000, maxQueuedFrames: 10000}}`, func(t *testing.T, w *world) {
		r := w.robin()
		c := r.socket()
		const senders, each = 8, 50
		var wg sync.WaitGroup
		for range senders {
			wg.Go(func() {
				for range each {
					w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"x"}), r.id)
				}
			})
		}
		wg.Go(func() {
			for i := range each {
				c.Request("LabRpc.PokeMeV1", said{"y"})
				if i%10 == 0 {
					c.Request("PlayerSessionRpc.HeartbeatV1", nil)
					c.Send("{") // five are borne
				}
				if i%3 == 0 {
					time.Sleep(time.Microsecond)
				}
			}
		})
		total := senders*each + 2*each + 2*each/10
		for want := range total {
			f := c.Read()
			if f.SequenceNumber != int64(want) {
				t.Fatalf("frame %d has number %d", want, f.SequenceNumber)
			}
		}
		wg.Wait()
	})
}

func TestEachConnectionCountsFromZero(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		for range 2 {
			c := w.Raw(gamePlayer, token)
			for want := range int64(3) {
				if f := call(c, "LabRpc.SayV1", said{}); f.SequenceNumber != want {
					t.Errorf("number %d, want %d", f.SequenceNumber, want)
				}
			}
			c.Cut()
		}
	})
}

func TestCallsInFlightAreBounded(t *testing.T) {
	run(t, `core: {session: {playerBurst: 1000}}`, func(t *testing.T, w *world) {
		c := w.robin().socket()
		c.Request("LabRpc.SlowV1", said{})
		<-w.inside
		for range 64 {
			c.Request("LabRpc.SayV1", said{})
		}
		if f, ok := c.Poll(time.Second); ok {
			t.Fatalf("got %s, want 64 calls to wait", f)
		}
		c.Request("LabRpc.SayV1", said{})
		if f := c.Read(); f.ServiceError == nil || f.ServiceError.Error != "SessionService_RateLimited" || f.ServiceError.RequestID != 66 {
			t.Errorf("the 65th got %s", f)
		}
		close(w.hold)
		for range 65 {
			if f := c.Read(); f.Response == nil {
				t.Errorf("got %s", f)
			}
		}
	})
}

// silent opens a socket that neither reads nor answers pings.
func (w *world) silent(token string) *websocket.Conn {
	w.T.Helper()
	ws, _, err := w.upgrade(gamePlayer, token)
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { ws.CloseNow() })
	return ws
}

func TestDeadPeerIsCutAfterAMinute(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, id := w.robin().login()
		begin := time.Now()
		ws, _, err := websocket.Dial(t.Context(), "ws://"+w.Address(gamePlayer)+"/v1/rpc", &websocket.DialOptions{
			HTTPClient: w.HTTP(), HTTPHeader: map[string][]string{"Authorization": {"Bearer " + token}},
			OnPingReceived: func(context.Context, []byte) bool { return false }, // reads, and never answers
		})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Second, func() {
			_ = ws.Write(context.Background(), websocket.MessageText, []byte(sayFrame))
		})
		for err == nil {
			_, _, err = ws.Read(context.Background())
		}
		if code := websocket.CloseStatus(err); code != -1 {
			t.Errorf("closed with %d, want it cut", code)
		}
		if took := time.Since(begin); took != 65*time.Second {
			t.Errorf("cut after %v, want 60 s after the last sign of life at 5 s", took)
		}
		time.Sleep(59 * time.Second)
		w.wantEnds("in the grace time")
		time.Sleep(3 * time.Second)
		w.wantEnds("after it", end{id, pragma.EndExpired})
	})
}

func TestPingsComeEveryTwentySecondsAndPongsAreLife(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		begin := time.Now()
		var mu sync.Mutex
		var pings []time.Duration
		ws, _, err := websocket.Dial(t.Context(), "ws://"+w.Address(gamePlayer)+"/v1/rpc", &websocket.DialOptions{
			HTTPClient: w.HTTP(), HTTPHeader: map[string][]string{"Authorization": {"Bearer " + token}},
			OnPingReceived: func(context.Context, []byte) bool {
				mu.Lock()
				defer mu.Unlock()
				pings = append(pings, time.Since(begin))
				return true
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute+time.Second)
		defer cancel()
		_, _, err = ws.Read(ctx)
		if ctx.Err() == nil {
			t.Errorf("the socket ended: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(pings) != 30 {
			t.Fatalf("%d pings in ten minutes, want 30", len(pings))
		}
		for i, at := range pings {
			if want := time.Duration(i+1) * 20 * time.Second; at != want {
				t.Errorf("ping %d after %v, want %v", i+1, at, want)
			}
		}
	})
}

func TestPeerThatDoesNotReadIsCutUncleanly(t *testing.T) {
	for _, tt := range []struct {
		name string
		yaml string
		body string
		n    int
		wait time.Duration // until the cut
	}{
		{"too many frames", `core: {session: {maxQueuedFrames: 10}}`, "x", 12, 0},
		{"too many bytes", `core: {session: {maxQueuedBytes: 1000}}`, strings.Repeat("x", 200), 7, 0},
		{"one frame that it never takes", "", "x", 1, 20 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, tt.yaml, func(t *testing.T, w *world) {
				r := w.robin()
				token, id := r.login()
				w.silent(token)
				for range tt.n {
					w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{tt.body}), r.id)
					settle()
				}
				time.Sleep(tt.wait)
				// The session is detached from here on.
				time.Sleep(58 * time.Second)
				w.wantEnds("in the grace time")
				time.Sleep(13 * time.Second)
				w.wantEnds("after it", end{id, pragma.EndExpired})
			})
		})
	}
}

func TestQueueOfAReadingPeerIsNotCut(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		c := r.socket()
		for range 5 {
			for range 200 {
				w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"x"}), r.id)
			}
			for range 200 {
				c.Read()
			}
		}
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("got %s", f)
		}
	})
}

func TestUsurpedSocketOfAHungPeerIsGoneSoon(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		w.silent(token) // reads neither the notification nor the close frame
		c := r.socket()
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("the later log-in got %s", f)
		}
		time.Sleep(time.Minute)
		begin := time.Now()
		w.Stop()
		if took := time.Since(begin); took > 0 {
			t.Errorf("the drain took %v, want nobody to wait for", took)
		}
		w.Start()
	})
}
