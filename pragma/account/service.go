package account

import (
	"context"
	"errors"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// Service is the account service of the Social backend. The zero value works in
// development. Fields must not be changed once the server runs.
type Service struct {
	// Providers are the ways to log in. Nil means [Unsafe] in development; a
	// production server needs at least one.
	Providers []IdentityProvider
	// Plugin decides what happens with accounts. Nil means [Defaults].
	Plugin Plugin
	// EmailSender sends mails that verify addresses. Nil means that addresses are
	// kept, but never verified.
	EmailSender EmailSender

	m         *pragma.Mount
	accounts  *accounts
	providers map[string]IdentityProvider // by name, and by number
	mails     *entity.Lane[mail, struct{}]
	deleted   *entity.Lane[Account, struct{}]

	banned     pragma.Notice[wire.AccountBanV1Notification]
	management *pragma.Live[GameManagementConfig]
	searches   chan struct{} // one entry for each search that runs
}

// Name implements [pragma.Service].
func (s *Service) Name() string { return "AccountRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Social {
		return errors.New("account.Service belongs on the Social backend")
	}
	s.m = m
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	err := errors.Join(s.mountProviders(m), pragma.MountPlugin(m, "AccountService.accountPlugin", s.Plugin),
		pragma.AcceptDaoConfig(m, "AccountDaoConfig", kinds()...))
	if s.EmailSender != nil {
		err = errors.Join(err, pragma.MountPlugin(m, "AccountService.emailSenderPlugin", s.EmailSender))
	}
	if err != nil {
		return err
	}
	s.accounts = newAccounts(m)
	s.handleLogIn(m)
	s.handle(m)
	return nil
}

// Profile is what other services may know of an account.
type Profile struct {
	SocialID    pragma.SocialID
	PlayerID    pragma.PlayerID // on this server's shard; zero if the account never played there
	DisplayName pragma.DisplayName
	// EmailAddress may be empty, and is not to be trusted unless EmailVerified.
	EmailAddress  string
	EmailVerified bool
	Created       time.Time
	// Providers are the linked accounts at identity providers.
	Providers []ProviderLink
}

// ProviderLink is an account at an identity provider that belongs to an account.
type ProviderLink struct {
	Provider      string `json:"provider"` // such as STEAM
	AccountID     string `json:"accountId"`
	DisplayName   string `json:"displayName"`
	Discriminator string `json:"discriminator,omitzero"` // most providers have none
}

// Profile returns the account with a social id, or [ErrNotFound]. It is safe for
// concurrent use.
func (s *Service) Profile(ctx context.Context, id pragma.SocialID) (*Profile, error) {
	acc, err := s.account(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.profile(acc), nil
}

// ProfileOfPlayer returns the account a player id belongs to, or [ErrNotFound].
// It is safe for concurrent use.
func (s *Service) ProfileOfPlayer(ctx context.Context, id pragma.PlayerID) (*Profile, error) {
	acc, err := s.ofPlayer(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.profile(acc), nil
}

func (s *Service) profile(acc *state) *Profile {
	return &Profile{
		SocialID:      acc.SocialID,
		PlayerID:      acc.Players[s.m.ShardID()],
		DisplayName:   acc.DisplayName,
		EmailAddress:  acc.EmailAddress,
		EmailVerified: acc.EmailVerified,
		Created:       acc.Created,
		Providers:     acc.links(),
	}
}
