package pragma_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// service is one made of a function.
type service struct {
	name  string
	mount func(m *pragma.Mount) error
}

func (s service) Name() string                { return s.name }
func (s service) Mount(m *pragma.Mount) error { return s.mount(m) }

func TestStartReportsProblemsOfServicesTogether(t *testing.T) {
	nothing := func(context.Context, *pragma.PlayerSession, *said) (*said, error) { return nil, nil }
	handler := http.NotFoundHandler()
	err := tryRun(t, "core: {clusterName: '', session: {pingIntervalSeconds: 0}}",
		service{"ARpc", func(m *pragma.Mount) error { return errors.New("cannot mount") }},
		service{"BRpc", func(m *pragma.Mount) error { panic("boom") }},
		service{"CRpc", func(m *pragma.Mount) error {
			pragma.HandlePlayer(m, "TwiceV1", nothing)
			pragma.HandlePlayer(m, "TwiceV1", nothing)
			pragma.PlayerNotice[said](m, "NoticeV1Notification")
			pragma.PlayerNotice[said](m, "NoticeV1Notification")
			m.HandleHTTP(pragma.Player, "GET /elsewhere", handler)
			m.HandleHTTP(pragma.Player, "GET /v1/info", handler)
			m.HandleHTTP(pragma.Player, "GET /v1/{", handler)
			return nil
		}},
		service{"ARpc", func(m *pragma.Mount) error { return nil }},
	)
	if err == nil {
		t.Fatal("the server started")
	}
	for _, want := range []string{
		"clusterName", "pingIntervalSeconds", "ARpc: cannot mount", "BRpc: Mount panicked: boom", "CRpc.TwiceV1Request is registered twice",
		"CRpc.NoticeV1Notification is registered twice", `"GET /elsewhere" must start`, `"GET /v1/info"`, `"GET /v1/{"`, "ARpc: mounted twice",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q:\n%v", want, err)
		}
	}
}

func TestFailedStartLeavesNothingOpen(t *testing.T) {
	boom := errors.New("boom")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	quiet := service{"QuietRpc", func(*pragma.Mount) error { return nil }}
	for _, tt := range []struct {
		name    string
		yaml    string
		service pragma.Service
		store   store.Opener
		listen  func(g pragma.Gateway) error
		want    string
	}{
		{"store", "", quiet, func(context.Context) (store.Driver, error) { return nil, boom }, nil, "open store: boom"},
		{"mount", "", service{"QuietRpc", func(*pragma.Mount) error { return boom }}, nil, nil, "boom"},
		{"start function", "", service{"QuietRpc", func(m *pragma.Mount) error {
			m.OnStart(func(context.Context) error { return boom })
			return nil
		}}, nil, nil, "boom"},
		{"last gateway", "", quiet, nil, func(g pragma.Gateway) error {
			if g == gameOperator {
				return boom
			}
			return nil
		}, "GAME/OPERATOR"},
		{"metrics", fmt.Sprintf("core: {metricsAddress: %q}", taken.Addr()), quiet, nil, nil, "open metrics"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			cfg, err := pragma.ParseConfig(tt.yaml)
			if err != nil {
				t.Fatal(err)
			}
			var open atomic.Int64
			db := &countingStore{Driver: store.NewMemory()}
			srv := &pragma.Server{
				Config: cfg, Game: []pragma.Service{tt.service}, Logger: slog.New(slog.DiscardHandler), Store: tt.store,
				Listen: func(_ context.Context, g pragma.Gateway, _ string) (net.Listener, error) {
					if tt.listen != nil {
						if err := tt.listen(g); err != nil {
							return nil, err
						}
					}
					l, err := net.Listen("tcp", "127.0.0.1:0")
					open.Add(1)
					return &countingListener{Listener: l, open: &open}, err
				},
				Ready: func(pragma.Addresses) { t.Error("the server is ready") },
			}
			if srv.Store == nil {
				srv.Store = func(context.Context) (store.Driver, error) { return db, nil }
			}
			err = srv.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run = %v, want %q", err, tt.want)
			}
			if n := open.Load(); n != 0 {
				t.Errorf("%d listeners are open", n)
			}
			want := 1
			if tt.name == "mount" { // not opened at all
				want = 0
			}
			if tt.store == nil && db.closed != want {
				t.Errorf("the store was closed %d times, want %d", db.closed, want)
			}
		})
	}
}

