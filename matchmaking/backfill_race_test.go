package matchmaking_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	byrules "github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// busy has an instance busy with somebody whom studio code adds, until the test
// calls release; it returns when that is under way.
func (w *world) busy(id string, who *player) (release func() error) {
	w.T.Helper()
	gate := make(chan struct{})
	w.arena.setAdd(func(r *gameinstance.BackendAddPlayersRequest) error {
		if !r.FromMatchmaking {
			<-gate
		}
		return gameinstance.Defaults{}.HandleBackendAddPlayersRequest(context.Background(), r)
	})
	game, err := pragma.ParseID[pragma.GameInstanceID](id)
	if err != nil {
		w.T.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- w.games.AddPlayers(w.T.Context(), game, ext.Value{}, []gameinstance.PlayerToAdd{{PlayerID: who.id}})
	}()
	synctest.Wait()
	return func() error {
		close(gate)
		return <-done
	}
}

// fillers runs a test with a matchmaker that sees pairs and goes by the room that
// a game says it has, and with plugins/rules, for games of one team.
func fillers(t *testing.T, room int, fn func(w *world)) {
	t.Run("pairs", func(t *testing.T) { run(t, backfill, fn) })
	t.Run("rules", func(t *testing.T) {
		pool := &byrules.Plugin{Config: byrules.Config{Default: byrules.Rules{
			NumberOfTeams: 1, PlayersPerTeam: room, Backfill: byrules.Backfill{Policy: byrules.BackfillPrefer},
		}}}
		run(t, setup{pool: pool, board: &board{}}, fn)
	})
}

func TestTwoComeForTheLastPlace(t *testing.T) {
	run(t, backfill, func(w *world) {
		server, marian := w.server(), w.player("marian")
		id := server.open(rules{Key: "a", Room: 1})
		release := w.busy(id, marian)
		robin := w.queued("a", "robin")[0] // is matched with what the game was
		if err := release(); err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if n := w.size(id); n != 1 {
			w.T.Errorf("%d players have the one place", n)
		}
		expect(w.T, "who was faster", marian.told(), []string{"SessionChanged set[1 4] removed[3]", "AddedToGame"})
		expect(w.T, "who waits", robin.told(), nil)
		robin.info()
		server.do("GameInstanceRpc.RemovePlayersV2", m{"gameInstanceId": id, "players": []m{{"playerId": marian.id.String()}}})
		expect(w.T, "the place is free", robin.told(), found)
	})
}

func TestTwoPartiesEnterForTheLastPlace(t *testing.T) {
	run(t, backfill, func(w *world) {
		server, robin, will := w.server(), w.player("robin"), w.player("will")
		w.party("a", robin)
		w.party("a", will)
		id := server.open(rules{Key: "a", Room: 1})
		robin.Request("PartyRpc.EnterMatchmakingV1", m{})
		will.Request("PartyRpc.EnterMatchmakingV1", m{})
		robin.Answer()
		will.Answer()
		synctest.Wait()
		in := 0
		for _, p := range []*player{robin, will} {
			if len(p.told()) == len(entered)+len(found) {
				in++
			}
		}
		if n := w.size(id); n != 1 || in != 1 {
			w.T.Errorf("%d players are in the game, %d were told; want 1", n, in)
		}
		expect(w.T, "the server", server.told(), []string{"AddPlayers"})
	})
}

func TestWhatHappensToAGameDuringAMatch(t *testing.T) {
	for _, c := range []struct {
		name string
		call string
		in   bool // the player is in the game afterwards
		over bool // the game is over
	}{
		{"it ends", "EndGameV1", false, true},
		{"it leaves matchmaking", "LeaveMatchmakingV1", false, false},
		{"its server unlinks", "UnlinkV1", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			fillers(t, 2, func(w *world) {
				server, marian := w.server(), w.player("marian")
				id := server.open(rules{Key: "a", Room: 2})
				release := w.busy(id, marian)
				server.Request("GameInstanceRpc."+c.call, m{"gameInstanceId": id}) // waits for its turn
				synctest.Wait()
				robin := w.player("robin")
				w.party("a", robin)
				robin.enter() // is matched, and waits behind that
				if err := release(); err != nil {
					w.T.Fatal(err)
				}
				if _, refused := server.Answer(); refused != nil {
					w.T.Fatalf("refused: %v", refused)
				}
				time.Sleep(30 * time.Second)
				where, err := w.games.InstancesOf(w.T.Context(), robin.id)
				if err != nil || (len(where) == 1) != c.in {
					w.T.Errorf("the player is in %v, %v", where, err)
				}
				_, refused := robin.Try("MatchmakingRpc.GetMatchmakingInfoV2", nil)
				if (refused == nil) == c.in {
					w.T.Errorf("asking for the queue gives %v", refused)
				}
				want := entered
				if c.in {
					want = append(append([]string{}, entered...), found...)
				}
				expect(w.T, "the player", robin.told(), want)
				err = w.game(id, func(*gameinstance.Instance) {})
				if errors.Is(err, gameinstance.ErrUnknownGameInstanceID) != c.over {
					w.T.Errorf("reading the game: %v", err)
				}
				if c.over && len(w.tickets()) != 1 {
					w.T.Errorf("tickets %v are left, want that of the player", w.tickets())
				}
			})
		})
	}
}

