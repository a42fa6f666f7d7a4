package pragma_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestTooMuchIsRefused(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		huge := `{"requestId":7,"type":"LabRpc.SayV1Request","payload":{"text":"` + strings.Repeat("x", 64<<10) + `"}}`
		wantRefusal(t, "HTTP", w.post(gamePlayer, token, huge), refusal{413, "BAD_PARAM", "SessionService_RequestTooLarge"})
		c := w.Raw(gamePlayer, token)
		c.Send(huge)
		if code := c.Closed(); code != 1009 {
			t.Errorf("closed with %d, want 1009", code)
		}
		// A partner may send sixteen times as much.
		p := w.Raw(gamePartner, w.partnerToken())
		p.Send(strings.Replace(huge, "SayV1", "SayPartnerV1", 1))
		if f := p.Read(); f.Response == nil {
			t.Errorf("the partner got %s", f)
		}
	})
}

func TestCallsBeyondTheRateAreRefused(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		limited := refusal{429, "SERVICE_ERROR", "SessionService_RateLimited"}
		token, _ := w.robin().login()
		for i := range 40 {
			if got := w.post(gamePlayer, token, sayFrame); got.Status != http.StatusOK {
				t.Fatalf("call %d of the burst got %d", i+1, got.Status)
			}
		}
		wantRefusal(t, "HTTP", w.post(gamePlayer, token, sayFrame), limited)
		other, _ := w.robin().login()
		if got := w.post(gamePlayer, other, sayFrame); got.Status != http.StatusOK {
			t.Errorf("another session got %d", got.Status)
		}
		time.Sleep(50 * time.Millisecond) // one call at 20 a second
		if got := w.post(gamePlayer, token, sayFrame); got.Status != http.StatusOK {
			t.Errorf("a moment later: status %d", got.Status)
		}

		c := w.Raw(gamePlayer, token)
		for range 41 {
			c.Send(`{"requestId":1,"type":"PlayerSessionRpc.HeartbeatV1Request"}`)
		}
		for range 40 {
			if f := c.Read(); f.Response == nil {
				t.Fatalf("a call of the burst got %s", f)
			}
		}
		f := c.Read()
		wantRefusal(t, "socket", refused{429, f, "1"}, limited)
		c.Cut()
		ws, _, err := w.upgrade(gamePlayer, other)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for err := error(nil); err == nil; { // five times the burst within ten seconds is abuse
				err = ws.Write(context.Background(), websocket.MessageText, []byte(sayFrame))
			}
		}()
		answers := 0
		for ; err == nil; answers++ {
			_, _, err = ws.Read(context.Background())
		}
		if code := websocket.CloseStatus(err); code != 1008 {
			t.Errorf("closed with %v, want 1008", err)
		}
		if answers < 200 {
			t.Errorf("closed after %d answers, want more than 200 refusals", answers)
		}
	})
}

func TestFramesThatAreNoneCloseTheSocket(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(ws *websocket.Conn)
		code websocket.StatusCode
	}{
		{"binary", func(ws *websocket.Conn) {
			_ = ws.Write(context.Background(), websocket.MessageBinary, []byte(sayFrame))
		}, websocket.StatusUnsupportedData},
		{"bad UTF-8", func(ws *websocket.Conn) {
			_ = ws.Write(context.Background(), websocket.MessageText, []byte("{\"type\":\"\xff\"}"))
		}, websocket.StatusInvalidFramePayloadData},
		{"ten malformed", func(ws *websocket.Conn) {
			for range 10 {
				_ = ws.Write(context.Background(), websocket.MessageText, []byte("{"))
			}
		}, websocket.StatusPolicyViolation},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				token, _ := w.robin().login()
				ws, _, err := w.upgrade(gamePlayer, token)
				if err != nil {
					t.Fatal(err)
				}
				go tt.send(ws)
				for {
					if _, _, err = ws.Read(t.Context()); err != nil {
						break
					}
				}
				if got := websocket.CloseStatus(err); got != tt.code {
					t.Errorf("closed with %d (%v), want %d", got, err, tt.code)
				}
			})
		})
	}
}

func TestNineMalformedFramesAMinuteAreBorne(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.robin().socket()
		for range 5 {
			for range 9 {
				c.Send("{")
				if f := c.Read(); f.ServiceError == nil {
					t.Fatalf("got %s", f)
				}
			}
			time.Sleep(61 * time.Second)
		}
		if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("got %s", f)
		}
	})
}
