package token_test

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

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

// unreadable texts fail before any RSA: anyone sees that they are no tokens.
func unreadable(good string) []refusal {
	p := strings.Split(good, ".")
	join := func(a, b, c string) string { return a + "." + b + "." + c }
	return []refusal{
		{"empty", "", token.ErrDecode, 0},
		{"one dot", ".", token.ErrDecode, 0},
		{"two dots", "..", token.ErrDecode, 0},
		{"three dots", "...", token.ErrDecode, 0},
		{"a megabyte of dots", strings.Repeat(".", 1<<20), token.ErrDecode, 0},
		{"a megabyte of letters", strings.Repeat("A", 1<<20), token.ErrDecode, 0},
		{"one byte too long", join(p[0], p[1], strings.Repeat("A", token.MaxSize-len(p[0])-len(p[1])-1)), token.ErrDecode, 0},
		{"a word", "password", token.ErrDecode, 0},
		{"bearer in front", "Bearer " + good, token.ErrDecode, 0},
		{"without signature part", p[0] + "." + p[1], token.ErrDecode, 0},
		{"with an empty signature", join(p[0], p[1], ""), token.ErrDecode, 0},
		{"with an empty payload", join(p[0], "", p[2]), token.ErrDecode, 0},
		{"with an empty header", join("", p[1], p[2]), token.ErrDecode, 0},
		{"a fourth part", good + ".e30", token.ErrDecode, 0},
		{"a space behind", good + " ", token.ErrDecode, 0},
		{"a line end in it", join(p[0], p[1][:9]+"\n"+p[1][9:], p[2]), token.ErrDecode, 0},
		{"padding", join(p[0], p[1], p[2]+"=="), token.ErrDecode, 0},
		{"plain base64", join(p[0], p[1], "++//"+p[2][4:]), token.ErrDecode, 0},
		{"a letter that is not base64", join(p[0], p[1], "é"+p[2]), token.ErrDecode, 0},
		{"another text for the same signature", join(p[0], p[1], p[2][:len(p[2])-1]+nextLetter(p[2])), token.ErrDecode, 0},
		{"a header that is not JSON", join(encode("alg"), p[1], p[2]), token.ErrDecode, 0},
		{"a header that is a list", join(encode("[]"), p[1], p[2]), token.ErrDecode, 0},
		{"a header that is null", join(encode("null"), p[1], p[2]), token.ErrDecode, 0},
		{"a header with two algorithms", join(encode(`{"alg":"RS256","alg":"none"}`), p[1], p[2]), token.ErrDecode, 0},
		{"a header with text behind", join(encode(`{"alg":"RS256"}{}`), p[1], p[2]), token.ErrDecode, 0},
		{"a deep header", join(encode(strings.Repeat(`{"a":`, 500)), p[1], p[2]), token.ErrDecode, 0},
	}
}

// nextLetter returns the letter behind the last one of a part, which only
// differs in bits that the part does not use.
func nextLetter(part string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(letters[strings.IndexByte(letters, part[len(part)-1])+1])
}

