package pragma

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/pragma/store"
)

// This file is about the keys that sign and verify tokens: where they come from
// and how they change while the server runs.

// developmentKey is the record of the key that a development server makes once.
var developmentKey = store.Key{Kind: "signing-key", ID: "development"}

// maxPreviousKeys bounds jwtPreviousKeys: each is read at every reload.
const maxPreviousKeys = 16

// newTokens takes the keys from the configuration, now and whenever it is
// reloaded. A development server without a private key makes one and keeps it in
// the store, so that tokens survive a restart; a production server refuses to
// start.
func (c *core) newTokens(ctx context.Context, db store.Driver) (*tokens, error) {
	t := &tokens{keys: &token.Keys{}, config: c.signer.Load}
	if c.signerBroken { // its mistakes are reported with those of the other sections
		return t, nil
	}
	config := c.signer.Load()
	ring, err := config.keyRing()
	if err == nil && ring.signing == nil {
		ring.signing, err = c.developmentKey(ctx, db)
	}
	if err == nil {
		err = t.keys.Replace(ring.signing, ring.previous...)
	}
	if err != nil {
		return t, err
	}
	started := ring.signing
	c.signer.OnChange(func(before, after tokenSignerConfig) {
		if before.sameKeys(after) {
			return
		}
		if err := t.rotate(&after, started); err != nil {
			c.log.Error("token keys not replaced; the old ones stay", "err", err)
			return
		}
		c.log.Info("token keys replaced", "keys", t.keys)
	})
	return t, nil
}

// rotate takes the keys of a reloaded configuration, which has been validated. If
// none signs there, none did when the server started (signerNeedsRestart), and the
// development key goes on.
func (t *tokens) rotate(config *tokenSignerConfig, development *rsa.PrivateKey) error {
	ring, err := config.keyRing()
	if err != nil {
		return err
	}
	return t.keys.Replace(cmp.Or(ring.signing, development), ring.previous...)
}

// keyRing are the keys of a configuration. Signing is nil if none is given.
type keyRing struct {
	signing  *rsa.PrivateKey
	previous []*rsa.PublicKey
}

// keyRing reads the keys. The errors name the key that cannot be used, as
// [conf.FieldError].
func (c *tokenSignerConfig) keyRing() (r keyRing, err error) {
	var errs []error
	if text := c.JWTPrivateKey.Reveal(); text != "" {
		if r.signing, err = token.ParseKey([]byte(text)); err != nil {
			errs = append(errs, conf.Fieldf("jwtPrivateKey", "%v", err))
		}
	}
	if len(c.JWTPreviousKeys) > maxPreviousKeys {
		return r, errors.Join(append(errs, conf.Fieldf("jwtPreviousKeys", "want at most %d keys", maxPreviousKeys))...)
	}
	for i, text := range c.JWTPreviousKeys {
		key, err := token.ParseVerificationKey([]byte(text.Reveal()))
		if err != nil {
			errs = append(errs, conf.Fieldf("jwtPreviousKeys", "key %d: %v", i+1, err))
		}
		r.previous = append(r.previous, key)
	}
	return r, errors.Join(errs...)
}

func (c *tokenSignerConfig) sameKeys(other tokenSignerConfig) bool {
	return c.JWTPrivateKey == other.JWTPrivateKey && slices.Equal(c.JWTPreviousKeys, other.JWTPreviousKeys)
}

// signerNeedsRestart names the private key when it comes or goes: a server
// without one signs with a key of its own from the store, and a production
// server cannot run without.
func signerNeedsRestart(running, next tokenSignerConfig) []string {
	if (running.JWTPrivateKey == "") == (next.JWTPrivateKey == "") {
		return nil
	}
	return []string{"jwtPrivateKey"}
}

// developmentKey loads or makes the key of a server that has none configured.
func (c *core) developmentKey(ctx context.Context, db store.Driver) (*rsa.PrivateKey, error) {
	if c.mode == Production {
		return nil, errors.New("social.serviceConfigs.TokenSignerConfig.jwtPrivateKey is missing: production needs an RSA private key in PEM")
	}
	pem, err := loadOrMakeKey(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("development signing key: %w", err)
	}
	key, err := token.ParseKey(pem)
	if err != nil {
		return nil, fmt.Errorf("development signing key, record %s: %w", developmentKey, err)
	}
	return key, nil
}

func loadOrMakeKey(ctx context.Context, db store.Driver) ([]byte, error) {
	for {
		recs, err := db.Get(ctx, developmentKey)
		if err != nil {
			return nil, err
		}
		if recs[0].Rev > 0 {
			return recs[0].Body, nil
		}
		var key *rsa.PrivateKey
		if key, err = token.GenerateKey(); err != nil {
			return nil, err
		}
		pem, err := token.MarshalKey(key)
		if err != nil {
			return nil, err
		}
		err = store.Commit(ctx, db, &store.Batch{Puts: []store.Put{{Key: developmentKey, Body: pem}}})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
	}
}
