package fleet

import (
	"errors"
	"fmt"
	"time"
)

// DefaultPolicyID is the management policy of pools that name none.
const DefaultPolicyID = "default"

// Config is the section game.serviceConfigs.FleetServiceConfig (engine §8.5). All
// of it changes live: servers are told a new period with their next report.
type Config struct {
	// ServerPoolManagementPolicies are named by [ServerPool.ManagementPolicyID].
	// The one called [DefaultPolicyID] is always there.
	ServerPoolManagementPolicies map[string]ManagementPolicy `yaml:"serverPoolManagementPolicies"`
	// ServerPoolIDs are pools that have their minCapacity from the start on, also
	// before a game has asked for them. Default: none.
	ServerPoolIDs []string `yaml:"serverPoolIds"`
}

// Validate reports ids that no pool can have.
func (c Config) Validate() error {
	for _, id := range c.ServerPoolIDs {
		if len(id) > maxPool {
			return fmt.Errorf("serverPoolIds: an id has %d bytes, at most %d are possible", len(id), maxPool)
		}
	}
	return nil
}

// ManagementPolicy says how a pool is looked after. What a file leaves out has
// its default, also in new entries.
type ManagementPolicy struct {
	// ServerHeartbeatPeriodMillis is how often servers shall report. Default 1000.
	ServerHeartbeatPeriodMillis int `yaml:"serverHeartbeatPeriodMillis"`
	// GamesPerServer is how many games a server that is started will run at a
	// time. It only decides how many are started. Default 1.
	GamesPerServer int `yaml:"gamesPerServer"`
	// MinCapacity is how many servers a pool has even when nothing waits: one of
	// serverPoolIds, or one that servers were started for before. Default 0.
	MinCapacity int `yaml:"minCapacity"`
	// MaxCapacity is beyond how many servers of the pool, also those that are
	// starting or came by themselves, none is started, whichever nodes look after it
	// at the same moment. Default 100.
	MaxCapacity int `yaml:"maxCapacity"`
	// MaxServerStartTimeMillis is how long a started server may take to its first
	// report, before it is given up. Default 120000.
	MaxServerStartTimeMillis int `yaml:"maxServerStartTimeMillis"`
	// MissedHeartbeatsAllowed is after how many reports that did not come a server
	// counts as gone. Default 10.
	MissedHeartbeatsAllowed int `yaml:"missedHeartbeatsAllowed"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{ServerPoolManagementPolicies: map[string]ManagementPolicy{DefaultPolicyID: DefaultPolicy()}}
}

// DefaultPolicy returns the documented defaults of one policy.
func DefaultPolicy() ManagementPolicy {
	return ManagementPolicy{
		ServerHeartbeatPeriodMillis: 1000, GamesPerServer: 1, MaxCapacity: 100,
		MaxServerStartTimeMillis: 120000, MissedHeartbeatsAllowed: 10,
	}
}

// SetDefaults fills in the defaults of an entry that a file adds.
func (p *ManagementPolicy) SetDefaults() { *p = DefaultPolicy() }

// maxSetting is the greatest value of a setting: about a day in milliseconds.
const maxSetting = 100_000_000

// Validate reports every value that makes no sense.
func (p ManagementPolicy) Validate() error {
	var problems []error
	for _, v := range []struct {
		key          string
		value, least int
	}{
		{"serverHeartbeatPeriodMillis", p.ServerHeartbeatPeriodMillis, 1},
		{"gamesPerServer", p.GamesPerServer, 1},
		{"minCapacity", p.MinCapacity, 0},
		{"maxCapacity", p.MaxCapacity, 0},
		{"maxServerStartTimeMillis", p.MaxServerStartTimeMillis, 1},
		{"missedHeartbeatsAllowed", p.MissedHeartbeatsAllowed, 1},
	} {
		if v.value < v.least || v.value > maxSetting {
			problems = append(problems, fmt.Errorf("%s must be between %d and %d", v.key, v.least, maxSetting))
		}
	}
	if p.MinCapacity > p.MaxCapacity {
		problems = append(problems, errors.New("minCapacity must not be above maxCapacity"))
	}
	return errors.Join(problems...)
}

// policy returns a management policy by its name.
func (c *Config) policy(id string) (ManagementPolicy, error) {
	if p, ok := c.ServerPoolManagementPolicies[id]; ok {
		return p, nil
	}
	if id == DefaultPolicyID { // a file may have removed it
		return DefaultPolicy(), nil
	}
	return ManagementPolicy{}, ErrPolicyNotFound.With("there is no management policy %q", id)
}

func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// silence is how long a server may say nothing.
func (p *ManagementPolicy) silence() time.Duration {
	return millis(p.ServerHeartbeatPeriodMillis) * time.Duration(p.MissedHeartbeatsAllowed)
}
