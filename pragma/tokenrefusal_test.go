package pragma_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// The answers of wire §16.8 to tokens.
var (
	unreadable = refusal{401, "BAD_SESSION", "AccountService_TokenDecodeFailed"}
	unsigned   = refusal{401, "BAD_SESSION", "AccountService_TokenSignatureVerificationFailed"}
	untimely   = refusal{401, "BAD_SESSION", "AccountService_TokenExpired"}
	elsewhere  = refusal{403, "BAD_SESSION", "SessionService_WrongSessionType"}
)

// A forger makes tokens for one gateway with the key of the server, as a second
// implementation that may say anything.
type forger struct {
	t       *testing.T
	gateway pragma.Gateway
	key     *rsa.PrivateKey
}

// claims are what a good token of the gateway says.
func (f *forger) claims() map[string]any {
	now := time.Now().Unix()
	id := pragma.NewID[pragma.PlayerID]().String()
	c := map[string]any{
		"iss": "pragma", "sub": id, "iat": now, "exp": now + 3600, "jti": pragma.NewID[pragma.PlayerID]().String(),
		"sessionType": string(f.gateway.Type), "backendType": string(f.gateway.Backend), "expiresInMillis": "3600000",
	}
	if f.gateway.Backend == pragma.Game {
		c["gameShardId"] = "00000000-0000-0000-0000-000000000001"
	}
	if f.gateway.Type == pragma.Partner {
		maps.Copy(c, map[string]any{"pragmaPartnerId": id, "partnerName": "server"})
		return c
	}
	maps.Copy(c, map[string]any{
		"sessionId": pragma.NewOrderedID[pragma.SessionID]().String(), "pragmaSocialId": id, "displayName": "robin",
		"discriminator": "0042", "idProvider": "UNSAFE", "refreshInMillis": "1800000",
	})
	if f.gateway.Type == pragma.Operator {
		c["operatorRoles"] = []string{"ADMIN"}
		return c
	}
	maps.Copy(c, map[string]any{"pragmaPlayerId": id, "extSessionInfo": "{}"})
	return c
}

// with signs the claims with some changed; nil takes one away.
func (f *forger) with(changes map[string]any) string {
	return f.sign(f.key, nil, merged(f.claims(), changes))
}

// header signs the claims under a header with some members changed.
func (f *forger) header(changes map[string]any) string { return f.sign(f.key, changes, f.claims()) }

func (f *forger) sign(key *rsa.PrivateKey, header, claims map[string]any) string {
	f.t.Helper()
	head := merged(map[string]any{"alg": "RS256", "typ": "JWT", "kid": f.keyID()}, header)
	return f.raw(key, f.json(head), f.json(claims))
}

// raw signs texts that need not be JSON.
func (f *forger) raw(key *rsa.PrivateKey, header, claims string) string {
	f.t.Helper()
	text := segment(header) + "." + segment(claims)
	sig, err := jwt.SigningMethodRS256.Sign(text, key)
	if err != nil {
		f.t.Fatal(err)
	}
	return text + "." + segment(string(sig))
}

