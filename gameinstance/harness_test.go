package gameinstance_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/slot"
)

type m = map[string]any

// plug is a plugin whose hooks a test sets one by one; the others are the
// defaults.
type plug struct {
	gameinstance.Defaults
	matched     func(r *gameinstance.BackendCreateByMatchmakingRequest) error
	create      func(r *gameinstance.BackendCreateRequest) error
	playerMakes func(r *gameinstance.PlayerCreateRequest) error
	join        func(r *gameinstance.PlayerJoinRequest) error
	leave       func(r *gameinstance.PlayerLeaveRequest) error
	remove      func(r *gameinstance.BackendRemovePlayersRequest) error
	update      func(r *gameinstance.BackendUpdateRequest) error
	playerEdits func(r *gameinstance.PlayerUpdateRequest) error
	end         func(r *gameinstance.EndGameRequest) error
	start       func(r *gameinstance.BuildExtGameStartRequest) (ext.Value, error)
	added       func(r *gameinstance.BuildExtAddedToGameRequest) (ext.Value, error)
	server      func(r *gameinstance.BuildExtGameServerPlayerRequest) (ext.Value, error)
	noServer    func(r *gameinstance.GameServerAllocationFailedRequest) error
	noInitial   func(r *gameinstance.GameServerFailedToConnectInitialPlayersRequest) error
	noMore      func(r *gameinstance.GameServerFailedToConnectMorePlayersRequest) error
	gone        func(r *gameinstance.GameServerDisconnectedRequest) error
	expired     func(r *gameinstance.GameInstanceExpiredRequest) error
	unlink      func(r *gameinstance.GameServerUnlinkRequest) error
}

func (p *plug) HandleBackendCreateByMatchmakingRequest(ctx context.Context, r *gameinstance.BackendCreateByMatchmakingRequest) error {
	return or(ctx, p.matched, p.Defaults.HandleBackendCreateByMatchmakingRequest, r)
}
func (p *plug) HandleBackendCreateRequest(ctx context.Context, r *gameinstance.BackendCreateRequest) error {
	return or(ctx, p.create, p.Defaults.HandleBackendCreateRequest, r)
}
func (p *plug) HandlePlayerCreateRequest(ctx context.Context, r *gameinstance.PlayerCreateRequest) error {
	return or(ctx, p.playerMakes, p.Defaults.HandlePlayerCreateRequest, r)
}
func (p *plug) HandlePlayerJoinRequest(ctx context.Context, r *gameinstance.PlayerJoinRequest) error {
	return or(ctx, p.join, p.Defaults.HandlePlayerJoinRequest, r)
}
func (p *plug) HandlePlayerLeaveRequest(ctx context.Context, r *gameinstance.PlayerLeaveRequest) error {
	return or(ctx, p.leave, p.Defaults.HandlePlayerLeaveRequest, r)
}
func (p *plug) HandleBackendRemovePlayersRequest(ctx context.Context, r *gameinstance.BackendRemovePlayersRequest) error {
	return or(ctx, p.remove, p.Defaults.HandleBackendRemovePlayersRequest, r)
}
func (p *plug) HandleBackendUpdateRequest(ctx context.Context, r *gameinstance.BackendUpdateRequest) error {
	return or(ctx, p.update, p.Defaults.HandleBackendUpdateRequest, r)
}
func (p *plug) HandlePlayerUpdateRequest(ctx context.Context, r *gameinstance.PlayerUpdateRequest) error {
	return or(ctx, p.playerEdits, p.Defaults.HandlePlayerUpdateRequest, r)
}
func (p *plug) OnEndGame(ctx context.Context, r *gameinstance.EndGameRequest) error {
	return or(ctx, p.end, p.Defaults.OnEndGame, r)
}
func (p *plug) BuildExtGameStart(ctx context.Context, r *gameinstance.BuildExtGameStartRequest) (ext.Value, error) {
	if p.start != nil {
		return p.start(r)
	}
	return p.Defaults.BuildExtGameStart(ctx, r)
}
func (p *plug) BuildExtAddedToGame(ctx context.Context, r *gameinstance.BuildExtAddedToGameRequest) (ext.Value, error) {
	if p.added != nil {
		return p.added(r)
	}
	return p.Defaults.BuildExtAddedToGame(ctx, r)
}
func (p *plug) BuildExtGameServerPlayer(ctx context.Context, r *gameinstance.BuildExtGameServerPlayerRequest) (ext.Value, error) {
	if p.server != nil {
		return p.server(r)
	}
	return p.Defaults.BuildExtGameServerPlayer(ctx, r)
}
func (p *plug) OnGameServerAllocationFailed(ctx context.Context, r *gameinstance.GameServerAllocationFailedRequest) error {
	return or(ctx, p.noServer, p.Defaults.OnGameServerAllocationFailed, r)
}
func (p *plug) OnGameServerFailedToConnectInitialPlayers(ctx context.Context, r *gameinstance.GameServerFailedToConnectInitialPlayersRequest) error {
	return or(ctx, p.noInitial, p.Defaults.OnGameServerFailedToConnectInitialPlayers, r)
}
func (p *plug) OnGameServerFailedToConnectMorePlayers(ctx context.Context, r *gameinstance.GameServerFailedToConnectMorePlayersRequest) error {
	return or(ctx, p.noMore, p.Defaults.OnGameServerFailedToConnectMorePlayers, r)
}
func (p *plug) OnGameServerDisconnected(ctx context.Context, r *gameinstance.GameServerDisconnectedRequest) error {
	return or(ctx, p.gone, p.Defaults.OnGameServerDisconnected, r)
}
func (p *plug) OnGameInstanceExpired(ctx context.Context, r *gameinstance.GameInstanceExpiredRequest) error {
	return or(ctx, p.expired, p.Defaults.OnGameInstanceExpired, r)
}
func (p *plug) HandleGameServerUnlinkRequest(ctx context.Context, r *gameinstance.GameServerUnlinkRequest) error {
	return or(ctx, p.unlink, p.Defaults.HandleGameServerUnlinkRequest, r)
}

