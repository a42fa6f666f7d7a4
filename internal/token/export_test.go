package token

import (
	"crypto"
	"crypto/rsa"
)

// CountVerifications makes k call count before each RSA verification.
func (k *Keys) CountVerifications(count func()) {
	k.WatchVerifications(func(*rsa.PublicKey) { count() })
}

// WatchVerifications makes k call watch with the key of each RSA verification.
func (k *Keys) WatchVerifications(watch func(key *rsa.PublicKey)) {
	k.verify = func(key *rsa.PublicKey, digest, sig []byte) error {
		watch(key)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, sig)
	}
}

// ReadClaims reads a payload as if its signature had been good.
func ReadClaims(payload []byte) (*Claims, error) { return readClaims(payload, every) }
