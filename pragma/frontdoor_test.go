package pragma_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
)

// ask makes an HTTP request with headers given in pairs.
func (w *world) ask(g pragma.Gateway, method, path string, headers ...string) *http.Response {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.T.Context(), method, "http://"+w.Address(g)+path, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1])
	}
	resp, err := w.HTTP().Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { resp.Body.Close() })
	return resp
}

const webGame = `core: {gatewayManager: {game: {player: {allowedOrigins: ["https://play.example.com"]}, partner: {allowedOrigins: ["*"]},
  operator: {allowedOrigins: ["https://portal.example.com"], publicURL: "https://ops.example.com:8443"}}}}`

func TestScriptsOfAllowedPagesMayCall(t *testing.T) {
	run(t, webGame, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			name, origin string
			gateway      pragma.Gateway
			want         bool
		}{
			{"allowed", "https://play.example.com", gamePlayer, true},
			{"in other letters", "HTTPS://Play.Example.Com", gamePlayer, true},
			{"another port", "https://play.example.com:444", gamePlayer, false},
			{"another scheme", "http://play.example.com", gamePlayer, false},
			{"another page", "https://evil.example", gamePlayer, false},
			{"longer name", "https://play.example.com.evil.example", gamePlayer, false},
			{"null", "null", gamePlayer, false},
			{"none configured", "https://play.example.com", socialPlayer, false},
			{"any", "https://evil.example", gamePartner, true},
			{"operator", "https://portal.example.com", gameOperator, true},
		} {
			simple := w.ask(tt.gateway, "GET", "/v1/info", "Origin", tt.origin)
			if got := simple.Header.Get("Access-Control-Allow-Origin"); (got == tt.origin) != tt.want || !tt.want && got != "" {
				t.Errorf("%s: Access-Control-Allow-Origin = %q, want it set: %v", tt.name, got, tt.want)
			}
			if got := simple.Header.Get("Vary"); got != "Origin" {
				t.Errorf("%s: Vary = %q, want Origin", tt.name, got)
			}
			if simple.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: credentials are allowed", tt.name)
			}
			preflight := w.ask(tt.gateway, "OPTIONS", "/v1/rpc", "Origin", tt.origin,
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
			status := http.StatusForbidden
			if tt.want {
				status = http.StatusNoContent
			}
			if preflight.StatusCode != status {
				t.Errorf("%s: preflight got %d, want %d", tt.name, preflight.StatusCode, status)
			}
			if !strings.HasPrefix(preflight.Header.Get("Vary"), "Origin") {
				t.Errorf("%s: preflight has Vary %q", tt.name, preflight.Header.Get("Vary"))
			}
			if !tt.want {
				continue
			}
			if got := preflight.Header.Get("Access-Control-Allow-Methods"); got != "GET, HEAD, POST, OPTIONS" {
				t.Errorf("%s: methods = %q", tt.name, got)
			}
			if got := preflight.Header.Get("Access-Control-Allow-Headers"); got != "authorization,content-type" {
				t.Errorf("%s: headers = %q", tt.name, got)
			}
		}
	})
}

func TestOperatorGatewaysRefuseForeignPages(t *testing.T) {
	run(t, webGame, func(t *testing.T, w *world) {
		token := w.operatorToken()
		for _, tt := range []struct {
			name, origin string
			want         bool
		}{
			{"none, as programs", "", true},
			{"allowed", "https://portal.example.com", true},
			{"the gateway itself", "http://" + w.Address(gameOperator), true},
			{"the gateway under its public name", "https://ops.example.com:8443", true},
			{"another page", "https://evil.example", false},
			{"null", "null", false},
			{"not a URL", "::", false},
		} {
			headers := []string{"Origin", tt.origin}
			if tt.origin == "" {
				headers = nil
			}
			ws, resp, err := w.upgrade(gameOperator, token, headers...)
			if (err == nil) != tt.want {
				t.Errorf("%s: upgrade got %v, want it to work: %v", tt.name, err, tt.want)
			}
			if err == nil {
				ws.CloseNow()
			} else if resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s: status = %d, want 403", tt.name, resp.StatusCode)
			}
			if got := w.ask(gameOperator, "GET", "/v1/info", headers...).StatusCode; (got == http.StatusOK) != tt.want {
				t.Errorf("%s: GET got %d", tt.name, got)
			}
		}
		// Game clients send any origin (wire §3).
		player, _ := w.robin().login()
		ws, _, err := w.upgrade(gamePlayer, player, "Origin", "https://evil.example")
		if err != nil {
			t.Fatal(err)
		}
		ws.CloseNow()
	})
}

