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

// verify checks a token of any gateway.
func (t *tokens) verify(text string) (*token.Claims, error) {
	claims, err := t.keys.Verify(text, time.Now())
	return claims, tokenError(err)
}

// verifyQueue checks a token of the log-in queue.
func (t *tokens) verifyQueue(text string) (*token.Claims, error) {
	claims, err := t.keys.VerifyQueue(text, time.Now())
	return claims, tokenError(err)
}

// tokenError names what is wrong with a token for the client.
func tokenError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, token.ErrSignature):
		return ErrTokenSignature.Wrap(err)
	case errors.Is(err, token.ErrExpired):
		return ErrTokenExpired.Wrap(err)
	}
	return ErrTokenDecode.Wrap(err)
}

// identify reads and judges a token for a gateway: who it says the caller is.
// Whether a player's session lives and a partner's token is revoked is asked
// afterwards (wire §16.8).
func (c *core) identify(g Gateway, text string) (*caller, error) {
	claims, err := c.tokens.verify(text)
	if err != nil {
		return nil, err
	}
	if claims.BackendType != string(g.Backend) || claims.SessionType != string(g.Type) {
		return nil, ErrWrongSessionType.With("this token is for another gateway")
	}
	if g.Backend == Game {
		shard, err := ParseID[GameShardID](claims.GameShardID)
		if err != nil {
			return nil, ErrTokenDecode.Wrap(err)
		}
		if shard != c.shardID {
			return nil, ErrWrongSessionType.With("this token is for another game shard")
		}
	}
	return callerOf(claims)
}

// callerOf turns verified claims into a session. Ids that cannot be read mean
// that the token is not one of ours.
func callerOf(c *token.Claims) (*caller, error) {
	who := &caller{expires: time.Unix(c.ExpiresAt, 0)}
	name := DisplayName{c.DisplayName, c.Discriminator}
	var err error
	switch SessionType(c.SessionType) {
	case Player:
		p := &PlayerSession{DisplayName: name, IDProvider: c.IDProvider}
		err = errors.Join(p.PlayerID.UnmarshalText([]byte(c.PlayerID)), p.SocialID.UnmarshalText([]byte(c.SocialID)),
			p.SessionID.UnmarshalText([]byte(c.SessionID)), p.GameShardID.UnmarshalText([]byte(c.GameShardID)), p.setInfo(c.ExtSessionInfo))
		who.player = p
	case Partner:
		p := &PartnerSession{Name: c.PartnerName, AllowedTypes: c.AllowedTypes}
		err = errors.Join(p.PartnerID.UnmarshalText([]byte(c.PartnerID)),
			p.GameShardID.UnmarshalText([]byte(c.GameShardID)), p.AllocationID.UnmarshalText([]byte(c.AllocationID)))
		who.partner = p
	case Operator:
		p := &OperatorSession{DisplayName: name, IDProvider: c.IDProvider, Roles: c.OperatorRoles}
		err = errors.Join(p.SocialID.UnmarshalText([]byte(c.SocialID)), p.SessionID.UnmarshalText([]byte(c.SessionID)))
		who.operator = p
	default:
		return nil, ErrTokenDecode
	}
	if err != nil {
		return nil, ErrTokenDecode.Wrap(err)
	}
	return who, nil
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
// later token of the same log-in carries the same session id. What the client
// said of itself at the log-in has bounds, see [MaxLoginOption]: beyond them the
// error is [ErrMalformed].
func (m *Mount) SignPlayerToken(b Backend, s *PlayerSession) (string, error) {
	info, err := s.info()
	if err != nil {
		return "", err
	}
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
		ExtSessionInfo:  info,
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
// session. A refresh uses it; gateways check for themselves. It does not ask
// whether the session still lives.
func (m *Mount) VerifyPlayerToken(b Backend, text string) (*PlayerSession, error) {
	who, err := m.side.core.identify(Gateway{b, Player}, text)
	if err != nil {
		return nil, err
	}
	return who.player, nil
}

// SignPartnerToken returns a token that opens the partner gateway of a backend
// for s. A life of zero, or a longer one than the configured one
// (partnerExpirationHours), means that. No record is kept of it, unlike of those
// of [Mount.CreatePartnerTokens]; [Mount.RevokePartner] ends it all the same. One
// with an allocation id is good only while there is a record of the allocation, see
// [Mount.AllocationTokens].
func (m *Mount) SignPartnerToken(b Backend, s *PartnerSession, life time.Duration) (string, error) {
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
	return m.side.core.tokens.sign(claims, m.side.core.partnerLife(life))
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
