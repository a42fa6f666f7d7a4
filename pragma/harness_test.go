package pragma_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

var (
	gamePlayer   = pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}
	gamePartner  = pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}
	gameOperator = pragma.Gateway{Backend: pragma.Game, Type: pragma.Operator}
	socialPlayer = pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}
)

// lab is a studio's service that does what a test asks for.
type lab struct {
	m      *pragma.Mount
	poke   pragma.Notice[said]
	wink   pragma.Notice[said]
	hail   pragma.Notice[said]  // to partners
	hold   chan struct{}        // SlowV1 waits for it
	inside chan pragma.PlayerID // SlowV1 has begun
	failV1 func() error         // what FailV1 returns
	mount  func(m *pragma.Mount)

	mu        sync.Mutex // guards what follows
	said      []string   // by SayV1
	connected []pragma.SessionID
	ends      []end
	onEnd     func(context.Context, *pragma.PlayerSession) error
	onConnect func(context.Context, *pragma.PlayerSession) error
}

type said struct {
	Text string `json:"text"`
}

// end is one call of OnSessionEnd.
type end struct {
	Session pragma.SessionID
	Reason  pragma.EndReason
}

func newLab() *lab {
	return &lab{hold: make(chan struct{}), inside: make(chan pragma.PlayerID, 100)}
}

func (l *lab) Name() string { return "LabRpc" }

func (l *lab) Mount(m *pragma.Mount) error {
	l.m = m
	m.AllocationTokens(allocationKind)
	l.poke = pragma.PlayerNotice[said](m, "PokeV1Notification")
	l.wink = pragma.PlayerNotice[said](m, "WinkV1Notification")
	l.hail = pragma.PartnerNotice[said](m, "HailV1Notification")
	pragma.HandlePlayer(m, "SayV1", func(_ context.Context, _ *pragma.PlayerSession, r *said) (*said, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.said = append(l.said, r.Text)
		return r, nil
	})
	pragma.HandlePlayer(m, "PokeMeV1", func(ctx context.Context, s *pragma.PlayerSession, r *said) (*said, error) {
		m.NotifyPlayers(ctx, l.poke.Of(r), s.PlayerID)
		return r, nil
	})
	pragma.HandlePlayer(m, "WinkMeV1", func(ctx context.Context, s *pragma.PlayerSession, r *said) (*said, error) {
		m.NotifyPlayers(ctx, l.wink.Of(r).BeforeAnswer(), s.PlayerID)
		return r, nil
	})
	pragma.HandlePlayer(m, "SlowV1", func(_ context.Context, s *pragma.PlayerSession, r *said) (*said, error) {
		l.inside <- s.PlayerID
		<-l.hold
		return r, nil
	})
	pragma.HandlePlayer(m, "PatientV1", func(ctx context.Context, _ *pragma.PlayerSession, _ *said) (*said, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	pragma.HandlePlayer(m, "FailV1", func(context.Context, *pragma.PlayerSession, *said) (*said, error) { return nil, l.failV1() })
	pragma.HandlePlayer(m, "PanicV1", func(context.Context, *pragma.PlayerSession, *said) (*said, error) { panic("boom") })
	pragma.HandlePartner(m, "SayPartnerV1", func(_ context.Context, _ *pragma.PartnerSession, r *said) (*said, error) { return r, nil })
	pragma.HandleOperator(m, "SayOperatorV1", func(_ context.Context, _ *pragma.OperatorSession, r *said) (*said, error) { return r, nil })
	m.OnConnect(func(ctx context.Context, s *pragma.PlayerSession) error {
		l.mu.Lock()
		l.connected = append(l.connected, s.SessionID)
		fn := l.onConnect
		l.mu.Unlock()
		if fn != nil {
			return fn(ctx, s)
		}
		return nil
	})
	m.OnSessionEnd(func(ctx context.Context, s *pragma.PlayerSession, reason pragma.EndReason) error {
		l.mu.Lock()
		l.ends = append(l.ends, end{s.SessionID, reason})
		fn := l.onEnd
		l.mu.Unlock()
		if fn != nil {
			return fn(ctx, s)
		}
		return nil
	})
	if l.mount != nil {
		l.mount(m)
	}
	return nil
}

// ended returns the calls of OnSessionEnd so far.
func (l *lab) ended() []end {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]end(nil), l.ends...)
}

func (l *lab) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.said...)
}

// world is a server with a lab in virtual time.
type world struct {
	*pragmatest.World
	*lab
}

// run runs fn with a server whose Game backend is the lab, and with the test of
// the bubble. A restart mounts the same lab again.
func run(t *testing.T, yaml string, fn func(t *testing.T, w *world)) {
	t.Helper()
	runLab(t, yaml, nil, fn)
}

// runOn is run with a store of the test.
func runOn(t *testing.T, db store.Driver, fn func(t *testing.T, w *world)) {
	t.Helper()
	pragmatest.Run(t, func() *pragma.Server {
		return &pragma.Server{
			Game:  []pragma.Service{newLab()},
			Store: func(context.Context) (store.Driver, error) { return db, nil },
		}
	}, func(w *pragmatest.World) { fn(w.T, &world{w, w.Server().Game[0].(*lab)}) })
}

