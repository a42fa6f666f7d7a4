package token_test

import (
	"encoding/base64"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openpragma/engine/internal/token"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestPayloadHasTheDocumentedClaims(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	for name, c := range claims() {
		t.Run(name, func(t *testing.T) {
			got := jsontext.Value(payloadOf(t, sign(t, keys, c)))
			if err := got.Indent(jsontext.PreserveRawStrings(true)); err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(got), string(want)); diff != "" {
				t.Errorf("payload (-got +want):\n%s", diff)
			}
		})
	}
}

func TestHeaderHasAlgorithmTypeAndKeyID(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	head, _, _ := strings.Cut(sign(t, keys, claims()["player game"]), ".")
	want := `{"alg":"RS256","kid":"` + keys.SigningKeyID() + `","typ":"JWT"}`
	if got := decode(t, head); got != want {
		t.Errorf("header = %s, want %s", got, want)
	}
	if id := keys.SigningKeyID(); len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("key id = %q, want 32 hexadecimal digits", id)
	}
}

func TestAnotherLibraryBelievesOurTokens(t *testing.T) {
	key := testKeys()[0]
	keys := newKeys(t, key)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())
	for name, c := range claims() {
		parsed, err := parser.Parse(sign(t, keys, c), func(tok *jwt.Token) (any, error) {
			if tok.Header["kid"] != keys.SigningKeyID() {
				t.Errorf("%s: kid = %v", name, tok.Header["kid"])
			}
			return &key.PublicKey, nil
		})
		if err != nil {
			t.Errorf("%s: Parse() = %v", name, err)
			continue
		}
		got := parsed.Claims.(jwt.MapClaims)
		if got["iss"] != "pragma" || got["exp"] != float64(c.ExpiresAt) || got["sub"] != c.Subject {
			t.Errorf("%s: claims = %v", name, got)
		}
	}
}

func TestVerifyGivesBackWhatWasSigned(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	for name, c := range claims() {
		verify := keys.Verify
		if name == "queue" {
			verify = keys.VerifyQueue
		}
		got, err := verify(sign(t, keys, c), now)
		if err != nil {
			t.Errorf("%s: Verify() = %v", name, err)
			continue
		}
		if diff := cmp.Diff(*got, c); diff != "" {
			t.Errorf("%s: claims (-got +want):\n%s", name, diff)
		}
	}
}

func TestEmptyValuesHaveAMeaning(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	player, operator, partner := claims()["player game"], claims()["operator social"], claims()["partner game"]
	player.ExtSessionInfo, player.DisplayName, player.Discriminator = "", "", ""
	operator.OperatorRoles = nil
	partner.AllowedTypes, partner.PartnerName = []string{}, ""
	tests := []struct {
		name   string
		claims token.Claims
		want   string
	}{
		{"no session info is an empty object", player, `"extSessionInfo":"{}"`},
		{"an empty display name is present", player, `"displayName":""`},
		{"an empty discriminator is present", player, `"discriminator":""`},
		{"no roles are an empty list", operator, `"operatorRoles":[]`},
		{"an empty list of allowed types is kept", partner, `"allowedTypes":[]`},
		{"an empty partner name is present", partner, `"partnerName":""`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := sign(t, keys, test.claims)
			if got := payloadOf(t, text); !strings.Contains(got, test.want) {
				t.Errorf("payload = %s, want it to contain %s", got, test.want)
			}
			if _, err := keys.Verify(text, now); err != nil {
				t.Errorf("Verify() = %v", err)
			}
		})
	}
	got, err := keys.Verify(sign(t, keys, partner), now)
	if err != nil || got.AllowedTypes == nil {
		t.Errorf("an empty list of allowed types came back as no restriction: %v", err)
	}
}

