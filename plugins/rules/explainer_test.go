package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma/ext"
)

// anyDuels draws rules of games between two players.
func anyDuels(t *rapid.T) rules.Rules {
	window := func(name string) rules.Window {
		w := rules.Window{Start: float64(rapid.IntRange(0, 60).Draw(t, name)), GrowthPerSecond: float64(rapid.IntRange(0, 3).Draw(t, name+" growth"))}
		w.Max = w.Start + float64(rapid.IntRange(0, 100).Draw(t, name+" max"))
		if w.Max == 0 {
			w.GrowthPerSecond = 0
		}
		return w
	}
	r := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1, Rating: rules.Rating{Member: "r", Window: window("rating")}}
	if rapid.Bool().Draw(t, "pings count") {
		r.PingMillis = window("ping")
	}
	if rapid.Bool().Draw(t, "roles count") {
		r.Roles = rules.Roles{Member: "role", Limits: map[string]rules.Limit{"healer": {Min: rapid.IntRange(0, 1).Draw(t, "healers")}}}
	}
	if rapid.Bool().Draw(t, "the oldest are served") {
		r.ServeOldestAfterSeconds = rapid.IntRange(1, 60).Draw(t, "after")
	}
	r.PartyBalance.Enabled = rapid.Bool().Draw(t, "party balance")
	return r
}

func anySolo(t *rapid.T, n int) *rules.Ticket {
	tk := ticket(n, 1, float64(rapid.IntRange(0, 150).Draw(t, "rating")))
	tk.EnteredAt = start.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "entered")) * time.Second)
	tk.Players[0].Role = rapid.SampledFrom([]string{"healer", "tank"}).Draw(t, "role")
	for _, zone := range []string{"eu", "us"} {
		if rapid.Bool().Draw(t, zone) {
			tk.Pings = append(tk.Pings, rules.Ping{Zone: zone, Millis: rapid.IntRange(0, 150).Draw(t, "ping")})
		}
	}
	return tk
}

func TestNothingStandsBetweenTwoPlayersExactlyIfTheyAreMatched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyDuels(t)
		a, b := anySolo(t, 1), anySolo(t, 2)
		now := start.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "now")) * time.Second)
		tickets := []*rules.Ticket{a, b}
		slices.SortStableFunc(tickets, func(a, b *rules.Ticket) int { return a.EnteredAt.Compare(b.EnteredAt) })
		matched := len(r.Match(tickets, rules.Options{Now: now})) == 1
		for _, tk := range tickets {
			e, ok := r.Explain(tickets, tk.ID, now, 1)
			if !ok || len(e.Nearest) != 1 {
				t.Fatalf("Explain() = %+v, %v", e, ok)
			}
			if refusals := e.Nearest[0].Refusals; (refusals == nil) != matched {
				t.Fatalf("matched: %v, but for ticket %d refusals are %q", matched, number(tk), refusals)
			}
		}
	})
}

func TestRolesStandBetweenTwoParties(t *testing.T) {
	limits := func(role string, l rules.Limit) rules.Rules {
		return rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 2, Roles: rules.Roles{Member: "role", Limits: map[string]rules.Limit{role: l}}}
	}
	playing := func(n int, roles ...string) *rules.Ticket {
		tk := ticket(n, len(roles), 0)
		for i, role := range roles {
			tk.Players[i].Role = role
		}
		return tk
	}
	oneTeam := limits("tank", rules.Limit{Max: 1})
	oneTeam.NumberOfTeams = 1
	for _, c := range []struct {
		name  string
		rules rules.Rules
		a, b  *rules.Ticket
		want  string
	}{
		{"no room for a healer", limits("healer", rules.Limit{Min: 1}), playing(1, "tank", "tank"), playing(2, "healer"), "this party"},
		{"room for a healer", limits("healer", rules.Limit{Min: 1}), playing(1, "tank"), playing(2, "healer"), ""},
		{"too many tanks", limits("tank", rules.Limit{Max: 1}), playing(1, "healer"), playing(2, "tank", "tank"), "the other"},
		{"a tank for each team", limits("tank", rules.Limit{Max: 1}), playing(1, "tank"), playing(2, "tank"), ""},
		{"too many tanks on the one team", oneTeam, playing(1, "tank"), playing(2, "tank"), "one team of both"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := c.rules.Explain([]*rules.Ticket{c.a, c.b}, c.a.ID, start, 1)
			got := strings.Join(e.Nearest[0].Refusals, "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("refusals %q, want %q", got, c.want)
			}
		})
	}
}

// explainRequest asks about the first of the parties.
func explainRequest(t *testing.T, p *rules.Plugin, key matchmaking.QueueKey, parties ...*matchmaking.Party) *matchmaking.ExplainRequest {
	t.Helper()
	if _, err := matchmaking.NewView(t.Context(), p, key, parties); err != nil {
		t.Fatal(err)
	}
	return &matchmaking.ExplainRequest{QueueKey: key, Party: parties[0], Others: parties[1:], Most: 2, Now: start.Add(10 * time.Second)}
}

