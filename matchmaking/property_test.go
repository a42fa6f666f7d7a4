package matchmaking_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/matchmaking"
)

// gambler is a plugin that does anything a plugin can do, right or wrong.
type gambler struct {
	matchmaking.Defaults
	rng *rand.Rand
}

var errGamble = errors.New("lost")

func (g *gambler) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	moved, emptied := g.some(r.Other.Parties()), g.some(r.Anchor.Parties())
	switch g.rng.IntN(10) {
	case 0:
		_ = r.Anchor.TakePartiesFrom(r.Other, moved)
	case 1:
		_ = r.Other.TakePartiesFrom(r.Anchor, emptied)
	case 2:
		_ = r.Anchor.TakePartiesFrom(r.Other, moved)
		_ = r.Other.TakePartiesFrom(r.Anchor, moved)
	}
	return g.decide(slices.Concat(r.Anchor.Parties(), r.Other.Parties()))
}

func (g *gambler) EndOfLoop(_ context.Context, r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
	return g.decide(r.Anchor.Parties())
}

func (g *gambler) MatchPartiesWithGame(_ context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	switch g.rng.IntN(12) {
	case 0:
		return nil, errGamble
	case 1:
		panic("lost it all")
	case 2, 3, 4:
		u := new(matchmaking.GameInstanceUpdate)
		u.AddParties(g.some(r.Anchor.Parties()), int64(g.rng.IntN(2)))
		return u, nil
	case 5:
		u := new(matchmaking.GameInstanceUpdate)
		u.SetTeamByPlayers(r.Anchor.Players()[g.rng.IntN(r.Anchor.PlayerCount()):], 1) // often not the whole party
		return u, nil
	}
	return nil, nil
}

func (g *gambler) decide(parties []*matchmaking.Party) (*matchmaking.NewGameInstance, error) {
	switch g.rng.IntN(12) {
	case 0:
		return nil, errGamble
	case 1:
		panic("lost it all")
	case 2:
		game := new(matchmaking.NewGameInstance)
		for _, p := range parties {
			game.SetTeamByPlayers(p.Players[g.rng.IntN(len(p.Players)):], 3) // often not the whole party
		}
		return game, nil
	case 3, 4:
		game := new(matchmaking.NewGameInstance)
		for _, p := range g.some(parties) {
			game.AddParties([]*matchmaking.Party{p}, int64(g.rng.IntN(2)))
		}
		return game, nil
	}
	return nil, nil
}

func (g *gambler) some(parties []*matchmaking.Party) []*matchmaking.Party {
	return slices.DeleteFunc(slices.Clone(parties), func(*matchmaking.Party) bool { return g.rng.IntN(2) == 0 })
}

func TestNobodyIsLostOrDoubledWhateverAPluginDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &gambler{rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		p := matchmaking.NewPool(g)
		p.Refuse = func([]*matchmaking.Party) bool { return g.rng.IntN(8) == 0 }
		var all, removed []*matchmaking.Party
		games := 0
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				var parties []*matchmaking.Party
				for range rapid.IntRange(1, 6).Draw(t, "parties") {
					parties = append(parties, newParty(len(all)+len(parties), rapid.IntRange(1, 4).Draw(t, "size")))
				}
				all = append(all, parties...)
				rapid.Permutation(parties).Draw(t, "order")
				p.Add(parties...)
			},
			"leave": func(t *rapid.T) {
				stay := slices.Concat(p.Waiting()...)
				if len(stay) == 0 {
					t.Skip("nobody waits")
				}
				who := rapid.SampledFrom(stay).Draw(t, "who")
				removed = append(removed, who)
				p.Remove(who)
			},
			"full": func(t *rapid.T) {
				p.Anchors = rapid.IntRange(-1, 5).Draw(t, "anchors")
				p.Full()
			},
			"news": func(t *rapid.T) {
				p.Anchors = rapid.IntRange(-1, 5).Draw(t, "anchors")
				p.News()
			},
			"game": func(*rapid.T) {
				games++
				p.AddGame(&matchmaking.GameInstance{ID: [16]byte{byte(games)}})
			},
			"": func(t *rapid.T) {
				checkPool(t, p, all, removed)
				if got := len(p.Games()) + len(p.Joined) + len(p.Dropped); got != games {
					t.Fatalf("%d games are left, got players or were dropped; want %d", got, games)
				}
			},
		})
	})
}

// checkPool checks that every party is in exactly one place, and whole.
func checkPool(t *rapid.T, p *matchmaking.Pool, all, removed []*matchmaking.Party) {
	places := make(map[*matchmaking.Party]int)
	count := func(parties []*matchmaking.Party) {
		for _, party := range parties {
			places[party]++
		}
	}
	for _, parties := range p.Waiting() {
		if len(parties) == 0 {
			t.Fatal("an empty matchable waits")
		}
		count(parties)
	}
	if got, want := p.Len(), len(p.Waiting()); got != want {
		t.Fatalf("Len() = %d, want %d", got, want)
	}
	for _, game := range slices.Concat(p.Started, p.Joined) {
		count(game.Parties)
		want := 0
		for _, party := range game.Parties {
			want += len(party.Players)
		}
		if got := len(game.Players); got != want {
			t.Fatalf("a game has %d players of parties with %d", got, want)
		}
	}
	count(p.Failed)
	count(removed)
	for _, party := range all {
		if places[party] != 1 {
			t.Fatalf("party %d is in %d places, want 1", number(party), places[party])
		}
	}
	if len(places) != len(all) {
		t.Fatalf("%d parties, want %d", len(places), len(all))
	}
}
