package client_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/internal/wire"
)

const (
	robin   = "47eaa099-2cb6-416d-86dc-283cf0480ff9"
	kim     = "9c1c3f0e-8a63-4f0a-9d50-2b9a35c3d001"
	social  = "0f6a8e7c-44c5-4e0a-8a56-5f2f7d1c0a02"
	session = "018f3f4e-0000-7000-8000-000000000003"
	shard   = "00000000-0000-0000-0000-000000000001"
	partyA  = "aaaaaaaa-0000-4000-8000-000000000001"
	partyB  = "bbbbbbbb-0000-4000-8000-000000000002"
	gameA   = "2f0f7a86-8a4c-4a1e-b8a2-5d0c4a4e9f10"
	gameB   = "5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301"
	ticketA = "cccccccc-0000-4000-8000-000000000001"
)

// fake is a backend that plays a script: both backends behind one in-memory
// listener, told apart by the host name.
type fake struct {
	t    testing.TB // nil in examples, which do not fail
	http *http.Server
	pipe *pipeListener
	wg   sync.WaitGroup

	mu       sync.Mutex
	handlers map[string]func(*fakeCall)
	requests []fakeRequest
	sockets  map[string][]*fakeSocket // by host
	routes   map[string]http.HandlerFunc
	refuse   map[string]http.HandlerFunc // upgrades by host
	token    int
	refresh  string
}

type fakeRequest struct {
	at   time.Time
	what string // "GET game /v1/info" or "game PartyRpc.CreateV1"
	body string
	head http.Header
}

func newFake(t testing.TB) *fake {
	t.Helper()
	f := startFake(t)
	t.Cleanup(f.stop)
	return f
}

