package gameinstance_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// The rows of the documented rules (engine §5.1, §5.4, §5.7) that are not part of
// another story.

func TestAGameThatAPlayerMakesHasTheVersionOfHisParty(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.custom()
		ada, ben, cora := w.player("ada"), w.player("ben"), w.player("cora")
		red := w.inParty("red", ada)
		w.clubs.version = func(party pragma.PartyID, client string) (string, error) {
			switch {
			case party == red:
				return "of-the-party", nil
			case client == "c1":
				return "of-the-client", nil
			}
			return "", &pragma.Error{Code: pragma.FailedPrecondition, Reason: "PartyService_GameServerNoLongerCompatible"}
		}
		create := func(p *peer, client string) any {
			got := p.do("GameInstanceRpc.CreateV1", m{"requestExt": m{}, "gameClientVersion": client})
			return got["gameInstance"].(m)["gameServerVersion"]
		}
		equal(t, "in a party", create(ada, "c1"), any("of-the-party"))
		equal(t, "alone", create(ben, "c1"), any("of-the-client"))
		cora.refused("GameInstanceRpc.CreateV1", m{"requestExt": m{}, "gameClientVersion": "c9"}, "GameInstanceService_CreateFailed")
		equal(t, "cora hears", cora.heard(), []string(nil))
	})
}

func TestAllocatingAgainHasNoEffect(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		again := func(i *gameinstance.Instance) error {
			i.AllocateGameServer(ext.Of(m{"again": true}))
			i.SetGameServerZone("too late")
			return nil
		}
		w.plug.matched = func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
			r.GameInstance.AllocateGameServer(ext.Value{})
			return again(r.GameInstance)
		}
		w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
			r.GameInstance.SetGameServerZone("too late")
			return again(r.GameInstance)
		}
		ada := w.player("ada")
		id := w.match(ada)
		for _, when := range []string{"while it is asked for", "when it is linked", "while it runs"} {
			if err := w.games.Update(t.Context(), id, ext.Value{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := len(w.provider.requests()); n != 1 {
				t.Errorf("%s: the provider was asked %d times, want once", when, n)
			}
			switch when {
			case "while it is asked for":
				w.allocated().do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
			case "when it is linked":
				w.server().refused("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()}, "GameInstanceService_AlreadyLinked")
			}
		}
		view := ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["gameInstances"].([]any)[0].(m)
		equal(t, "zone", view["gameServerZone"], any("eu"))
	})
}

func TestOnlyTheLinkedServersCallsEndTheTrustInItsSocket(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		w.allocated().play(id, ada)
		w.server().do("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": id.String()}) // another one
		time.Sleep(10 * time.Minute)
		equal(t, "state", w.state(id), gameinstance.StateRunning)
	})
}

func TestWithoutKeepAliveASilentServerIsTrusted(t *testing.T) {
	run(t, options{config: "enableKeepAlive: false"}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		got := server.do("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": id.String()})
		equal(t, "answer", got["enableKeepAlive"], any(false))
		server.Cut()
		time.Sleep(time.Hour)
		equal(t, "state", w.state(id), gameinstance.StateRunning)
	})
}

func TestHostsThatNobodyCouldReachAreRefused(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
		ada.quiet()
		for _, row := range []struct {
			name, hostname string
			port           any
		}{
			{"negative port", "h", -1},
			{"port beyond the last", "h", 65536},
			{"port beyond 32 bits", "h", "99999999999"},
			{"port that is no number", "h", "x"},
			{"endless hostname", strings.Repeat("h", 256), 1},
		} {
			for _, call := range []string{"ConnectPlayersV1", "ConnectMorePlayersV1"} {
				if _, got := server.try("GameInstanceRpc."+call, m{
					"gameInstanceId": id.String(), "hostname": row.hostname, "port": row.port, "playerConnectionDetails": details(ada),
				}); got != "Serialization_Error" {
					t.Errorf("%s: %s: refused with %q", call, row.name, got)
				}
			}
		}
		equal(t, "ada hears", ada.heard(), []string(nil))
		equal(t, "state", w.state(id), gameinstance.StateLinked)
	})
}

