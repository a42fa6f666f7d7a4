package orderedcompat

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
)

// Plugin is the documented OrderedGameServerCompatibilityPlugin (engine §3.3).
// The zero value takes its map from the configuration. It is safe for concurrent
// use; fields must not be changed once the server runs.
type Plugin struct {
	party.CompatibilityDefaults
	// VersionCompatibility is the map where the configuration has none.
	VersionCompatibility map[string]party.ServerVersion

	live *pragma.Live[Config]
}

var (
	_ party.CompatibilityPlugin = (*Plugin)(nil)
	_ pragma.Configurable       = (*Plugin)(nil)
)

// Config is the plugin's entry in pluginConfigs. It changes live.
type Config struct {
	// VersionCompatibility says which client versions fit which game server
	// version, by priority: keys are integers above 0 and the greatest wins. At
	// least one; server versions are not empty and used once, each has at least
	// one client version, none of which is empty.
	VersionCompatibility map[string]party.ServerVersion `yaml:"versionCompatibility"`

	usual map[string]party.ServerVersion // the field of the plugin
}

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	const field = "versionCompatibility"
	if len(c.versions()) == 0 {
		return errors.Join(conf.Fieldf(field, "want at least one game server version"))
	}
	return party.ValidateVersions(field, c.versions())
}

func (c *Config) versions() map[string]party.ServerVersion {
	if len(c.VersionCompatibility) == 0 {
		return c.usual
	}
	return c.VersionCompatibility
}

// MountPlugin implements [pragma.Configurable].
func (p *Plugin) MountPlugin(m *pragma.PluginMount) error {
	live, err := pragma.PluginConfig(m, Config{usual: p.VersionCompatibility})
	if err != nil {
		return err
	}
	first := live.Load() // a default is not checked where the configuration is silent
	if err := first.Validate(); err != nil {
		return err
	}
	p.live = live
	return nil
}

func (p *Plugin) versions() map[string]party.ServerVersion {
	if p.live == nil {
		return p.VersionCompatibility
	}
	c := p.live.Load()
	return c.versions()
}

// CalculateGameServerVersion returns the version with the greatest key that all
// players support.
func (p *Plugin) CalculateGameServerVersion(_ context.Context, r *party.CalculateGameServerVersionRequest) (string, bool, error) {
	version, ok := party.BestVersion(p.versions(), r.ClientVersions())
	return version, ok, nil
}

// GetValidGameClientVersions returns every client version of the map, each once.
func (p *Plugin) GetValidGameClientVersions(context.Context) ([]string, error) {
	valid := make(map[string]bool)
	for _, v := range p.versions() {
		for _, client := range v.ClientVersions {
			valid[client] = true
		}
	}
	return slices.Sorted(maps.Keys(valid)), nil
}

// AllowsGameServerVersion reports whether the map has the version, for all
// clients of the party.
func (p *Plugin) AllowsGameServerVersion(_ context.Context, r *party.AllowsGameServerVersionRequest) (bool, error) {
	return party.AllowsVersion(p.versions(), r.Version, r.ClientVersions()), nil
}

// WatchGameServerVersions calls changed when the configuration has another map.
func (p *Plugin) WatchGameServerVersions(changed func()) {
	if p.live == nil {
		return
	}
	p.live.OnChange(func(before, after Config) {
		if !reflect.DeepEqual(before, after) {
			changed()
		}
	})
}