func TestSignRefusesClaimsThatDoNotFit(t *testing.T) {
	tests := []struct {
		name, kind, reason string
		change             func(*token.Claims)
	}{
		{"unknown session type", "player game", "sessionType", func(c *token.Claims) { c.SessionType = "SERVICE" }},
		{"session type in small letters", "player game", "sessionType", func(c *token.Claims) { c.SessionType = "player" }},
		{"unknown backend", "player game", "sessionType", func(c *token.Claims) { c.BackendType = "INVALID" }},
		{"session type without backend", "player game", "sessionType", func(c *token.Claims) { c.BackendType = "" }},
		{"backend without session type", "queue", "sessionType", func(c *token.Claims) { c.BackendType = token.Game }},
		{"no subject", "player game", "sub is", func(c *token.Claims) { c.Subject = "" }},
		{"no token id", "player game", "jti is", func(c *token.Claims) { c.ID = "" }},
		{"no issue time", "player game", "iat is", func(c *token.Claims) { c.IssuedAt = 0 }},
		{"no end", "player game", "exp is", func(c *token.Claims) { c.ExpiresAt = 0 }},
		{"ends before it begins", "player game", "times", func(c *token.Claims) { c.ExpiresAt = c.IssuedAt }},
		{"negative time", "player game", "times", func(c *token.Claims) { c.IssuedAt = -1 }},
		{"player without refresh", "player game", "refreshInMillis", func(c *token.Claims) { c.RefreshInMillis = 0 }},
		{"negative refresh", "player game", "negative", func(c *token.Claims) { c.RefreshInMillis = -1 }},
		{"player without life", "player social", "expiresInMillis", func(c *token.Claims) { c.ExpiresInMillis = 0 }},
		{"player without session", "player game", "sessionId", func(c *token.Claims) { c.SessionID = "" }},
		{"player without player id", "player game", "pragmaPlayerId", func(c *token.Claims) { c.PlayerID = "" }},
		{"player without social id", "player social", "pragmaSocialId", func(c *token.Claims) { c.SocialID = "" }},
		{"game token without shard", "player game", "gameShardId", func(c *token.Claims) { c.GameShardID = "" }},
		{"social token with shard", "player social", "gameShardId", func(c *token.Claims) { c.GameShardID = "x" }},
		{"player with roles", "player game", "operatorRoles", func(c *token.Claims) { c.OperatorRoles = []string{"ADMIN"} }},
		{"player with allocation", "player game", "allocationId", func(c *token.Claims) { c.AllocationID = "x" }},
		{"player with allowed types", "player game", "allowedTypes", func(c *token.Claims) { c.AllowedTypes = []string{} }},
		{"player with ticket", "player game", "ticketNumber", func(c *token.Claims) { c.TicketNumber = "1" }},
		{"operator with player id", "operator game", "pragmaPlayerId", func(c *token.Claims) { c.PlayerID = "x" }},
		{"operator without session", "operator social", "sessionId", func(c *token.Claims) { c.SessionID = "" }},
		{"operator with session info", "operator game", "extSessionInfo", func(c *token.Claims) { c.ExtSessionInfo = "{}" }},
		{"partner with session", "partner game", "sessionId", func(c *token.Claims) { c.SessionID = "x" }},
		{"partner with refresh", "partner game", "refreshInMillis", func(c *token.Claims) { c.RefreshInMillis = 1 }},
		{"partner with another subject", "partner game", "pragmaPartnerId", func(c *token.Claims) { c.Subject = "x" }},
		{"queue with another subject", "queue", "ticketNumber", func(c *token.Claims) { c.Subject = "x" }},
		{"queue with a strange answer", "queue", "isAllowedIn", func(c *token.Claims) { c.IsAllowedIn = "yes" }},
		{"queue with session", "queue", "sessionId", func(c *token.Claims) { c.SessionID = "x" }},
		{"text that is not UTF-8", "player game", "UTF-8", func(c *token.Claims) { c.DisplayName = "\xff" }},
	}
	keys := newKeys(t, testKeys()[0])
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := claims()[test.kind]
			test.change(&c)
			text, err := keys.Sign(c)
			if !errors.Is(err, token.ErrClaims) || text != "" {
				t.Fatalf("Sign() = %q, %v, want ErrClaims", text, err)
			}
			if !strings.Contains(err.Error(), test.reason) {
				t.Errorf("Sign() = %v, want it to name %q", err, test.reason)
			}
		})
	}
}

func TestSignRefusesTokensNobodyWouldRead(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	c := claims()["player game"]
	sizes := map[bool]int{}
	for size := 5000; size < 7000; size++ {
		c.ExtSessionInfo = strings.Repeat("x", size)
		text, err := keys.Sign(c)
		if err != nil {
			if !errors.Is(err, token.ErrTooLarge) {
				t.Fatalf("Sign() = %v, want ErrTooLarge", err)
			}
			sizes[false]++
			break
		}
		sizes[true]++
		if len(text) > token.MaxSize {
			t.Fatalf("Sign() gave %d bytes, want at most %d", len(text), token.MaxSize)
		}
		if len(text) > token.MaxSize-10 {
			if _, err := keys.Verify(text, now); err != nil {
				t.Errorf("Verify(%d bytes) = %v", len(text), err)
			}
		} else {
			size += (token.MaxSize - 10 - len(text)) / 2
		}
	}
	if sizes[true] == 0 || sizes[false] == 0 {
		t.Errorf("the limit was not met from both sides: %v", sizes)
	}
}

func TestPayloadIsReadableWithPlainBase64(t *testing.T) {
	keys := newKeys(t, testKeys()[0])
	rapid.Check(t, func(t *rapid.T) {
		c := claims()["player game"]
		// One more byte in front moves every letter to another place of its triple.
		c.DisplayName = rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune(`>?~"\é😀`+"\x7f\x00\u2028")), 0, 12, -1)).Draw(t, "name")
		c.ExtSessionInfo = rapid.StringN(1, 40, -1).Draw(t, "info")
		text, err := keys.Sign(c)
		if err != nil {
			t.Fatalf("Sign() = %v", err)
		}
		_, rest, _ := strings.Cut(text, ".")
		segment, _, _ := strings.Cut(rest, ".")
		payload, err := base64.RawStdEncoding.DecodeString(segment) // not the URL form
		if err != nil {
			t.Fatalf("payload %q: %v", segment, err)
		}
		for _, b := range payload {
			if b < 0x20 || b > 0x7e {
				t.Fatalf("payload has byte %#x: %q", b, payload)
			}
		}
		got, err := keys.Verify(text, now)
		if err != nil {
			t.Fatalf("Verify() = %v", err)
		}
		if diff := cmp.Diff(*got, c); diff != "" {
			t.Fatalf("claims (-got +want):\n%s", diff)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	keys, c := newKeys(b, testKeys()[0]), claims()["player game"]
	b.ReportAllocs()
	for b.Loop() {
		sign(b, keys, c)
	}
}
