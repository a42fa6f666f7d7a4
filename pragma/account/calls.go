package account

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// handle registers the calls of wire §2.2, §2.5 and §7.9.
func (s *Service) handle(m *pragma.Mount) {
	for _, t := range []pragma.SessionType{pragma.Player, pragma.Operator} {
		m.HandleHTTP(t, "POST /v1/account/authenticateorcreatev2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.serveLogIn(w, r, t)
		}))
	}
	pragma.HandlePlayer(m, "RefreshTokensV1", s.refresh)
	pragma.HandlePlayer(m, "GetAccountV1", s.getAccount)
	pragma.HandleOperator(m, "CreatePartnerTokenV1", s.createPartnerToken)
	pragma.HandleOperator(m, "CreateAccountWithUnsafeProviderV2", s.createUnsafe)
}

// serveLogIn answers a log-in over plain HTTP, with the statuses of wire §16.8.
func (s *Service) serveLogIn(w http.ResponseWriter, r *http.Request, t pragma.SessionType) {
	req, err := pragma.ReadHTTP[wire.AuthenticateOrCreateV2Request](w, r)
	if err != nil {
		s.m.RefuseHTTP(w, http.StatusBadRequest, err)
		return
	}
	tokens, err := s.logIn(r.Context(), t, req)
	if err != nil {
		s.m.RefuseHTTP(w, logInStatus(err), err)
		return
	}
	s.m.AnswerHTTP(w, &wire.AuthenticateOrCreateV2Response{PragmaTokens: *tokens})
}

func logInStatus(err error) int {
	switch {
	case errors.Is(err, ErrProvider), errors.Is(err, pragma.ErrMalformed):
		return http.StatusBadRequest
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrNoDiscriminators):
		return http.StatusInternalServerError
	}
	var e *pragma.Error
	if errors.As(err, &e) && e.Code != pragma.Internal && e.Code != pragma.Unavailable {
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}

func (s *Service) logIn(ctx context.Context, t pragma.SessionType, req *wire.AuthenticateOrCreateV2Request) (*wire.PragmaTokens, error) {
	shard, err := s.shard(req.GameShardID)
	if err != nil {
		return nil, err
	}
	provider, ok := s.providers[string(req.ProviderID)]
	if !ok || !provider.CanAuthenticate(ctx, t) {
		return nil, ErrProvider
	}
	var who *ProviderAccount
	err = pragma.RunHook(ctx, s.m, "IdentityProvider.Validate", func(ctx context.Context) error {
		var err error
		who, err = provider.Validate(ctx, &ValidateRequest{ProviderToken: req.ProviderToken, GameShardID: shard})
		return err
	})
	if err != nil {
		var refused *pragma.Error
		if !errors.As(err, &refused) {
			err = ErrUnauthorized.Wrap(err)
		}
		return nil, err
	}
	acc, err := s.accounts.logIn(ctx, provider.GetType(), who, shard)
	if err != nil {
		return nil, err
	}
	if t == pragma.Operator {
		return s.operatorTokens(acc)
	}
	return s.playerTokens(&pragma.PlayerSession{
		PlayerID:    acc.Players[shard],
		SocialID:    acc.SocialID,
		SessionID:   pragma.NewOrderedID[pragma.SessionID](),
		DisplayName: acc.DisplayName,
		IDProvider:  provider.GetType(),
		GameShardID: shard,
	})
}

// shard reads the shard of a log-in: none, or that of this server.
func (s *Service) shard(text string) (pragma.GameShardID, error) {
	id, err := pragma.ParseID[pragma.GameShardID](text)
	if err != nil || !id.IsZero() && id != s.m.ShardID() {
		return id, ErrNotFound.With("no such game shard")
	}
	return id, nil
}

// playerTokens signs the tokens of one session. Without a shard there is no
// game token: the account may not enter the game.
func (s *Service) playerTokens(session *pragma.PlayerSession) (*wire.PragmaTokens, error) {
	var tokens wire.PragmaTokens
	var err error
	if tokens.PragmaSocialToken, err = s.m.SignPlayerToken(pragma.Social, session); err != nil {
		return nil, err
	}
	if !session.GameShardID.IsZero() {
		tokens.PragmaGameToken, err = s.m.SignPlayerToken(pragma.Game, session)
	}
	return &tokens, err
}

func (s *Service) operatorTokens(acc *state) (*wire.PragmaTokens, error) {
	session := &pragma.OperatorSession{
		SocialID:    acc.SocialID,
		SessionID:   pragma.NewOrderedID[pragma.SessionID](),
		DisplayName: acc.DisplayName,
		Roles:       []string{"ADMIN"},
	}
	var tokens wire.PragmaTokens
	var err error
	if tokens.PragmaSocialToken, err = s.m.SignOperatorToken(pragma.Social, session); err != nil {
		return nil, err
	}
	tokens.PragmaGameToken, err = s.m.SignOperatorToken(pragma.Game, session)
	return &tokens, err
}

