package pragma_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// walker is a client that asks for missed frames again, one frame at a time.
type walker struct {
	w     *world
	gate  pragma.Gateway
	token string

	ws      *websocket.Conn
	frames  chan pragmatest.Frame // that came on ws and were not looked at
	stream  string
	last    int64
	resumed bool
	taken   string
	asked   int
}

func (w *world) walker(g pragma.Gateway, token string) *walker {
	w.T.Helper()
	k := &walker{w: w, gate: g, token: token, last: -1}
	k.open("new")
	return k
}

// open opens a socket with a value of the header.
func (k *walker) open(value string) {
	k.w.T.Helper()
	ws, resp, err := k.w.upgrade(k.gate, k.token, "Pragma-Reconnect", value)
	if err != nil {
		k.w.T.Fatalf("open with %q: %v", value, err)
	}
	k.ws, k.frames = ws, make(chan pragmatest.Frame, 8192)
	go pump(ws, k.frames)
	k.taken = resp.Header.Get("Pragma-Resumed")
	k.resumed = k.taken != ""
	if !k.resumed {
		k.last = -1
	}
	k.stream = resp.Header.Get("Pragma-Stream")
}

// back comes back, and says whether the stream goes on.
func (k *walker) back() bool {
	k.w.T.Helper()
	k.open(fmt.Sprintf("%s/%d", k.stream, k.last))
	return k.resumed
}

func (k *walker) send(call, text string) {
	k.w.T.Helper()
	k.asked++
	frame := fmt.Sprintf(`{"requestId":%d,"type":"LabRpc.%sRequest","payload":{"text":%q}}`, k.asked, call, text)
	if err := k.ws.Write(k.w.T.Context(), websocket.MessageText, []byte(frame)); err != nil {
		k.w.T.Fatal(err)
	}
}

func pump(ws *websocket.Conn, frames chan<- pragmatest.Frame) {
	defer close(frames)
	for {
		_, data, err := ws.Read(context.Background())
		var f pragmatest.Frame
		if err != nil || json.Unmarshal(data, &f) != nil {
			return
		}
		frames <- f
	}
}

// frame looks at one frame, whose number must be the next; nil if there is none now.
func (k *walker) frame() *pragmatest.Frame {
	k.w.T.Helper()
	synctest.Wait()
	select {
	case f, ok := <-k.frames:
		if !ok {
			return nil
		}
		if f.SequenceNumber != k.last+1 {
			k.w.T.Fatalf("frame %d came after frame %d", f.SequenceNumber, k.last)
		}
		k.last = f.SequenceNumber
		return &f
	default:
		return nil
	}
}

// texts reads what is there and returns what it says.
func (k *walker) texts() (all []string) {
	k.w.T.Helper()
	for f := k.frame(); f != nil; f = k.frame() {
		all = append(all, said1(f))
	}
	return all
}

func said1(f *pragmatest.Frame) string {
	switch {
	case f.Response != nil:
		return fmt.Sprintf("%d %v", f.Response.RequestID, f.Response.Payload["text"])
	case f.Notification != nil:
		return fmt.Sprint(f.Notification.Payload["text"])
	}
	return f.String()
}

// tell sends numbered notifications.
func (r robin) tell(texts ...string) {
	for _, text := range texts {
		r.w.m.NotifyPlayers(r.w.T.Context(), r.w.poke.Of(&said{text}), r.id)
	}
	synctest.Wait()
}

func wantTexts(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: frames (-want +got):\n%s", when, diff)
	}
}

func wantResumed(t *testing.T, when string, got, want bool) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: the stream was resumed: %t, want %t", when, got, want)
	}
}

// greeted runs a test with a server that greets each socket with one frame.
func greeted(t *testing.T, yaml string, fn func(t *testing.T, w *world)) {
	t.Helper()
	run(t, yaml, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.onConnect = func(ctx context.Context, s *pragma.PlayerSession) error {
			w.m.NotifyPlayers(ctx, w.poke.Of(&said{"hello"}), s.PlayerID)
			return nil
		}
		w.mu.Unlock()
		fn(t, w)
	})
}

func TestMissedFramesComeAgain(t *testing.T) {
	greeted(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		k := w.walker(gamePlayer, token)
		wantTexts(t, "at first", k.texts(), "hello")
		k.send("SayV1", "a")
		wantTexts(t, "the answer", k.texts(), "1 a")
		r.tell("written, but not read")
		k.ws.CloseNow()
		settle()
		r.tell("while away")
		wantResumed(t, "after the break", k.back(), true)
		r.tell("after it")
		wantTexts(t, "after the break", k.texts(), "written, but not read", "while away", "after it")
		if k.taken != "1" {
			t.Errorf("the server has taken %s frames, want 1", k.taken)
		}
	})
}

