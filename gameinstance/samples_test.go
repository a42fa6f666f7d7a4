package gameinstance_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// The samples of the documented game instance tasks (requirement 003), each as a
// studio would write it today.

type sampleData struct {
	GamePhase    string `json:"gamePhase,omitzero"`
	PlayerPoints int    `json:"playerPoints,omitzero"`
	Character    string `json:"character,omitzero"`
}

// sample is the plugin that the tasks build up.
func (w *world) sample() {
	phase := gameinstance.Key[sampleData]{Name: "gamePhase", Sync: gameinstance.Public()}
	points := func(id pragma.PlayerID) gameinstance.Key[sampleData] {
		return gameinstance.Key[sampleData]{Name: "playerPoints", Sync: gameinstance.Player(id)}
	}
	w.plug.create = func(r *gameinstance.BackendCreateRequest) error {
		if err := phase.Create(r.GameInstance.Data(), sampleData{GamePhase: "loading"}); err != nil {
			return err
		}
		for _, p := range r.PlayersToAdd {
			added, err := r.GameInstance.AddPlayer(p)
			if err != nil {
				return err
			}
			if err := points(p.PlayerID).Create(added.Data(), sampleData{}); err != nil {
				return err
			}
		}
		r.GameInstance.AllocateGameServer(ext.Value{})
		return nil
	}
	w.plug.playerEdits = func(r *gameinstance.PlayerUpdateRequest) error {
		add, err := ext.As[struct {
			PointsToAdd int `json:"pointsToAdd"`
		}](r.RequestExt)
		if err != nil {
			return err
		}
		return points(r.RequestingPlayer.ID()).Update(r.RequestingPlayer.Data(), func(d *sampleData) { d.PlayerPoints += add.PointsToAdd })
	}
	w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
		return r.GameInstance.Data().UpdateData(phase.Name, r.RequestExt)
	}
	w.plug.remove = func(r *gameinstance.BackendRemovePlayersRequest) error {
		for _, p := range r.PlayersToRemove {
			if err := r.GameInstance.RemovePlayer(p.PlayerID, r.RequestExt); err != nil {
				return err
			}
		}
		if r.GameInstance.PlayerCount() == 0 {
			r.GameInstance.End(nil)
		}
		return nil
	}
}

func TestTheDocumentedSampleOfData(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.sample()
		ada, ben := w.player("ada"), w.player("ben")
		id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: toAdd(ada, ben), GameServerVersion: "v1", GameServerZone: "eu"})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		asked := w.provider.requests()
		equal(t, "servers asked for", []any{len(asked), asked[0].GameServerVersion, asked[0].GameServerZone}, []any{1, "v1", "eu"})
		data := ada.last("AddedToGameV1")["gameInstance"].(m)["data"]
		equal(t, "what ada sees", data, any([]any{
			m{"scope": "INSTANCE", "key": "gamePhase", "data": m{"gamePhase": "loading"}},
			m{"scope": "PLAYER", "playerId": ada.id.String(), "key": "playerPoints", "data": m{}},
		}))
		ben.quiet()

		ada.do("GameInstanceRpc.UpdateV1", m{"requestExt": m{"pointsToAdd": 2}})
		ada.do("GameInstanceRpc.UpdateV1", m{"requestExt": m{"pointsToAdd": 3}})
		equal(t, "ada's points", ada.last("GameInstanceUpdatedV1")["changed"].([]any)[0].(m)["data"], any(m{"playerPoints": 5.}))
		equal(t, "ben hears of them", ben.heard(), []string(nil))
		w.server().do("GameInstanceRpc.UpdateGameInstanceV1", m{"gameInstanceId": id.String(), "requestExt": m{"gamePhase": "running"}})
		for _, p := range []*peer{ada, ben} {
			equal(t, p.name+" sees the phase", p.last("GameInstanceUpdatedV1")["changed"].([]any)[0].(m)["data"], any(m{"gamePhase": "running"}))
		}
	})
}