func or[R any](ctx context.Context, own func(*R) error, def func(context.Context, *R) error, r *R) error {
	if own != nil {
		return own(r)
	}
	return def(ctx, r)
}

// provider remembers what it is asked for and answers as the test says.
type provider struct {
	gameinstance.ProviderDefaults
	mu     sync.Mutex
	asked  []*gameinstance.StartAllocationForGameInstanceRequest
	answer func(attempt int) error

	ended     []*gameinstance.EndAllocationRequest
	endAnswer func(attempt int) error
	ids       []pragma.AllocationID
	calls     []string
}

// note writes down a call. p.mu is held.
func (p *provider) note(what string, id pragma.AllocationID, end gameinstance.EndReason) {
	if !slices.Contains(p.ids, id) {
		p.ids = append(p.ids, id)
	}
	line := fmt.Sprint(what, " ", 1+slices.Index(p.ids, id), " ", end)
	p.calls = append(p.calls, strings.TrimSpace(line))
}

func (p *provider) EndAllocation(_ context.Context, r *gameinstance.EndAllocationRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = append(p.ended, r)
	p.note("end", r.AllocationID, r.Reason)
	if p.endAnswer != nil {
		return p.endAnswer(len(p.ended))
	}
	return nil
}

func (p *provider) StartAllocationForGameInstance(_ context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	p.mu.Lock()
	p.asked = append(p.asked, r)
	p.note("start", r.AllocationID, "")
	answer, attempt := p.answer, len(p.asked)
	p.mu.Unlock()
	if answer != nil {
		return answer(attempt)
	}
	return nil
}

func (p *provider) requests() []*gameinstance.StartAllocationForGameInstanceRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// clubs stands in for parties.
type clubs struct {
	details  pragma.Notice[m]
	returned []string // party names of the last returns
	names    map[pragma.PartyID]string
	version  func(party pragma.PartyID, clientVersion string) (string, error) // nil: not in use

	mu        sync.Mutex
	refreshed []string // party names and numbers of players
}

