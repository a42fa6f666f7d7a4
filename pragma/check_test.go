package pragma_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// checked is a server that must not open anything.
func checked(t *testing.T, yaml string, services ...pragma.Service) *pragma.Server {
	t.Helper()
	cfg, err := pragma.ParseConfig(yaml)
	if err != nil {
		t.Fatal(err)
	}
	return &pragma.Server{
		Config: cfg, Game: services, Logger: slog.New(slog.DiscardHandler),
		Store: func(context.Context) (store.Driver, error) {
			t.Error("the store was opened")
			return nil, errors.New("opened")
		},
		Ready: func(pragma.Addresses) { t.Error("the server is ready") },
	}
}

func TestCheckReportsEverythingAndOpensNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	busy := service{"BusyRpc", func(m *pragma.Mount) error {
		m.OnStart(func(context.Context) error { t.Error("a start function ran"); return nil })
		m.Go("work", func(context.Context) { t.Error("background work ran") })
		if _, err := m.Store().Get(t.Context(), store.Key{Kind: "x", ID: "y"}); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("the store answers while mounting: %v", err)
		}
		return errors.New("busy is not in the mood")
	}}
	const yaml = `
cor: {}
core:
  gatewayManager: {game: {player: {address: "127.0.0.1"}, operator: {address: "127.0.0.1:10100"}}}
  metricsAddress: 127.0.0.1:10100
game: {serviceConfigs: {GuildConfig: {maxMember: 1}}}
`
	for name, err := range map[string]error{
		"Check": checked(t, yaml, busy, &guild{plugin: &banner{}}).Check(),
		"Run":   checked(t, yaml, busy, &guild{plugin: &banner{}}).Run(t.Context()),
	} {
		for _, want := range []string{
			"config:2:1: cor: unknown key",
			"config:4:36: core.gatewayManager.game.player.address: address 127.0.0.1: missing port",
			"core.gatewayManager.game.operator.address: 127.0.0.1:10100 is the address of GAME/PARTNER too",
			"config:5:3: core.metricsAddress: 127.0.0.1:10100 is the address of GAME/PARTNER too",
			"game.serviceConfigs.GuildConfig.maxMember: unknown key",
			"BusyRpc: busy is not in the mood",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s does not say %q:\n%v", name, want, err)
			}
		}
	}
}

func TestCheckFindsNothingWrongWithTheDefaults(t *testing.T) {
	for name, srv := range map[string]*pragma.Server{
		"no services": {}, "a service": checked(t, "", &guild{plugin: &banner{}}),
	} {
		if err := srv.Check(); err != nil {
			t.Errorf("%s: Check() = %v", name, err)
		}
	}
}

func TestCheckWantsAKeyInProduction(t *testing.T) {
	err := checked(t, "core: {backendMode: PRODUCTION}", &guild{plugin: &banner{}}).Check()
	if err == nil || !strings.Contains(err.Error(), "jwtPrivateKey is missing") {
		t.Errorf("Check() = %v, want an error that names the key", err)
	}
}

func TestCheckDoesNotMindAddressesOfOtherListeners(t *testing.T) {
	srv := checked(t, "core: {gatewayManager: {game: {player: {address: '@game'}}}}", &guild{plugin: &banner{}})
	srv.Listen = func(context.Context, pragma.Gateway, string) (net.Listener, error) { return nil, errors.New("opened") }
	if err := srv.Check(); err != nil {
		t.Errorf("Check() = %v", err)
	}
}

func TestProblemsOfServicesShowNoSecrets(t *testing.T) {
	t.Setenv("GUILD_PASSWORD", "hunter2-and-more")
	talks := service{"TalkRpc", func(m *pragma.Mount) error {
		c, err := pragma.ServiceConfig(m, "GuildConfig", guildConfig{})
		return errors.Join(err, fmt.Errorf("dial robin:%s@host", c.Load().Password.Reveal()))
	}}
	for name, yaml := range map[string]string{
		"substituted": `game: {serviceConfigs: {GuildConfig: {password: "${GUILD_PASSWORD}"}}}`,
		"plain":       `game: {serviceConfigs: {GuildConfig: {password: hunter2-and-more}}}`,
	} {
		err := checked(t, yaml, talks).Check()
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "TalkRpc: dial robin:***@host") {
			t.Errorf("%s: Check() = %v", name, err)
		}
	}
}

