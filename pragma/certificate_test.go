package pragma_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// issue makes a certificate for game.example.com and its key, in PEM.
func issue(t testing.TB, serial int64, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "game.example.com"}, DNSNames: []string{"game.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(typ string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}

// secure is a server whose game player gateway has TLS.
type secure struct {
	*world
	certFile, keyFile string
}

func (s *secure) write(cert, key string) {
	s.T.Helper()
	for file, text := range map[string]string{s.certFile: cert, s.keyFile: key} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			s.T.Fatal(err)
		}
	}
}

// client does not verify certificates; tests look at them.
func (s *secure) client() *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return s.Dial(ctx, network, s.Address(gamePlayer))
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true,
	}
	s.T.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get returns an answer; its body is read into v.
func (s *secure) get(path string, v any) *http.Response {
	s.T.Helper()
	client := s.client()
	resp, err := client.Get("https://game.example.com:10000" + path)
	if err != nil {
		s.T.Fatal(err)
	}
	defer client.CloseIdleConnections()
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		s.T.Fatal(err)
	}
	return resp
}

// serial is the number of the certificate that a new connection gets.
func (s *secure) serial() int64 {
	s.T.Helper()
	return s.get("/v1/healthcheck", new(any)).TLS.PeerCertificates[0].SerialNumber.Int64()
}

func runSecure(t *testing.T, fn func(t *testing.T, s *secure)) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	yaml := fmt.Sprintf("core: {gatewayManager: {game: {player: {tls: {certFile: %q, keyFile: %q}}}}}", certFile, keyFile)
	var l *lab
	build := func() *pragma.Server {
		l = newLab()
		cert, key := issue(t, 1, time.Now().Add(24*time.Hour))
		(&secure{&world{World: &pragmatest.World{T: t}}, certFile, keyFile}).write(cert, key)
		return &pragma.Server{Game: []pragma.Service{l}, Config: pragmatest.Config(t, yaml)}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) { fn(w.T, &secure{&world{w, l}, certFile, keyFile}) })
}

func TestGatewayWithTLSServesEverything(t *testing.T) {
	runSecure(t, func(t *testing.T, s *secure) {
		var info struct {
			GameBackend, SocialBackend struct {
				Host, Protocol, WebSocketProtocol string
				Port                              int
			}
		}
		resp := s.get("/v1/info", &info)
		if resp.ProtoMajor != 2 {
			t.Errorf("HTTP/%d, want 2", resp.ProtoMajor)
		}
		if g := info.GameBackend; g.Host != "game.example.com" || g.Protocol != "https" || g.WebSocketProtocol != "wss" || g.Port != 10000 {
			t.Errorf("game backend is %+v, want https and wss", g)
		}
		if b := info.SocialBackend; b.Protocol != "http" || b.WebSocketProtocol != "ws" {
			t.Errorf("social backend is %+v, want http and ws", b)
		}
		if got := s.m.Address(gamePlayer); got != "https://"+s.Address(gamePlayer) {
			t.Errorf("Address = %s", got)
		}
		r := s.robin()
		token, _ := r.login()
		ws, _, err := websocket.Dial(t.Context(), "wss://game.example.com/v1/rpc", &websocket.DialOptions{
			HTTPClient: s.client(), HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(sayFrame)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := ws.Read(t.Context()); err != nil || !strings.Contains(string(data), "SayV1Response") {
			t.Errorf("got %s, %v", data, err)
		}
		_ = ws.Close(websocket.StatusNormalClosure, "") // the server may be the first to close the connection
		settle()
		if live, err := s.m.Connected(t.Context(), r.id); live || err != nil {
			t.Errorf("after the close the session lives: %v, %v", live, err)
		}
	})
}

func TestCertificateIsReloadedWhileTheServerRuns(t *testing.T) {
	runSecure(t, func(t *testing.T, s *secure) {
		expect := func(when string, want int64) {
			t.Helper()
			time.Sleep(6 * time.Second)
			if got := s.serial(); got != want {
				t.Errorf("%s: certificate %d, want %d", when, got, want)
			}
		}
		complaints := func() int { return strings.Count(s.Logs(), "certificate not reloaded") }
		expect("at first", 1)

		cert, key := issue(t, 2, time.Now().Add(24*time.Hour))
		s.write(cert, key)
		expect("a new one", 2)
		if n := complaints(); n != 0 {
			t.Errorf("%d complaints, want none", n)
		}

		_, otherKey := issue(t, 3, time.Now().Add(24*time.Hour))
		s.write(cert, otherKey)
		expect("with another one's key", 2)
		s.write("garbage", key)
		expect("garbage", 2)
		if err := os.Remove(s.certFile); err != nil {
			t.Fatal(err)
		}
		expect("no file", 2)
		time.Sleep(time.Minute)
		if n := complaints(); n != 3 {
			t.Errorf("%d complaints, want one for each", n)
		}

		cert, key = issue(t, 4, time.Now().Add(-time.Minute))
		s.write(cert, key)
		expect("one that is over", 4)
		if !strings.Contains(s.Logs(), "certificate of a gateway is over") {
			t.Error("the log does not say that it is over")
		}
	})
}

func TestCertificateThatCannotBeReadStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	cert, _ := issue(t, 1, time.Now().Add(time.Hour))
	_, key := issue(t, 2, time.Now().Add(time.Hour))
	for file, text := range map[string]string{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, cert, key, want string }{
		{"no certificate", "none.pem", "key.pem", "none.pem"},
		{"no key", "cert.pem", "none.pem", "none.pem"},
		{"another one's key", "cert.pem", "key.pem", "private key does not match"},
	} {
		yaml := fmt.Sprintf("core: {gatewayManager: {game: {operator: {tls: {certFile: %q, keyFile: %q}}}}}", filepath.Join(dir, tt.cert), filepath.Join(dir, tt.key))
		err := tryRun(t, yaml, &guild{plugin: &banner{}})
		if err == nil || !strings.Contains(err.Error(), "GAME/OPERATOR") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}
