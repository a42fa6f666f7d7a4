package token_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/token"
)

// refusal is a token that must not pass, and what it may cost.
type refusal struct {
	name  string
	token string
	want  error
	cost  int // RSA verifications
}

func TestVerifyRefuses(t *testing.T) {
	ours, other := testKeys()[0], testKeys()[1]
	keys := newKeys(t, ours)
	var cost int
	keys.CountVerifications(func() { cost++ })
	good := sign(t, keys, claims()["player game"])
	for _, list := range [][]refusal{
		unreadable(good), unsigned(t, good, ours, other), misshapen(t, ours), untimely(t, ours),
	} {
		for _, test := range list {
			t.Run(test.name, func(t *testing.T) {
				cost = 0
				got, err := keys.Verify(test.token, now)
				if got != nil || !errors.Is(err, test.want) {
					t.Fatalf("Verify() = %v, %v, want %v", got, err, test.want)
				}
				if cost != test.cost {
					t.Errorf("RSA verifications = %d, want %d", cost, test.cost)
				}
				if n := countSentinels(err); n != 1 {
					t.Errorf("%v is %d of the three errors, want 1", err, n)
				}
				checkNothingLeaks(t, err, test.token)
			})
		}
	}
}

func countSentinels(err error) (n int) {
	for _, sentinel := range []error{token.ErrDecode, token.ErrSignature, token.ErrExpired} {
		if errors.Is(err, sentinel) {
			n++
		}
	}
	return n
}

// checkNothingLeaks fails if an error has a piece of the token or of what is in
// it.
func checkNothingLeaks(t *testing.T, err error, text string) {
	t.Helper()
	for part := range strings.SplitSeq(text, ".") {
		if len(part) >= 8 && strings.Contains(err.Error(), part[:8]) {
			t.Errorf("error %q has a piece of the token", err)
		}
	}
	for _, secret := range []string{"evil", "DROP", "hello", "passwd", "SERVICE"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q has the text %q of the token", err, secret)
		}
	}
}

func TestGoodTokenCostsOneVerification(t *testing.T) {
	keys := newKeys(t, testKeys()[0], &testKeys()[1].PublicKey, &testKeys()[2].PublicKey)
	text := sign(t, keys, claims()["player game"])
	var cost int
	keys.CountVerifications(func() { cost++ })
	if _, err := keys.Verify(text, now); err != nil || cost != 1 {
		t.Errorf("Verify() = %v with %d RSA verifications, want 1", err, cost)
	}
}

func TestEveryBitOfATokenCounts(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	good := sign(t, keys, claims()["queue"])
	for i := range len(good) {
		for _, b := range []byte{good[i] ^ 1, good[i] ^ 2, '.'} {
			if b == good[i] {
				continue
			}
			bad := []byte(good)
			bad[i] = b
			if _, err := keys.VerifyQueue(string(bad), now); err == nil {
				t.Fatalf("byte %d changed from %q to %q passed", i, good[i], b)
			}
		}
		if _, err := keys.VerifyQueue(good[:i], now); err == nil {
			t.Fatalf("the first %d bytes passed", i)
		}
	}
}

func TestTokenIsValidFromItsBeginningToItsEnd(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	c := claims()["player game"]
	c.NotBefore = c.IssuedAt + 60
	text := sign(t, keys, c)
	begin, end := time.Unix(c.NotBefore, 0), time.Unix(c.ExpiresAt, 0)
	tests := []struct {
		name string
		at   time.Time
		want error
	}{
		{"before the leeway", begin.Add(-token.Leeway - time.Nanosecond), token.ErrExpired},
		{"within the leeway", begin.Add(-token.Leeway), nil},
		{"at its beginning", begin, nil},
		{"just before its end", end.Add(-time.Nanosecond), nil},
		{"at its end", end, token.ErrExpired},
		{"long after", end.AddDate(500, 0, 0), token.ErrExpired},
		{"at the zero time", time.Time{}, token.ErrExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := keys.Verify(text, test.at); !errors.Is(err, test.want) {
				t.Errorf("Verify() = %v, want %v", err, test.want)
			}
		})
	}
}

