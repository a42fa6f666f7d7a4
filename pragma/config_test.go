package pragma_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma"
)

type guildConfig struct {
	MaxMembers int           `yaml:"maxMembers"`
	Password   pragma.Secret `yaml:"password"`
}

// guild is a studio's service with configuration and a configurable plugin.
type guild struct {
	plugin any
	config *pragma.Live[guildConfig]
}

func (g *guild) Name() string { return "GuildRpc" }

func (g *guild) Mount(m *pragma.Mount) (err error) {
	g.config, err = pragma.ServiceConfig(m, "GuildConfig", guildConfig{MaxMembers: 50})
	return errors.Join(err, pragma.MountPlugin(m, "GuildService.guildPlugin", g.plugin))
}

type banner struct{ config *pragma.Live[bannerConfig] }

type bannerConfig struct {
	Colours int `yaml:"colours"`
}

func (b *banner) MountPlugin(p *pragma.PluginMount) (err error) {
	b.config, err = pragma.PluginConfig(p, bannerConfig{Colours: 2})
	return err
}

// tryRun runs a server that is told to stop as soon as it is ready.
func tryRun(t *testing.T, yaml string, services ...pragma.Service) error {
	t.Helper()
	cfg, err := pragma.ParseConfig(yaml)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv := &pragma.Server{
		Config: cfg, Game: services, Logger: slog.New(slog.DiscardHandler),
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
		Ready: func(pragma.Addresses) { cancel() },
	}
	return srv.Run(ctx)
}

func TestServicesAndPluginsGetTheirSections(t *testing.T) {
	g, b := &guild{}, &banner{}
	g.plugin = b
	err := tryRun(t, `
game:
  serviceConfigs:
    GuildConfig: {maxMembers: 7}
  pluginConfigs:
    GuildService.guildPlugin: {class: pragma_test.banner, config: {colours: 3}}
`, g)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.config.Load().MaxMembers; got != 7 {
		t.Errorf("maxMembers = %d, want 7", got)
	}
	if got := b.config.Load().Colours; got != 3 {
		t.Errorf("colours = %d, want 3", got)
	}
}

func TestStartReportsEveryMistakeTogether(t *testing.T) {
	err := tryRun(t, `
core:
  nodeName: a
game:
  serviceConfigs:
    GuildConfig: {maxMembers: many, maxMember: 3}
    GildConfig: {}
  pluginConfigs:
    GuildService.guildPlugin: {config: {colors: 3}}
`, &guild{plugin: &banner{}}, &guild{plugin: &banner{}})
	if err == nil {
		t.Fatal("the server started")
	}
	for _, want := range []string{
		"config:6:19: game.serviceConfigs.GuildConfig.maxMembers", "maxMember", "GildConfig", "colors", "mounted twice",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q:\n%v", want, err)
		}
	}
}

func TestStartRefusesAPluginOfAnotherClass(t *testing.T) {
	err := tryRun(t, `game: {pluginConfigs: {GuildService.guildPlugin: {class: some.OtherPlugin}}}`, &guild{plugin: &banner{}})
	if err == nil || !strings.Contains(err.Error(), "some.OtherPlugin") || !strings.Contains(err.Error(), "pragma_test.banner") {
		t.Errorf("got %v, want an error that names both classes", err)
	}
}

func TestStartRefusesAProductionServerWithoutASigningKey(t *testing.T) {
	err := tryRun(t, `core: {backendMode: PRODUCTION}`, &guild{plugin: &banner{}})
	if err == nil || !strings.Contains(err.Error(), "jwtPrivateKey") {
		t.Errorf("got %v, want an error that names jwtPrivateKey", err)
	}
}

func TestSecretsPrintAsStars(t *testing.T) {
	t.Setenv("GUILD_PASSWORD", "hunter2")
	g := &guild{plugin: &banner{}}
	if err := tryRun(t, "game: {serviceConfigs: {GuildConfig: {password: \"${GUILD_PASSWORD}\"}}}", g); err != nil {
		t.Fatal(err)
	}
	c := g.config.Load()
	if got := c.Password.Reveal(); got != "hunter2" {
		t.Errorf("Reveal() = %q, want hunter2", got)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "hunter2") {
		t.Errorf("printed as %s", text)
	}
}

func TestGatewayThatCannotOpenStopsTheStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg, err := pragma.ParseConfig(fmt.Sprintf(`core: {gatewayManager: {game: {player: {address: %q}, partner: {enabled: false}, operator: {enabled: false}}}}`, l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	srv := &pragma.Server{Config: cfg, Game: []pragma.Service{&guild{plugin: &banner{}}}, Logger: slog.New(slog.DiscardHandler)}
	err = srv.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "GAME/PLAYER") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v, want an error that names the gateway and the address", err)
	}
}

