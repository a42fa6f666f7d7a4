package authcode

import (
	"errors"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma"
)

// Config is the section social.serviceConfigs.AuthCodeServiceConfig (escs §5).
// All of it changes live; codes that are there already keep their expiry.
type Config struct {
	// AuthCodeTTL is how long a code is valid, in seconds.
	AuthCodeTTL int `yaml:"authCodeTTL"`
	// AuthCodeApplicationID and AuthCodeApplicationSecret are what a partner must
	// send to redeem a code. Both are required. A change counts from the next call
	// on, and the former values are refused.
	AuthCodeApplicationID     string        `yaml:"authCodeApplicationId"`
	AuthCodeApplicationSecret pragma.Secret `yaml:"authCodeApplicationSecret"`
	// MaxCacheSize is how many codes this node remembers in memory. 0 means none.
	MaxCacheSize int `yaml:"maxCacheSize"`
	// DBCleanInterval is how often expired codes are deleted, in minutes.
	DBCleanInterval int `yaml:"dbCleanInterval"`
}

// DefaultConfig returns the documented defaults. Application id and secret have
// none.
func DefaultConfig() Config {
	return Config{AuthCodeTTL: 300, MaxCacheSize: 1000, DBCleanInterval: 10}
}

// Bounds of the configuration.
const (
	maxTTL      = 7 * 24 * 60 * 60 // a week, in seconds
	maxCache    = 1_000_000        // about 200 MB
	maxInterval = 7 * 24 * 60      // a week, in minutes
)

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	within := func(field string, value, least, most int) {
		if value < least || value > most {
			errs = append(errs, conf.Fieldf(field, "want %d to %d, got %d", least, most, value))
		}
	}
	within("authCodeTTL", c.AuthCodeTTL, 1, maxTTL)
	if c.AuthCodeApplicationID == "" {
		errs = append(errs, conf.Fieldf("authCodeApplicationId", "is required: the id of the application that redeems codes"))
	}
	if c.AuthCodeApplicationSecret == "" {
		errs = append(errs, conf.Fieldf("authCodeApplicationSecret", "is required: the secret of the application that redeems codes"))
	}
	within("maxCacheSize", c.MaxCacheSize, 0, maxCache)
	within("dbCleanInterval", c.DBCleanInterval, 1, maxInterval)
	return errors.Join(errs...)
}

func (c *Config) ttl() time.Duration           { return time.Duration(c.AuthCodeTTL) * time.Second }
func (c *Config) cleanInterval() time.Duration { return time.Duration(c.DBCleanInterval) * time.Minute }
