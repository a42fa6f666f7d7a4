package escs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// deaf is a listener to which nobody comes.
type deaf struct {
	closed chan struct{}
	once   sync.Once
}

func (d *deaf) Accept() (net.Conn, error) { <-d.closed; return nil, net.ErrClosed }
func (d *deaf) Close() error              { d.once.Do(func() { close(d.closed) }); return nil }
func (d *deaf) Addr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }

// shared is a store that several servers use.
type shared struct{ store.Driver }

func (shared) Close() error { return nil }

// secondNode starts another server on the store of the arena, and returns it with
// how to stop it.
func (a *arena) secondNode(o resultOptions, db store.Driver) (*arena, func()) {
	a.t.Helper()
	b := &arena{t: a.t, World: a.World, platform: a.platform}
	srv := b.server(o)
	srv.Config = pragmatest.Config(a.t, section(a.platform.URL, oldSecret, o.config), "core: {nodeName: node-2}")
	srv.Store = func(context.Context) (store.Driver, error) { return shared{db}, nil }
	srv.Logger = a.Server().Logger
	srv.Listen = func(context.Context, pragma.Gateway, string) (net.Listener, error) {
		return &deaf{closed: make(chan struct{})}, nil
	}
	ready := make(chan struct{})
	srv.Ready = func(pragma.Addresses) { close(ready) }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		a.t.Fatalf("second node: %v", err)
	}
	return b, func() {
		cancel()
		if err := <-done; err != nil {
			a.t.Errorf("second node: %v", err)
		}
	}
}

func TestTwoNodesNeverSendTheSameResults(t *testing.T) {
	for range 5 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := &witness{bodies: make(map[string]string)}
			o := resultOptions{transport: w.around, transformer: escs.TransformerOf(kills)}
			inArena(t, o, func(a *arena) {
				a.WrapStore(func(d store.Driver) store.Driver { w.db = d; return d })
				a.Restart()
				_, stop := a.secondNode(o, w.db)
				defer stop()
				var bouts []*bout
				for n := range 10 {
					b := a.begin(cup(fmt.Sprint("set-", n), 3*time.Hour))
					for range r.IntN(5) {
						f := mishap(r)
						for f.Status >= 400 && f.Status < 408 || f.Status > 408 && f.Status < 429 || f.Name == "200 with error NO" {
							f = mishap(r)
						}
						a.platform.Script(f)
					}
					a.end(b, float64(n), 1)
					bouts = append(bouts, b)
					time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				}
				time.Sleep(5 * time.Minute)
				for _, b := range bouts {
					a.is(b, "RESULTS_SENT, SENT")
				}
				equal(t, "results", len(a.taken()), 10)
				equal(t, "sins", w.sins, []string(nil))
				a.clean()
			})
		})
	}
}

func TestAnotherNodeTakesOver(t *testing.T) {
	w := &witness{bodies: make(map[string]string)}
	o := resultOptions{transport: w.around, transformer: escs.TransformerOf(kills)}
	inArena(t, o, func(a *arena) {
		a.WrapStore(func(d store.Driver) store.Driver { w.db = d; return d })
		a.Restart()
		other, stop := a.secondNode(o, w.db)
		defer stop()
		a.platform.Script(escstest.LateAnswer(4 * time.Second))
		b := a.set("final")
		a.end(b, 3, 5)
		time.Sleep(time.Second)
		a.Kill() // and it does not come back
		time.Sleep(5 * time.Second)
		equal(t, "requests while the claim lasts", a.received(), 1)
		time.Sleep(15 * time.Second)
		row, err := other.escs.Row(a.t.Context(), "final", "round-final")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "row", string(row.State), "SENT")
		equal(t, "requests", a.received(), 2)
		equal(t, "results", len(a.taken()), 1)
		a.Start()
		synced := slices.Clone(a.platform.Requests())
		time.Sleep(time.Minute)
		equal(t, "requests after the first node is back", a.received(), len(synced))
		equal(t, "sins", w.sins, []string(nil))
	})
}

// TestEachNodeLearnsOfASecretByItself has one node with the former secret and one
// with the new one.
func TestEachNodeLearnsOfASecretByItself(t *testing.T) {
	o := resultOptions{transformer: escs.TransformerOf(kills), reloads: true}
	inArena(t, o, func(a *arena) {
		var db store.Driver
		a.WrapStore(func(d store.Driver) store.Driver { db = d; return d })
		a.Restart()
		_, stop := a.secondNode(o, db) // it never gets another configuration
		defer stop()
		a.platform.Rotate(newSecret)
		var bouts []*bout
		for n := range 6 {
			b := a.set(fmt.Sprint("set-", n))
			a.end(b, 3, 5)
			bouts = append(bouts, b)
		}
		time.Sleep(time.Minute)
		if n := a.received(); n > 2 {
			t.Errorf("%d requests with a secret that is not wanted, want one of each node at most", n)
		}
		for range 5 { // until the one with the new secret was faster each time
			a.reconfigure(newSecret, fmt.Sprintf("maxPlayersPerSet: %d", 100+a.received()))
			time.Sleep(time.Minute)
		}
		for _, b := range bouts {
			a.is(b, "RESULTS_SENT, SENT")
		}
		a.clean()
	})
}

// TestAJobSeesWhatAnotherNodeHasNoted has the results job run on a node that knew
// the set before it had a game.
func TestAJobSeesWhatAnotherNodeHasNoted(t *testing.T) {
	o := resultOptions{transformer: escs.TransformerOf(kills)}
	inArena(t, o, func(a *arena) {
		var db store.Driver
		a.WrapStore(func(d store.Driver) store.Driver { db = d; return d })
		a.Restart()
		other, stop := a.secondNode(o, db)
		defer stop()
		b := a.set("final")
		if err := a.escs.Relink(a.t.Context(), "final", pragma.NewID[pragma.GameInstanceID]()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.escs.SetState(a.t.Context(), "final"); err != nil { // and it is in the cache
			t.Fatal(err)
		}
		if err := other.escs.Relink(a.t.Context(), "final", b.game); err != nil {
			t.Fatal(err)
		}
		r := &gameinstance.GameInstanceEndedRequest{GameInstanceID: b.game, EndedAt: time.Now(), Reason: gameinstance.GameEnded, Players: []gameinstance.EndedPlayer{
			{PlayerID: b.players[0], Result: &b.report(3)[0]},
		}}
		if err := a.escs.ResultsJob().Run.OnGameInstanceEnded(a.t.Context(), r); err != nil {
			t.Fatal(err)
		}
		equal(t, "taken", a.taken(), []string{"final 3"})
	})
}
