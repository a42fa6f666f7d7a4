package pragma_test

import (
	"bufio"
	"context"
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

// backend is a server on loopback sockets, for what pipes cannot show.
type backend struct {
	*lab
	addr pragma.Addresses
}

func start(t testing.TB, yaml string) *backend {
	t.Helper()
	b := &backend{lab: newLab()}
	b.addr = serve(t, yaml, b.lab)
	return b
}

// serve runs a server with one service on the Game backend until the test ends.
func serve(t testing.TB, yaml string, game pragma.Service) pragma.Addresses {
	t.Helper()
	return serveWith(t, yaml, &pragma.Server{Game: []pragma.Service{game}, Logger: slog.New(slog.DiscardHandler)})
}

// serveWith runs a server on free ports until the test ends.
func serveWith(t testing.TB, yaml string, srv *pragma.Server) pragma.Addresses {
	t.Helper()
	cfg, err := pragma.ParseConfig(yaml)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan pragma.Addresses, 1)
	srv.Config, srv.Listen = cfg, freePort
	srv.Ready = func(a pragma.Addresses) { ready <- a }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	var addresses pragma.Addresses
	select {
	case addresses = <-ready:
	case err := <-done:
		t.Fatalf("Run: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return addresses
}

func freePort(context.Context, pragma.Gateway, string) (net.Listener, error) {
	return net.Listen("tcp", "127.0.0.1:0")
}

func (b *backend) token(t testing.TB) string {
	t.Helper()
	id := pragma.NewID[pragma.PlayerID]()
	token, err := b.m.SignPlayerToken(pragma.Game, &pragma.PlayerSession{
		PlayerID: id, SocialID: pragma.SocialID(id), SessionID: pragma.NewOrderedID[pragma.SessionID](), GameShardID: b.m.ShardID(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (b *backend) dial(t testing.TB, token string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+b.addr[gamePlayer]+"/v1/rpc",
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	return ws
}

func TestTCPSocketAnswers(t *testing.T) {
	b := start(t, "")
	ws := b.dial(t, b.token(t))
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(`{"requestId":8,"type":"LabRpc.SayV1Request","payload":{"text":"hi"}}`)); err != nil {
		t.Fatal(err)
	}
	_, got, err := ws.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"sequenceNumber":0,"response":{"requestId":8,"type":"LabRpc.SayV1Response","payload":{"text":"hi"}}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A peer that is still sending when its frame is refused must get the close
// frame, not a reset.
func TestTCPSocketThatSendsTooMuchReadsTheCloseCode(t *testing.T) {
	b := start(t, "")
	for range 5 {
		ws := b.dial(t, b.token(t))
		_ = ws.Write(t.Context(), websocket.MessageText, []byte(`{"type":"`+strings.Repeat("x", 2<<20)+`"}`)) // may fail half-way
		if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Fatalf("the socket ended with %v, want 1009", err)
		}
	}
}

// One known client sends these headers twice and offers compression.
func TestTCPHandshakeToleratesWhatClientsSend(t *testing.T) {
	b := start(t, "")
	conn, err := net.Dial("tcp", b.addr[gamePlayer])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /v1/rpc?gateway=0 HTTP/1.1\r\nHost: x\r\n"+
		"Authorization: Bearer "+b.token(t)+"\r\nAccept: application/json\r\nContent-Type: application/json\r\n"+
		"Upgrade: websocket\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"+
		"Sec-WebSocket-Protocol: pragma\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"+
		"Origin: http://elsewhere.example\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status = %d, want 101", resp.StatusCode)
	}
	for _, name := range []string{"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
		if got := resp.Header.Values(name); got != nil {
			t.Errorf("%s = %q, want none", name, got)
		}
	}
	if got := resp.Header.Get("Vary"); got != "Origin" {
		t.Errorf("Vary = %q, want Origin", got)
	}
}
