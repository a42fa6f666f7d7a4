package matchmaking_test

import (
	"context"
	"testing"

	"github.com/openpragma/engine/matchmaking"
)

// agreeable makes games of ten, party by party, and refuses one pair in ten.
type agreeable struct {
	matchmaking.Defaults
	calls int
}

func (a *agreeable) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	a.calls++
	if a.calls%10 == 0 {
		return nil, nil
	}
	if r.Anchor.PlayerCount()+r.Other.PlayerCount() > 10 {
		return nil, nil
	}
	if err := r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties()); err != nil || r.Anchor.PlayerCount() < 10 {
		return nil, err
	}
	game := new(matchmaking.NewGameInstance)
	game.AddParties(r.Anchor.Parties()[:5], 0)
	game.AddParties(r.Anchor.Parties()[5:], 1)
	return game, nil
}

func TestAPluginThatAcceptsMostPairsIsCalledInProportionToTheParties(t *testing.T) {
	for _, n := range []int{1_000, 10_000} {
		a := &agreeable{}
		p := matchmaking.NewPool(a)
		p.Add(solos(1, n)...)
		p.Full()
		if got, want := len(p.Started), n/10; got != want {
			t.Errorf("%d games of %d players, want %d", got, n, want)
		}
		if most := 5 * n / 4; a.calls > most {
			t.Errorf("%d calls for %d players, want at most %d", a.calls, n, most)
		}
	}
}
