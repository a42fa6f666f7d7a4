package party

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// CompatibilityPlugin decides which game server version fits a party (engine
// §3.3, slot PartyService.gameServerCompatibilityPlugin). Embed
// [CompatibilityDefaults] to implement it. Its hooks are called whenever a party
// changes and must not change it.
type CompatibilityPlugin interface {
	// CalculateGameServerVersion returns the best version that all players of the
	// request support; false if there is none.
	CalculateGameServerVersion(ctx context.Context, r *CalculateGameServerVersionRequest) (version string, ok bool, err error)
	// GetValidGameClientVersions returns every client version that some game
	// server version supports. None at all means that versions are not in use.
	GetValidGameClientVersions(ctx context.Context) ([]string, error)
	// AllowsGameServerVersion says whether the version that a party has is still
	// one that all its players support; there may be a better one. A party that
	// waits in matchmaking leaves it when the answer is false (ours).
	AllowsGameServerVersion(ctx context.Context, r *AllowsGameServerVersionRequest) (bool, error)
	// WatchGameServerVersions is called once, while the server mounts. The plugin
	// calls changed whenever the answers of the hooks above may have become
	// different, such as after a change of its configuration: parties that nobody
	// touches are then looked at too. changed returns at once and may be called by
	// any goroutine (ours).
	WatchGameServerVersions(changed func())

	mustEmbedCompatibilityDefaults()
}

// CalculateGameServerVersionRequest is for
// [CompatibilityPlugin.CalculateGameServerVersion].
type CalculateGameServerVersionRequest struct {
	Party *Party
	// NewPlayer is somebody who is about to join, or nil.
	NewPlayer *Player
}

// ClientVersions returns the different client versions of all players of the
// request.
func (r *CalculateGameServerVersionRequest) ClientVersions() []string {
	versions := make(map[string]bool)
	for _, p := range r.Party.Players() {
		versions[p.GameClientVersion()] = true
	}
	if r.NewPlayer != nil {
		versions[r.NewPlayer.GameClientVersion()] = true
	}
	return slices.Sorted(maps.Keys(versions))
}

// AllowsGameServerVersionRequest is for
// [CompatibilityPlugin.AllowsGameServerVersion].
type AllowsGameServerVersionRequest struct {
	Party   *Party
	Version string // never one of an override, which is not checked
}

// ClientVersions returns the different client versions of the party's players.
func (r *AllowsGameServerVersionRequest) ClientVersions() []string {
	return (&CalculateGameServerVersionRequest{Party: r.Party}).ClientVersions()
}

// CompatibilityDefaults are the defaults of [CompatibilityPlugin]: versions are
// not in use.
type CompatibilityDefaults struct{}

var _ CompatibilityPlugin = CompatibilityDefaults{}

func (CompatibilityDefaults) mustEmbedCompatibilityDefaults() {}

// CalculateGameServerVersion returns the empty version.
func (CompatibilityDefaults) CalculateGameServerVersion(context.Context, *CalculateGameServerVersionRequest) (string, bool, error) {
	return "", true, nil
}

// GetValidGameClientVersions returns none.
func (CompatibilityDefaults) GetValidGameClientVersions(context.Context) ([]string, error) {
	return nil, nil
}

// AllowsGameServerVersion allows every version.
func (CompatibilityDefaults) AllowsGameServerVersion(context.Context, *AllowsGameServerVersionRequest) (bool, error) {
	return true, nil
}

// WatchGameServerVersions does nothing: the answers never change.
func (CompatibilityDefaults) WatchGameServerVersions(func()) {}

// BestVersion is the documented rule: of the game server versions that support
// all client versions, the one with the greatest key; false if there is none. An
// empty map means that versions are not in use: the empty version fits all.
func BestVersion(supported map[string]ServerVersion, clients []string) (version string, ok bool) {
	if len(supported) == 0 {
		return "", true
	}
	best := 0
	for key, v := range supported {
		n, err := strconv.Atoi(key)
		if err == nil && n > best && v.supports(clients) {
			best, version = n, v.ServerVersion
		}
	}
	return version, best > 0
}

// AllowsVersion reports whether a game server version is in the map and supports
// all client versions. With an empty map only the empty version is allowed.
func AllowsVersion(supported map[string]ServerVersion, version string, clients []string) bool {
	if len(supported) == 0 {
		return version == ""
	}
	for _, v := range supported {
		if v.ServerVersion == version {
			return v.supports(clients)
		}
	}
	return false
}

// KnowsClientVersion reports whether any game server version of the map supports
// a client version. An empty map knows all.
func KnowsClientVersion(supported map[string]ServerVersion, client string) bool {
	for _, v := range supported {
		if v.supports([]string{client}) {
			return true
		}
	}
	return len(supported) == 0
}

func (v ServerVersion) supports(clients []string) bool {
	for _, client := range clients {
		if !slices.Contains(slices.Collect(maps.Values(v.ClientVersions)), client) {
			return false
		}
	}
	return true
}

// versioned reports whether versions are in use.
func (c *change) versioned() bool {
	return c.Compatibility != nil || len(c.cfg.GameServerVersionCompatibility) > 0
}

