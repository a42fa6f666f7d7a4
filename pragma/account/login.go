package account

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

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
	r := &ValidateRequest{ProviderToken: req.ProviderToken, Type: t, Options: LoginOptions(req.LoginOptions)}
	provider, who, err := s.arrive(ctx, req, r)
	if err != nil {
		return nil, err
	}
	acc, err := s.findOrCreate(ctx, &arrival{
		provider: provider.GetType(), who: who, shard: r.GameShardID, login: true,
		once: provider.Settings().AccountLinkingOneAssociationOnly,
	})
	if err != nil {
		return nil, storeFailure(err)
	}
	in := &LoginRequest{Account: *acc.account(), Provider: provider.GetType(), Type: t, GameShardID: r.GameShardID, Options: r.Options}
	if t == pragma.Operator {
		if err := s.askLogin(ctx, in); err != nil {
			return nil, err
		}
		return s.operatorTokens(acc, provider.GetType(), who.OperatorRoles)
	}
	session, err := s.begin(ctx, acc, in)
	if err != nil {
		return nil, err
	}
	return s.playerTokens(session)
}

// arrive has a caller prove who he is. Players come with a pass of the log-in
// queue, which is spent only once they have.
func (s *Service) arrive(ctx context.Context, req *wire.AuthenticateOrCreateV2Request, r *ValidateRequest) (p IdentityProvider, who *ProviderAccount, err error) {
	if r.GameShardID, err = s.shard(req.GameShardID); err != nil {
		return nil, nil, err
	}
	if p = s.providers[string(req.ProviderID)]; p == nil {
		return nil, nil, ErrProvider
	}
	if err := r.Options.check(); err != nil {
		return nil, nil, err
	}
	pass, err := s.loginPass(r.Type, req)
	if err != nil {
		return nil, nil, err
	}
	who, err = s.prove(ctx, p, r)
	switch {
	case err != nil:
		return nil, nil, err
	case r.Type == pragma.Operator && len(who.OperatorRoles) == 0:
		return nil, nil, ErrUnauthorized.With("this account may not log in as an operator")
	}
	return p, who, usePass(ctx, pass, p, who)
}

// begin is the session of a player who logs in, if nothing keeps him out.
func (s *Service) begin(ctx context.Context, acc *state, in *LoginRequest) (*pragma.PlayerSession, error) {
	session := &pragma.PlayerSession{
		PlayerID:             acc.Players[in.GameShardID],
		SocialID:             acc.SocialID,
		SessionID:            acc.LastSession,
		DisplayName:          acc.DisplayName,
		IDProvider:           in.Provider,
		GameShardID:          in.GameShardID,
		DistributionPlatform: in.Options.DistributionPlatform,
		HardwareClass:        in.Options.HardwareClass,
		HardwareDevice:       in.Options.HardwareDevice,
	}
	if err := s.admit(ctx, session); err != nil {
		return nil, storeFailure(err)
	}
	return session, s.askLogin(ctx, in)
}

// askLogin asks the plugin whether somebody may log in.
func (s *Service) askLogin(ctx context.Context, in *LoginRequest) error {
	return s.hook(ctx, "OnAccountLogin", func(ctx context.Context) error { return s.Plugin.OnAccountLogin(ctx, in) })
}

func (o *LoginOptions) check() error {
	for _, text := range []string{o.DistributionPlatform, o.HardwareClass, o.HardwareDevice} {
		if len(text) > pragma.MaxLoginOption || !utf8.ValidString(text) {
			return pragma.ErrMalformed.With("a text of loginOptions is longer than %d bytes", pragma.MaxLoginOption)
		}
	}
	return nil
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
	if err != nil {
		return id, ErrNotFound.With("no such game shard")
	}
	return s.knownShard(wire.UUID(id))
}

// knownShard returns a shard of a request: none, or that of this server.
func (s *Service) knownShard(shard wire.UUID) (pragma.GameShardID, error) {
	id := pragma.GameShardID(shard)
	if !id.IsZero() && id != s.m.ShardID() {
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
