package account_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

func freePort(context.Context, pragma.Gateway, string) (net.Listener, error) {
	return net.Listen("tcp", "127.0.0.1:0")
}

func tokens(game, social string) map[string]any {
	return map[string]any{"pragmaTokens": map[string]string{"pragmaGameToken": game, "pragmaSocialToken": social}}
}

func TestRefreshGivesNewTokensOfTheSameSession(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		c := w.Raw(socialPlayer, social)
		time.Sleep(45 * time.Minute)
		f := ask(c, "AccountRpc.RefreshTokensV1", tokens(game, social))
		if f.Response == nil {
			t.Fatalf("got %s", f)
		}
		fresh := f.Response.Payload["pragmaTokens"].(map[string]any)
		for member, old := range map[string]string{"pragmaGameToken": game, "pragmaSocialToken": social} {
			before, after := claims(t, old), claims(t, fresh[member].(string))
			for _, name := range []string{"sub", "sessionId", "pragmaPlayerId", "pragmaSocialId", "gameShardId", "displayName", "discriminator", "idProvider"} {
				if before[name] != after[name] {
					t.Errorf("%s: %s = %v, want %v", member, name, after[name], before[name])
				}
			}
			if after["exp"].(float64)-before["exp"].(float64) != 45*60 || after["jti"] == before["jti"] {
				t.Errorf("%s: it is not a new token", member)
			}
		}
		g := w.Raw(gamePlayer, fresh["pragmaGameToken"].(string))
		if f := ask(g, "PlayerSessionRpc.SessionRefreshV1", map[string]any{"token": fresh["pragmaGameToken"]}); f.Response == nil {
			t.Errorf("SessionRefresh got %s", f)
		}
	})
}

func TestRefreshRefusesTokensThatDoNotFit(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		otherGame, otherSocial := w.mustLogIn("marian", "Marian")
		laterGame, laterSocial := w.mustLogIn("robin", "Robin")
		c := w.Raw(socialPlayer, social)
		for _, tt := range []struct {
			name, game, social string
			ok                 bool
		}{
			{"both", game, social, true},
			{"the social one alone", "", social, true},
			{"the game one alone", game, "", true},
			{"none", "", "", false},
			{"swapped", social, game, false},
			{"the wrong kind in place of the game one", social, social, false},
			{"garbage beside a good one", "x", social, false},
			{"another player's", otherGame, otherSocial, false},
			{"another player's game token", otherGame, social, false},
			{"another log-in's", laterGame, laterSocial, false},
			{"another log-in's game token", laterGame, social, false},
		} {
			f := ask(c, "AccountRpc.RefreshTokensV1", tokens(tt.game, tt.social))
			if tt.ok {
				if f.Response == nil {
					t.Errorf("%s: got %s", tt.name, f)
					continue
				}
				fresh := f.Response.Payload["pragmaTokens"].(map[string]any)
				if claims(t, fresh["pragmaGameToken"].(string))["gameShardId"] != shard {
					t.Errorf("%s: the game token is for another shard", tt.name)
				}
			} else if f.ServiceError == nil || f.ServiceError.Error != "AccountService_Unauthorized" || f.ServiceError.Status != "SERVICE_ERROR" {
				t.Errorf("%s: got %s, want AccountService_Unauthorized", tt.name, f)
			}
		}
	})
}

func TestRefreshTakesOneExpiredTokenButNotTwo(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		c := w.Raw(socialPlayer, social)
		time.Sleep(20 * time.Hour)
		f := ask(c, "AccountRpc.RefreshTokensV1", tokens(game, social))
		fresh := f.Response.Payload["pragmaTokens"].(map[string]any)["pragmaSocialToken"].(string)
		c.Call("PlayerSessionRpc.SessionRefreshV1", map[string]any{"token": fresh}) // or the socket ends with its token
		time.Sleep(5 * time.Hour)                                                   // the first pair is over
		if f := ask(c, "AccountRpc.RefreshTokensV1", tokens(game, fresh)); f.Response == nil {
			t.Errorf("with one expired token: %s", f)
		}
		if f := ask(c, "AccountRpc.RefreshTokensV1", tokens(game, social)); f.ServiceError == nil {
			t.Errorf("with two expired tokens: %s", f)
		}
	})
}

