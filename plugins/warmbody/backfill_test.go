package warmbody_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
)

// running returns a game with so many players on each team.
func running(teams ...int) *matchmaking.GameInstance {
	g := &matchmaking.GameInstance{ID: pragma.GameInstanceID{1}}
	for team, n := range teams {
		for range n {
			g.Players = append(g.Players, matchmaking.GamePlayer{ID: pragma.PlayerID{9, byte(len(g.Players))}, TeamNumber: int64(team)})
		}
	}
	return g
}

func TestARunningGameIsFilled(t *testing.T) {
	type placed map[int]int64 // team by party number
	for _, c := range []struct {
		name        string
		teams, size int
		game        []int // players by team
		anchor      []int // sizes of its parties 1, 2, …
		want        placed
	}{
		{name: "full", teams: 2, size: 2, game: []int{2, 2}, anchor: []int{1}},
		{name: "one place", teams: 2, size: 2, game: []int{2, 1}, anchor: []int{1}, want: placed{1: 1}},
		{name: "the team with the most room", teams: 2, size: 3, game: []int{2, 1}, anchor: []int{1}, want: placed{1: 1}},
		{name: "of equals the first", teams: 2, size: 3, game: []int{1, 1}, anchor: []int{1}, want: placed{1: 0}},
		{name: "a party is on one team", teams: 2, size: 2, game: []int{1, 1}, anchor: []int{2}},
		{name: "an empty team", teams: 2, size: 2, game: []int{1}, anchor: []int{2}, want: placed{1: 1}},
		{name: "an empty game", teams: 2, size: 2, anchor: []int{2, 2}, want: placed{1: 0, 2: 1}},
		{name: "what fits, in order", teams: 2, size: 3, game: []int{2, 1}, anchor: []int{3, 2, 1, 1}, want: placed{2: 1, 3: 0}},
		{name: "nobody beyond the game", teams: 2, size: 2, game: []int{2, 1, 1}, anchor: []int{1}}, // one plays on a third team
		{name: "other teams take no room", teams: 2, size: 2, game: []int{0, 1, 1}, anchor: []int{1, 1}, want: placed{1: 0, 2: 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plugin := &warmbody.Plugin{NumberOfTeams: c.teams, PlayersPerTeam: c.size}
			anchor := matchable(1, c.anchor...)
			update, err := plugin.MatchPartiesWithGame(t.Context(), &matchmaking.MatchPartiesWithGameRequest{Anchor: anchor, Game: running(c.game...)})
			if err != nil {
				t.Fatal(err)
			}
			var got placed
			if update != nil {
				got = make(placed)
				for _, a := range update.Players() {
					got[int(a.Player.PartyID[1])] = a.TeamNumber
				}
				if !update.MarkedToContinueMatchmaking() {
					t.Error("the game leaves matchmaking, want it to stay")
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("teams by party (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoTeamOfARunningGameGetsTooLarge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plugin := &warmbody.Plugin{NumberOfTeams: rapid.IntRange(1, 10).Draw(t, "teams"), PlayersPerTeam: rapid.IntRange(1, 5).Draw(t, "players")}
		team := rapid.IntRange(0, plugin.PlayersPerTeam)
		game := running(rapid.SliceOfN(team, 0, plugin.NumberOfTeams).Draw(t, "game")...)
		anchor := matchable(1, rapid.SliceOfN(rapid.IntRange(1, plugin.PlayersPerTeam), 1, 8).Draw(t, "anchor")...)
		update, err := plugin.MatchPartiesWithGame(t.Context(), &matchmaking.MatchPartiesWithGameRequest{Anchor: anchor, Game: game})
		if err != nil {
			t.Fatal(err)
		}
		if update == nil {
			return
		}
		sizes, of := make(map[int64]int), make(map[pragma.PartyID]int64)
		for _, p := range game.Players {
			sizes[p.TeamNumber]++
		}
		for _, a := range update.Players() {
			sizes[a.TeamNumber]++
			if other, ok := of[a.Player.PartyID]; ok && other != a.TeamNumber {
				t.Fatalf("a party is on teams %d and %d", a.TeamNumber, other)
			}
			of[a.Player.PartyID] = a.TeamNumber
		}
		for n, size := range sizes {
			if size > plugin.PlayersPerTeam || n >= int64(plugin.NumberOfTeams) {
				t.Fatalf("team %d has %d players", n, size)
			}
		}
	})
}
