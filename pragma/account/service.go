package account

import (
	"context"
	"errors"
	"fmt"
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

	m         *pragma.Mount
	accounts  *accounts
	providers map[string]IdentityProvider

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
	if err := s.mountProviders(m); err != nil {
		return err
	}
	s.accounts = newAccounts(m)
	s.handleLogIn(m)
	s.handle(m)
	return nil
}

func (s *Service) mountProviders(m *pragma.Mount) error {
	development := m.Mode() == pragma.Development
	list := s.Providers
	if list == nil && development {
		list = []IdentityProvider{&Unsafe{}}
	}
	if len(list) == 0 {
		return errors.New("account.Service.Providers is empty: nobody could log in")
	}
	s.providers = make(map[string]IdentityProvider)
	for _, p := range list {
		if u, ok := p.(*Unsafe); ok && !development && !u.Production {
			return errors.New("the UNSAFE identity provider believes everybody: set account.Unsafe.Production to have it in production all the same")
		}
		if s.providers[p.GetType()] != nil {
			return fmt.Errorf("identity provider %s is listed twice", p.GetType())
		}
		if err := pragma.MountPlugin(m, "AccountService.identityProviderPlugins.plugins."+p.GetType(), p); err != nil {
			return err
		}
		s.providers[p.GetType()] = p
	}
	return nil
}

// Profile is what other services may know of an account.
type Profile struct {
	SocialID    pragma.SocialID
	PlayerID    pragma.PlayerID // on this server's shard; zero if the account never played there
	DisplayName pragma.DisplayName
	Created     time.Time
	// Providers are the linked accounts at identity providers.
	Providers []ProviderLink
}

// ProviderLink is an account at an identity provider that belongs to an account.
type ProviderLink struct {
	Provider    string // such as STEAM
	AccountID   string
	DisplayName string
}

// Profile returns the account with a social id, or [ErrNotFound]. It is safe for
// concurrent use.
func (s *Service) Profile(ctx context.Context, id pragma.SocialID) (*Profile, error) {
	acc, err := s.accounts.all.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrNotFound.With("no such account")
	}
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	p := &Profile{
		SocialID:    acc.SocialID,
		PlayerID:    acc.Players[s.m.ShardID()],
		DisplayName: acc.DisplayName,
		Created:     acc.Created,
	}
	for _, l := range acc.Providers {
		p.Providers = append(p.Providers, ProviderLink(l))
	}
	return p, nil
}

// ProfileOfPlayer returns the account a player id belongs to, or [ErrNotFound].
// It is safe for concurrent use.
func (s *Service) ProfileOfPlayer(ctx context.Context, id pragma.PlayerID) (*Profile, error) {
	o, err := s.accounts.players.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrNotFound.With("no such player")
	}
	if err != nil {
		return nil, fmt.Errorf("find player: %w", err)
	}
	return s.Profile(ctx, o.SocialID)
}
