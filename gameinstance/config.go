package gameinstance

import (
	"errors"
	"fmt"
	"time"
)

// Config is the section game.serviceConfigs.GameInstanceServiceConfig (engine
// §5.7). All of it changes live; a timer that runs already keeps its end, except
// that of stale instances.
type Config struct {
	// EnableStaleGameInstanceExpiration lets instances expire that nobody uses.
	EnableStaleGameInstanceExpiration bool `yaml:"enableStaleGameInstanceExpiration"`
	// StaleGameInstanceExpirationMinutes is after how long; zero or less: never.
	StaleGameInstanceExpirationMinutes int `yaml:"staleGameInstanceExpirationMinutes"`
	// GameServerAllocationTimeoutMillis is how long a server may take to link.
	GameServerAllocationTimeoutMillis int `yaml:"gameServerAllocationTimeoutMillis"`
	// ConnectPlayersTimeoutMillis is how long a linked server may take to connect
	// its players.
	ConnectPlayersTimeoutMillis int `yaml:"connectPlayersTimeoutMillis,alias=gameReadyTimeoutMillis"`
	// EnableKeepAlive has servers give signs of life.
	EnableKeepAlive bool `yaml:"enableKeepAlive"`
	// KeepAliveIntervalMillis is how often they shall.
	KeepAliveIntervalMillis int `yaml:"keepAliveIntervalMillis"`
	// KeepAliveMissesLimit is after how many missed intervals a server counts as gone.
	KeepAliveMissesLimit int `yaml:"keepAliveMissesLimit"`
	// EnableAbsoluteTimeout terminates games that last too long.
	EnableAbsoluteTimeout bool `yaml:"enableAbsoluteTimeout"`
	// AbsoluteTimeoutMillis is how long a game may last.
	AbsoluteTimeoutMillis int `yaml:"absoluteTimeoutMillis"`
	// UseFleetService has no effect; older files contain it.
	UseFleetService bool `yaml:"useFleetService"`
	// ProcessEndGameForUnknownInstance accepts the end of games that this backend
	// does not know.
	ProcessEndGameForUnknownInstance bool `yaml:"processEndGameForUnknownInstance"`
	// ReconnectMode says whether players come back into their game. Nobody does if
	// core.session.enableMatchReconnect is false.
	ReconnectMode ReconnectMode `yaml:"reconnectMode"`
	// AllowMultipleGameInstancesPerPlayer lets a player be in several at once.
	AllowMultipleGameInstancesPerPlayer bool `yaml:"allowMultipleGameInstancesPerPlayer"`
	// ConnectionTokenExpirationMinutes is the life of a player's connection token.
	ConnectionTokenExpirationMinutes int `yaml:"connectionTokenExpirationMinutes"`
	// AddPlayersBatchSize is how many later players one message to a server names.
	AddPlayersBatchSize int `yaml:"addPlayersBatchSize"`
	// AssessTimeoutsIntervalSeconds is how exact expiration is: mere reading is
	// noted at most this often.
	AssessTimeoutsIntervalSeconds int `yaml:"assessTimeoutsIntervalSeconds"`
}

// ReconnectMode says whether a player comes back into a running game.
type ReconnectMode string

// The reconnect modes.
const (
	ReconnectOptional ReconnectMode = "OPTIONAL" // he may, and may decline
	ReconnectRequired ReconnectMode = "REQUIRED" // he may not decline
	ReconnectDisabled ReconnectMode = "DISABLED" // he is not asked
)

// UnmarshalText accepts the names of the modes.
func (m *ReconnectMode) UnmarshalText(text []byte) error {
	switch mode := ReconnectMode(text); mode {
	case ReconnectOptional, ReconnectRequired, ReconnectDisabled:
		*m = mode
		return nil
	}
	return fmt.Errorf("want %s, %s or %s", ReconnectOptional, ReconnectRequired, ReconnectDisabled)
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{
		EnableStaleGameInstanceExpiration:  true,
		StaleGameInstanceExpirationMinutes: 1440,
		GameServerAllocationTimeoutMillis:  120000,
		ConnectPlayersTimeoutMillis:        60000,
		EnableKeepAlive:                    true,
		KeepAliveIntervalMillis:            10000,
		KeepAliveMissesLimit:               6,
		AbsoluteTimeoutMillis:              14400000,
		ReconnectMode:                      ReconnectOptional,
		ConnectionTokenExpirationMinutes:   60,
		AddPlayersBatchSize:                32,
		AssessTimeoutsIntervalSeconds:      60,
	}
}

// Validate reports every value that makes no sense.
func (c Config) Validate() error {
	var problems []error
	for _, v := range []struct {
		key   string
		value int
	}{
		{"gameServerAllocationTimeoutMillis", c.GameServerAllocationTimeoutMillis},
		{"connectPlayersTimeoutMillis", c.ConnectPlayersTimeoutMillis},
		{"keepAliveIntervalMillis", c.KeepAliveIntervalMillis},
		{"keepAliveMissesLimit", c.KeepAliveMissesLimit},
		{"absoluteTimeoutMillis", c.AbsoluteTimeoutMillis},
		{"connectionTokenExpirationMinutes", c.ConnectionTokenExpirationMinutes},
		{"addPlayersBatchSize", c.AddPlayersBatchSize},
		{"assessTimeoutsIntervalSeconds", c.AssessTimeoutsIntervalSeconds},
	} {
		if v.value < 1 {
			problems = append(problems, fmt.Errorf("%s must be at least 1", v.key))
		}
	}
	return errors.Join(problems...)
}

func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// silence is how long a server may say nothing.
func (c *Config) silence() time.Duration {
	return millis(c.KeepAliveIntervalMillis) * time.Duration(c.KeepAliveMissesLimit)
}

// accessGrain is how exactly the last access is noted.
func (c *Config) accessGrain() time.Duration {
	return time.Duration(c.AssessTimeoutsIntervalSeconds) * time.Second
}

// staleAt returns when an instance expires that was last used at the given time,
// or zero if never. Reading is not noted at once, so there is some margin.
func (c *Config) staleAt(lastAccess time.Time) time.Time {
	if !c.EnableStaleGameInstanceExpiration || c.StaleGameInstanceExpirationMinutes <= 0 {
		return time.Time{}
	}
	return lastAccess.Add(time.Duration(c.StaleGameInstanceExpirationMinutes)*time.Minute + c.accessGrain())
}