// An error of any Handle hook refuses the request, reaches who made it, and leaves
// nothing behind.
func TestEveryHookMayRefuse(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.custom()
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		refusal := &pragma.Error{Code: pragma.FailedPrecondition, Reason: "Arena_Closed", Title: true, Message: "closed"}
		spoil := func(i *gameinstance.Instance) error {
			_ = i.Data().Create("spoilt", ext.Value{}, gameinstance.Public())
			i.Terminate()
			return refusal
		}
		w.plug.matched = func(r *gameinstance.BackendCreateByMatchmakingRequest) error { return spoil(r.GameInstance) }
		w.plug.create = func(r *gameinstance.BackendCreateRequest) error { return spoil(r.GameInstance) }
		w.plug.playerMakes = func(r *gameinstance.PlayerCreateRequest) error { return spoil(r.GameInstance) }
		w.plug.join = func(r *gameinstance.PlayerJoinRequest) error { return spoil(r.GameInstance) }
		w.plug.leave = func(r *gameinstance.PlayerLeaveRequest) error { return spoil(r.GameInstance) }
		w.plug.remove = func(r *gameinstance.BackendRemovePlayersRequest) error { return spoil(r.GameInstance) }
		w.plug.update = func(r *gameinstance.BackendUpdateRequest) error { return spoil(r.GameInstance) }
		w.plug.playerEdits = func(r *gameinstance.PlayerUpdateRequest) error { return spoil(r.GameInstance) }
		w.plug.end = func(r *gameinstance.EndGameRequest) error { return spoil(r.GameInstance) }
		w.plug.unlink = func(r *gameinstance.GameServerUnlinkRequest) error { return spoil(r.GameInstance) }
		ada.quiet()
		server.quiet()
		before := ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil)

		named := m{"gameInstanceId": id.String(), "requestExt": m{}, "ext": m{}, "players": []m{{"playerId": ada.id.String()}}}
		for _, row := range []struct {
			who  *peer
			call string
		}{
			{ben, "CreateV1"}, {ben, "JoinGameInstanceV1"}, {ada, "LeaveV1"}, {ada, "UpdateV1"},
			{server, "UpdateGameInstanceV1"}, {server, "RemovePlayersV1"}, {server, "RemovePlayersV2"},
			{server, "EndGameV1"}, {server, "UnlinkV1"}, {server, "CreateGameInstancePartnerV1"},
		} {
			row.who.refused("GameInstanceRpc."+row.call, named, "Arena_Closed")
		}
		ctx := t.Context()
		_, created := w.games.Create(ctx, &gameinstance.CreateOptions{})
		_, matched := w.tryMatch(ben)
		for name, err := range map[string]error{
			"Create": created, "CreateByMatchmaking": matched,
			"RemovePlayers": w.games.RemovePlayers(ctx, id, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: ada.id}}),
			"Update":        w.games.Update(ctx, id, ext.Value{}),
			"End":           w.games.End(ctx, id, ext.Value{}, nil),
		} {
			if !errors.Is(err, refusal) {
				t.Errorf("%s() = %v, want %v", name, err, refusal)
			}
		}
		equal(t, "the game afterwards", ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil), before)
		for _, p := range []*peer{ada, ben, server} {
			equal(t, p.name+" hears", p.heard(), []string(nil))
		}
		equal(t, "ben is in a game", ben.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["isInGameInstance"], any(false))
	})
}

// A hook that builds something may refuse too: then nobody is added.
func TestAFailedBuildHookAddsNobody(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.custom()
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		ada.quiet()
		server.quiet()
		join := m{"gameInstanceId": id.String(), "requestExt": m{}}
		broken := func() (ext.Value, error) { return ext.Value{}, gameinstance.ErrPlayerJoinFailed }
		w.plug.added = func(*gameinstance.BuildExtAddedToGameRequest) (ext.Value, error) { return broken() }
		ben.refused("GameInstanceRpc.JoinGameInstanceV1", join, "GameInstanceService_PlayerJoinFailed")
		w.plug.added = nil
		w.plug.server = func(*gameinstance.BuildExtGameServerPlayerRequest) (ext.Value, error) { return broken() }
		ben.refused("GameInstanceRpc.JoinGameInstanceV1", join, "GameInstanceService_PlayerJoinFailed")
		for _, p := range []*peer{ada, ben, server} {
			equal(t, p.name+" hears", p.heard(), []string(nil))
		}
	})
}