func TestRefreshOfALogInWithoutAShardGivesNoGameToken(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		social := w.logIn(socialPlayer, body("UNSAFE", `{"accountId":"robin"}`, "")).Tokens.PragmaTokens.PragmaSocialToken
		f := ask(w.Raw(socialPlayer, social), "AccountRpc.RefreshTokensV1", tokens("", social))
		if f.Response == nil || f.Response.Payload["pragmaTokens"].(map[string]any)["pragmaGameToken"] != "" {
			t.Errorf("got %s, want an empty game token", f)
		}
	})
}

func TestGetAccountDescribesTheCaller(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.mustLogIn("robin", "Robin")
		time.Sleep(time.Hour)
		game, social := w.mustLogIn("robin", "Robin")
		c := claims(t, game)
		created := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		want := map[string]any{
			"pragmaSocialId": c["pragmaSocialId"], "emailAddress": "", "emailVerified": false,
			"accountCreatedTimestampMillis":        fmt.Sprint(created.UnixMilli()),
			"lastLoginTimestampMillis":             fmt.Sprint(created.Add(time.Hour).UnixMilli()),
			"lastDisplayNameUpdateTimestampMillis": "0",
			"displayName":                          map[string]any{"displayName": "Robin", "discriminator": c["discriminator"]},
			"gameIdentities":                       []any{map[string]any{"gameShardId": shard, "pragmaPlayerId": c["pragmaPlayerId"]}},
			"idProviderAccounts": []any{map[string]any{"idProviderType": "UNSAFE", "accountId": "robin",
				"providerDisplayName": map[string]any{"displayName": "Robin", "discriminator": ""}}},
		}
		got := w.Raw(socialPlayer, social).Call("AccountRpc.GetAccountV1", nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// operator opens a socket of an operator on Social.
func (w *world) operator() *rawOperator {
	w.T.Helper()
	a := w.logIn(socialOperator, unsafe("test01", "test01"))
	return &rawOperator{w, a.Tokens.PragmaTokens.PragmaSocialToken}
}

type rawOperator struct {
	w     *world
	token string
}

func (o *rawOperator) createPartner(payload map[string]any) (game, social string, refused string) {
	o.w.T.Helper()
	f := ask(o.w.Raw(socialOperator, o.token), "AccountRpc.CreatePartnerTokenV1", payload)
	if f.ServiceError != nil {
		return "", "", f.ServiceError.Error
	}
	game, _ = f.Response.Payload["pragmaPartnerGameToken"].(string)
	social, _ = f.Response.Payload["pragmaPartnerSocialToken"].(string)
	if id := claims(o.w.T, game)["pragmaPartnerId"]; id != f.Response.Payload["partnerTokenId"] || id != claims(o.w.T, social)["sub"] {
		o.w.T.Errorf("the pair has ids %v, %v and %v", id, f.Response.Payload["partnerTokenId"], claims(o.w.T, social)["sub"])
	}
	return game, social, ""
}

func TestPartnerTokensOpenBothPartnerGateways(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, social, refused := w.operator().createPartner(map[string]any{"gameShardId": shard, "name": "fleet", "allowedTypes": []string{}})
		if refused != "" {
			t.Fatal(refused)
		}
		for g, token := range map[pragma.Gateway]string{gamePartner: game, socialPartner: social} {
			c := w.Raw(g, token)
			if f := ask(c, "PartnerSessionRpc.HeartbeatPartnerV1", nil); f.Response == nil {
				t.Errorf("%s: heartbeat got %s", g, f)
			}
		}
		if f := ask(w.Raw(gamePartner, game), "LabRpc.PingPartnerV1", nil); f.Response == nil {
			t.Errorf("an empty list of types allows nothing: %s", f)
		}
		c := claims(t, game)
		if c["partnerName"] != "fleet" || c["gameShardId"] != shard || c["allowedTypes"] != nil || c["expiresInMillis"] != fmt.Sprint(876000*3600*1000) {
			t.Errorf("claims: %v", c)
		}
	})
}

