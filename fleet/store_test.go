package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// commits returns how often the records of servers were written.
func commits(t *testing.T, w *world) int {
	t.Helper()
	_, n := w.fleet.Count(t.Context(), "fleet-server")
	return n
}

func TestWaitingGameSurvivesAnyEndOfTheServer(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"restart": func(w *world) { w.Restart() },
		"kill":    func(w *world) { w.Kill(); w.Start() },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				id := w.game("", "")
				end(w)
				if diff := cmp.Diff(ids(id), w.server().polls("s", "", 1, 0)); diff != "" {
					t.Errorf("games after the end (-want +got):\n%s", diff)
				}
				end(w)
				if got := w.server().polls("t", "", 1, 0); len(got) != 0 {
					t.Errorf("handed out a second time: %v", got)
				}
				if got := w.server().polls("s", "", 1, 0); len(got) != 0 {
					t.Errorf("a server with one place is given a second game: %v", got)
				}
			})
		})
	}
}

func TestServersAreNotGoneBecauseTheBackendWas(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.server().polls("s", "", 1, 0)
		w.Stop()
		time.Sleep(time.Hour)
		w.Start()
		p := w.server()
		for range 20 {
			p.polls("s", "", 1, 0)
			time.Sleep(time.Second)
		}
		if n := len(w.Logs()); n == 0 || strings.Contains(w.Logs(), "game server is gone") {
			t.Error("the server is called gone")
		}
	})
}

// model checks what reports hand out, as the servers and an operator see it.
type model struct {
	t     *testing.T
	fleet func() *fleet.Service
	games func() *gameinstance.Service

	mu       sync.Mutex
	waiting  []pragma.GameInstanceID // nobody has been given them, as far as known
	handed   map[pragma.GameInstanceID]string
	canceled map[pragma.GameInstanceID]bool
	made     int
	unknown  int // reports with an unknown outcome
}

func newModel(t *testing.T, f *fleet.Service, g *gameinstance.Service) *model {
	return &model{
		t: t, fleet: func() *fleet.Service { return f }, games: func() *gameinstance.Service { return g },
		handed: make(map[pragma.GameInstanceID]string), canceled: make(map[pragma.GameInstanceID]bool),
	}
}

func (o *model) make() {
	id, err := o.games().Create(o.t.Context(), &gameinstance.CreateOptions{})
	if err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.made++
	o.waiting = append(o.waiting, id)
}

// cancel ends a game that may still wait.
func (o *model) cancel(rng *rand.Rand) {
	o.mu.Lock()
	var id pragma.GameInstanceID
	if len(o.waiting) > 0 {
		id = o.waiting[rng.IntN(len(o.waiting))]
	}
	o.mu.Unlock()
	if id.IsZero() || o.games().End(o.t.Context(), id, ext.Value{}, nil) != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.canceled[id] = true
}

// serve is a game server with some places: it reports, plays and ends games.
func (o *model) serve(ctx context.Context, name string, total int, rng *rand.Rand) {
	who := &pragma.PartnerSession{PartnerID: pragma.NewID[pragma.PartnerID]()}
	var running []pragma.GameInstanceID
	for ctx.Err() == nil {
		running = append(running, o.poll(ctx, who, name, total, len(running))...)
		if len(running) > total {
			o.t.Errorf("server %s has %d games and %d places", name, len(running), total)
		}
		if n := len(running); n > 0 && rng.IntN(3) == 0 {
			at := rng.IntN(n)
			if err := o.games().End(ctx, running[at], ext.Value{}, nil); err == nil {
				running = slices.Delete(running, at, at+1)
			}
		}
		time.Sleep(time.Duration(rng.IntN(40)+1) * time.Millisecond)
	}
}

