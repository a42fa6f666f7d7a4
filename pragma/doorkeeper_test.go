package pragma_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// beyond is how a limit of handshakes is told.
var beyond = refusal{429, "SERVICE_ERROR", "SessionService_RateLimited"}

// forged is a token of our form with a signature of nobody.
func (r robin) forged() string {
	good, _ := r.login()
	dot := strings.LastIndexByte(good, '.')
	return good[:dot+1] + strings.Repeat("A", len(good)-dot-1)
}

func TestHandshakesOfOneAddressAreLimited(t *testing.T) {
	const yaml = `core: {session: {addressHandshakesPerSecond: 2, addressHandshakeBurst: 5}, gatewayManager: {trustedProxies: [127.0.0.1], unlimitedNetworks: [203.0.113.0/24]}}`
	run(t, yaml, func(t *testing.T, w *world) {
		r := w.robin()
		good, _ := r.login()
		bad := r.forged()
		from := func(client string) []string { return []string{"X-Forwarded-For", client} }
		for i := range 5 { // good or bad: it is the address that counts
			if got := w.refuseUpgrade(gamePlayer, bad, from("198.51.100.7")...); got.Status != http.StatusUnauthorized {
				t.Fatalf("handshake %d got %d, want 401", i+1, got.Status)
			}
		}
		wantRefusal(t, "one too many", w.refuseUpgrade(gamePlayer, good, from("198.51.100.7")...), beyond)
		wantRefusal(t, "with a spoofed entry", w.refuseUpgrade(gamePlayer, good, from("192.0.2.1, 198.51.100.7")...), beyond)
		resp := w.ask(gamePlayer, "GET", "/v1/gateway", "X-Forwarded-For", "198.51.100.7", "Authorization", "Bearer "+good)
		wantRefusal(t, "over HTTP", w.read(resp), beyond)
		if got := w.ask(gamePlayer, "GET", "/v1/info", from("198.51.100.7")...).StatusCode; got != http.StatusOK {
			t.Errorf("/v1/info got %d", got)
		}
		ws, _, err := w.upgrade(gamePlayer, good, from("198.51.100.8")...)
		if err != nil {
			t.Fatalf("another address: %v", err)
		}
		ws.CloseNow()
		for range 20 {
			if got := w.refuseUpgrade(gamePlayer, bad, from("203.0.113.9")...); got.Status != http.StatusUnauthorized {
				t.Fatalf("an unlimited address got %d", got.Status)
			}
		}
		time.Sleep(time.Second) // two more
		for range 2 {
			if got := w.refuseUpgrade(gamePlayer, bad, from("198.51.100.7")...); got.Status != http.StatusUnauthorized {
				t.Errorf("a second later: status %d", got.Status)
			}
		}
		wantRefusal(t, "and no third", w.refuseUpgrade(gamePlayer, good, from("198.51.100.7")...), beyond)
	})
}

func TestSpoofedAddressesAreNotBelieved(t *testing.T) {
	run(t, `core: {session: {addressHandshakesPerSecond: 1, addressHandshakeBurst: 3, addressSockets: 2}}`, func(t *testing.T, w *world) {
		bad := w.robin().forged()
		for i := range 3 {
			w.refuseUpgrade(gamePlayer, bad, "X-Forwarded-For", fmt.Sprint("198.51.100.", i), "Forwarded", fmt.Sprint("for=198.51.100.", i))
		}
		wantRefusal(t, "fourth", w.refuseUpgrade(gamePlayer, bad, "X-Forwarded-For", "198.51.100.9"), beyond)
	})
}

func TestRefusedTokensOfCallsSlowTheirAddressDown(t *testing.T) {
	run(t, `core: {session: {addressHandshakesPerSecond: 1, addressHandshakeBurst: 3}}`, func(t *testing.T, w *world) {
		r := w.robin()
		good, _ := r.login()
		for range 10 {
			if got := w.post(gamePlayer, good, sayFrame); got.Status != http.StatusOK {
				t.Fatalf("good calls are not handshakes, but got %d", got.Status)
			}
		}
		for range 3 {
			if got := w.post(gamePlayer, r.forged(), sayFrame); got.Status != http.StatusUnauthorized {
				t.Fatalf("status = %d, want 401", got.Status)
			}
		}
		wantRefusal(t, "bad token", w.post(gamePlayer, r.forged(), sayFrame), beyond)
		wantRefusal(t, "log-in", w.post(socialPlayer, "", "{}"), beyond)
		time.Sleep(time.Second)
		if got := w.post(gamePlayer, good, sayFrame); got.Status != http.StatusOK {
			t.Errorf("a second later: status %d", got.Status)
		}
	})
}

