package rules_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// agreed are rules that bring different parties together at different times.
func agreed() rules.Config {
	return rules.Config{Default: rules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 2, MinPlayersPerTeam: 1, SmallerAfterSeconds: 100,
		Rating:                  rules.Rating{Member: "mmr", Window: rules.Window{Start: 20, GrowthPerSecond: 1, Max: 150}},
		ServeOldestAfterSeconds: 200,
	}}
}

const agreedYAML = `{default: {numberOfTeams: 2, playersPerTeam: 2, minPlayersPerTeam: 1, smallerAfterSeconds: 100, rating: {member: mmr, window: {start: 20, growthPerSecond: 1, max: 150}}, serveOldestAfterSeconds: 200}}`

// passes are made every 5 seconds in the servers of run.
func everyFiveSeconds() matchmaking.Config {
	return matchmaking.Config{MatchmakingDelayMillis: 5000, PassBudgetMillis: 500}
}

// group is players who enter together, and when.
type group struct {
	names []string
	mmr   float64
	after time.Duration
}

func groups(seed uint64, n int) (all []group) {
	rng := rand.New(rand.NewPCG(seed, 9))
	after := 137 * time.Millisecond // never at the moment of a pass
	for i := range n {
		g := group{mmr: float64(rng.IntN(600)), after: after}
		for j := range 1 + rng.IntN(2) {
			g.names = append(g.names, fmt.Sprintf("p%d-%d", i, j))
		}
		all = append(all, g)
		after += time.Duration(rng.IntN(6000))*time.Millisecond + 11*time.Millisecond
	}
	return all
}

// queueUp makes the party of a group and lets it wait.
func (g *group) queueUp(w *pragmatest.World) (peers []*pragmatest.Peer) {
	w.T.Helper()
	for _, name := range g.names {
		peers = append(peers, w.Peer(name))
	}
	shown := peers[0].Call("PartyRpc.CreateV1", m{"createRequestExt": wish{MMR: g.mmr}})["party"].(m)
	for _, p := range peers[1:] {
		p.Call("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": shown["inviteCode"]})
	}
	for _, p := range peers {
		p.Call("PartyRpc.SetReadyStateV1", m{"ready": true})
	}
	return peers
}

// played notes what games players have been told of, and in which second.
func played(began time.Time, peers map[string]*pragmatest.Peer, seen map[string]string) {
	for name, p := range peers {
		for _, f := range p.Notes() {
			if f.Brief() == "AddedToGame" {
				seen[name] = fmt.Sprintf("%03d %v", int(time.Since(began).Seconds()), f.Notification.Payload["gameInstanceId"])
			}
		}
	}
}

// games writes who played with whom, and when: "012 p0-0 p1-0".
func games(seen map[string]string) (all []string) {
	byGame := make(map[string][]string)
	for name, game := range seen {
		byGame[game] = append(byGame[game], name)
	}
	for game, names := range byGame {
		slices.Sort(names)
		second, _, _ := strings.Cut(game, " ")
		all = append(all, second+" "+strings.Join(names, " "))
	}
	slices.Sort(all)
	return all
}

// simulatedGames writes the games of a simulation in the same way.
func simulatedGames(t *testing.T, begin time.Time, d []simulate.Arrival, nameOf map[pragma.PlayerID]string, drain time.Duration) (all []string) {
	t.Helper()
	c := agreed()
	_, err := simulate.Run(t.Context(), simulate.Options{
		Pool: &rules.Plugin{Config: c}, Config: everyFiveSeconds(), Begin: begin, Drain: drain,
		OnMatch: func(m *simulate.Match) {
			var names []string
			for _, a := range m.Players {
				names = append(names, nameOf[a.Player.ID])
			}
			slices.Sort(names)
			all = append(all, fmt.Sprintf("%03d %s", int(m.At.Sub(begin).Seconds()), strings.Join(names, " ")))
		},
	}, d)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestASimulationMakesTheGamesOfARunningServer(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			list, seen := groups(seed, 30), make(map[string]string)
			var began time.Time
			run(t, agreedYAML, func(w *pragmatest.World, _ func(string)) {
				peers := make(map[string]*pragmatest.Peer)
				leaders := make([]*pragmatest.Peer, len(list))
				for i := range list {
					members := list[i].queueUp(w)
					leaders[i] = members[0]
					for _, p := range members {
						peers[p.Name] = p
					}
				}
				began = time.Now()
				next := 0
				for second := range 400 {
					for next < len(list) && list[next].after < time.Duration(second+1)*time.Second {
						time.Sleep(time.Until(began.Add(list[next].after)))
						leaders[next].Call("PartyRpc.EnterMatchmakingV1", nil)
						next++
					}
					time.Sleep(time.Until(began.Add(time.Duration(second+1)*time.Second - time.Nanosecond)))
					played(began, peers, seen)
				}
			})
			var arrivals []simulate.Arrival
			names := make(map[pragma.PlayerID]string)
			for i, g := range list {
				p := &matchmaking.Party{ID: pragma.PartyID{byte(i)}, TicketID: pragma.TicketID{byte(i)}, EnteredAt: began.Add(g.after)}
				for j, name := range g.names {
					id := pragma.PlayerID{byte(i), byte(j)}
					p.Players, names[id] = append(p.Players, &matchmaking.Player{ID: id, Ext: ext.Of(m{"mmr": g.mmr})}), name
				}
				arrivals = append(arrivals, simulate.Arrival{Party: p})
			}
			want := games(seen)
			got := simulatedGames(t, began, arrivals, names, 400*time.Second-list[len(list)-1].after)
			if diff := cmp.Diff(want, got); diff != "" || len(want) < 8 {
				t.Errorf("games of the server and of the simulation (-server +simulation):\n%s", diff)
			}
		})
	}
}