func (o *model) poll(ctx context.Context, who *pragma.PartnerSession, name string, total, used int) []pragma.GameInstanceID {
	o.mu.Lock()
	before := make(map[pragma.GameInstanceID]bool)
	for id := range o.canceled {
		before[id] = true
	}
	o.mu.Unlock()
	got, _, err := o.fleet().Report(ctx, who, name, "", total, used)
	o.mu.Lock()
	defer o.mu.Unlock()
	if errors.Is(err, store.ErrUnknown) { // it may have been given games
		o.unknown++
	}
	for _, id := range got {
		if other, twice := o.handed[id]; twice {
			o.t.Errorf("game %s is handed out to %s and to %s", id, other, name)
		}
		if before[id] {
			o.t.Errorf("game %s is handed out to %s after it was cancelled", id, name)
		}
		o.handed[id] = name
		o.waiting = slices.DeleteFunc(o.waiting, func(w pragma.GameInstanceID) bool { return w == id })
	}
	return got
}

func TestGamesAreHandedOutOnceWhateverTheStoreDoes(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			var db *storetest.FaultyDriver
			faulty := func(d store.Driver) store.Driver {
				db = storetest.Faulty(d, storetest.Faults{Seed: seed})
				return db
			}
			run(t, options{faulty: faulty}, func(t *testing.T, w *world) {
				o := newModel(t, w.fleet, w.games)
				db.Set(storetest.Faults{
					Conflict: 0.1, UnknownBefore: 0.02, UnknownAfter: 0.03, Unavailable: 0.05, Read: 0.02,
					Latency: 5 * time.Millisecond,
				})
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for n := range 5 {
					rng := rand.New(rand.NewPCG(seed, uint64(n)))
					wg.Go(func() { o.serve(ctx, fmt.Sprint("server ", n), 1+n%3, rng) })
				}
				rng := rand.New(rand.NewPCG(seed, 99))
				for range 120 {
					o.make()
					if rng.IntN(4) == 0 {
						o.cancel(rng)
					}
					time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
				}
				db.Set(storetest.Faults{})
				time.Sleep(20 * time.Second)
				stop()
				wg.Wait()
				o.check(w)
			})
		})
	}
}

func TestGameOfAFailedReportGoesToTheNext(t *testing.T) {
	var db *storetest.FaultyDriver
	faulty := func(d store.Driver) store.Driver {
		db = storetest.Faulty(d, storetest.Faults{})
		return db
	}
	run(t, options{faulty: faulty}, func(t *testing.T, w *world) {
		id := w.game("", "")
		who := &pragma.PartnerSession{PartnerID: pragma.NewID[pragma.PartnerID]()}
		for _, fault := range []storetest.Fault{storetest.Unavailable, storetest.Full, storetest.UnknownBefore} {
			db.Set(storetest.Faults{Unavailable: p(fault == storetest.Unavailable), Full: p(fault == storetest.Full), UnknownBefore: p(fault == storetest.UnknownBefore)})
			if got, _, err := w.fleet.Report(t.Context(), who, "s", "", 1, 0); err == nil {
				t.Errorf("fault %v: report gets %v", fault, got)
			}
		}
		db.Set(storetest.Faults{})
		got, _, err := w.fleet.Report(t.Context(), who, "s", "", 1, 0)
		if err != nil || len(got) != 1 || got[0] != id {
			t.Errorf("report after the faults gets %v, %v", got, err)
		}
	})
}

func p(always bool) float64 {
	if always {
		return 1
	}
	return 0
}

// check looks whether everything that waited was handed out, except what was
// lost with an answer.
func (o *model) check(w *world) {
	o.t.Helper()
	lost := 0
	for _, id := range o.waiting {
		if !o.canceled[id] {
			lost++
		}
	}
	if lost > 3*o.unknown || len(o.handed) < o.made/2 {
		o.t.Errorf("%d of %d games were handed out, %d cancelled, %d lost with %d reports", len(o.handed), o.made, len(o.canceled), lost, o.unknown)
	}
	time.Sleep(2 * time.Minute)
	if n, _ := w.fleet.Count(o.t.Context(), "fleet-waiting"); n != 0 {
		o.t.Errorf("%d records of waiting games are left", n)
	}
}

// kept is a store that outlives the servers that use it.
type kept struct{ store.Driver }

func (kept) Close() error { return nil }

// node starts a server of its own on a store.
func node(t testing.TB, name string, db store.Driver) (*fleet.Service, *gameinstance.Service) {
	t.Helper()
	return nodeWith(t, name, db, nil, "")
}

