package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// ledger is a store that knows every kind of record that was ever written.
type ledger struct {
	store.Driver
	mu    sync.Mutex
	kinds map[string]bool
}

func (l *ledger) Commit(ctx context.Context, b *store.Batch) error {
	l.mu.Lock()
	for _, put := range b.Puts {
		l.kinds[put.Key.Kind] = true
	}
	l.mu.Unlock()
	return l.Driver.Commit(ctx, b)
}

// counts returns how many records there are of each kind that has some.
func (l *ledger) counts(t *testing.T) map[string]int {
	t.Helper()
	l.mu.Lock()
	kinds := slices.Sorted(maps.Keys(l.kinds))
	l.mu.Unlock()
	all := make(map[string]int)
	for _, kind := range kinds {
		for _, err := range l.List(t.Context(), store.Query{Kind: kind}) {
			if err != nil {
				t.Fatal(err)
			}
			all[kind]++
		}
	}
	return all
}

// busyGames are games with players, data and a server.
type busyGames struct{ gameinstance.Defaults }

func (busyGames) HandleBackendCreateRequest(_ context.Context, r *gameinstance.BackendCreateRequest) error {
	for _, add := range r.PlayersToAdd {
		p, err := r.GameInstance.AddPlayer(add)
		if err != nil {
			return err
		}
		if err := p.Data().Create("score", ext.Of(m{"points": 0}), gameinstance.Public()); err != nil {
			return err
		}
	}
	for n := range 3 {
		if err := r.GameInstance.Data().Create(fmt.Sprint("entry ", n), ext.Of(m{"n": n}), gameinstance.Hidden()); err != nil {
			return err
		}
	}
	r.GameInstance.AllocateGameServer(ext.Value{})
	return nil
}

// season is a server on which very many games are played.
type season struct {
	*world
	plug    *plug
	records *ledger
	ended   *jobCount
	players []gameinstance.PlayerToAdd
	known   map[string]bool // servers that were started
	token   string          // of servers that came by themselves
}

type jobCount struct {
	mu sync.Mutex
	n  int
}

func (c *jobCount) OnGameInstanceEnded(context.Context, *gameinstance.GameInstanceEndedRequest) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return nil
}

// gamesAtOnce are the games of one round; each has two players.
const gamesAtOnce = 50

func runSeason(t *testing.T, fn func(t *testing.T, s *season)) {
	s := &season{
		world: &world{}, plug: &plug{}, ended: &jobCount{}, known: make(map[string]bool),
		records: &ledger{kinds: make(map[string]bool)},
	}
	for range 2 * gamesAtOnce {
		s.players = append(s.players, gameinstance.PlayerToAdd{PlayerID: pragma.NewID[pragma.PlayerID]()})
	}
	s.plug.selectPool = func(r *fleet.SelectServerPoolRequest) (fleet.ServerPool, error) {
		if r.GameServerVersion == "refused" {
			return fleet.ServerPool{}, errors.New("no such version")
		}
		return fleet.ServerPool{ServerPoolID: r.GameServerVersion}, nil
	}
	build := func() *pragma.Server {
		s.games = &gameinstance.Service{Plugin: busyGames{}, Jobs: []gameinstance.Job{
			{Name: "count", Run: s.ended}, {Name: "then", After: []string{"count"}, Run: s.ended},
		}}
		s.fleet = &fleet.Service{Plugin: s.plug, Games: s.games}
		s.games.Provider = s.fleet
		return &pragma.Server{Game: []pragma.Service{s.games, s.fleet}}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		s.World = pw
		pw.WrapStore(func(db store.Driver) store.Driver {
			s.records.Driver = db
			return s.records
		})
		pw.Restart()
		fn(pw.T, s)
	})
}

// open makes a game with two players of its own.
func (s *season) open(n int, version string) pragma.GameInstanceID {
	s.T.Helper()
	id, err := s.games.Create(s.T.Context(), &gameinstance.CreateOptions{
		GameServerVersion: version, PlayersToAdd: s.players[2*n : 2*n+2],
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return id
}

// begin links a game and connects its players.
func (p *peer) begin(id any) {
	p.w.T.Helper()
	start := p.Call("GameInstanceRpc.GetGameStartDataV1", m{"gameInstanceId": id})["gameStart"].(m)
	var details []m
	for _, player := range start["players"].([]any) {
		details = append(details, m{"playerId": player.(m)["playerId"]})
	}
	p.Call("GameInstanceRpc.ConnectPlayersV1", m{
		"gameInstanceId": id, "hostname": "play.example", "port": 7777, "playerConnectionDetails": details,
	})
}

// started runs every server that was started since, until it has had one game,
// which it plays to the end.
func (s *season) started() {
	s.T.Helper()
	for _, r := range s.plug.orders() {
		for _, a := range r.Allocations {
			if s.known[a.ServerID] || r.ServerPool.ServerPoolID != "played" {
				continue
			}
			s.known[a.ServerID] = true
			tokens, err := a.ClientTokens()
			if err != nil {
				s.T.Fatal(err)
			}
			p := s.serverWith(tokens.GameToken)
			for _, id := range p.polls(a.ServerID, "played", 1, 0) {
				p.begin(id)
				p.Call("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id})
			}
			p.Close()
		}
	}
}

// round plays games that come to every end there is, until all are over.
func (s *season) round() {
	s.T.Helper()
	ways := []string{"played", "played", "shared", "abandoned", "refused", "late", "taken", "deserted"}
	shared := s.serverWith(s.token)
	shared.polls("shared", "shared", gamesAtOnce, 0)
	for n := range gamesAtOnce {
		way := ways[n%len(ways)]
		id := s.open(n, way)
		synctest.Wait()
		switch way {
		case "abandoned":
			if err := s.games.End(s.T.Context(), id, ext.Value{}, nil); err != nil {
				s.T.Fatal(err)
			}
		case "shared":
			for _, id := range shared.polls("shared", way, gamesAtOnce, 0) {
				shared.begin(id)
				shared.Call("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id})
			}
		case "taken": // and then the server crashes
			shared.polls("taken-"+id.String(), way, 1, 0)
		case "deserted":
			for _, id := range shared.polls("deserted-"+id.String(), way, 1, 0) {
				shared.begin(id)
			}
		}
	}
	for range 5 {
		time.Sleep(2 * time.Second)
		s.started()
	}
	shared.Close()
	time.Sleep(5 * time.Minute)
}

func TestGamesThatAreOverLeaveNothing(t *testing.T) {
	rounds, after := 3, 4*time.Hour // of 50 games
	if os.Getenv("PRAGMA_LONG") != "" {
		rounds, after = 20, 25*time.Hour
	}
	runSeason(t, func(t *testing.T, s *season) {
		s.token, _ = s.PartnerTokens()
		s.round()
		time.Sleep(3 * time.Hour)
		before := s.records.counts(t)
		for range rounds - 1 {
			s.round()
		}
		time.Sleep(after)
		after := s.records.counts(t)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("after %d games there is something else in the store than after %d (-before +after):\n%s", rounds*gamesAtOnce, gamesAtOnce, diff)
		}
		for kind, n := range after {
			switch {
			case strings.HasPrefix(kind, "account"), kind == "partner-token": // the operator's
			case kind == "player" && n <= len(s.players): // where each is
			case kind == "fleet-pool": // those that games asked for
			default:
				t.Errorf("%d records of kind %s are left", n, kind)
			}
		}
		if got, want := s.ended.n, 2*rounds*gamesAtOnce; got != want {
			t.Errorf("%d jobs were done, want %d", got, want)
		}
	})
}