type countingListener struct {
	net.Listener
	open *atomic.Int64
}

func (l *countingListener) Close() error {
	l.open.Add(-1)
	return l.Listener.Close()
}

type countingStore struct {
	store.Driver
	closed int
}

func (s *countingStore) Close() error {
	s.closed++
	return s.Driver.Close()
}

func TestServerThatStopsLeavesNoGoroutines(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if err := tryRun(t, "core: {metricsAddress: '127.0.0.1:0'}", newLab()); err != nil {
		t.Error(err)
	}
}

func TestTwoServersInOneProcessNeverMeet(t *testing.T) {
	a, b := start(t, ""), start(t, "")
	token := a.token(t)
	a.dial(t, token)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.addr[gamePlayer]+"/v1/rpc", strings.NewReader(sayFrame))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token of one server got %d from the other, want 401", resp.StatusCode)
	}
}

func TestMetricsHaveTheirOwnListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	b := start(t, fmt.Sprintf("core: {metricsAddress: %q}", address))
	b.dial(t, b.token(t))
	get := func(url string) string {
		t.Helper()
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resp.StatusCode, " ", string(body))
	}
	if got := get("http://" + address + "/metrics"); !strings.Contains(got, `gamebackend_session_connected{backend="GAME",session="PLAYER"} 1`) {
		t.Errorf("the metrics do not count the socket:\n%.2000s", got)
	}
	if got := get("http://" + address + "/healthz"); !strings.HasPrefix(got, "200") {
		t.Errorf("healthz = %s", got)
	}
	if got := get("http://" + b.addr[gamePlayer] + "/metrics"); !strings.HasPrefix(got, "404") {
		t.Errorf("players see the metrics: %.100s", got)
	}
}

func TestSwitchedOffGatewaysAndEmptyBackendsDoNotListen(t *testing.T) {
	cfg, err := pragma.ParseConfig("core: {gatewayManager: {game: {operator: {enabled: false}}}}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got pragma.Addresses
	srv := &pragma.Server{
		Config: cfg, Game: []pragma.Service{newLab()}, Logger: slog.New(slog.DiscardHandler), Listen: freePort,
		Ready: func(a pragma.Addresses) { got = a; cancel() },
	}
	if err := srv.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[gamePlayer] == "" || got[gamePartner] == "" {
		t.Errorf("gateways: %v, want the player's and the partner's of Game", got)
	}
}

func TestMountOffersTheServersMeans(t *testing.T) {
	type cache struct{ made int }
	made := 0
	shared := func(m *pragma.Mount) *cache {
		return pragma.Shared(m, func(*pragma.Mount) *cache { made++; return &cache{made} })
	}
	var order []string
	check := func(m *pragma.Mount) {
		if m.Backend() != pragma.Game || m.Mode() != pragma.Development || m.ShardID().String() != "00000000-0000-0000-0000-000000000001" {
			t.Errorf("%s %s %s", m.Backend(), m.Mode(), m.ShardID())
		}
		if first, second := shared(m), shared(m); first != second || made != 1 {
			t.Error("Shared made more than one")
		}
		if m.HookTimeout() != 2*time.Second {
			t.Errorf("HookTimeout() = %v", m.HookTimeout())
		}
		if m.Log() == nil || m.Metrics() == nil || m.Store() == nil {
			t.Error("something is missing")
		}
		m.OnStart(func(context.Context) error { order = append(order, "start"); return nil })
		m.Go("work", func(context.Context) { order = append(order, "work") })
	}
	runLab(t, "", check, func(t *testing.T, w *world) {
		w.Stop()
		if got := strings.Join(order, " "); got != "start work" {
			t.Errorf("order: %s", got)
		}
		made = 0
		w.Start()
	})
}

func TestHooksHaveADeadlineAndMayPanic(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		boom := errors.New("boom")
		for _, tt := range []struct {
			name string
			hook func(ctx context.Context) error
			want error
			took time.Duration
		}{
			{"fine", func(context.Context) error { return nil }, nil, 0},
			{"refuses", func(context.Context) error { return boom }, boom, 0},
			{"panics", func(context.Context) error { panic("boom") }, pragma.ErrInternal, 0},
			{"obeys the deadline", func(ctx context.Context) error { <-ctx.Done(); return nil }, pragma.ErrInternal, 2 * time.Second},
			{"ignores the deadline", func(context.Context) error { <-w.hold; return nil }, pragma.ErrInternal, 2 * time.Second},
		} {
			begin := time.Now()
			err := pragma.RunHook(t.Context(), w.m, "Hook", tt.hook)
			// One that ends just at the deadline may count as either.
			if !errors.Is(err, tt.want) && !(err == nil && tt.name == "obeys the deadline") {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
			if took := time.Since(begin); took != tt.took {
				t.Errorf("%s: took %v, want %v", tt.name, took, tt.took)
			}
		}
		gone, cancel := context.WithCancelCause(t.Context())
		cancel(boom)
		if err := pragma.RunHook(gone, w.m, "Hook", func(context.Context) error { <-w.hold; return nil }); !errors.Is(err, boom) {
			t.Errorf("the caller's end gives %v, want its cause", err)
		}
		close(w.hold)
	})
}

