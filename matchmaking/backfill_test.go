package matchmaking_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// filler adds waiting parties to running games as long as there is room. A game
// says in its ext how many players it takes.
type filler struct{ matchmaking.Defaults }

func (filler) MatchPartiesWithGame(_ context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	g, err := ext.As[gameExt](r.Game.Ext)
	if err != nil {
		return nil, err
	}
	room := g.Room - len(r.Game.Players) - r.Anchor.PlayerCount()
	if room < 0 {
		return nil, nil
	}
	u := &matchmaking.GameInstanceUpdate{RequestExt: ext.Of(m{"late": true})}
	u.AddParties(r.Anchor.Parties(), 2)
	for _, p := range r.Anchor.Players() {
		u.SetExtBackendAddPlayer(p, ext.Of(m{"seat": len(r.Game.Players)}))
	}
	if room == 0 && g.Stop {
		u.StopMatchmaking()
	}
	return u, nil
}

// board describes games to matchmaking: how many players they take is in their
// data, and so is the queue.
type board struct {
	gameinstance.MatchmakingDefaults
	mu   sync.Mutex
	fail error // of every description
}

func (b *board) setFail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

func (b *board) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fail
}

type gameExt struct {
	Room int
	Stop bool
}

type rules struct {
	Key  string `json:"key"`
	Room int    `json:"room"`
	Stop bool   `json:"stop,omitzero"`
}

var rulesOf = gameinstance.Key[rules]{Name: "rules"}

func (b *board) BuildExtMatchmakingKey(_ context.Context, r *gameinstance.BuildExtMatchmakingKeyRequest) (ext.Value, error) {
	v, err := rulesOf.Get(r.GameInstance.Data())
	return ext.Of(m{"key": v.Key}), err
}

func (b *board) BuildExtMatchmakingGameInstance(_ context.Context, r *gameinstance.BuildExtMatchmakingGameInstanceRequest) (ext.Value, error) {
	if err := b.failure(); err != nil {
		return ext.Value{}, err
	}
	v, err := rulesOf.Get(r.GameInstance.Data())
	return ext.Of(gameExt{v.Room, v.Stop}), err
}

func (b *board) BuildExtMatchmakingGamePlayer(_ context.Context, r *gameinstance.BuildExtMatchmakingGamePlayerRequest) (ext.Value, error) {
	return ext.Of(m{"team": r.Player.TeamNumber()}), nil
}

// HandleBackendCreateRequest keeps what the creator says of the game in its data.
func (a *arena) HandleBackendCreateRequest(_ context.Context, r *gameinstance.BackendCreateRequest) error {
	return setRules(r.GameInstance, r.RequestExt)
}

func setRules(i *gameinstance.Instance, v ext.Value) error {
	said, err := ext.As[rules](v)
	if err != nil {
		return err
	}
	return rulesOf.Set(i.Data(), said)
}

func (a *arena) HandleBackendUpdateRequest(_ context.Context, r *gameinstance.BackendUpdateRequest) error {
	return setRules(r.GameInstance, r.RequestExt)
}

func (a *arena) HandleBackendAddPlayersRequest(ctx context.Context, r *gameinstance.BackendAddPlayersRequest) error {
	a.mu.Lock()
	add := a.add
	a.mu.Unlock()
	if add != nil {
		return add(r)
	}
	return a.Defaults.HandleBackendAddPlayersRequest(ctx, r)
}

func (a *arena) setAdd(fn func(r *gameinstance.BackendAddPlayersRequest) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add = fn
}

func (a *arena) HandlePlayerJoinRequest(_ context.Context, r *gameinstance.PlayerJoinRequest) error {
	_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
	return err
}

// server is a connected game server.
func (w *world) server() *player {
	w.T.Helper()
	s := w.player("server") // only to have somebody who tells answers from notifications
	s.Cut()
	s.partner, _ = w.PartnerTokens()
	s.connect()
	return s
}

// connect opens a socket as the player or server who it is, and forgets what he
// was told.
func (p *player) connect() {
	p.w.T.Helper()
	if p.partner == "" {
		p.Connect()
		return
	}
	p.Raw = p.w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}, p.partner)
	p.Notes()
}