// What a plugin makes of a failure replaces the default.
func TestPluginsOwnWhatHappensAfterAFailure(t *testing.T) {
	keep := func(i *gameinstance.Instance, what string) error {
		return gameinstance.Key[m]{Name: "failure", Sync: gameinstance.Public()}.Set(i.Data(), m{"what": what})
	}
	t.Run("initial players", func(t *testing.T) {
		run(t, options{}, func(t *testing.T, w *world) {
			w.plug.noInitial = func(r *gameinstance.GameServerFailedToConnectInitialPlayersRequest) error {
				equal(t, "initial players", len(r.InitialPlayers), 2)
				return keep(r.GameInstance, "initial")
			}
			ada := w.player("ada")
			id := w.match(ada, w.player("ben"))
			w.allocated().do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
			ada.quiet()
			time.Sleep(2 * time.Minute)
			equal(t, "ada sees", ada.last("GameInstanceUpdatedV1")["changed"].([]any)[0].(m)["data"], any(m{"what": "initial"}))
			equal(t, "state", w.state(id), gameinstance.StateCreated)
		})
	})
	t.Run("more players", func(t *testing.T) {
		run(t, options{}, func(t *testing.T, w *world) {
			w.plug.noMore = func(r *gameinstance.GameServerFailedToConnectMorePlayersRequest) error {
				equal(t, "more players", len(r.MorePlayers), 1)
				return keep(r.GameInstance, r.MorePlayers[0].DisplayName().DisplayName)
			}
			ada, ben := w.player("ada"), w.player("ben")
			id := w.match(ada)
			server := w.allocated()
			server.play(id, ada)
			if err := w.games.AddPlayers(t.Context(), id, ext.Value{}, toAdd(ben)); err != nil {
				t.Fatal(err)
			}
			keepAlive(server, id, 2*time.Minute)
			equal(t, "ada sees", ada.last("GameInstanceUpdatedV1")["changed"].([]any)[0].(m)["data"], any(m{"what": "ben"}))
			equal(t, "ben is still in", ben.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["isInGameInstance"], any(true))
		})
	})
}

func TestPlayersWhoComeBeforeTheServerAreInItsStartData(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada)
		first := w.allocated()
		if err := w.games.AddPlayers(t.Context(), id, ext.Value{}, toAdd(ben)); err != nil {
			t.Fatal(err)
		}
		start := first.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})["gameStart"].(m)
		equal(t, "players", len(start["players"].([]any)), 2)
		equal(t, "server hears", first.heard(), []string(nil))
		first.refused("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": id.String(), "playerConnectionDetails": details(ada)},
			"GameInstanceService_MissingPlayerConnectionDetails")
	})
}

