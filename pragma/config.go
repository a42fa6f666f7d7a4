package pragma

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/openpragma/engine/internal/conf"
)

// Config is the content of the configuration files of a server. Get one from
// [LoadConfig] or [ParseConfig]; the zero value is an empty configuration, which
// means the documented defaults. It may be shared by several servers.
type Config struct {
	loader *conf.Loader // nil: nothing to reload
	tree   *conf.Tree   // nil: empty
}

// LoadConfig reads YAML files. Maps of later files are merged over earlier ones
// and a null removes an entry (engine §9.2). Values may be given as ${ENV_NAME}
// or file:<path>. The error names every file that cannot be read as YAML, with
// its line. All other mistakes are reported together by [Server.Check] and
// [Server.Run], because the services know what belongs into their sections:
// unknown keys and sections, wrong values, variables and files that are missing.
//
// A running server looks at the files every five seconds. What can change live
// does; a file with a mistake is reported and the last good values stay.
func LoadConfig(files ...string) (*Config, error) {
	return loadConfig(&conf.Loader{Files: files})
}

// ParseConfig is [LoadConfig] for YAML texts; errors call them "config", or
// "config 1", "config 2" and so on. It is never reloaded.
func ParseConfig(yaml ...string) (*Config, error) {
	sources := make([]conf.Source, len(yaml))
	for i, text := range yaml {
		sources[i] = conf.Source{Name: "config", Text: text}
		if len(yaml) > 1 {
			sources[i].Name = fmt.Sprintf("config %d", i+1)
		}
	}
	c, err := loadConfig(conf.Memory(sources...))
	if err != nil {
		return nil, err
	}
	c.loader = nil
	return c, nil
}

func loadConfig(loader *conf.Loader) (*Config, error) {
	tree, err := loader.Load()
	if err != nil {
		return nil, err
	}
	return &Config{loader, tree}, nil
}

// Secret is a configuration value that prints as *** everywhere.
type Secret = conf.Secret

// Live is configuration that a reload may replace while the server runs. It is
// safe for concurrent use.
type Live[T any] struct {
	load     func() T
	onChange func(fn func(before, after T))
}

// NewLive returns a value that never changes, for tests.
func NewLive[T any](v T) *Live[T] { return live(conf.NewLive(v)) }

func live[T any](l *conf.Live[T]) *Live[T] { return &Live[T]{l.Load, l.OnChange} }

// Load returns the present value. Read it once per call, so that one call sees
// one configuration. Maps and slices in it are shared: do not change them.
func (l *Live[T]) Load() T { return l.load() }

// OnChange has fn called after every change. Functions are called one at a time.
func (l *Live[T]) OnChange(fn func(before, after T)) { l.onChange(fn) }

// ServiceConfig claims the section <backend>.serviceConfigs.<section> and
// decodes it over def, by the keys of the yaml tags of T. Unknown keys and
// values of a wrong kind are errors. If *T has a method Validate() error, it is
// asked too; it may join several errors, and one that starts with a key, such as
// "maxMembers must be above 0", is reported at the line of that key. Secrets and
// values from outside the files are never shown. Call it while mounting; the server reports all mistakes of all
// sections together, whether or not the caller returns the error.
func ServiceConfig[T any](m *Mount, section string, def T) (*Live[T], error) {
	path := strings.ToLower(string(m.side.backend)) + ".serviceConfigs." + section
	return bind(m.side.core.conf, conf.Binding[T]{Path: path, Default: def})
}

func bind[T any](set *conf.Set, b conf.Binding[T]) (*Live[T], error) {
	l, err := conf.Bind(set, b)
	return live(l), err
}

// pluginSection is the documented form of an entry of pluginConfigs.
type pluginSection[T any] struct {
	Class  string `yaml:"class"`
	Config T      `yaml:"config"`
}

// PluginMount is what a plugin gets when its service mounts it.
type PluginMount struct {
	m       *Mount
	path    string
	class   string // the Go type of the plugin
	also    string // its name in the documentation, if that is another one
	claimed bool
}

// Configurable is a plugin that wants configuration, or a logger. Services ask
// each of their plugins for it when they mount.
type Configurable interface {
	// MountPlugin is called once, before any hook. An error stops the start.
	MountPlugin(p *PluginMount) error
}

// DocumentedClass is a plugin that configuration files may also name by a class
// other than its Go type (engine §9.1).
type DocumentedClass interface {
	// DocumentedClass returns that class; it is constant.
	DocumentedClass() string
}

// Log returns the logger of the plugin's service.
func (p *PluginMount) Log() *slog.Logger { return p.m.log }

// Mode returns the mode the server runs in.
func (p *PluginMount) Mode() Mode { return p.m.Mode() }

// OnStart registers fn to run before the gateways open, see [Mount.OnStart].
func (p *PluginMount) OnStart(fn func(ctx context.Context) error) { p.m.OnStart(fn) }

// Go registers work that runs beside the gateways, see [Mount.Go]. A plugin that
// holds something outside, such as processes, gives it back when ctx ends.
func (p *PluginMount) Go(name string, fn func(ctx context.Context)) { p.m.Go(name, fn) }