func TestUnknownClaimsAreSkipped(t *testing.T) {
	ours := testKeys()[0]
	c := playerClaims()
	c["claimOfTheFuture"] = map[string]any{"a": 1}
	if _, err := newKeys(t, ours).Verify(forge(t, ours, map[string]any{"x": 1}, c), now); err != nil {
		t.Errorf("Verify() = %v", err)
	}
}

func TestQueueAndSessionTokensAreNotMixedUp(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	for name, c := range claims() {
		text := sign(t, keys, c)
		if name == "queue" {
			if _, err := keys.Verify(text, now); !errors.Is(err, token.ErrDecode) {
				t.Errorf("Verify(%s) = %v, want ErrDecode", name, err)
			}
		} else if _, err := keys.VerifyQueue(text, now); !errors.Is(err, token.ErrDecode) {
			t.Errorf("VerifyQueue(%s) = %v, want ErrDecode", name, err)
		}
	}
}

func TestKeysAreSafeForConcurrentUse(t *testing.T) {
	first, second := testKeys()[0], testKeys()[1]
	keys := newKeys(t, first, &second.PublicKey)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				text, err := keys.Sign(claims()["player game"])
				if err != nil {
					t.Errorf("Sign() = %v", err)
				}
				if _, err := keys.Verify(text, now); err != nil {
					t.Errorf("Verify() = %v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			if err := keys.Replace(second, &first.PublicKey); err != nil {
				t.Errorf("Replace() = %v", err)
			}
			if err := keys.Replace(first, &second.PublicKey); err != nil {
				t.Errorf("Replace() = %v", err)
			}
		}
	})
	wg.Wait()
}

func FuzzVerifyRefusesWhatItDidNotSign(f *testing.F) {
	keys := newKeys(f, testKeys()[0])
	good := map[string]bool{}
	for _, c := range claims() {
		text := sign(f, keys, c)
		good[text] = true
		f.Add(text)
		f.Add(text[:len(text)/2])
	}
	for _, seed := range []string{"", "...", "e30.e30.e30", encode(`{"alg":"none"}`) + "." + encode(`{"iss":"pragma"}`) + ".e30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, verify := range []func(string, time.Time) (*token.Claims, error){keys.Verify, keys.VerifyQueue} {
			got, err := verify(text, now)
			if (got == nil) == (err == nil) || (err != nil && countSentinels(err) != 1) {
				t.Fatalf("got %v and error %v", got, err)
			}
			if err == nil && !good[text] {
				t.Fatalf("believed a token we did not sign: %q", text)
			}
		}
	})
}

// FuzzReadingPayloads leaves the signature out, since nothing gets past it.
func FuzzReadingPayloads(f *testing.F) {
	keys := newKeys(f, testKeys()[0])
	for _, c := range claims() {
		f.Add([]byte(payloadOf(f, sign(f, keys, c))))
	}
	f.Add([]byte(`{"iss":"pragma","allowedTypes":null}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 {
			return // refused before
		}
		c, err := token.ReadClaims(payload)
		if (c == nil) == (err == nil) || (err != nil && !errors.Is(err, token.ErrDecode)) {
			t.Fatalf("ReadClaims() = %v, %v", c, err)
		}
		if err == nil {
			if _, err := keys.Sign(*c); err != nil && !errors.Is(err, token.ErrTooLarge) {
				t.Fatalf("what was believed cannot be signed: %v", err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	keys := newKeys(b, testKeys()[0])
	good := sign(b, keys, claims()["player game"])
	p := strings.Split(good, ".")
	unknown := encode(`{"alg":"RS256","kid":"`+strings.Repeat("0", 32)+`","typ":"JWT"}`) + "." + p[1] + "." + p[2]
	for _, test := range []struct{ name, token string }{
		{"good", good},
		{"unknown key", unknown},
		{"bad signature", p[0] + "." + p[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 256))},
		{"unreadable", strings.Repeat(".", 4000)},
		{"too long", strings.Repeat(".", 1<<20)},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keys.Verify(test.token, now); (err == nil) != (test.token == good) {
					b.Fatal(err)
				}
			}
		})
	}
}