func TestOriginIsEnforcedAsConfigured(t *testing.T) {
	run(t, `core: {gatewayManager: {game: {player: {enforceOrigin: true}, operator: {enforceOrigin: false}}}}`, func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		if got := w.refuseUpgrade(gamePlayer, token, "Origin", "https://evil.example"); got.Status != http.StatusForbidden {
			t.Errorf("player: status = %d, want 403", got.Status)
		}
		ws, _, err := w.upgrade(gameOperator, w.operatorToken(), "Origin", "https://evil.example")
		if err != nil {
			t.Fatal(err)
		}
		ws.CloseNow()
	})
}

func TestGatewayIsOpenToItsNetworksOnly(t *testing.T) {
	run(t, `core: {gatewayManager: {trustedProxies: [127.0.0.1], game: {player: {allowedNetworks: [192.0.2.0/24, "2001:db8::/32"]}}}}`, func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		for _, tt := range []struct {
			client string
			status int
		}{
			{"192.0.2.7", 200}, {"2001:db8::1", 200}, {"198.51.100.7", 403}, {"192.0.2.7, 198.51.100.7", 403}, {"nonsense", 403}, {"", 403},
		} {
			got := w.ask(gamePlayer, "GET", "/v1/info", "X-Forwarded-For", tt.client)
			if got.StatusCode != tt.status {
				t.Errorf("%q: status = %d, want %d", tt.client, got.StatusCode, tt.status)
			}
			if tt.status != http.StatusForbidden {
				continue
			}
			wantRefusal(t, tt.client, w.read(got), refusal{403, "BAD_SESSION", "SessionService_WrongSessionType"})
			if got := w.refuseUpgrade(gamePlayer, token, "X-Forwarded-For", tt.client); got.Status != http.StatusForbidden {
				t.Errorf("%q: upgrade got %d", tt.client, got.Status)
			}
		}
		if got := w.ask(gamePartner, "GET", "/v1/info").StatusCode; got != http.StatusOK {
			t.Errorf("another gateway: status = %d", got)
		}
	})
}

func TestRequestsThatNoPathTakesAreAnswered(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		for _, tt := range []struct {
			method, path string
			status       int
			allow        string
		}{
			{"GET", "/", 404, ""},
			{"POST", "/v1/nothing", 404, ""},
			{"OPTIONS", "/v1/nothing", 404, ""},
			{"PUT", "/v1/rpc", 405, "GET, HEAD, POST, OPTIONS"},
			{"BREW", "/v1/rpc", 405, "GET, HEAD, POST, OPTIONS"},
			{"POST", "/v1/info", 405, "GET, HEAD, OPTIONS"},
			{"GET", "/v1/loginqueue/checkticketv1", 405, "POST, OPTIONS"},
			{"OPTIONS", "/v1/info", 204, "GET, HEAD, OPTIONS"},
			{"HEAD", "/v1/info", 200, ""},
			{"HEAD", "/v1/nothing", 404, ""},
		} {
			resp := w.ask(gamePlayer, tt.method, tt.path)
			if resp.StatusCode != tt.status || resp.Header.Get("Allow") != tt.allow {
				t.Errorf("%s %s: got %d, Allow %q, want %d, %q", tt.method, tt.path, resp.StatusCode, resp.Header.Get("Allow"), tt.status, tt.allow)
			}
			if resp.Header.Get("Vary") == "" {
				t.Errorf("%s %s: no Vary", tt.method, tt.path)
			}
			if tt.status > 300 && tt.method != "HEAD" {
				wantRefusal(t, tt.method+" "+tt.path, w.read(resp), refusal{tt.status, "BAD_PARAM", "INVALID_REQUEST_TYPE"})
			}
		}
	})
}

