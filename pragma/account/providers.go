package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// providerName is what a provider may be called: it is part of a key.
var providerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,23}$`)

// firstTitleProvider is the lowest number of a provider that a title defines.
const firstTitleProvider = 101

// mountProviders checks and mounts the providers. They are found by their names,
// those of a title by their numbers too; the platform's numbers have become names
// when a message was read.
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
		err := s.addProvider(p)
		if !errors.Is(err, errTwice) {
			err = errors.Join(err, pragma.MountPlugin(m, "AccountService.identityProviderPlugins.plugins."+p.GetType(), p))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errTwice is a provider that was mounted before.
var errTwice = errors.New("listed twice")

func (s *Service) addProvider(p IdentityProvider) error {
	name, number := p.GetType(), p.TypeNumber()
	switch {
	case !providerName.MatchString(name):
		return fmt.Errorf("identity provider %q must be named like STEAM", name)
	case s.providers[name] != nil:
		return fmt.Errorf("identity provider %s is %w", name, errTwice)
	case number == 0:
		s.providers[name] = p
		return nil
	case wire.IsPlatformIDProvider(name):
		return fmt.Errorf("identity provider %s has its documented number and cannot have another", name)
	case number < firstTitleProvider:
		return fmt.Errorf("identity provider %s has the number %d: a title's own begin at %d", name, number, firstTitleProvider)
	}
	digits := strconv.Itoa(number)
	if other := s.providers[digits]; other != nil {
		return fmt.Errorf("identity providers %s and %s have the same number, %d", other.GetType(), name, number)
	}
	s.providers[name], s.providers[digits] = p, p
	return nil
}

// providerName returns the name of a provider that may be given by the number a
// title chose for it.
func (s *Service) providerName(id wire.IDProvider) wire.IDProvider {
	if p := s.providers[string(id)]; p != nil {
		return wire.IDProvider(p.GetType())
	}
	return id
}

// prove asks the provider who it is that logs in, if he may log in this way.
func (s *Service) prove(ctx context.Context, p IdentityProvider, r *ValidateRequest) (*ProviderAccount, error) {
	return s.validate(ctx, p, r, func(ctx context.Context) error {
		if !s.mayAuthenticate(ctx, p, r.Type) {
			return ErrProviderDisabled
		}
		return nil
	})
}

// validate asks the provider who the caller is, if may does not refuse. Errors of
// the provider reach the caller as they are, if they are meant for him.
func (s *Service) validate(ctx context.Context, p IdentityProvider, r *ValidateRequest, may func(ctx context.Context) error) (*ProviderAccount, error) {
	answer := make(chan *ProviderAccount, 1) // a hook that was left behind may answer late
	err := pragma.RunHook(ctx, s.m, "IdentityProvider.Validate", func(ctx context.Context) error {
		if err := may(ctx); err != nil {
			return err
		}
		who, err := p.Validate(ctx, r)
		answer <- who
		return err
	})
	if err == nil {
		who := <-answer
		return who, checkProviderAccount(who)
	}
	if _, ok := errors.AsType[*pragma.Error](err); !ok {
		err = ErrUnauthorized.Wrap(err)
	}
	return nil, err
}

// mayAuthenticate adds the exception for development: there the UNSAFE provider
// lets operators in too.
func (s *Service) mayAuthenticate(ctx context.Context, p IdentityProvider, t pragma.SessionType) bool {
	if _, ok := p.(*Unsafe); ok && t == pragma.Operator && s.m.Mode() == pragma.Development {
		return true
	}
	settings := p.Settings()
	enabled := settings.PlayerLoginEnabled
	if t == pragma.Operator {
		enabled = settings.OperatorLoginEnabled
	}
	return enabled && p.CanAuthenticate(ctx, t)
}
