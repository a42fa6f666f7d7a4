package gameinstance_test

import (
	"slices"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/ext"
)

// ends counts how often a player was told the end of a game.
func (p *peer) ends() int {
	n := 0
	for _, name := range p.heard() {
		if name == "GameEndedV1" {
			n++
		}
	}
	return n
}

func TestTheEndOfAGameWaitsForAPlayerWhoIsAway(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		ada.quiet()
		ben.Cut()
		time.Sleep(time.Second)
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String()})
		equal(t, "ada, who is there, is told", ada.ends(), 1)

		ben.connect()
		equal(t, "ben is told when he is back", ben.ends(), 1)
		time.Sleep(3 * time.Second) // it has arrived by now
		for _, p := range []*peer{ada, ben} {
			p.Cut()
			time.Sleep(time.Second)
			p.connect()
			equal(t, p.name+" is not told again", p.ends(), 0)
		}
	})
}

// What was written just before a connection broke may not have arrived.
func TestTheEndOfAGameIsToldAgainAfterABreak(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		ada.quiet()
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String()})
		ada.Cut()
		time.Sleep(time.Minute - time.Second)
		ada.connect()
		equal(t, "ada is told", ada.ends(), 1)
	})
}

func TestTheEndOfAGameSurvivesAKill(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		ada.Cut()
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String()})
		w.Kill()
		w.Start()
		ada.connect()
		if got := ada.heard(); !slices.Equal(got, []string{"GameEndedV1"}) {
			t.Errorf("ada hears %v after the kill, want the end alone", got)
		}
	})
}

// A crash right after the commit must not lose the reason of a kick.
func TestARemovalSurvivesAKill(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		ada.Cut()
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		server.do("GameInstanceRpc.RemovePlayersV2", m{"gameInstanceId": id.String(), "players": []m{{"playerId": ada.id.String()}}})
		w.Kill()
		w.Start()
		ada.connect()
		if got := ada.heard(); !slices.Equal(got, []string{"RemovedFromGameV1"}) {
			t.Errorf("ada hears %v after the kill, want the removal alone", got)
		}
	})
}

// Who is back in the game by the time he connects does not hear that he is out.
func TestARemovalIsForgottenWhenThePlayerIsAddedAgain(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		ada.Cut()
		server.do("GameInstanceRpc.RemovePlayersV2", m{"gameInstanceId": id.String(), "players": []m{{"playerId": ada.id.String()}}})
		if err := w.games.AddPlayers(t.Context(), id, ext.Value{}, toAdd(ada)); err != nil {
			t.Fatal(err)
		}
		ada.connect()
		if got := ada.heard(); slices.Contains(got, "RemovedFromGameV1") {
			t.Errorf("ada hears %v, and is in the game", got)
		}
	})
}
