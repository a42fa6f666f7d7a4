package pragma_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

const (
	noOpRequest = `{"requestId":7,"type":"LabRpc.SayV1Request","payload":{"text":"as long as a usual call of a game client"}}`
	unlimited   = `core: {session: {playerRatePerSecond: 100000000, playerBurst: 100000000}}`
)

// BenchmarkRoundTrip measures one call over one loopback socket after the other:
// a bare echo server on the same socket library, and a call that does nothing.
// The ratio of the two is what the gateway costs.
func BenchmarkRoundTrip(b *testing.B) {
	b.Run("bare echo", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(bareEcho)}
		go srv.Serve(l)
		defer srv.Close()
		roundTrips(b, func() *websocket.Conn {
			ws, _, err := websocket.Dial(b.Context(), "ws://"+l.Addr().String(), nil)
			if err != nil {
				b.Fatal(err)
			}
			return ws
		})
	})
	b.Run("no-op call", func(b *testing.B) {
		s := start(b, unlimited)
		roundTrips(b, func() *websocket.Conn {
			return s.dial(b, s.token(b))
		})
	})
}

func bareEcho(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	for {
		typ, data, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		if err := ws.Write(context.Background(), typ, data); err != nil {
			return
		}
	}
}

func roundTrips(b *testing.B, dial func() *websocket.Conn) {
	for _, conns := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d sockets", conns), func(b *testing.B) {
			work, done := make(chan struct{}), make(chan error)
			for range conns {
				ws := dial()
				defer ws.CloseNow()
				go func() {
					for range work {
						err := ws.Write(b.Context(), websocket.MessageText, []byte(noOpRequest))
						var answer []byte
						if err == nil {
							_, answer, err = ws.Read(b.Context())
						}
						if err == nil && strings.Contains(string(answer), "serviceError") {
							err = fmt.Errorf("got %s", answer)
						}
						if err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			b.ReportAllocs()
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			for range conns {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
