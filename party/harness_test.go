package party_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/slot"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

type m = map[string]any

// world is a server with parties and a queue that does what the test says.
type world struct {
	*pragmatest.World
	parties *party.Service
	queue   *queue
	faulty  *storetest.FaultyDriver // nil: the store is a good one
}

// faults has the store fail now and then, or no longer, if it can.
func (w *world) faults(on bool) {
	switch {
	case w.faulty == nil:
	case on:
		w.faulty.Set(storetest.Faults{Conflict: 0.1, UnknownBefore: 0.05, UnknownAfter: 0.05, Unavailable: 0.05, Read: 0.02})
	default:
		w.faulty.Set(storetest.Faults{})
	}
}

// options say how a test wants its server.
type options struct {
	plugin    party.Plugin
	compat    party.CompatibilityPlugin
	inventory party.Inventory
	config    string // of PartyConfig, in YAML's flow style
	file      string // of the whole configuration, which may be rewritten
	noQueue   bool
}

func run(t *testing.T, o options, fn func(w *world)) {
	t.Helper()
	w := &world{}
	runWith(t, w, o, nil, func() { fn(w) })
}

// runOn is run on a given store.
func runOn(t *testing.T, w *world, db store.Driver, fn func()) {
	t.Helper()
	runWith(t, w, options{}, func(context.Context) (store.Driver, error) { return db, nil }, fn)
}

// Players of these tests stay for days and do not refresh their tokens.
const longTokens = "social: {serviceConfigs: {TokenSignerConfig: {playerTokenExpirationMinutes: 100000}}}"

func runWith(t *testing.T, w *world, o options, open store.Opener, fn func()) {
	t.Helper()
	build := func() *pragma.Server {
		accounts := &account.Service{}
		w.parties = &party.Service{Plugin: o.plugin, Compatibility: o.compat, Accounts: accounts, Inventory: o.inventory}
		w.queue = &queue{parties: w.parties, silent: o.noQueue, entries: make(map[pragma.TicketID]*party.QueueEntry)}
		srv := &pragma.Server{Social: []pragma.Service{accounts}, Game: []pragma.Service{w.parties, w.queue}, Store: open}
		yaml := []string{longTokens}
		if o.config != "" {
			yaml = append(yaml, "game: {serviceConfigs: {PartyConfig: "+o.config+"}}")
		}
		srv.Config = pragmatest.Config(t, yaml...)
		if o.file != "" {
			cfg, err := pragma.LoadConfig(o.file)
			if err != nil {
				t.Fatal(err)
			}
			srv.Config = cfg
		}
		return srv
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w.World = pw
		fn()
	})
}

// queue stands in for matchmaking and for game instances.
type queue struct {
	parties *party.Service
	slots   *slot.Slots
	tickets *entity.Kind[struct{ N int }]
	ended   pragma.Notice[struct{}]
	failure pragma.Notice[struct{}]
	m       *pragma.Mount
	silent  bool // there is no queue
	refuse  error
	entries map[pragma.TicketID]*party.QueueEntry // as last entered
}

func (q *queue) Name() string { return "MatchmakingRpc" }

func (q *queue) Mount(m *pragma.Mount) error {
	q.m, q.slots = m, slot.For(m)
	q.tickets = entity.Of(m, "test-ticket", entity.Options[struct{ N int }]{})
	q.ended = pragma.PlayerNotice[struct{}](m, "GameEndedV1Notification")
	q.failure = pragma.PlayerNotice[struct{}](m, "MatchmakingFailureV1Notification")
	if !q.silent {
		q.parties.UseQueue(q)
	}
	pragma.HandlePlayer(m, "LeaveMatchmakingV2", func(ctx context.Context, who *pragma.PlayerSession, _ *struct{}) (*struct{}, error) {
		return nil, q.parties.LeaveMatchmaking(ctx, who.PlayerID)
	})
	return nil
}

func (q *queue) Enter(tx *entity.Tx, e *party.QueueEntry) error {
	if q.refuse != nil {
		return q.refuse
	}
	t, err := q.tickets.New(tx, e.TicketID.String())
	if err != nil {
		return err
	}
	t.N = len(e.Players)
	q.entries[e.TicketID] = e
	return nil
}

