package localprocess_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/localprocess"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// TestMain lets this program be the game server that the tests start.
func TestMain(m *testing.M) {
	switch os.Getenv("LOCALPROCESS_TEST") {
	case "":
		os.Exit(m.Run())
	case "tell":
		tell()
	case "wait":
		wait(func() { fmt.Println("goodbye") })
	case "poll":
		poll()
	case "backend":
		backend()
	case "fleet backend":
		fleetBackend()
	case "stubborn":
		wait(func() { select {} })
	}
}

// tell prints what the process was told.
func tell() {
	for _, name := range []string{"GAME_INSTANCE_ID", "PARTNER_BACKEND_ADDRESS", "PARTNER_GAME_TOKEN", "PARTNER_SOCIAL_TOKEN"} {
		fmt.Println(name + "=" + os.Getenv("PRAGMA_"+name))
	}
	for _, arg := range os.Args[1:] {
		fmt.Println("arg", arg)
	}
	fmt.Print("mode=" + os.Getenv("MODE"))
}

// wait waits for an interrupt.
func wait(then func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	fmt.Println("ready")
	<-c
	then()
}

// logs are the lines that a server has logged.
type logs struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string // what game servers printed
}

func newLogs(t *testing.T) *logs {
	l := &logs{lines: make(chan string, 1000)}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(l, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return l
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	var entry struct{ Line string }
	if err := json.Unmarshal(p, &entry); err == nil && entry.Line != "" {
		l.lines <- entry.Line
	}
	return len(p), nil
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func plugin(t *testing.T, behaviour string) *localprocess.Plugin {
	t.Helper()
	p := &localprocess.Plugin{Command: self(t), Env: map[string]string{"LOCALPROCESS_TEST": behaviour, "MODE": "duel"}}
	t.Cleanup(p.Close)
	return p
}

func request() *gameinstance.StartAllocationForGameInstanceRequest {
	return &gameinstance.StartAllocationForGameInstanceRequest{
		GameInstanceID: pragma.NewID[pragma.GameInstanceID](), AllocationID: pragma.NewID[pragma.AllocationID](),
		BackendAddress: "127.0.0.1:10100",
		ClientTokens: func() (gameinstance.PartnerClientTokens, error) {
			return gameinstance.PartnerClientTokens{GameToken: "secret-game-token", SocialToken: "secret-social-token"}, nil
		},
	}
}

func start(t *testing.T, p *localprocess.Plugin, r *gameinstance.StartAllocationForGameInstanceRequest) {
	t.Helper()
	if err := p.StartAllocationForGameInstance(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessIsToldWhatToDo(t *testing.T) {
	l := newLogs(t)
	p := plugin(t, "tell")
	p.Args = []string{"-map", "harbor"}
	r := request()
	start(t, p, r)
	var got []string
	for len(got) < 10 {
		got = append(got, <-l.lines)
	}
	want := []string{
		"GAME_INSTANCE_ID=" + r.GameInstanceID.String(),
		"PARTNER_BACKEND_ADDRESS=127.0.0.1:10100",
		"PARTNER_GAME_TOKEN=***", // the log does not have them
		"PARTNER_SOCIAL_TOKEN=***",
		"arg -map",
		"arg harbor",
		"arg -PragmaPartnerBackendAddress=127.0.0.1:10100",
		"arg -PragmaPartnerSessionSocialAuthToken=***",
		"arg -PragmaPartnerSessionGameAuthToken=***",
		"mode=duel", // without a line end
	}
	if !slices.Equal(got, want) {
		t.Errorf("the process printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	p.Close()
	if strings.Contains(l.String(), "secret-") {
		t.Errorf("a token is in the log: %s", l)
	}
}

func TestAnAllocationStartsOneProcess(t *testing.T) {
	l := newLogs(t)
	p := plugin(t, "tell")
	r := request()
	start(t, p, r)
	for line := range l.lines {
		if line == "mode=duel" {
			break
		}
	}
	start(t, p, r) // also when it has ended
	p.Close()
	if n := strings.Count(l.String(), "game server started"); n != 1 {
		t.Errorf("%d processes were started, want 1", n)
	}
}

func TestProcessesAreBounded(t *testing.T) {
	newLogs(t)
	p := plugin(t, "wait")
	p.MaxProcesses = 2
	start(t, p, request())
	start(t, p, request())
	if err := p.StartAllocationForGameInstance(t.Context(), request()); !errors.Is(err, localprocess.ErrTooManyProcesses) {
		t.Errorf("a third process: %v, want %v", err, localprocess.ErrTooManyProcesses)
	}
	if n := p.Running(); n != 2 {
		t.Errorf("Running() = %d, want 2", n)
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	newLogs(t)
	p := &localprocess.Plugin{Command: "/no/such/program"}
	if err := p.StartAllocationForGameInstance(t.Context(), request()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	r := request()
	r.ClientTokens = func() (gameinstance.PartnerClientTokens, error) {
		return gameinstance.PartnerClientTokens{}, errors.New("no key")
	}
	if err := p.StartAllocationForGameInstance(t.Context(), r); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v, want the error of ClientTokens", err)
	}
}

func TestCloseInterruptsAndThenKills(t *testing.T) {
	for _, row := range []struct {
		behaviour string
		grace     int
		want      string
	}{
		{"wait", 60000, "goodbye"},
		{"stubborn", 50, "it is killed"},
	} {
		t.Run(row.behaviour, func(t *testing.T) {
			l := newLogs(t)
			p := plugin(t, row.behaviour)
			p.StopGraceMillis = row.grace
			start(t, p, request())
			<-l.lines // it listens to signals
			p.Close()
			if n := p.Running(); n != 0 {
				t.Errorf("%d processes are left", n)
			}
			if !strings.Contains(l.String(), row.want) {
				t.Errorf("want %q in the log: %s", row.want, l)
			}
			if err := p.StartAllocationForGameInstance(t.Context(), request()); !errors.Is(err, pragma.ErrUnavailable) {
				t.Errorf("a start after Close: %v, want %v", err, pragma.ErrUnavailable)
			}
		})
	}
}

// serve runs a server with the plugin until use returns.
func serve(t *testing.T, config string, p *localprocess.Plugin, use func()) error {
	t.Helper()
	cfg, err := pragma.ParseConfig("game: {pluginConfigs: {GameInstanceService.gameServerProviderPlugin: {config: {" + config + "}}}}\n" +
		`core: {gatewayManager: {game: {player: {enabled: false}, partner: {enabled: false}, operator: {enabled: false}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	srv := &pragma.Server{
		Config: cfg, Game: []pragma.Service{&gameinstance.Service{Provider: p}},
		Ready: func(pragma.Addresses) {
			go func() {
				defer stop()
				use()
			}()
		},
	}
	return srv.Run(ctx)
}

func TestAServerStopsItsProcesses(t *testing.T) {
	l := newLogs(t)
	p := plugin(t, "wait")
	p.Command = "/overridden"
	err := serve(t, fmt.Sprintf("command: %q, maxProcesses: 1", self(t)), p, func() {
		if err := p.StartAllocationForGameInstance(t.Context(), request()); err != nil {
			t.Error(err)
			return
		}
		<-l.lines
		if err := p.StartAllocationForGameInstance(t.Context(), request()); !errors.Is(err, localprocess.ErrTooManyProcesses) {
			t.Errorf("a second process: %v, want %v", err, localprocess.ErrTooManyProcesses)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Running(); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestConfigMistakesStopTheStart(t *testing.T) {
	for _, row := range []struct{ name, config, command, want string }{
		{"no command", "", "", "command is missing"},
		{"unknown key", "commando: x", "x", "commando"},
		{"no processes", "maxProcesses: 0", "x", "maxProcesses"},
	} {
		t.Run(row.name, func(t *testing.T) {
			newLogs(t)
			err := serve(t, row.config, &localprocess.Plugin{Command: row.command}, func() {})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("Run() = %v, want it to name %q", err, row.want)
			}
		})
	}
}

func TestThePluginHasNoMisspeltHooks(t *testing.T) {
	pragmatest.CheckPlugin[gameinstance.ProviderPlugin](t, &localprocess.Plugin{})
}

func ExamplePlugin() {
	games := &gameinstance.Service{
		Provider: &localprocess.Plugin{Command: "./gameserver", Args: []string{"-map", "harbor"}, MaxProcesses: 4},
	}
	fmt.Println(games.Name())
	// Output: GameInstanceRpc
}
