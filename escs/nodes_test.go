package escs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// kept is a store that outlives the servers that use it.
type kept struct{ store.Driver }

func (kept) Close() error { return nil }

// node is one of several servers on one store.
type node struct {
	escs    *escs.Service
	parties *party.Service
}

func startNode(t *testing.T, name string, db store.Driver) *node {
	t.Helper()
	parties := &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{}}
	games := &gameinstance.Service{Plugin: &meadow{}, Parties: parties}
	queue := &matchmaking.Service{Plugin: &escs.ExternalMatchmakingFillPartyPlugin{}, Parties: parties, Games: games}
	n := &node{&escs.Service{Parties: parties, Queue: queue, Games: games, Transformer: noScores{}}, parties}
	games.Jobs = noResults(n.escs)
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	srv := &pragma.Server{
		Config: pragmatest.Config(t, "core: {nodeName: "+name+"}", "game: {serviceConfigs: {EscsConfig: {"+requiredKeys+"}}}"),
		Game:   []pragma.Service{parties, games, queue, n.escs},
		Store:  func(context.Context) (store.Driver, error) { return kept{db}, nil },
		Logger: slog.New(slog.DiscardHandler),
		Ready:  func(pragma.Addresses) { close(ready) },
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
	}
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("node %s: %v", name, err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("node %s: %v", name, err)
	}
	return n
}

// people is a set start of n teams of one.
func people(set string, n int) (start, []pragma.PlayerID) {
	st := start{set: set}
	var ids []pragma.PlayerID
	for range n {
		id := pragma.NewID[pragma.PlayerID]()
		ids = append(ids, id)
		st.teams = append(st.teams, []string{id.String()})
	}
	return st, ids
}

func TestHundredQueueCallsOnTwoNodesMakeOneParty(t *testing.T) { // acceptance 3
	for _, tt := range []struct {
		name    string
		players int
		faults  storetest.Faults
	}{
		{"ten calls of each of ten", 10, storetest.Faults{}},
		{"two calls of each of fifty", 50, storetest.Faults{}},
		{"a slow store that loses answers", 10, storetest.Faults{Seed: 3, Latency: time.Millisecond, UnknownAfter: 0.02, UnknownBefore: 0.02, Conflict: 0.05}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := storetest.Faulty(store.NewMemory(), storetest.Faults{Seed: 1})
			nodes := []*node{startNode(t, "a", db), startNode(t, "b", db)}
			st, ids := people("set1", tt.players)
			if err := nodes[0].escs.TakeStart(t.Context(), st.payload()); err != nil {
				t.Fatal(err)
			}
			db.Set(tt.faults)
			race(t, 100, func(i int) error {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				for {
					_, _, err := nodes[i%2].escs.QueueFor(ctx, ids[(i/2)%len(ids)], "")
					if !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrConflict) {
						return err
					}
				}
			})
			db.Set(storetest.Faults{})
			checkOneParty(t, nodes, "set1", ids)
		})
	}
}

// race makes n calls at the same time, which must succeed.
func race(t *testing.T, n int, call func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			if err := call(i); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	close(begin)
	wg.Wait()
}

// checkOneParty fails the test unless all players of a set are in one party with
// one leader.
func checkOneParty(t *testing.T, nodes []*node, set string, ids []pragma.PlayerID) {
	t.Helper()
	parties, leaders := map[pragma.PartyID]bool{}, 0
	for i, id := range ids {
		party, leader, err := nodes[i%2].escs.QueueFor(t.Context(), id, set)
		if err != nil {
			t.Fatal(err)
		}
		parties[party] = true
		if leader {
			leaders++
		}
	}
	alike(t, "parties", len(parties), 1)
	alike(t, "leaders", leaders, 1)
	state, queued, id, _, err := nodes[0].escs.StateOf(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	alike(t, "set", fmt.Sprint(state, queued), fmt.Sprint(escs.Complete, len(ids)))
	p, err := nodes[1].parties.Party(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	alike(t, "members", len(p.Players), len(ids))
}

func TestTheSameSetStartOnTwoNodesAtOnce(t *testing.T) {
	db := store.NewMemory()
	nodes := []*node{startNode(t, "a", db), startNode(t, "b", db)}
	st, ids := people("set1", 4)
	payload := st.payload()
	race(t, 50, func(i int) error { return nodes[i%2].escs.TakeStart(t.Context(), payload) })
	race(t, 8, func(i int) error {
		_, _, err := nodes[i%2].escs.QueueFor(t.Context(), ids[i/2], "")
		return err
	})
	checkOneParty(t, nodes, "set1", ids)
}

func TestPlayersWhoComeAndGoLeaveTheSetInAgreementWithItsParty(t *testing.T) {
	db := store.NewMemory()
	nodes := []*node{startNode(t, "a", db), startNode(t, "b", db)}
	st, ids := people("set1", 6)
	if err := nodes[0].escs.TakeStart(t.Context(), st.payload()); err != nil {
		t.Fatal(err)
	}
	race(t, 24, func(i int) error {
		n, id := nodes[i%2], ids[i%6]
		for range 5 {
			party, _, err := n.escs.QueueFor(t.Context(), id, "")
			if err != nil && !errors.Is(err, pragma.ErrUnavailable) {
				return err
			}
			_ = n.parties.RemovePlayer(t.Context(), party, id, "LEFT") // he may be gone, or the party
		}
		return nil
	})
	checkOneParty(t, nodes, "set1", ids)
}
