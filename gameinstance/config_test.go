package gameinstance_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestConfigMistakesStopTheStart(t *testing.T) {
	for _, row := range []struct{ name, config, want string }{
		{"unknown key", "keepAliveIntervalMilis: 5", "keepAliveIntervalMilis"},
		{"negative", "keepAliveMissesLimit: -1", "keepAliveMissesLimit must be at least 1"},
		{"mode", "reconnectMode: MAYBE", "want OPTIONAL, REQUIRED or DISABLED"},
		{"both names", "connectPlayersTimeoutMillis: 1, gameReadyTimeoutMillis: 2", "gameReadyTimeoutMillis"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := startWith(t, row.config, &gameinstance.Service{})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("Run() = %v, want it to name %q", err, row.want)
			}
		})
	}
}

// startWith runs a server until it has failed to start, or started.
func startWith(t *testing.T, config string, s *gameinstance.Service) error {
	t.Helper()
	cfg, err := pragma.ParseConfig("game: {serviceConfigs: {GameInstanceServiceConfig: {" + config + "}}}\n" +
		`core: {gatewayManager: {game: {player: {address: "127.0.0.1:0"}, partner: {address: "127.0.0.1:0"}, operator: {enabled: false}}}}`)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	srv := &pragma.Server{Config: cfg, Game: []pragma.Service{s}, Ready: func(pragma.Addresses) { stop() }}
	return srv.Run(ctx)
}

type misspelt struct{ gameinstance.Defaults }

func (misspelt) HandlePlayerUpdateRequests(context.Context, *gameinstance.PlayerUpdateRequest) error {
	return nil
}

func TestAMisspeltHookStopsTheStart(t *testing.T) {
	err := startWith(t, "", &gameinstance.Service{Plugin: misspelt{}})
	if err == nil || !strings.Contains(err.Error(), "HandlePlayerUpdateRequest") {
		t.Errorf("Run() = %v, want it to name the hook", err)
	}
}

func TestTheTestPluginHasNoMisspeltHooks(t *testing.T) {
	pragmatest.CheckPlugin[gameinstance.Plugin](t, &plug{})
	pragmatest.CheckPlugin[gameinstance.ProviderPlugin](t, &provider{})
}

func TestTheServiceBelongsOnTheGameBackend(t *testing.T) {
	srv := &pragma.Server{Social: []pragma.Service{&gameinstance.Service{}}}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Game backend") {
		t.Errorf("Run() = %v, want a refusal", err)
	}
}

func TestALowerExpirationReachesWaitingInstances(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte("game: {serviceConfigs: {GameInstanceServiceConfig: {"+text+"}}}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("staleGameInstanceExpirationMinutes: 1440")
	var games *gameinstance.Service
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		games = &gameinstance.Service{Plugin: empty{}}
		return &pragma.Server{Config: cfg, Game: []pragma.Service{games}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		id, err := games.Create(w.T.Context(), &gameinstance.CreateOptions{})
		if err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		write("staleGameInstanceExpirationMinutes: 60")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		err = games.Read(w.T.Context(), id, func(*gameinstance.Instance) error { return nil })
		is(w.T, err, gameinstance.ErrUnknownGameInstanceID)
	})
}

// empty makes instances without players and servers.
type empty struct{ gameinstance.Defaults }

func (empty) HandleBackendCreateRequest(context.Context, *gameinstance.BackendCreateRequest) error {
	return nil
}
