package localprocess_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/localprocess"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// poll is a game server that asks for games and ends each at once.
func poll() {
	opts, err := client.GameServerFromEnv(os.Args[1:])
	if err != nil {
		panic(err)
	}
	opts.Social, opts.Tokens.Social = opts.Game, "" // /v1/info knows no port of the system's choice
	ctx := context.Background()
	s, err := client.NewGameServer(ctx, opts)
	if err != nil {
		panic(err)
	}
	sub := s.Subscribe()
	if err := s.StartReportCapacityPolling(client.CapacityPolling{ServerID: opts.ServerID, ServerPoolID: opts.ServerPoolID}); err != nil {
		panic(err)
	}
	for {
		e, err := client.Await[client.GameAllocated](ctx, sub, nil)
		if err != nil {
			return
		}
		_, err = s.Link(ctx, e.GameInstanceID)
		err = errors.Join(err, s.ConnectPlayers(ctx, client.ConnectPlayers{GameInstanceID: e.GameInstanceID}))
		err = errors.Join(err, s.EndGame(ctx, client.EndGame{GameInstanceID: e.GameInstanceID}))
		fmt.Println("played", e.GameInstanceID, err)
		_ = s.ReportFreedCapacity(1)
	}
}

func local(t *testing.T, behaviour string) *localprocess.Fleet {
	t.Helper()
	f := &localprocess.Fleet{Command: self(t), Env: map[string]string{"LOCALPROCESS_TEST": behaviour, "MODE": "duel"}}
	t.Cleanup(f.Close)
	return f
}

// order asks for servers.
func order(ids ...string) *fleet.AddRequest {
	r := &fleet.AddRequest{ServerPool: fleet.ServerPool{ServerPoolID: "v1"}, BackendAddress: "127.0.0.1:10100"}
	for _, id := range ids {
		r.Allocations = append(r.Allocations, fleet.GameServerAllocation{ServerID: id, ClientTokens: request().ClientTokens})
	}
	return r
}

func TestAFleetProcessIsToldWhoItIs(t *testing.T) {
	l := newLogs(t)
	f := local(t, "tell")
	f.Args = []string{"-map", "harbor"}
	if err := f.Add(t.Context(), order("server-1")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) < 12 {
		got = append(got, <-l.lines)
	}
	for _, want := range []string{
		"GAME_INSTANCE_ID=", "PARTNER_BACKEND_ADDRESS=127.0.0.1:10100", "PARTNER_GAME_TOKEN=***", "arg -map", "arg harbor",
		"arg -PragmaServerId=server-1", "arg -PragmaServerPoolId=v1", "mode=duel",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the process printed\n%s\nwithout %s", strings.Join(got, "\n"), want)
		}
	}
	f.Close()
	if strings.Contains(l.String(), "secret-") {
		t.Errorf("a token is in the log: %s", l)
	}
}

func TestAFleetServerIsStartedOnceAndWithinTheBound(t *testing.T) {
	l := newLogs(t)
	f := local(t, "wait")
	f.MaxProcesses = 2
	if err := f.Add(t.Context(), order("a", "b", "c")); !errors.Is(err, localprocess.ErrTooManyProcesses) {
		t.Errorf("Add of three = %v, want %v", err, localprocess.ErrTooManyProcesses)
	}
	<-l.lines
	<-l.lines
	if err := f.Add(t.Context(), order("a", "b")); err != nil {
		t.Errorf("Add of those that run = %v", err)
	}
	if n := f.Running(); n != 2 {
		t.Errorf("Running() = %d, want 2", n)
	}
	f.Close()
	if n := f.Running(); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if err := f.Add(t.Context(), order("d")); !errors.Is(err, pragma.ErrUnavailable) {
		t.Errorf("Add after Close: %v, want %v", err, pragma.ErrUnavailable)
	}
}

func TestAFleetWithoutAProgramSaysSo(t *testing.T) {
	newLogs(t)
	f := &localprocess.Fleet{Command: "/no/such/program"}
	if err := f.Add(t.Context(), order("a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	games := &gameinstance.Service{}
	servers := &fleet.Service{Plugin: &localprocess.Fleet{}, Games: games}
	games.Provider = servers
	srv := &pragma.Server{Config: pragmatest.Config(t), Game: []pragma.Service{games, servers}}
	if err := srv.Check(); err == nil || !strings.Contains(err.Error(), "command is missing") {
		t.Errorf("Check() = %v, want it to miss the command", err)
	}
	pragmatest.CheckPlugin[fleet.Plugin](t, f)
}

// TestGamesArePlayedByProcessesThatAsk runs a real server, with a process of the
// fleet that plays several games.
func TestGamesArePlayedByProcessesThatAsk(t *testing.T) {
	l := newLogs(t)
	games := &gameinstance.Service{}
	servers := &fleet.Service{Plugin: local(t, "poll"), Games: games}
	games.Provider = servers
	cfg := pragmatest.Config(t, "game: {serviceConfigs: {FleetServiceConfig: {serverPoolManagementPolicies: {default: {serverHeartbeatPeriodMillis: 20, missedHeartbeatsAllowed: 500, maxCapacity: 1}}}}}")
	ready, done := make(chan struct{}), make(chan error, 1)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	srv := &pragma.Server{
		Config: cfg, Game: []pragma.Service{games, servers}, Logger: slog.New(slog.NewJSONHandler(l, nil)),
		Ready: func(pragma.Addresses) { close(ready) },
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
	}
	go func() { done <- srv.Run(ctx) }()
	<-ready
	for range 3 {
		id, err := games.Create(ctx, &gameinstance.CreateOptions{GameServerVersion: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		want := "played " + id.String() + " <nil>"
		select {
		case got := <-l.lines:
			if got != want {
				t.Fatalf("the process printed %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("the game was not played: %s", l)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(l.String(), `"game server started"`); n != 1 {
		t.Errorf("%d processes were started, want 1", n)
	}
}

func ExampleFleet() {
	games := &gameinstance.Service{}
	servers := &fleet.Service{
		Plugin: &localprocess.Fleet{Command: "./gameserver", MaxProcesses: 4},
		Games:  games,
	}
	games.Provider = servers
	fmt.Println(servers.Name())
	// Output: FleetRpc
}
