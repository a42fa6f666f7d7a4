package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/openpragma/engine/plugins/oidc"
)

const clientID = "game-client"

// issuer is an OpenID Connect issuer: discovery, keys, and codes for tokens.
type issuer struct {
	t   testing.TB
	url string

	mu     sync.Mutex
	keys   []jose.JSONWebKey // published
	extra  []any             // published beside them
	meta   map[string]any    // replaces members of the discovery document
	asked  map[string]int    // requests by path
	fault  map[string]http.HandlerFunc
	tokens map[string]string // what a code is good for
	form   url.Values        // of the last exchange
	basic  string            // user and password of the last exchange
}

func newIssuer(t testing.TB) *issuer {
	return &issuer{t: t, asked: make(map[string]int), fault: make(map[string]http.HandlerFunc), tokens: make(map[string]string)}
}

// serveTLS has the issuer listen on a socket. The transport trusts it.
func serveTLS(t testing.TB) (*issuer, http.RoundTripper) {
	t.Helper()
	i := newIssuer(t)
	srv := httptest.NewTLSServer(i)
	t.Cleanup(srv.Close)
	i.url = srv.URL
	i.publish(newKey(t, "first"))
	return i, srv.Client().Transport
}

// memory carries requests to a handler without sockets, for virtual time.
type memory struct{ handler http.Handler }

func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	done := make(chan *http.Response, 1)
	go func() {
		rec := httptest.NewRecorder()
		m.handler.ServeHTTP(rec, req)
		done <- rec.Result()
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/keys"
	tokenPath     = "/token"
)

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.asked[r.URL.Path]++
	fault := i.fault[r.URL.Path]
	i.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.URL.Path {
	case discoveryPath:
		doc := map[string]any{
			"issuer": i.url, "jwks_uri": i.url + keysPath, "token_endpoint": i.url + tokenPath,
			"authorization_endpoint": i.url + "/auth", "id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"},
		}
		for k, v := range i.meta {
			doc[k] = v
		}
		i.write(w, doc)
	case keysPath:
		list := append([]any{}, i.extra...)
		for _, k := range i.keys {
			list = append(list, k.Public())
		}
		i.write(w, map[string]any{"keys": list})
	case tokenPath:
		i.exchange(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (i *issuer) exchange(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	user, password, _ := r.BasicAuth()
	i.form, i.basic = r.PostForm, user+":"+password
	token, ok := i.tokens[r.PostForm.Get("code")]
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		i.write(w, map[string]any{"error": "invalid_grant"})
		return
	}
	delete(i.tokens, r.PostForm.Get("code"))
	i.write(w, map[string]any{"id_token": token, "access_token": "x", "token_type": "Bearer"})
}

func (i *issuer) write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		i.t.Error(err)
	}
}

func (i *issuer) publish(keys ...jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

func (i *issuer) fail(path string, h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault[path] = h
}

func (i *issuer) times(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

func newKey(t testing.TB, kid string) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "ES256", Use: "sig"}
}

func newRSA(t testing.TB, kid string, bits int) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "RS256", Use: "sig"}
}

type claims map[string]any

// usual returns the claims of a good token, with changes; nil drops a claim.
func (i *issuer) usual(changes claims) claims {
	now := time.Now()
	c := claims{
		"iss": i.url, "aud": clientID, "sub": "248289761001", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"preferred_username": "Robin", "name": "Robert of Loxley", "email": "Robin@Example.com", "email_verified": true,
	}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

// token signs the usual claims with the first published key.
func (i *issuer) token(changes claims) string {
	i.mu.Lock()
	key := i.keys[0]
	i.mu.Unlock()
	return sign(i.t, key, nil, i.usual(changes))
}

func sign(t testing.TB, key jose.JSONWebKey, header map[jose.HeaderKey]any, payload any) string {
	t.Helper()
	text, ok := payload.(string)
	if !ok {
		b, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// config is the usual configuration for the issuer.
func (i *issuer) config(change func(c *oidc.Config)) *oidc.Config {
	c := oidc.DefaultConfig()
	c.Issuer, c.ClientIDs = i.url, []string{clientID}
	if change != nil {
		change(&c)
	}
	return &c
}

func envelope(members map[string]string) string {
	b, _ := json.Marshal(members)
	return string(b)
}

// tamper changes one letter of a part into another one of the alphabet.
func tamper(token string, part int) string {
	parts := strings.Split(token, ".")
	b := []byte(parts[part])
	at := len(b) / 2
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	parts[part] = string(b)
	return strings.Join(parts, ".")
}