func TestDevelopmentKeySurvivesARestart(t *testing.T) {
	opener := store.Memory()
	var token string
	for i := range 2 {
		l := newLab()
		ctx, cancel := context.WithCancel(t.Context())
		srv := &pragma.Server{
			Store: opener, Game: []pragma.Service{l}, Logger: slog.New(slog.DiscardHandler), Listen: freePort,
			Ready: func(pragma.Addresses) {
				defer cancel()
				if i == 0 {
					var err error
					id := pragma.NewID[pragma.PlayerID]()
					token, err = l.m.SignPlayerToken(pragma.Game, &pragma.PlayerSession{
						PlayerID: id, SocialID: pragma.SocialID(id), SessionID: pragma.NewOrderedID[pragma.SessionID](), GameShardID: l.m.ShardID(),
					})
					if err != nil {
						t.Error(err)
					}
					return
				}
				if _, err := l.m.VerifyPlayerToken(pragma.Game, token); err != nil {
					t.Errorf("after a restart: %v", err)
				}
				if _, err := l.m.VerifyPlayerToken(pragma.Social, token); !errors.Is(err, pragma.ErrWrongSessionType) {
					t.Errorf("on the other backend: %v", err)
				}
			},
		}
		if err := srv.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMountKnowsWhereGatewaysAre(t *testing.T) {
	run(t, `core: {gatewayManager: {game: {operator: {enabled: false}}, social: {player: {publicURL: "https://social.example.com"}}}}`,
		func(t *testing.T, w *world) {
			for g, want := range map[pragma.Gateway]string{
				gamePartner: "127.0.0.1:10100", gameOperator: "", socialPlayer: "https://social.example.com",
			} {
				if got := w.m.Address(g); got != want {
					t.Errorf("Address(%s) = %q, want %q", g, got, want)
				}
			}
		})
}

func TestOperatorsHaveAGatewayOfTheirOwn(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		c := w.Raw(gameOperator, w.operatorToken())
		for _, name := range []string{"LabRpc.SayOperatorV1", "OperatorSessionRpc.HeartbeatOperatorV1"} {
			if f := call(c, name, said{}); f.Response == nil {
				t.Errorf("%s got %s", name, f)
			}
		}
		if got := w.post(gameOperator, w.operatorToken(), `{"requestId":1,"type":"LabRpc.SayOperatorV1Request"}`); got.Frame.Response == nil {
			t.Errorf("over HTTP: %d %s", got.Status, got.Frame)
		}
	})
}

func TestCodesHaveNames(t *testing.T) {
	for code, want := range map[pragma.Code]string{
		pragma.Internal: "internal", pragma.Unavailable: "unavailable", 99: "code 99", -1: "code -1",
	} {
		if got := code.String(); got != want {
			t.Errorf("Code(%d) = %q, want %q", int(code), got, want)
		}
	}
}
