package account_test

import (
	"testing"

	"github.com/openpragma/engine/pragma"
)

func TestOnlyPlayersOfAccountsAreKnown(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		_, social := w.mustLogIn("robin", "Robin")
		profile, err := w.accounts.Profile(t.Context(), socialID(t, claims(t, social)["pragmaSocialId"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[pragma.PlayerID]bool{
			profile.PlayerID: true, {}: false, pragma.NewID[pragma.PlayerID](): false,
		} {
			if got, err := w.accounts.HasPlayer(t.Context(), id); got != want || err != nil {
				t.Errorf("HasPlayer(%s) = %t, %v, want %t", id, got, err, want)
			}
		}
	})
}
