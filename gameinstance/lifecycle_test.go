package gameinstance_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// TestRandomLivesKeepTheInvariants lets players and game servers do what they like,
// in any order, with time passing, lost connections and killed backends between.
// Whatever happens: who is in a game is so by his slot and by the game's players,
// he is in one game only, versions never go back, a game without a server is not
// waited for for ever, and in the end everybody is free.
func TestRandomLivesKeepTheInvariants(t *testing.T) {
	seeds, steps := 10, 120
	if testing.Short() {
		seeds, steps = 3, 50
	}
	for n := range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Logf("seed %d", seed)
			run(t, options{config: "staleGameInstanceExpirationMinutes: 90"}, func(t *testing.T, w *world) {
				newLife(t, w, rand.New(rand.NewPCG(seed, 1))).run(steps)
			})
		})
	}
}

// life is one random run.
type life struct {
	t        *testing.T
	w        *world
	rand     *rand.Rand
	players  []*peer
	server   *peer // with a token for all instances
	games    []pragma.GameInstanceID
	versions map[pragma.GameInstanceID]int64
}

func newLife(t *testing.T, w *world, r *rand.Rand) *life {
	w.custom()
	w.plug.remove = nil
	return &life{
		t: t, w: w, rand: r, server: w.server(), versions: make(map[pragma.GameInstanceID]int64),
		players: w.players("ada", "ben", "cora", "dan"),
	}
}

func (l *life) run(steps int) {
	for n := range steps {
		what := l.step()
		time.Sleep(200 * time.Millisecond) // the gateways limit how fast one may call
		synctest.Wait()
		l.check(fmt.Sprintf("step %d (%s)", n, what))
		if l.t.Failed() {
			return
		}
	}
	time.Sleep(4 * time.Hour) // whatever was waited for is over
	for _, p := range l.players {
		if in, err := l.w.games.InstancesOf(l.t.Context(), p.id); err != nil || len(in) > 0 {
			l.t.Errorf("%s is still in %v, %v", p.name, in, err)
		}
	}
	for _, id := range l.games {
		if state := l.w.state(id); state == gameinstance.StateRunning || state == gameinstance.StateLinked {
			l.t.Errorf("game %v is still %s", id, state)
		}
	}
}

// step does one random thing and says what. Most are refused at times.
func (l *life) step() string {
	p := l.players[l.rand.IntN(len(l.players))]
	id := l.game()
	named := m{"gameInstanceId": id.String(), "requestExt": m{}}
	switch l.rand.IntN(20) {
	case 0, 1:
		if got, refused := p.try("GameInstanceRpc.CreateV1", m{"requestExt": m{}}); refused == "" {
			l.games = append(l.games, gameOf(l.t, got["gameInstanceId"]))
		}
		return p.name + " creates"
	case 2:
		if id, err := l.w.tryMatch(p, l.players[l.rand.IntN(len(l.players))]); err == nil {
			l.games = append(l.games, id)
		}
		return p.name + " is matched"
	case 3, 4, 5:
		_, refused := p.try("GameInstanceRpc.JoinGameInstanceV1", named)
		return p.name + " joins: " + refused
	case 6:
		_, refused := p.try("GameInstanceRpc.LeaveV1", m{"requestExt": m{}})
		return p.name + " leaves: " + refused
	case 7, 8:
		_, refused := p.try("GameInstanceRpc.UpdateV1", m{"requestExt": m{}})
		return p.name + " updates: " + refused
	case 9:
		p.Cut()
		time.Sleep(time.Duration(l.rand.IntN(20)) * time.Second)
		p.connect()
		return p.name + " reconnects"
	case 10:
		return l.elapse()
	}
	return l.serve(id)
}

// serve has the server do something with a game.
func (l *life) serve(id pragma.GameInstanceID) string {
	named := m{"gameInstanceId": id.String(), "requestExt": m{}}
	calls := []string{"LinkV1", "GameKeepAliveV1", "ConnectPlayersV1", "ConnectMorePlayersV1", "UnlinkV1", "EndGameV1", "RemovePlayersV2"}
	call := calls[l.rand.IntN(len(calls))]
	switch call {
	case "ConnectPlayersV1", "ConnectMorePlayersV1":
		named["playerConnectionDetails"] = details(l.in(id)...)
	case "RemovePlayersV2":
		var some []m
		for _, p := range l.in(id) {
			some = append(some, m{"playerId": p.id.String()})
		}
		named["players"] = some[:min(1, len(some))]
	}
	_, refused := l.server.try("GameInstanceRpc."+call, named)
	return call + ": " + refused
}