func TestTheDocumentedSampleOfRemovalAndEnd(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.sample()
		ada, ben := w.player("ada"), w.player("ben")
		id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: toAdd(ada, ben)})
		if err != nil {
			t.Fatal(err)
		}
		remove := func(p *peer) {
			t.Helper()
			err := w.games.RemovePlayers(t.Context(), id, ext.Of(m{"reason": "idle"}), []gameinstance.PlayerToRemove{{PlayerID: p.id}})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, p.name+" is told why", p.last("RemovedFromGameV1")["ext"], any(m{"reason": "idle"}))
		}
		remove(ada)
		err = w.games.Read(t.Context(), id, func(i *gameinstance.Instance) error {
			equal(t, "players", i.PlayerCount(), 1)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		remove(ben) // the last one, which ends the game
		if err := w.games.Update(t.Context(), id, ext.Value{}); !errors.Is(err, gameinstance.ErrUnknownGameInstanceID) {
			t.Errorf("Update() = %v, want %v", err, gameinstance.ErrUnknownGameInstanceID)
		}
	})
}

// The data of a player who was removed is gone: when he comes back he begins anew.
func TestARemovedPlayersDataIsDeleted(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.custom()
		ada, ben := w.player("ada"), w.player("ben")
		id, _ := ada.game()
		own := gameinstance.Key[sampleData]{Name: "character", Sync: gameinstance.Public()}
		w.plug.join = func(r *gameinstance.PlayerJoinRequest) error {
			p, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
			if err != nil {
				return err
			}
			if _, there := p.Data().Get(own.Name); there {
				return errors.New("old data is still there")
			}
			return own.Create(p.Data(), sampleData{Character: "knight"})
		}
		for range 2 {
			ben.do("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": id, "requestExt": m{}})
			equal(t, "ada sees ben's", len(ada.last("GameInstanceUpdatedV1")["changed"].([]any)), 1)
			ben.do("GameInstanceRpc.LeaveV1", m{"requestExt": m{}})
			update := ada.last("GameInstanceUpdatedV1")
			equal(t, "and loses it", update["removed"], any([]any{m{"scope": "PLAYER", "playerId": ben.id.String(), "key": "character"}}))
			equal(t, "and him", update["playersRemoved"], any([]any{ben.id.String()}))
		}
	})
}

// Many change the same instance while clients come and go. When it is quiet, every
// client that followed the rules sees what is true, without asking once more.
func TestClientsConvergeWhileManyChangeTheGame(t *testing.T) {
	seeds := 8
	if testing.Short() {
		seeds = 2
	}
	for n := range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Logf("seed %d", seed)
			run(t, options{session: "playerRatePerSecond: 1000000, playerBurst: 1000000"}, func(t *testing.T, w *world) {
				converge(t, w, seed)
			})
		})
	}
}

func converge(t *testing.T, w *world, seed uint64) {
	w.custom()
	w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
		what, err := ext.As[struct{ Key, Mark string }](r.RequestExt)
		if err != nil {
			return err
		}
		var errs []error
		for i, p := range r.GameInstance.Players() {
			key := gameinstance.Key[m]{Name: fmt.Sprint(what.Key, i), Sync: gameinstance.Player(p.ID())}
			if i == 0 {
				key.Sync = gameinstance.Public()
			}
			errs = append(errs, key.Set(r.GameInstance.Data(), m{"mark": what.Mark}))
		}
		return errors.Join(errs...)
	}
	var screens []*screen
	id := w.match(w.players("ada", "ben", "cora")...)
	for _, name := range []string{"ada", "ben", "cora"} {
		s := newScreen(w.player(name), id)
		s.initialize()
		screens = append(screens, s)
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		r := rand.New(rand.NewPCG(seed, uint64(worker)))
		wg.Go(func() {
			for n := range 60 {
				what := m{"Key": fmt.Sprint("key ", r.IntN(6), " "), "Mark": fmt.Sprint(worker, " ", n)}
				if err := w.games.Update(t.Context(), id, ext.Of(what)); err != nil && !errors.Is(err, pragma.ErrUnavailable) {
					t.Errorf("update: %v", err)
				}
				time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
			}
		})
	}
	r := rand.New(rand.NewPCG(seed, 99))
	for range 30 {
		s := screens[r.IntN(len(screens))]
		s.drop()
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
		s.back()
		if r.IntN(2) == 0 {
			s.sync()
		}
	}
	wg.Wait()
	for n := range 6 { // what everybody sees, so that who has missed something notices
		if err := w.games.Update(t.Context(), id, ext.Of(m{"Key": fmt.Sprint("last ", n), "Mark": "last"})); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range screens {
		if _, problem := s.follow(); problem != "" {
			t.Error(problem)
		}
		got := *s.view
		s.initialize()
		equal(t, "entries of "+s.name, got.entries, s.view.entries)
	}
}
