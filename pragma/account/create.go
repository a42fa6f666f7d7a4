package account

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// arrival is a provider account for which the account is wanted.
type arrival struct {
	provider string
	who      *ProviderAccount
	shard    pragma.GameShardID // zero: no player id is needed
	login    bool               // it counts as a log-in
	// once is whether a provider account that was unlinked stays with its account.
	once bool
}

// errElsewhere is what an attempt returns when somebody else was faster.
var errElsewhere = errors.New("the provider account belongs to another account meanwhile")

// findOrCreate returns the account of a provider account, and makes it if there
// is none. Any number of calls at the same time make one.
func (s *Service) findOrCreate(ctx context.Context, a *arrival) (*state, error) {
	if err := checkProviderAccount(a.who); err != nil {
		return nil, err
	}
	key := providerKey(a.provider, a.who.AccountID)
	for range 4 { // somebody else may create, unlink or delete between the look and the attempt
		o, err := s.accounts.providers.Read(ctx, key)
		if err != nil && !errors.Is(err, entity.ErrNotFound) {
			return nil, accountError("find provider account", err)
		}
		var acc *state
		if err == nil && !o.SocialID.IsZero() {
			acc, err = s.accounts.welcome(ctx, o.SocialID, a)
		} else {
			acc, err = s.create(ctx, a)
		}
		if !errors.Is(err, errElsewhere) {
			return acc, err
		}
		// What is remembered here may be old; an update looks at the store.
		err = s.accounts.providers.Upsert(ctx, key, func(*entity.Tx, *owner) error { return nil })
		if err != nil {
			return nil, accountError("find provider account", err)
		}
	}
	return nil, ErrDatabase.With("too many log-ins of this account at once")
}

