package account

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// refresh gives new tokens for those of the caller's session (wire §2.5). One of
// the two may have expired: the call itself shows that the session is alive. The
// new ones say what the account is now.
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

// refreshed returns a copy of the session that two tokens of the caller agree on.
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
		session := *social
		if !session.PlayerID.IsZero() { // the log-in named the shard, which only the game token says
			session.GameShardID = s.m.ShardID()
		}
		game = &session
	}
	if game.SocialID != p.SocialID || game.SessionID != p.SessionID {
		return nil, ErrUnauthorized.With("the tokens belong to another session")
	}
	session := *game
	return &session, nil
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
