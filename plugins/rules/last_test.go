package rules_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// turnstile lets parties into the queue that nobody connects for.
type turnstile struct {
	queue *matchmaking.Service
	gates *entity.Kind[struct{ N int }]
}

func (g *turnstile) Name() string { return "TurnstileRpc" }

func (g *turnstile) Mount(m *pragma.Mount) error {
	g.gates = entity.Of(m, "turnstile", entity.Options[struct{ N int }]{})
	return nil
}

func (g *turnstile) enter(ctx context.Context, mmr float64) error {
	e := &party.QueueEntry{TicketID: pragma.NewID[pragma.TicketID](), PartyID: pragma.NewID[pragma.PartyID]()}
	e.Key = ext.Of(m{"mode": "ranked"})
	e.Players = []party.QueuePlayer{{PlayerID: pragma.NewID[pragma.PlayerID](), Ext: ext.Of(m{"mmr": mmr}), GameServerZoneToPing: map[string]int{"eu": 20}}}
	return g.gates.Upsert(ctx, e.PartyID.String(), func(tx *entity.Tx, s *struct{ N int }) error {
		s.N++
		return g.queue.Enter(tx, e)
	})
}

// Ten thousand wait in groups that all lack one. Whoever completes a group plays
// before any time has passed, also at the edge of the window.
func TestTheLastOneNeededAmongTenThousandWaitsForNoTimer(t *testing.T) {
	g := &turnstile{}
	build := func() *pragma.Server {
		cfg, err := pragma.ParseConfig(`
game:
  serviceConfigs: {MatchmakingConfig: {matchmakingDelayMillis: 3600000}}
  pluginConfigs:
    MatchmakingService.poolPlugin:
      config:
        default:
          numberOfTeams: 2
          playersPerTeam: 5
          rating: {member: mmr, window: {start: 300, growthPerSecond: 1, max: 320}}
          pingMillis: {start: 60, max: 60}
`)
		if err != nil {
			t.Fatal(err)
		}
		parties := &party.Service{Plugin: club{}}
		games := &gameinstance.Service{Plugin: hall{}, Parties: parties}
		g.queue = &matchmaking.Service{Pool: &rules.Plugin{}, Parties: parties, Games: games}
		return &pragma.Server{Config: cfg, Game: []pragma.Service{parties, games, g.queue, g}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		for i := range 10_000 {
			if err := g.enter(w.T.Context(), float64(i/9*400)); err != nil {
				t.Fatal(err)
			}
		}
		const middle = 2_000_000 // further than all of those
		var all []*pragmatest.Peer
		for i := range 9 {
			all = append(all, enter(w, fmt.Sprint("early", i), wish{Mode: "ranked", MMR: middle + float64(30*i)}))
		}
		time.Sleep(time.Minute)
		for i, p := range all {
			if plays(p) {
				t.Fatalf("player %d plays in a game of nine", i)
			}
		}
		before := time.Now()
		all = append(all, enter(w, "last", wish{Mode: "ranked", MMR: middle + 300}))
		synctest.Wait()
		for i, p := range all {
			if !plays(p) {
				t.Errorf("player %d does not play, with the last one needed there", i)
			}
		}
		if passed := time.Since(before); passed != 0 {
			t.Errorf("the last one needed has waited %v", passed)
		}
	})
}
