package account

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma"
)

// Unsafe believes everybody: the provider for development and tests. Its token
// is JSON text, {"accountId":…,"displayName":…}. Its configuration has the keys
// of [ProviderSettings].
type Unsafe struct {
	ProviderDefaults
	// Production allows the provider on a production server too, where anybody
	// could then be anybody.
	Production bool
	// Operators lets operators log in this way, unless the configuration says
	// otherwise. A development server does anyway.
	Operators bool

	config *pragma.Live[ProviderSettings] // nil if it is not mounted
}

const unsafeProvider = "UNSAFE"

// GetType implements [IdentityProvider].
func (*Unsafe) GetType() string { return unsafeProvider }

// MountPlugin implements [pragma.Configurable].
func (u *Unsafe) MountPlugin(m *pragma.PluginMount) (err error) {
	u.config, err = pragma.PluginConfig(m, u.defaults())
	return err
}

func (u *Unsafe) defaults() ProviderSettings {
	settings := DefaultProviderSettings()
	settings.OperatorLoginEnabled = u.Operators
	return settings
}

// Settings implements [IdentityProvider].
func (u *Unsafe) Settings() ProviderSettings {
	if u.config == nil {
		return u.defaults()
	}
	return u.config.Load()
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