// elapse lets time pass, perhaps over the death of the backend.
func (l *life) elapse() string {
	d := []time.Duration{time.Second, 30 * time.Second, 3 * time.Minute, 100 * time.Minute}[l.rand.IntN(4)]
	if l.rand.IntN(3) > 0 {
		time.Sleep(d)
		return fmt.Sprint("pause of ", d)
	}
	l.w.Kill()
	time.Sleep(d)
	l.w.Start()
	for _, p := range l.players {
		p.token, _ = l.w.Tokens(p.name)
		p.connect()
	}
	l.server.connect()
	return fmt.Sprint("dead for ", d)
}

func (l *life) game() pragma.GameInstanceID {
	if len(l.games) == 0 {
		return pragma.NewID[pragma.GameInstanceID]()
	}
	recent := l.games[max(0, len(l.games)-4):]
	return recent[l.rand.IntN(len(recent))]
}

// in returns the players of a game.
func (l *life) in(id pragma.GameInstanceID) []*peer {
	var list []*peer
	err := l.w.games.Read(l.t.Context(), id, func(i *gameinstance.Instance) error {
		list = nil
		for _, p := range l.players {
			if i.Player(p.id) != nil {
				list = append(list, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return list
}

// check compares slots and games.
func (l *life) check(when string) {
	for _, p := range l.players {
		in, err := l.w.games.InstancesOf(l.t.Context(), p.id)
		if err != nil {
			l.t.Fatal(err)
		}
		if len(in) > 1 {
			l.t.Errorf("%s: %s is in %d games", when, p.name, len(in))
		}
		for _, id := range l.games {
			if there := slices.Contains(l.in(id), p); there != slices.Contains(in, id) {
				l.t.Errorf("%s: %s: slot says %v, the players of %v say %v", when, p.name, in, id, there)
			}
		}
		l.checkView(when, p)
	}
	for _, id := range l.games {
		_ = l.w.games.Read(l.t.Context(), id, func(i *gameinstance.Instance) error {
			if i.Version() < l.versions[id] {
				l.t.Errorf("%s: the version of %v goes back from %d to %d", when, id, l.versions[id], i.Version())
			}
			l.versions[id] = i.Version()
			return nil
		}) // those that are over are not there
	}
}

// checkView compares what a player is told he is in with his slot.
func (l *life) checkView(when string, p *peer) {
	in, err := l.w.games.InstancesOf(l.t.Context(), p.id)
	if err != nil {
		l.t.Fatal(err)
	}
	got := p.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["gameInstances"].([]any)
	var told []pragma.GameInstanceID
	for _, e := range got {
		told = append(told, gameOf(l.t, e.(m)["gameInstanceId"]))
	}
	if !slices.Equal(told, in) {
		l.t.Errorf("%s: %s is told he is in %v, and is in %v", when, p.name, told, in)
	}
	p.quiet()
	l.server.quiet()
}

func gameOf(t *testing.T, text any) pragma.GameInstanceID {
	t.Helper()
	id, err := pragma.ParseID[pragma.GameInstanceID](text.(string))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAKillAtEveryStepOfAGameLosesNothing(t *testing.T) {
	steps := []string{"match", "link", "connect", "update", "end"}
	for at := range steps {
		t.Run("after "+steps[at], func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				w.custom()
				w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
					return r.GameInstance.Data().Create("round", r.RequestExt, gameinstance.Public())
				}
				ada, ben := w.player("ada"), w.player("ben")
				w.inParty("red", ada, ben)
				var id pragma.GameInstanceID
				var server *peer
				do := map[string]func(){
					"match": func() { id = w.match(ada, ben) },
					"link": func() {
						server = w.allocated()
						server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
					},
					"connect": func() {
						server.do("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": id.String(), "hostname": "h", "port": 1, "playerConnectionDetails": details(ada, ben)})
					},
					"update": func() {
						server.do("GameInstanceRpc.UpdateGameInstanceV1", m{"gameInstanceId": id.String(), "requestExt": m{"n": 1}})
					},
					"end": func() { server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String()}) },
				}
				for n, step := range steps {
					do[step]()
					if n != at {
						continue
					}
					w.Kill()
					time.Sleep(time.Second)
					w.Start()
					for _, p := range []*peer{ada, ben} {
						p.token, _ = w.Tokens(p.name)
						p.connect()
					}
					if server != nil {
						server.connect()
					}
				}
				for _, p := range []*peer{ada, ben} {
					equal(t, p.name+" is in a game", p.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["isInGameInstance"], any(false))
				}
				equal(t, "parties", slices.Compact(w.clubs.returned), []string{"red"})
				if err := w.games.Update(t.Context(), id, ext.Value{}); err == nil {
					t.Error("the game is not over")
				}
			})
		})
	}
}