// welcome brings an account up to date whose owner has come.
func (a *accounts) welcome(ctx context.Context, id pragma.SocialID, by *arrival) (*state, error) {
	var after state
	err := a.all.Update(ctx, id.String(), func(tx *entity.Tx, s *state) error {
		if !s.has(by.provider, by.who.AccountID) {
			return errElsewhere
		}
		if by.login {
			if err := s.refuseBanned(tx.Now()); err != nil {
				return err
			}
			s.logIn(tx.Now())
		}
		if l := s.at(by.provider); by.who.DisplayName != "" {
			now := linkOf(by.provider, by.who)
			l.DisplayName, l.Discriminator = now.DisplayName, now.Discriminator
		}
		if s.PersonalID.IsZero() {
			s.PersonalID = pragma.NewID[PersonalID]()
		}
		if err := a.enterShard(tx, s, by.shard); err != nil {
			return err
		}
		after = *s
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil, errElsewhere
	}
	return &after, err
}

// create makes the account of a provider account that has none, if the plugin
// wants it.
func (s *Service) create(ctx context.Context, a *arrival) (*state, error) {
	answer := make(chan *NewAccount, 1) // a hook that was left behind may answer late
	err := s.hook(ctx, "OnAccountCreate", func(ctx context.Context) error {
		fresh, err := s.Plugin.OnAccountCreate(ctx, &CreateRequest{a.provider, *a.who})
		answer <- fresh
		return err
	})
	if err != nil {
		return nil, err
	}
	fresh := <-answer
	if fresh == nil {
		return nil, ErrUnauthorized.With("there is to be no account for this provider account")
	}
	acc, err := s.accounts.create(ctx, a, fresh)
	if err != nil {
		return nil, err
	}
	err = s.hook(ctx, "OnAccountCreated", func(ctx context.Context) error {
		return s.Plugin.OnAccountCreated(ctx, &CreatedEvent{*acc.account(), a.provider, *a.who})
	})
	if err != nil {
		s.m.Log().ErrorContext(ctx, "hook failed", "hook", "OnAccountCreated", "account", acc.SocialID, "err", err)
	}
	return acc, nil
}

// create makes an account with all that points to it, in one commit.
func (a *accounts) create(ctx context.Context, by *arrival, fresh *NewAccount) (*state, error) {
	id := pragma.NewID[pragma.SocialID]()
	var after state
	err := a.all.Create(ctx, id.String(), func(tx *entity.Tx, s *state) error {
		*s = state{
			SocialID:      id,
			PersonalID:    pragma.NewID[PersonalID](),
			EmailAddress:  fresh.EmailAddress,
			EmailVerified: fresh.EmailVerified && fresh.EmailAddress != "",
			Created:       tx.Now(),
			Providers:     []linked{linkOf(by.provider, by.who)},
		}
		if by.login {
			s.logIn(tx.Now())
		}
		o, err := a.providers.InOrNew(tx, providerKey(by.provider, by.who.AccountID))
		switch {
		case err != nil:
			return err
		case !o.SocialID.IsZero():
			return errElsewhere
		}
		if err := a.mayMove(tx, o, id, by.once); err != nil {
			return err
		}
		o.SocialID, o.Last = id, pragma.SocialID{}
		if s.DisplayName, err = a.freeName(tx, cleanName(fresh.DisplayName), id); err != nil {
			return err
		}
		if err := a.enterShard(tx, s, by.shard); err != nil {
			return err
		}
		after = *s
		return nil
	})
	return &after, err
}

// mayMove refuses to give a provider account that was unlinked to another
// account, where it may belong to one only. An account that was deleted does not
// count.
func (a *accounts) mayMove(tx *entity.Tx, o *owner, to pragma.SocialID, once bool) error {
	if !once || o.Last.IsZero() || o.Last == to {
		return nil
	}
	_, err := a.all.In(tx, o.Last.String())
	switch {
	case err == nil:
		return ErrOneAssociation
	case errors.Is(err, entity.ErrNotFound):
		return nil
	}
	return err
}

// CreateAccountRequest is for [Service.CreateAccount].
type CreateAccountRequest struct {
	// Provider is the type of an identity provider of this server, such as STEAM.
	Provider string
	// Account is the account at the provider. That it is the caller's is taken on
	// trust: the provider is not asked.
	Account ProviderAccount
	// GameShardID is the shard to have a player on: this server's, or zero for
	// none. A later log-in makes up for it.
	GameShardID pragma.GameShardID
}

// CreateAccount makes the account of a provider account before its first log-in,
// past the log-in queue, as a website does (engine §2.4, createAccountV1). It
// returns [ErrAlreadyExists] if there is one, [ErrProvider] for a provider that
// the server does not have, [ErrNotFound] for another shard, or what
// [Plugin.OnAccountCreate] refused with. It is safe for concurrent use.
func (s *Service) CreateAccount(ctx context.Context, r *CreateAccountRequest) (*Profile, error) {
	acc, err := s.createAhead(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.profile(acc), nil
}

func (s *Service) createAhead(ctx context.Context, r *CreateAccountRequest) (*state, error) {
	p := s.providers[r.Provider]
	switch {
	case p == nil:
		return nil, ErrProvider
	case !usableAccountID(r.Account.AccountID):
		return nil, ErrBadRequest.With("the account id of the provider must be 1 to %d bytes without control characters", maxAccountID)
	case !r.GameShardID.IsZero() && r.GameShardID != s.m.ShardID():
		return nil, ErrNotFound.With("no such game shard")
	}
	acc, err := s.create(ctx, &arrival{
		provider: p.GetType(), who: &r.Account, shard: r.GameShardID,
		once: p.Settings().AccountLinkingOneAssociationOnly,
	})
	if errors.Is(err, errElsewhere) {
		return nil, ErrAlreadyExists
	}
	return acc, err
}

// createAccount makes an account ahead of its first log-in (engine §2.4; the
// payload is ours).
func (s *Service) createAccount(ctx context.Context, audit auditor, req *wire.AccountCreateAccountPartnerV1Request) (*wire.AccountCreateAccountPartnerV1Response, error) {
	shard, err := s.shard(req.GameShardID)
	if err != nil {
		return nil, err
	}
	if err := audit(ctx, slog.String("provider", string(req.ProviderID))); err != nil {
		return nil, err
	}
	acc, err := s.createAhead(ctx, &CreateAccountRequest{
		Provider: string(req.ProviderID),
		Account: ProviderAccount{
			AccountID:     req.ProviderAccountID,
			DisplayName:   req.ProviderDisplayName.DisplayName,
			Discriminator: req.ProviderDisplayName.Discriminator,
		},
		GameShardID: shard,
	})
	if err != nil {
		return nil, err
	}
	return &wire.AccountCreateAccountPartnerV1Response{SocialIdentity: everything.socialIdentity(acc)}, nil
}

// maxUnsafe is how many accounts one call makes.
const maxUnsafe = 1000

// createUnsafe makes accounts of the UNSAFE provider ahead of their first
// log-in. Those that there are already stay.
func (s *Service) createUnsafe(ctx context.Context, o *pragma.OperatorSession, req *wire.AccountCreateAccountWithUnsafeProviderV2Request) (*wire.Empty, error) {
	p := s.providers[unsafeProvider]
	shard, err := s.knownShard(req.GameShardID)
	switch {
	case !o.Has(pragma.RoleAdmin):
		return nil, pragma.ErrRole
	case p == nil:
		return nil, ErrProvider
	case err != nil:
		return nil, err
	case len(req.NewAccounts) > maxUnsafe:
		return nil, ErrBadRequest.With("one call makes at most %d accounts", maxUnsafe)
	case slices.ContainsFunc(req.NewAccounts, func(a wire.UnsafeAccount) bool { return !usableAccountID(a.ID) }):
		return nil, ErrBadRequest.With("an id must be 1 to %d bytes without control characters", maxAccountID)
	}
	if err := s.m.Audit(ctx, o, "create accounts", slog.Int("accounts", len(req.NewAccounts))); err != nil {
		return nil, err
	}
	for _, a := range req.NewAccounts {
		_, err := s.findOrCreate(ctx, &arrival{
			provider: unsafeProvider, who: &ProviderAccount{AccountID: a.ID, DisplayName: a.DisplayName}, shard: shard,
		})
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
