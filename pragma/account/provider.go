package account

import (
	"context"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma"
)

// IdentityProvider says who a caller is (engine §2.3). Embed [ProviderDefaults]
// to implement it. Calls run at the same time.
type IdentityProvider interface {
	// GetType returns the documented name of the provider, such as "STEAM", or one
	// of the studio's: up to 24 letters, digits and _. It is constant, unique in a
	// server, and kept with every account. Log-ins name it.
	GetType() string
	// TypeNumber returns the number by which log-ins may name a studio's own
	// provider too: 101 or more, as in the title's ExtIdProvider enum. It is
	// constant. 0 means none; the documented providers have theirs.
	TypeNumber() int
	// Validate checks what the caller proves himself with and returns his account
	// at the provider. An error refuses the log-in and reaches the caller: return
	// a [*pragma.Error], or anything else for AccountService_Unauthorized. It is
	// called once for each log-in and each link, and may take its time within the
	// hook's limit.
	Validate(ctx context.Context, r *ValidateRequest) (*ProviderAccount, error)
	// CanAuthenticate reports whether sessions of the type may log in this way,
	// beside what Settings says. It is asked before the Validate of a log-in, and
	// shares its limit; linking does not ask.
	CanAuthenticate(ctx context.Context, t pragma.SessionType) bool
	// Settings returns the keys that every provider has in its configuration. It
	// is asked whenever one of them matters, so that a reload takes effect; it must
	// not block.
	Settings() ProviderSettings

	mustEmbedProviderDefaults()
}

// ProviderDefaults are the documented defaults of an identity provider: players
// may log in, operators may not, nothing may be linked.
type ProviderDefaults struct{}

// TypeNumber returns 0: the provider is known by its name.
func (ProviderDefaults) TypeNumber() int { return 0 }

// CanAuthenticate returns true: the settings decide.
func (ProviderDefaults) CanAuthenticate(context.Context, pragma.SessionType) bool { return true }

// Settings implements [IdentityProvider].
func (ProviderDefaults) Settings() ProviderSettings { return DefaultProviderSettings() }

func (ProviderDefaults) mustEmbedProviderDefaults() {}

// ProviderSettings are the keys that the configuration of every provider has
// beside its own (engine §2.3). A provider embeds them in its configuration
// struct, starts from [DefaultProviderSettings], and returns them from Settings.
type ProviderSettings struct {
	PlayerLoginEnabled      bool `yaml:"playerLoginEnabled"`
	OperatorLoginEnabled    bool `yaml:"operatorLoginEnabled"`
	ShowPortalLoginButton   bool `yaml:"showPortalLoginButton"`
	AccountLinkingEnabled   bool `yaml:"accountLinkingEnabled"`
	AccountUnlinkingEnabled bool `yaml:"accountUnlinkingEnabled"`
	// VisibleToOtherPlayers has the provider's accounts appear in what players
	// are told of each other.
	VisibleToOtherPlayers bool `yaml:"visibleToOtherPlayers"`
	// AccountLinkingCooldownInDays is how long after an unlinking the account may
	// not link this provider again. 0 means no wait.
	AccountLinkingCooldownInDays int `yaml:"accountLinkingCooldownInDays"`
	// AccountLinkingOneAssociationOnly has an account of the provider belong to
	// one account for ever, even after it was unlinked.
	AccountLinkingOneAssociationOnly bool `yaml:"accountLinkingOneAssociationOnly"`
}

// Validate implements the check of a configuration.
func (s *ProviderSettings) Validate() error {
	if s.AccountLinkingCooldownInDays < 0 || s.AccountLinkingCooldownInDays > maxCooldown {
		return conf.Fieldf("accountLinkingCooldownInDays", "want 0 to %d", maxCooldown)
	}
	return nil
}

// maxCooldown is a century, in days.
const maxCooldown = 36500

// DefaultProviderSettings lets players log in and allows nothing else.
func DefaultProviderSettings() ProviderSettings { return ProviderSettings{PlayerLoginEnabled: true} }

// LoginOptions are what a client says of the machine it runs on: each text
// optional, at most [pragma.MaxLoginOption] bytes, and otherwise unchecked (engine
// §2.2). They travel in the player's session.
type LoginOptions struct {
	DistributionPlatform string // the shop, such as STEAM
	HardwareClass        string // such as PC
	HardwareDevice       string
}

// ValidateRequest is one log-in as the provider sees it.
type ValidateRequest struct {
	// ProviderToken is what the client sent. It is not to be trusted or logged.
	ProviderToken string
	// GameShardID is the shard the player wants to play on; zero if none.
	GameShardID pragma.GameShardID
	// Type is who logs in: a player or an operator.
	Type    pragma.SessionType
	Options LoginOptions
}

// ProviderAccount is an account at an identity provider.
type ProviderAccount struct {
	// AccountID is the provider's id of the account: 1 to 100 bytes.
	AccountID string
	// DisplayName is what the provider calls the account, and by default the name
	// to give a new account. Empty means "player".
	DisplayName string
	// Discriminator is the provider's own, if it has one; it is shown, not used.
	Discriminator string
	// OperatorRoles are what the account may do as an operator, such as
	// [pragma.RoleAdmin]. Without any it cannot log in as one.
	OperatorRoles []string
}
