package rules_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
)

// ticket is a party of players who are all equally good.
func ticket(n, size int, rating float64, pings ...rules.Ping) *rules.Ticket {
	t := &rules.Ticket{ID: pragma.TicketID{1: byte(n >> 8), 2: byte(n)}, EnteredAt: start.Add(time.Duration(n) * time.Millisecond), Rating: rating, Pings: pings}
	for range size {
		t.Players = append(t.Players, rules.Player{Rating: rating})
	}
	return t
}

func number(t *rules.Ticket) int { return int(t.ID[1])<<8 | int(t.ID[2]) }

// brief writes groups as "1:0 2:1 eu", party by party with its team.
func brief(groups []rules.Group) []string {
	var all []string
	for _, g := range groups {
		text := ""
		for i, t := range g.Tickets {
			text += fmt.Sprintf("%d:%d ", number(t), g.Teams[i])
		}
		all = append(all, text+g.Zone)
	}
	return all
}

func solo(rating float64) func(n int) *rules.Ticket {
	return func(n int) *rules.Ticket { return ticket(n, 1, rating) }
}

func TestGamesAreMadeByTheRules(t *testing.T) {
	duel := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1}
	rated := duel
	rated.Rating = rules.Rating{Member: "r", Window: rules.Window{Start: 10, GrowthPerSecond: 1, Max: 50}}
	late := rated
	late.ServeOldestAfterSeconds = 100
	near := duel
	near.PingMillis = rules.Window{Start: 50, GrowthPerSecond: 1, Max: 100}
	few := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 3, MinPlayersPerTeam: 1, SmallerAfterSeconds: 30}
	threes := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 3}
	equal := threes
	equal.PartyBalance = rules.PartyBalance{Enabled: true, UntilSeconds: 60}
	eu := func(ms int) rules.Ping { return rules.Ping{Zone: "eu", Millis: ms} }
	us := func(ms int) rules.Ping { return rules.Ping{Zone: "us", Millis: ms} }
	prefers := func(t *rules.Ticket, zones ...string) *rules.Ticket { t.Prefers = zones; return t }
	for _, c := range []struct {
		name    string
		rules   rules.Rules
		tickets []*rules.Ticket
		after   time.Duration
		want    []string
	}{
		{"two are enough", duel, []*rules.Ticket{solo(0)(1), solo(0)(2)}, 0, []string{"1:0 2:1 "}},
		{"one is not", duel, []*rules.Ticket{solo(0)(1)}, 0, nil},
		{"nobody", duel, nil, 0, nil},
		{"the nearest in rating", rated, []*rules.Ticket{solo(100)(1), solo(109)(2), solo(104)(3)}, 0, []string{"1:0 3:1 "}},
		{"too far apart", rated, []*rules.Ticket{solo(100)(1), solo(120)(2)}, 5 * time.Second, nil},
		{"no longer too far apart", rated, []*rules.Ticket{solo(100)(1), solo(120)(2)}, 11 * time.Second, []string{"1:0 2:1 "}},
		{"too far apart for ever", rated, []*rules.Ticket{solo(100)(1), solo(151)(2)}, time.Hour, nil},
		{"the oldest is served", late, []*rules.Ticket{solo(100)(1), solo(900)(2)}, 101 * time.Second, []string{"1:0 2:1 "}},
		{"the worst ping is lowest", near, []*rules.Ticket{ticket(1, 1, 0, eu(10), us(30)), ticket(2, 1, 0, eu(40), us(31))}, 0, []string{"1:0 2:1 us"}},
		{"the preferred one of equals", near, []*rules.Ticket{prefers(ticket(1, 1, 0, eu(40), us(40)), "us"), ticket(2, 1, 0, eu(40), us(40))}, 0, []string{"1:0 2:1 us"}},
		{"no zone for both", near, []*rules.Ticket{ticket(1, 1, 0, eu(40), us(90)), ticket(2, 1, 0, eu(90), us(40))}, 0, nil},
		{"a zone for both at last", near, []*rules.Ticket{ticket(1, 1, 0, eu(40), us(90)), ticket(2, 1, 0, eu(80), us(40))}, 31 * time.Second, []string{"1:0 2:1 eu"}},
		{"not where it is too far for one", near, []*rules.Ticket{ticket(1, 1, 0, eu(79), us(20)), ticket(30_000, 1, 0, eu(40), us(55))}, 30 * time.Second, []string{"1:0 30000:1 eu"}},
		{"no pings go anywhere", near, []*rules.Ticket{ticket(1, 1, 0), ticket(2, 1, 0, us(40))}, 0, []string{"1:0 2:1 us"}},
		{"nobody has pings", near, []*rules.Ticket{ticket(1, 1, 0), prefers(ticket(2, 1, 0), "us")}, 0, []string{"1:0 2:1 us"}},
		{"not smaller at once", few, []*rules.Ticket{solo(0)(1), solo(0)(2)}, 0, nil},
		{"smaller later", few, []*rules.Ticket{solo(0)(1), solo(0)(2), solo(0)(3)}, 31 * time.Second, []string{"1:0 2:1 3:0 "}},
		{"parties stay together", threes, []*rules.Ticket{ticket(1, 2, 0), ticket(2, 2, 0), ticket(3, 2, 0)}, 0, nil},
		{"larger ones first if need be", threes, []*rules.Ticket{ticket(1, 1, 0), ticket(2, 1, 0), ticket(3, 1, 0), ticket(4, 2, 0), ticket(5, 3, 0)}, 0, []string{"1:0 5:1 4:0 "}},
		{"a party that is too large", threes, []*rules.Ticket{ticket(1, 4, 0), ticket(2, 3, 0), ticket(3, 3, 0)}, 0, []string{"2:0 3:1 "}},
		{"party against party", equal, []*rules.Ticket{ticket(1, 3, 0), solo(0)(2), solo(0)(3), solo(0)(4), ticket(5, 3, 0)}, 0, []string{"1:0 5:1 "}},
		{"party against anybody at last", equal, []*rules.Ticket{ticket(1, 3, 0), solo(0)(2), solo(0)(3), solo(0)(4)}, 61 * time.Second, []string{"1:0 2:1 3:1 4:1 "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := brief(c.rules.Match(c.tickets, rules.Options{Now: start.Add(c.after)}))
			if !slices.Equal(got, c.want) {
				t.Errorf("Match() = %q, want %q", got, c.want)
			}
		})
	}
}