// host makes a game without players on a server, and lets it run.
func (p *player) host(r rules) string {
	p.w.T.Helper()
	id := p.do("GameInstanceRpc.CreateGameInstancePartnerV1", m{"requestExt": r})["gameInstanceId"].(string)
	p.do("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": id, "hostname": "play.example", "port": 7777, "playerConnectionDetails": []m{}})
	return id
}

// about calls a method of GameInstanceRpc that only names a game.
func (p *player) about(call, game string) {
	p.w.T.Helper()
	p.do("GameInstanceRpc."+call, m{"gameInstanceId": game})
}

// open is host for a game that waits for players.
func (p *player) open(r rules) string {
	p.w.T.Helper()
	id := p.host(r)
	p.about("EnterMatchmakingV1", id)
	p.told()
	return id
}

// notice returns the newest notification of GameInstanceRpc with a name, which
// told then returns too.
func (p *player) notice(name string) m {
	p.w.T.Helper()
	found := p.Last("GameInstanceRpc." + name + "V1Notification")
	if found == nil {
		p.w.T.Fatalf("%s was not told %s", p.name, name)
	}
	return found
}

// game reads a game as studio code does.
func (w *world) game(id string, fn func(i *gameinstance.Instance)) error {
	w.T.Helper()
	game, err := pragma.ParseID[pragma.GameInstanceID](id)
	if err != nil {
		w.T.Fatal(err)
	}
	return w.games.Read(w.T.Context(), game, func(i *gameinstance.Instance) error { fn(i); return nil })
}

func (w *world) size(id string) (n int) {
	w.T.Helper()
	if err := w.game(id, func(i *gameinstance.Instance) { n = i.PlayerCount() }); err != nil {
		w.T.Fatal(err)
	}
	return n
}

func (w *world) waits(id string) (waits bool) {
	w.T.Helper()
	if err := w.game(id, func(i *gameinstance.Instance) { waits = i.IsInMatchmaking() }); err != nil {
		w.T.Fatal(err)
	}
	return waits
}

// reason is why a call was refused.
func (p *player) reason(call string, payload m) string {
	p.w.T.Helper()
	if _, f := p.Try(call, payload); f != nil {
		return f.ServiceError.Error + f.ServiceError.ExtError
	}
	return ""
}

var backfill = setup{plugin: filler{}, board: &board{}}

func TestAPartyIsAddedToARunningGame(t *testing.T) {
	run(t, backfill, func(w *world) {
		var asked *gameinstance.BackendAddPlayersRequest
		w.arena.setAdd(func(r *gameinstance.BackendAddPlayersRequest) error {
			asked = r
			return gameinstance.Defaults{}.HandleBackendAddPlayersRequest(context.Background(), r)
		})
		server, robin := w.server(), w.player("robin")
		id := server.host(rules{Key: "a", Room: 3})
		robin.do("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": id})
		server.about("EnterMatchmakingV1", id)
		expect(w.T, "the server", server.told(), []string{"AddPlayers", "GameInstanceEnteredMatchmaking"})
		if !w.waits(id) {
			w.T.Error("plugins see that the game is not in matchmaking")
		}
		if view := robin.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["gameInstances"].([]any)[0].(m); view["isInMatchmaking"] != true {
			w.T.Errorf("players see %v", view)
		}
		robin.told()

		marian, will := w.player("marian"), w.player("will")
		w.party("a", marian, will)
		before := time.Now()
		marian.enter()
		expect(w.T, "the leader", marian.told(), append(slices.Clone(entered), found...))
		expect(w.T, "the member", will.told(), append([]string{"PartyDetails"}, append(slices.Clone(entered), found...)...))
		expect(w.T, "who was there", robin.told(), []string{"GameInstanceUpdated"})
		more := server.notice("AddPlayers")["gameServerPlayers"].([]any)
		if len(more) != 2 || more[0].(m)["teamNumber"] != "2" || more[1].(m)["partyId"] == "" {
			w.T.Errorf("the server was told of %v", more)
		}
		expect(w.T, "the server", server.told(), []string{"AddPlayers"})
		if !time.Now().Equal(before) {
			w.T.Errorf("it took %v: nobody waits for a timer", time.Since(before))
		}
		if !asked.FromMatchmaking || asked.RequestExt.String() != `{"late":true}` || asked.PlayersToAdd[1].Ext.String() != `{"seat":1}` || asked.PlayersToAdd[1].DisplayName.DisplayName != "will" {
			w.T.Errorf("the plugin was asked %+v", asked)
		}
		server.do("GameInstanceRpc.ConnectMorePlayersV1", m{
			"gameInstanceId": id, "hostname": "play.example", "port": 7777,
			"playerConnectionDetails": []m{{"playerId": marian.id.String()}, {"playerId": will.id.String()}},
		})
		expect(w.T, "where to go", marian.told(), []string{"HostConnectionDetails", "GameInstanceUpdated"})
		if !w.waits(id) {
			w.T.Error("the game left the queue, want it to stay")
		}
		server.about("LeaveMatchmakingV1", id)
		expect(w.T, "the server, at the end", server.told(), []string{"GameInstanceLeftMatchmaking"})
		if parties, queues := w.queue.Index(); parties != 0 || queues > 1 {
			w.T.Errorf("%d parties and %d queues are left", parties, queues)
		}
		if left := w.tickets(); len(left) != 0 {
			w.T.Errorf("%d tickets are left", len(left))
		}
		will.do("GameInstanceRpc.LeaveV1", nil)
		marian.told()
		marian.enter() // and again
	})
}

