package account

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
)

// IdentityProvider says who a caller is (engine §2.3). Embed [ProviderDefaults]
// to implement it. Calls run at the same time.
type IdentityProvider interface {
	// GetType returns the documented name of the provider, such as "STEAM". It is
	// constant, and unique in a server. Log-ins name it.
	GetType() string
	// Validate checks what the caller proves himself with and returns his account
	// at the provider. An error refuses the log-in and reaches the caller: return
	// a [*pragma.Error], or anything else for AccountService_Unauthorized. It is
	// called once for each log-in and may take its time within the hook's limit.
	Validate(ctx context.Context, r *ValidateRequest) (*ProviderAccount, error)
	// CanAuthenticate reports whether sessions of the type may log in this way. It
	// is asked before Validate, and shares its limit.
	CanAuthenticate(ctx context.Context, t pragma.SessionType) bool
	// Settings returns the keys that every provider has in its configuration. It
	// is asked whenever one of them matters, so that a reload takes effect.
	Settings() ProviderSettings

	mustEmbedProviderDefaults()
}

// ProviderDefaults are the documented defaults of an identity provider: players
// may log in, operators may not.
type ProviderDefaults struct{}

// CanAuthenticate implements [IdentityProvider].
func (ProviderDefaults) CanAuthenticate(_ context.Context, t pragma.SessionType) bool {
	return t == pragma.Player
}

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

// DefaultProviderSettings lets players log in and allows nothing else.
func DefaultProviderSettings() ProviderSettings { return ProviderSettings{PlayerLoginEnabled: true} }

// LoginOptions are what a client says of the machine it runs on. Nothing of it
// is checked (engine §2.2).
type LoginOptions struct {
	DistributionPlatform string
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
	// DisplayName is the name to give a new account. Empty means "player".
	DisplayName string
	// Discriminator is the provider's own, if it has one; it is shown, not used.
	Discriminator string
	// OperatorRoles are what the account may do as an operator, such as
	// [pragma.RoleAdmin]. Without any it cannot log in as one.
	OperatorRoles []string
}

// Unsafe believes everybody: the provider for development and tests. Its token
// is JSON text, {"accountId":…,"displayName":…}.
type Unsafe struct {
	ProviderDefaults
	// Production allows the provider on a production server too, where anybody
	// could then be anybody.
	Production bool
	// Operators lets operators log in this way. A development server does anyway.
	Operators bool
}

// GetType implements [IdentityProvider].
func (*Unsafe) GetType() string { return unsafeProvider }

const unsafeProvider = "UNSAFE"

// CanAuthenticate implements [IdentityProvider].
func (u *Unsafe) CanAuthenticate(_ context.Context, t pragma.SessionType) bool {
	return t == pragma.Player || t == pragma.Operator && u.Operators
}

// Validate implements [IdentityProvider].
func (*Unsafe) Validate(_ context.Context, r *ValidateRequest) (*ProviderAccount, error) {
	var who struct {
		AccountID   string `json:"accountId"`
		DisplayName string `json:"displayName"`
	}
	if err := json.Unmarshal([]byte(r.ProviderToken), &who); err != nil {
		return nil, ErrUnauthorized.With(`providerToken must be JSON text with accountId and displayName`).Wrap(err)
	}
	if who.DisplayName == "" {
		who.DisplayName = who.AccountID
	}
	return &ProviderAccount{AccountID: who.AccountID, DisplayName: who.DisplayName, OperatorRoles: []string{pragma.RoleAdmin}}, nil
}