func TestTeamsAreBalancedByRating(t *testing.T) {
	r := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 2}
	groups := r.Match([]*rules.Ticket{ticket(1, 1, 100), ticket(2, 1, 90), ticket(3, 1, 20), ticket(4, 1, 10)}, rules.Options{Now: start})
	if len(groups) != 1 {
		t.Fatalf("%d groups, want 1", len(groups))
	}
	sums := make([]float64, 2)
	for i, t := range groups[0].Tickets {
		sums[groups[0].Teams[i]] += t.Rating
	}
	if sums[0] != sums[1] {
		t.Errorf("teams add up to %v, want 110 each", sums)
	}
}

func TestAStopEndsTheSearch(t *testing.T) {
	r := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1}
	tickets := crowd(rand.New(rand.NewPCG(1, 1)), 1000, one)
	groups := r.Match(tickets, rules.Options{Now: start, Stop: func() bool { return true }})
	if n := len(groups); n == 0 || n > 64 {
		t.Errorf("%d groups, want a few", n)
	}
}

// anyRules draws rules of all kinds.
func anyRules(t *rapid.T) rules.Rules {
	r := rules.Rules{
		NumberOfTeams:  rapid.IntRange(1, 4).Draw(t, "teams"),
		PlayersPerTeam: rapid.IntRange(1, 5).Draw(t, "per team"),
	}
	r.MinPlayersPerTeam = rapid.IntRange(0, r.PlayersPerTeam).Draw(t, "min")
	r.SmallerAfterSeconds = rapid.IntRange(0, 20).Draw(t, "smaller")
	r.ServeOldestAfterSeconds = rapid.SampledFrom([]int{0, 30}).Draw(t, "oldest")
	if rapid.Bool().Draw(t, "rated") {
		r.Rating = rules.Rating{Member: "r", Window: rules.Window{Start: 10, GrowthPerSecond: 5, Max: 200}}
	}
	if rapid.Bool().Draw(t, "pings") {
		r.PingMillis = rules.Window{Start: 40, GrowthPerSecond: 2, Max: 90}
	}
	if rapid.Bool().Draw(t, "roles") {
		r.Roles = rules.Roles{Member: "role", Limits: map[string]rules.Limit{"a": {Min: 1}, "b": {Max: 1}}}
	}
	r.PartyBalance.Enabled = rapid.Bool().Draw(t, "balance")
	return r
}

func anyTickets(t *rapid.T, most int) []*rules.Ticket {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	tickets := make([]*rules.Ticket, rng.IntN(most))
	for i := range tickets {
		tk := ticket(i, 1+rng.IntN(3), float64(rng.IntN(300)))
		tk.EnteredAt = start.Add(time.Duration(i) * 30 * time.Second / time.Duration(most))
		for j := range tk.Players {
			tk.Players[j].Role = string("abc"[rng.IntN(3)])
		}
		for _, zone := range []string{"eu", "us", "asia"} {
			if rng.IntN(3) > 0 {
				tk.Pings = append(tk.Pings, rules.Ping{Zone: zone, Millis: 10 + rng.IntN(100)})
			}
		}
		tickets[i] = tk
	}
	return tickets
}

func TestEveryGroupKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, tickets := anyRules(t), anyTickets(t, 120)
		now := start.Add(time.Duration(rapid.IntRange(30, 90).Draw(t, "now")) * time.Second)
		groups := r.Match(tickets, rules.Options{Now: now})
		if again := r.Match(tickets, rules.Options{Now: now}); fmt.Sprint(brief(again)) != fmt.Sprint(brief(groups)) {
			t.Fatal("the same tickets give another result")
		}
		seen := make(map[*rules.Ticket]bool)
		for _, g := range groups {
			for _, tk := range g.Tickets {
				if seen[tk] {
					t.Fatalf("ticket %d is in two games", number(tk))
				}
				seen[tk] = true
			}
			checkGroup(t, &r, g, now)
		}
	})
}

// checkGroup judges a group by the documented rules, in its own way.
func checkGroup(t *rapid.T, r *rules.Rules, g rules.Group, now time.Time) {
	type side struct{ players, a, b int }
	sides := make([]side, r.NumberOfTeams)
	for i, tk := range g.Tickets {
		s := &sides[g.Teams[i]]
		s.players += len(tk.Players)
		for _, p := range tk.Players {
			if p.Role == "a" {
				s.a++
			}
			if p.Role == "b" {
				s.b++
			}
		}
	}
	served := now.Sub(g.Tickets[0].EnteredAt)
	least := r.PlayersPerTeam
	if r.MinPlayersPerTeam > 0 && served >= time.Duration(r.SmallerAfterSeconds)*time.Second {
		least = r.MinPlayersPerTeam
	}
	for i, s := range sides {
		if s.players < least || s.players > r.PlayersPerTeam {
			t.Fatalf("team %d has %d players, want %d to %d", i, s.players, least, r.PlayersPerTeam)
		}
		if r.Roles.Member != "" && (s.a < 1 || s.b > 1) {
			t.Fatalf("team %d has %d of a and %d of b", i, s.a, s.b)
		}
	}
	if g.Quality < 0 || g.Quality > 1 {
		t.Fatalf("quality is %v", g.Quality)
	}
	if r.ServeOldestAfterSeconds > 0 && served >= time.Duration(r.ServeOldestAfterSeconds)*time.Second {
		return
	}
	width := func(w rules.Window, tk *rules.Ticket) float64 {
		if w.Max == 0 {
			return math.Inf(1)
		}
		return min(w.Start+w.GrowthPerSecond*now.Sub(tk.EnteredAt).Seconds(), w.Max)
	}
	for _, a := range g.Tickets {
		for _, b := range g.Tickets {
			if apart := math.Abs(a.Rating - b.Rating); apart > width(r.Rating.Window, a) {
				t.Fatalf("%v apart, ticket %d allows %v", apart, number(a), width(r.Rating.Window, a))
			}
		}
		if r.PingMillis.Max == 0 || len(a.Pings) == 0 {
			continue
		}
		at := slices.IndexFunc(a.Pings, func(p rules.Ping) bool { return p.Zone == g.Zone })
		if at < 0 || float64(a.Pings[at].Millis) > width(r.PingMillis, a) {
			t.Fatalf("ticket %d is too far from zone %q", number(a), g.Zone)
		}
	}
}

func TestNobodyWaitsLongerThanTheBoundWhenAGameIsPossible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, tickets := anyRules(t), anyTickets(t, 100)
		r.Roles, r.ServeOldestAfterSeconds = rules.Roles{}, 30
		free := 0
		for _, tk := range tickets { // single players make any team
			tk.Players = tk.Players[:1]
			free++
		}
		now := start.Add(61 * time.Second) // all have waited long enough
		for _, g := range r.Match(tickets, rules.Options{Now: now}) {
			free -= len(g.Tickets)
		}
		if free >= r.NumberOfTeams*r.PlayersPerTeam {
			t.Fatalf("%d players wait on, a game has %d", free, r.NumberOfTeams*r.PlayersPerTeam)
		}
	})
}

func TestAnExplanationSaysWhatStandsBetweenTwo(t *testing.T) {
	r := fiveOnFive()
	eu, us := rules.Ping{Zone: "eu", Millis: 20}, rules.Ping{Zone: "us", Millis: 20}
	tickets := []*rules.Ticket{ticket(1, 1, 1000, eu), ticket(2, 2, 1010, eu), ticket(3, 1, 1020, us), ticket(4, 1, 1300, eu), ticket(5, 6, 1000, eu)}
	got, ok := r.Explain(tickets, tickets[0].ID, start.Add(10*time.Second), 3)
	if !ok || got.Acceptable != 3 || got.Needed != 10 || len(got.Nearest) != 3 {
		t.Fatalf("Explain() = %+v, %v", got, ok)
	}
	for i, want := range [][]string{{"no room for parties of 1 and 6 players"}, nil, {"no zone is near enough to both"}} {
		if !slices.Equal(got.Nearest[i].Refusals, want) {
			t.Errorf("candidate %d: %q, want %q", i, got.Nearest[i].Refusals, want)
		}
	}
	if _, ok := r.Explain(tickets, pragma.TicketID{9}, start, 3); ok {
		t.Error("a ticket that does not wait was explained")
	}
}
