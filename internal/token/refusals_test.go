package token_test

import (
	"crypto/rsa"
	"maps"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/openpragma/engine/internal/token"
)

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
		{name: "signed by another key that the header brings", token: forge(t, other, map[string]any{"kid": id, "jwk": jwk(other), "jku": "http://localhost/keys", "x5u": "http://localhost/cert"}, payload)},
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

// jwk is a public key as a header may bring it (RFC 7515 §4.1.3).
func jwk(key *rsa.PrivateKey) map[string]any {
	return map[string]any{"kty": "RSA", "n": encode(string(key.N.Bytes())), "e": "AQAB"}
}

// jsonNull is written as null; forge leaves out what is nil.
type jsonNull struct{}

func (jsonNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// ourPayload is a valid payload with a display name that is not escaped.
func ourPayload(t *testing.T, ours *rsa.PrivateKey, name string) string {
	c := playerClaims()
	c["displayName"] = "NAME"
	return strings.Replace(payloadOf(t, forge(t, ours, nil, c)), "NAME", name, 1)
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
		{name: "payload with the same member escaped", token: signRaw(t, ours, head, `{"iss":"pragma","\u0069ss":"pragma"}`)},
		{name: "payload not ASCII", token: signRaw(t, ours, head, ourPayload(t, ours, "Zoë"))},
		{name: "payload not UTF-8", token: signRaw(t, ours, head, "{\"iss\":\"\xff\"}")},
		{name: "payload cut off", token: signRaw(t, ours, head, `{"iss":"pragma"`)},
	}
	for name, change := range map[string]map[string]any{
		"wrong issuer":               {"iss": "evil"},
		"issuer in capitals":         {"iss": "PRAGMA"},
		"no issuer":                  {"iss": nil},
		"another audience":           {"aud": "evil"},
		"our issuer as audience":     {"aud": "pragma"},
		"a list of audiences":        {"aud": []string{"pragma", "evil"}},
		"an empty audience":          {"aud": ""},
		"an audience that is null":   {"aud": jsonNull{}},
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
