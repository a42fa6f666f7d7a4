package matchmaking

import (
	"errors"
	"time"

	"github.com/openpragma/engine/internal/conf"
)

// Config is the section game.serviceConfigs.MatchmakingConfig (engine §4.6). All
// of it changes live.
type Config struct {
	// MatchmakingDelayMillis is the time from the end of a full pass over a queue
	// to the start of the next; at least 1. Parties that enter in between meet
	// the others at once.
	MatchmakingDelayMillis int `yaml:"matchmakingDelayMillis"`
	// QueueTimeoutSeconds is how long a party waits before it is sent back with
	// MatchmakingFailure; zero: for ever. It counts for parties that enter later.
	QueueTimeoutSeconds int `yaml:"queueTimeoutSeconds"`
	// PassBudgetMillis is how long a pass may take; at least 1. One that takes
	// longer ends with its present anchor, and the next full pass goes on with
	// the one after it. The time for which matches wait for the store does not
	// count.
	PassBudgetMillis int `yaml:"passBudgetMillis"`
}

// DefaultConfig returns the documented defaults: a full pass each second, half a
// second long at most, and no time-out.
func DefaultConfig() Config {
	return Config{MatchmakingDelayMillis: 1000, PassBudgetMillis: 500}
}

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	atLeast := func(field string, value, least int) {
		if value < least {
			errs = append(errs, conf.Fieldf(field, "want at least %d, got %d", least, value))
		}
	}
	atLeast("matchmakingDelayMillis", c.MatchmakingDelayMillis, 1)
	atLeast("queueTimeoutSeconds", c.QueueTimeoutSeconds, 0)
	atLeast("passBudgetMillis", c.PassBudgetMillis, 1)
	return errors.Join(errs...)
}

func (c *Config) delay() time.Duration {
	return time.Duration(c.MatchmakingDelayMillis) * time.Millisecond
}

func (c *Config) budget() time.Duration {
	return time.Duration(c.PassBudgetMillis) * time.Millisecond
}

func (c *Config) queueTimeout() time.Duration {
	return time.Duration(c.QueueTimeoutSeconds) * time.Second
}