func (q *queue) Leave(tx *entity.Tx, id pragma.TicketID) error {
	err := q.tickets.Delete(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	return err
}

func (q *queue) Expel(tx *entity.Tx, id pragma.TicketID, players []pragma.PlayerID) error {
	tx.NotifyPlayers(q.failure.Of(&struct{}{}), players...)
	return q.Leave(tx, id)
}

// entry returns the queue entry of a player's party.
func (w *world) entry(p *player) *party.QueueEntry {
	w.T.Helper()
	where, err := w.queue.slots.Read(w.T.Context(), p.id)
	if err != nil {
		w.T.Fatal(err)
	}
	return w.queue.entries[where.TicketID]
}

// match puts everybody of a queue entry into a new game.
func (w *world) match(e *party.QueueEntry) pragma.GameInstanceID {
	w.T.Helper()
	game := pragma.NewID[pragma.GameInstanceID]()
	if err := w.tryMatch(e, game); err != nil {
		w.T.Fatalf("match: %v", err)
	}
	return game
}

func (w *world) tryMatch(e *party.QueueEntry, game pragma.GameInstanceID) error {
	return w.queue.tickets.Update(w.T.Context(), e.TicketID.String(), func(tx *entity.Tx, _ *struct{ N int }) error {
		if err := w.parties.EnterGame(tx, e.PartyID, e.TicketID, game); err != nil {
			return err
		}
		for _, p := range e.Players {
			where, err := w.queue.slots.Edit(tx, p.PlayerID)
			if err != nil {
				return err
			}
			where.JoinGame(game, true)
		}
		return w.queue.tickets.Delete(tx, e.TicketID.String())
	})
}

// endGame takes players out of a game, as game instances do.
func (w *world) endGame(game pragma.GameInstanceID, id pragma.PartyID, players ...pragma.PlayerID) {
	w.T.Helper()
	err := w.queue.tickets.Upsert(w.T.Context(), "end "+game.String(), func(tx *entity.Tx, s *struct{ N int }) error {
		s.N++
		for _, p := range players {
			where, err := w.queue.slots.Edit(tx, p)
			if err != nil {
				return err
			}
			where.LeaveGame(game)
		}
		tx.NotifyPlayers(w.queue.ended.Of(&struct{}{}), players...)
		return w.parties.ReturnFromGameInstance(tx, id, game, players)
	})
	if err != nil {
		w.T.Fatalf("end game: %v", err)
	}
}

// fail takes a queue entry out of matchmaking, as if matching had failed.
func (w *world) fail(e *party.QueueEntry) {
	w.T.Helper()
	err := w.queue.tickets.Update(w.T.Context(), e.TicketID.String(), func(tx *entity.Tx, _ *struct{ N int }) error {
		if err := w.parties.ReturnFromMatchmaking(tx, e.PartyID, e.TicketID, party.ReturnFailed); err != nil {
			return err
		}
		return w.queue.tickets.Delete(tx, e.TicketID.String())
	})
	if err != nil {
		w.T.Fatalf("fail: %v", err)
	}
}

// player is a connected player.
type player struct {
	*pragmatest.Peer
	w    *world
	name string
	id   pragma.PlayerID
	// details are the parties the player was told, for those who look at them.
	details []seen
}

// GoString keeps the output of random tests readable.
func (p *player) GoString() string { return p.name }

func (w *world) player(name string) *player {
	w.T.Helper()
	p := w.Peer(name)
	return &player{Peer: p, w: w, name: name, id: p.ID}
}

func (w *world) players(names ...string) []*player {
	var all []*player
	for _, name := range names {
		all = append(all, w.player(name))
	}
	return all
}

// try makes a call and returns its payload, or the reason of its refusal.
func (p *player) try(call string, payload m) (m, string) {
	p.w.T.Helper()
	got, refused := p.Try(call, payload)
	if refused != nil {
		return nil, refused.ServiceError.Error + refused.ServiceError.ExtError
	}
	return got, ""
}

// do makes a call that must succeed.
func (p *player) do(call string, payload m) m { p.w.T.Helper(); return p.Call(call, payload) }

// refused makes a call that must be refused.
func (p *player) refused(call string, payload m, want string) {
	p.w.T.Helper()
	if _, got := p.try(call, payload); got != want {
		p.w.T.Errorf("%s: %s: refused with %q, want %q", p.name, call, got, want)
	}
}

// seen is a party as a client sees it.
type seen struct{ m }

func (s seen) id() string      { return s.m["partyId"].(string) }
func (s seen) code() string    { return s.m["inviteCode"].(string) }
func (s seen) version() string { return s.m["version"].(string) }
func (s seen) queued() bool    { return s.m["inMatchmaking"].(bool) }
func (s seen) partyID() pragma.PartyID {
	id, err := pragma.ParseID[pragma.PartyID](s.id())
	if err != nil {
		panic(err)
	}
	return id
}

// members are the names of the members in order: a star for leaders, a + for
// those who are ready.
func (s seen) members() string {
	var all []string
	for _, e := range s.m["partyMembers"].([]any) {
		member := e.(m)
		name := member["displayName"].(m)["displayName"].(string)
		if member["isLeader"].(bool) {
			name += "*"
		}
		if member["isReady"].(bool) {
			name += "+"
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

// party makes a call that answers with the party.
func (p *player) party(call string, payload m) seen {
	p.w.T.Helper()
	got := p.do(call, payload)
	if got["party"] == nil {
		p.w.T.Fatalf("%s: %s answered without a party: %v", p.name, call, got)
	}
	return seen{got["party"].(m)}
}

func (p *player) create() seen { p.w.T.Helper(); return p.party("PartyRpc.CreateV1", nil) }

func (p *player) join(code string) seen {
	p.w.T.Helper()
	return p.party("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": code})
}

// together puts players into one party, the first as leader, and forgets what
// they were told.
func (w *world) together(players ...*player) seen {
	w.T.Helper()
	s := players[0].create()
	for _, p := range players[1:] {
		s = p.join(s.code())
	}
	for _, p := range players {
		p.told()
	}
	return s
}

// ready makes everybody ready and forgets what they were told.
func (w *world) ready(players ...*player) {
	w.T.Helper()
	for _, p := range players {
		p.party("PartyRpc.SetReadyStateV1", m{"ready": true})
	}
	for _, p := range players {
		p.told()
	}
}

// told returns, briefly, the notifications a player has got since he last
// looked.
func (p *player) told() []string {
	var all []string
	for _, f := range p.Notes() {
		all = append(all, brief(f))
		if shown, ok := f.Notification.Payload["party"].(m); ok {
			p.details = append(p.details, seen{shown})
		}
	}
	return all
}

// brief is a notification in one line.
func brief(f pragmatest.Frame) string {
	name, payload := f.Brief(), f.Notification.Payload
	switch name {
	case "PartyDetails":
		s := seen{payload["party"].(m)}
		return fmt.Sprintf("%s %s v%s", name, s.members(), s.version())
	case "Removed":
		return name + " " + payload["removalReason"].(string)
	case "InviteResponse":
		return fmt.Sprintf("%s %v", name, payload["accepted"])
	case "InviteReceived":
		return name + " " + payload["inviterInfo"].(m)["displayName"].(m)["displayName"].(string)
	case "InviteCanceled":
		return name + " " + payload["reason"].(string)
	}
	return name
}

// tells fails the test unless these players are told exactly this.
func (w *world) tells(step string, want map[*player][]string) {
	w.T.Helper()
	for p, lines := range want {
		if diff := cmp.Diff(lines, p.told()); diff != "" {
			w.T.Errorf("%s: %s is told (-want +got):\n%s", step, p.name, diff)
		}
	}
}

// last returns the payload of the newest notification of a type.
func (p *player) last(typ string) m {
	p.w.T.Helper()
	found := p.Last(typ)
	if found == nil {
		p.w.T.Fatalf("%s was not told %s", p.name, typ)
	}
	return found
}
