package account

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// handleLinks registers the calls that link and unlink (wire §7.9).
func (s *Service) handleLinks(m *pragma.Mount) {
	pragma.HandlePlayer(m, "LinkIdentityProviderAccountV2", s.linkPlayer)
	pragma.HandlePartner(m, "LinkIdentityProviderAccountPartnerV1", s.linkPartner)
	onBoth(s, m, "UnlinkIdentityProviderAccount", act("unlink provider account", s.unlinkAccount))
}

// linkPlayer links a provider account to the caller's account.
func (s *Service) linkPlayer(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountLinkIdentityProviderAccountV2Request) (*wire.Empty, error) {
	provider, who, err := s.proveForLink(ctx, &req.NewProvider, p.GameShardID)
	if err != nil {
		return nil, err
	}
	return nil, s.link(ctx, p.SocialID, provider, who)
}

// linkPartner is for websites: somebody proves two provider accounts, the second
// is linked to the account of the first, and he is logged in.
func (s *Service) linkPartner(ctx context.Context, _ *pragma.PartnerSession, req *wire.AccountLinkIdentityProviderAccountPartnerV1Request) (*wire.AccountLinkIdentityProviderAccountPartnerV1Response, error) {
	shard, err := s.shard(req.Request.GameShardID)
	if err != nil {
		return nil, err
	}
	old := s.providers[string(req.Request.ExistingProvider.ProviderID)]
	if old == nil {
		return nil, ErrProviderMissing
	}
	in := &LoginRequest{Provider: old.GetType(), Type: pragma.Player, GameShardID: shard}
	existing, err := s.prove(ctx, old, &ValidateRequest{ProviderToken: req.Request.ExistingProvider.ProviderToken, GameShardID: shard, Type: pragma.Player})
	if err != nil {
		return nil, err
	}
	fresh, who, err := s.proveForLink(ctx, &req.Request.NewProvider, shard)
	if err != nil {
		return nil, err
	}
	acc, err := s.knownOwner(ctx, &arrival{provider: in.Provider, who: existing, shard: shard, login: true})
	if err != nil {
		return nil, err
	}
	in.Account = *acc.account()
	session, err := s.begin(ctx, acc, in)
	if err != nil {
		return nil, err
	}
	if err := s.link(ctx, acc.SocialID, fresh, who); err != nil {
		return nil, err
	}
	tokens, err := s.playerTokens(session)
	if err != nil {
		return nil, err
	}
	return &wire.AccountLinkIdentityProviderAccountPartnerV1Response{Tokens: *tokens}, nil
}

// knownOwner is findOrCreate for a provider account that must have an account.
func (s *Service) knownOwner(ctx context.Context, a *arrival) (*state, error) {
	id, err := s.ownerOf(ctx, a.provider, a.who.AccountID)
	if err != nil {
		return nil, err
	}
	acc, err := s.accounts.welcome(ctx, id, a)
	if errors.Is(err, errElsewhere) {
		return nil, ErrNotFound.With("no such account")
	}
	return acc, err
}

// proveForLink asks the provider of a link whose account it is.
func (s *Service) proveForLink(ctx context.Context, req *wire.IDProviderRequest, shard pragma.GameShardID) (IdentityProvider, *ProviderAccount, error) {
	p := s.providers[string(req.ProviderID)]
	if p == nil {
		return nil, nil, ErrProviderMissing
	}
	r := &ValidateRequest{ProviderToken: req.ProviderToken, GameShardID: shard, Type: pragma.Player}
	who, err := s.validate(ctx, p, r, func(context.Context) error {
		if !p.Settings().AccountLinkingEnabled {
			return ErrLinkingDisabled
		}
		return nil
	})
	return p, who, err
}