// reckon computes the party's game server version. It reports whether the
// members have none in common since now. A plugin that fails changes nothing.
func (c *change) reckon() (lost bool) {
	before := c.st.NoCommonVersion
	if c.st.OverrideGameServerVersion != "" || !c.versioned() {
		c.st.GameServerVersion, c.st.NoCommonVersion = c.st.OverrideGameServerVersion, false
		return false
	}
	version, ok, err := c.bestVersion()
	if err != nil {
		c.m.Log().ErrorContext(c.tx.Context(), "cannot compute a game server version; the last one stays", "party", c.st.ID, "err", err)
		return false
	}
	c.st.GameServerVersion, c.st.NoCommonVersion = version, !ok
	return !ok && !before
}

func (c *change) bestVersion() (version string, ok bool, err error) {
	p := c.party()
	p.frozen = true
	r := &CalculateGameServerVersionRequest{Party: p}
	if c.Compatibility == nil {
		version, ok = BestVersion(c.cfg.GameServerVersionCompatibility, r.ClientVersions())
		return version, ok, nil
	}
	var answer struct {
		version string
		ok      bool
	}
	err = pragma.RunHook(c.tx.Context(), c.m, "GameServerCompatibilityPlugin.CalculateGameServerVersion", func(ctx context.Context) (err error) {
		answer.version, answer.ok, err = c.Compatibility.CalculateGameServerVersion(ctx, r)
		return err
	})
	if err != nil {
		return "", false, err // answer may still be written
	}
	return answer.version, answer.ok, nil
}

// knowsClient reports whether any game server version supports a client version.
func (c *change) knowsClient(version string) bool {
	if !c.versioned() {
		return true
	}
	if c.Compatibility == nil {
		return KnowsClientVersion(c.cfg.GameServerVersionCompatibility, version)
	}
	var valid []string
	err := pragma.RunHook(c.tx.Context(), c.m, "GameServerCompatibilityPlugin.GetValidGameClientVersions", func(ctx context.Context) (err error) {
		valid, err = c.Compatibility.GetValidGameClientVersions(ctx)
		return err
	})
	if err != nil {
		c.m.Log().ErrorContext(c.tx.Context(), "cannot list valid client versions; all pass", "err", err)
		return true
	}
	return len(valid) == 0 || slices.Contains(valid, version)
}

// checkVersions computes the version after a join and tells who has to know
// that it does not work out: the newcomer that his client is unknown, and
// others that no version fits all.
func (c *change) checkVersions(newcomer *PlayerInfo, others ...pragma.PlayerID) {
	c.reckon()
	if !c.knowsClient(newcomer.GameClientVersion) {
		c.m.Log().InfoContext(c.tx.Context(), "client version is not supported", "player", newcomer.PlayerID, "version", newcomer.GameClientVersion)
		c.tx.NotifyPlayers(c.clientUnknown.Of(&wire.Empty{}), newcomer.PlayerID)
	}
	if c.st.NoCommonVersion {
		c.tx.NotifyPlayers(c.versionsMismatch.Of(&wire.Empty{}), others...)
	}
}

// recheckVersions computes the version after any other change. A party in
// matchmaking keeps the one it waits with, or leaves if that is gone. Everybody
// is told when there is no common version any more.
func (c *change) recheckVersions() error {
	if c.st.queued() {
		if c.allows(c.tx.Context(), c.st, &c.cfg) {
			return nil
		}
		if err := c.expel(); err != nil {
			return err
		}
	}
	if !c.reckon() {
		return nil
	}
	c.m.Log().InfoContext(c.tx.Context(), "no game server version fits the party any more", "party", c.st.ID)
	for _, m := range c.st.Members {
		if !c.knowsClient(m.GameClientVersion) {
			c.tx.NotifyPlayers(c.clientUnknown.Of(&wire.Empty{}), m.PlayerID)
		}
	}
	c.tx.NotifyPlayers(c.versionsMismatch.Of(&wire.Empty{}), c.st.ids()...)
	return nil
}

// allows reports whether the version a party has is still good. A plugin that
// fails takes nothing away.
func (s *Service) allows(ctx context.Context, st *state, cfg *Config) bool {
	switch {
	case st.OverrideGameServerVersion != "":
		return true
	case s.Compatibility == nil && len(cfg.GameServerVersionCompatibility) == 0:
		return st.GameServerVersion == ""
	}
	p := &Party{st: st, cfg: cfg, now: st.LastAccess, frozen: true}
	r := &AllowsGameServerVersionRequest{p, st.GameServerVersion}
	if s.Compatibility == nil {
		return AllowsVersion(cfg.GameServerVersionCompatibility, r.Version, r.ClientVersions())
	}
	var answer bool
	err := pragma.RunHook(ctx, s.m, "GameServerCompatibilityPlugin.AllowsGameServerVersion", func(ctx context.Context) (err error) {
		answer, err = s.Compatibility.AllowsGameServerVersion(ctx, r)
		return err
	})
	if err != nil {
		s.m.Log().ErrorContext(ctx, "cannot check a game server version; it stays", "party", st.ID, "err", err)
		return true // answer may still be written
	}
	return answer
}
