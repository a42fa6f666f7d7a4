package token

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// member is one row of the tables of wire §2.3 and §16.9: a claim and the
// kinds of token that have it.
type member struct {
	name     string
	value    any  // string, int64 or []string
	needed   kind // kinds that must have it, filled
	present  kind // kinds that have it, even if it is empty
	optional kind // kinds that have it if it is filled
}

// members returns the claims in the order in which they are written.
func (c *Claims) members() []member {
	extInfo := c.ExtSessionInfo
	if c.SessionType == Player {
		extInfo = cmp.Or(extInfo, "{}")
	}
	return []member{
		{name: "iss", value: Issuer, needed: every},
		{name: "sub", value: c.Subject, needed: every},
		{name: "iat", value: c.IssuedAt, needed: every},
		{name: "exp", value: c.ExpiresAt, needed: every},
		{name: "nbf", value: c.NotBefore, optional: every},
		{name: "jti", value: c.ID, needed: every},
		{name: "sessionType", value: c.SessionType, needed: sessions},
		{name: "backendType", value: c.BackendType, needed: sessions},
		{name: "sessionId", value: c.SessionID, needed: players | operators},
		{name: "gameShardId", value: c.GameShardID, needed: games},
		{name: "displayName", value: c.DisplayName, present: players | operators},
		{name: "discriminator", value: c.Discriminator, present: players | operators},
		{name: "pragmaPlayerId", value: c.PlayerID, needed: playerGame, optional: playerSocial},
		{name: "pragmaSocialId", value: c.SocialID, needed: players | operators},
		{name: "idProvider", value: c.IDProvider, present: players | operators},
		{name: "extSessionInfo", value: extInfo, present: players},
		{name: "pragmaPartnerId", value: c.PartnerID, needed: partners},
		{name: "partnerName", value: c.PartnerName, present: partners},
		{name: "allocationId", value: c.AllocationID, optional: partners},
		{name: "allowedTypes", value: c.AllowedTypes, optional: partners},
		{name: "operatorRoles", value: c.OperatorRoles, present: operators},
		{name: "expiresInMillis", value: int64Text(c.ExpiresInMillis), needed: sessions},
		{name: "refreshInMillis", value: int64Text(c.RefreshInMillis), needed: players | operators},
		{name: "ticketNumber", value: c.TicketNumber, needed: queue},
		{name: "isAllowedIn", value: c.IsAllowedIn, needed: queue},
	}
}

// int64Text returns n as the text that the wire carries, and "" for 0, so that
// 0 counts as not filled.
func int64Text(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (m *member) filled() bool {
	switch v := m.value.(type) {
	case string:
		return v != ""
	case int64:
		return v != 0
	case []string:
		return v != nil
	}
	return false
}

// check reports the first claim that is missing, or filled in a kind of token
// that does not have it.
func (c *Claims) check() error {
	k, ok := c.kind()
	if !ok {
		return fmt.Errorf("%w: sessionType or backendType is unknown", ErrClaims)
	}
	for _, m := range c.members() {
		switch {
		case m.needed&k != 0 && !m.filled():
			return fmt.Errorf("%w: %s is missing", ErrClaims, m.name)
		case (m.needed|m.present|m.optional)&k == 0 && m.filled():
			return fmt.Errorf("%w: %s belongs to another kind of token", ErrClaims, m.name)
		}
	}
	return c.checkValues(k)
}

// checkValues looks at the claims whose values have rules.
func (c *Claims) checkValues(k kind) error {
	switch {
	case c.IssuedAt < 0, c.NotBefore < 0, c.ExpiresAt <= c.IssuedAt:
		return fmt.Errorf("%w: the times are out of order", ErrClaims)
	case c.ExpiresInMillis < 0, c.RefreshInMillis < 0:
		return fmt.Errorf("%w: a duration is negative", ErrClaims)
	case k&partners != 0 && c.PartnerID != c.Subject:
		return fmt.Errorf("%w: pragmaPartnerId differs from sub", ErrClaims)
	case k == queue && c.TicketNumber != c.Subject:
		return fmt.Errorf("%w: ticketNumber differs from sub", ErrClaims)
	case k == queue && c.IsAllowedIn != "true" && c.IsAllowedIn != "false":
		return fmt.Errorf("%w: isAllowedIn is neither true nor false", ErrClaims)
	}
	return nil
}

// payload returns the claims as JSON whose bytes survive plain base64. The
// claims have been checked.
func (c *Claims) payload() ([]byte, error) {
	k, _ := c.kind()
	var buf bytes.Buffer
	enc := jsontext.NewEncoder(&buf)
	err := enc.WriteToken(jsontext.BeginObject)
	for _, m := range c.members() {
		if m.optional&k != 0 && !m.filled() || (m.needed|m.present|m.optional)&k == 0 {
			continue
		}
		if err == nil {
			err = enc.WriteToken(jsontext.String(m.name))
		}
		if err == nil {
			err = json.MarshalEncode(enc, m.value)
		}
	}
	if err == nil {
		err = enc.WriteToken(jsontext.EndObject)
	}
	if err != nil {
		// The error of the encoder could quote the value, so it stays here.
		return nil, fmt.Errorf("%w: a text is not valid UTF-8", ErrClaims)
	}
	return escape(bytes.TrimSpace(buf.Bytes())), nil
}

// escape writes letters outside ASCII as \uXXXX, and also the four ASCII bytes
// that can become '-' or '_' in base64url. All of them only occur inside JSON
// strings.
func escape(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		b := data[0]
		if b < utf8.RuneSelf && b != '>' && b != '?' && b != '~' && b != 0x7f {
			out = append(out, b)
			data = data[1:]
			continue
		}
		r, n := utf8.DecodeRune(data)
		data = data[n:]
		if r >= 0x10000 {
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
			continue
		}
		out = fmt.Appendf(out, `\u%04x`, r)
	}
	return out
}