func TestPartnerTokensMayBeRestricted(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, _, _ := w.operator().createPartner(map[string]any{"gameShardId": shard, "allowedTypes": []string{"LabRpc.PingV1Request"}, "expirationHours": 1})
		c := w.Raw(gamePartner, game)
		if f := ask(c, "LabRpc.PingPartnerV1", nil); f.ServiceError == nil || f.ServiceError.Error != "SessionService_WrongSessionType" {
			t.Errorf("a type that is not allowed got %s", f)
		}
		if got := claims(t, game)["expiresInMillis"]; got != "3600000" {
			t.Errorf("expiresInMillis = %v, want an hour", got)
		}
	})
}

func TestPartnerTokenRequestsAreChecked(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		o := w.operator()
		for _, tt := range []struct {
			name    string
			payload map[string]any
			want    string
		}{
			{"unknown shard", map[string]any{"gameShardId": "00000000-0000-0000-0000-000000000002"}, "AccountService_NotFound"},
			{"negative life", map[string]any{"expirationHours": -1}, "AccountService_BadRequest"},
			{"long name", map[string]any{"name": strings.Repeat("x", 101)}, "AccountService_BadRequest"},
			{"many types", map[string]any{"allowedTypes": make([]string, 33)}, "AccountService_BadRequest"},
			{"long type", map[string]any{"allowedTypes": []string{strings.Repeat("x", 129)}}, "AccountService_BadRequest"},
			{"no shard", map[string]any{}, ""},
			{"a very long life", map[string]any{"expirationHours": 2147483647}, ""},
		} {
			game, _, got := o.createPartner(tt.payload)
			if got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
			}
			if tt.want == "" && claims(t, game)["expiresInMillis"] != fmt.Sprint(876000*3600*1000) {
				t.Errorf("%s: expiresInMillis = %v, want the configured life", tt.name, claims(t, game)["expiresInMillis"])
			}
		}
	})
}

func TestOnlyAdminsChangeThings(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c := w.Operator(pragma.Social, pragma.RoleViewer)
		for _, name := range []string{"AccountRpc.CreatePartnerTokenV1", "AccountRpc.CreateAccountWithUnsafeProviderV2"} {
			if f := ask(c, name, map[string]any{}); f.ServiceError == nil || f.ServiceError.Error != "AccountService_Unauthorized" {
				t.Errorf("%s: a viewer got %s", name, f)
			}
		}
	})
}

func TestAccountsMayBeMadeAheadOfTheFirstLogIn(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c := w.Raw(socialOperator, w.operator().token)
		c.Call("AccountRpc.CreateAccountWithUnsafeProviderV2", map[string]any{
			"gameShardId": shard, "newAccounts": []map[string]string{{"id": "a", "displayName": "Ann"}, {"id": "b", "displayName": "Ben"}},
		})
		game, _ := w.mustLogIn("b", "somebody else")
		if got := claims(t, game)["displayName"]; got != "Ben" {
			t.Errorf("displayName = %v, want Ben", got)
		}
	})
}

func TestProfilesAreFoundByBothIDs(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, _ := w.mustLogIn("robin", "Robin")
		c := claims(t, game)
		social, err := pragma.ParseID[pragma.SocialID](c["pragmaSocialId"].(string))
		if err != nil {
			t.Fatal(err)
		}
		player, err := pragma.ParseID[pragma.PlayerID](c["pragmaPlayerId"].(string))
		if err != nil {
			t.Fatal(err)
		}
		want := &account.Profile{
			SocialID: social, PlayerID: player, Created: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
			DisplayName: pragma.DisplayName{DisplayName: "Robin", Discriminator: c["discriminator"].(string)},
			Providers:   []account.ProviderLink{{Provider: "UNSAFE", AccountID: "robin", DisplayName: "Robin"}},
		}
		got, err := w.accounts.Profile(t.Context(), social)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Profile (-want +got), %v:\n%s", err, diff)
		}
		got, err = w.accounts.ProfileOfPlayer(t.Context(), player)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("ProfileOfPlayer (-want +got), %v:\n%s", err, diff)
		}
		if _, err := w.accounts.Profile(t.Context(), pragma.NewID[pragma.SocialID]()); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("Profile of nobody: %v", err)
		}
		if _, err := w.accounts.ProfileOfPlayer(t.Context(), pragma.NewID[pragma.PlayerID]()); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("ProfileOfPlayer of nobody: %v", err)
		}
	})
}
