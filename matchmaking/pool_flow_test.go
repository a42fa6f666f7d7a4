package matchmaking_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// pairs is a pool plugin that brings the two oldest together, again and again,
// unless propose says otherwise.
type pairs struct {
	matchmaking.PoolDefaults
	mu       sync.Mutex
	refuse   error
	describe int // calls
	propose  func(ctx context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error)
}

func (p *pairs) Describe(_ context.Context, r *matchmaking.DescribeRequest) (*matchmaking.Attributes, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.describe++
	return &matchmaking.Attributes{Numbers: map[string]float64{"size": float64(len(r.Party.Players))}}, p.refuse
}

func (p *pairs) Propose(ctx context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
	p.mu.Lock()
	propose := p.propose
	p.mu.Unlock()
	if propose != nil {
		return propose(ctx, r)
	}
	return pair(r.View.Parties()), nil
}

func (p *pairs) set(fn func(p *pairs)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn(p)
}

func pair(parties []*matchmaking.Party) (proposals []matchmaking.Proposal) {
	for two := range slices.Chunk(parties, 2) {
		if len(two) == 2 {
			game := new(matchmaking.NewGameInstance)
			game.AddParties(two[:1], 0)
			game.AddParties(two[1:], 1)
			proposals = append(proposals, matchmaking.Proposal{New: game, Quality: 1})
		}
	}
	return proposals
}

func TestAPoolPluginStartsAGameAsSoonAsTheLastOneIsThere(t *testing.T) {
	run(t, setup{pool: &pairs{}, config: "game: {serviceConfigs: {MatchmakingConfig: {matchmakingDelayMillis: 3600000}}}"}, func(w *world) {
		w.queued("a", "ann")
		w.queued("b", "cay") // in another queue
		synctest.Wait()
		w.queued("a", "ben")
		synctest.Wait()
		if got := w.arena.calls(); got != 1 {
			t.Errorf("%d games, want 1 without waiting for a timer", got)
		}
	})
}

func TestAPartyThatThePoolPluginRefusesDoesNotEnter(t *testing.T) {
	run(t, setup{pool: &pairs{refuse: errors.New("go away")}}, func(w *world) {
		ann := w.player("ann")
		w.party("a", ann)
		ann.refused("PartyRpc.EnterMatchmakingV1", "PartyService_FailedToEnterMatchmaking")
		if n, _ := w.queue.Index(); n != 0 {
			t.Errorf("%d parties wait, want 0", n)
		}
	})
}

