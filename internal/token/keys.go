package token

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// MaxSize is the longest token in bytes, read or written.
const MaxSize = 8 << 10

// Keys signs and verifies tokens. All methods are safe for concurrent use. The
// zero value has no keys: it refuses to sign and believes nothing.
type Keys struct {
	ring   atomic.Pointer[ring]
	verify func(key *rsa.PublicKey, digest, sig []byte) error // nil: RS256; set by tests that count
}

var _ slog.LogValuer = (*Keys)(nil)

// ring is one set of keys. It never changes, so that a call sees one set.
type ring struct {
	signing   *rsa.PrivateKey
	signingID string
	head      string // the encoded header of every token we sign, with the dot
	believed  map[string]*rsa.PublicKey
}

// NewKeys returns keys that sign with signing and believe it and the others.
// The same key twice does no harm. The caller must not change the keys
// afterwards. Errors are [ErrKey].
func NewKeys(signing *rsa.PrivateKey, others ...*rsa.PublicKey) (*Keys, error) {
	k := &Keys{}
	if err := k.Replace(signing, others...); err != nil {
		return nil, err
	}
	return k, nil
}

// Replace changes all keys at once; calls that run keep the set they began
// with. A token signed with a key that is no longer there is refused from then
// on. After an error ([ErrKey]) the old keys stay.
func (k *Keys) Replace(signing *rsa.PrivateKey, others ...*rsa.PublicKey) error {
	if err := checkPrivate(signing); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	id, err := KeyID(&signing.PublicKey)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	next := &ring{
		signing:   signing,
		signingID: id,
		head:      segment([]byte(`{"alg":"RS256","kid":"`+id+`","typ":"JWT"}`)) + ".",
		believed:  map[string]*rsa.PublicKey{id: &signing.PublicKey},
	}
	for i, key := range others {
		id, err := KeyID(key)
		if err != nil {
			return fmt.Errorf("verification key %d: %w", i+1, err)
		}
		next.believed[id] = key
	}
	k.ring.Store(next)
	return nil
}

// SigningKeyID returns the "kid" of the signing key, or "" if there is none.
func (k *Keys) SigningKeyID() string {
	if r := k.ring.Load(); r != nil {
		return r.signingID
	}
	return ""
}

// LogValue is the id of the signing key and the number of keys; the keys
// themselves are never logged.
func (k *Keys) LogValue() slog.Value {
	r := k.ring.Load()
	if r == nil {
		return slog.StringValue("none")
	}
	return slog.GroupValue(slog.String("signing", r.signingID), slog.Int("believed", len(r.believed)))
}

// Sign returns the token that says c. The errors are [ErrClaims] (the claims
// do not fit the kind of token), [ErrTooLarge] and [ErrNoKey].
func (k *Keys) Sign(c Claims) (string, error) {
	r := k.ring.Load()
	if r == nil {
		return "", ErrNoKey
	}
	if err := c.check(); err != nil {
		return "", err
	}
	payload, err := c.payload()
	if err != nil {
		return "", err
	}
	signed := r.head + segment(payload)
	if size := len(signed) + 1 + base64.RawURLEncoding.EncodedLen(r.signing.Size()); size > MaxSize {
		return "", fmt.Errorf("%w: %d bytes, not at most %d", ErrTooLarge, size, MaxSize)
	}
	digest := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(nil, r.signing, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed + "." + segment(sig), nil
}

func segment(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
