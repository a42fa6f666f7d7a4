package account_test

import (
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
)

func TestRefreshKeepsWhatTheClientSaidOfItself(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		c := claims(t, game)
		if c["extSessionInfo"] != "{}" || claims(t, social)["extSessionInfo"] != "{}" {
			t.Errorf("extSessionInfo = %v, want {} for a client that says nothing", c["extSessionInfo"])
		}
		session, err := w.lab.m.VerifyPlayerToken(pragma.Game, game)
		if err != nil {
			t.Fatal(err)
		}
		session.DistributionPlatform, session.HardwareDevice = "STEAM", "Deck"
		const want = `{"distributionPlatform":"STEAM","hardwareDevice":"Deck"}`
		sign := func(b pragma.Backend) string {
			token, err := w.lab.m.SignPlayerToken(b, session)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		for name, pair := range map[string]map[string]any{
			"both":                 tokens(sign(pragma.Game), sign(pragma.Social)),
			"the social one alone": tokens("", sign(pragma.Social)),
			"the game one alone":   tokens(sign(pragma.Game), ""),
		} {
			time.Sleep(time.Hour)
			f := ask(w.Raw(socialPlayer, social), "AccountRpc.RefreshTokensV1", pair)
			if f.Response == nil {
				t.Fatalf("%s: got %s", name, f)
			}
			for member, token := range f.Response.Payload["pragmaTokens"].(map[string]any) {
				if got := claims(t, token.(string))["extSessionInfo"]; got != want {
					t.Errorf("%s: extSessionInfo of %s = %v, want %s", name, member, got, want)
				}
			}
		}
	})
}
