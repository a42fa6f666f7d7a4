package token

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Leeway is how far the clock of the node that issued a token may be ahead of
// ours. It softens the beginning of a token's life, never its end.
const Leeway = 10 * time.Second

// Verify returns the claims of a session token that is genuine and valid at
// now. The errors are [ErrDecode], [ErrSignature] and [ErrExpired]. A token of
// the log-in queue is refused with ErrDecode; see [Keys.VerifyQueue].
//
// The claims have passed the same checks as in [Keys.Sign]. Whether the session
// still lives, and whether the token may be used on this gateway, is for the
// caller to decide.
func (k *Keys) Verify(token string, now time.Time) (*Claims, error) {
	return k.verifyKind(token, now, sessions)
}

// VerifyQueue is [Keys.Verify] for tokens of the log-in queue. It refuses
// tokens of sessions.
func (k *Keys) VerifyQueue(token string, now time.Time) (*Claims, error) {
	return k.verifyKind(token, now, queue)
}

func (k *Keys) verifyKind(token string, now time.Time, want kind) (*Claims, error) {
	if len(token) > MaxSize {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrDecode, MaxSize)
	}
	p, err := split(token)
	if err != nil {
		return nil, err
	}
	if err := k.verifySignature(p); err != nil {
		return nil, err
	}
	c, err := readClaims(p.payload, want)
	if err != nil {
		return nil, err
	}
	if err := c.checkTime(now); err != nil {
		return nil, err
	}
	return c, nil
}

// parts is a token taken apart.
type parts struct {
	signed  string // the text that the signature covers
	header  header
	payload []byte // not trusted before the signature is
	sig     []byte
}

// header holds raw JSON, because a member of a wrong type makes a signature
// that we do not believe, not a token that we cannot read.
type header struct {
	Alg  jsontext.Value `json:"alg"`
	Kid  jsontext.Value `json:"kid"`
	Crit jsontext.Value `json:"crit"`
}

// keyID returns the key that the header names. It is false for a header that
// we would not have written.
func (h *header) keyID() (string, bool) {
	// No unescaping: there is only one way in which we write these texts.
	kid := string(h.Kid)
	if string(h.Alg) != `"RS256"` || h.Crit != nil || len(kid) < 2 || kid[0] != '"' {
		return "", false
	}
	return kid[1 : len(kid)-1], true
}

func split(token string) (*parts, error) {
	head, rest, ok := strings.Cut(token, ".")
	payload, sig, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.Contains(sig, ".") {
		return nil, fmt.Errorf("%w: not three parts", ErrDecode)
	}
	p := &parts{signed: token[:len(head)+1+len(payload)]}
	rawHead, err := unsegment(head)
	if err != nil {
		return nil, err
	}
	if p.payload, err = unsegment(payload); err != nil {
		return nil, err
	}
	if p.sig, err = unsegment(sig); err != nil {
		return nil, err
	}
	if rawHead[0] != '{' || json.Unmarshal(rawHead, &p.header) != nil {
		return nil, fmt.Errorf("%w: the header is not a JSON object", ErrDecode)
	}
	return p, nil
}

// unsegment decodes one part. It accepts exactly one text for given bytes:
// the decoder itself would skip line ends.
func unsegment(text string) ([]byte, error) {
	if text == "" || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%w: a part is empty or has line ends", ErrDecode)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: a part is not base64url", ErrDecode)
	}
	return data, nil
}

// verifySignature does one RSA verification, whatever the header says.
func (k *Keys) verifySignature(p *parts) error {
	r := k.ring.Load()
	if r == nil {
		return ErrSignature
	}
	id, ours := p.header.keyID()
	key, believed := r.believed[id]
	if !believed {
		key = &r.signing.PublicKey
	}
	sig, fits := p.sig, len(p.sig) == key.Size()
	if !fits {
		sig = make([]byte, key.Size()) // a wrong length would end the work early
	}
	digest := sha256.Sum256([]byte(p.signed))
	err := k.verifyRS256(key, digest[:], sig)
	if err != nil || !ours || !believed || !fits {
		return ErrSignature
	}
	return nil
}

func (k *Keys) verifyRS256(key *rsa.PublicKey, digest, sig []byte) error {
	if k.verify != nil {
		return k.verify(key, digest, sig)
	}
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, sig)
}

// readClaims decodes the payload of a genuine token. Members we do not know are
// skipped: a newer node may have written them. An audience is known: we never
// name one, so a token with one was made for somebody else (RFC 7519 §4.1.3).
func readClaims(payload []byte, want kind) (*Claims, error) {
	var c struct {
		Issuer   string         `json:"iss"`
		Audience jsontext.Value `json:"aud"`
		Claims   `json:",inline"`
	}
	if payload[0] != '{' || !isASCII(payload) || json.Unmarshal(payload, &c) != nil {
		return nil, fmt.Errorf("%w: the payload is not a JSON object of claims in ASCII", ErrDecode)
	}
	switch {
	case c.Issuer != Issuer:
		return nil, fmt.Errorf("%w: the issuer is another", ErrDecode)
	case c.Audience != nil:
		return nil, fmt.Errorf("%w: it is for another audience", ErrDecode)
	}
	k, ok := c.kind()
	if !ok || k&want == 0 {
		return nil, fmt.Errorf("%w: it is not of the wanted kind", ErrDecode)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDecode, err)
	}
	return &c.Claims, nil
}

// isASCII reports whether a payload is one that we could have written.
func isASCII(payload []byte) bool {
	return !slices.ContainsFunc(payload, func(b byte) bool { return b >= utf8.RuneSelf })
}

// checkTime compares in whole seconds, without additions that could overflow.
func (c *Claims) checkTime(now time.Time) error {
	latest := now.Add(Leeway).Unix()
	switch {
	case c.ExpiresAt <= now.Unix():
		return fmt.Errorf("%w: it is over", ErrExpired)
	case c.NotBefore > latest, c.IssuedAt > latest:
		return fmt.Errorf("%w: it has not begun", ErrExpired)
	}
	return nil
}
