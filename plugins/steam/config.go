package steam

import (
	"errors"
	"net/url"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// Config is the configuration of a [Provider] (engine §2.3), under
// social.pluginConfigs.AccountService.identityProviderPlugins.plugins.STEAM.config.
// Everything in it may change while the server runs.
type Config struct {
	account.ProviderSettings

	// AppID is the id of the game at Steam. It has no default.
	AppID uint32 `yaml:"appId"`
	// SteamWebAPIKey is the publisher's key for the web API. It has no default.
	SteamWebAPIKey pragma.Secret `yaml:"steamWebAPIKey"`
	// RestrictByAppOwnership lets only owners of the game in: the player, or, with
	// AllowFamilySharing, who lends it to him.
	RestrictByAppOwnership bool `yaml:"restrictByAppOwnership"`
	// RestrictByAccountBan keeps accounts out that Steam knows as banned: by VAC or
	// by the publisher, and by VAC for one who lends the game and for log-ins by
	// OpenID.
	RestrictByAccountBan bool `yaml:"restrictByAccountBan"`
	// AllowFamilySharing lets players in who borrow the game.
	AllowFamilySharing bool `yaml:"allowFamilySharing"`
	// FetchPlayerName asks Steam for the name of a player. Without it, or if Steam
	// does not say, a new account gets the default name.
	FetchPlayerName bool `yaml:"fetchPlayerName"`

	// APIURL is where the web API is. It must be https; a development server takes
	// http on this machine too.
	APIURL string `yaml:"apiUrl"`
	// Identity is the text the game gives to GetAuthTicketForWebApi. A ticket made
	// for another one is refused by Steam. Empty sends none.
	Identity string `yaml:"identity"`
	// TimeoutMillis is the time for all questions to Steam in one log-in. It must
	// be less than the server's pluginTimeoutMillis.
	TimeoutMillis int `yaml:"timeoutMillis"`

	// OpenID configures log-ins in a browser.
	OpenID OpenIDConfig `yaml:"openId"`

	// OperatorAccounts are the roles of operators by Steam id.
	OperatorAccounts map[string]account.Role `yaml:"operatorAccounts"`

	development bool
}

// OpenIDConfig is the part of [Config] for log-ins by OpenID 2.0.
type OpenIDConfig struct {
	// Enabled accepts assertions beside tickets.
	Enabled bool `yaml:"enabled"`
	// Endpoint is Steam's. Assertions must name it, and only it is asked.
	Endpoint string `yaml:"endpoint"`
	// IdentityPrefix is what stands before the Steam id in an identity.
	IdentityPrefix string `yaml:"identityPrefix"`
	// ReturnTo are the addresses of the studio that an assertion may be meant for.
	// The query of an address does not count.
	ReturnTo []string `yaml:"returnTo"`
	// MaxAgeSeconds is how old an assertion may be.
	MaxAgeSeconds int `yaml:"maxAgeSeconds"`
}

// DefaultConfig returns the defaults. AppID and SteamWebAPIKey have none.
func DefaultConfig() Config {
	return Config{
		ProviderSettings:   account.DefaultProviderSettings(),
		AllowFamilySharing: true,
		FetchPlayerName:    true,
		APIURL:             "https://partner.steam-api.com",
		TimeoutMillis:      1500,
		OpenID: OpenIDConfig{
			Endpoint:       "https://steamcommunity.com/openid/login",
			IdentityPrefix: "https://steamcommunity.com/openid/id/",
			MaxAgeSeconds:  300,
		},
	}
}

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	errs := []error{c.ProviderSettings.Validate()}
	bad := func(field, format string, args ...any) { errs = append(errs, conf.Fieldf(field, format, args...)) }
	if c.AppID == 0 {
		bad("appId", "must be the id of the game at Steam")
	}
	if c.SteamWebAPIKey == "" {
		bad("steamWebAPIKey", "must not be empty")
	}
	if err := outbound.CheckURL(c.APIURL, c.development); err != nil {
		bad("apiUrl", "%v", err)
	}
	if c.TimeoutMillis < 10 || c.TimeoutMillis > 60000 {
		bad("timeoutMillis", "must be from 10 to 60000")
	}
	if c.OpenID.Enabled {
		c.validateOpenID(bad)
	}
	for id := range c.OperatorAccounts {
		if !validID(id) {
			bad("operatorAccounts", "%q is not the id of a Steam account, 17 digits", id)
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateOpenID(bad func(field, format string, args ...any)) {
	o := c.OpenID
	if err := outbound.CheckURL(o.Endpoint, c.development); err != nil {
		bad("openId.endpoint", "%v", err)
	}
	if o.IdentityPrefix == "" {
		bad("openId.identityPrefix", "must not be empty")
	}
	if len(o.ReturnTo) == 0 {
		bad("openId.returnTo", "name at least one address: without it, an assertion for any site would do")
	}
	for _, text := range o.ReturnTo {
		if u, err := url.Parse(text); err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			bad("openId.returnTo", "%q is not an absolute address without query", text)
		}
	}
	if o.MaxAgeSeconds < 10 || o.MaxAgeSeconds > 3600 {
		bad("openId.maxAgeSeconds", "must be from 10 to 3600")
	}
}

func (c *Config) timeout() time.Duration { return time.Duration(c.TimeoutMillis) * time.Millisecond }

func (o *OpenIDConfig) maxAge() time.Duration { return time.Duration(o.MaxAgeSeconds) * time.Second }
