package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/plugins/oidc"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// inBubble runs fn in virtual time with an issuer in memory.
func inBubble(t *testing.T, change func(c *oidc.Config), fn func(t *testing.T, iss *issuer, p *oidc.Provider)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		iss := newIssuer(t)
		iss.url = "https://issuer.test"
		iss.publish(newKey(t, "first"))
		fn(t, iss, &oidc.Provider{Type: "DEMO_EXT", Config: iss.config(change), Transport: memory{iss}})
	})
}

func mustValidate(t *testing.T, p *oidc.Provider, token string) {
	t.Helper()
	if _, err := validate(t, p, token); err != nil {
		t.Errorf("a good token: %v", err)
	}
}

func TestRotationOfKeysIsFollowed(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		old := iss.token(nil)
		mustValidate(t, p, old)
		time.Sleep(10 * time.Second)
		first, second := iss.keys[0], newKey(t, "second")
		iss.publish(second, first)
		mustValidate(t, p, iss.token(nil))
		mustValidate(t, p, old)
		if n := iss.times(keysPath); n != 2 {
			t.Errorf("keys were fetched %d times, want twice", n)
		}
		iss.publish(second) // the first is withdrawn
		mustValidate(t, p, old)
		time.Sleep(time.Hour - time.Minute)
		mustValidate(t, p, sign(t, second, nil, iss.usual(nil)))
		time.Sleep(time.Minute)
		_, err := validate(t, p, sign(t, first, nil, iss.usual(nil)))
		wantRefused(t, err, "not from the issuer")
	})
}

func TestInventedKeysDoNotMakeTheServerAskTheIssuer(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		mustValidate(t, p, iss.token(nil))
		forger := newKey(t, "")
		for second := range 30 {
			var wg sync.WaitGroup
			for n := range 20 {
				forged := forger
				forged.KeyID = fmt.Sprintf("key-%d-%d", second, n)
				token := sign(t, forged, nil, iss.usual(nil))
				wg.Go(func() {
					_, err := validate(t, p, token)
					wantRefused(t, err, "not from the issuer")
				})
			}
			wg.Wait()
			mustValidate(t, p, iss.token(nil))
			time.Sleep(time.Second)
		}
		if n := iss.times(keysPath); n > 4 {
			t.Errorf("keys were fetched %d times in 30 s, want at most 4", n)
		}
	})
}

func TestManyFirstLogInsAskTheIssuerOnce(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		iss.fail(discoveryPath, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			iss.fail(discoveryPath, nil)
			iss.ServeHTTP(w, r)
		})
		token := iss.token(nil)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { mustValidate(t, p, token) })
		}
		wg.Wait()
		if n := iss.times(keysPath); n != 1 {
			t.Errorf("keys were fetched %d times, want once", n)
		}
	})
}

func TestAnIssuerThatIsAwayIsNotTheClientsFault(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		iss.fail(discoveryPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		for range 50 {
			_, err := validate(t, p, iss.token(nil))
			wantPassing(t, err)
		}
		if n := iss.times(discoveryPath); n != 1 {
			t.Errorf("an issuer that failed was asked %d times at once, want once", n)
		}
		iss.fail(discoveryPath, nil)
		time.Sleep(time.Second)
		mustValidate(t, p, iss.token(nil))
	})
}

func TestKeysOutliveAnIssuerThatIsAway(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		mustValidate(t, p, iss.token(nil))
		iss.fail(discoveryPath, hang)
		time.Sleep(2 * time.Hour)
		mustValidate(t, p, iss.token(nil))
		forged := newKey(t, "new")
		_, err := validate(t, p, sign(t, forged, nil, iss.usual(nil)))
		wantPassing(t, err) // it may well be a new key: nobody can say now
		time.Sleep(23 * time.Hour)
		_, err = validate(t, p, iss.token(nil))
		wantPassing(t, err)
		iss.fail(discoveryPath, nil)
		time.Sleep(time.Second)
		mustValidate(t, p, iss.token(nil))
	})
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestAnIssuerThatHangsCostsNoMoreThanTheTimeout(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		for _, path := range []string{discoveryPath, keysPath} {
			iss.fail(path, hang)
			start := time.Now()
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					_, err := validate(t, p, iss.token(nil))
					wantPassing(t, err)
				})
			}
			wg.Wait()
			if got := time.Since(start); got != 1500*time.Millisecond {
				t.Errorf("%s: refused after %v, want 1.5s", path, got)
			}
			iss.fail(path, nil)
			time.Sleep(time.Second)
		}
		iss.fail(discoveryPath, hang)
		time.Sleep(48 * time.Hour)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // a server with less time for hooks
		defer cancel()
		_, err := p.Validate(ctx, &account.ValidateRequest{ProviderToken: iss.token(nil)})
		wantPassing(t, err)
		if got := time.Since(start); got != 750*time.Millisecond {
			t.Errorf("refused after %v, want 750ms: a quarter of the second is for the answer", got)
		}
	})
}

