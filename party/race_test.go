package party_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// consistent fails the test unless slots and parties agree and every party
// keeps its rules.
func (w *world) consistent(step string, players []pragma.PlayerID, parties ...pragma.PartyID) {
	w.T.Helper()
	ctx := w.T.Context()
	for _, id := range players {
		where, err := w.queue.slots.Read(ctx, id)
		if err != nil {
			w.T.Fatal(err)
		}
		if !where.PartyID.IsZero() && !slices.Contains(parties, where.PartyID) {
			parties = append(parties, where.PartyID)
		}
	}
	for _, id := range parties {
		p, err := w.parties.Party(ctx, id)
		if errors.Is(err, party.ErrPartyNotFound) {
			p = &party.ReadOnlyParty{PartyID: id}
		} else if err != nil {
			w.T.Fatal(err)
		} else if len(p.Players) == 0 {
			w.T.Errorf("%s: party %s has no members", step, id)
		}
		w.checkParty(step, p, players)
	}
}

func (w *world) checkParty(step string, p *party.ReadOnlyParty, players []pragma.PlayerID) {
	w.T.Helper()
	led := len(p.Players) == 0
	var members []pragma.PlayerID
	for _, m := range p.Players {
		led = led || m.Leader
		if slices.Contains(members, m.PlayerID) {
			w.T.Errorf("%s: %s is twice in party %s", step, m.PlayerID, p.PartyID)
		}
		members = append(members, m.PlayerID)
	}
	if !led {
		w.T.Errorf("%s: nobody leads party %s", step, p.PartyID)
	}
	if !p.DisableMaxPlayerCount && len(members) > p.MaxPlayerCount {
		w.T.Errorf("%s: party %s has %d members of %d", step, p.PartyID, len(members), p.MaxPlayerCount)
	}
	for _, id := range players {
		where, err := w.queue.slots.Read(w.T.Context(), id)
		if err != nil {
			w.T.Fatal(err)
		}
		if in := slices.Contains(members, id); in != (where.PartyID == p.PartyID) {
			w.T.Errorf("%s: member of party %s: %v, but the slot of %s says %s", step, p.PartyID, in, id, where.PartyID)
		} else if in && p.InMatchmaking == where.TicketID.IsZero() {
			w.T.Errorf("%s: party %s in matchmaking: %v, but the slot of %s has ticket %s", step, p.PartyID, p.InMatchmaking, id, where.TicketID)
		}
	}
}

// stranger is the name of players without an account.
var stranger = pragma.DisplayName{DisplayName: "stranger", Discriminator: "0001"}

func newPlayers(n int) []pragma.PlayerID {
	all := make([]pragma.PlayerID, n)
	for i := range all {
		all[i] = pragma.NewID[pragma.PlayerID]()
	}
	return all
}

func TestOfTwoHundredJoinsOneGetsTheLastPlace(t *testing.T) {
	run(t, options{}, func(w *world) {
		all := w.players("a", "b", "c")
		s := w.together(all...)
		racers := newPlayers(200)
		results := make([]error, len(racers))
		var wg sync.WaitGroup
		for i, id := range racers {
			wg.Go(func() {
				results[i] = w.parties.AddPlayer(w.T.Context(), s.partyID(), party.PlayerToAdd{PlayerID: id, DisplayName: stranger})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, party.ErrFull):
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d players got the last place, want 1", won)
		}
		w.consistent("joins", append(racers, all[0].id, all[1].id, all[2].id))
	})
}

func TestAPlayerWhoJoinsTwentyPartiesAtOnceIsInOne(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin := newPlayers(1)[0]
		hosts := make([]*player, 20)
		ids := make([]pragma.PartyID, 20)
		for i := range hosts {
			hosts[i] = w.player(fmt.Sprint("host", i))
			ids[i] = hosts[i].create().partyID()
		}
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				err := w.parties.AddPlayer(w.T.Context(), id, party.PlayerToAdd{PlayerID: robin, DisplayName: stranger})
				if err != nil && !errors.Is(err, pragma.ErrUnavailable) { // overtaken too often
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.consistent("joins", []pragma.PlayerID{robin}, ids...)
		if got, err := w.parties.PartyOf(w.T.Context(), robin); err != nil || got.IsZero() {
			t.Errorf("PartyOf = %v, %v, want one of twenty", got, err)
		}
	})
}

// both sends two calls of two players at the same moment and returns how they
// were refused.
func both(a *player, callA string, payloadA m, b *player, callB string, payloadB m) (refusedA, refusedB string) {
	a.w.faults(true)
	defer a.w.faults(false)
	var wg sync.WaitGroup
	wg.Go(func() { _, refusedA = a.try(callA, payloadA) })
	wg.Go(func() { _, refusedB = b.try(callB, payloadB) })
	wg.Wait()
	return refusedA, refusedB
}

// A crossing is two calls at the same moment, by two of three players of whom
// robin leads marian and both are ready.
type crossing struct {
	name  string
	cross func(w *world, robin, marian, will *player) (string, string)
	want  []string // the pairs of refusals that may be
}