// Of those who wait for one instance the last ones are refused, with the
// documented reason, and nothing is lost of the others.
func TestABusyInstanceRefuses(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		total := gameinstance.Key[counter]{Name: "n"}
		first := true
		w.plug.update = func(r *gameinstance.BackendUpdateRequest) error {
			if first {
				first = false
				time.Sleep(time.Second)
			}
			return total.Update(r.GameInstance.Data(), func(c *counter) { c.N++ })
		}
		id := w.match(w.player("ada"))
		const calls = 300
		errs := make([]error, calls)
		var wg sync.WaitGroup
		for n := range calls {
			wg.Go(func() { errs[n] = w.games.Update(t.Context(), id, ext.Value{}) })
		}
		wg.Wait()
		var done, busy int64
		for _, err := range errs {
			switch {
			case err == nil:
				done++
			case errors.Is(err, gameinstance.ErrInternal) && errors.Is(err, pragma.ErrUnavailable):
				busy++
			default:
				t.Errorf("Update() = %v, want nil or %v", err, gameinstance.ErrInternal)
			}
		}
		if done+busy != calls || busy == 0 {
			t.Errorf("%d were done and %d refused of %d", done, busy, calls)
		}
		if err := w.games.Read(t.Context(), id, func(i *gameinstance.Instance) error {
			got, err := total.Get(i.Data())
			equal(t, "updates that count", got.N, done)
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

// Whatever reads or writes an instance counts as using it.
func TestEveryAccessPutsExpirationOff(t *testing.T) {
	for _, row := range []struct {
		name string
		use  func(w *world, ada, server *peer, id pragma.GameInstanceID)
	}{
		{"initialize", func(_ *world, ada, _ *peer, _ pragma.GameInstanceID) {
			ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil)
		}},
		{"sync", func(_ *world, ada, _ *peer, _ pragma.GameInstanceID) {
			ada.do("MultiplayerRpc.SyncGameInstanceV1", nil)
		}},
		{"host details", func(_ *world, ada, _ *peer, id pragma.GameInstanceID) {
			ada.do("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id.String()})
		}},
		{"player update that changes nothing", func(_ *world, ada, _ *peer, _ pragma.GameInstanceID) {
			ada.do("GameInstanceRpc.UpdateV1", m{"requestExt": m{}})
		}},
		{"reconnect", func(_ *world, ada, _ *peer, _ pragma.GameInstanceID) { ada.connect() }},
		{"read by studio code", func(w *world, _, _ *peer, id pragma.GameInstanceID) { w.state(id) }},
		{"update by studio code", func(w *world, _, _ *peer, id pragma.GameInstanceID) {
			if err := w.games.Update(w.T.Context(), id, ext.Value{}); err != nil {
				w.T.Error(err)
			}
		}},
		{"verify by a server", func(_ *world, ada, server *peer, id pragma.GameInstanceID) {
			server.do("GameInstanceRpc.VerifyPlayerPartnerV1", m{"gameInstanceId": id.String(), "playerId": ada.id.String()})
		}},
		{"update by a server", func(_ *world, _, server *peer, id pragma.GameInstanceID) {
			server.do("GameInstanceRpc.UpdateGameInstanceV1", m{"gameInstanceId": id.String()})
		}},
		{"nothing", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, options{config: "staleGameInstanceExpirationMinutes: 60"}, func(t *testing.T, w *world) {
				w.plug.create = func(r *gameinstance.BackendCreateRequest) error {
					_, err := r.GameInstance.AddPlayer(r.PlayersToAdd[0])
					return err
				}
				ada, server := w.player("ada"), w.server()
				id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: toAdd(ada)})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(55 * time.Minute)
				if row.use != nil {
					row.use(w, ada, server, id)
				}
				ada.quiet()
				time.Sleep(40 * time.Minute)
				equal(t, "is used", len(ada.heard()) == 0, row.use != nil)
				time.Sleep(30 * time.Minute)
				if _, err := w.games.InstancesOf(t.Context(), ada.id); err != nil || w.state(id) == gameinstance.StateCreated {
					t.Error("the instance is there for ever")
				}
			})
		})
	}
}

func TestZeroOrLessMeansThatNothingExpires(t *testing.T) {
	for _, minutes := range []int{0, -5} {
		t.Run(fmt.Sprint(minutes), func(t *testing.T) {
			run(t, options{config: fmt.Sprint("staleGameInstanceExpirationMinutes: ", minutes)}, func(t *testing.T, w *world) {
				w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
				id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Hour)
				equal(t, "state", w.state(id), gameinstance.StateCreated)
			})
		})
	}
}

func TestAnInstanceMeantByNobodyIsNamedByNobody(t *testing.T) {
	run(t, options{config: "allowMultipleGameInstancesPerPlayer: true"}, func(t *testing.T, w *world) {
		w.custom()
		ada := w.player("ada")
		for _, call := range []string{"LeaveV1", "UpdateV1"} {
			ada.refused("GameInstanceRpc."+call, m{"requestExt": m{}}, "GameInstanceService_PlayerNotInGameInstance")
			ada.refused("GameInstanceRpc."+call, m{"gameInstanceId": "", "requestExt": m{}}, "GameInstanceService_PlayerNotInGameInstance")
			ada.refused("GameInstanceRpc."+call, m{"gameInstanceId": "x", "requestExt": m{}}, "Serialization_Error")
		}
		first, _ := ada.game()
		ada.do("GameInstanceRpc.UpdateV1", m{"gameInstanceId": "", "requestExt": m{}})
		ada.game()
		for _, call := range []string{"LeaveV1", "UpdateV1"} {
			ada.refused("GameInstanceRpc."+call, m{"requestExt": m{}}, "GameInstanceService_UnknownGameInstanceId")
		}
		ada.do("GameInstanceRpc.LeaveV1", m{"gameInstanceId": strings.ToUpper(first), "requestExt": m{}})
		ada.do("GameInstanceRpc.UpdateV1", m{"requestExt": m{}}) // one is left
	})
}
