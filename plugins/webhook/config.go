package webhook

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
)

// Config is the configuration of a [Plugin], under
// game.pluginConfigs.GameInstanceService.gameServerProviderPlugin.config.
// Everything in it may change while the server runs.
type Config struct {
	// URL is where the fleet takes calls. It must be https, except on this machine.
	URL string `yaml:"url"`
	// AllowInsecure lets URL be http anywhere. Who can listen on the way then has the
	// tokens of every game server.
	AllowInsecure bool `yaml:"allowInsecure"`
	// Keys sign the calls: one, or two while they are exchanged. Every call has a
	// signature of each.
	Keys []Key `yaml:"keys"`
	// TimeoutMillis is the time for one answer. A call is tried for at most ten
	// seconds at a time, of which it gets three quarters.
	TimeoutMillis int `yaml:"timeoutMillis"`
}

// Key is a secret that the fleet has too.
type Key struct {
	// KeyID tells the fleet which secret it is: letters, digits, dots, dashes and
	// underscores, at most 64.
	KeyID string `yaml:"keyId"`
	// Secret has at least 32 characters, all of them random. It is used as it is
	// written.
	Secret pragma.Secret `yaml:"secret"`
}

// minSecret is how many characters a secret must have.
const minSecret = 32

// DefaultConfig returns the defaults. URL and Keys have none.
func DefaultConfig() Config { return Config{TimeoutMillis: 7000} }

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) { errs = append(errs, conf.Fieldf(field, format, args...)) }
	if err := outbound.CheckURL(c.checkedURL(), true); err != nil {
		bad("url", "%v", err)
	}
	if len(c.Keys) < 1 || len(c.Keys) > maxSignatures {
		bad("keys", "want one key, or two while they are exchanged")
	}
	seen := make(map[string]bool)
	for _, k := range c.Keys {
		switch {
		case !keyForm.MatchString(k.KeyID):
			bad("keys", "keyId %q: want letters, digits, dots, dashes and underscores, at most 64", k.KeyID)
		case seen[k.KeyID]:
			bad("keys", "keyId %q stands twice", k.KeyID)
		case len(k.Secret) < minSecret:
			bad("keys", "the secret of %q has fewer than %d characters", k.KeyID, minSecret)
		}
		seen[k.KeyID] = true
	}
	if c.TimeoutMillis < 100 || c.TimeoutMillis > 60000 {
		bad("timeoutMillis", "must be from 100 to 60000")
	}
	return errors.Join(errs...)
}

// checkedURL is URL as far as it must be checked: with AllowInsecure, http is as
// good as https.
func (c *Config) checkedURL() string {
	if scheme, rest, ok := strings.Cut(c.URL, "://"); ok && c.AllowInsecure && strings.EqualFold(scheme, "http") {
		return "https://" + rest
	}
	return c.URL
}

func (c *Config) timeout() time.Duration { return time.Duration(c.TimeoutMillis) * time.Millisecond }

// keyForm is never changed.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