func TestAnswersOfABrokenConnectionComeOnTheNext(t *testing.T) {
	greeted(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		k := w.walker(gamePlayer, token)
		k.texts()
		k.send("SlowV1", "slow")
		<-w.inside
		k.send("SayV1", "waits behind it")
		synctest.Wait()
		k.ws.CloseNow()
		synctest.Wait()
		r.tell("held until the answer")
		wantResumed(t, "with a call that runs", k.back(), true)
		k.send("SayV1", "from the new socket")
		wantTexts(t, "while the call runs", k.texts())
		close(w.hold)
		synctest.Wait()
		wantTexts(t, "after it", k.texts(), "1 slow", "held until the answer", "2 waits behind it", "3 from the new socket")
		if diff := cmp.Diff([]string{"waits behind it", "from the new socket"}, w.heard()); diff != "" {
			t.Errorf("calls that took effect (-want +got):\n%s", diff)
		}
	})
}

func TestCallsOfABrokenConnectionRunWithoutASocket(t *testing.T) {
	greeted(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		k := w.walker(gamePlayer, token)
		k.texts()
		k.send("SlowV1", "slow")
		<-w.inside
		k.send("SayV1", "waits behind it")
		synctest.Wait()
		k.ws.CloseNow()
		settle()
		close(w.hold)
		settle()
		wantResumed(t, "after the calls", k.back(), true)
		wantTexts(t, "on the new socket", k.texts(), "1 slow", "2 waits behind it")
	})
}

func TestStreamGoesOnWhileTheOldSocketIsThoughtAlive(t *testing.T) {
	greeted(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		k := w.walker(gamePlayer, token)
		k.texts()
		former := k.ws
		for i := range 5 {
			k.send("SayV1", fmt.Sprint(i))
		}
		k.frame()
		wantResumed(t, "without a break", k.back(), true)
		if k.taken == "" {
			t.Error("the server does not say what it has taken")
		}
		_ = former.Write(t.Context(), websocket.MessageText, []byte(`{"requestId":99,"type":"LabRpc.SayV1Request","payload":{"text":"too late"}}`))
		r.tell("news")
		wantTexts(t, "on the new socket", k.texts(), "2 1", "3 2", "4 3", "5 4", "news")
		if got := strings.Join(w.heard(), " "); got != "0 1 2 3 4" {
			t.Errorf("calls that took effect: %s", got)
		}
		former.CloseNow()
		settle()
		if !w.m.PlayerConnected(r.id) {
			t.Error("the end of the old socket has ended the new one")
		}
	})
}

func TestStreamsEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(w *world, r robin, k *walker)
		back func(k *walker) bool // nil: with what the client knows
	}{
		{name: "after the grace time", end: func(w *world, _ robin, k *walker) {
			k.ws.CloseNow()
			for range 3 { // calls keep the session, not the frames
				time.Sleep(30 * time.Second)
				w.post(gamePlayer, k.token, sayFrame)
			}
		}},
		{name: "with the process", end: func(w *world, _ robin, k *walker) { w.Kill(); w.Start() }},
		{name: "with a drain", end: func(w *world, _ robin, k *walker) { w.Restart() }},
		{name: "when more was missed than is kept", end: func(_ *world, r robin, k *walker) {
			k.ws.CloseNow()
			settle()
			r.tell(strings.Fields(strings.Repeat("x ", 200))...)
		}},
		{name: "when too many bytes were missed", end: func(_ *world, r robin, k *walker) {
			k.ws.CloseNow()
			settle()
			r.tell(strings.Repeat("x", 200<<10), strings.Repeat("x", 200<<10))
		}},
		{name: "when the same session opens a socket that asks for nothing", end: func(w *world, _ robin, k *walker) {
			w.Raw(gamePlayer, k.token)
		}},
		{name: "when the client names another one", end: func(_ *world, _ robin, k *walker) {
			k.ws.CloseNow()
			k.stream = pragma.NewID[pragma.PlayerID]().String()
		}},
		{name: "when the client has seen what was never sent", end: func(_ *world, _ robin, k *walker) {
			k.ws.CloseNow()
			k.last = 7
		}},
		{name: "while it is greeted", end: func(w *world, r robin, k *walker) {
			w.mu.Lock()
			hello := w.onConnect
			w.onConnect = func(ctx context.Context, s *pragma.PlayerSession) error {
				w.mu.Lock()
				w.onConnect = hello
				w.mu.Unlock()
				<-w.hold
				return nil
			}
			w.mu.Unlock()
			k.open("new")
			k.ws.CloseNow()
			w.T.Cleanup(func() { close(w.hold) })
		}},
		{name: "when a greeting has failed", end: func(w *world, r robin, k *walker) {
			w.mu.Lock()
			hello := w.onConnect
			w.onConnect = func(context.Context, *pragma.PlayerSession) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.onConnect = hello
				panic("boom")
			}
			w.mu.Unlock()
			k.open("new")
			settle()
			k.ws.CloseNow()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			greeted(t, "", func(t *testing.T, w *world) {
				r := w.robin()
				token, _ := r.login()
				k := w.walker(gamePlayer, token)
				if got := k.frame(); got == nil || said1(got) != "hello" {
					t.Fatal("not greeted")
				}
				tt.end(w, r, k)
				settle()
				wantResumed(t, tt.name, k.back(), false)
				if k.stream == "" {
					t.Error("no new stream was begun")
				}
				wantTexts(t, "the new stream", k.texts(), "hello")
			})
		})
	}
}

