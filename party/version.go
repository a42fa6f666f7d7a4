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
		for _, v := range c.cfg.GameServerVersionCompatibility {
			if v.supports([]string{version}) {
				return true
			}
		}
		return false
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

// recheckVersions tells everybody when there is no common version any more.
func (c *change) recheckVersions() {
	if !c.reckon() {
		return
	}
	c.m.Log().InfoContext(c.tx.Context(), "no game server version fits the party any more", "party", c.st.ID)
	c.tx.NotifyPlayers(c.versionsMismatch.Of(&wire.Empty{}), c.st.ids()...)
}