func TestCallsOfServersAreRefused(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		id := server.host(rules{Key: "a", Room: 3})
		enter, leave := "GameInstanceRpc.EnterMatchmakingV1", "GameInstanceRpc.LeaveMatchmakingV1"
		check := func(what, call string, payload m, want string) {
			w.T.Helper()
			if got := server.reason(call, payload); got != want {
				w.T.Errorf("%s: refused with %q, want %q", what, got, want)
			}
		}
		check("leave before enter", leave, m{"gameInstanceId": id}, "GameInstanceService_GameInstanceNotInMatchmaking")
		for _, call := range []string{enter, leave} {
			check("no id", call, m{}, "GameInstanceService_UnknownGameInstanceId")
			check("unknown", call, m{"gameInstanceId": "2f0f7a86-8a4c-4a1e-b8a2-5d0c4a4e9f10"}, "GameInstanceService_UnknownGameInstanceId")
			check("no id at all", call, m{"gameInstanceId": "x"}, "Serialization_Error")
		}
		expect(w.T, "told so far", server.told(), nil)
		check("enter", enter, m{"gameInstanceId": id}, "")
		check("enter again", enter, m{"gameInstanceId": id}, "GameInstanceService_GameInstanceAlreadyInMatchmaking")
		check("leave", leave, m{"gameInstanceId": id}, "")
		check("leave again", leave, m{"gameInstanceId": id}, "GameInstanceService_GameInstanceNotInMatchmaking")
		check("enter once more", enter, m{"gameInstanceId": id}, "")
		server.told()
		check("end", "GameInstanceRpc.EndGameV1", m{"gameInstanceId": id}, "")
		check("enter a game that is over", enter, m{"gameInstanceId": id}, "GameInstanceService_UnknownGameInstanceId")
		expect(w.T, "a server that ends its game", server.told(), nil)
		if left := w.tickets(); len(left) != 0 {
			w.T.Errorf("%d tickets are left", len(left))
		}
	})
}

func TestAPluginMayKeepAGameOutOfMatchmaking(t *testing.T) {
	b := &board{fail: errors.New("not now")}
	run(t, setup{plugin: filler{}, board: b}, func(w *world) {
		server := w.server()
		id := server.host(rules{Key: "a", Room: 3})
		if got, want := server.reason("GameInstanceRpc.EnterMatchmakingV1", m{"gameInstanceId": id}), "PartyService_FailedToEnterMatchmaking"; got != want {
			w.T.Errorf("refused with %q, want %q", got, want)
		}
		b.setFail(nil)
		server.about("EnterMatchmakingV1", id)
		b.setFail(errors.New("not any more"))
		payload := m{"gameInstanceId": id, "requestExt": rules{Key: "a", Room: 7}}
		if got, want := server.reason("GameInstanceRpc.UpdateGameInstanceV1", payload), "GameInstanceService_FailedToUpdateMatchmakingGameInstance"; got != want {
			w.T.Errorf("refused with %q, want %q", got, want)
		}
		if err := w.game(id, func(i *gameinstance.Instance) {
			if v, _ := rulesOf.Get(i.Data()); v.Room != 3 {
				w.T.Errorf("the data has changed to %+v all the same", v)
			}
		}); err != nil {
			w.T.Error(err)
		}
		server.about("LeaveMatchmakingV1", id)
		server.do("GameInstanceRpc.UpdateGameInstanceV1", payload) // outside it is nobody's business
	})
}

