package escs_test

import (
	"testing"

	"github.com/openpragma/engine/escs/escstest"
)

func TestResultsReachThePlatform(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		a.end(b, 3, 5)
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "results", a.platform.Results(), []escstest.Result{{
			DeliveryID: a.row(b).Delivery.ID, GameID: gameID, SecretKey: oldSecret,
			TournamentID: "tournament-1", MatchID: "match-1", SetID: "final", RoundID: "round-final",
			Players: []escstest.PlayerResult{
				{PlayerID: "escs-ada", IngamePlayerID: "game-ada", Scores: map[string]float64{"kills": 3}},
				{PlayerID: "escs-ben", IngamePlayerID: "game-ben", Scores: map[string]float64{"kills": 5}},
			},
		}})
		equal(t, "key", a.platform.Requests()[0].Key, "final:round-final")
		a.clean()
	})
}