func TestAPartyLeavesDuringAMatch(t *testing.T) {
	fillers(t, 4, func(w *world) {
		server, marian := w.server(), w.player("marian")
		id := server.open(rules{Key: "a", Room: 4})
		release := w.busy(id, marian)
		robin, will := w.player("robin"), w.player("will")
		w.party("a", robin, will)
		robin.enter()
		will.do("MatchmakingRpc.LeaveMatchmakingV2", nil) // while the match waits for the game
		robin.told()
		if err := release(); err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		expect(w.T, "the party", robin.told(), nil)
		if n := w.size(id); n != 1 {
			w.T.Errorf("%d players are in the game, want 1", n)
		}
		robin.enter()
		expect(w.T, "and back", robin.told(), append(append([]string{}, entered...), found...))
	})
}

func TestAServerThatDiesTakesItsGameOutOfTheQueue(t *testing.T) {
	run(t, backfill, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 4})
		server.about("GameKeepAliveV1", id)
		server.Cut()
		time.Sleep(2 * time.Minute)
		if left := w.tickets(); len(left) != 0 {
			w.T.Errorf("%d tickets are left", len(left))
		}
		robin := w.queued("a", "robin")[0]
		expect(w.T, "the player", robin.told(), nil)
		robin.info()
	})
}

func TestAGameThatNobodyUsesLeavesTheQueueWhenItExpires(t *testing.T) {
	o := backfill
	o.config = `game: {serviceConfigs: {GameInstanceServiceConfig: {staleGameInstanceExpirationMinutes: 5, enableKeepAlive: false}}}`
	run(t, o, func(w *world) {
		w.server().open(rules{Key: "a", Room: 4})
		time.Sleep(10 * time.Minute)
		if left := w.tickets(); len(left) != 0 {
			w.T.Errorf("%d tickets are left", len(left))
		}
	})
}

// A time-out must take effect, whatever the plugin says of matchmaking.
func TestATimeOutOfAGameWhosePluginFails(t *testing.T) {
	b := &board{}
	run(t, setup{plugin: filler{}, board: b}, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 1})
		robin := w.queued("a", "robin")[0]
		b.setFail(errors.New("broken"))
		time.Sleep(2 * time.Minute) // nobody connects the player
		if n := w.size(id); n != 0 || w.waits(id) || len(w.tickets()) != 0 {
			w.T.Errorf("%d players, waits: %v", n, w.waits(id))
		}
		expect(w.T, "the server", server.told(), []string{"AddPlayers", "GameInstanceLeftMatchmaking"})
		_ = robin
	})
}

func TestAServerThatIsKilledDuringMatchesLosesNobody(t *testing.T) {
	fillers(t, 3, func(w *world) {
		server := w.server()
		id := server.open(rules{Key: "a", Room: 3})
		var all []*player
		for _, name := range []string{"robin", "will", "marian", "tuck"} {
			p := w.player(name)
			w.party("a", p)
			all = append(all, p)
		}
		var asking sync.WaitGroup
		for _, p := range all {
			asking.Go(func() { p.Request("PartyRpc.EnterMatchmakingV1", m{}) })
		}
		asking.Wait()
		w.Kill()
		w.Start()
		waiting, playing := 0, 0
		for _, p := range all {
			p.connect()
			where, err := w.games.InstancesOf(w.T.Context(), p.id)
			if err != nil {
				w.T.Fatal(err)
			}
			_, refused := p.Try("MatchmakingRpc.GetMatchmakingInfoV2", nil)
			if refused == nil {
				waiting++
			}
			playing += len(where)
			if refused == nil && len(where) > 0 {
				w.T.Errorf("%s waits and plays", p.name)
			}
		}
		if n := w.size(id); n != playing || n > 3 {
			w.T.Errorf("%d players are in the game, %d believe so", n, playing)
		}
		if got := len(w.tickets()); got != waiting+1 {
			w.T.Errorf("%d tickets, want %d and the game's", got, waiting)
		}
	})
}