// link makes a provider account belong to an account too, under the restrictions
// of engine §2.3 and §2.6.
func (s *Service) link(ctx context.Context, id pragma.SocialID, p IdentityProvider, who *ProviderAccount) error {
	provider, settings := p.GetType(), p.Settings()
	err := s.accounts.all.Update(ctx, id.String(), func(tx *entity.Tx, acc *state) error {
		o, err := s.accounts.providers.InOrNew(tx, providerKey(provider, who.AccountID))
		switch {
		case err != nil:
			return err
		case !o.SocialID.IsZero() && o.SocialID != id:
			return ErrProviderTaken
		case acc.at(provider) != nil:
			return ErrProviderBound
		}
		if err := s.accounts.mayMove(tx, o, id, settings.AccountLinkingOneAssociationOnly); err != nil {
			return err
		}
		if err := acc.coolEnough(provider, settings, tx.Now()); err != nil {
			return err
		}
		err = s.hook(tx.Context(), "OnAccountLink", func(ctx context.Context) error {
			return s.Plugin.OnAccountLink(ctx, &LinkRequest{*acc.account(), provider, *who})
		})
		if err != nil {
			return err
		}
		o.SocialID, o.Last = id, pragma.SocialID{}
		acc.Providers = append(acc.Providers, linkOf(provider, who))
		return nil
	})
	return accountError("link provider account", err)
}

// coolEnough refuses a link too soon after an unlinking.
func (s *state) coolEnough(provider string, settings ProviderSettings, now time.Time) error {
	since, ok := s.Unlinked[provider]
	if !ok || settings.AccountLinkingCooldownInDays <= 0 {
		return nil
	}
	until := since.AddDate(0, 0, settings.AccountLinkingCooldownInDays)
	if !now.Before(until) {
		return nil
	}
	return ErrLinkCooldown.WithDetail(ErrLinkCooldown.Type, ext.Of(struct {
		LinkableTimestampMillis pragma.Int64 `json:"linkableTimestampMillis"`
	}{pragma.Int64(until.UnixMilli())}))
}

func (s *Service) unlinkAccount(ctx context.Context, audit auditor, req *wire.AccountUnlinkIdentityProviderAccountPartnerV1Request) (*wire.Empty, error) {
	p := s.providers[string(req.IDProvider)]
	if p == nil {
		return nil, ErrProviderMissing
	}
	if !p.Settings().AccountUnlinkingEnabled {
		return nil, ErrUnlinkingDisabled
	}
	if err := audit(ctx, slog.String("account", req.PragmaSocialID.String()), slog.String("provider", p.GetType())); err != nil {
		return nil, err
	}
	return nil, s.Unlink(ctx, pragma.SocialID(req.PragmaSocialID), p.GetType())
}

// Unlink takes the account's account of a provider away from it. The provider
// account can then be linked to another account, or make a new one by a log-in,
// unless accountLinkingOneAssociationOnly is set. It returns [ErrNotFound] for an
// unknown account, [ErrProviderMissing] if it has no account of the provider and
// [ErrOnlyProvider] if it has no other one. Whether the configuration allows
// unlinking is asked by calls of partners and operators only. It is safe for concurrent use.
func (s *Service) Unlink(ctx context.Context, id pragma.SocialID, provider string) error {
	err := s.accounts.all.Update(ctx, id.String(), func(tx *entity.Tx, acc *state) error {
		l := acc.at(provider)
		switch {
		case l == nil:
			return ErrProviderMissing.With("the account has no account of this provider")
		case len(acc.Providers) == 1:
			return ErrOnlyProvider
		}
		if err := release(tx, s.accounts.providers, providerKey(provider, l.AccountID), id, id); err != nil {
			return err
		}
		acc.Providers = slices.DeleteFunc(acc.Providers, func(l linked) bool { return l.Provider == provider })
		if acc.Unlinked == nil {
			acc.Unlinked = make(map[string]time.Time)
		}
		acc.Unlinked[provider] = tx.Now()
		return nil
	})
	return accountError("unlink provider account", err)
}
