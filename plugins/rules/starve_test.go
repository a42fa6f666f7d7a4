package rules_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/plugins/rules"
)

// possible reports whether some of the tickets make a game in which everybody
// takes anybody. It tries all ways to put them on teams, or on none.
func possible(r *rules.Rules, tickets []*rules.Ticket) bool {
	type side struct{ players, a, b int }
	sides := make([]side, r.NumberOfTeams)
	least := r.PlayersPerTeam
	if r.MinPlayersPerTeam > 0 {
		least = r.MinPlayersPerTeam
	}
	var put func(i int) bool
	put = func(i int) bool {
		if i == len(tickets) {
			for _, s := range sides {
				if s.players < least || r.Roles.Member != "" && (s.a < 1 || s.b > 1) {
					return false
				}
			}
			return true
		}
		if put(i + 1) {
			return true
		}
		for j := range sides {
			before := sides[j]
			for _, p := range tickets[i].Players {
				sides[j].players++
				switch p.Role {
				case "a":
					sides[j].a++
				case "b":
					sides[j].b++
				}
			}
			if sides[j].players <= r.PlayersPerTeam && put(i+1) {
				return true
			}
			sides[j] = before
		}
		return false
	}
	return put(0)
}

// Once all have waited long enough, those who wait on do so because there is no
// game for them at all.
func TestWhoIsOverduePlaysIfAnyGameIsPossible(t *testing.T) {
	possibles := 0
	rapid.Check(t, func(t *rapid.T) {
		r := anyRules(t)
		r.ServeOldestAfterSeconds = 30
		r.NumberOfTeams, r.PlayersPerTeam = min(r.NumberOfTeams, 3), r.PlayersPerTeam+rapid.IntRange(0, 3).Draw(t, "more")
		tickets := anyTickets(t, 9)
		if possible(&r, tickets) {
			possibles++
		}
		left := without(tickets, r.Match(tickets, rules.Options{Now: start.Add(61 * time.Second)}))
		if possible(&r, left) {
			t.Fatalf("parties of %s wait on, though they could play: %+v", sizes(left), r)
		}
	})
	if possibles == 0 {
		t.Error("no game was possible at all")
	}
}

// In a queue to which enough others come, nobody waits longer than the bound and
// one full pass, whatever his rating, and however picky the others are.
func TestNobodyStarvesBeyondTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRules(t)
		r.Roles, r.MinPlayersPerTeam, r.ServeOldestAfterSeconds = rules.Roles{}, 0, 20
		const every, seconds = 5, 200 // full passes
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 8))
		var waiting []*rules.Ticket
		count := 0
		enter := func(now time.Time, n int, size func() int) {
			for range n {
				tk := ticket(count, min(size(), r.PlayersPerTeam), rng.Float64()*1e6)
				tk.EnteredAt = now
				count++
				for _, zone := range []string{"eu", "us", "asia"} {
					if rng.IntN(3) > 0 {
						tk.Pings = append(tk.Pings, rules.Ping{Zone: zone, Millis: 10 + rng.IntN(200)})
					}
				}
				waiting = append(waiting, tk)
			}
		}
		for second := range seconds {
			now := start.Add(time.Duration(second) * time.Second)
			enter(now, rng.IntN(3), func() int { return 1 + rng.IntN(3) })
			if second%every > 0 {
				continue
			}
			enter(now, r.NumberOfTeams*r.PlayersPerTeam, one) // enough to fill up any team
			waiting = without(waiting, r.Match(waiting, rules.Options{Now: now}))
			for _, tk := range waiting {
				if waited := now.Sub(tk.EnteredAt); waited > (20+every)*time.Second {
					t.Fatalf("second %d: a party of %d has waited %v among %s", second, len(tk.Players), waited, sizes(waiting))
				}
			}
		}
	})
}

// without returns the tickets that are in no group.
func without(tickets []*rules.Ticket, groups []rules.Group) (left []*rules.Ticket) {
	gone := make(map[*rules.Ticket]bool)
	for _, g := range groups {
		for _, tk := range g.Tickets {
			gone[tk] = true
		}
	}
	for _, tk := range tickets {
		if !gone[tk] {
			left = append(left, tk)
		}
	}
	return left
}
