package fleet_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

type m = map[string]any

// plug is a fleet plugin that remembers what it is asked, and answers as the
// test says.
type plug struct {
	fleet.Defaults
	selectPool func(r *fleet.SelectServerPoolRequest) (fleet.ServerPool, error)
	byID       func(id string) (fleet.ServerPool, error)
	answer     func(attempt int) error

	mu    sync.Mutex
	inits int
	added []*fleet.AddRequest
}

func (p *plug) Init(_ context.Context, r *fleet.InitRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Client != nil && r.Client.Timeout > 0 {
		p.inits++
	}
	return nil
}

func (p *plug) SelectServerPool(ctx context.Context, r *fleet.SelectServerPoolRequest) (fleet.ServerPool, error) {
	if p.selectPool != nil {
		return p.selectPool(r)
	}
	return p.Defaults.SelectServerPool(ctx, r)
}

func (p *plug) GetServerPoolByID(ctx context.Context, r *fleet.GetServerPoolByIDRequest) (fleet.ServerPool, error) {
	if p.byID != nil {
		return p.byID(r.ServerPoolID)
	}
	return p.Defaults.GetServerPoolByID(ctx, r)
}

func (p *plug) Add(_ context.Context, r *fleet.AddRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.added = append(p.added, r)
	if p.answer != nil {
		return p.answer(len(p.added))
	}
	return nil
}

// orders returns the calls of Add so far.
func (p *plug) orders() []*fleet.AddRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.added)
}

// servers returns the ids of all servers that were to be started, each once.
func (p *plug) servers() []string {
	var ids []string
	for _, r := range p.orders() {
		for _, a := range r.Allocations {
			if !slices.Contains(ids, a.ServerID) {
				ids = append(ids, a.ServerID)
			}
		}
	}
	return ids
}

// arena ends the games of tests in the ways that plugins do.
type arena struct{ gameinstance.Defaults }

// world is a server with games, and servers that poll.
type world struct {
	*pragmatest.World
	games *gameinstance.Service
	fleet *fleet.Service
	db    store.Driver
}

// options say how a test wants its server.
type options struct {
	plugin fleet.Plugin
	config string // of FleetServiceConfig, in YAML's flow style
	games  string // of GameInstanceServiceConfig
	faulty func(store.Driver) store.Driver
}

func run(t *testing.T, o options, fn func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{}
	build := func() *pragma.Server {
		w.games = &gameinstance.Service{Plugin: arena{}}
		w.fleet = &fleet.Service{Plugin: o.plugin, Games: w.games}
		w.games.Provider = w.fleet
		srv := &pragma.Server{Game: []pragma.Service{w.games, w.fleet}}
		if o.config+o.games != "" {
			srv.Config = pragmatest.Config(t, "game: {serviceConfigs: {FleetServiceConfig: {"+o.config+"}, GameInstanceServiceConfig: {"+o.games+"}}}")
		}
		if o.faulty != nil {
			srv.Store = func(context.Context) (store.Driver, error) {
				if w.db == nil {
					w.db = o.faulty(store.NewMemory())
				}
				return w.db, nil
			}
		}
		return srv
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

// game makes a game that asks for a server.
func (w *world) game(version, zone string) pragma.GameInstanceID {
	w.T.Helper()
	id, err := w.games.Create(w.T.Context(), &gameinstance.CreateOptions{GameServerVersion: version, GameServerZone: zone})
	if err != nil {
		w.T.Fatal(err)
	}
	synctest.Wait()
	return id
}

// ids makes texts of ids, as a server hears them.
func ids(list ...pragma.GameInstanceID) []any {
	out := []any{}
	for _, id := range list {
		out = append(out, id.String())
	}
	return out
}

// state returns the state of a game, or why there is none.
func (w *world) state(id pragma.GameInstanceID) gameinstance.State {
	w.T.Helper()
	var s gameinstance.State
	err := w.games.Read(w.T.Context(), id, func(i *gameinstance.Instance) error {
		s = i.State()
		return nil
	})
	if err != nil {
		return gameinstance.State(err.Error())
	}
	return s
}

// partner is the gateway of game servers.
var partner = pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}

// peer is a game server on the wire.
type peer struct {
	*pragmatest.Raw
	w *world
}

// server is a game server with an operator's token.
func (w *world) server() *peer {
	w.T.Helper()
	token, _ := w.PartnerTokens()
	return w.serverWith(token)
}

func (w *world) serverWith(token string) *peer {
	w.T.Helper()
	return &peer{w.Raw(partner, token), w}
}

// try makes a call and returns its payload, or the reason of its refusal.
func (p *peer) try(call string, payload m) (m, string) {
	p.w.T.Helper()
	p.Request(call, payload)
	for {
		switch f := p.Read(); {
		case f.Response != nil:
			synctest.Wait()
			return f.Response.Payload, ""
		case f.ServiceError != nil:
			return nil, f.ServiceError.Error + f.ServiceError.ExtError
		}
	}
}

// refused makes a call that must be refused.
func (p *peer) refused(call string, payload m, want string) {
	p.w.T.Helper()
	if _, got := p.try(call, payload); got != want {
		p.w.T.Errorf("%s %v: refused with %q, want %q", call, payload, got, want)
	}
}

// polls reports in the newer way and returns the games it is to start.
func (p *peer) polls(server, pool string, total, used int) []any {
	p.w.T.Helper()
	return p.gets("FleetRpc.ReportCapacityV1", m{"serverId": server, "serverPoolId": pool, "totalCapacity": total, "usedCapacity": used})
}

// pollsOld reports in the older way.
func (p *peer) pollsOld(server, version, zone string, total, used int) []any {
	p.w.T.Helper()
	return p.gets("MatchCapacityRpc.ReportCapacityV2", m{
		"serverId": server, "gameVersion": version, "gameServerZone": zone, "totalCapacity": total, "usedCapacity": used,
	})
}

func (p *peer) gets(call string, payload m) []any {
	p.w.T.Helper()
	got, refused := p.try(call, payload)
	if refused != "" {
		p.w.T.Fatalf("%s %v: %s", call, payload, refused)
	}
	list, ok := got["gameInstanceIds"].([]any)
	if !ok {
		p.w.T.Fatalf("%s: no list of games in %v", call, got)
	}
	return list
}

// reaches reports whether a game token opens the partner gateway.
func (w *world) reaches(token string) bool {
	w.T.Helper()
	url := "http://" + w.Address(partner) + "/v1/rpc"
	body := `{"requestId":1,"type":"PartnerSessionRpc.HeartbeatPartnerV1Request","payload":{}}`
	r, err := http.NewRequestWithContext(w.T.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := w.HTTP().Do(r)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