func crossings() []crossing {
	const gone = "PartyService_NotInParty"
	return []crossing{
		{"kick and leave", func(_ *world, robin, marian, _ *player) (string, string) {
			return both(robin, "PartyRpc.KickV1", m{"playerId": marian.id}, marian, "PartyRpc.LeaveV1", nil)
		}, []string{" " + gone, "PartyService_PlayerNotFound "}},
		{"two leave", func(_ *world, robin, marian, _ *player) (string, string) {
			return both(robin, "PartyRpc.LeaveV1", nil, marian, "PartyRpc.LeaveV1", nil)
		}, []string{" "}},
		{"the leader leaves, the party enters", func(_ *world, robin, marian, _ *player) (string, string) {
			robin.party("PartyRpc.AssignPartyLeaderV1", m{"playerId": marian.id})
			return both(robin, "PartyRpc.LeaveV1", nil, marian, "PartyRpc.EnterMatchmakingV1", nil)
		}, []string{" "}},
		{"accept and cancel", func(_ *world, robin, _, will *player) (string, string) {
			id := robin.invite(will)
			return both(robin, "PartyRpc.CancelInviteV1", m{"inviteId": id}, will, "PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": true})
		}, []string{" PartyService_InviteNotFound", "PartyService_InviteNotFound "}},
		{"enter and join", func(w *world, robin, marian, will *player) (string, string) {
			p, err := w.parties.PartyOf(w.T.Context(), robin.id)
			if err != nil {
				w.T.Fatal(err)
			}
			return both(robin, "PartyRpc.EnterMatchmakingV1", nil, will, "PartyRpc.JoinWithPartyIdV1", m{"partyId": p})
		}, []string{" PartyService_PlayerInMatchmaking", "PartyService_PlayersNotReady "}},
		{"the leader is taken out while he enters", func(w *world, robin, _, _ *player) (entered, removed string) {
			id, err := w.parties.PartyOf(w.T.Context(), robin.id)
			if err != nil {
				w.T.Fatal(err)
			}
			w.faults(true)
			defer w.faults(false)
			var wg sync.WaitGroup
			wg.Go(func() { _, entered = robin.try("PartyRpc.EnterMatchmakingV1", nil) })
			wg.Go(func() {
				if err := w.parties.RemovePlayer(w.T.Context(), id, robin.id, party.Left); err != nil {
					removed = err.Error()
				}
			})
			wg.Wait()
			return entered, removed
		}, []string{" ", gone + " "}},
		{"leave matchmaking and kick", func(_ *world, robin, marian, _ *player) (string, string) {
			robin.party("PartyRpc.EnterMatchmakingV1", nil)
			return both(robin, "PartyRpc.KickV1", m{"playerId": marian.id}, marian, "MatchmakingRpc.LeaveMatchmakingV2", nil)
		}, []string{" ", " " + gone}},
		{"accept and the leader closes", func(_ *world, robin, marian, will *player) (string, string) {
			marian.do("PartyRpc.LeaveV1", nil)
			id := robin.invite(will)
			return both(robin, "PartyRpc.LeaveV1", nil, will, "PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": true})
		}, []string{" ", " PartyService_InviteNotFound"}},
	}
}

func TestCallsThatCrossEachOther(t *testing.T) {
	for _, tt := range crossings() {
		t.Run(tt.name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
				for range 10 {
					time.Sleep(2 * time.Second) // for the limit of calls
					w.together(robin, marian)
					w.ready(robin, marian)
					a, b := tt.cross(w, robin, marian, will)
					if got := a + " " + b; !slices.Contains(tt.want, got) {
						t.Errorf("refused with %q, want one of %q", got, tt.want)
					}
					w.consistent(tt.name, []pragma.PlayerID{robin.id, marian.id, will.id})
					for _, p := range []*player{robin, marian, will} {
						p.try("PartyRpc.LeaveV1", nil)
					}
				}
			})
		})
	}
}

func TestCallsThatCrossEachOtherKeepTheRulesOnABadStore(t *testing.T) {
	faults := 0
	for _, tt := range crossings() {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{faulty: storetest.Faulty(store.NewMemory(), storetest.Faults{Seed: 11})}
			runOn(t, w, w.faulty, func() {
				robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
				ids := []pragma.PlayerID{robin.id, marian.id, will.id}
				for range 15 {
					time.Sleep(2 * time.Second) // for the limit of calls
					w.together(robin, marian)
					w.ready(robin, marian)
					tt.cross(w, robin, marian, will) // what is refused is up to chance
					w.consistent(tt.name, ids)
					for _, p := range []*player{robin, marian, will} {
						p.try("PartyRpc.LeaveV1", nil)
					}
				}
				faults += w.faulty.Injected(storetest.Conflict) + w.faulty.Injected(storetest.UnknownAfter)
			})
		})
	}
	if faults == 0 {
		t.Error("no fault was injected")
	}
}