// refresh gives new tokens for those of the caller's session. One of the two may
// have expired: the call itself shows that the session is alive.
func (s *Service) refresh(_ context.Context, p *pragma.PlayerSession, req *wire.AccountRefreshTokensV1Request) (*wire.AccountRefreshTokensV1Response, error) {
	session, err := s.refreshed(p, req.PragmaTokens)
	if err != nil {
		return nil, err
	}
	tokens, err := s.playerTokens(session)
	if err != nil {
		return nil, err
	}
	return &wire.AccountRefreshTokensV1Response{PragmaTokens: *tokens}, nil
}

func (s *Service) refreshed(p *pragma.PlayerSession, tokens wire.PragmaTokens) (*pragma.PlayerSession, error) {
	social, socialErr := s.m.VerifyPlayerToken(pragma.Social, tokens.PragmaSocialToken)
	game, gameErr := s.m.VerifyPlayerToken(pragma.Game, tokens.PragmaGameToken)
	session := game
	switch {
	case socialErr != nil && gameErr != nil:
		return nil, ErrUnauthorized.With("neither token is valid").Wrap(errors.Join(socialErr, gameErr))
	case gameErr != nil:
		session = social
	case socialErr == nil && (game.SocialID != social.SocialID || game.SessionID != social.SessionID):
		return nil, ErrUnauthorized.With("the tokens do not belong together")
	}
	if session.SocialID != p.SocialID || session.SessionID != p.SessionID {
		return nil, ErrUnauthorized.With("the tokens belong to another session")
	}
	return session, nil
}

func (s *Service) getAccount(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.AccountGetAccountV1Response, error) {
	acc, err := s.accounts.all.Read(ctx, p.SocialID.String())
	if err != nil {
		return nil, ErrNotFound.Wrap(err)
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
	for _, l := range acc.Providers {
		resp.IDProviderAccounts = append(resp.IDProviderAccounts, wire.IDProviderAccount{
			IDProviderType:      wire.IDProvider(l.Provider),
			AccountID:           l.AccountID,
			ProviderDisplayName: wire.DisplayName{DisplayName: l.DisplayName},
		})
	}
	return resp, nil
}

// createPartnerToken makes a pair of tokens for a trusted server. They are
// shown once and not kept.
func (s *Service) createPartnerToken(_ context.Context, o *pragma.OperatorSession, req *wire.AccountCreatePartnerTokenV1Request) (*wire.AccountCreatePartnerTokenV1Response, error) {
	if shard := pragma.GameShardID(req.GameShardID); !shard.IsZero() && shard != s.m.ShardID() {
		return nil, ErrNotFound.With("no such game shard")
	}
	if req.ExpirationHours < 0 {
		return nil, ErrBadRequest.With("expirationHours is negative")
	}
	life := time.Duration(req.ExpirationHours) * time.Hour
	session := &pragma.PartnerSession{
		PartnerID:    pragma.NewID[pragma.PartnerID](),
		Name:         req.Name,
		GameShardID:  s.m.ShardID(),
		AllowedTypes: req.AllowedTypes,
	}
	game, err := s.m.SignPartnerToken(pragma.Game, session, life)
	if err != nil {
		return nil, err
	}
	social, err := s.m.SignPartnerToken(pragma.Social, session, life)
	if err != nil {
		return nil, err
	}
	s.m.Log().Info("partner tokens created", "partner", session.PartnerID, "name", req.Name, "operator", o.SocialID)
	return &wire.AccountCreatePartnerTokenV1Response{
		PragmaPartnerGameToken: game, PragmaPartnerSocialToken: social, PartnerTokenID: wire.UUID(session.PartnerID),
	}, nil
}

// createUnsafe creates accounts of the UNSAFE provider ahead of their first log-in.
func (s *Service) createUnsafe(ctx context.Context, _ *pragma.OperatorSession, req *wire.AccountCreateAccountWithUnsafeProviderV2Request) (*wire.Empty, error) {
	if s.providers["UNSAFE"] == nil {
		return nil, ErrProvider
	}
	shard := pragma.GameShardID(req.GameShardID)
	if !shard.IsZero() && shard != s.m.ShardID() {
		return nil, ErrNotFound.With("no such game shard")
	}
	for _, a := range req.NewAccounts {
		if _, err := s.accounts.logIn(ctx, "UNSAFE", &ProviderAccount{AccountID: a.ID, DisplayName: a.DisplayName}, shard); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
