package token

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
)

// The sizes of keys in bits. The upper limit bounds the work of a verification.
const (
	MinKeyBits = 2048
	MaxKeyBits = 8192
)

// GenerateKey makes a new signing key of [MinKeyBits].
func GenerateKey() (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, MinKeyBits)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	return key, nil
}

// ParseKey reads a private RSA key: one PEM block, PKCS#8 ("PRIVATE KEY") or
// PKCS#1 ("RSA PRIVATE KEY"), not encrypted. Errors are [ErrKey].
func ParseKey(text []byte) (*rsa.PrivateKey, error) {
	block, err := oneBlock(text)
	if err != nil {
		return nil, err
	}
	var parsed any
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("%w: the PEM block is not a private RSA key", ErrKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the PEM block has no readable key", ErrKey)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: the key is not RSA", ErrKey)
	}
	if err := checkPrivate(key); err != nil {
		return nil, err
	}
	return key, nil
}

// MarshalKey returns the key as PEM, PKCS#8. [ParseKey] reads it again. The
// text is a secret.
func MarshalKey(key *rsa.PrivateKey) ([]byte, error) {
	if err := checkPrivate(key); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: it has no PKCS#8 form", ErrKey)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParsePublicKey reads a public RSA key: one PEM block, PKIX ("PUBLIC KEY") or
// PKCS#1 ("RSA PUBLIC KEY"). Errors are [ErrKey].
func ParsePublicKey(text []byte) (*rsa.PublicKey, error) {
	block, err := oneBlock(text)
	if err != nil {
		return nil, err
	}
	var parsed any
	switch block.Type {
	case "PUBLIC KEY":
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return nil, fmt.Errorf("%w: the PEM block is not a public RSA key", ErrKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the PEM block has no readable key", ErrKey)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the key is not RSA", ErrKey)
	}
	if err := checkPublic(key); err != nil {
		return nil, err
	}
	return key, nil
}

// ParseVerificationKey reads the public key that a PEM text gives away: one PEM
// block with a public key, or with a private one, whose secret part is dropped.
// Errors are [ErrKey].
func ParseVerificationKey(text []byte) (*rsa.PublicKey, error) {
	if block, _ := pem.Decode(text); block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") {
		key, err := ParseKey(text)
		if err != nil {
			return nil, err
		}
		return &key.PublicKey, nil
	}
	return ParsePublicKey(text)
}

// MarshalPublicKey returns the key as PEM, PKIX. [ParsePublicKey] reads it
// again.
func MarshalPublicKey(key *rsa.PublicKey) ([]byte, error) {
	if err := checkPublic(key); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: it has no PKIX form", ErrKey)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// KeyID returns the "kid" of a key: the first 16 bytes of the SHA-256 of its
// public form (SubjectPublicKeyInfo) in hexadecimal. It is the same on every
// node and after every restart, and it is not secret.
func KeyID(key *rsa.PublicKey) (string, error) {
	if err := checkPublic(key); err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("%w: it has no PKIX form", ErrKey)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:16]), nil
}

// oneBlock returns the only PEM block of text.
func oneBlock(text []byte) (*pem.Block, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%w: the text is not PEM", ErrKey)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%w: the text goes on after the first PEM block", ErrKey)
	}
	return block, nil
}

func checkPrivate(key *rsa.PrivateKey) error {
	if key == nil {
		return fmt.Errorf("%w: it is nil", ErrKey)
	}
	if err := checkPublic(&key.PublicKey); err != nil {
		return err
	}
	if len(key.Primes) < 2 || key.Validate() != nil {
		return fmt.Errorf("%w: its numbers do not fit together", ErrKey)
	}
	return nil
}

func checkPublic(key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return fmt.Errorf("%w: it is nil", ErrKey)
	}
	if bits := key.N.BitLen(); bits < MinKeyBits || bits > MaxKeyBits {
		return fmt.Errorf("%w: it has %d bits, not %d to %d", ErrKey, bits, MinKeyBits, MaxKeyBits)
	}
	if key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 {
		return fmt.Errorf("%w: its numbers are not those of RSA", ErrKey)
	}
	return nil
}