// gate is the plugin, shut at first: then nobody is matched.
type gate struct {
	*rules.Plugin
	open  atomic.Bool
	began atomic.Pointer[time.Time] // of the first pass since it is open
}

func (g *gate) Propose(ctx context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
	if !g.open.Load() {
		return nil, nil
	}
	g.began.CompareAndSwap(nil, &r.Now)
	return g.Plugin.Propose(ctx, r)
}

// A queue is dumped before its first pass. What the simulation makes of the dump is
// what the server makes of the queue.
func TestReplayOfADumpGivesTheGamesOfTheServer(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			list, seen := groups(seed+100, 25), make(map[string]string)
			shut := &gate{Plugin: &rules.Plugin{Config: agreed()}}
			build := func() *pragma.Server {
				parties := &party.Service{Plugin: club{}}
				games := &gameinstance.Service{Plugin: hall{}, Parties: parties}
				queue := &matchmaking.Service{Pool: shut, Parties: parties, Games: games}
				cfg := pragmatest.Config(t, "game: {serviceConfigs: {MatchmakingConfig: {matchmakingDelayMillis: 5000}}}")
				return &pragma.Server{Config: cfg, Game: []pragma.Service{parties, games, queue}}
			}
			pragmatest.Run(t, build, func(w *pragmatest.World) {
				peers, names := make(map[string]*pragmatest.Peer), make(map[pragma.PlayerID]string)
				for i := range list {
					members := list[i].queueUp(w)
					for _, p := range members {
						peers[p.Name], names[p.ID] = p, p.Name
					}
					members[0].Call("PartyRpc.EnterMatchmakingV1", nil)
					time.Sleep(time.Duration(i%4)*1700*time.Millisecond + 7*time.Millisecond)
				}
				d := dumpOf(w, time.Now())
				shut.open.Store(true)
				for shut.began.Load() == nil {
					time.Sleep(10 * time.Millisecond)
				}
				opened := *shut.began.Load()
				for second := range 300 {
					time.Sleep(time.Until(opened.Add(time.Duration(second+1)*time.Second - time.Nanosecond)))
					played(opened, peers, seen)
				}
				got := simulatedGames(w.T, opened, d.Arrivals(), names, 300*time.Second)
				if diff := cmp.Diff(games(seen), got); diff != "" || len(got) < 6 {
					w.T.Errorf("games of the server and of the dump (-server +dump):\n%s", diff)
				}
			})
		})
	}
}

// dumpOf asks the operator gateway for the one queue, and reads it as a file.
func dumpOf(w *pragmatest.World, now time.Time) *simulate.Dump {
	w.T.Helper()
	o := w.Operator(pragma.Game, pragma.RoleViewer)
	queue := o.Call("MatchmakingRpc.ListQueuesOperatorV1", m{})["queues"].([]any)[0].(m)["queueId"]
	page := o.Call("MatchmakingRpc.DumpQueueOperatorV1", m{"queueId": queue, "pageSize": 500})
	lines := []any{m{"format": "matchmaking-pool", "takenAt": now, "queueKey": page["matchmakingQueueKey"]}}
	for _, line := range page["tickets"].([]any) {
		t := line.(m)
		var micros int64
		if _, err := fmt.Sscan(t["enteredTimestampMicros"].(string), &micros); err != nil {
			w.T.Fatal(err)
		}
		t["enteredAt"] = time.UnixMicro(micros)
		for _, p := range t["players"].([]any) {
			delete(p.(m), "teamNumber")
		}
		lines = append(lines, t)
	}
	var text []byte
	for _, line := range lines {
		b, err := wire.Marshal(line)
		if err != nil {
			w.T.Fatal(err)
		}
		text = append(append(text, b...), '\n')
	}
	d, err := simulate.ReadDump(strings.NewReader(string(text)))
	if err != nil {
		w.T.Fatal(err)
	}
	synctest.Wait()
	return d
}