func TestAChangeOfAGameIsSeenAtOnce(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 0})
		robin := w.queued("a", "robin")[0]
		expect(w.T, "no room", robin.told(), nil)
		before := time.Now()
		server.do("GameInstanceRpc.UpdateGameInstanceV1", m{"gameInstanceId": id, "requestExt": rules{Key: "a", Room: 1}})
		expect(w.T, "room", robin.told(), found)
		if !time.Now().Equal(before) {
			w.T.Errorf("it took %v: nobody waits for a timer", time.Since(before))
		}
		will := w.queued("a", "will")[0]
		expect(w.T, "full", will.told(), nil)
		server.do("GameInstanceRpc.RemovePlayersV2", m{"gameInstanceId": id, "players": []m{{"playerId": robin.id.String()}}})
		expect(w.T, "a place is free again", will.told(), found)
		if n := w.size(id); n != 1 {
			w.T.Errorf("%d players, want 1", n)
		}
	})
}

func TestAnUpdateMayStopMatchmaking(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 1, Stop: true})
		robin := w.player("robin")
		w.party("a", robin)
		robin.enter()
		expect(w.T, "the player", robin.told(), append(slices.Clone(entered), found...))
		expect(w.T, "the server", server.told(), []string{"AddPlayers", "GameInstanceLeftMatchmaking"})
		if w.waits(id) || len(w.tickets()) != 0 {
			w.T.Error("the game still waits")
		}
	})
}

func TestAGameThatRefusesSendsPartiesBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		refuse func(r *gameinstance.BackendAddPlayersRequest) error
	}{
		{"an error", func(*gameinstance.BackendAddPlayersRequest) error { return gameinstance.ErrPlayerJoinFailed }},
		{"a panic", func(*gameinstance.BackendAddPlayersRequest) error { panic("no") }},
		{"nobody is added", func(*gameinstance.BackendAddPlayersRequest) error { return nil }},
		{"half a party is added", func(r *gameinstance.BackendAddPlayersRequest) error {
			_, err := r.GameInstance.AddPlayer(r.PlayersToAdd[0])
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, backfill, func(w *world) {
				w.arena.setAdd(c.refuse)
				server := w.server()
				id := server.open(rules{Key: "a", Room: 4})
				robin, marian := w.player("robin"), w.player("marian")
				w.party("a", robin, marian)
				robin.enter()
				robin.told()
				marian.told()
				time.Sleep(5 * time.Second)
				expect(w.T, "they are told nothing", robin.told(), nil)
				expect(w.T, "nor is the server", server.told(), nil)
				if parties, players, _ := robin.info(); parties != 1 || players != 2 || w.size(id) != 0 {
					w.T.Errorf("%v parties with %v players wait, %d are in the game", parties, players, w.size(id))
				}
				other := server.open(rules{Key: "a", Room: 4}) // takes nobody either
				w.arena.setAdd(func(r *gameinstance.BackendAddPlayersRequest) error {
					if r.GameInstance.ID().String() == id {
						return gameinstance.ErrPlayerJoinFailed
					}
					return gameinstance.Defaults{}.HandleBackendAddPlayersRequest(context.Background(), r)
				})
				time.Sleep(time.Minute)
				expect(w.T, "another game takes them", robin.told(), found)
				if w.size(other) != 2 || w.size(id) != 0 {
					w.T.Errorf("%d and %d players, want 0 and 2", w.size(id), w.size(other))
				}
			})
		})
	}
}

// rude fails with games.
type rude struct {
	filler
	how string
}

func (p rude) MatchPartiesWithGame(context.Context, *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	switch p.how {
	case "panic":
		panic("rude")
	case "hang":
		time.Sleep(10 * time.Second)
		return nil, nil
	}
	return nil, errors.New("rude")
}

