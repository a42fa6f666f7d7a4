package telemetry

import (
	"errors"

	"github.com/openpragma/engine/internal/conf"
)

// Config is the section <backend>.serviceConfigs.TelemetryConfig. All of it
// changes live.
type Config struct {
	// MaxEventsPerCall is how many events one call may have.
	MaxEventsPerCall int `yaml:"maxEventsPerCall"`
	// MaxEventBytes is how long the text of an event may be.
	MaxEventBytes int `yaml:"maxEventBytes"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{MaxEventsPerCall: 100, MaxEventBytes: 16 << 10} }

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	if c.MaxEventsPerCall < 1 {
		errs = append(errs, conf.Fieldf("maxEventsPerCall", "want at least 1, got %d", c.MaxEventsPerCall))
	}
	if c.MaxEventBytes < 1 {
		errs = append(errs, conf.Fieldf("maxEventBytes", "want at least 1, got %d", c.MaxEventBytes))
	}
	return errors.Join(errs...)
}
