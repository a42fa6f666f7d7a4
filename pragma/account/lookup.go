package account

import (
	"context"
	"errors"
	"strings"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// MaxLookup is how many ids one call may ask for. Shipped clients ask for about
// a hundred (wire §14).
const MaxLookup = 200

// handleLookups registers the calls that find accounts (wire §7.9, §16.7).
func (s *Service) handleLookups(m *pragma.Mount) {
	pragma.HandlePlayer(m, "GetAccountV1", s.getAccount)
	pragma.HandlePlayer(m, "GetDisplayNameForPragmaPlayerIdV1", s.displayName)
	pragma.HandlePlayer(m, "GetPragmaPlayerIdForDisplayNameV1", s.playerByName)
	pragma.HandlePlayer(m, "GetPragmaPlayerIdsForProviderIdsV2", s.playersByProvider)
	pragma.HandlePlayer(m, "GetPlayerIdentitiesByProviderAccountIdsV1", s.playersByProvider)
	pragma.HandlePlayer(m, "GetSocialIdentitiesByProviderAccountIdsV1", s.accountsByProvider)
	pragma.HandlePlayer(m, "GetPlayerIdentitiesV1", func(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountGetPlayerIdentitiesV1Request) (*wire.AccountGetPlayerIdentitiesV1Response, error) {
		return s.playerIdentities(ctx, s.viewOf(p), req)
	})
	onBoth(s, m, "GetPlayerIdentities", look(func(ctx context.Context, req *wire.AccountGetPlayerIdentitiesV1Request) (*wire.AccountGetPlayerIdentitiesV1Response, error) {
		return s.playerIdentities(ctx, everything, req)
	}))
	pragma.HandlePlayer(m, "GetSocialIdentitiesV1", func(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountGetSocialIdentitiesV1Request) (*wire.AccountGetSocialIdentitiesV1Response, error) {
		return s.socialIdentities(ctx, s.viewOf(p), req)
	})
	onBoth(s, m, "GetSocialIdentities", look(func(ctx context.Context, req *wire.AccountGetSocialIdentitiesV1Request) (*wire.AccountGetSocialIdentitiesV1Response, error) {
		return s.socialIdentities(ctx, everything, req)
	}))
	pragma.HandlePartner(m, "GetDisplayNameForPlayerIdPartnerV2", s.displayNamePartner)
	pragma.HandlePartner(m, "ViewSocialIdentityPartnerV2", func(ctx context.Context, _ *pragma.PartnerSession, req *wire.AccountSocialIDRequest) (*wire.AccountViewSocialIdentityV1Response, error) {
		return s.viewAccount(ctx, req)
	})
	pragma.HandleOperator(m, "ViewSocialIdentityV1", func(ctx context.Context, _ *pragma.OperatorSession, req *wire.AccountSocialIDRequest) (*wire.AccountViewSocialIdentityV1Response, error) {
		return s.viewAccount(ctx, req)
	})
}

// account returns an account, or ErrNotFound.
func (s *Service) account(ctx context.Context, id pragma.SocialID) (*state, error) {
	acc, err := s.accounts.all.Read(ctx, id.String())
	return acc, accountError("read account", err)
}

// ofPlayer returns the account of a player, or ErrNotFound.
func (s *Service) ofPlayer(ctx context.Context, id pragma.PlayerID) (*state, error) {
	o, err := s.accounts.players.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrNotFound.With("no such player")
	}
	if err != nil {
		return nil, accountError("find player", err)
	}
	return s.account(ctx, o.SocialID)
}

// ownerOf returns whose a provider account is, or ErrNotFound.
func (s *Service) ownerOf(ctx context.Context, provider, accountID string) (pragma.SocialID, error) {
	o, err := s.accounts.providers.Read(ctx, providerKey(provider, accountID))
	if errors.Is(err, entity.ErrNotFound) || err == nil && o.SocialID.IsZero() {
		return pragma.SocialID{}, ErrNotFound.With("no account of this provider account")
	}
	if err != nil {
		return pragma.SocialID{}, accountError("find provider account", err)
	}
	return o.SocialID, nil
}

// shardOf returns the shard of a look-up, which is this server's if it names none.
func (s *Service) shardOf(id wire.UUID) (pragma.GameShardID, error) {
	shard, err := s.knownShard(id)
	if shard.IsZero() {
		shard = s.m.ShardID()
	}
	return shard, err
}