// hs256 uses the public key as a shared secret.
func (f *forger) hs256() string {
	f.t.Helper()
	secret, err := token.MarshalPublicKey(&f.key.PublicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	forged := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(f.claims()))
	forged.Header["kid"] = f.keyID()
	text, err := forged.SignedString(secret)
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

func (f *forger) keyID() string {
	id, err := token.KeyID(&f.key.PublicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func (f *forger) json(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

func merged(m, changes map[string]any) map[string]any {
	m = maps.Clone(m)
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

func segment(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// badToken is a token that no gateway may take.
type badToken struct {
	name, token string
	want        refusal
}

// forged are tokens with something wrong about form, header or signature.
func (f *forger) forged() []badToken {
	good := f.with(nil)
	p := strings.Split(good, ".")
	stranger := signingKeys()[1]
	claims := f.claims()
	stolen := f.json(merged(claims, map[string]any{"sessionId": pragma.NewOrderedID[pragma.SessionID]().String()}))
	return []badToken{
		{"none", "", unreadable},
		{"a word", "password", unreadable},
		{"a basic one", "cm9iaW46aHVudGVyMg==", unreadable},
		{"eight thousand dots", strings.Repeat(".", 8000), unreadable},
		{"ten thousand letters", strings.Repeat("A", 10000), unreadable},
		{"without signature", p[0] + "." + p[1], unreadable},
		{"with an empty signature", p[0] + "." + p[1] + ".", unreadable},
		{"cut off in the payload", good[:len(p[0])+len(p[1])/2], unreadable},
		{"padded", good + "==", unreadable},
		{"a fourth part", good + "." + p[2], unreadable},
		{"none as algorithm", segment(`{"alg":"none"}`) + "." + p[1] + ".", unreadable},
		{"a huge header", f.header(map[string]any{"x": strings.Repeat("h", 9000)}), unreadable},
		{"a header that is no object", segment("[]") + "." + p[1] + "." + p[2], unreadable},
		{"two algorithms", segment(`{"alg":"RS256","alg":"none"}`) + "." + p[1] + "." + p[2], unreadable},

		{"cut off in the signature", good[:len(good)-42], unsigned},
		{"a signature of zeros", p[0] + "." + p[1] + "." + segment(strings.Repeat("\x00", 256)), unsigned},
		{"another payload", p[0] + "." + segment(f.json(claims)) + "." + p[2], unsigned},
		{"another player's session put in", p[0] + "." + segment(stolen) + "." + p[2], unsigned},
		{"none as algorithm, signed", f.header(map[string]any{"alg": "none"}), unsigned},
		{"HS256 with the public key", f.hs256(), unsigned},
		{"another algorithm", f.header(map[string]any{"alg": "RS512"}), unsigned},
		{"another key under our id", f.sign(stranger, nil, claims), unsigned},
		{"another key with itself in the header", f.sign(stranger, map[string]any{"jku": "http://localhost/keys"}, claims), unsigned},
		{"an unknown key id", f.header(map[string]any{"kid": strings.Repeat("0", 32)}), unsigned},
		{"no key id", f.header(map[string]any{"kid": nil}), unsigned},
		{"a path as key id", f.header(map[string]any{"kid": "../../../../dev/null"}), unsigned},
		{"a command as key id", f.header(map[string]any{"kid": "'; DROP TABLE keys;--"}), unsigned},
		{"a number as key id", f.header(map[string]any{"kid": 7}), unsigned},
		{"a critical extension", f.header(map[string]any{"crit": []string{"b64"}, "b64": false}), unsigned},
	}
}

// misleading are tokens with a good signature that say what they must not.
func (f *forger) misleading() []badToken {
	now := time.Now().Unix()
	soon := now + int64(token.Leeway.Seconds()) + 1
	head := `{"alg":"RS256","typ":"JWT","kid":"` + f.keyID() + `"}`
	payload := strings.TrimSuffix(f.json(f.claims()), "}")
	list := []badToken{
		{"another issuer", f.with(map[string]any{"iss": "evil"}), unreadable},
		{"no issuer", f.with(map[string]any{"iss": nil}), unreadable},
		{"another audience", f.with(map[string]any{"aud": "evil"}), unreadable},
		{"a list of audiences", f.with(map[string]any{"aud": []string{"pragma", "evil"}}), unreadable},
		{"no end", f.with(map[string]any{"exp": nil}), unreadable},
		{"no session type", f.with(map[string]any{"sessionType": nil}), unreadable},
		{"a service's session", f.with(map[string]any{"sessionType": "SERVICE"}), unreadable},
		{"no backend", f.with(map[string]any{"backendType": nil}), unreadable},
		{"a claim of another kind", f.with(map[string]any{"ticketNumber": "1"}), unreadable},
		{"an id that is none", f.with(map[string]any{"sub": "x", "pragmaPlayerId": "x", "pragmaSocialId": "x", "pragmaPartnerId": "x"}), unreadable},
		{"a claim twice", f.raw(f.key, head, payload+`,"exp":`+f.json(now+9999)+`}`), unreadable},
		{"not ASCII", f.raw(f.key, head, payload+`,"note":"Zoë"}`), unreadable},
		{"not JSON", f.raw(f.key, head, payload), unreadable},
		{"deep", f.raw(f.key, head, payload+`,"x":`+strings.Repeat("[", 2000)+`}`), unreadable},

		{"over", f.with(map[string]any{"iat": now - 3600, "exp": now - 1}), untimely},
		{"over now", f.with(map[string]any{"iat": now - 3600, "exp": now}), untimely},
		{"issued in the future", f.with(map[string]any{"iat": soon}), untimely},
		{"not valid yet", f.with(map[string]any{"nbf": soon}), untimely},
	}
	for _, other := range pragma.Gateways() {
		if other != f.gateway {
			g := &forger{f.t, other, f.key}
			list = append(list, badToken{"of " + other.String(), g.with(nil), elsewhere})
		}
	}
	if f.gateway.Backend == pragma.Game {
		list = append(list, badToken{"of another shard", f.with(map[string]any{"gameShardId": "00000000-0000-0000-0000-000000000002"}), elsewhere},
			badToken{"of a shard that is none", f.with(map[string]any{"gameShardId": "here"}), unreadable},
			badToken{"of no shard", f.with(map[string]any{"gameShardId": ""}), unreadable})
	}
	return list
}

func TestEveryGatewayRefusesBadTokens(t *testing.T) {
	key := signingKeys()[0]
	run(t, signer("jwtPrivateKey: "+privatePEM(t, key)), func(t *testing.T, w *world) {
		before := records(t, w.m.Store())
		for _, g := range pragma.Gateways() {
			f := &forger{t, g, key}
			for _, bad := range append(f.forged(), f.misleading()...) {
				name := g.String() + ", " + bad.name
				wantRefusal(t, name+", HTTP", w.post(g, bad.token, sayFrame), bad.want)
				wantRefusal(t, name+", upgrade", w.refuseUpgrade(g, bad.token), bad.want)
				if status, _ := w.get(g, "/v1/gateway", bad.token); status != bad.want.http {
					t.Errorf("%s, discovery: status %d, want %d", name, status, bad.want.http)
				}
			}
		}
		if after := records(t, w.m.Store()); after != before {
			t.Errorf("the store has %d records, want %d as before", after, before)
		}
		if strings.Contains(w.Logs(), "ERROR") || strings.Contains(w.Logs(), "DROP TABLE") {
			t.Errorf("bad tokens are in the log:\n%s", w.Logs())
		}
	})
}

// TestForgedTokensAreGoodButForWhatIsWrong makes sure that the tokens of the table
// are refused for their one mistake.
func TestForgedTokensAreGoodButForWhatIsWrong(t *testing.T) {
	key := signingKeys()[0]
	run(t, signer("jwtPrivateKey: "+privatePEM(t, key)), func(t *testing.T, w *world) {
		for _, g := range pragma.Gateways() {
			f := &forger{t, g, key}
			now := time.Now().Unix()
			for name, token := range map[string]string{
				"plain":            f.with(nil),
				"a clock ahead":    f.with(map[string]any{"iat": now + 10, "nbf": now + 10}),
				"an unknown claim": f.with(map[string]any{"ofTheFuture": []int{1}}),
			} {
				if got := w.post(g, token, sayFrame); got.Status != 200 {
					t.Errorf("%s, %s, HTTP: status %d, %s", g, name, got.Status, got.Frame)
				}
				w.Raw(g, token).Close()
			}
		}
	})
}

// records counts what a refused token must not have added to.
func records(t *testing.T, db store.Driver) (n int) {
	t.Helper()
	for _, kind := range []string{"session-game", "session-social", "partner-token", "partner-revoked"} {
		for _, err := range db.List(t.Context(), store.Query{Kind: kind}) {
			if n++; err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}

// TestHeadersBeyondAllBoundsAreRefused sends what the HTTP server does not even
// read to its end.
func TestHeadersBeyondAllBoundsAreRefused(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		for _, g := range pragma.Gateways() {
			for _, method := range []string{"POST", "GET"} {
				req, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.Address(g)+"/v1/rpc", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+strings.Repeat(".", 1<<20))
				resp, err := w.HTTP().Do(req)
				if err != nil {
					continue // the connection was closed before all was sent
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
					t.Errorf("%s %s: status %d, want 431", g, method, resp.StatusCode)
				}
			}
		}
		if f := call(w.robin().socket(), "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("then got %s", f)
		}
	})
}
