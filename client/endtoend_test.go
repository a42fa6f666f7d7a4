package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	parties "github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// word is every message of the games of these tests.
type word struct {
	Text string `json:"text"`
}

func said(v ext.Value) string {
	w, _ := ext.As[word](v)
	return w.Text
}

func say(text string) ext.Value { return ext.Of(word{text}) }

// tavern is a plugin that lets everybody do what he wants. What is said last in a
// game is in its data.
type tavern struct{ gameinstance.Defaults }

var lastWord = gameinstance.Key[word]{Name: "last", Sync: gameinstance.Public()}

func (tavern) HandlePlayerCreateRequest(_ context.Context, r *gameinstance.PlayerCreateRequest) error {
	_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
	r.GameInstance.AllocateGameServer(r.RequestExt)
	return errors.Join(err, lastWord.Create(r.GameInstance.Data(), word{said(r.RequestExt)}))
}

func (tavern) HandlePlayerJoinRequest(_ context.Context, r *gameinstance.PlayerJoinRequest) error {
	_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID, TeamNumber: 1})
	return err
}

func (tavern) HandlePlayerLeaveRequest(_ context.Context, r *gameinstance.PlayerLeaveRequest) error {
	return r.GameInstance.RemovePlayer(r.RequestingPlayer.ID(), r.RequestExt)
}

func (tavern) HandlePlayerUpdateRequest(_ context.Context, r *gameinstance.PlayerUpdateRequest) error {
	if said(r.RequestExt) == "fire" {
		r.GameInstance.Terminate()
		return nil
	}
	return lastWord.Update(r.GameInstance.Data(), func(w *word) { w.Text = said(r.RequestExt) })
}

func (tavern) HandleBackendUpdateRequest(_ context.Context, r *gameinstance.BackendUpdateRequest) error {
	return lastWord.Update(r.GameInstance.Data(), func(w *word) { w.Text = said(r.RequestExt) })
}

func (tavern) HandleBackendRemovePlayersRequest(_ context.Context, r *gameinstance.BackendRemovePlayersRequest) error {
	var errs []error
	for _, p := range r.PlayersToRemove {
		errs = append(errs, r.GameInstance.RemovePlayer(p.PlayerID, p.Ext))
	}
	return errors.Join(errs...)
}

func (tavern) OnEndGame(_ context.Context, r *gameinstance.EndGameRequest) error {
	told := make(map[pragma.PlayerID]ext.Value)
	for _, p := range r.PlayerGameResults {
		told[p.PlayerID] = p.Ext
	}
	r.GameInstance.End(told)
	return nil
}

func (tavern) BuildExtGameStart(context.Context, *gameinstance.BuildExtGameStartRequest) (ext.Value, error) {
	return say("welcome"), nil
}

// inn is a running server with a game server that asks it for games.
type inn struct {
	*pragmatest.World
	server *client.GameServer
	events *client.Subscription // of the game server
}

// runInn runs a test with a real server.
func runInn(t *testing.T, fn func(t *testing.T, w *inn)) {
	t.Helper()
	pragmatest.Run(t, func() *pragma.Server {
		groups := &parties.Service{}
		games := &gameinstance.Service{Plugin: tavern{}, Parties: groups}
		servers := &fleet.Service{Games: games}
		games.Provider = servers
		queue := &matchmaking.Service{Plugin: &warmbody.Plugin{PlayersPerTeam: 2}, Parties: groups, Games: games}
		return &pragma.Server{Game: []pragma.Service{groups, games, servers, queue}}
	}, func(world *pragmatest.World) {
		w := &inn{World: world, server: world.GameServer()}
		w.events = w.server.Subscribe()
		fn(world.T, w)
	})
}

