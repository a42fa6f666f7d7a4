package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/internal/once"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// refuse returns a refusal of the log-in, with a message for the client.
func refuse(message string) *pragma.Error { return account.ErrUnauthorized.With("%s", message) }

// verify checks an ID token against everything the configuration says, and
// returns its claims. The error is a refusal, or [account.ErrProviderResponse].
func (p *Provider) verify(ctx context.Context, cfg *Config, from *issuer, raw, nonce string) (Claims, error) {
	kid, alg, err := readHeader(raw, cfg.SigningAlgorithms)
	if err != nil {
		return Claims{}, refuse("the ID token cannot be read, or is signed in a way that is not allowed").Wrap(err)
	}
	known, err := from.learn(ctx, cfg, kid)
	if err != nil {
		return Claims{}, err
	}
	token, err := oidc.NewVerifier(cfg.Issuer, &oidc.StaticKeySet{PublicKeys: known.forToken(kid, alg)}, &oidc.Config{
		SupportedSigningAlgs: cfg.SigningAlgorithms,
		SkipClientIDCheck:    true, // there may be several: see checkAudience
		SkipExpiryCheck:      true, // the skew is ours: see checkTimes
	}).Verify(ctx, raw)
	if err != nil {
		return Claims{}, refuse("the ID token is not from the issuer").Wrap(shorten(err))
	}
	var payload jsontext.Value
	if err := token.Claims(&payload); err != nil {
		return Claims{}, refuse("the ID token cannot be read").Wrap(err)
	}
	claims, err := parseClaims(payload)
	if err != nil {
		return Claims{}, refuse("the ID token cannot be read").Wrap(err)
	}
	now := time.Now()
	for _, check := range []*pragma.Error{
		checkAudience(cfg, token, claims),
		checkTimes(cfg, token, claims, now),
		checkNonce(cfg, token.Nonce, nonce),
		checkRequired(cfg, claims),
	} {
		if check != nil {
			return Claims{}, check
		}
	}
	return claims, p.useOnce(cfg, token, payload, now)
}

// readHeader returns key id and algorithm of a token in compact form.
func readHeader(raw string, algorithms []string) (kid, alg string, err error) {
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		allowed[i] = jose.SignatureAlgorithm(a)
	}
	jws, err := jose.ParseSignedCompact(raw, allowed)
	if err != nil {
		return "", "", err
	}
	header := jws.Signatures[0].Protected
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "at+jwt", "logout+jwt": // signed with the same keys, for other purposes
		return "", "", errors.New("not an ID token, by its type")
	}
	return header.KeyID, header.Algorithm, nil
}

func checkAudience(cfg *Config, token *oidc.IDToken, claims Claims) *pragma.Error {
	ours := func(id string) bool { return slices.Contains(cfg.ClientIDs, id) }
	if !slices.ContainsFunc(token.Audience, ours) {
		return refuse("the ID token is for another program")
	}
	parties := cfg.AuthorizedParties
	if len(parties) == 0 {
		parties = cfg.ClientIDs
	}
	azp := claims.Text("azp")
	if claims.Has("azp") && !slices.Contains(parties, azp) {
		return refuse("the ID token was issued to another program")
	}
	if others := len(token.Audience) > 1 && !allOf(token.Audience, ours); others && azp == "" {
		return refuse("the ID token is for several programs and does not say which one asked for it")
	}
	return nil
}

func allOf(list []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !ok(s) })
}

func checkTimes(cfg *Config, token *oidc.IDToken, claims Claims, now time.Time) *pragma.Error {
	var notBefore float64
	if claims.Decode("nbf", &notBefore) != nil || math.Abs(notBefore) > 1e12 {
		return refuse("the ID token cannot be read")
	}
	early, late := now.Add(cfg.skew()), now.Add(-cfg.skew())
	switch {
	case !claims.Has("exp") || !claims.Has("iat"):
		return refuse("the ID token does not say when it was issued and ends")
	case !late.Before(token.Expiry):
		return refuse("the ID token has expired")
	case early.Before(token.IssuedAt), claims.Has("nbf") && early.Before(time.Unix(int64(notBefore), 0)):
		return refuse("the ID token is not valid yet")
	case cfg.MaxTokenAgeSeconds > 0 && late.After(token.IssuedAt.Add(seconds(cfg.MaxTokenAgeSeconds))):
		return refuse("the ID token is too old")
	}
	return nil
}

func checkNonce(cfg *Config, claim, sent string) *pragma.Error {
	same := subtle.ConstantTimeCompare([]byte(claim), []byte(sent)) == 1
	switch {
	case sent == "" && cfg.Nonce == NonceOptional:
		return nil
	case sent == "":
		return refuse("providerToken must have the nonce")
	case cfg.Nonce == NonceSHA256:
		sum := sha256.Sum256([]byte(sent))
		same = claim == hex.EncodeToString(sum[:]) || claim == base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if !same {
		return refuse("the ID token has another nonce")
	}
	return nil
}

func checkRequired(cfg *Config, claims Claims) *pragma.Error {
	for _, name := range slices.Sorted(maps.Keys(cfg.RequiredClaims)) {
		if !claims.is(name, cfg.RequiredClaims[name]) {
			return refuse("this account of the identity provider may not log in").Wrap(errors.New("required claim " + name))
		}
	}
	return nil
}

// maxRemembered is how many tokens can be in use at a time with singleUse.
const maxRemembered = 1 << 17

// useOnce refuses a token that was used before, if that is wanted. The claims
// stand for the token: other texts can have the same signed content.
func (p *Provider) useOnce(cfg *Config, token *oidc.IDToken, payload []byte, now time.Time) error {
	if !cfg.SingleUse {
		return nil
	}
	end := token.IssuedAt.Add(seconds(cfg.MaxTokenAgeSeconds))
	if token.Expiry.Before(end) {
		end = token.Expiry
	}
	switch err := p.tokens().Use(string(payload), end.Add(cfg.skew())); {
	case errors.Is(err, once.ErrUsed):
		return refuse("the ID token was used before")
	case err != nil:
		return account.ErrProviderResponse.With("too many log-ins; try again later").Wrap(err)
	}
	return nil
}
