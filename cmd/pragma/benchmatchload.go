package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// halfLoad is half of the entries a second that are aimed at.
const halfLoad = 2_500

// arrival is one player's way into a game.
type arrival struct {
	entered, told time.Time
	game          string
}

// comeAndGo has players enter at a steady rate and returns, for each game, how
// long it took from the call of the player who came last until all were told.
func comeAndGo(sockets []*rawSocket, perSecond int) ([]time.Duration, error) {
	begin := time.Now()
	arrivals, err := each(len(sockets), len(sockets), func(i int) (a arrival, err error) {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
		a.entered = time.Now()
		if err := sockets[i].call(enterMatchmaking, nil, nil); err != nil {
			return a, err
		}
		a.game, err = sockets[i].added()
		a.told = time.Now()
		return a, err
	})
	if err != nil {
		return nil, err
	}
	games := make(map[string]arrival)
	for _, a := range arrivals {
		all, begun := games[a.game]
		if begun && all.entered.After(a.entered) {
			a.entered = all.entered
		}
		if begun && all.told.After(a.told) {
			a.told = all.told
		}
		games[a.game] = a
	}
	var late []time.Duration
	for _, all := range games {
		late = append(late, all.told.Sub(all.entered))
	}
	return late, nil
}

// gameIn reads the id of the game out of what a player is told.
func gameIn(text []byte) (string, error) {
	_, rest, found := bytes.Cut(text, []byte(`"gameInstanceId":"`))
	id, _, ended := bytes.Cut(rest, []byte(`"`))
	if !found || !ended {
		return "", errors.New("a player is added to a game without id")
	}
	return string(id), nil
}

// ratedPlayers is how many take part in the passes that are measured.
var ratedPlayers = [...]int{1_000, 10_000, 100_000}

// passTimes measures the passes of plugins/rules over players nobody has looked
// at yet: 5 against 5 by rating and ping. It is time of one processor, so that
// others on the machine do not count.
func passTimes(ctx context.Context, stdout io.Writer) error {
	plugin := &rules.Plugin{Config: rules.Config{Default: rules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 5,
		Rating:     rules.Rating{Member: "rating", Default: 1500, Window: rules.Window{Start: 50, GrowthPerSecond: 5, Max: 400}},
		PingMillis: rules.Window{Start: 60, GrowthPerSecond: 2, Max: 200},
	}}}
	now := time.Now()
	for _, n := range ratedPlayers {
		view, err := matchmaking.NewView(ctx, plugin, matchmaking.QueueKey{}, ratedParties(n, now))
		if err != nil {
			return err
		}
		cpu := ownCPU()
		games, err := plugin.Propose(ctx, &matchmaking.ProposeRequest{View: view, Full: true, Now: now.Add(time.Minute)})
		if err != nil {
			return err
		}
		for _, err := range view.Check(games) {
			if err != nil {
				return err
			}
		}
		aim := ""
		if n == 10_000 {
			aim = " (aim 50 ms)"
		}
		fmt.Fprintf(stdout, "matchmaking, a pass over %s, all of them new, 5 v 5 by rating and ping: %s%s, %s\n",
			plural(n, "player"), millis(ownCPU()-cpu), aim, plural(len(games), "game"))
	}
	return nil
}

// ratedParties are players alone, with ratings, at home in one of four zones. They
// are the same ones each time.
func ratedParties(n int, now time.Time) []*matchmaking.Party {
	rng := rand.New(rand.NewPCG(1, 1))
	zones := []string{"asia", "eu", "us-east", "us-west"}
	parties := make([]*matchmaking.Party, n)
	for i := range parties {
		pings, home := make(map[string]int, len(zones)), rng.IntN(len(zones))
		for j, zone := range zones {
			if pings[zone] = 20 + rng.IntN(30); j != home {
				pings[zone] += 80
			}
		}
		parties[i] = &matchmaking.Party{
			ID: pragma.NewID[pragma.PartyID](), TicketID: pragma.NewID[pragma.TicketID](), EnteredAt: now.Add(time.Duration(i-n) * time.Millisecond),
			Players: []*matchmaking.Player{{
				ID: pragma.NewID[pragma.PlayerID](), GameServerZoneToPing: pings,
				Ext: ext.Of(map[string]float64{"rating": 1500 + 300*rng.NormFloat64()}),
			}},
		}
	}
	return parties
}
