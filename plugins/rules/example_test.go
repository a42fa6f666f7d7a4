package rules_test

import (
	"fmt"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
)

// A queue for 3 v 3. The configuration may say otherwise.
func Example() {
	parties := &party.Service{}
	games := &gameinstance.Service{Parties: parties}
	queue := &matchmaking.Service{
		Pool:    &rules.Plugin{Config: rules.Config{Default: rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 3}}},
		Parties: parties,
		Games:   games,
	}
	srv := &pragma.Server{Game: []pragma.Service{parties, games, queue}}
	fmt.Println(len(srv.Game), "services; run them with srv.Run(ctx)")
	// Output: 3 services; run them with srv.Run(ctx)
}

// Rules can be tried without a server.
func ExampleRules_Match() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := rules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 1,
		Rating: rules.Rating{Member: "mmr", Window: rules.Window{Start: 10, GrowthPerSecond: 1, Max: 100}},
	}
	alone := func(rating float64) *rules.Ticket {
		return &rules.Ticket{EnteredAt: now, Rating: rating, Players: []rules.Player{{Rating: rating}}}
	}
	tickets := []*rules.Ticket{alone(1000), alone(1050), alone(1004)}
	for _, seconds := range []int{0, 60} {
		groups := r.Match(tickets, rules.Options{Now: now.Add(time.Duration(seconds) * time.Second)})
		fmt.Println("after", seconds, "seconds:", groups[0].Tickets[0].Rating, "against", groups[0].Tickets[1].Rating)
	}
	// Output:
	// after 0 seconds: 1000 against 1004
	// after 60 seconds: 1000 against 1004
}

// An explanation says what stands between two parties.
func ExampleRules_Explain() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1, Rating: rules.Rating{Member: "mmr", Window: rules.Window{Start: 10, Max: 10}}}
	a := &rules.Ticket{ID: [16]byte{1}, EnteredAt: now, Rating: 1000, Players: make([]rules.Player, 1)}
	b := &rules.Ticket{ID: [16]byte{2}, EnteredAt: now, Rating: 1050, Players: make([]rules.Player, 1)}
	e, _ := r.Explain([]*rules.Ticket{a, b}, a.ID, now, 1)
	fmt.Println(e.Acceptable, "of", e.Needed, "players;", e.Nearest[0].Refusals[0])
	// Output: 1 of 2 players; ratings are 50 apart, this party takes 10
}