func TestThePluginExplains(t *testing.T) {
	c := rules.Config{QueueMember: "mode", Default: rules.DefaultConfig().Default, Queues: map[string]rules.Rules{"ranked": {
		NumberOfTeams: 2, PlayersPerTeam: 1,
		Rating:                  rules.Rating{Member: "mmr", Window: rules.Window{Start: 50, GrowthPerSecond: 1, Max: 100}},
		PingMillis:              rules.Window{Start: 60, Max: 80},
		ServeOldestAfterSeconds: 30,
	}}}
	p := &rules.Plugin{Config: c}
	key := matchmaking.QueueKey{Ext: ext.Of(m{"mode": "ranked"})}
	me := waiting(0, m{"mmr": 1000})
	me.Players[0].GameServerZoneToPing = map[string]int{"us": 90, "eu": 40}
	r := explainRequest(t, p, key, me, waiting(1, m{"mmr": 1100}), waiting(2, m{"mmr": 1030}), waiting(3, m{"mmr": 0}))
	e, err := p.Explain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	wantFacts := []matchmaking.Fact{
		{Name: "rules", Value: "ranked"}, {Name: "rating", Value: "1000"}, {Name: "rating window", Value: "60 to either side, at most 100"},
		{Name: "ping limit", Value: "60 ms, at most 80 ms"}, {Name: "zones within it", Value: "eu 40 ms"}, {Name: "overdue", Value: "in 20s"},
	}
	if diff := cmp.Diff(wantFacts, e.Facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	var got []string
	for _, c := range e.Candidates {
		got = append(got, fmt.Sprint(c.Party.ID[1], " ", c.Distance, " ", c.Refusals))
	}
	want := []string{"2 30 []", "1 100 [ratings are 100 apart, this party takes 60 ratings are 100 apart, the other takes 60]"}
	if diff := cmp.Diff(want, got); diff != "" || e.NeededPlayers != 2 || e.AcceptablePlayers != 2 {
		t.Errorf("needs %d, acceptable %d; candidates (-want +got):\n%s", e.NeededPlayers, e.AcceptablePlayers, diff)
	}
	r.Now = start.Add(time.Minute)
	if e, err = p.Explain(t.Context(), r); err != nil || e.Candidates[1].Refusals != nil || !strings.Contains(e.Facts[5].Value, "longer than 30 s") {
		t.Errorf("after a minute: %+v, %v; want everybody acceptable", e, err)
	}
}

func TestThePluginExplainsAPartyItCannotRead(t *testing.T) {
	p := &rules.Plugin{}
	e, err := p.Explain(t.Context(), &matchmaking.ExplainRequest{Party: waiting(1, m{}), Now: start})
	if err != nil || len(e.Facts) != 1 || !strings.Contains(e.Facts[0].Value, "cannot read") {
		t.Errorf("Explain() = %+v, %v", e, err)
	}
}

func TestQueueRulesAreWrittenAsInTheConfiguration(t *testing.T) {
	r := rules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 5,
		Rating:       rules.Rating{Member: "mmr", Default: 1500, Window: rules.Window{Start: 50, GrowthPerSecond: 2.5, Max: 400}},
		Roles:        rules.Roles{Member: "role", Limits: map[string]rules.Limit{"healer": {Min: 1}, "tank": {}}},
		PartyBalance: rules.PartyBalance{Enabled: true},
		Backfill:     rules.Backfill{Policy: rules.BackfillAfter, AfterSeconds: 20},
	}
	p := &rules.Plugin{Config: rules.Config{Default: r}}
	got := p.QueueRules(t.Context(), &matchmaking.QueueRulesRequest{}).String()
	want := `{"backfill":{"afterSeconds":20,"policy":"after"},"numberOfTeams":2,"partyBalance":{"enabled":true},"playersPerTeam":5,` +
		`"rating":{"default":1500,"member":"mmr","window":{"growthPerSecond":2.5,"max":400,"start":50}},"roles":{"limits":{"healer":{"min":1},"tank":{}},"member":"role"}}`
	if got != want {
		t.Errorf("QueueRules() = %s\nwant %s", got, want)
	}
}

// Without a zone that is near enough to anybody, the ping rule was not looked at.
func TestPlayersWhoAreFarFromEverywhereDoNotMeet(t *testing.T) {
	r := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1, PingMillis: rules.Window{Start: 50, Max: 50}}
	far := []*rules.Ticket{ticket(1, 1, 0, rules.Ping{Zone: "eu", Millis: 60}), ticket(2, 1, 0, rules.Ping{Zone: "eu", Millis: 70})}
	if got := brief(r.Match(far, rules.Options{Now: start})); got != nil {
		t.Errorf("groups %q, want none", got)
	}
	unknown := []*rules.Ticket{ticket(1, 1, 0), ticket(2, 1, 0)}
	if got := brief(r.Match(unknown, rules.Options{Now: start})); len(got) != 1 {
		t.Errorf("groups %q, want one of those whose pings are unknown", got)
	}
}
