package account_test

import (
	"testing"

	"github.com/openpragma/engine/pragma"
)

func TestDeletionEndsSessionsAndShutsTokensOut(t *testing.T) {
	gamePlayer := pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}
	run(t, func(t *testing.T, w *world) {
		game, social := w.mustLogIn("robin", "Robin")
		unusedGame, unusedSocial := w.mustLogIn("robin", "Robin") // never connected
		c := w.Raw(socialPlayer, social)
		g := w.Raw(gamePlayer, game)
		id, err := pragma.ParseID[pragma.SocialID](claims(t, social)["pragmaSocialId"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.accounts.DeleteAccount(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		for name, sock := range map[string]interface{ Closed() int }{"social": c, "game": g} {
			if got := sock.Closed(); got != 4002 {
				t.Errorf("%s: the socket ended with %d, want 4002", name, got)
			}
		}
		for name, token := range map[string]string{"used": social, "never used": unusedSocial} {
			if got := w.call(socialPlayer, token, "PlayerSessionRpc.HeartbeatV1Request").Status; got != 401 {
				t.Errorf("social token %s: got %d, want 401", name, got)
			}
		}
		for name, token := range map[string]string{"used": game, "never used": unusedGame} {
			if got := w.call(gamePlayer, token, "PlayerSessionRpc.HeartbeatV1Request").Status; got != 401 {
				t.Errorf("game token %s: got %d, want 401", name, got)
			}
		}
		_, again := w.mustLogIn("robin", "Robin")
		if got := w.call(socialPlayer, again, "PlayerSessionRpc.HeartbeatV1Request").Status; got != 200 {
			t.Errorf("a new account of the same player: got %d, want 200", got)
		}
	})
}
