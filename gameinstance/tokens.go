package gameinstance

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"time"
)

// connectionToken proves to a game server who a player is (engine §6.5).
type connectionToken struct {
	Secret  secret    `json:"secret"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

// secret is a text that is never logged.
type secret string

// LogValue implements [slog.LogValuer].
func (secret) LogValue() slog.Value { return slog.StringValue("***") }

// String keeps the text out of logs made with package fmt.
func (secret) String() string { return "***" }

// GoString is String.
func (s secret) GoString() string { return s.String() }

// newConnectionToken makes 32 random bytes as 43 characters.
func newConnectionToken(now time.Time, life time.Duration) connectionToken {
	var raw [32]byte
	rand.Read(raw[:]) // never fails: see crypto/rand
	return connectionToken{Secret: secret(base64.RawURLEncoding.EncodeToString(raw[:])), Issued: now, Expires: now.Add(life)}
}

// renew gives a player a token when he has none, or when half of the life of the
// newest is over. At most two are good at a time. It reports whether it did.
func (m *member) renew(now time.Time, life time.Duration) bool {
	if len(m.Tokens) > 0 {
		newest := m.Tokens[0]
		if newest.Expires.Sub(now) > newest.Expires.Sub(newest.Issued)/2 {
			return false
		}
	}
	tokens := []connectionToken{newConnectionToken(now, life)}
	if len(m.Tokens) > 0 && m.Tokens[0].Expires.After(now) {
		tokens = append(tokens, m.Tokens[0])
	}
	m.Tokens = tokens
	return true
}

// token returns what the player shows to the server.
func (m *member) token() string {
	if len(m.Tokens) == 0 {
		return ""
	}
	return string(m.Tokens[0].Secret)
}

// verify reports whether a text is a good token of the player.
func (m *member) verify(text string, now time.Time) bool {
	good := 0
	for _, t := range m.Tokens {
		same := subtle.ConstantTimeCompare([]byte(t.Secret), []byte(text))
		if t.Expires.After(now) {
			good |= same
		}
	}
	return good == 1
}