func TestSettingsThatCannotWorkStopTheStart(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"no cluster name", "core: {clusterName: ''}", "core.clusterName"},
		{"no node name", "core: {nodeName: ''}", "core.nodeName"},
		{"shard id", "core: {shardId: here}", "core.shardId"},
		{"zero shard id", "core: {shardId: 00000000-0000-0000-0000-000000000000}", "core.shardId"},
		{"mode", "core: {backendMode: STAGING}", "core.backendMode"},
		{"no pings", "core: {session: {pingIntervalSeconds: 0}}", "core.session.pingIntervalSeconds: want 1 to"},
		{"no rate", "core: {session: {playerBurst: -1}}", "core.session.playerBurst"},
		{"idle before the first ping", "core: {session: {idleTimeoutSeconds: 20}}", "core.session.idleTimeoutSeconds: want more than pingIntervalSeconds (20)"},
		{"time beyond all clocks", "core: {shutdownTimeoutMillis: 9000000000000000000}", "core.shutdownTimeoutMillis"},
		{"public URL", "core: {gatewayManager: {game: {player: {publicURL: game.example.com}}}}", "publicURL: want a URL"},
		{"negative limit", "core: {session: {addressSockets: -1}}", "core.session.addressSockets: want 0 to"},
		{"limit without burst", "core: {session: {addressHandshakeBurst: 0}}", "core.session.addressHandshakeBurst: want 1 to"},
		{"no time for a message", "core: {session: {messageTimeoutSeconds: 0}}", "core.session.messageTimeoutSeconds"},
		{"header without room for a token", "core: {gatewayManager: {http: {maxHeaderBytes: 100}}}", "core.gatewayManager.http.maxHeaderBytes: want 4096 to"},
		{"no time for a request", "core: {gatewayManager: {http: {readTimeoutSeconds: 0}}}", "core.gatewayManager.http.readTimeoutSeconds"},
		{"proxy by name", "core: {gatewayManager: {trustedProxies: [10.0.0.0/8, balancer]}}", "core.gatewayManager.trustedProxies[1]: want a network"},
		{"unknown header", "core: {gatewayManager: {forwardedHeader: X-Real-IP}}", "core.gatewayManager.forwardedHeader: want X-Forwarded-For or Forwarded"},
		{"network", "core: {gatewayManager: {game: {operator: {allowedNetworks: [10.0.0.0/99]}}}}", "allowedNetworks[0]: want a network"},
		{"origin with a path", "core: {gatewayManager: {game: {player: {allowedOrigins: [\"https://example.com/\"]}}}}", "allowedOrigins: want origins"},
		{"every page for operators", "core: {gatewayManager: {social: {operator: {allowedOrigins: [\"*\"]}}}}", "core.gatewayManager.social.operator.allowedOrigins"},
		{"certificate without key", "core: {gatewayManager: {game: {player: {tls: {certFile: cert.pem}}}}}", "tls.keyFile"},
		{"key without certificate", "core: {gatewayManager: {game: {player: {tls: {keyFile: key.pem}}}}}", "tls.certFile"},
		{"refresh after the end", "social: {serviceConfigs: {TokenSignerConfig: {playerTokenExpirationMinutes: 30}}}", "playerTokenRefreshMinutes"},
		{"refresh at once", "social: {serviceConfigs: {TokenSignerConfig: {playerTokenRefreshVarianceWindowMinutes: 45}}}", "playerTokenRefreshVarianceWindowMinutes"},
		{"endless partners", "social: {serviceConfigs: {TokenConfig: {partnerExpirationHours: 2000001}}}", "partnerExpirationHours"},
		{"key", "social: {serviceConfigs: {TokenSignerConfig: {jwtPrivateKey: secret-nonsense}}}", "jwtPrivateKey"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tryRun(t, tt.yaml, &guild{plugin: &banner{}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-nonsense") {
				t.Errorf("the error repeats a secret: %v", err)
			}
		})
	}
}

func TestMistakesOfAServiceAreReportedBesideThoseOfItsConfiguration(t *testing.T) {
	err := tryRun(t, "game: {serviceConfigs: {GuildConfig: {maxMembers: many}}, pluginConfigs: {GuildService.guildPlugin: {class: some.OtherPlugin}}}",
		&guild{plugin: &banner{}})
	if err == nil || !strings.Contains(err.Error(), "maxMembers") || !strings.Contains(err.Error(), "some.OtherPlugin") {
		t.Errorf("got %v, want both mistakes", err)
	}
	if err != nil && strings.Count(err.Error(), "maxMembers") != 1 {
		t.Errorf("a mistake is reported more than once: %v", err)
	}
}

func TestLaterTextsOfAConfigurationWin(t *testing.T) {
	cfg, err := pragma.ParseConfig("game: {serviceConfigs: {GuildConfig: {maxMembers: 3}}}", "game: {serviceConfigs: {GuildConfig: {maxMembers: 4}}}")
	if err != nil {
		t.Fatal(err)
	}
	g := &guild{plugin: &banner{}}
	ctx, cancel := context.WithCancel(t.Context())
	srv := &pragma.Server{
		Config: cfg, Game: []pragma.Service{g}, Logger: slog.New(slog.DiscardHandler), Listen: freePort,
		Ready: func(pragma.Addresses) { cancel() },
	}
	if err := srv.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := g.config.Load().MaxMembers; got != 4 {
		t.Errorf("maxMembers = %d, want 4", got)
	}
}

func TestNewLiveNeverChanges(t *testing.T) {
	if got := pragma.NewLive(7).Load(); got != 7 {
		t.Errorf("Load() = %d, want 7", got)
	}
}

// worker is a plugin with work of its own.
type worker struct{ ran chan string }

func (w worker) MountPlugin(p *pragma.PluginMount) error {
	p.Log().Info("mounted")
	p.Go("work", func(ctx context.Context) {
		<-ctx.Done()
		w.ran <- "ended"
	})
	return nil
}

func TestPluginMayHaveWorkThatEndsWithTheServer(t *testing.T) {
	w := worker{make(chan string, 1)}
	if err := tryRun(t, "", &guild{plugin: w}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.ran:
	default:
		t.Error("the server has stopped before the plugin's work")
	}
}

func TestKeysWithAnEffectAreNotSaidToHaveNone(t *testing.T) {
	run(t, "core: {session: {partnerGraceSeconds: 5, enableMatchReconnect: false}}", func(t *testing.T, w *world) {
		if log := w.Logs(); strings.Contains(log, "has no effect") {
			t.Errorf("the log is\n%s", log)
		}
		if w.m.MatchReconnect() {
			t.Error("MatchReconnect() = true, want false")
		}
	})
}