func TestAClientThatHangsUpDoesNotSpoilTheAnswer(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		iss.fail(keysPath, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			iss.fail(keysPath, nil)
			iss.ServeHTTP(w, r)
		})
		ctx, cancel := context.WithCancel(t.Context())
		token := iss.token(nil)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = p.Validate(ctx, &account.ValidateRequest{ProviderToken: token}) })
		synctest.Wait()
		cancel()
		mustValidate(t, p, token)
		wg.Wait()
		if n := iss.times(discoveryPath); n != 1 {
			t.Errorf("discovery ran %d times, want once", n)
		}
	})
}

func TestAnswersOfTheIssuerThatCannotBeUsed(t *testing.T) {
	answer := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	for _, c := range []struct {
		name, path string
		fault      http.HandlerFunc
		meta       map[string]any
		want       string // in the cause, for the log
	}{
		{"discovery of another issuer", "", nil, map[string]any{"issuer": "https://evil.example"}, "did not match"},
		{"keys without TLS", "", nil, map[string]any{"jwks_uri": "http://issuer.test/keys"}, "jwks_uri must be https"},
		{"keys on this machine without TLS", "", nil, map[string]any{"jwks_uri": "http://127.0.0.1/keys"}, "jwks_uri must be https"},
		{"no address of keys", "", nil, map[string]any{"jwks_uri": ""}, "jwks_uri want an address"},
		{"discovery that is a page", discoveryPath, answer(200, "<html>"), nil, "discovery"},
		{"discovery that is an endless page", discoveryPath, answer(500, strings.Repeat("x", 9<<20)), nil, "discovery"},
		{"discovery somewhere else", discoveryPath, http.RedirectHandler("https://evil.example", http.StatusFound).ServeHTTP, nil, "302"},
		{"keys somewhere else", keysPath, http.RedirectHandler("https://evil.example", http.StatusFound).ServeHTTP, nil, "keys: status 302"},
		{"keys that are an error", keysPath, answer(503, `{}`), nil, "keys: status 503"},
		{"keys that are a list", keysPath, answer(200, `[]`), nil, "keys:"},
		{"no keys", keysPath, answer(200, `{"keys":[]}`), nil, "none that could sign"},
		{"keys of unknown kinds", keysPath, answer(200, `{"keys":[1,"a",{"kty":"new"},{"kty":"oct","k":"AAAA","kid":"first"}]}`), nil, "none that could sign"},
		{"keys without end", keysPath, answer(200, `{"keys":["`+strings.Repeat("x", 9<<20)), nil, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
				iss.meta = c.meta
				if c.fault != nil {
					iss.fail(c.path, c.fault)
				}
				_, err := validate(t, p, iss.token(nil))
				wantPassing(t, err)
				cause := errors.Unwrap(err)
				if cause == nil || !strings.Contains(cause.Error(), c.want) || len(cause.Error()) > 500 {
					t.Errorf("cause %.600v, want a short one with %q", cause, c.want)
				}
			})
		})
	}
}

func TestKeysThatAreNotForSignaturesAreLeftOut(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, iss *issuer, p *oidc.Provider) {
		good, weak, secret := newKey(t, "good"), newRSA(t, "weak", 1024), newKey(t, "sealed")
		sealed := secret
		sealed.Use = "enc"
		iss.publish(sealed, weak, good)
		iss.extra = []any{"nonsense", map[string]any{"kty": "RSA", "kid": "broken"}, map[string]any{"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}}
		mustValidate(t, p, sign(t, good, nil, iss.usual(nil)))
		_, err := validate(t, p, sign(t, weak, nil, iss.usual(nil)))
		wantRefused(t, err, "not from the issuer")
		_, err = validate(t, p, sign(t, secret, nil, iss.usual(nil)))
		wantRefused(t, err, "not from the issuer")
		nameless := good
		nameless.KeyID = ""
		mustValidate(t, p, sign(t, nameless, nil, iss.usual(nil)))
	})
}

func TestAnIssuerThatIsNotThereIsAnError(t *testing.T) {
	cfg := oidc.DefaultConfig()
	cfg.Issuer, cfg.ClientIDs = "https://127.0.0.1:1", []string{clientID}
	p := &oidc.Provider{Type: "DEMO_EXT", Config: &cfg}
	_, err := p.Validate(t.Context(), &account.ValidateRequest{ProviderToken: sign(t, newKey(t, "k"), nil, claims{}), Type: pragma.Player})
	wantPassing(t, err)
}
