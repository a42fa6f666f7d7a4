package escs_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// agrees fails the test unless a set says of its party what the party is.
func (s *stage) agrees(step, set string, players []*pragmatest.Peer) {
	s.T.Helper()
	synctest.Wait()
	state, queued, id, leader, err := s.escs.StateOf(s.T.Context(), set)
	if err != nil {
		s.T.Fatal(err)
	}
	p, err := s.parties.Party(s.T.Context(), id)
	if id.IsZero() || errors.Is(err, party.ErrPartyNotFound) {
		p = &party.ReadOnlyParty{}
		if !id.IsZero() {
			s.T.Errorf("%s: %s has a party that is gone", step, set)
		}
	} else if err != nil {
		s.T.Fatal(err)
	}
	var want escs.State
	switch {
	case state == escs.Received || state == escs.InMatch || state == escs.Ended || state == escs.Expired:
		return
	case len(p.Players) < 2:
		want = escs.Queueing
	case p.InMatchmaking:
		want = escs.Matchmaking
	default:
		want = escs.Complete
	}
	if state != want || queued != len(p.Players) {
		s.T.Errorf("%s: %s is %s with %d queued, its party has %d and is in matchmaking %v", step, set, state, queued, len(p.Players), p.InMatchmaking)
	}
	for _, m := range p.Players {
		if m.Leader && m.PlayerID != leader {
			s.T.Errorf("%s: %s says that %s leads, the party %s", step, set, leader, m.PlayerID)
		}
		if !slices.ContainsFunc(players, func(p *pragmatest.Peer) bool { return p.ID == m.PlayerID }) {
			s.T.Errorf("%s: a stranger is in the party of %s", step, set)
		}
	}
}

// TestSetsAgreeWithTheirPartiesWhateverHappens lets players of three sets do
// anything in any order.
func TestSetsAgreeWithTheirPartiesWhateverHappens(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			onStage(t, props{config: "cleanInterval: 1", serve: seed%2 == 1}, func(s *stage) {
				r := rand.New(rand.NewPCG(seed, 1))
				players := []*pragmatest.Peer{s.Peer("robin"), s.Peer("marian"), s.Peer("tuck")}
				sets := map[string][]*pragmatest.Peer{
					"set0": {players[0], players[1]}, "set1": {players[1], players[2]}, "set2": {players[2], players[0]},
				}
				names := []string{"set0", "set1", "set2"}
				for _, set := range names {
					s.starts(duel(set, sets[set][0], sets[set][1]))
				}
				for n := range 150 {
					p, set := players[r.IntN(3)], names[r.IntN(3)]
					what := s.anything(r, players, p, set, sets[set])
					for _, set := range names {
						s.agrees(fmt.Sprintf("step %d, %s %s %s", n, p.Name, what, set), set, sets[set])
					}
					if t.Failed() {
						return
					}
				}
			})
		})
	}
}

// anything has a player do something, which may be refused.
func (s *stage) anything(r *rand.Rand, players []*pragmatest.Peer, p *pragmatest.Peer, set string, of []*pragmatest.Peer) string {
	s.T.Helper()
	actions := []struct {
		name string
		do   func()
	}{
		{"queues", func() { p.Try(queueCall, obj{"setId": set}) }},
		{"queues for any", func() { p.Try(queueCall, obj{}) }},
		{"queues for any", func() { p.Try(queueCall, obj{}) }},
		{"leaves", func() { p.Try("PartyRpc.LeaveV1", nil) }},
		{"is ready", func() { p.Try("PartyRpc.SetReadyStateV1", obj{"ready": true}) }},
		{"is ready", func() { p.Try("PartyRpc.SetReadyStateV1", obj{"ready": true}) }},
		{"enters", func() { p.Try("PartyRpc.EnterMatchmakingV1", nil) }},
		{"enters", func() { p.Try("PartyRpc.EnterMatchmakingV1", nil) }},
		{"leaves matchmaking", func() { p.Try("MatchmakingRpc.LeaveMatchmakingV2", nil) }},
		{"makes a party", func() { p.Try("PartyRpc.CreateV1", nil) }},
		{"kicks", func() { p.Try("PartyRpc.KickV1", obj{"playerId": of[r.IntN(2)].ID}) }},
		{"transfers", func() { p.Try("PartyRpc.AssignPartyLeaderV1", obj{"playerId": of[r.IntN(2)].ID}) }},
		{"starts again", func() { s.starts(duel(set, of[0], of[1])) }},
		{"comes back", func() { p.LogIn() }},
		{"is away", func() { p.Cut(); time.Sleep(61 * time.Second); p.LogIn() }},
		{"has his game ended by", func() { s.endAny(p) }},
		{"sees the server restart", func() { s.Kill(); s.Start(); s.partner, _ = s.PartnerTokens(); s.logInAll(players) }},
		{"waits", func() { time.Sleep(time.Duration(r.IntN(60)) * time.Second) }},
	}
	a := actions[r.IntN(len(actions))]
	a.do()
	return a.name
}

// endAny ends the game a player is in, if he is in one.
func (s *stage) endAny(p *pragmatest.Peer) {
	s.T.Helper()
	ids, err := s.games.InstancesOf(s.T.Context(), p.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	for _, id := range ids {
		if err := s.games.End(s.T.Context(), id, ext.Value{}, nil); err != nil {
			s.T.Fatal(err)
		}
	}
}

// logInAll connects players anew.
func (s *stage) logInAll(players []*pragmatest.Peer) {
	s.T.Helper()
	for _, p := range players {
		p.LogIn()
	}
}
