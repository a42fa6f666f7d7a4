package pragma_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// shout is a whole service: a call that everybody hears about.
type shout struct {
	heard pragma.Notice[words]

	mu        sync.Mutex
	listeners []pragma.PlayerID
}

type words struct {
	From string `json:"from"`
	Text string `json:"text"`
}

// A studio's own refusal is a title error. Clients compare it as servers do.
var errNothing = &pragma.Error{Code: pragma.InvalidArgument, Reason: "Shout_Nothing", Title: true, Message: "say something"}

func (s *shout) Name() string { return "ShoutRpc" }

func (s *shout) Mount(m *pragma.Mount) error {
	s.heard = pragma.PlayerNotice[words](m, "HeardV1Notification")
	pragma.HandlePlayer(m, "ShoutV1", func(ctx context.Context, who *pragma.PlayerSession, r *words) (*words, error) {
		if r.Text == "" {
			return nil, errNothing
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		r.From = who.DisplayName.DisplayName
		m.NotifyPlayers(ctx, s.heard.Of(r), s.listeners...)
		return r, nil
	})
	m.OnConnect(func(_ context.Context, who *pragma.PlayerSession) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.listeners = append(s.listeners, who.PlayerID)
		return nil
	})
	return nil
}

// A service of a studio: a call, its error, and a notification, seen by a client.
func Example() {
	ready := make(chan pragma.Addresses, 1)
	srv := &pragma.Server{
		Social: []pragma.Service{&account.Service{}},
		Game:   []pragma.Service{&shout{}},
		Logger: slog.New(slog.DiscardHandler),
		Listen: func(ctx context.Context, _ pragma.Gateway, _ string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0") // a free port in place of the documented one
		},
		Ready: func(a pragma.Addresses) { ready <- a },
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	where := <-ready

	robin, err := client.LogIn(ctx, client.Options{
		Game:   where[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}],
		Social: where[pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}],
	}, client.Unsafe("robin", "Robin"))
	if err != nil {
		fmt.Println(err)
		return
	}
	heard := make(chan words, 1)
	client.OnNotification(robin, pragma.Game, "ShoutRpc.HeardV1Notification", func(w *words) { heard <- *w })

	answer, err := client.Call[words](ctx, robin.GameConn(), "ShoutRpc.ShoutV1", words{Text: "hello"})
	fmt.Println(*answer, err)
	fmt.Println(<-heard)
	_, err = client.Call[words](ctx, robin.GameConn(), "ShoutRpc.ShoutV1", words{})
	fmt.Println(errors.Is(err, errNothing))

	robin.Close()
	stop()
	fmt.Println(<-done)
	// Output:
	// {Robin hello} <nil>
	// {Robin hello}
	// true
	// <nil>
}

func ExampleParseConfig() {
	_, err := pragma.ParseConfig("core: {backendMode: PRODUCTION}", "core: {backendMode: [x]")
	fmt.Println(err)
	// Output: config 2:2:1: not YAML: while parsing a flow mapping: did not find expected ',' or '}'
}

func ExampleServer_Check() {
	cfg, err := pragma.ParseConfig("core: {nodeNam: a}\nsocial: {serviceConfigs: {TokenConfig: {operatorExpirationMinutes: 0}}}")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println((&pragma.Server{Config: cfg}).Check())
	// Output:
	// config:1:8: core.nodeNam: unknown key (did you mean nodeName?)
	// config:2:41: social.serviceConfigs.TokenConfig.operatorExpirationMinutes: want 1 to 100000000
}

func ExampleCheckHooks() {
	err := pragma.CheckHooks[hooks](otherCase{})
	fmt.Println(err)
	// Output: method OnAddplayer of pragma_test.otherCase looks like a misspelt hook: want OnAddPlayer
}