// unsigned tokens can be read, so each costs one verification, no matter how
// it fails.
func unsigned(t *testing.T, good string, ours, other *rsa.PrivateKey) []refusal {
	p := strings.Split(good, ".")
	id, err := token.KeyID(&ours.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	head := func(header string) string { return encode(header) + "." + p[1] + "." + p[2] }
	payload := jwt.MapClaims(playerClaims())
	list := []refusal{
		{name: "first byte of the signature changed", token: p[0] + "." + p[1] + "." + flip(p[2])},
		{name: "payload changed", token: p[0] + "." + flip(p[1]) + "." + p[2]},
		{name: "payload of another", token: p[0] + "." + encode(`{"sub":"admin"}`) + "." + p[2]},
		{name: "truncated signature", token: p[0] + "." + p[1] + "." + p[2][:100]},
		{name: "longer signature", token: p[0] + "." + p[1] + "." + encode(decode(t, p[2])+"x")},
		{name: "signature of zeros", token: p[0] + "." + p[1] + "." + encode(strings.Repeat("\x00", 256))},
		{name: "signature larger than the modulus", token: p[0] + "." + p[1] + "." + encode(strings.Repeat("\xff", 256))},
		{name: "signed by another key under its own id", token: forge(t, other, nil, payload)},
		{name: "signed by another key under our id", token: forge(t, other, map[string]any{"kid": id}, payload)},
		{name: "signed by us under another id", token: forge(t, ours, map[string]any{"kid": strings.Repeat("0", 32)}, payload)},
		{name: "signed by us without id", token: forge(t, ours, map[string]any{"kid": nil}, payload)},
		{name: "signed by us for a critical extension", token: forge(t, ours, map[string]any{"crit": []string{"b64"}}, payload)},
		{name: "algorithm in small letters", token: forge(t, ours, map[string]any{"alg": "rs256"}, payload)},
		{name: "no algorithm", token: forge(t, ours, map[string]any{"alg": nil}, payload)},
		{name: "a header in capitals", token: head(`{"ALG":"RS256","KID":"` + id + `"}`)},
		{name: "a number as algorithm", token: head(`{"alg":256,"kid":"` + id + `"}`)},
		{name: "an empty header object", token: head(`{}`)},
		{name: "HS256 signed with the public key", token: hs256(t, ours, id)},
		{name: "none with a signature of something", token: head(`{"alg":"none","kid":"` + id + `"}`)},
	}
	for _, kid := range []any{
		"", "../../../../dev/null", "/etc/passwd", "'; DROP TABLE keys;--", 7, true, []string{id}, map[string]any{"a": 1},
		id + "\x00", " " + id, strings.ToUpper(id), strings.Repeat("k", 2000), "http://localhost/keys",
	} {
		name := "odd key id"
		list = append(list, refusal{name: name, token: forge(t, ours, map[string]any{"kid": kid}, payload)})
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "HS256", "RS384", "RS512", "PS256", "ES256", "EdDSA", ""} {
		list = append(list, refusal{name: "signed by us as " + alg, token: forge(t, ours, map[string]any{"alg": alg}, payload)})
	}
	for i := range list {
		list[i].want, list[i].cost = token.ErrSignature, 1
	}
	return append(list, refusal{"none without signature", noneToken(payload), token.ErrDecode, 0})
}

func flip(part string) string {
	first := byte('A')
	if part[0] == first {
		first = 'B'
	}
	return string(first) + part[1:]
}

func hs256(t *testing.T, key *rsa.PrivateKey, id string) string {
	secret, err := token.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	forged := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(playerClaims()))
	forged.Header["kid"] = id
	text, err := forged.SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func noneToken(payload jwt.MapClaims) string {
	text, _ := jwt.NewWithClaims(jwt.SigningMethodNone, payload).SignedString(jwt.UnsafeAllowNoneSignatureType)
	return text
}

// misshapen tokens have a good signature but say something that we never would.
func misshapen(t *testing.T, ours *rsa.PrivateKey) []refusal {
	id, _ := token.KeyID(&ours.PublicKey)
	head := `{"alg":"RS256","kid":"` + id + `"}`
	list := []refusal{
		{name: "payload is not JSON", token: signRaw(t, ours, head, "hello")},
		{name: "payload is null", token: signRaw(t, ours, head, "null")},
		{name: "payload is a list", token: signRaw(t, ours, head, "[]")},
		{name: "payload is empty object", token: signRaw(t, ours, head, "{}")},
		{name: "payload with a member twice", token: signRaw(t, ours, head, `{"iss":"pragma","iss":"pragma"}`)},
		{name: "payload not UTF-8", token: signRaw(t, ours, head, "{\"iss\":\"\xff\"}")},
		{name: "payload cut off", token: signRaw(t, ours, head, `{"iss":"pragma"`)},
	}
	for name, change := range map[string]map[string]any{
		"wrong issuer":               {"iss": "evil"},
		"issuer in capitals":         {"iss": "PRAGMA"},
		"no issuer":                  {"iss": nil},
		"no session type":            {"sessionType": nil},
		"no backend type":            {"backendType": nil},
		"neither type":               {"sessionType": nil, "backendType": nil},
		"unknown session type":       {"sessionType": "SERVICE"},
		"session type as number":     {"sessionType": 1},
		"unknown backend type":       {"backendType": "INVALID"},
		"no subject":                 {"sub": nil},
		"no token id":                {"jti": nil},
		"no session id":              {"sessionId": nil},
		"no player id":               {"pragmaPlayerId": nil},
		"no end":                     {"exp": nil},
		"no issue time":              {"iat": nil},
		"end as text":                {"exp": "1800086400"},
		"end as fraction":            {"exp": 1800086400.5},
		"end beyond all bounds":      {"exp": 1e30},
		"negative issue time":        {"iat": -5},
		"end before the issue time":  {"exp": now.Unix() - 1},
		"life as number":             {"expiresInMillis": 86400000},
		"player with operator roles": {"operatorRoles": []string{"ADMIN"}},
	} {
		c := playerClaims()
		for claim, value := range change {
			if c[claim] = value; value == nil {
				delete(c, claim)
			}
		}
		list = append(list, refusal{name: name, token: forge(t, ours, nil, c)})
	}
	queue := sign(t, newKeys(t, ours), claims()["queue"])
	list = append(list, refusal{name: "a token of the queue", token: queue})
	for i := range list {
		list[i].want, list[i].cost = token.ErrDecode, 1
	}
	return list
}

func untimely(t *testing.T, ours *rsa.PrivateKey) []refusal {
	soon := now.Add(token.Leeway).Unix() + 1
	var list []refusal
	for name, change := range map[string]map[string]any{
		"over since a second":  {"iat": now.Unix() - 100, "exp": now.Unix() - 1},
		"over in this second":  {"iat": now.Unix() - 100, "exp": now.Unix()},
		"over since 1970":      {"iat": 1, "exp": 2},
		"not before later":     {"nbf": soon},
		"issued in the future": {"iat": soon},
	} {
		c := playerClaims()
		maps.Copy(c, change)
		list = append(list, refusal{name, forge(t, ours, nil, c), token.ErrExpired, 1})
	}
	return list
}

// playerClaims is a valid payload of a player's game token.
func playerClaims() map[string]any {
	return map[string]any{
		"iss": "pragma", "sub": "p", "iat": now.Unix(), "exp": now.Unix() + 3600, "jti": "j",
		"sessionType": "PLAYER", "backendType": "GAME", "sessionId": "s", "gameShardId": "g",
		"displayName": "n", "discriminator": "0001", "pragmaPlayerId": "p", "pragmaSocialId": "o",
		"idProvider": "UNSAFE", "extSessionInfo": "{}", "expiresInMillis": "3600000", "refreshInMillis": "1800000",
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
	c["aud"], c["claimOfTheFuture"] = []string{"x"}, map[string]any{"a": 1}
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