func TestADevelopmentServerMakesItsKeyOnceTheStoreIsOpen(t *testing.T) {
	opener := store.Memory()
	var before, after string
	for _, token := range []*string{&before, &after} {
		l := newLab()
		ctx, cancel := context.WithCancel(t.Context())
		srv := &pragma.Server{
			Game: []pragma.Service{l}, Store: opener, Listen: freePort, Logger: slog.New(slog.DiscardHandler),
			Ready: func(pragma.Addresses) {
				*token = robin{&world{&pragmatest.World{T: t}, l}, pragma.NewID[pragma.PlayerID]()}.token(pragma.NewOrderedID[pragma.SessionID]())
				if before != "" {
					if _, err := l.m.VerifyPlayerToken(pragma.Game, before); err != nil {
						t.Errorf("a token of before the restart: %v", err)
					}
				}
				cancel()
			},
		}
		if err := srv.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeysWithoutEffectAreNamedInOneWarning(t *testing.T) {
	const unused = `
  openTelemetryServiceName: game
  logging: {rootLoggerLevel: INFO, more: [1]}
  portalUrl: https://portal.example.com
  enableHistogramMetrics: true
  enableKtorMetrics: true
  metricsDistributionExpiryDurationSeconds: 120
  nettyPendingTasksCheckPeriodMillis: 1000
  distributedServices: {PartyService: {nodeByInstanceId: {"0": node-1}}}
  remoteNodeConfigs: {node-2: {host: 10.0.0.2, port: 9000}}
  allowWorkInProgressAccess: false
  enableVersionWithBuildSlug: %v`
	file := filepath.Join(t.TempDir(), "core.yml")
	write := func(slug bool, burst int) {
		t.Helper()
		yaml := fmt.Sprintf("core:"+unused+"\n  session: {playerBurst: %d}\n", slug, burst)
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(false, 40)
	pragmatest.Run(t, func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		return &pragma.Server{Config: cfg, Game: []pragma.Service{newLab()}}
	}, func(w *pragmatest.World) {
		var warnings []string
		for line := range strings.Lines(w.Logs()) {
			if strings.Contains(line, "level=WARN") {
				warnings = append(warnings, line)
			}
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], "has no effect") {
			w.T.Fatalf("warnings: %q, want one", warnings)
		}
		for _, key := range []string{
			"core.openTelemetryServiceName", "core.logging", "core.portalUrl", "core.enableHistogramMetrics", "core.enableKtorMetrics",
			"core.metricsDistributionExpiryDurationSeconds", "core.nettyPendingTasksCheckPeriodMillis", "core.distributedServices",
			"core.remoteNodeConfigs", "core.allowWorkInProgressAccess", "core.enableVersionWithBuildSlug",
		} {
			if !strings.Contains(warnings[0], key) {
				w.T.Errorf("the warning does not name %s: %s", key, warnings[0])
			}
		}
		write(true, 50) // a change of what has no effect needs no restart
		time.Sleep(10 * time.Second)
		if log := w.Logs(); !strings.Contains(log, "configuration reloaded") || strings.Contains(log, "needs a restart") {
			w.T.Errorf("after a change:\n%s", log)
		}
	})
}

func TestCheckWarnsAsTheStartDoes(t *testing.T) {
	var log bytes.Buffer
	srv := checked(t, "core: {portalUrl: x}", &guild{plugin: &banner{}})
	srv.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := srv.Check(); err != nil || !strings.Contains(log.String(), "core.portalUrl") {
		t.Errorf("Check() = %v, log: %s", err, log.String())
	}
}