// next waits for an event of the game server.
func next[E client.Event](t *testing.T, w *inn) E {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	e, err := client.Await[E](ctx, w.events, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// must fails the test if a call failed.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// opened has a player make a game and the game server take it over and run it.
func (w *inn) opened(t *testing.T, by *client.Player) pragma.GameInstanceID {
	t.Helper()
	id, _, err := by.Games.Create(t.Context(), client.CreateGame{Ext: say("hello")})
	must(t, err)
	if got := next[client.GameAllocated](t, w); got.GameInstanceID != id {
		t.Errorf("allocated %v, want %v", got, id)
	}
	start, err := w.server.Link(t.Context(), id)
	must(t, err)
	if len(start.Players) != 1 || start.Players[0].PlayerID != by.ID() || said(start.Ext) != "welcome" {
		t.Errorf("the game server is told %+v", start)
	}
	must(t, w.server.ConnectPlayers(t.Context(), w.way(id, by)))
	return id
}

func (w *inn) way(id pragma.GameInstanceID, players ...*client.Player) client.ConnectPlayers {
	r := client.ConnectPlayers{GameInstanceID: id, Hostname: "tavern.example", Port: 7777}
	for _, p := range players {
		r.Players = append(r.Players, client.PlayerExt{PlayerID: p.ID(), Ext: say("sit")})
	}
	return r
}

func (w *inn) poll(t *testing.T) {
	t.Helper()
	must(t, w.server.StartReportCapacityPolling(client.CapacityPolling{ServerID: "inn-1", ServerPoolID: "default", MaxGameInstanceCount: 2}))
}

// has waits until a player sees a last word, and his host.
func has(t *testing.T, p *client.Player, id pragma.GameInstanceID, text string) *client.Host {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	s, err := p.Wait(ctx, func(s client.State) bool {
		g := s.Game(id)
		if g == nil || g.Host == nil {
			return false
		}
		for key, data := range g.Entries() {
			if key.Key == lastWord.Name && said(data) == text {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("%v sees %+v: %v", p.ID(), p.State().Game(id), err)
	}
	return s.Game(id).Host
}

func TestAGameServerRunsAGameFromCapacityToItsEnd(t *testing.T) {
	runInn(t, func(t *testing.T, w *inn) {
		robin, marian := w.LogIn("robin"), w.LogIn("marian")
		w.poll(t)
		id := w.opened(t, robin)
		host := has(t, robin, id, "hello")
		for who, want := range map[*client.Player]bool{robin: true, marian: false} {
			if ok, err := w.server.VerifyPlayer(t.Context(), id, who.ID(), host.Token); err != nil || ok != want {
				t.Errorf("robin's token as that of %v: %v, %v; want %v", who.ID(), ok, err, want)
			}
		}
		asked, err := robin.Games.Host(t.Context(), id)
		must(t, err)
		if asked.Hostname != "tavern.example" || asked.Port != 7777 || said(asked.Ext) != "sit" {
			t.Errorf("robin is told %+v", asked)
		}

		_, err = marian.Games.Join(t.Context(), id, ext.Value{})
		must(t, err)
		if late := next[client.PlayersAdded](t, w); len(late.Players) != 1 || late.Players[0].PlayerID != marian.ID() || late.Players[0].Team != 1 {
			t.Errorf("the game server is told of %+v", late)
		}
		must(t, w.server.ConnectMorePlayers(t.Context(), w.way(id, marian)))
		must(t, w.server.Update(t.Context(), id, say("round one")))
		has(t, marian, id, "round one")
		must(t, marian.Games.Update(t.Context(), id, say("cheers")))
		has(t, robin, id, "cheers")

		of := marian.Subscribe()
		must(t, w.server.RemovePlayers(t.Context(), client.RemovePlayers{
			GameInstanceID: id, Players: []client.PlayerExt{{PlayerID: marian.ID(), Ext: say("you have had enough")}},
		}))
		out, err := client.Await[client.RemovedFromGame](t.Context(), of, nil)
		if err != nil || said(out.Ext) != "you have had enough" {
			t.Errorf("marian is told %+v, %v", out, err)
		}

		time.Sleep(10 * time.Minute) // signs of life keep it going
		of = robin.Subscribe()
		end := client.EndGame{GameInstanceID: id, Results: []client.PlayerExt{{PlayerID: robin.ID(), Ext: say("good night")}}}
		must(t, w.server.EndGame(t.Context(), end))
		must(t, w.server.EndGame(t.Context(), end))
		over, err := client.Await[client.GameEnded](t.Context(), of, nil)
		if err != nil || said(over.Ext) != "good night" {
			t.Errorf("robin is told %+v, %v", over, err)
		}
		must(t, w.server.ReportFreedCapacity(1))
		w.opened(t, robin)
	})
}

func TestAGameServerCreatesGamesAndGivesThemBack(t *testing.T) {
	runInn(t, func(t *testing.T, w *inn) {
		robin := w.LogIn("robin")
		start, err := w.server.Create(t.Context(), client.CreateInstance{Players: []client.PlayerToAdd{{PlayerID: robin.ID(), Team: 1}}})
		must(t, err)
		id := start.GameInstanceID
		if len(start.Players) != 1 || start.Players[0].Team != 1 {
			t.Errorf("the game server is told %+v", start)
		}
		must(t, w.server.ConnectPlayers(t.Context(), w.way(id, robin)))
		_, err = robin.Wait(t.Context(), func(s client.State) bool { return s.Game(id) != nil && s.Game(id).Host != nil })
		must(t, err)

		must(t, w.server.Unlink(t.Context(), id, ext.Value{}))
		_, err = robin.Wait(t.Context(), func(s client.State) bool { return s.Game(id) != nil && s.Game(id).Host == nil })
		must(t, err)
		must(t, robin.Games.Leave(t.Context(), id, ext.Value{}))

		w.poll(t)
		left, err := w.server.Create(t.Context(), client.CreateInstance{Players: []client.PlayerToAdd{{PlayerID: robin.ID()}}, SkipLink: true})
		must(t, err)
		if got := next[client.GameAllocated](t, w); got.GameInstanceID != left.GameInstanceID {
			t.Errorf("allocated %v, want the game that was left to others, %v", got, left.GameInstanceID)
		}
	})
}

func TestAGameServerIsToldToStop(t *testing.T) {
	runInn(t, func(t *testing.T, w *inn) {
		robin := w.LogIn("robin")
		w.poll(t)
		id := w.opened(t, robin)
		must(t, robin.Games.DeclineReconnect(t.Context(), id))
		if got := next[client.PlayerDeclined](t, w); got.PlayerID != robin.ID() {
			t.Errorf("%v declined, want robin", got)
		}
		must(t, robin.Games.Update(t.Context(), id, say("fire")))
		if got := next[client.GameOver](t, w); got.GameInstanceID != id || got.Reason != client.GameEndPlugin {
			t.Errorf("the game server is told %+v", got)
		}
	})
}

func TestAGameServerHasItsGameFilledUp(t *testing.T) {
	runInn(t, func(t *testing.T, w *inn) {
		robin, marian := w.LogIn("robin"), w.LogIn("marian")
		w.poll(t)
		id := w.opened(t, robin)
		must(t, w.server.EnterMatchmaking(t.Context(), id))
		next[client.BackfillStarted](t, w)
		_, err := marian.Party.Create(t.Context(), client.CreateParty{})
		must(t, err)
		_, err = marian.Party.SetReady(t.Context(), true)
		must(t, err)
		_, err = marian.Party.EnterMatchmaking(t.Context())
		must(t, err)
		if late := next[client.PlayersAdded](t, w); len(late.Players) != 1 || late.Players[0].PlayerID != marian.ID() {
			t.Errorf("the game server is told of %+v", late)
		}
		must(t, w.server.ConnectMorePlayers(t.Context(), w.way(id, marian)))
		has(t, marian, id, "hello")
		must(t, w.server.LeaveMatchmaking(t.Context(), id))
		next[client.BackfillStopped](t, w)
	})
}

// What the backend says while a game server is away arrives afterwards, once: from
// the stream that goes on after a break, from the game after a crash.
func TestAGameServerMissesNobodyWhileItIsAway(t *testing.T) {
	for name, backend := range map[string]func(w *inn){
		"a break":               func(*inn) {},
		"a crash":               func(w *inn) { w.Kill(); w.Start() },
		"a crash during a game": func(w *inn) { w.Kill(); time.Sleep(30 * time.Second); w.Start() },
		"a restart":             func(w *inn) { w.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			runInn(t, func(t *testing.T, w *inn) {
				robin, marian := w.LogIn("robin"), w.LogIn("marian")
				w.poll(t)
				id := w.opened(t, robin)
				w.server.GameConn().Break()
				_, err := marian.Games.Join(t.Context(), id, ext.Value{})
				must(t, err)
				backend(w)
				if late := next[client.PlayersAdded](t, w); len(late.Players) != 1 || late.Players[0].PlayerID != marian.ID() {
					t.Errorf("the game server is told of %+v", late)
				}
				must(t, w.server.ConnectMorePlayers(t.Context(), w.way(id, marian)))
				must(t, w.server.Update(t.Context(), id, say("here we are")))
				for _, p := range []*client.Player{robin, marian} {
					must(t, p.WaitConnected(t.Context()))
					has(t, p, id, "here we are")
				}
				time.Sleep(10 * time.Minute) // it goes on
				for _, e := range aboutGames(t, w.events) {
					t.Errorf("and then %T%+v", e, e)
				}
				if games, err := marian.Games.Sync(t.Context()); err != nil || len(games) != 1 {
					t.Errorf("marian is in %v, %v", games, err)
				}
			})
		})
	}
}

func TestAGameServerHearsOfTheEndThatItMissed(t *testing.T) {
	runInn(t, func(t *testing.T, w *inn) {
		robin := w.LogIn("robin")
		w.poll(t)
		id := w.opened(t, robin)
		w.server.GameConn().Break()
		must(t, robin.Games.Update(t.Context(), id, say("fire")))
		w.Kill()
		w.Start()
		if got := next[client.GameLost](t, w); got.GameInstanceID != id {
			t.Errorf("the game server is told %+v", got)
		}
		synctest.Wait()
	})
}
