package rules_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// club lets parties say in which mode they play and how well.
type club struct{ party.Defaults }

type wish struct {
	Mode string  `json:"mode"`
	MMR  float64 `json:"mmr"`
}

func (club) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	r.Party.SetExt(r.RequestExt)
	return nil
}

func (club) BuildMatchmakingKey(_ context.Context, r *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
	w, err := ext.As[wish](r.Party.Ext())
	return ext.Of(m{"mode": w.Mode}), err
}

func (club) BuildExtMatchmakingPlayer(_ context.Context, r *party.BuildExtMatchmakingPlayerRequest) (ext.Value, error) {
	w, err := ext.As[wish](r.Party.Ext())
	return ext.Of(m{"mmr": w.MMR}), err
}

// hall lets games run without a server.
type hall struct{ gameinstance.Defaults }

func (hall) HandleBackendCreateByMatchmakingRequest(context.Context, *gameinstance.BackendCreateByMatchmakingRequest) error {
	return nil
}

// run starts a server whose configuration of the plugin is in a file, which
// write replaces.
func run(t *testing.T, config string, fn func(w *pragmatest.World, write func(config string))) {
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(config string) {
		text := "game: {serviceConfigs: {MatchmakingConfig: {matchmakingDelayMillis: 5000}}, pluginConfigs: {MatchmakingService.poolPlugin: {config: " + config + "}}}"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(config)
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		parties := &party.Service{Plugin: club{}}
		games := &gameinstance.Service{Plugin: hall{}, Parties: parties}
		queue := &matchmaking.Service{Pool: &rules.Plugin{}, Parties: parties, Games: games}
		return &pragma.Server{Config: cfg, Game: []pragma.Service{parties, games, queue}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) { fn(w, write) })
}

// enter lets a player wait alone.
func enter(w *pragmatest.World, name string, wants wish) *pragmatest.Peer {
	w.T.Helper()
	p := w.Peer(name)
	p.Call("PartyRpc.CreateV1", m{"createRequestExt": wants})
	p.Call("PartyRpc.SetReadyStateV1", m{"ready": true})
	p.Call("PartyRpc.EnterMatchmakingV1", nil)
	return p
}

// plays reports whether a player has been told of a game.
func plays(p *pragmatest.Peer) bool {
	for _, f := range p.Notes() {
		if f.Brief() == "AddedToGame" {
			return true
		}
	}
	return false
}

const duelsByRating = `{default: {numberOfTeams: 2, playersPerTeam: 1, rating: {member: mmr, window: {start: 10, growthPerSecond: 1, max: 100}}}}`

func TestPlayersMeetWhenTheirWindowsHaveGrown(t *testing.T) {
	run(t, duelsByRating, func(w *pragmatest.World, _ func(string)) {
		ann := enter(w, "ann", wish{MMR: 100})
		ben := enter(w, "ben", wish{MMR: 140})
		time.Sleep(25 * time.Second)
		if plays(ann) {
			t.Error("ann plays while the windows are too narrow")
		}
		time.Sleep(11 * time.Second)
		if !plays(ann) || !plays(ben) {
			t.Error("ann and ben do not play, their windows have grown")
		}
		cay, dan := enter(w, "cay", wish{MMR: 500}), enter(w, "dan", wish{MMR: 505})
		synctest.Wait()
		if !plays(cay) || !plays(dan) {
			t.Error("cay and dan do not play at once")
		}
	})
}

func TestNewRulesHoldForThoseWhoWait(t *testing.T) {
	run(t, duelsByRating, func(w *pragmatest.World, write func(string)) {
		ann := enter(w, "ann", wish{MMR: 100})
		ben := enter(w, "ben", wish{MMR: 900})
		write(`{default: {numberOfTeams: 0}}`) // logged; the good one stays
		time.Sleep(2 * time.Minute)
		if plays(ann) {
			t.Error("ann plays by rules that cannot be meant")
		}
		write(`{default: {numberOfTeams: 2, playersPerTeam: 1}}`)
		time.Sleep(20 * time.Second)
		if !plays(ann) || !plays(ben) {
			t.Error("ann and ben do not play, ratings count no more")
		}
	})
}

func TestQueuesHaveTheirOwnRules(t *testing.T) {
	run(t, `{default: {numberOfTeams: 2, playersPerTeam: 1}, queueMember: mode, queues: {alone: {numberOfTeams: 1, playersPerTeam: 1}}}`, func(w *pragmatest.World, _ func(string)) {
		ann, ben := enter(w, "ann", wish{Mode: "alone"}), enter(w, "ben", wish{})
		synctest.Wait()
		if !plays(ann) || plays(ben) {
			t.Error("want a game for ann, who plays alone, and none for ben")
		}
		w.Restart()
		cay := enter(w, "cay", wish{})
		synctest.Wait()
		if !plays(cay) {
			t.Error("cay does not meet ben, who waited through a restart")
		}
	})
}

// Parties come and go for some minutes. Whoever waits beyond the bound does so
// only while there are not enough others.
func TestNobodyStarvesWhileOthersComeAndGo(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			r := fiveOnFive()
			r.PlayersPerTeam, r.ServeOldestAfterSeconds = 3, 60
			r.Roles = rules.Roles{Member: "role", Limits: map[string]rules.Limit{"healer": {Max: 1}}}
			var waiting []*rules.Ticket
			for second := range 400 {
				now := start.Add(time.Duration(second) * time.Second)
				for _, tk := range crowd(rng, rng.IntN(4), func() int { return 1 + rng.IntN(3) }) {
					tk.EnteredAt = now
					tk.Players[0].Role = []string{"healer", "tank"}[rng.IntN(2)]
					waiting = append(waiting, tk)
				}
				if len(waiting) > 0 && rng.IntN(5) == 0 {
					i := rng.IntN(len(waiting))
					waiting = append(waiting[:i:i], waiting[i+1:]...)
				}
				gone := make(map[*rules.Ticket]bool)
				for _, g := range r.Match(waiting, rules.Options{Now: now}) {
					for _, tk := range g.Tickets {
						gone[tk] = true
					}
				}
				var left []*rules.Ticket
				for _, tk := range waiting {
					if !gone[tk] {
						left = append(left, tk)
					}
				}
				waiting = left
				if len(waiting) > 60 {
					t.Fatalf("second %d: %d parties wait", second, len(waiting))
				}
				for _, tk := range waiting {
					if waited := now.Sub(tk.EnteredAt); waited > 90*time.Second {
						t.Fatalf("second %d: a party of %d has waited %v among %s", second, len(tk.Players), waited, sizes(waiting))
					}
				}
			}
		})
	}
}

func sizes(tickets []*rules.Ticket) string {
	var all []string
	for _, tk := range tickets {
		all = append(all, fmt.Sprint(len(tk.Players)))
	}
	return strings.Join(all, " ")
}
