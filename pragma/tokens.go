package pragma

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/openpragma/engine/internal/token"
)

// tokens signs and verifies the tokens of a server (wire §2.3, §16.9).
type tokens struct {
	keys   *token.Keys
	config func() tokenSignerConfig
}

// verify checks a token of any gateway and names what is wrong for the client.
func (t *tokens) verify(text string) (*token.Claims, error) {
	claims, err := t.keys.Verify(text, time.Now())
	switch {
	case err == nil:
		return claims, nil
	case errors.Is(err, token.ErrSignature):
		return nil, ErrTokenSignature.Wrap(err)
	case errors.Is(err, token.ErrExpired):
		return nil, ErrTokenExpired.Wrap(err)
	}
	return nil, ErrTokenDecode.Wrap(err)
}

// sign signs claims that live for the given time.
func (t *tokens) sign(c token.Claims, life time.Duration) (string, error) {
	now := time.Now()
	c.ID = NewID[ID[struct{}]]().String()
	c.IssuedAt = now.Unix()
	c.ExpiresAt = now.Add(life).Unix()
	if c.SessionType != "" { // tokens of the log-in queue do not say it
		c.ExpiresInMillis = life.Milliseconds()
	}
	return t.keys.Sign(c)
}

// SignPlayerToken returns a token that opens the player gateway of a backend for
// s. Account services call it after they have checked who the player is; every
// later token of the same log-in carries the same session id.
func (m *Mount) SignPlayerToken(b Backend, s *PlayerSession) (string, error) {
	c := m.side.core.tokens.config()
	variance := float64(c.PlayerTokenRefreshVarianceWindowMinutes)
	refresh := float64(c.PlayerTokenRefreshMinutes) + variance*(2*rand.Float64()-1)
	claims := token.Claims{
		SessionType:     string(Player),
		BackendType:     string(b),
		Subject:         s.SocialID.String(),
		SocialID:        s.SocialID.String(),
		SessionID:       s.SessionID.String(),
		DisplayName:     s.DisplayName.DisplayName,
		Discriminator:   s.DisplayName.Discriminator,
		IDProvider:      s.IDProvider,
		RefreshInMillis: int64(refresh * float64(time.Minute/time.Millisecond)),
	}
	if !s.PlayerID.IsZero() {
		claims.PlayerID = s.PlayerID.String()
	}
	if b == Game {
		claims.Subject = s.PlayerID.String()
		claims.GameShardID = s.GameShardID.String()
	}
	return m.side.core.tokens.sign(claims, time.Duration(c.PlayerTokenExpirationMinutes)*time.Minute)
}

// VerifyPlayerToken checks a player's token for a backend and returns its
// session. A refresh uses it; gateways have their own check.
func (m *Mount) VerifyPlayerToken(b Backend, text string) (*PlayerSession, error) {
	claims, err := m.side.core.tokens.verify(text)
	if err != nil {
		return nil, err
	}
	if claims.SessionType != string(Player) || claims.BackendType != string(b) {
		return nil, ErrWrongSessionType
	}
	who, err := callerOf(claims)
	if err != nil {
		return nil, err
	}
	return who.player, nil
}

// SignPartnerToken returns a token that opens the partner gateway of a backend
// for s. A life of zero, or a longer one than the configured one
// (partnerExpirationHours), means that.
func (m *Mount) SignPartnerToken(b Backend, s *PartnerSession, life time.Duration) (string, error) {
	longest := time.Duration(m.side.core.tokens.config().PartnerExpirationHours) * time.Hour
	if life <= 0 || life > longest {
		life = longest
	}
	claims := token.Claims{
		SessionType: string(Partner),
		BackendType: string(b),
		Subject:     s.PartnerID.String(),
		PartnerID:   s.PartnerID.String(),
		PartnerName: s.Name,
	}
	claims.AllowedTypes = s.AllowedTypes
	if !s.AllocationID.IsZero() {
		claims.AllocationID = s.AllocationID.String()
	}
	if b == Game {
		claims.GameShardID = s.GameShardID.String()
	}
	return m.side.core.tokens.sign(claims, life)
}

// SignOperatorToken returns a token that opens the operator gateway of a backend for s.
func (m *Mount) SignOperatorToken(b Backend, s *OperatorSession) (string, error) {
	life := time.Duration(m.side.core.tokens.config().OperatorExpirationMinutes) * time.Minute
	claims := token.Claims{
		SessionType:     string(Operator),
		BackendType:     string(b),
		Subject:         s.SocialID.String(),
		SocialID:        s.SocialID.String(),
		SessionID:       s.SessionID.String(),
		DisplayName:     s.DisplayName.DisplayName,
		Discriminator:   s.DisplayName.Discriminator,
		IDProvider:      s.IDProvider,
		OperatorRoles:   s.Roles,
		RefreshInMillis: (life / 2).Milliseconds(),
	}
	if b == Game {
		claims.GameShardID = m.side.core.shardID.String()
	}
	return m.side.core.tokens.sign(claims, life)
}
