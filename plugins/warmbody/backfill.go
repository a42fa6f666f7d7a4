package warmbody

import (
	"context"

	"github.com/openpragma/engine/matchmaking"
)

// MatchPartiesWithGame lets a running game have those of the anchor's parties that
// fit into its teams, in order, each on the team with the most room.
func (p *Plugin) MatchPartiesWithGame(_ context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	c := p.config()
	room := c.players() - len(r.Game.Players)
	if room <= 0 {
		return nil, nil
	}
	var few [8]int
	free := c.free(r.Game, few[:0])
	var update *matchmaking.GameInstanceUpdate
	for i, party := range r.Anchor.Parties() {
		team, n := roomiest(free), len(party.Players)
		if n > min(room, free[team]) {
			continue
		}
		if update == nil {
			update = new(matchmaking.GameInstanceUpdate)
		}
		update.AddParties(r.Anchor.Parties()[i:i+1], int64(team))
		free[team] -= n
		room -= n
	}
	return update, nil
}

// free appends how many players each team of a game has room for.
func (c Config) free(game *matchmaking.GameInstance, free []int) []int {
	for range c.NumberOfTeams {
		free = append(free, c.PlayersPerTeam)
	}
	for _, player := range game.Players {
		if t := player.TeamNumber; t >= 0 && t < int64(len(free)) {
			free[t]--
		}
	}
	return free
}

// roomiest returns the team with the most room, of equals the first.
func roomiest(free []int) int {
	best := 0
	for team, n := range free {
		if n > free[best] {
			best = team
		}
	}
	return best
}