func TestManyPlayersComeToTheServerInBatches(t *testing.T) {
	o := backfill
	o.config = `game: {serviceConfigs: {GameInstanceServiceConfig: {addPlayersBatchSize: 2}}}`
	run(t, o, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 3})
		group := []*player{w.player("robin"), w.player("will"), w.player("tuck")}
		w.party("a", group...)
		group[0].enter()
		expect(w.T, "the server", server.told(), []string{"AddPlayers", "AddPlayers"})
		if n := w.size(id); n != 3 {
			w.T.Errorf("%d players, want 3", n)
		}
	})
}

// A game that takes nobody must not cost a commit for each party and pass.
func TestAGameThatRefusesEverybodyIsShownLessOften(t *testing.T) {
	run(t, backfill, func(w *world) {
		var asked atomic.Int64
		w.arena.setAdd(func(*gameinstance.BackendAddPlayersRequest) error {
			asked.Add(1)
			return gameinstance.ErrPlayerJoinFailed
		})
		w.server().open(rules{Key: "a", Room: 4})
		w.queued("a", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10")
		time.Sleep(30 * time.Second)
		asked.Store(0)
		time.Sleep(10 * time.Minute)
		if n := asked.Load(); n == 0 || n > 40 {
			w.T.Errorf("asked %d times in ten minutes, want about one in half a minute", n)
		}
	})
}

func TestAFailingHookTakesPartyAndGameOut(t *testing.T) {
	for _, how := range []string{"error", "panic", "hang"} {
		t.Run(how, func(t *testing.T) {
			run(t, setup{plugin: rude{how: how}, board: &board{}}, func(w *world) {
				server := w.server()
				id := server.open(rules{Key: "a", Room: 4})
				robin := w.player("robin")
				w.party("a", robin)
				robin.enter()
				time.Sleep(time.Minute)
				expect(w.T, "the party", robin.told(), append(slices.Clone(entered), failed...))
				expect(w.T, "the server", server.told(), []string{"GameInstanceLeftMatchmaking"})
				if w.waits(id) || len(w.tickets()) != 0 {
					w.T.Error("the game still waits")
				}
				server.about("EnterMatchmakingV1", id)
			})
		})
	}
}

func TestGamesInQueuesSurviveARestart(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 1})
		if err := w.game(id, func(*gameinstance.Instance) {}); err != nil {
			w.T.Fatal(err)
		}
		w.Kill()
		w.Start()
		server.connect()
		robin := w.player("robin")
		w.party("a", robin)
		robin.enter()
		expect(w.T, "the player", robin.told(), append(slices.Clone(entered), found...))
		if got := server.told(); !slices.Contains(got, "AddPlayers") {
			w.T.Errorf("the server was told %v", got)
		}
		start := server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id})["gameStart"].(m)
		if start["isInMatchmaking"] != true || len(start["players"].([]any)) != 1 {
			w.T.Errorf("start data: %v", start)
		}
	})
}

func TestTheQueueIsComparedWithTheStore(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 1})
		for _, ticket := range w.tickets() {
			w.queue.Forget(ticket) // as a commit of unknown outcome does
		}
		robin := w.queued("a", "robin")[0]
		expect(w.T, "before", robin.told(), nil)
		time.Sleep(2 * matchmaking.ReconcileEvery)
		expect(w.T, "after", robin.told(), found)
		if w.size(id) != 1 {
			w.T.Errorf("%d players, want 1", w.size(id))
		}
	})
}

func TestATicketThatItsGameDoesNotHoldIsDropped(t *testing.T) {
	db := store.NewMemory()
	defer func() { _ = db.Close() }()
	o := backfill
	o.store = keep(db)
	run(t, o, func(w *world) {
		stray := store.Put{Key: store.Key{Kind: "ticket", ID: pragma.NewID[pragma.TicketID]().String()}}
		stray.Body = fmt.Appendf(nil, `{"key":{"key":"a"},"ext":{"Room":9},"enteredAt":"2026-03-01T12:00:00Z","game":{"gameInstanceId":"%s","revision":1}}`, pragma.NewID[pragma.GameInstanceID]())
		if err := store.Commit(w.T.Context(), db, &store.Batch{Puts: []store.Put{stray}}); err != nil {
			w.T.Fatal(err)
		}
		w.Restart()
		robin := w.queued("a", "robin")[0]
		time.Sleep(time.Minute)
		if left := w.tickets(); len(left) != 1 || left[0].String() == stray.Key.ID {
			w.T.Errorf("tickets %v are left, want that of the player", left)
		}
		expect(w.T, "the player waits", robin.told(), nil)
		robin.info()
	})
}

