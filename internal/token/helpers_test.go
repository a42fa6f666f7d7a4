package token_test

import (
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/openpragma/engine/internal/token"
)

// Making an RSA key is slow, so that tests share three. Nobody changes them.
var testKeys = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i := range keys {
		key, err := token.GenerateKey()
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// now is the time at which the tokens of the tests are valid.
var now = time.Unix(1_800_000_000, 0)

func newKeys(t testing.TB, signing *rsa.PrivateKey, others ...*rsa.PublicKey) *token.Keys {
	t.Helper()
	keys, err := token.NewKeys(signing, others...)
	if err != nil {
		t.Fatalf("NewKeys() = %v", err)
	}
	return keys
}

func sign(t testing.TB, keys *token.Keys, c token.Claims) string {
	t.Helper()
	text, err := keys.Sign(c)
	if err != nil {
		t.Fatalf("Sign(%s %s) = %v", c.SessionType, c.BackendType, err)
	}
	return text
}

// forge signs any claims with the key of ours, as a second implementation does.
func forge(t testing.TB, key *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	id, err := token.KeyID(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	forged := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	forged.Header["kid"] = id
	for name, value := range header {
		forged.Header[name] = value
	}
	text, err := forged.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signRaw signs header and payload that need not be JSON.
func signRaw(t testing.TB, key *rsa.PrivateKey, header, payload string) string {
	t.Helper()
	signed := encode(header) + "." + encode(payload)
	sig, err := jwt.SigningMethodRS256.Sign(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(string(sig))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t testing.TB, segment string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatalf("segment %q: %v", segment, err)
	}
	return string(data)
}

func payloadOf(t testing.TB, text string) string {
	t.Helper()
	return decode(t, strings.Split(text, ".")[1])
}

// claims returns valid claims of each kind by name.
func claims() map[string]token.Claims {
	player := token.Claims{
		IssuedAt:        now.Unix(),
		ExpiresAt:       now.Unix() + 86_400,
		ID:              "9b6c1d1e-3f55-4f0f-8a35-6a0d3c3e0a01",
		SessionType:     token.Player,
		SessionID:       "5d3f7a52-0c8e-4b25-9a39-0d9ce1f5aa02",
		ExpiresInMillis: 86_400_000,
		RefreshInMillis: 2_700_000,
		DisplayName:     "Zoë 🦊",
		Discriminator:   "0042",
		SocialID:        "c0a8e1f4-7d2b-4c58-8f6e-5b1f2d7caa03",
		IDProvider:      "UNSAFE",
	}
	const playerID, shard = "e3a1b5c7-9d2f-4e68-a0b4-7c6d8e9faa04", "00000000-0000-4000-8000-000000000001"
	game, social := player, player
	game.Subject, game.BackendType, game.PlayerID, game.GameShardID = playerID, token.Game, playerID, shard
	game.ExtSessionInfo = `{"tier":"gold"}`
	social.Subject, social.BackendType, social.PlayerID = player.SocialID, token.Social, playerID
	social.ExtSessionInfo = "{}"

	operator := player
	operator.Subject, operator.SessionType, operator.BackendType = player.SocialID, token.Operator, token.Social
	operator.OperatorRoles = []string{"ADMIN", "VIEWER"}
	operatorGame := operator
	operatorGame.BackendType, operatorGame.GameShardID = token.Game, shard

	const partnerID = "11112222-3333-4444-8555-666677778888"
	partner := token.Claims{
		Subject:         partnerID,
		IssuedAt:        now.Unix(),
		ExpiresAt:       now.Unix() + 876_000*3600,
		ID:              "9b6c1d1e-3f55-4f0f-8a35-6a0d3c3e0a05",
		SessionType:     token.Partner,
		BackendType:     token.Game,
		GameShardID:     shard,
		ExpiresInMillis: 876_000 * 3_600_000,
		PartnerID:       partnerID,
		PartnerName:     "arena host 1",
		AllocationID:    "99990000-aaaa-4bbb-8ccc-ddddeeeeffff",
		AllowedTypes:    []string{"GameInstanceRpc.LinkV1Request", "GameInstanceRpc.EndGameV1Request"},
	}
	plain := partner
	plain.BackendType, plain.GameShardID, plain.AllocationID, plain.AllowedTypes = token.Social, "", "", nil

	return map[string]token.Claims{
		"player game": game, "player social": social,
		"partner game": partner, "partner social": plain,
		"operator game": operatorGame, "operator social": operator,
		"queue": {
			Subject: "1234", TicketNumber: "1234", IsAllowedIn: "true", ID: "9b6c1d1e-3f55-4f0f-8a35-6a0d3c3e0a06",
			IssuedAt: now.Unix(), ExpiresAt: now.Unix() + 300,
		},
	}
}