func (c *clubs) Name() string { return "PartyRpc" }

func (c *clubs) Mount(mount *pragma.Mount) error {
	c.details = pragma.PlayerNotice[m](mount, "PartyDetailsV1Notification")
	return nil
}

func (c *clubs) ReturnFromGameInstance(tx *entity.Tx, party pragma.PartyID, _ pragma.GameInstanceID, players []pragma.PlayerID) error {
	tx.NotifyPlayers(c.details.Of(&m{"party": m{}}), players...)
	tx.After(func(context.Context) { c.returned = append(c.returned, c.names[party]) })
	return nil
}

func (c *clubs) VersionForGame(_ *entity.Tx, party pragma.PartyID, _ *pragma.PlayerSession, clientVersion string) (string, error) {
	if c.version == nil {
		return "", nil
	}
	return c.version(party, clientVersion)
}

func (c *clubs) RefreshInventories(_ context.Context, party pragma.PartyID, players []pragma.PlayerID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshed = append(c.refreshed, fmt.Sprintf("%s %d", c.names[party], len(players)))
	return nil
}

// queue stands in for matchmaking: it calls CreateByMatchmaking in an update of
// its own.
type queue struct {
	games *gameinstance.Service
	m     *pragma.Mount
	slots *slot.Slots
	kind  *entity.Kind[struct{ N int }]
}

func (q *queue) Name() string { return "MatchmakingRpc" }

func (q *queue) Mount(mount *pragma.Mount) error {
	q.m, q.slots = mount, slot.For(mount)
	q.kind = entity.Of(mount, "test-queue", entity.Options[struct{ N int }]{})
	return nil
}

func (q *queue) edit(t *testing.T, fn func(tx *entity.Tx) error) error {
	t.Helper()
	return q.kind.Upsert(t.Context(), "one", func(tx *entity.Tx, s *struct{ N int }) error {
		s.N++
		return fn(tx)
	})
}

// world is a server with game instances and what they need.
type world struct {
	*pragmatest.World
	games    *gameinstance.Service
	plug     *plug
	provider *provider
	clubs    *clubs
	queue    *queue
}

// options say how a test wants its server.
type options struct {
	config  string // of GameInstanceServiceConfig, in YAML's flow style
	plugins string // of pluginConfigs
	session string // of core.session
	service func(s *gameinstance.Service)
}

func run(t *testing.T, o options, fn func(t *testing.T, w *world)) {
	t.Helper()
	w := &world{plug: &plug{}, provider: &provider{}, clubs: &clubs{names: make(map[pragma.PartyID]string)}}
	build := func() *pragma.Server {
		accounts := &account.Service{}
		w.games = &gameinstance.Service{Plugin: w.plug, Provider: w.provider, Parties: w.clubs, Accounts: accounts}
		if o.service != nil {
			o.service(w.games)
		}
		w.queue = &queue{games: w.games}
		srv := &pragma.Server{
			Social: []pragma.Service{accounts},
			Game:   []pragma.Service{w.clubs, w.games, w.queue},
		}
		if o.config+o.plugins+o.session != "" {
			cfg, err := pragma.ParseConfig("core: {session: {"+o.session+"}}",
				"game: {serviceConfigs: {GameInstanceServiceConfig: {"+o.config+"}}, pluginConfigs: {"+o.plugins+"}}")
			if err != nil {
				t.Fatal(err)
			}
			srv.Config = cfg
		}
		return srv
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn(pw.T, w)
	})
}

// peer is a connected player or game server.
type peer struct {
	*pragmatest.Raw
	w      *world
	gw     pragma.SessionType
	token  string
	frames chan pragmatest.Frame
	notes  []pragmatest.Frame // notifications nobody has looked at

	name  string
	id    pragma.PlayerID
	party pragma.PartyID
	tap   func(text string) // sees every frame as it came; any goroutine
}

func (p *peer) GoString() string { return p.name }