func TestManyJoinsKeepTheRulesOnABadStore(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &world{faulty: storetest.Faulty(store.NewMemory(), storetest.Faults{Seed: seed})}
			runOn(t, w, w.faulty, func() {
				var ids []pragma.PartyID
				for i := range 20 {
					ids = append(ids, w.player(fmt.Sprint("host", i)).create().partyID())
				}
				racers := newPlayers(200)
				join := func(id pragma.PartyID, who pragma.PlayerID) {
					_ = w.parties.AddPlayer(w.T.Context(), id, party.PlayerToAdd{PlayerID: who, DisplayName: stranger})
				}
				w.faults(true)
				var wg sync.WaitGroup
				for _, who := range racers { // for the last places of one party
					wg.Go(func() { join(ids[0], who) })
				}
				for _, id := range ids { // one player, into all at once
					wg.Go(func() { join(id, racers[0]) })
				}
				wg.Wait()
				w.faults(false)
				w.consistent("joins", racers, ids...)
			})
		})
	}
}

// storm does random things to a few parties from many goroutines.
func (w *world) storm(seed uint64, players []pragma.PlayerID, parties []pragma.PartyID, rounds int) (tolerated int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	ctx := w.T.Context()
	for g := range 8 {
		rng := rand.New(rand.NewPCG(seed, uint64(g)))
		wg.Go(func() {
			for range rounds {
				player, id := players[rng.IntN(len(players))], parties[rng.IntN(len(parties))]
				var err error
				switch rng.IntN(6) {
				case 0, 1, 2:
					err = w.parties.AddPlayer(ctx, id, party.PlayerToAdd{PlayerID: player, DisplayName: stranger})
				case 3:
					err = w.parties.RemovePlayer(ctx, id, player, party.Left)
				case 4:
					err = w.parties.Update(ctx, id, ext.Value{})
				case 5:
					err = w.parties.LeaveMatchmaking(ctx, player)
				}
				if _, typed := errors.AsType[*pragma.Error](err); err != nil && !typed {
					if !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.Canceled) {
						w.T.Error(err)
					}
					mu.Lock()
					tolerated++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return tolerated
}

func TestNothingBreaksWhenTheStoreDoes(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &world{}
			faulty := storetest.Faulty(store.NewMemory(), storetest.Faults{Seed: seed})
			runOn(t, w, faulty, func() {
				var ids []pragma.PartyID
				for i := range 5 {
					ids = append(ids, w.player(fmt.Sprint("host", i)).create().partyID())
				}
				racers := newPlayers(8)
				faulty.Set(storetest.Faults{Conflict: 0.1, UnknownBefore: 0.05, UnknownAfter: 0.05, Unavailable: 0.05, Read: 0.01})
				w.storm(seed, racers, ids, 60)
				faulty.Set(storetest.Faults{})
				w.consistent("storm", racers, ids...)
				if faulty.Injected(storetest.Conflict) == 0 {
					t.Error("no conflict was injected")
				}
			})
		})
	}
}

func TestNothingIsLostWhenTheProcessDies(t *testing.T) {
	run(t, options{}, func(w *world) {
		hosts := w.players("h0", "h1", "h2")
		var ids []pragma.PartyID
		for _, h := range hosts {
			ids = append(ids, h.create().partyID())
		}
		racers := newPlayers(6)
		for round := range 5 {
			w.storm(uint64(round), racers, ids, 10)
			before := w.rollCall(ids)
			w.Kill()
			w.Start()
			if after := w.rollCall(ids); after != before {
				t.Errorf("round %d: after the restart\n%s\nwant\n%s", round, after, before)
			}
			w.consistent(fmt.Sprint("round ", round), racers, ids...)
		}
	})
}

// rollCall is everything that matters of some parties, as text.
func (w *world) rollCall(ids []pragma.PartyID) string {
	w.T.Helper()
	var lines []string
	for _, id := range ids {
		p, err := w.parties.Party(w.T.Context(), id)
		if err != nil {
			lines = append(lines, err.Error())
			continue
		}
		line := fmt.Sprintf("%s v%d", id, p.Version)
		for _, m := range p.Players {
			line += fmt.Sprintf(" %s %v", m.PlayerID, m.Leader)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestAHookCannotStartAnotherUpdate(t *testing.T) {
	plugin := &nested{}
	run(t, options{plugin: plugin}, func(w *world) {
		plugin.parties = w.parties
		robin := w.player("robin")
		robin.create()
		robin.refused("PartyRpc.UpdatePartyV1", nil, "UNKNOWN_ERROR")
		robin.refused("PartyRpc.KickV1", m{"playerId": pragma.NewID[pragma.PlayerID]()}, "PartyService_PlayerNotFound") // no lock is held
	})
}

type nested struct {
	party.Defaults
	parties *party.Service
}

func (n *nested) UpdateParty(ctx context.Context, r *party.UpdatePartyRequest) error {
	return n.parties.Update(ctx, r.Party.ID(), ext.Value{})
}