func startFake(t testing.TB) *fake {
	f := &fake{
		t:        t,
		pipe:     newPipeListener(),
		handlers: make(map[string]func(*fakeCall)),
		sockets:  make(map[string][]*fakeSocket),
		routes:   make(map[string]http.HandlerFunc),
		refuse:   make(map[string]http.HandlerFunc),
		refresh:  "2700000",
	}
	f.defaults()
	f.http = &http.Server{Handler: f, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	f.wg.Go(func() { _ = f.http.Serve(f.pipe) })
	return f
}

func (f *fake) stop() {
	_ = f.http.Close()
	f.mu.Lock()
	for _, socks := range f.sockets {
		for _, s := range socks {
			_ = s.ws.CloseNow()
		}
	}
	f.mu.Unlock()
	f.wg.Wait()
}

func (f *fake) defaults() {
	f.route("GET /v1/info", `{"name":"t","platformVersion":"1","gameShardId":"`+shard+`",
		"authenticateBackend":{"host":"social","port":11000,"protocol":"http","scheme":"http"},
		"socialBackend":{"host":"social","port":11000,"protocol":"http","webSocketProtocol":"ws"},
		"gameBackend":{"host":"game","port":10000,"protocol":"http","webSocketProtocol":"ws"}}`)
	f.route("GET /v1/loginqueue/getinqueuev1", `{"token":"pass","positionInQueue":0,"eta":"0","pollNextDuration":0,"isAllowedIn":true}`)
	f.routes["POST /v1/account/authenticateorcreatev2"] = func(w http.ResponseWriter, _ *http.Request) {
		game, soc := f.tokens()
		fmt.Fprintf(w, `{"pragmaTokens":{"pragmaGameToken":%q,"pragmaSocialToken":%q}}`, game, soc)
	}
	f.on("PlayerSessionRpc.HeartbeatV1", answer(`{}`))
	f.on("PartnerSessionRpc.HeartbeatPartnerV1", answer(`{}`))
	f.on("PlayerSessionRpc.RequestLogoutV1", answer(`{}`))
	f.on("PlayerSessionRpc.SessionRefreshV1", answer(`{}`))
	f.on("MultiplayerRpc.InitializePartyV1", answer(`{"isInParty":false,"receivedInvites":[],"gameInstanceIds":[]}`))
	f.on("MultiplayerRpc.InitializeGameInstanceV1", answer(`{"isInGameInstance":false,"gameInstances":[]}`))
	f.on("MultiplayerRpc.SyncPartyV1", answer(`{"isInParty":false,"receivedInvites":[],"gameInstanceIds":[]}`))
	f.on("MultiplayerRpc.SyncGameInstanceV1", answer(`{"isInGameInstance":false,"currentGameInstanceIds":[],"gameInstances":[]}`))
}

// tokens makes a new pair of unsigned tokens.
func (f *fake) tokens() (game, soc string) {
	f.mu.Lock()
	f.token++
	n, refresh := f.token, f.refresh
	f.mu.Unlock()
	one := func(backend string) string {
		payload := fmt.Sprintf(`{"pragmaPlayerId":%q,"pragmaSocialId":%q,"sessionId":%q,"displayName":"Robin","discriminator":"0042",
			"backendType":%q,"refreshInMillis":%q}`, robin, social, session, backend, refresh)
		return fmt.Sprintf("h.%s.s%d", base64.RawURLEncoding.EncodeToString([]byte(payload)), n)
	}
	return one("GAME"), one("SOCIAL")
}

func (f *fake) route(pattern, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[pattern] = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

// on sets what happens for a call, whichever backend it is made on.
func (f *fake) on(name string, fn func(*fakeCall)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handlers[name] = fn
}

// refuseUpgrades answers the upgrades of a host from now on; nil accepts them again.
func (f *fake) refuseUpgrades(host string, fn http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse[host] = fn
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	if r.URL.Path == "/v1/rpc" && r.Method == http.MethodGet {
		f.upgrade(host, w, r)
		return
	}
	body := make([]byte, 0, 512)
	for {
		chunk := make([]byte, 512)
		n, err := r.Body.Read(chunk)
		body = append(body, chunk[:n]...)
		if err != nil {
			break
		}
	}
	f.note(r.Method+" "+host+" "+r.URL.Path, string(body), r.Header)
	f.mu.Lock()
	route := f.routes[r.Method+" "+r.URL.Path]
	f.mu.Unlock()
	if r.URL.Path == "/v1/rpc" {
		f.post(host, body, w)
		return
	}
	if route == nil {
		http.NotFound(w, r)
		return
	}
	route(w, r)
}

func (f *fake) note(what, body string, head http.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, fakeRequest{time.Now(), what, body, head})
}

func (f *fake) upgrade(host string, w http.ResponseWriter, r *http.Request) {
	f.note("UPGRADE "+host, "", r.Header)
	f.mu.Lock()
	refuse := f.refuse[host]
	f.mu.Unlock()
	if refuse != nil {
		refuse(w, r)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	ws.SetReadLimit(-1)
	s := &fakeSocket{fake: f, host: host, ws: ws, gone: make(chan struct{})}
	f.mu.Lock()
	f.sockets[host] = append(f.sockets[host], s)
	f.mu.Unlock()
	f.wg.Go(s.read)
}

// post answers a call over HTTP.
func (f *fake) post(host string, body []byte, w http.ResponseWriter) {
	req, err := wire.ParseRequest(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := strings.TrimSuffix(req.Type, "Request")
	f.note(host+" "+name, string(req.Payload), nil)
	f.mu.Lock()
	handle := f.handlers[name]
	f.mu.Unlock()
	c := &fakeCall{name: name, id: req.RequestID, payload: string(req.Payload), write: func(b []byte) { _, _ = w.Write(wire.AppendFrame(nil, 0, b)) }}
	if handle == nil {
		c.refuse("INVALID_REQUEST_TYPE")
		return
	}
	handle(c)
}

// socket returns the latest socket of a host, after everything that goes on.
func (f *fake) socket(host string) *fakeSocket {
	f.t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	socks := f.sockets[host]
	if len(socks) == 0 {
		f.t.Fatalf("no socket on %s", host)
	}
	return socks[len(socks)-1]
}

// seen returns the payloads of the calls made so far under a name such as
// "game PartyRpc.CreateV1".
func (f *fake) seen(what string) []string {
	var out []string
	for _, r := range f.all(what) {
		out = append(out, r.body)
	}
	return out
}

func (f *fake) all(what string) []fakeRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []fakeRequest
	for _, r := range f.requests {
		if r.what == what {
			out = append(out, r)
		}
	}
	return out
}

// order returns everything seen, without heartbeats.
func (f *fake) order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, r := range f.requests {
		if !strings.Contains(r.what, "Heartbeat") {
			out = append(out, r.what)
		}
	}
	return out
}

type fakeCall struct {
	sock    *fakeSocket // nil over HTTP
	name    string
	id      int64
	payload string
	write   func([]byte)
}

func (c *fakeCall) reply(payload string) {
	body, err := wire.AppendResponse(nil, c.id, c.name+"Response", jsontext.Value(payload))
	if err != nil {
		panic(err)
	}
	c.write(body)
}

func (c *fakeCall) refuse(reason string) {
	status := wire.StatusServiceError
	if reason == "INVALID_REQUEST_TYPE" {
		status = wire.StatusBadParam
	}
	e := &wire.ServiceError{RequestID: c.id, Status: status, TraceID: "trace-1", DebugDetails: []string{reason + ": no luck"}}
	if wire.IsPlatformError(reason) {
		e.Error = reason
	} else {
		e.ExtError = reason
	}
	body, err := wire.AppendServiceError(nil, e)
	if err != nil {
		panic(err)
	}
	c.write(body)
}

func answer(payload string) func(*fakeCall) { return func(c *fakeCall) { c.reply(payload) } }

func silent(*fakeCall) {}

type fakeSocket struct {
	fake *fake
	host string
	ws   *websocket.Conn
	gone chan struct{}
	err  error // why it ended; after gone

	mu  sync.Mutex
	seq int64
}

func (s *fakeSocket) read() {
	defer close(s.gone)
	for {
		_, data, err := s.ws.Read(context.Background())
		if err != nil {
			s.err = err
			_ = s.ws.CloseNow()
			return
		}
		req, err := wire.ParseRequest(data)
		if err != nil {
			s.fake.t.Errorf("client sent %s: %v", data, err)
			continue
		}
		name := strings.TrimSuffix(req.Type, "Request")
		s.fake.note(s.host+" "+name, string(req.Payload), nil)
		s.fake.mu.Lock()
		handle := s.fake.handlers[name]
		s.fake.mu.Unlock()
		c := &fakeCall{sock: s, name: name, id: req.RequestID, payload: string(req.Payload), write: s.send}
		if handle == nil {
			c.refuse("INVALID_REQUEST_TYPE")
			continue
		}
		handle(c)
	}
}

// send writes the body of a frame.
func (s *fakeSocket) send(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frame := wire.AppendFrame(nil, s.seq, body)
	s.seq++
	_ = s.ws.Write(context.Background(), websocket.MessageText, frame)
}

// raw writes a message as it is.
func (s *fakeSocket) raw(typ websocket.MessageType, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ws.Write(context.Background(), typ, []byte(text))
}

func (s *fakeSocket) notify(typ, payload string) {
	body, err := wire.AppendNotification(nil, typ, jsontext.Value(payload))
	if err != nil {
		panic(err)
	}
	s.send(body)
}

func (s *fakeSocket) cut() { _ = s.ws.CloseNow() }

func (s *fakeSocket) close(code websocket.StatusCode) { _ = s.ws.Close(code, "") }

// pipeListener accepts in-memory connections.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

var errListenerClosed = errors.New("connection refused")

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, errListenerClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(t *testing.T, f *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newFake(t)) })
}

func (f *fake) options() client.Options {
	return client.Options{Game: "game:10000", Dial: f.pipe.dial, ClientVersion: "1.2.3"}
}

// player logs a player in and closes him at the end of the test.
func (f *fake) player(change ...func(*client.Options)) *client.Player {
	f.t.Helper()
	opts := f.options()
	for _, c := range change {
		c(&opts)
	}
	p, err := client.LogIn(f.t.Context(), opts, client.Unsafe("robin", "Robin"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Close)
	return p
}

func contains(list []string, what string) bool { return slices.Contains(list, what) }