func TestRefusedLogInsSlowTheirAddressDown(t *testing.T) {
	run(t, `core: {session: {addressHandshakesPerSecond: 1, addressHandshakeBurst: 3}}`, func(t *testing.T, w *world) {
		logIn := func(providerToken string) int {
			body := fmt.Sprintf(`{"providerId":"UNSAFE","providerToken":%q,"gameShardId":"00000000-0000-0000-0000-000000000001"}`, providerToken)
			resp, err := w.HTTP().Post("http://"+w.Address(socialPlayer)+"/v1/account/authenticateorcreatev2", "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			return resp.StatusCode
		}
		good := `{"accountId":"robin","displayName":"robin"}`
		for range 10 {
			if got := logIn(good); got != http.StatusOK {
				t.Fatalf("log-in got %d", got)
			}
		}
		for range 3 {
			if got := logIn("nonsense"); got != http.StatusUnauthorized {
				t.Fatalf("bad log-in got %d, want 401", got)
			}
		}
		if got := logIn(good); got != http.StatusTooManyRequests {
			t.Errorf("then got %d, want 429", got)
		}
	})
}

func TestHandshakesInAllAreLimited(t *testing.T) {
	const yaml = `core: {session: {handshakesPerSecond: 1, handshakeBurst: 4, addressHandshakesPerSecond: 1, addressHandshakeBurst: 2}, gatewayManager: {trustedProxies: [127.0.0.1]}}`
	run(t, yaml, func(t *testing.T, w *world) {
		bad := w.robin().forged()
		refuse := func(client string) refused { return w.refuseUpgrade(gamePlayer, bad, "X-Forwarded-For", client) }
		for range 5 { // three of them are beyond the limit of the address, and do not count in all
			refuse("198.51.100.1")
		}
		for i := range 2 {
			if got := refuse("198.51.100.2"); got.Status != http.StatusUnauthorized {
				t.Errorf("handshake %d of the second address got %d", i+1, got.Status)
			}
		}
		wantRefusal(t, "third address", refuse("198.51.100.3"), beyond)
		token, _ := w.robin().login()
		if got := w.post(gamePlayer, token, sayFrame); got.Status != http.StatusOK {
			t.Errorf("a call got %d", got.Status)
		}
	})
}

func TestSocketsOfOneAddressAreLimited(t *testing.T) {
	const yaml = `core: {session: {addressSockets: 2}, gatewayManager: {trustedProxies: [127.0.0.1]}}`
	run(t, yaml, func(t *testing.T, w *world) {
		open := func(client string) *websocket.Conn {
			t.Helper()
			token, _ := w.robin().login()
			ws, _, err := w.upgrade(gamePlayer, token, "X-Forwarded-For", client)
			if err != nil {
				t.Fatalf("from %s: %v", client, err)
			}
			t.Cleanup(func() { ws.CloseNow() })
			return ws
		}
		first := open("198.51.100.7")
		open("198.51.100.7")
		token, _ := w.robin().login()
		wantRefusal(t, "third", w.refuseUpgrade(gamePlayer, token, "X-Forwarded-For", "198.51.100.7"), beyond)
		open("198.51.100.8")
		for range 5 {
			ws, _, err := w.upgrade(gamePartner, w.partnerToken(), "X-Forwarded-For", "198.51.100.7")
			if err != nil {
				t.Fatalf("partner: %v", err)
			}
			defer ws.CloseNow()
		}
		first.CloseNow()
		settle()
		open("198.51.100.7")
		wantRefusal(t, "third again", w.refuseUpgrade(gamePlayer, token, "X-Forwarded-For", "198.51.100.7"), beyond)
		if got := w.refuseUpgrade(gamePlayer, w.robin().forged(), "X-Forwarded-For", "198.51.100.9"); got.Status != http.StatusUnauthorized {
			t.Errorf("bad token: status = %d", got.Status)
		}
	})
}

func TestRefusalsTakeNoPlaceOfTheAddress(t *testing.T) {
	run(t, `core: {session: {addressSockets: 1}}`, func(t *testing.T, w *world) {
		r := w.robin()
		older, _ := r.login()
		r.socket().Close()
		settle()
		for range 3 { // refused after the place was taken
			wantRefusal(t, "older session", w.refuseUpgrade(gamePlayer, older), refusal{401, "BAD_SESSION", replaced})
		}
		r.socket()
	})
}

// Ten thousand handshakes with forged tokens leave nothing behind, and players
// who are there go on.
func TestTCPForgedTokensLeaveNothingBehind(t *testing.T) {
	handshakes := 10_000
	if testing.Short() {
		handshakes = 1000
	}
	b := start(t, "")
	good := b.token(t)
	dot := strings.LastIndexByte(good, '.')
	bad := good[:dot+1] + strings.Repeat("A", len(good)-dot-1)
	ws := b.dial(t, good)
	heap := func() uint64 {
		http.DefaultClient.CloseIdleConnections()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	begin := time.Now()
	var left atomic.Int64
	left.Store(int64(handshakes))
	var attack sync.WaitGroup
	for range 8 {
		attack.Go(func() {
			for left.Add(-1) >= 0 {
				conn, err := net.Dial("tcp", b.addr[gamePlayer])
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, "GET /v1/rpc HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+bad+"\r\nUpgrade: websocket\r\n"+
					"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
				head := make([]byte, 12)
				if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 401" {
					t.Errorf("got %q, %v, want 401", head, err)
				}
				_ = conn.Close()
			}
		})
	}
	calls := 0
	for ; left.Load() > 0; calls++ {
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(`{"requestId":8,"type":"PlayerSessionRpc.HeartbeatV1Request"}`)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := ws.Read(t.Context()); err != nil || !strings.Contains(string(data), "HeartbeatV1Response") {
			t.Fatalf("call %d: %s, %v", calls, data, err)
		}
		time.Sleep(60 * time.Millisecond) // 16 a second are within the rate
	}
	attack.Wait()
	took := time.Since(begin)
	time.Sleep(100 * time.Millisecond) // connections close
	after := heap()
	t.Logf("%d handshakes refused in %v, %.0f a second; heap %d KiB before, %d KiB after; %d calls meanwhile",
		handshakes, took.Round(time.Millisecond), float64(handshakes)/took.Seconds(), before>>10, after>>10, calls)
	if after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

func TestLimitsOfAddressesChangeWhileTheServerRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(yaml string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`core: {session: {addressSockets: 1}}`)
	l := (*lab)(nil)
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		l = newLab()
		return &pragma.Server{Config: cfg, Game: []pragma.Service{l}}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w, t := &world{pw, l}, pw.T
		w.robin().socket()
		token, _ := w.robin().login()
		wantRefusal(t, "second socket", w.refuseUpgrade(gamePlayer, token), beyond)
		write(`core: {session: {addressSockets: 2, addressHandshakesPerSecond: 1, addressHandshakeBurst: 2}, gatewayManager: {game: {partner: {allowedNetworks: [192.0.2.0/24]}}}}`)
		time.Sleep(6 * time.Second)
		w.Raw(gamePlayer, token)
		if got := w.ask(gamePartner, "GET", "/v1/info").StatusCode; got != http.StatusForbidden {
			t.Errorf("partner gateway: status %d, want 403", got)
		}
		w.refuseUpgrade(gamePlayer, token)
		wantRefusal(t, "handshakes", w.refuseUpgrade(gamePlayer, token), beyond)
		time.Sleep(time.Minute)
		write(`core: {session: {addressSockets: 0, addressHandshakesPerSecond: 0}, gatewayManager: {game: {player: {address: "127.0.0.1:1"}}}}`)
		time.Sleep(6 * time.Second)
		if !strings.Contains(w.Logs(), "needs a restart") {
			t.Error("the log does not say that the address needs a restart")
		}
		wantRefusal(t, "the section keeps its values", w.refuseUpgrade(gamePlayer, token), beyond)
	})
}
