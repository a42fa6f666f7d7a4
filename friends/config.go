package friends

import (
	"errors"

	"github.com/openpragma/engine/internal/conf"
)

// Config is the section social.serviceConfigs.FriendConfig (engine §13). All of
// it changes live; lists that are longer than a new limit stay as they are.
type Config struct {
	// MaxFriends is how many friends an account may have.
	MaxFriends int `yaml:"maxFriends"`
	// MaxInvites is how many open invites an account may have sent, and how many
	// it may have received.
	MaxInvites int `yaml:"maxInvites"`
	// MaxBlocked is how many accounts one may block.
	MaxBlocked int `yaml:"maxBlocked"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{MaxFriends: 200, MaxInvites: 100, MaxBlocked: 200}
}

// maxEntries keeps a list within what a record and an answer can hold.
const maxEntries = 5000

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	within := func(field string, value int) {
		if value < 0 || value > maxEntries {
			errs = append(errs, conf.Fieldf(field, "want 0 to %d, got %d", maxEntries, value))
		}
	}
	within("maxFriends", c.MaxFriends)
	within("maxInvites", c.MaxInvites)
	within("maxBlocked", c.MaxBlocked)
	return errors.Join(errs...)
}