func TestAPoolPluginDescribesAgainAfterARestart(t *testing.T) {
	p := &pairs{}
	db, err := store.Memory()(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run(t, setup{pool: p, store: keep(db)}, func(w *world) {
		ann := w.queued("a", "ann")[0]
		w.Restart()
		if p.describe != 2 {
			t.Errorf("Describe was called %d times, want 2", p.describe)
		}
		p.set(func(p *pairs) { p.refuse = errors.New("go away") })
		w.Restart()
		ann.Cut()
		ann.Connect()
		synctest.Wait()
		if n, _ := w.queue.Index(); n != 0 {
			t.Errorf("%d parties wait, want 0: the plugin does not want them any more", n)
		}
		ann.refused("MatchmakingRpc.GetMatchmakingInfoV2", "MatchmakingService_InfoNotAvailable")
	})
}

func TestAPoolPluginThatFailsCostsNobodyHisPlace(t *testing.T) {
	for _, c := range []struct {
		name    string
		propose func(ctx context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error)
	}{
		{"an error", func(context.Context, *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
			return nil, errors.New("bad mood")
		}},
		{"a panic", func(context.Context, *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) { panic("bad mood") }},
		{"hanging", func(ctx context.Context, _ *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
			time.Sleep(20 * time.Second)
			return nil, nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &pairs{}
			p.propose = func(ctx context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
				if len(r.View.Parties()[0].Players) > 1 { // only the queue of the pair
					return c.propose(ctx, r)
				}
				return pair(r.View.Parties()), nil
			}
			run(t, setup{pool: p}, func(w *world) {
				ann, ben := w.player("ann"), w.player("ben")
				w.party("a", ann, ben)
				ann.enter()
				time.Sleep(5 * time.Second)
				ann.told()
				w.queued("b", "cay", "dan")
				time.Sleep(time.Second)
				if got := w.arena.calls(); got != 1 {
					t.Errorf("%d games in the other queue, want 1", got)
				}
				if got := ann.told(); len(got) != 0 {
					t.Errorf("ann was told %q, want nothing", got)
				}
				p.set(func(p *pairs) { p.propose = nil })
				w.queued("a", "eve")
				time.Sleep(30 * time.Second)
				if got := w.arena.calls(); got != 2 {
					t.Errorf("%d games, want 2 after the plugin is well again", got)
				}
			})
		})
	}
}

func TestBadProposalsAreRefusedAndTheOthersTaken(t *testing.T) {
	p := &pairs{}
	p.propose = func(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
		all := r.View.Parties()
		if len(all) < 4 {
			return nil, nil
		}
		stranger := new(matchmaking.NewGameInstance)
		stranger.AddParties([]*matchmaking.Party{newParty(1, 1)}, 0)
		good := pair(all[:2])
		return slices.Concat([]matchmaking.Proposal{{}, {New: stranger}, {New: new(matchmaking.NewGameInstance)}}, good, good, pair(all[1:3]), pair(all[2:])), nil
	}
	run(t, setup{pool: p}, func(w *world) {
		w.queued("a", "ann", "ben", "cay", "dan")
		time.Sleep(time.Second)
		if got := w.arena.calls(); got != 2 {
			t.Errorf("%d games, want 2", got)
		}
		if n, _ := w.queue.Index(); n != 0 {
			t.Errorf("%d parties wait, want 0", n)
		}
	})
}

func TestAPoolPluginFillsRunningGames(t *testing.T) {
	p := &pairs{}
	p.propose = func(_ context.Context, r *matchmaking.ProposeRequest) (proposals []matchmaking.Proposal, _ error) {
		for i, g := range r.View.Games() {
			if all := r.View.Parties(); i < len(all) && r.View.MayJoin(g, all[i]) {
				u := new(matchmaking.GameInstanceUpdate)
				u.AddParties(all[i:i+1], 1)
				proposals = append(proposals, matchmaking.Proposal{Game: g, Update: u})
			}
		}
		if all := r.View.Parties(); len(proposals) == 0 && len(all) >= 2 {
			game := new(matchmaking.NewGameInstance)
			game.AddParties(all[:2], 0)
			game.ContinueMatchmaking(r.QueueKey)
			proposals = append(proposals, matchmaking.Proposal{New: game})
		}
		return proposals, nil
	}
	run(t, setup{pool: p}, func(w *world) {
		w.queued("a", "ann", "ben")
		time.Sleep(time.Second)
		cay := w.player("cay")
		w.party("a", cay)
		cay.enter()
		time.Sleep(time.Second)
		if got := strings.Join(cay.told(), " "); !strings.Contains(got, "AddedToGame") {
			t.Errorf("cay was told %q, want AddedToGame", got)
		}
		if got := w.arena.calls(); got != 1 {
			t.Errorf("%d games, want 1", got)
		}
	})
}

func TestAServiceWithBothPluginsDoesNotStart(t *testing.T) {
	parties, games := &party.Service{}, &gameinstance.Service{}
	srv := &pragma.Server{Game: []pragma.Service{parties, games, &matchmaking.Service{
		Plugin: matchmaking.Defaults{}, Pool: matchmaking.PoolDefaults{}, Parties: parties, Games: games,
	}}}
	err := srv.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "both a Plugin and a Pool") {
		t.Errorf("Run() = %v, want an error about two plugins", err)
	}
}

// moodyPairs brings anybody together with anybody, and often goes wrong.
func moodyPairs(rng *rand.Rand) *pairs {
	p := &pairs{}
	var mu sync.Mutex
	p.propose = func(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
		mu.Lock()
		defer mu.Unlock()
		all := slices.Clone(r.View.Parties())
		switch rng.IntN(8) {
		case 0:
			return nil, errors.New("bad mood")
		case 1:
			panic("very bad mood")
		case 2:
			return nil, nil
		case 3:
			rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			return slices.Concat(pair(all), pair(all)), nil
		case 4:
			split := new(matchmaking.NewGameInstance)
			split.SetTeamByPlayers(all[0].Players[:1], 0)
			return []matchmaking.Proposal{{New: split}}, nil
		}
		return pair(all), nil
	}
	return p
}
