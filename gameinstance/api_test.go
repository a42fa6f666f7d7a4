package gameinstance_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func TestStudioCodeReadsTheGamesOfAPlayer(t *testing.T) {
	run(t, options{config: "allowMultipleGameInstancesPerPlayer: true"}, func(t *testing.T, w *world) {
		var api gameinstance.API = w.games
		ada, ben := w.player("ada"), w.player("ben")
		one := w.match(ada, ben)
		w.allocated().play(one, ada, ben)
		began := time.Now()
		two, err := api.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: toAdd(ada), GameServerVersion: "v2", GameServerZone: "us"})
		if err != nil {
			t.Fatal(err)
		}
		ids, err := api.InstancesOf(t.Context(), ada.id)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "ids", ids, []pragma.GameInstanceID{one, two})
		got, err := api.SummariesOf(t.Context(), ada.id)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i].CreatedAt.After(began) || got[i].LastAccess.Before(got[i].CreatedAt) {
				t.Errorf("times = %v, %v", got[i].CreatedAt, got[i].LastAccess)
			}
			got[i].CreatedAt, got[i].LastAccess = time.Time{}, time.Time{}
		}
		equal(t, "summaries", got, []gameinstance.Summary{
			{
				GameInstanceID: one, Version: 3, State: gameinstance.StateRunning, PlayerIDs: []pragma.PlayerID{ada.id, ben.id},
				GameServerVersion: "v1", GameServerZone: "eu", Hostname: "play.example", Port: 7777,
			},
			{
				GameInstanceID: two, Version: 1, State: gameinstance.StateAllocating, PlayerIDs: []pragma.PlayerID{ada.id},
				GameServerVersion: "v2", GameServerZone: "us",
			},
		})
		w.end(one)
		w.end(two)
		for _, who := range []pragma.PlayerID{ada.id, pragma.NewID[pragma.PlayerID](), {}} {
			if got, err := api.SummariesOf(t.Context(), who); err != nil || got != nil {
				t.Errorf("SummariesOf(%v) = %v, %v, want none", who, got, err)
			}
		}
	})
}

func TestCallsAboutAGameThatIsOverSaySo(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		var api gameinstance.API = w.games
		ended := w.match(w.player("ada"))
		w.end(ended)
		for _, id := range []pragma.GameInstanceID{ended, pragma.NewID[pragma.GameInstanceID](), {}} {
			for what, err := range map[string]error{
				"add":    api.AddPlayers(t.Context(), id, ext.Value{}, nil),
				"remove": api.RemovePlayers(t.Context(), id, ext.Value{}, nil),
				"update": api.Update(t.Context(), id, ext.Value{}),
				"end":    api.End(t.Context(), id, ext.Value{}, nil),
				"read":   api.Read(t.Context(), id, func(*gameinstance.Instance) error { return nil }),
			} {
				if !errors.Is(err, gameinstance.ErrUnknownGameInstanceID) {
					t.Errorf("%s of %v = %v, want ErrUnknownGameInstanceID", what, id, err)
				}
			}
		}
	})
}

// fakeGames is what a studio's test puts in the place of game instances.
type fakeGames struct {
	gameinstance.API
	removed int
}

func (f *fakeGames) RemovePlayers(context.Context, pragma.GameInstanceID, ext.Value, []gameinstance.PlayerToRemove) error {
	f.removed++
	return nil
}

func TestAStudioCanFakeTheAPI(t *testing.T) {
	fake := &fakeGames{}
	var api gameinstance.API = fake
	if err := api.RemovePlayers(t.Context(), pragma.GameInstanceID{}, ext.Value{}, nil); err != nil {
		t.Fatal(err)
	}
	equal(t, "calls", fake.removed, 1)
}