// PluginConfig claims the plugin's entry in pluginConfigs and decodes its config
// over def. The rules are those of [ServiceConfig].
func PluginConfig[T any](p *PluginMount, def T) (*Live[T], error) {
	p.claimed = true
	section, err := conf.Bind(p.m.side.core.conf, conf.Binding[pluginSection[T]]{
		Path: p.path, Default: pluginSection[T]{Config: def},
	})
	if err != nil {
		return nil, err
	}
	if class := section.Load().Class; class != "" && class != p.class && class != p.also {
		return nil, fmt.Errorf("%s.class: %q is not the plugin this server was built with, %s", p.path, class, p.class)
	}
	return &Live[T]{
		load: func() T { return section.Load().Config },
		onChange: func(fn func(before, after T)) {
			section.OnChange(func(before, after pluginSection[T]) { fn(before.Config, after.Config) })
		},
	}, nil
}

// MountPlugin prepares the plugin in a slot of a service, such as
// "PartyService.partyPlugin": it reports misspelt hooks of I, gives a
// [Configurable] plugin its configuration, and claims the slot's section.
// Services call it for each plugin while they mount.
func MountPlugin[I any](m *Mount, slot string, plugin I) error {
	p := &PluginMount{
		m:     m,
		path:  strings.ToLower(string(m.side.backend)) + ".pluginConfigs." + slot,
		class: strings.TrimPrefix(fmt.Sprintf("%T", plugin), "*"),
	}
	if d, ok := any(plugin).(DocumentedClass); ok {
		p.also = d.DocumentedClass()
	}
	err := CheckHooks(plugin)
	if c, ok := any(plugin).(Configurable); ok {
		err = errors.Join(err, c.MountPlugin(p))
	}
	if !p.claimed {
		_, unconfigured := PluginConfig(p, struct{}{})
		err = errors.Join(err, unconfigured)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", slot, err)
	}
	return nil
}

// readConfig decodes the sections that belong to the server itself. Mistakes in
// them leave the defaults in place, so that the start goes on to find the
// mistakes of the services too; the check of all sections reports them.
func (c *core) readConfig(config *Config) {
	tree := config.tree
	if tree == nil {
		tree = &conf.Tree{}
	}
	c.conf = conf.NewSet(tree)
	c.config, _ = bind(c.conf, conf.Binding[coreConfig]{Path: "core", Default: defaultCore(modeOf(tree)), NeedsRestart: coreNeedsRestart})
	var signer error
	c.signer, signer = bind(c.conf, conf.Binding[tokenSignerConfig]{
		Path: "social.serviceConfigs.TokenSignerConfig", Aliases: []string{"TokenConfig"},
		Default: defaultTokenSigner(), NeedsRestart: signerNeedsRestart,
	})
	c.signerBroken = signer != nil
	keep := func(_, now coreConfig) {
		c.session.Store(&now.Session)
		c.gates.Store(&now.GatewayManager)
	}
	keep(coreConfig{}, c.config.Load())
	c.config.OnChange(keep)
	c.mode, c.node = c.config.Load().BackendMode, c.config.Load().NodeName
	c.shardID, _ = ParseID[GameShardID](c.config.Load().ShardID) // Validate has read it
	c.warnWithoutEffect()
	c.queue = newLoginQueue(c)
}

// warnWithoutEffect names, in one warning, the documented keys that are accepted
// and set, but stand for something this server does not do.
func (c *core) warnWithoutEffect() {
	core := c.config.Load()
	if keys := core.given(); len(keys) > 0 {
		c.log.Warn("this configuration is accepted but has no effect", "keys", keys)
	}
}

// modeOf reads the mode ahead of the rest, whose defaults depend on it. A mistake
// is found again, and reported, when the section is read.
func modeOf(tree *conf.Tree) Mode {
	first, _ := bind(conf.NewSet(tree), conf.Binding[coreConfig]{Path: "core", Default: defaultCore(Development)})
	return first.Load().BackendMode
}

// coreNeedsRestart names what cannot change while the server runs: all but the
// limits of sessions, whom the gateways let in, and what has no effect.
func coreNeedsRestart(running, next coreConfig) []string {
	running.Session, next.Session = sessionConfig{}, sessionConfig{}
	running.GatewayManager, next.GatewayManager = running.GatewayManager.fixed(), next.GatewayManager.fixed()
	running.unusedConfig, next.unusedConfig = unusedConfig{}, unusedConfig{}
	sameDatabase := running.DatabaseConfig.Same(next.DatabaseConfig)
	running.DatabaseConfig, next.DatabaseConfig = conf.Section{}, conf.Section{}
	switch {
	case !reflect.DeepEqual(running, next):
		return []string{""}
	case !sameDatabase:
		return []string{"databaseConfig"}
	}
	return nil
}

// watchConfig applies changes of the configuration files until ctx ends.
func (c *core) watchConfig(ctx context.Context, config *Config) {
	if config.loader == nil {
		return
	}
	config.loader.Watch(ctx, config.tree, 0, func(tree *conf.Tree, err error) {
		var pending conf.Findings
		if err == nil {
			pending, err = c.conf.Apply(tree)
		}
		for _, p := range pending {
			c.log.WarnContext(ctx, "configuration needs a restart", "finding", p.Error())
		}
		if err != nil {
			c.log.ErrorContext(ctx, "configuration not reloaded; the last good one stays", "err", err)
			return
		}
		c.log.InfoContext(ctx, "configuration reloaded")
	})
}

// Mode chooses defaults: permissive on a developer's machine, strict in production.
type Mode string

// UnmarshalText accepts the names of the modes.
func (m *Mode) UnmarshalText(text []byte) error {
	switch mode := Mode(text); mode {
	case Development, Production:
		*m = mode
		return nil
	}
	return fmt.Errorf("want %s or %s", Development, Production)
}

// The modes of a server (engine §9.2).
const (
	Development Mode = "DEVELOPMENT"
	Production  Mode = "PRODUCTION"
)
