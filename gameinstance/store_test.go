package gameinstance_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// count counts the records of a kind.
func count(t *testing.T, db store.Driver, kind string) int {
	t.Helper()
	n := 0
	for _, err := range db.List(t.Context(), store.Query{Kind: kind}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestNothingIsLeftOfAnInstance(t *testing.T) {
	db := store.NewMemory()
	p := &plug{}
	games := &gameinstance.Service{Plugin: p}
	build := func() *pragma.Server {
		return &pragma.Server{Game: []pragma.Service{games}, Store: func(context.Context) (store.Driver, error) { return db, nil }}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		t := w.T
		const entries = 600
		p.create = func(r *gameinstance.BackendCreateRequest) error {
			player, err := r.GameInstance.AddPlayer(r.PlayersToAdd[0])
			if err != nil {
				return err
			}
			for n := range entries {
				d := r.GameInstance.Data()
				if n%2 == 0 {
					d = player.Data()
				}
				if err := d.Create(fmt.Sprint("key ", n), ext.Value{}, gameinstance.Public()); err != nil {
					return err
				}
			}
			r.GameInstance.AllocateGameServer(ext.Value{})
			return nil
		}
		ada := []gameinstance.PlayerToAdd{{PlayerID: pragma.NewID[pragma.PlayerID]()}}
		id, err := games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: ada})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "entries", count(t, db, "instance-data"), entries)
		if err := games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		equal(t, "entries after the end", count(t, db, "instance-data"), 0)
		time.Sleep(time.Hour)
		for _, kind := range []string{"instance", "instance-roster", "instance-index", "instance-data", "instance-allocation", "outbox/allocate", "outbox/end-allocation"} {
			equal(t, kind, count(t, db, kind), 0)
		}
		if _, err := games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: ada}); err != nil {
			t.Errorf("the player is not free: %v", err)
		}
	})
}

func TestOfManyJoinsOneWins(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
		ada := w.player("ada")
		const games = 12
		var all []pragma.GameInstanceID
		for range games {
			id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, id)
		}
		var wg sync.WaitGroup
		results := make([]error, games)
		for n, id := range all {
			wg.Go(func() { results[n] = w.games.AddPlayers(t.Context(), id, ext.Value{}, toAdd(ada)) })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, gameinstance.ErrPlayerJoinFailed) && !errors.Is(err, pragma.ErrUnavailable):
				t.Errorf("join: %v", err)
			}
		}
		in, err := w.games.InstancesOf(t.Context(), ada.id)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "winners and games", []int{won, len(in)}, []int{1, 1})
	})
}

func TestAnUnchangedUpdateIsNoNewVersion(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		same := func(i *gameinstance.Instance) error {
			key := gameinstance.Key[m]{Name: "map", Sync: gameinstance.Public()}
			return key.Set(i.Data(), m{"name": "harbor"})
		}
		w.plug.update = func(r *gameinstance.BackendUpdateRequest) error { return same(r.GameInstance) }
		ada := w.player("ada")
		id := w.match(ada)
		version := func() (v int64) {
			if err := w.games.Read(t.Context(), id, func(i *gameinstance.Instance) error { v = i.Version(); return nil }); err != nil {
				t.Fatal(err)
			}
			return v
		}
		for n := range 3 {
			if err := w.games.Update(t.Context(), id, ext.Value{}); err != nil {
				t.Fatal(err)
			}
			equal(t, fmt.Sprintf("version after update %d", n), version(), int64(2))
		}
	})
}

func TestEndsOfUnknownGamesAreAcceptedIfConfigured(t *testing.T) {
	unknown := pragma.NewID[pragma.GameInstanceID]().String()
	run(t, options{}, func(t *testing.T, w *world) {
		w.server().refused("GameInstanceRpc.EndGameV1", m{"gameInstanceId": unknown}, "GameInstanceService_UnknownGameInstanceId")
	})
	run(t, options{config: "processEndGameForUnknownInstance: true"}, func(t *testing.T, w *world) {
		ends := 0
		w.plug.end = func(r *gameinstance.EndGameRequest) error {
			ends++
			r.GameInstance.End(nil)
			return nil
		}
		server := w.server()
		for range 2 {
			server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": unknown, "playerGameResults": []m{{"playerId": pragma.NewID[pragma.PlayerID]().String()}}})
		}
		equal(t, "ends", ends, 1)
	})
}

func TestAPlayerAddedToAGameThatEndsAtOnceIsFree(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.matched = func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
			return w.plug.OnEndGame(context.Background(), &gameinstance.EndGameRequest{GameInstance: r.GameInstance})
		}
		ada := w.player("ada")
		w.inParty("red", ada)
		w.queued(ada)
		w.match(ada)
		equal(t, "ada hears", ada.heard(), []string{"Session-3", "GameEndedV1", "PartyDetailsV1"})
		equal(t, "ada is in no game", ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["isInGameInstance"], any(false))
	})
}