func TestQueueInfoCountsGames(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		server.open(rules{Key: "a"})
		server.open(rules{Key: "a"})
		server.open(rules{Key: "b"})
		robin := w.queued("a", "robin")[0]
		q := robin.do("MatchmakingRpc.GetMatchmakingInfoV2", nil)["queueInfo"].([]any)[0].(m)
		if q["gameInstancesInQueue"] != float64(2) || q["partiesInQueue"] != float64(1) {
			w.T.Errorf("queue info: %v", q)
		}
	})
}

// grower starts a game with every pair of players and has it wait for more.
type grower struct {
	filler
	initialize bool // at once
}

func (g grower) start(key matchmaking.QueueKey, m *matchmaking.Matchable) *matchmaking.NewGameInstance {
	if m.PlayerCount() != 2 {
		return nil
	}
	game := new(matchmaking.NewGameInstance)
	game.AddParties(m.Parties(), 1)
	game.ContinueMatchmaking(key)
	return game
}

func (g grower) Initialize(_ context.Context, r *matchmaking.InitializeRequest) (*matchmaking.NewGameInstance, error) {
	if !g.initialize {
		return nil, nil
	}
	return g.start(r.QueueKey, r.Matchable), nil
}

func (g grower) EndOfLoop(_ context.Context, r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
	return g.start(r.QueueKey, r.Anchor), nil
}

// roomFor has every new game take a number of players.
func roomFor(n int) func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
	return func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
		return rulesOf.Set(r.GameInstance.Data(), rules{Room: n})
	}
}

func TestANewGameGoesOnWaiting(t *testing.T) {
	for _, initialize := range []bool{false, true} {
		t.Run(fmt.Sprintf("from Initialize %v", initialize), func(t *testing.T) {
			run(t, setup{plugin: grower{initialize: initialize}, board: &board{}}, func(w *world) {
				w.arena.make = roomFor(3)
				robin, marian := w.player("robin"), w.player("marian")
				w.party("a", robin, marian)
				robin.enter()
				added := robin.notice("AddedToGame")["gameInstance"].(m)
				id := added["gameInstanceId"].(string)
				if added["isInMatchmaking"] != true {
					w.T.Errorf("the game is %v", added)
				}
				robin.told()
				will := w.queued("a", "will")[0]
				expect(w.T, "the third", will.told(), nil) // told while entering
				tuck := w.queued("a", "tuck")[0]
				time.Sleep(time.Minute)
				expect(w.T, "the fourth", tuck.told(), nil)
				tuck.info()
				if w.size(id) != 3 || !w.waits(id) {
					w.T.Errorf("%d players are in the game, want 3; it waits: %v", w.size(id), w.waits(id))
				}
				server := w.server()
				start := server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id})["gameStart"].(m)
				if start["isInMatchmaking"] != true || len(start["players"].([]any)) != 3 {
					w.T.Errorf("start data: %v", start)
				}
				will.do("GameInstanceRpc.LeaveV1", nil) // ends it
				if left := w.tickets(); len(left) != 1 {
					w.T.Errorf("%d tickets are left, want the fourth player's", len(left))
				}
			})
		})
	}
}

func TestAGameWhosePluginFailsIsNotMade(t *testing.T) {
	b := &board{fail: errors.New("broken")}
	run(t, setup{plugin: grower{initialize: true}, board: b}, func(w *world) {
		w.arena.make = roomFor(3)
		robin, marian := w.player("robin"), w.player("marian")
		w.party("a", robin, marian)
		robin.refused("PartyRpc.EnterMatchmakingV1", "PartyService_FailedToEnterMatchmaking")
		expect(w.T, "told", marian.told(), nil)
		b.setFail(nil)
		robin.enter()
		robin.notice("AddedToGame")
	})
}

func TestPluginsAreSoundForGames(t *testing.T) {
	pragmatest.CheckPlugin[matchmaking.Plugin](t, filler{})
	pragmatest.CheckPlugin[matchmaking.Plugin](t, grower{})
	pragmatest.CheckPlugin[gameinstance.MatchmakingPlugin](t, &board{})
}