// nodeWith is node with a plugin and a configuration of the fleet.
func nodeWith(t testing.TB, name string, db store.Driver, plugin fleet.Plugin, config string) (*fleet.Service, *gameinstance.Service) {
	t.Helper()
	games := &gameinstance.Service{}
	servers := &fleet.Service{Plugin: plugin, Games: games}
	games.Provider = servers
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	srv := &pragma.Server{
		Config: pragmatest.Config(t, "core: {nodeName: "+name+"}", "game: {serviceConfigs: {FleetServiceConfig: {"+config+"}}}"),
		Game:   []pragma.Service{games, servers},
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
	<-ready
	return servers, games
}

func TestTwoNodesHandEachGameOutOnce(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	one, games := node(t, "a", db)
	two, _ := node(t, "b", db)
	o := newModel(t, one, games)
	const all = 60
	for range all {
		o.make()
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var wg sync.WaitGroup
	for n := range 8 {
		servers := []*fleet.Service{one, two}[n%2]
		side := &sideOf{model: o, fleet: servers}
		wg.Go(func() { side.take(ctx, fmt.Sprint("server ", n), all) })
	}
	wg.Wait()
	if len(o.handed) != all {
		t.Errorf("%d of %d games were handed out", len(o.handed), all)
	}
	for _, servers := range []*fleet.Service{one, two} { // also those that the other node handed out
		for ctx.Err() == nil && servers.Waiting() > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if n := servers.Waiting(); n != 0 {
			t.Errorf("a node believes that %d games wait", n)
		}
	}
}

// sideOf is the model as the servers of one node see it.
type sideOf struct {
	*model
	fleet *fleet.Service
}

// take reports until all games are handed out: each time as a new server with one
// place.
func (s *sideOf) take(ctx context.Context, name string, all int) {
	who := &pragma.PartnerSession{PartnerID: pragma.NewID[pragma.PartnerID]()}
	for n := 0; ctx.Err() == nil; n++ {
		got, _, err := s.fleet.Report(ctx, who, fmt.Sprint(name, "-", n), "", 1, 0)
		s.mu.Lock()
		for _, id := range got {
			if other, twice := s.handed[id]; twice {
				s.t.Errorf("game %s is handed out to %s and to %s", id, other, name)
			}
			s.handed[id] = name
		}
		done := len(s.handed) == all
		s.mu.Unlock()
		if done || err != nil && ctx.Err() != nil {
			return
		}
		if len(got) == 0 {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func TestSameServerOnTwoNodesIsNotGivenMoreThanItHasRoomFor(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	one, games := node(t, "a", db)
	two, _ := node(t, "b", db)
	o := newModel(t, one, games)
	for range 20 {
		o.make()
	}
	time.Sleep(1500 * time.Millisecond) // until both nodes know
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for _, servers := range []*fleet.Service{one, two, one, two} {
		wg.Go(func() {
			who := &pragma.PartnerSession{PartnerID: pragma.NewID[pragma.PartnerID]()}
			for range 5 {
				got, _, _ := servers.Report(t.Context(), who, "s", "", 3, 0)
				mu.Lock()
				total += len(got)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if total != 3 {
		t.Errorf("a server with 3 places that says nothing runs was given %d games", total)
	}
}

func TestNodeLearnsWhatAnotherOneHandsOut(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	one, games := node(t, "a", db)
	two, _ := node(t, "b", db)
	newModel(t, one, games).make()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	waits := func(want int, servers ...*fleet.Service) {
		t.Helper()
		for _, s := range servers {
			for s.Waiting() != want && ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
			if n := s.Waiting(); n != want {
				t.Errorf("a node believes that %d games wait, want %d", n, want)
			}
		}
	}
	waits(1, one, two)
	who := &pragma.PartnerSession{PartnerID: pragma.NewID[pragma.PartnerID]()}
	if got, _, err := two.Report(ctx, who, "s", "", 1, 0); len(got) != 1 || err != nil {
		t.Errorf("report gets %v, %v", got, err)
	}
	waits(0, one, two)
}
