package oidc

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma/account"
)

// An issuer is what is known of one OpenID Connect issuer. Log-ins read what is
// known without waiting; one at a time asks the issuer.
type issuer struct {
	url    string
	client *http.Client
	known  atomic.Pointer[knowledge]
	turn   chan struct{} // holds a value while somebody asks the issuer
}

// knowledge is what the issuer said at some time. It never changes.
type knowledge struct {
	endpoints endpoints
	keys      []jose.JSONWebKey
	at        time.Time // when it said so; zero: never

	err   error     // why the last attempt failed, if it did
	tried time.Time // the last attempt
}

// endpoints is the part of the discovery document that we use.
type endpoints struct {
	Keys             string   `json:"jwks_uri"`
	Token            string   `json:"token_endpoint"`
	TokenAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
}

// retryAfter is how long an issuer that failed is left alone.
const retryAfter = time.Second

func newIssuer(url string, client *http.Client) *issuer {
	i := &issuer{url: url, client: client, turn: make(chan struct{}, 1)}
	i.known.Store(&knowledge{})
	return i
}

// has reports whether a token's key is known; a token without key id may be
// signed with any.
func (k *knowledge) has(kid string) bool {
	if kid == "" {
		return len(k.keys) > 0
	}
	for _, key := range k.keys {
		if key.KeyID == kid {
			return true
		}
	}
	return false
}

// mayAsk reports whether enough time has passed since the last attempt.
func (k *knowledge) mayAsk(cfg *Config, now time.Time) bool {
	if k.err != nil {
		return now.Sub(k.tried) >= retryAfter
	}
	return now.Sub(k.tried) >= seconds(cfg.KeyRefetchSeconds)
}

// learn returns what is known of the issuer, and asks it first if that is old or
// lacks the key. A key that nobody knows makes it ask no more than
// keyRefetchSeconds allow, so tokens with invented key ids cost the issuer
// nothing. The error is [account.ErrProviderResponse].
func (i *issuer) learn(ctx context.Context, cfg *Config, kid string) (*knowledge, error) {
	k, now := i.known.Load(), time.Now()
	if k.has(kid) && now.Sub(k.at) < seconds(cfg.KeyCacheSeconds) {
		return k, nil
	}
	usable := k.has(kid) && now.Sub(k.at) < seconds(cfg.KeyStaleSeconds)
	if usable && !k.mayAsk(cfg, now) {
		return k, nil
	}
	if taken := i.take(ctx, usable); taken {
		k = i.known.Load() // somebody else may have asked meanwhile
		if k.mayAsk(cfg, time.Now()) && (!k.has(kid) || time.Since(k.at) >= seconds(cfg.KeyCacheSeconds)) {
			k = i.ask(ctx, cfg, k)
			i.known.Store(k)
		}
		<-i.turn
	} else if !usable {
		return nil, account.ErrProviderResponse.Wrap(fmt.Errorf("wait for the keys of %s: %w", i.url, context.Cause(ctx)))
	}
	switch {
	case k.has(kid) && time.Since(k.at) < seconds(cfg.KeyStaleSeconds):
		return k, nil
	case k.err != nil:
		return nil, account.ErrProviderResponse.Wrap(k.err)
	}
	return k, nil // the issuer has no such key
}

// take waits for the turn to ask, unless there is something to use meanwhile.
func (i *issuer) take(ctx context.Context, usable bool) bool {
	if usable {
		select {
		case i.turn <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case i.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask asks the issuer and returns what is known then: what was known before if
// it does not answer. A client that hangs up must not spoil it for the others,
// so only the deadline of ctx counts.
func (i *issuer) ask(ctx context.Context, cfg *Config, before *knowledge) *knowledge {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(cfg.timeout())
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	after := &knowledge{}
	err := i.discover(ctx, cfg, after)
	if err == nil {
		after.keys, err = i.fetchKeys(ctx, after.endpoints.Keys)
	}
	after.tried = time.Now()
	if err != nil {
		after.endpoints, after.keys, after.at = before.endpoints, before.keys, before.at
		after.err = fmt.Errorf("ask issuer %s: %w", i.url, err)
		return after
	}
	after.at = after.tried
	return after
}

func (i *issuer) discover(ctx context.Context, cfg *Config, k *knowledge) error {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.url)
	if err != nil {
		return fmt.Errorf("discovery: %w", shorten(err))
	}
	if err := p.Claims(&k.endpoints); err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	if err := outbound.CheckURL(k.endpoints.Keys, cfg.development); err != nil {
		return fmt.Errorf("discovery: jwks_uri %w", err)
	}
	return nil
}

// maxKeys is how many keys of an issuer are looked at.
const maxKeys = 64

func (i *issuer) fetchKeys(ctx context.Context, url string) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	answer, err := outbound.Do(i.client, req)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("keys: status %d", answer.Status)
	}
	if err := json.Unmarshal(answer.Body, &set); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) == nil && signs(&key) { // others are for things we do not know
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("keys: none that could sign a token")
	}
	return keys, nil
}

// signs reports whether a key is one to check signatures with: public,
// asymmetric, and not too weak.
func signs(key *jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
		return false
	}
	return true
}

// forToken returns the keys that a token may be signed with.
func (k *knowledge) forToken(kid, alg string) []crypto.PublicKey {
	var keys []crypto.PublicKey
	for _, key := range k.keys {
		if (kid == "" || key.KeyID == kid) && (key.Algorithm == "" || key.Algorithm == alg) {
			keys = append(keys, key.Key)
		}
	}
	return keys
}

// shorten cuts an error that may hold a whole page of the issuer.
func shorten(err error) error {
	const most = 300
	if text := err.Error(); len(text) > most {
		return errors.New(text[:most] + "…")
	}
	return err
}