func TestEveryPostWantsJSON(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		token, _ := w.robin().login()
		for _, tt := range []struct {
			gateway    pragma.Gateway
			path, body string
		}{
			{gamePlayer, "/v1/rpc", sayFrame},
			{gamePlayer, "/v1/loginqueue/checkticketv1", `{}`},
			{socialPlayer, "/v1/account/authenticateorcreatev2", `{}`},
		} {
			for contentType, refuse := range map[string]bool{
				"text/plain": true, "application/x-www-form-urlencoded": true, "a/b/c": true, "application/jsonx": true,
				"": false, "application/json": false, "Application/JSON; charset=utf-8": false,
			} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.Address(tt.gateway)+tt.path, strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+token)
				if contentType != "" {
					req.Header.Set("Content-Type", contentType)
				}
				resp, err := w.HTTP().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got := w.read(resp)
				if (got.Status == http.StatusUnsupportedMediaType) != refuse {
					t.Errorf("%s with %q: status = %d, want 415: %v", tt.path, contentType, got.Status, refuse)
				}
				if refuse {
					wantRefusal(t, tt.path, got, refusal{415, "BAD_PARAM", "Serialization_Error"})
				}
			}
		}
	})
}

func TestHandlersKnowTheAddressOfTheClient(t *testing.T) {
	mount := func(m *pragma.Mount) {
		m.HandleHTTP(pragma.Player, "GET /v1/lab/me", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, pragma.ClientAddress(r.Context()))
		}))
		pragma.HandlePlayer(m, "WhereV1", func(ctx context.Context, _ *pragma.PlayerSession, _ *said) (*said, error) {
			return &said{pragma.ClientAddress(ctx).String()}, nil
		})
	}
	runLab(t, `core: {gatewayManager: {trustedProxies: [127.0.0.1]}}`, mount, func(t *testing.T, w *world) {
		body, err := io.ReadAll(w.ask(gamePlayer, "GET", "/v1/lab/me", "X-Forwarded-For", "198.51.100.7").Body)
		if string(body) != "198.51.100.7" {
			t.Errorf("over HTTP: %s, %v", body, err)
		}
		token, _ := w.robin().login()
		ws, _, err := w.upgrade(gamePlayer, token, "X-Forwarded-For", "2001:db8::7")
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		if err := ws.Write(t.Context(), 1, []byte(`{"type":"LabRpc.WhereV1Request"}`)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := ws.Read(t.Context()); !strings.Contains(string(data), `"2001:db8::7"`) {
			t.Errorf("on a socket: %s, %v", data, err)
		}
		if got := pragma.ClientAddress(t.Context()); got.IsValid() {
			t.Errorf("elsewhere: %v", got)
		}
	})
}

// What two servers in a row could read in two ways is refused; what one known
// client sends twice is not (TestTCPHandshakeToleratesWhatClientsSend).
func TestTCPRequestsThatCanBeReadInTwoWaysAreRefused(t *testing.T) {
	b := start(t, "")
	for _, tt := range []struct{ name, headers string }{
		{"two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n"},
		{"length in words", "Content-Length: two\r\n"},
		{"negative length", "Content-Length: -2\r\n"},
		{"unknown transfer coding", "Transfer-Encoding: xchunked\r\n"},
		{"two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
		{"space before the colon", "Content-Length : 2\r\n"},
		{"two hosts", "Host: y\r\n"},
		{"too many bytes", "X: " + strings.Repeat("x", 24<<10) + "\r\n"},
	} {
		conn, err := net.Dial("tcp", b.addr[gamePlayer])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "POST /v1/rpc HTTP/1.1\r\nHost: x\r\n"+tt.headers+"\r\n{}")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if resp.StatusCode < 400 || resp.StatusCode >= 600 || resp.StatusCode == http.StatusUnauthorized {
			t.Errorf("%s: status = %d, want a refusal of the request itself", tt.name, resp.StatusCode)
		}
	}
}
