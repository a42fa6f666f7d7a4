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