func (w *world) player(name string) *peer {
	w.T.Helper()
	p := &peer{w: w, gw: pragma.Player, name: name}
	p.token, _ = w.Tokens(name)
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(p.token, ".")[1])
	if err != nil {
		w.T.Fatal(err)
	}
	var claims struct {
		Sub pragma.PlayerID `json:"sub"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		w.T.Fatal(err)
	}
	p.id = claims.Sub
	p.connect()
	return p
}

func (w *world) players(names ...string) []*peer {
	var all []*peer
	for _, name := range names {
		all = append(all, w.player(name))
	}
	return all
}

// inParty puts players into a party, as far as game instances are concerned.
func (w *world) inParty(name string, players ...*peer) pragma.PartyID {
	w.T.Helper()
	id := pragma.NewID[pragma.PartyID]()
	w.clubs.names[id] = name
	err := w.queue.edit(w.T, func(tx *entity.Tx) error {
		for _, p := range players {
			where, err := w.queue.slots.Edit(tx, p.id)
			if err != nil {
				return err
			}
			where.PartyID, p.party = id, id
		}
		return nil
	})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, p := range players {
		p.quiet()
	}
	return id
}

// queued puts players into matchmaking.
func (w *world) queued(players ...*peer) {
	w.T.Helper()
	err := w.queue.edit(w.T, func(tx *entity.Tx) error {
		for _, p := range players {
			where, err := w.queue.slots.Edit(tx, p.id)
			if err != nil {
				return err
			}
			where.TicketID = pragma.NewID[pragma.TicketID]()
		}
		return nil
	})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, p := range players {
		p.quiet()
	}
}

// toAdd describes players, the first half on team 1 and the others on team 2.
func toAdd(players ...*peer) []gameinstance.PlayerToAdd {
	var list []gameinstance.PlayerToAdd
	for i, p := range players {
		list = append(list, gameinstance.PlayerToAdd{
			PlayerID: p.id, PartyID: p.party, TeamNumber: int64(1 + 2*i/len(players)),
			DisplayName: pragma.DisplayName{DisplayName: p.name}, ClientVersion: "1.0",
		})
	}
	return list
}

// match creates an instance as matchmaking does.
func (w *world) match(players ...*peer) pragma.GameInstanceID {
	w.T.Helper()
	id, err := w.tryMatch(players...)
	if err != nil {
		w.T.Fatalf("match: %v", err)
	}
	synctest.Wait()
	return id
}

func (w *world) tryMatch(players ...*peer) (id pragma.GameInstanceID, err error) {
	err = w.queue.edit(w.T, func(tx *entity.Tx) error {
		r := &gameinstance.NewInstance{GameServerVersion: "v1", GameServerZone: "eu", Players: toAdd(players...)}
		for _, p := range players {
			if !p.party.IsZero() {
				r.Parties = append(r.Parties, gameinstance.MatchedParty{PartyID: p.party})
			}
		}
		id, err = w.games.CreateByMatchmaking(tx, r)
		return err
	})
	return id, err
}

// server is a game server with a token of its own; with an allocation, of that.
func (w *world) server() *peer {
	w.T.Helper()
	p := &peer{w: w, gw: pragma.Partner, name: "server"}
	p.token, _ = w.PartnerTokens()
	p.connect()
	return p
}

// allocated is the server that the provider was last asked for.
func (w *world) allocated() *peer {
	w.T.Helper()
	synctest.Wait()
	all := w.provider.requests()
	if len(all) == 0 {
		w.T.Fatal("the provider was not asked")
	}
	tokens, err := all[len(all)-1].ClientTokens()
	if err != nil {
		w.T.Fatal(err)
	}
	p := &peer{w: w, gw: pragma.Partner, name: "server", token: tokens.GameToken}
	p.connect()
	return p
}

// connect opens a socket and reads it, so that it stays alive.
func (p *peer) connect() {
	p.w.T.Helper()
	raw := p.w.Raw(pragma.Gateway{Backend: pragma.Game, Type: p.gw}, p.token)
	frames := make(chan pragmatest.Frame, 4096)
	go func() {
		defer close(frames)
		for {
			f, ok := raw.Poll(10 * 365 * 24 * time.Hour)
			if !ok {
				return
			}
			if p.tap != nil {
				p.tap(f.Text)
			}
			frames <- f
		}
	}()
	p.Raw, p.frames, p.notes = raw, frames, nil
	synctest.Wait() // until the peer has been told where it is
}

// try makes a call and returns its payload, or the reason of its refusal.
func (p *peer) try(call string, payload m) (m, string) {
	p.w.T.Helper()
	if payload == nil {
		payload = m{}
	}
	p.Request(call, payload)
	for f := range p.frames {
		switch {
		case f.Response != nil:
			synctest.Wait()
			return f.Response.Payload, ""
		case f.ServiceError != nil:
			return nil, f.ServiceError.Error + f.ServiceError.ExtError
		}
		p.notes = append(p.notes, f)
	}
	p.w.T.Fatalf("%s: %s: the socket was closed", p.name, call)
	return nil, ""
}

// do makes a call that must succeed.
func (p *peer) do(call string, payload m) m {
	p.w.T.Helper()
	got, refused := p.try(call, payload)
	if refused != "" {
		p.w.T.Fatalf("%s: %s: %s", p.name, call, refused)
	}
	return got
}

// refused makes a call that must be refused.
func (p *peer) refused(call string, payload m, want string) {
	p.w.T.Helper()
	if _, got := p.try(call, payload); got != want {
		p.w.T.Errorf("%s: %s: refused with %q, want %q", p.name, call, got, want)
	}
}

// news returns the notifications that came since somebody last looked.
func (p *peer) news() []pragmatest.Frame {
	synctest.Wait()
	for {
		select {
		case f := <-p.frames:
			if f.Notification != nil {
				p.notes = append(p.notes, f)
				continue
			}
			p.w.T.Fatalf("%s: unexpected frame %s", p.name, f)
		default:
			all := p.notes
			p.notes = nil
			return all
		}
	}
}

// quiet forgets the notifications that came until now.
func (p *peer) quiet() { p.news() }

// heard returns the names of the notifications that came, in order, without
// service and ending. A change of the session says what was set and removed.
func (p *peer) heard() []string {
	var all []string
	for _, f := range p.news() {
		all = append(all, nameOf(f))
	}
	return all
}

func nameOf(f pragmatest.Frame) string {
	_, name, _ := strings.Cut(f.Notification.Type, ".")
	name = strings.TrimSuffix(name, "Notification")
	if name != "SessionChangedV1" {
		return name
	}
	var set []string
	for key := range f.Notification.Payload["attributesSet"].(m) {
		set = append(set, "+"+key)
	}
	slices.Sort(set)
	for _, key := range f.Notification.Payload["attributesRemoved"].([]any) {
		b, _ := json.Marshal(key)
		set = append(set, "-"+string(b))
	}
	return "Session" + strings.Join(set, "")
}

// last returns the payload of the newest notification of a type.
func (p *peer) last(name string) m {
	p.w.T.Helper()
	var found m
	for _, f := range p.news() {
		if nameOf(f) == name {
			found = f.Notification.Payload
		}
	}
	if found == nil {
		p.w.T.Fatalf("%s was not told %s", p.name, name)
	}
	return found
}

// details is a list of connection details.
func details(players ...*peer) []m {
	var list []m
	for _, p := range players {
		list = append(list, m{"playerId": p.id.String(), "extPlayerConnectionDetails": m{"seat": p.name}})
	}
	return list
}

// play has a server link an instance and connect its players.
func (p *peer) play(id pragma.GameInstanceID, players ...*peer) {
	p.w.T.Helper()
	p.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
	p.do("GameInstanceRpc.ConnectPlayersV1", m{
		"gameInstanceId": id.String(), "hostname": "play.example", "port": 7777, "playerConnectionDetails": details(players...),
	})
}

// state returns the state of an instance, by what studio code reads.
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
