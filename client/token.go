package client

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// claims is what a client reads from its own token (wire §2.3). The signature is
// the server's business.
type claims struct {
	PlayerID        wire.UUID  `json:"pragmaPlayerId"`
	SocialID        wire.UUID  `json:"pragmaSocialId"`
	SessionID       wire.UUID  `json:"sessionId"`
	DisplayName     string     `json:"displayName"`
	Discriminator   string     `json:"discriminator"`
	RefreshInMillis wire.Int64 `json:"refreshInMillis"`
}

var errBadToken = errors.New("token cannot be read")

func readClaims(token string) (*claims, error) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, errBadToken
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil {
		return nil, errBadToken
	}
	c := new(claims)
	if err := wire.Unmarshal(text, c); err != nil {
		return nil, errors.Join(errBadToken, err)
	}
	return c, nil
}

// refreshIn returns when to ask for new tokens. A server that does not say is
// not asked: zero.
func (c *claims) refreshIn() time.Duration {
	if c.RefreshInMillis <= 0 {
		return 0
	}
	return max(time.Duration(c.RefreshInMillis)*time.Millisecond, time.Second)
}

func (c *claims) name() pragma.DisplayName {
	return pragma.DisplayName{DisplayName: c.DisplayName, Discriminator: c.Discriminator}
}
