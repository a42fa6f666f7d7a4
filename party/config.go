package party

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma"
)

// Config is the section game.serviceConfigs.PartyConfig (engine §3.7). All of it
// changes live; a party keeps the limits it was created with.
type Config struct {
	// MaxPlayersPerParty is how many players a new party may have; at least 1.
	MaxPlayersPerParty int `yaml:"maxPlayersPerParty"`
	// DisableMaxPlayerCount lifts the limit.
	DisableMaxPlayerCount bool `yaml:"disableMaxPlayerCount"`
	// RepeatInviteDelaySeconds is how long a member must wait before he invites
	// the same player again.
	RepeatInviteDelaySeconds int `yaml:"repeatInviteDelaySeconds"`
	// EnableTransferPartyLeader makes AssignPartyLeader hand the lead over; off,
	// it adds a leader.
	EnableTransferPartyLeader bool `yaml:"enableTransferPartyLeader"`
	// InventoryTagsToInclude are the tags of items that are copied into a
	// player's snapshot; the keys are only there for merging files.
	InventoryTagsToInclude map[string]string `yaml:"inventoryTagsToInclude"`
	// EnableGameServerVersionDevelopmentOverride lets clients choose the game
	// server version.
	EnableGameServerVersionDevelopmentOverride bool `yaml:"enableGameServerVersionDevelopmentOverride,alias=enableLocalGameServerVersions"`
	// GameServerVersionCompatibility says which client versions fit which game
	// server version, by priority: the greatest key wins. Empty: versions are
	// not in use. When a version disappears, parties that have it get another, and
	// those that wait on it leave matchmaking; it has no effect with a
	// [CompatibilityPlugin].
	GameServerVersionCompatibility map[string]ServerVersion `yaml:"gameServerVersionCompatibility"`
	// EnableStalePartyExpiration closes parties that nobody touches.
	EnableStalePartyExpiration bool `yaml:"enableStalePartyExpiration"`
	// StalePartyExpirationMinutes is after how long; zero or less: never.
	StalePartyExpirationMinutes int `yaml:"stalePartyExpirationMinutes"`
	// AssessTimeoutsIntervalSeconds is how exact that is: reading a party is
	// noted at most this often.
	AssessTimeoutsIntervalSeconds int `yaml:"assessTimeoutsIntervalSeconds"`
	// InviteExpirationMinutes is how long an invite stays open; zero: for ever.
	InviteExpirationMinutes int `yaml:"inviteExpirationMinutes"`
	// MaxOpenInvitesPerParty bounds the open invites of one party.
	MaxOpenInvitesPerParty int `yaml:"maxOpenInvitesPerParty"`
}

// ServerVersion is a game server version and the client versions it serves.
type ServerVersion struct {
	// ServerVersion is the name; not empty and used once.
	ServerVersion string `yaml:"serverVersion"`
	// ClientVersions are the versions, at least one; the keys are only there for
	// merging files.
	ClientVersions map[string]string `yaml:"clientVersions"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig(mode pragma.Mode) Config {
	return Config{
		MaxPlayersPerParty:                         4,
		RepeatInviteDelaySeconds:                   10,
		EnableGameServerVersionDevelopmentOverride: mode == pragma.Development,
		EnableStalePartyExpiration:                 true,
		StalePartyExpirationMinutes:                1440,
		AssessTimeoutsIntervalSeconds:              60,
		InviteExpirationMinutes:                    1440,
		MaxOpenInvitesPerParty:                     50,
	}
}

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	atLeast := func(field string, value, least int) {
		if value < least {
			errs = append(errs, conf.Fieldf(field, "want at least %d, got %d", least, value))
		}
	}
	atLeast("maxPlayersPerParty", c.MaxPlayersPerParty, 1)
	atLeast("repeatInviteDelaySeconds", c.RepeatInviteDelaySeconds, 0)
	atLeast("assessTimeoutsIntervalSeconds", c.AssessTimeoutsIntervalSeconds, 1)
	atLeast("inviteExpirationMinutes", c.InviteExpirationMinutes, 0)
	atLeast("maxOpenInvitesPerParty", c.MaxOpenInvitesPerParty, 0)
	return errors.Join(append(errs, ValidateVersions("gameServerVersionCompatibility", c.GameServerVersionCompatibility))...)
}

// ValidateVersions reports every mistake in a map of game server versions: keys
// that are no integers above 0, a server version that is empty or given twice, a
// server version without clients, an empty client version. The errors name field
// as the place. Plugins with the same configuration use it too.
func ValidateVersions(field string, versions map[string]ServerVersion) error {
	var errs []error
	used := make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		at := field + "." + key
		v := versions[key]
		if n, err := strconv.Atoi(key); err != nil || n <= 0 || strconv.Itoa(n) != key {
			errs = append(errs, conf.Fieldf(at, "the key must be an integer above 0"))
		}
		if other, twice := used[v.ServerVersion]; twice {
			errs = append(errs, conf.Fieldf(at, "serverVersion %q is given by key %s too", v.ServerVersion, other))
		}
		used[v.ServerVersion] = key
		if v.ServerVersion == "" || len(v.ServerVersion) > maxText {
			errs = append(errs, conf.Fieldf(at, "serverVersion must have 1 to %d characters", maxText))
		}
		if len(v.ClientVersions) == 0 {
			errs = append(errs, conf.Fieldf(at, "clientVersions must name at least one version"))
		}
		for _, client := range v.ClientVersions {
			if client == "" || len(client) > maxText {
				errs = append(errs, conf.Fieldf(at, "each of clientVersions must have 1 to %d characters", maxText))
			}
		}
	}
	return errors.Join(errs...)
}

// staleAfter is how long a party lives untouched; zero: for ever.
func (c *Config) staleAfter() time.Duration {
	if !c.EnableStalePartyExpiration || c.StalePartyExpirationMinutes <= 0 {
		return 0
	}
	return time.Duration(c.StalePartyExpirationMinutes) * time.Minute
}

// touchInterval is how often a look at a party is noted, and its end looked for.
func (c *Config) touchInterval() time.Duration {
	return min(time.Duration(c.AssessTimeoutsIntervalSeconds)*time.Second, c.staleAfter()/10)
}

func (c *Config) inviteLife() time.Duration {
	return time.Duration(c.InviteExpirationMinutes) * time.Minute
}

// wants reports whether an item with these tags belongs into a snapshot.
func (c *Config) wants(tags []string) bool {
	for _, tag := range c.InventoryTagsToInclude {
		if slices.Contains(tags, tag) {
			return true
		}
	}
	return false
}