func runLab(t *testing.T, yaml string, mount func(m *pragma.Mount), fn func(t *testing.T, w *world)) {
	t.Helper()
	var l *lab
	build := func() *pragma.Server {
		if l == nil {
			l = newLab() // inside the bubble, for its channels
			l.mount = mount
		}
		return &pragma.Server{Game: []pragma.Service{l}, Config: pragmatest.Config(t, yaml)}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) { fn(w.T, &world{w, l}) })
}

// robin is a player with as many log-ins as a test wants.
type robin struct {
	w  *world
	id pragma.PlayerID
}

func (w *world) robin() robin { return robin{w, pragma.NewID[pragma.PlayerID]()} }

// login returns the token of a new session.
func (r robin) login() (token string, id pragma.SessionID) {
	id = pragma.NewOrderedID[pragma.SessionID]()
	return r.token(id), id
}

func (r robin) token(session pragma.SessionID) string {
	r.w.T.Helper()
	token, err := r.w.m.SignPlayerToken(pragma.Game, &pragma.PlayerSession{
		PlayerID: r.id, SocialID: pragma.SocialID(r.id), SessionID: session, IDProvider: "UNSAFE",
		DisplayName: pragma.DisplayName{DisplayName: "robin", Discriminator: "0042"}, GameShardID: r.w.m.ShardID(),
	})
	if err != nil {
		r.w.T.Fatal(err)
	}
	return token
}

// socket opens a socket of a new session.
func (r robin) socket() *pragmatest.Raw {
	r.w.T.Helper()
	token, _ := r.login()
	return r.w.Raw(gamePlayer, token)
}

func (w *world) partnerToken(types ...string) string {
	w.T.Helper()
	token, err := w.m.SignPartnerToken(pragma.Game, &pragma.PartnerSession{
		PartnerID: pragma.NewID[pragma.PartnerID](), Name: "test", GameShardID: w.m.ShardID(), AllowedTypes: types,
	}, 0)
	if err != nil {
		w.T.Fatal(err)
	}
	return token
}

func (w *world) operatorToken() string {
	w.T.Helper()
	token, err := w.m.SignOperatorToken(pragma.Game, &pragma.OperatorSession{
		SocialID: pragma.NewID[pragma.SocialID](), SessionID: pragma.NewOrderedID[pragma.SessionID](), Roles: []string{"ADMIN"},
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return token
}

// upgrade tries to open a socket with any headers and returns the HTTP answer.
func (w *world) upgrade(g pragma.Gateway, token string, headers ...string) (*websocket.Conn, *http.Response, error) {
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = append(h[headers[i]], headers[i+1])
	}
	return websocket.Dial(w.T.Context(), "ws://"+w.Address(g)+"/v1/rpc", &websocket.DialOptions{HTTPClient: w.HTTP(), HTTPHeader: h})
}

// refused is what a client reads of a refusal.
type refused struct {
	Status int // of HTTP
	Frame  pragmatest.Frame
	Retry  string
}

// refuseUpgrade opens a socket that must not open.
func (w *world) refuseUpgrade(g pragma.Gateway, token string, headers ...string) refused {
	w.T.Helper()
	ws, resp, err := w.upgrade(g, token, headers...)
	if err == nil {
		ws.CloseNow()
		w.T.Fatal("the socket opened")
	}
	if resp == nil {
		w.T.Fatal(err)
	}
	return w.read(resp)
}

// post makes a call over HTTP with a whole frame.
func (w *world) post(g pragma.Gateway, token, frame string) refused {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.T.Context(), http.MethodPost, "http://"+w.Address(g)+"/v1/rpc", strings.NewReader(frame))
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := w.HTTP().Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	return w.read(resp)
}

// read reads a frame from an HTTP answer.
func (w *world) read(resp *http.Response) refused {
	w.T.Helper()
	defer resp.Body.Close()
	got := refused{Status: resp.StatusCode, Retry: resp.Header.Get("Retry-After")}
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		w.T.Fatal(err)
	}
	if !bytes.HasPrefix(body, []byte("{")) {
		return got
	}
	if err := json.Unmarshal(body, &got.Frame); err != nil {
		w.T.Fatalf("%s: %v", body, err)
	}
	return got
}

// get reads a JSON body.
func (w *world) get(g pragma.Gateway, path, token string) (status int, body map[string]any) {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.T.Context(), http.MethodGet, "http://"+w.Address(g)+path, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := w.HTTP().Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&body)
	return resp.StatusCode, body
}

// call makes a call and returns the answering frame, whatever it is.
func call(c *pragmatest.Raw, name string, payload any) pragmatest.Frame {
	c.Request(name, payload)
	for {
		if f := c.Read(); f.Notification == nil {
			return f
		}
	}
}

// settle lets everything happen that happens at once.
func settle() { time.Sleep(time.Millisecond) }
