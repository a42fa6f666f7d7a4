package matchmaking_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

type m = map[string]any

// world is a server with parties, a queue, and games that need no server.
type world struct {
	*pragmatest.World
	parties *party.Service
	games   *gameinstance.Service
	queue   *matchmaking.Service
	arena   *arena
}

// setup says how a test wants its server.
type setup struct {
	plugin matchmaking.Plugin
	pool   matchmaking.PoolPlugin // instead
	compat party.CompatibilityPlugin
	config string       // YAML
	file   string       // of configuration, which the test may write
	store  store.Opener // nil: that of pragmatest
	board  gameinstance.MatchmakingPlugin
}

func run(t *testing.T, o setup, fn func(w *world)) {
	t.Helper()
	w := &world{arena: &arena{}}
	build := func() *pragma.Server {
		w.parties = &party.Service{Plugin: lobby{}, Compatibility: o.compat}
		w.games = &gameinstance.Service{Plugin: w.arena, Parties: w.parties, Matchmaking: o.board}
		w.queue = &matchmaking.Service{Plugin: o.plugin, Pool: o.pool, Parties: w.parties, Games: w.games}
		srv := &pragma.Server{Game: []pragma.Service{w.parties, w.games, w.queue}, Store: o.store}
		if o.file != "" {
			cfg, err := pragma.LoadConfig(o.file)
			if err != nil {
				t.Fatal(err)
			}
			srv.Config = cfg
		} else if o.config != "" {
			cfg, err := pragma.ParseConfig(o.config)
			if err != nil {
				t.Fatal(err)
			}
			srv.Config = cfg
		}
		return srv
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(w)
	})
}

// lobby puts parties into the queue that their creator names.
type lobby struct{ party.Defaults }

func (lobby) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	r.Party.SetExt(r.RequestExt)
	return nil
}

func (lobby) BuildMatchmakingKey(_ context.Context, r *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
	return r.Party.Ext(), nil
}

func (lobby) BuildExtMatchmakingParty(_ context.Context, r *party.BuildExtMatchmakingPartyRequest) (ext.Value, error) {
	return ext.Of(m{"size": r.Party.PlayerCount()}), nil
}

// arena lets games run without a server until a player leaves.
type arena struct {
	gameinstance.Defaults
	mu      sync.Mutex
	refuse  error
	created []*gameinstance.BackendCreateByMatchmakingRequest
	add     func(r *gameinstance.BackendAddPlayersRequest) error // nil: the default
	make    func(r *gameinstance.BackendCreateByMatchmakingRequest) error
}

func (a *arena) HandleBackendCreateByMatchmakingRequest(_ context.Context, r *gameinstance.BackendCreateByMatchmakingRequest) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.created = append(a.created, r)
	if a.make != nil {
		return errors.Join(a.refuse, a.make(r))
	}
	return a.refuse
}

func (a *arena) HandlePlayerLeaveRequest(_ context.Context, r *gameinstance.PlayerLeaveRequest) error {
	exts := make(map[pragma.PlayerID]ext.Value)
	for _, p := range r.GameInstance.Players() {
		exts[p.ID()] = ext.Value{}
	}
	r.GameInstance.End(exts)
	return nil
}

func (a *arena) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.created)
}

func (a *arena) setRefuse(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = err
}

// player is a connected player.
type player struct {
	*pragmatest.Peer
	w    *world
	name string
	id   pragma.PlayerID

	partner string // the token of one who is a game server
}

func (w *world) player(name string) *player {
	w.T.Helper()
	p := w.Peer(name)
	return &player{Peer: p, w: w, name: name, id: p.ID}
}

// do makes a call that must succeed.
func (p *player) do(call string, payload m) m { p.w.T.Helper(); return p.Call(call, payload) }

// refused makes a call that must be refused.
func (p *player) refused(call string, want string) {
	p.w.T.Helper()
	got, frame := p.Try(call, nil)
	if frame == nil {
		p.w.T.Errorf("%s: %s: answered %v, want %s", p.name, call, got, want)
	} else if frame.ServiceError.Error != want {
		p.w.T.Errorf("%s: %s: refused with %v, want %s", p.name, call, frame, want)
	}
}

// party puts players into one party that wants to queue under a key, makes
// everybody ready and forgets what they were told.
func (w *world) party(key string, players ...*player) {
	w.T.Helper()
	shown := players[0].do("PartyRpc.CreateV1", m{"createRequestExt": m{"key": key}})["party"].(m)
	for _, p := range players[1:] {
		p.do("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": shown["inviteCode"]})
	}
	for _, p := range players {
		p.do("PartyRpc.SetReadyStateV1", m{"ready": true})
	}
	for _, p := range players {
		p.told()
	}
}

// enter takes the player's party into matchmaking.
func (p *player) enter() {
	p.w.T.Helper()
	p.do("PartyRpc.EnterMatchmakingV1", nil)
}

// queued lets new players wait alone, and forgets what they were told.
func (w *world) queued(key string, names ...string) []*player {
	w.T.Helper()
	var all []*player
	for _, name := range names {
		p := w.player(name)
		w.party(key, p)
		p.enter()
		p.told()
		all = append(all, p)
	}
	return all
}

// told returns, briefly, the notifications a player has got since he last
// looked.
func (p *player) told() []string {
	var all []string
	for _, f := range p.Notes() {
		if f.Brief() == "MatchmakingFailure" {
			all = append(all, "MatchmakingFailure "+f.Notification.Payload["reason"].(string))
			continue
		}
		all = append(all, f.Brief())
	}
	return all
}

// info is the one queue in an answer to GetMatchmakingInfo.
func (p *player) info() (parties, players, matchables float64) {
	p.w.T.Helper()
	queues := p.do("MatchmakingRpc.GetMatchmakingInfoV2", nil)["queueInfo"].([]any)
	if len(queues) != 1 {
		p.w.T.Fatalf("%d queues, want 1", len(queues))
	}
	q := queues[0].(m)
	return q["partiesInQueue"].(float64), q["playersInQueue"].(float64), q["matchablesInQueue"].(float64)
}

// keep returns an opener of a store that outlives its servers.
func keep(db store.Driver) store.Opener {
	return func(context.Context) (store.Driver, error) { return kept{db}, nil }
}

type kept struct{ store.Driver }

func (kept) Close() error { return nil }
