package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// handle registers the calls of wire §2.5, §7.9 and §16.6.
func (s *Service) handle(m *pragma.Mount) {
	pragma.HandlePlayer(m, "RefreshTokensV1", s.refresh)
	pragma.HandlePlayer(m, "GetAccountV1", s.getAccount)
	s.handlePartnerTokens(m)
	pragma.HandleOperator(m, "CreateAccountWithUnsafeProviderV2", s.createUnsafe)
	s.handleBans(m)
	s.handleGroups(m)
	s.handleTags(m)
	s.handleSearch(m)
	s.handleAccess(m)
}

// refresh gives new tokens for those of the caller's session. One of the two may
// have expired: the call itself shows that the session is alive.
func (s *Service) refresh(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountRefreshTokensV1Request) (*wire.AccountRefreshTokensV1Response, error) {
	session, err := s.refreshed(p, req.PragmaTokens)
	if err != nil {
		return nil, err
	}
	if err := s.admit(ctx, session); err != nil {
		return nil, err
	}
	tokens, err := s.playerTokens(session)
	if err != nil {
		return nil, err
	}
	return &wire.AccountRefreshTokensV1Response{PragmaTokens: *tokens}, nil
}

// refreshed returns the session that two tokens of the caller agree on.
func (s *Service) refreshed(p *pragma.PlayerSession, tokens wire.PragmaTokens) (*pragma.PlayerSession, error) {
	social, err := s.refreshable(pragma.Social, tokens.PragmaSocialToken)
	if err != nil {
		return nil, err
	}
	game, err := s.refreshable(pragma.Game, tokens.PragmaGameToken)
	if err != nil {
		return nil, err
	}
	switch {
	case social == nil && game == nil:
		return nil, ErrUnauthorized.With("neither token is valid")
	case social != nil && game != nil && (game.SocialID != social.SocialID || game.PlayerID != social.PlayerID || game.SessionID != social.SessionID):
		return nil, ErrUnauthorized.With("the tokens do not belong together")
	case game == nil:
		game = social
		if !social.PlayerID.IsZero() { // the log-in named the shard, which only the game token says
			session := *social
			session.GameShardID = s.m.ShardID()
			game = &session
		}
	}
	if game.SocialID != p.SocialID || game.SessionID != p.SessionID {
		return nil, ErrUnauthorized.With("the tokens belong to another session")
	}
	return game, nil
}

// refreshable returns the session of a token, or nil for one that is missing or
// has expired. Anything else that is wrong with it refuses the refresh.
func (s *Service) refreshable(b pragma.Backend, text string) (*pragma.PlayerSession, error) {
	if text == "" {
		return nil, nil
	}
	session, err := s.m.VerifyPlayerToken(b, text)
	if errors.Is(err, pragma.ErrTokenExpired) {
		return nil, nil
	}
	if err != nil {
		return nil, ErrUnauthorized.With("a token is not valid").Wrap(err)
	}
	return session, nil
}

func (s *Service) getAccount(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.AccountGetAccountV1Response, error) {
	acc, err := s.accounts.all.Read(ctx, p.SocialID.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil, ErrNotFound.With("no such account")
	}
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	resp := &wire.AccountGetAccountV1Response{
		PragmaSocialID:                wire.UUID(acc.SocialID),
		AccountCreatedTimestampMillis: wire.Int64(acc.Created.UnixMilli()),
		LastLoginTimestampMillis:      wire.Int64(acc.LastLogin.UnixMilli()),
		DisplayName:                   wire.DisplayName(acc.DisplayName),
	}
	for shard, player := range acc.Players {
		resp.GameIdentities = append(resp.GameIdentities, wire.GameIdentity{GameShardID: wire.UUID(shard), PragmaPlayerID: wire.UUID(player)})
	}
	slices.SortFunc(resp.GameIdentities, func(a, b wire.GameIdentity) int {
		return bytes.Compare(a.GameShardID[:], b.GameShardID[:])
	})
	for _, l := range acc.Providers {
		resp.IDProviderAccounts = append(resp.IDProviderAccounts, wire.IDProviderAccount{
			IDProviderType:      wire.IDProvider(l.Provider),
			AccountID:           l.AccountID,
			ProviderDisplayName: wire.DisplayName{DisplayName: l.DisplayName},
		})
	}
	return resp, nil
}

// mayChange refuses operators who may only look, and shards of other servers.
func (s *Service) mayChange(o *pragma.OperatorSession, shard wire.UUID) error {
	if !o.Has(pragma.RoleAdmin) {
		return pragma.ErrRole
	}
	return s.knowsShard(shard)
}

// knowsShard refuses the shards of other servers; none is that of this one.
func (s *Service) knowsShard(shard wire.UUID) error {
	if id := pragma.GameShardID(shard); !id.IsZero() && id != s.m.ShardID() {
		return ErrNotFound.With("no such game shard")
	}
	return nil
}

// createUnsafe creates accounts of the UNSAFE provider ahead of their first log-in.
func (s *Service) createUnsafe(ctx context.Context, o *pragma.OperatorSession, req *wire.AccountCreateAccountWithUnsafeProviderV2Request) (*wire.Empty, error) {
	if s.providers[unsafeProvider] == nil {
		return nil, ErrProvider
	}
	if err := s.mayChange(o, req.GameShardID); err != nil {
		return nil, err
	}
	for _, a := range req.NewAccounts {
		who := &ProviderAccount{AccountID: a.ID, DisplayName: a.DisplayName}
		if _, err := s.accounts.logIn(ctx, unsafeProvider, who, pragma.GameShardID(req.GameShardID)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
