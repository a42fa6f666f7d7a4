package account

import (
	"context"
	"errors"
	"net/http"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// handleLogIn registers the log-in of wire §2.2.
func (s *Service) handleLogIn(m *pragma.Mount) {
	for _, t := range []pragma.SessionType{pragma.Player, pragma.Operator} {
		m.HandleHTTP(t, "POST /v1/account/authenticateorcreatev2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.serveLogIn(w, r, t)
		}))
	}
}

// serveLogIn answers a log-in over plain HTTP, with the statuses of wire §16.8.
func (s *Service) serveLogIn(w http.ResponseWriter, r *http.Request, t pragma.SessionType) {
	req, err := pragma.ReadHTTP[wire.AuthenticateOrCreateV2Request](w, r)
	var tokens *wire.PragmaTokens
	if err == nil {
		tokens, err = s.logIn(r.Context(), t, req)
	}
	if err != nil {
		s.m.RefuseHTTP(w, logInStatus(err), err)
		return
	}
	s.m.AnswerHTTP(w, &wire.AuthenticateOrCreateV2Response{PragmaTokens: *tokens})
}

func logInStatus(err error) int {
	switch {
	case errors.Is(err, errForbidden):
		return http.StatusForbidden
	case errors.Is(err, ErrProvider), errors.Is(err, pragma.ErrMalformed):
		return http.StatusBadRequest
	case errors.Is(err, pragma.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrProviderResponse):
		return http.StatusServiceUnavailable
	case errors.Is(err, ErrNoDiscriminators):
		return http.StatusInternalServerError
	}
	if e, ok := errors.AsType[*pragma.Error](err); ok && e.Code != pragma.Internal && e.Code != pragma.Unavailable {
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}

// logIn finds out who the caller is and signs his tokens.
func (s *Service) logIn(ctx context.Context, t pragma.SessionType, req *wire.AuthenticateOrCreateV2Request) (*wire.PragmaTokens, error) {
	shard, err := s.shard(req.GameShardID)
	if err != nil {
		return nil, err
	}
	provider, ok := s.providers[string(req.ProviderID)]
	if !ok {
		return nil, ErrProvider
	}
	pass, err := s.loginPass(t, req)
	if err != nil {
		return nil, err
	}
	who, err := s.validate(ctx, provider, t, &ValidateRequest{ProviderToken: req.ProviderToken, GameShardID: shard, Type: t})
	if err != nil {
		return nil, err
	}
	if t == pragma.Operator && len(who.OperatorRoles) == 0 {
		return nil, ErrUnauthorized.With("this account may not log in as an operator")
	}
	if err := usePass(ctx, pass, provider, who); err != nil {
		return nil, err
	}
	acc, err := s.accounts.logIn(ctx, provider.GetType(), who, shard)
	if err != nil {
		return nil, storeFailure(err)
	}
	if t == pragma.Operator {
		return s.operatorTokens(acc, provider.GetType(), who.OperatorRoles)
	}
	session := &pragma.PlayerSession{
		PlayerID:    acc.Players[shard],
		SocialID:    acc.SocialID,
		SessionID:   acc.LastSession,
		DisplayName: acc.DisplayName,
		IDProvider:  provider.GetType(),
		GameShardID: shard,
	}
	if err := s.admit(ctx, session); err != nil {
		return nil, storeFailure(err)
	}
	return s.playerTokens(session)
}

// validate asks the provider who the caller is. Its errors reach the caller as
// they are, if they are meant for him.
func (s *Service) validate(ctx context.Context, p IdentityProvider, t pragma.SessionType, r *ValidateRequest) (*ProviderAccount, error) {
	answer := make(chan *ProviderAccount, 1) // a hook that was left behind may answer late
	err := pragma.RunHook(ctx, s.m, "IdentityProvider.Validate", func(ctx context.Context) error {
		if !s.mayAuthenticate(ctx, p, t) {
			return ErrProvider
		}
		who, err := p.Validate(ctx, r)
		answer <- who
		return err
	})
	if err == nil {
		return <-answer, nil
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
	return p.CanAuthenticate(ctx, t)
}

// storeFailure names what went wrong below the accounts, unless it is a refusal
// or a failure of another kind.
func storeFailure(err error) error {
	if e, ok := errors.AsType[*pragma.Error](err); ok && e.Code != pragma.Unavailable {
		return err
	}
	return ErrDatabase.Wrap(err)
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

func (s *Service) operatorTokens(acc *state, provider string, roles []string) (*wire.PragmaTokens, error) {
	session := &pragma.OperatorSession{
		SocialID:    acc.SocialID,
		SessionID:   pragma.NewOrderedID[pragma.SessionID](),
		DisplayName: acc.DisplayName,
		IDProvider:  provider,
		Roles:       roles,
	}
	var tokens wire.PragmaTokens
	var err error
	if tokens.PragmaSocialToken, err = s.m.SignOperatorToken(pragma.Social, session); err != nil {
		return nil, err
	}
	tokens.PragmaGameToken, err = s.m.SignOperatorToken(pragma.Game, session)
	return &tokens, err
}
