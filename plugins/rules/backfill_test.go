package rules_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma/pragmatest"
)

// inOneGame reports whether players have all been told of the same game.
func inOneGame(players ...*pragmatest.Peer) bool {
	games := make(map[any]bool)
	for _, p := range players {
		n := p.Last("GameInstanceRpc.AddedToGameV1Notification")
		if n == nil {
			return false
		}
		games[n["gameInstanceId"]] = true
	}
	return len(games) == 1
}

func TestNewGamesWithFreePlacesGetMorePlayers(t *testing.T) {
	const rules = `{default: {numberOfTeams: 2, playersPerTeam: 2, minPlayersPerTeam: 1, backfill: %}}`
	for _, c := range []struct {
		name     string
		backfill string
		soon     bool // the third one plays at once
		late     bool // the third one plays half a minute later
	}{
		{"preferred", `{policy: prefer, openNewGames: true}`, true, true},
		{"after some time", `{policy: after, afterSeconds: 20, openNewGames: true}`, false, true},
		{"never", `{openNewGames: true}`, false, false},
		{"games that do not wait", `{policy: prefer}`, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, strings.Replace(rules, "%", c.backfill, 1), func(w *pragmatest.World, _ func(string)) {
				ann, ben := enter(w, "ann", wish{}), enter(w, "ben", wish{})
				synctest.Wait()
				if !inOneGame(ann, ben) {
					t.Fatal("ann and ben do not play")
				}
				cay := enter(w, "cay", wish{})
				synctest.Wait()
				if got := inOneGame(ann, ben, cay); got != c.soon {
					t.Errorf("cay plays at once: %v, want %v", got, c.soon)
				}
				time.Sleep(30 * time.Second)
				if got := inOneGame(ann, ben, cay); got != c.late {
					t.Errorf("cay plays later: %v, want %v", got, c.late)
				}
			})
		})
	}
}

func TestAPolicyThatChangesHoldsForGamesThatWait(t *testing.T) {
	const before, after = `{default: {numberOfTeams: 2, playersPerTeam: 2, minPlayersPerTeam: 1, backfill: {openNewGames: true}}}`,
		`{default: {numberOfTeams: 2, playersPerTeam: 2, backfill: {policy: prefer}}}`
	run(t, before, func(w *pragmatest.World, write func(string)) {
		ann, ben := enter(w, "ann", wish{}), enter(w, "ben", wish{})
		synctest.Wait()
		cay := enter(w, "cay", wish{})
		time.Sleep(time.Minute)
		if inOneGame(ann, cay) {
			t.Fatal("cay is in a game that gets nobody")
		}
		write(after)
		time.Sleep(20 * time.Second)
		if !inOneGame(ann, ben, cay) {
			t.Error("cay does not play, though games get players now")
		}
		dan := enter(w, "dan", wish{})
		synctest.Wait()
		eve := enter(w, "eve", wish{})
		time.Sleep(time.Minute)
		if !inOneGame(ann, dan) || plays(eve) {
			t.Error("want dan on the last place, and eve waiting")
		}
	})
}