func TestStreamOfAnOlderSessionIsNobodysElse(t *testing.T) {
	greeted(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		first, _ := r.login()
		k := w.walker(gamePlayer, first)
		k.frame()
		k.ws.CloseNow()
		settle()
		r.tell("for the first session")
		k.token, _ = r.login()
		wantResumed(t, "with a later log-in", k.back(), false)
		wantTexts(t, "the later log-in", k.texts(), "hello")
		other := w.robin()
		k.token, _ = other.login()
		wantResumed(t, "by another player", k.back(), false)
	})
}

// A call that waits behind a slow one has not begun when a later log-in takes
// over; the stream it came on does not save it.
func TestNoCallOfAStreamBeginsAfterItsSessionWasTakenOver(t *testing.T) {
	greeted(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		k := w.walker(gamePlayer, token)
		k.texts()
		k.send("SlowV1", "slow")
		<-w.inside
		for range 5 {
			k.send("SayV1", "waits")
		}
		synctest.Wait()
		k.ws.CloseNow()
		synctest.Wait()
		r.socket()
		close(w.hold)
		synctest.Wait()
		if got := w.heard(); got != nil {
			t.Errorf("the older session said %q", got)
		}
	})
}

func TestPartnersHaveStreamsToo(t *testing.T) {
	run(t, "core: {session: {partnerGraceSeconds: 30}}", func(t *testing.T, w *world) {
		id := pragma.NewID[pragma.PartnerID]()
		token, err := w.m.SignPartnerToken(pragma.Game, &pragma.PartnerSession{PartnerID: id, GameShardID: w.m.ShardID()}, 0)
		if err != nil {
			t.Fatal(err)
		}
		tell := func(text string) {
			w.m.NotifyPartner(t.Context(), w.hail.Of(&said{text}), id)
			synctest.Wait()
		}
		a, b := w.walker(gamePartner, token), w.walker(gamePartner, token)
		tell("1")
		wantTexts(t, "a", a.texts(), "1")
		b.ws.CloseNow()
		settle()
		tell("2")
		wantResumed(t, "a", a.back(), true)
		wantResumed(t, "b", b.back(), true)
		tell("3")
		wantTexts(t, "a", a.texts(), "2", "3") // once, though its former socket may not have noticed yet
		wantTexts(t, "b", b.texts(), "1", "2", "3")
		a.ws.CloseNow()
		time.Sleep(32 * time.Second)
		wantResumed(t, "a after the grace time", a.back(), false)
	})
}

func TestWhoGetsNoStream(t *testing.T) {
	for _, tt := range []struct {
		name, yaml string
		gate       pragma.Gateway
		value      string
	}{
		{name: "an existing client that comes back", gate: gamePlayer},
		{name: "nonsense", gate: gamePlayer, value: "yes"},
		{name: "a stream without a number", gate: gamePlayer, value: "47eaa099-2cb6-416d-86dc-283cf0480ff9"},
		{name: "a number below the first", gate: gamePlayer, value: "47eaa099-2cb6-416d-86dc-283cf0480ff9/-2"},
		{name: "a huge number", gate: gamePlayer, value: "47eaa099-2cb6-416d-86dc-283cf0480ff9/9223372036854775807"},
		{name: "the zero stream", gate: gamePlayer, value: "00000000-0000-0000-0000-000000000000/1"},
		{name: "an operator", gate: gameOperator, value: "new"},
		{name: "anybody when it is switched off", yaml: "core: {session: {resumeFrames: 0}}", gate: gamePlayer, value: "new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, tt.yaml, func(t *testing.T, w *world) {
				token, _ := w.robin().login()
				if tt.gate == gameOperator {
					token = w.operatorToken()
				}
				_, resp, err := w.upgrade(tt.gate, token, "Pragma-Reconnect", tt.value)
				if err != nil {
					t.Fatal(err)
				}
				if got := resp.Header.Get("Pragma-Stream"); got != "" || resp.StatusCode != http.StatusSwitchingProtocols {
					t.Errorf("status %d, stream %q; want none", resp.StatusCode, got)
				}
			})
		})
	}
}

// Frames that the client has are forgotten when it answers the next ping.
func TestRingOfAnIdleConnectionIsEmpty(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		token, _ := r.login()
		k := w.walker(gamePlayer, token)
		r.tell("a", "b", "c")
		k.texts()
		time.Sleep(50 * time.Second) // two pings
		k.ws.CloseNow()
		settle()
		k.last = 0
		wantResumed(t, "with frames that were forgotten", k.back(), false)
	})
}