func (s *Service) getAccount(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.AccountGetAccountV1Response, error) {
	acc, err := s.account(ctx, p.SocialID)
	if err != nil {
		return nil, err
	}
	return &wire.AccountGetAccountV1Response{
		PragmaSocialID:                       wire.UUID(acc.SocialID),
		EmailAddress:                         acc.EmailAddress,
		EmailVerified:                        acc.EmailVerified,
		AccountCreatedTimestampMillis:        millis(acc.Created),
		LastLoginTimestampMillis:             millis(acc.LastLogin),
		DisplayName:                          wire.DisplayName(acc.DisplayName),
		LastDisplayNameUpdateTimestampMillis: millis(acc.DisplayNameUpdated),
		GameIdentities:                       gameIdentities(acc),
		IDProviderAccounts:                   everything.providers(acc),
	}, nil
}

func (s *Service) displayName(ctx context.Context, _ *pragma.PlayerSession, req *wire.AccountGetDisplayNameForPragmaPlayerIDV1Request) (*wire.DisplayName, error) {
	return s.nameOf(ctx, req.PragmaPlayerID, req.GameShardID)
}

func (s *Service) displayNamePartner(ctx context.Context, _ *pragma.PartnerSession, req *wire.AccountGetDisplayNameForPlayerIDPartnerV2Request) (*wire.AccountGetDisplayNameForPlayerIDPartnerV2Response, error) {
	name, err := s.nameOf(ctx, req.PlayerID, req.GameShardID)
	if err != nil {
		return nil, err
	}
	return &wire.AccountGetDisplayNameForPlayerIDPartnerV2Response{DisplayName: *name}, nil
}

func (s *Service) nameOf(ctx context.Context, player, shard wire.UUID) (*wire.DisplayName, error) {
	if _, err := s.shardOf(shard); err != nil {
		return nil, err
	}
	acc, err := s.ofPlayer(ctx, pragma.PlayerID(player))
	if err != nil {
		return nil, err
	}
	return (*wire.DisplayName)(&acc.DisplayName), nil
}

// playerByName finds a player by his display name, in any case.
func (s *Service) playerByName(ctx context.Context, _ *pragma.PlayerSession, req *wire.AccountGetPragmaPlayerIDForDisplayNameV1Request) (*wire.AccountGetPragmaPlayerIDForDisplayNameV1Response, error) {
	shard, err := s.shardOf(req.GameShardID)
	if err != nil {
		return nil, err
	}
	none := ErrNotFound.With("no player has this display name")
	name, err := checkName(req.DisplayName)
	if err != nil || len(req.Discriminator) != len("0000") || strings.Trim(req.Discriminator, "0123456789") != "" {
		return nil, none
	}
	o, err := s.accounts.names.Read(ctx, nameKey(pragma.DisplayName{DisplayName: name, Discriminator: req.Discriminator}))
	if errors.Is(err, entity.ErrNotFound) || err == nil && o.SocialID.IsZero() {
		return nil, none
	}
	if err != nil {
		return nil, accountError("find display name", err)
	}
	acc, err := s.account(ctx, o.SocialID)
	if err != nil {
		return nil, err
	}
	player := acc.Players[shard]
	if player.IsZero() {
		return nil, none
	}
	return &wire.AccountGetPragmaPlayerIDForDisplayNameV1Response{PragmaPlayerID: wire.UUID(player)}, nil
}

// viewAccount shows everything about an account (wire §7.9).
func (s *Service) viewAccount(ctx context.Context, req *wire.AccountSocialIDRequest) (*wire.AccountViewSocialIdentityV1Response, error) {
	acc, err := s.withPersonal(ctx, pragma.SocialID(req.PragmaSocialID))
	if err != nil {
		return nil, err
	}
	tags, err := wireTags(acc, func(id string) (*tag, error) { return s.accounts.tags.all.Read(ctx, id) })
	if err != nil {
		return nil, err
	}
	return &wire.AccountViewSocialIdentityV1Response{SocialIdentity: wire.SocialIdentityWithPersonal{
		SocialIdentity:           everything.socialIdentity(acc),
		PragmaPersonalID:         wire.UUID(acc.PersonalID),
		Tags:                     tags.AccountTags,
		EmailAddress:             acc.EmailAddress,
		EmailVerified:            acc.EmailVerified,
		CreatedTimestampMillis:   millis(acc.Created),
		LastLoginTimestampMillis: millis(acc.LastLogin),
	}}, nil
}

// withPersonal returns an account that has a personal id: one that is older than
// such ids gets it now.
func (s *Service) withPersonal(ctx context.Context, id pragma.SocialID) (*state, error) {
	acc, err := s.account(ctx, id)
	if err != nil || !acc.PersonalID.IsZero() {
		return acc, err
	}
	var after state
	err = s.accounts.all.Update(ctx, id.String(), func(_ *entity.Tx, acc *state) error {
		if acc.PersonalID.IsZero() {
			acc.PersonalID = pragma.NewID[PersonalID]()
		}
		after = *acc
		return nil
	})
	return &after, accountError("make personal id", err)
}
