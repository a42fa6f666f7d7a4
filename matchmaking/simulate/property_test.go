package simulate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/pragma"
)

var errMood = errors.New("bad mood")

// moody does anything a plugin can do, right or wrong.
type moody struct{ rng *rand.Rand }

// game is one of some of the parties, perhaps not whole, perhaps with a stranger.
func (g moody) game(parties []*matchmaking.Party) *matchmaking.NewGameInstance {
	game := new(matchmaking.NewGameInstance)
	for _, p := range parties {
		switch g.rng.IntN(8) {
		case 0:
			game.SetTeamByPlayers(p.Players[g.rng.IntN(len(p.Players)):], 0)
		case 1, 2, 3:
			game.AddParties([]*matchmaking.Party{p}, int64(g.rng.IntN(2)))
		case 4:
			if g.rng.IntN(10) == 0 {
				game.AddParties([]*matchmaking.Party{party(250, 1, 0, 0)}, 0)
			}
		}
	}
	if g.rng.IntN(3) == 0 {
		game.ContinueMatchmaking(matchmaking.QueueKey{})
	}
	return game
}

func (g moody) update(parties []*matchmaking.Party) *matchmaking.GameInstanceUpdate {
	u := new(matchmaking.GameInstanceUpdate)
	for _, p := range parties {
		if g.rng.IntN(2) == 0 {
			u.AddParties([]*matchmaking.Party{p}, 1)
		}
	}
	if g.rng.IntN(3) == 0 {
		u.StopMatchmaking()
	}
	return u
}

type moodyPool struct {
	matchmaking.PoolDefaults
	moody
}

func (g moodyPool) Describe(context.Context, *matchmaking.DescribeRequest) (*matchmaking.Attributes, error) {
	if g.rng.IntN(20) == 0 {
		return nil, errMood
	}
	return nil, nil
}

func (g moodyPool) Propose(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
	switch g.rng.IntN(20) {
	case 0:
		return nil, errMood
	case 1:
		panic("very bad mood")
	}
	var proposals []matchmaking.Proposal
	for range g.rng.IntN(4) {
		proposals = append(proposals, matchmaking.Proposal{New: g.game(r.View.Parties())})
	}
	for _, game := range r.View.Games() {
		proposals = append(proposals, matchmaking.Proposal{Game: game, Update: g.update(r.View.Parties())})
	}
	g.rng.Shuffle(len(proposals), func(i, j int) { proposals[i], proposals[j] = proposals[j], proposals[i] })
	return proposals, nil
}

type moodyPlugin struct {
	matchmaking.Defaults
	moody
}

func (g moodyPlugin) Initialize(_ context.Context, r *matchmaking.InitializeRequest) (*matchmaking.NewGameInstance, error) {
	switch g.rng.IntN(20) {
	case 0:
		return nil, errMood
	case 1:
		return g.game(r.Matchable.Parties()), nil
	}
	return nil, nil
}

func (g moodyPlugin) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	switch g.rng.IntN(20) {
	case 0:
		return nil, errMood
	case 1:
		panic("very bad mood")
	case 2, 3, 4:
		return nil, r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties())
	case 5, 6:
		return g.game(append(append([]*matchmaking.Party{}, r.Anchor.Parties()...), r.Other.Parties()...)), nil
	}
	return nil, nil
}

func (g moodyPlugin) MatchPartiesWithGame(_ context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	switch g.rng.IntN(10) {
	case 0:
		return nil, errMood
	case 1, 2, 3:
		return g.update(r.Anchor.Parties()), nil
	}
	return nil, nil
}

func TestASimulationKeepsTheRulesOfTheFramework(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := moody{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		o := simulate.Options{Drain: 20 * time.Second}
		if rapid.Bool().Draw(t, "pool") {
			o.Pool = moodyPool{moody: rng}
		} else {
			o.Plugin = moodyPlugin{moody: rng}
		}
		o.Config = matchmaking.Config{MatchmakingDelayMillis: 1000, PassBudgetMillis: 1, QueueTimeoutSeconds: rapid.IntRange(0, 10).Draw(t, "timeout")}
		var arrivals []simulate.Arrival
		patience := make(map[pragma.TicketID]time.Duration)
		for n := range rapid.IntRange(0, 40).Draw(t, "parties") {
			a := simulate.Arrival{Party: party(byte(n), byte(rapid.IntRange(1, 3).Draw(t, "size")), time.Duration(rapid.IntRange(0, 30_000).Draw(t, "at"))*time.Millisecond, 0)}
			a.Patience = time.Duration(rapid.IntRange(0, 5_000).Draw(t, "patience")) * time.Millisecond
			arrivals = append(arrivals, a)
			patience[a.Party.TicketID] = a.Patience
		}
		c := &checks{t: t, patience: patience, played: make(map[pragma.PlayerID]bool)}
		o.OnMatch = c.match
		game := &matchmaking.GameInstance{ID: pragma.GameInstanceID{1}, EnteredAt: start}
		r, err := simulate.Run(t.Context(), o, arrivals, game)
		if err != nil {
			t.Fatal(err)
		}
		ended := 0
		for _, c := range []simulate.Count{r.Matched, r.StillWaiting, r.LostPatience, r.TimedOut, r.Failed, r.Refused} {
			ended += c.Parties
		}
		if r.Arrived.Parties != len(arrivals) || ended != len(arrivals) {
			t.Fatalf("%d arrived, %d have an end, want %d: %+v", r.Arrived.Parties, ended, len(arrivals), r)
		}
		if r.Matched.Players != len(c.played) || r.Matched.Parties != c.parties || r.Matches+r.Joins != c.matches {
			t.Fatalf("the report has %d players in %d matches, %d in %d were told of", r.Matched.Players, r.Matches+r.Joins, len(c.played), c.matches)
		}
	})
}

// checks looks at every match.
type checks struct {
	t                *rapid.T
	patience         map[pragma.TicketID]time.Duration
	played           map[pragma.PlayerID]bool
	parties, matches int
	last             time.Time
}

func (c *checks) match(m *simulate.Match) {
	if m.At.Before(c.last) {
		c.t.Fatalf("a match at %v comes after one at %v", m.At, c.last)
	}
	c.last = m.At
	c.matches++
	players := 0
	for _, p := range m.Parties {
		c.parties++
		players += len(p.Players)
		waited := m.At.Sub(p.EnteredAt)
		if waited < 0 || c.patience[p.TicketID] > 0 && waited > c.patience[p.TicketID] {
			c.t.Fatalf("a party is matched %v after it entered, with a patience of %v", waited, c.patience[p.TicketID])
		}
	}
	if players != len(m.Players) {
		c.t.Fatalf("a match of parties of %d players has %d: a party is split", players, len(m.Players))
	}
	for _, a := range m.Players {
		if c.played[a.Player.ID] {
			c.t.Fatalf("player %s is matched twice", a.Player.ID)
		}
		c.played[a.Player.ID] = true
	}
}
