package oidc

import (
	"errors"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// Config is the configuration of a [Provider] (engine §2.3), under
// social.pluginConfigs.AccountService.identityProviderPlugins.plugins.<Type>.config.
// Everything in it may change while the server runs.
type Config struct {
	account.ProviderSettings

	// Issuer is the address that the provider's tokens have as iss, to the letter.
	// Discovery starts there. It must be https; a development server takes http
	// on this machine too.
	Issuer string `yaml:"issuer"`
	// ClientIDs are the ids of the studio's programs at the provider. A token must
	// be for one of them.
	ClientIDs []string `yaml:"clientIds"`
	// AuthorizedParties are the programs a token may have been issued to (azp)
	// when the provider names one. Empty means ClientIDs.
	AuthorizedParties []string `yaml:"authorizedParties"`
	// SigningAlgorithms are those a token may be signed with, all asymmetric.
	SigningAlgorithms []string `yaml:"signingAlgorithms"`
	// ClockSkewSeconds is how far the clocks of issuer and server may differ.
	ClockSkewSeconds int `yaml:"clockSkewSeconds"`
	// MaxTokenAgeSeconds is how long ago a token may have been issued. 0 leaves
	// that to the token's own end.
	MaxTokenAgeSeconds int `yaml:"maxTokenAgeSeconds"`
	// Nonce says what binds a token to the client that sends it.
	Nonce NonceRule `yaml:"nonce"`
	// SingleUse has every token accepted once. It needs MaxTokenAgeSeconds, and
	// remembers tokens in this process only.
	SingleUse bool `yaml:"singleUse"`

	// AccountIDClaim names the claim with the id of the account, a text or a whole
	// number. It must never change for an account, and never be given to another.
	AccountIDClaim string `yaml:"accountIdClaim"`
	// DisplayNameClaim names the claim with the name for a new account. The claim
	// called name is often the name in a passport: think before using it.
	DisplayNameClaim string `yaml:"displayNameClaim"`
	// EmailClaim names the claim with the e-mail address. It counts only if the
	// claim email_verified is true.
	EmailClaim string `yaml:"emailClaim"`
	// RequiredClaims are claims that a token must have with these values: texts,
	// numbers and booleans as they are written in JSON, or one of a list.
	RequiredClaims map[string]string `yaml:"requiredClaims"`

	// OperatorAccounts are the roles of operators by account id.
	OperatorAccounts map[string]account.Role `yaml:"operatorAccounts"`
	// OperatorEmails are the roles of operators by verified e-mail address.
	OperatorEmails map[string]account.Role `yaml:"operatorEmails"`

	// ClientSecret is the secret of the first of ClientIDs. It lets clients send an
	// authorization code instead of a token.
	ClientSecret pragma.Secret `yaml:"clientSecret"`
	// RedirectURIs are what a client may have used to get an authorization code.
	RedirectURIs []string `yaml:"redirectUris"`

	// TimeoutMillis is the time for all questions to the issuer in one log-in. It
	// must be less than the server's pluginTimeoutMillis.
	TimeoutMillis int `yaml:"timeoutMillis"`
	// KeyCacheSeconds is how long the issuer's keys are used without asking again.
	KeyCacheSeconds int `yaml:"keyCacheSeconds"`
	// KeyStaleSeconds is how long they are used when the issuer does not answer.
	KeyStaleSeconds int `yaml:"keyStaleSeconds"`
	// KeyRefetchSeconds is how often an unknown key may make the server ask the
	// issuer.
	KeyRefetchSeconds int `yaml:"keyRefetchSeconds"`
	// RequireIssuerAtStart has the server not start while the issuer is away.
	RequireIssuerAtStart bool `yaml:"requireIssuerAtStart"`

	development bool
}

// DefaultConfig returns the defaults. Issuer and ClientIDs have none.
func DefaultConfig() Config {
	return Config{
		ProviderSettings:  account.DefaultProviderSettings(),
		SigningAlgorithms: []string{"RS256", "ES256"},
		ClockSkewSeconds:  60,
		AccountIDClaim:    "sub",
		DisplayNameClaim:  "preferred_username",
		EmailClaim:        "email",
		TimeoutMillis:     1500,
		KeyCacheSeconds:   3600,
		KeyStaleSeconds:   86400,
		KeyRefetchSeconds: 10,
	}
}

// A NonceRule says what the nonce claim of a token must be.
type NonceRule string

// The rules for nonces.
const (
	// NonceOptional compares the claim with the nonce the client sends, if it
	// sends one. It is the zero value.
	NonceOptional NonceRule = ""
	// NonceRequired has the client send the nonce. That shows a client which mixes
	// up log-ins, but not a thief: who has the token can read the claim.
	NonceRequired NonceRule = "REQUIRED"
	// NonceSHA256 has the claim be the SHA-256 of what the client sends, in hex
	// or unpadded base64url. A stolen token is worth nothing without the value,
	// which only the client that started the log-in knows.
	NonceSHA256 NonceRule = "REQUIRED_SHA256"
)

// UnmarshalText accepts the names of the rules; that of the first is OPTIONAL.
func (n *NonceRule) UnmarshalText(text []byte) error {
	switch rule := NonceRule(text); rule {
	case NonceRequired, NonceSHA256:
		*n = rule
	case "OPTIONAL":
		*n = NonceOptional
	default:
		return errors.New("want OPTIONAL, REQUIRED or REQUIRED_SHA256")
	}
	return nil
}

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	errs := []error{c.ProviderSettings.Validate()}
	bad := func(field, format string, args ...any) { errs = append(errs, conf.Fieldf(field, format, args...)) }
	if err := outbound.CheckURL(c.Issuer, c.development); err != nil {
		bad("issuer", "%v", err)
	}
	if len(c.ClientIDs) == 0 {
		bad("clientIds", "name at least one: without it, tokens for any program would do")
	}
	if slices.Contains(c.ClientIDs, "") || slices.Contains(c.AuthorizedParties, "") {
		bad("clientIds", "an id is empty")
	}
	for _, alg := range c.SigningAlgorithms {
		if !slices.Contains(asymmetric(), alg) {
			bad("signingAlgorithms", "%q is not one of %v", alg, asymmetric())
		}
	}
	if len(c.SigningAlgorithms) == 0 {
		bad("signingAlgorithms", "name at least one")
	}
	if c.SingleUse && c.MaxTokenAgeSeconds == 0 {
		bad("singleUse", "needs maxTokenAgeSeconds, so that tokens can be forgotten again")
	}
	if c.AccountIDClaim == "" {
		bad("accountIdClaim", "must not be empty")
	}
	if c.ClientSecret != "" && len(c.RedirectURIs) == 0 {
		bad("redirectUris", "name at least one: clientSecret lets clients send authorization codes")
	}
	c.validateRanges(bad)
	return errors.Join(errs...)
}

func (c *Config) validateRanges(bad func(field, format string, args ...any)) {
	for _, r := range []struct {
		key      string
		value    int
		min, max int
	}{
		{"clockSkewSeconds", c.ClockSkewSeconds, 0, 600},
		{"maxTokenAgeSeconds", c.MaxTokenAgeSeconds, 0, 86400},
		{"timeoutMillis", c.TimeoutMillis, 10, 60000},
		{"keyCacheSeconds", c.KeyCacheSeconds, 1, 86400},
		{"keyStaleSeconds", c.KeyStaleSeconds, c.KeyCacheSeconds, 7 * 86400},
		{"keyRefetchSeconds", c.KeyRefetchSeconds, 1, 3600},
	} {
		if r.value < r.min || r.value > r.max {
			bad(r.key, "must be from %d to %d", r.min, r.max)
		}
	}
}

func asymmetric() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

func (c *Config) skew() time.Duration    { return seconds(c.ClockSkewSeconds) }
func (c *Config) timeout() time.Duration { return time.Duration(c.TimeoutMillis) * time.Millisecond }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
