package gameinstance_test

import (
	"errors"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// custom lets players make, join and leave games, and count.
func (w *world) custom() {
	w.plug.playerMakes = func(r *gameinstance.PlayerCreateRequest) error {
		_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
		return err
	}
	w.plug.join = func(r *gameinstance.PlayerJoinRequest) error {
		_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
		return err
	}
	w.plug.leave = func(r *gameinstance.PlayerLeaveRequest) error {
		return r.GameInstance.RemovePlayer(r.RequestingPlayer.ID(), r.RequestExt)
	}
	count := gameinstance.Key[counter]{Name: "count", Sync: gameinstance.Public()}
	w.plug.playerEdits = func(r *gameinstance.PlayerUpdateRequest) error {
		return count.Update(r.GameInstance.Data(), func(b *counter) { b.N++ })
	}
}

type counter struct {
	N int64 `json:"n"`
}

// game has a player create a game.
func (p *peer) game() (string, m) {
	p.w.T.Helper()
	got := p.do("GameInstanceRpc.CreateV1", m{"requestExt": m{}, "gameServerZone": "eu"})
	return got["gameInstanceId"].(string), got["gameInstance"].(m)
}

func TestDefaultsRefusePlayers(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada).String()
		ben.refused("GameInstanceRpc.CreateV1", m{"requestExt": m{}}, "GameInstanceService_CreateFailed")
		ben.refused("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": id, "requestExt": m{}}, "GameInstanceService_PlayerJoinFailed")
		ada.refused("GameInstanceRpc.LeaveV1", m{"gameInstanceId": id, "requestExt": m{}}, "GameInstanceService_LeaveFailed")
		ada.do("GameInstanceRpc.UpdateV1", m{"gameInstanceId": id, "requestExt": m{}})
	})
}

func TestAPlayerMakesAGameAndOthersJoin(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.custom()
		ada, ben := w.player("ada"), w.player("ben")
		party := w.inParty("red", ada, ben)
		id, view := ada.game()
		equal(t, "zone and state", []any{view["gameServerZone"], view["state"], view["version"]}, []any{"eu", "CREATED", "1"})
		me := view["players"].([]any)[0].(m)
		equal(t, "ada in it", []any{me["displayName"].(m)["displayName"], me["partyId"]}, []any{"ada", party.String()})
		equal(t, "ada hears", ada.heard(), []string{"Session+1+4-3", "AddedToGameV1"})

		got := ben.do("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": id, "requestExt": m{}})
		equal(t, "version", got["gameInstance"].(m)["version"], any("2"))
		equal(t, "ben hears", ben.heard(), []string{"Session+1+4-3", "AddedToGameV1"})
		update := ada.last("GameInstanceUpdatedV1")
		equal(t, "versions", []any{update["previousVersion"], update["version"]}, []any{"1", "2"})

		ben.do("GameInstanceRpc.UpdateV1", m{"requestExt": m{}}) // the one he is in
		equal(t, "ada sees", ada.last("GameInstanceUpdatedV1")["changed"].([]any)[0].(m)["data"], any(m{"n": 1.}))
		ben.quiet()
		ben.do("GameInstanceRpc.LeaveV1", m{"requestExt": m{"bye": true}})
		equal(t, "ben hears", ben.heard(), []string{"Session-4-1", "RemovedFromGameV1", "PartyDetailsV1"})
		ben.refused("GameInstanceRpc.LeaveV1", m{"requestExt": m{}}, "GameInstanceService_PlayerNotInGameInstance")
		ben.refused("GameInstanceRpc.UpdateV1", m{"gameInstanceId": id, "requestExt": m{}}, "GameInstanceService_PlayerNotInGameInstance")
		ben.refused("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id}, "GameInstanceService_PlayerNotInGameInstance")
	})
}

func TestAPlayerIsInOneGame(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.custom()
		ada, ben, cora := w.player("ada"), w.player("ben"), w.player("cora")
		first, _ := ada.game()
		second, _ := ben.game()
		ada.refused("GameInstanceRpc.CreateV1", m{"requestExt": m{}}, "GameInstanceService_CreateFailed")
		ada.refused("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": second, "requestExt": m{}}, "GameInstanceService_PlayerJoinFailed")
		ada.refused("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": first, "requestExt": m{}}, "GameInstanceService_PlayerJoinFailed")
		ada.refused("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": pragma.NewID[pragma.GameInstanceID](), "requestExt": m{}}, "GameInstanceService_UnknownGameInstanceId")
		w.queued(cora)
		cora.refused("GameInstanceRpc.CreateV1", m{"requestExt": m{}}, "GameInstanceService_CreateFailed")
		cora.refused("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": first, "requestExt": m{}}, "GameInstanceService_PlayerJoinFailed")
		if _, err := w.tryMatch(cora, ada); !errors.Is(err, gameinstance.ErrPlayerJoinFailed) {
			t.Errorf("CreateByMatchmaking() = %v, want %v", err, gameinstance.ErrPlayerJoinFailed)
		}
		if err := w.games.AddPlayers(t.Context(), w.match(cora), ext.Value{}, toAdd(w.player("dan"), ben)); !errors.Is(err, gameinstance.ErrPlayerJoinFailed) {
			t.Errorf("AddPlayers() = %v, want %v", err, gameinstance.ErrPlayerJoinFailed)
		}
	})
}

func TestAPlayerMayBeInSeveralGames(t *testing.T) {
	run(t, options{config: "allowMultipleGameInstancesPerPlayer: true"}, func(t *testing.T, w *world) {
		w.custom()
		ada := w.player("ada")
		first, _ := ada.game()
		second, _ := ada.game()
		ada.refused("GameInstanceRpc.LeaveV1", m{"requestExt": m{}}, "GameInstanceService_UnknownGameInstanceId") // which?
		got := ada.do("MultiplayerRpc.SyncGameInstanceV1", m{"clientGameInstances": []m{
			{"gameInstanceId": first, "clientVersion": "1"}, {"gameInstanceId": pragma.NewID[pragma.GameInstanceID]().String(), "clientVersion": "4"},
		}})
		equal(t, "all", got["currentGameInstanceIds"], any([]any{first, second}))
		equal(t, "those he lacks", len(got["gameInstances"].([]any)), 1)
		equal(t, "the one he lacks", got["gameInstances"].([]any)[0].(m)["gameInstanceId"], any(second))
		ada.quiet()
		ada.do("GameInstanceRpc.LeaveV1", m{"gameInstanceId": second, "requestExt": m{}})
		equal(t, "attribute 4 is the other game now", ada.heard(), []string{"Session+1+4", "RemovedFromGameV1"})
	})
}

func TestACreatorNeedNotBeInTheGame(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.playerMakes = func(*gameinstance.PlayerCreateRequest) error { return nil }
		ada := w.player("ada")
		got := ada.do("GameInstanceRpc.CreateV1", m{"requestExt": m{}})
		if _, there := got["gameInstance"]; there {
			t.Error("ada is shown a game she is not in")
		}
		equal(t, "ada hears", ada.heard(), []string(nil))
	})
}

func TestReconnectModes(t *testing.T) {
	const refused = "GameInstanceService_CannotDeclineReconnect"
	for _, row := range []struct {
		mode    string
		core    string // of core.session
		session string
		decline string
		back    []string
	}{
		{"OPTIONAL", "", "Session+1+4-3", "", []string{"Session+1+4", "GameInstanceReconnectV1"}},
		{"REQUIRED", "", "Session+1+4-3", refused, []string{"Session+1+4", "GameInstanceReconnectV1"}},
		{"DISABLED", "", "Session+4-3", refused, []string{"Session+4"}},
		{"OPTIONAL", "enableMatchReconnect: false", "Session+4-3", refused, []string{"Session+4"}},
		{"REQUIRED", "enableMatchReconnect: false", "Session+4-3", refused, []string{"Session+4"}},
	} {
		t.Run(row.mode+" "+row.core, func(t *testing.T) {
			run(t, options{config: "reconnectMode: " + row.mode, session: row.core}, func(t *testing.T, w *world) {
				ada := w.player("ada")
				id := w.match(ada)
				equal(t, "ada hears", ada.heard()[0], row.session)
				server := w.allocated()
				server.play(id, ada)
				ada.Cut()
				time.Sleep(time.Second)
				ada.connect()
				equal(t, "ada hears when she is back", ada.heard(), row.back)
				_, got := ada.try("GameInstanceRpc.DeclineReconnectV1", m{"gameInstanceId": id.String()})
				equal(t, "decline", got, row.decline)
				if row.decline == "" {
					equal(t, "server hears", server.last("PlayerDeclinedReconnectV1")["playerId"], any(ada.id.String()))
				}
			})
		})
	}
	run(t, options{}, func(t *testing.T, w *world) {
		w.player("ada").refused("GameInstanceRpc.DeclineReconnectV1", m{"gameInstanceId": pragma.NewID[pragma.GameInstanceID]()}, "GameInstanceService_PlayerNotInGameInstance")
	})
}

func TestConnectionTokensAreRenewed(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		token := func() string {
			got := ada.do("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id.String()})
			return got["hostConnectionDetails"].(m)["connectionToken"].(string)
		}
		good := func(token string) any {
			return server.do("GameInstanceRpc.VerifyPlayerPartnerV1", m{"gameInstanceId": id.String(), "playerId": ada.id.String(), "connectionToken": token})["isValid"]
		}
		first := token()
		keepAlive(server, id, 29*time.Minute)
		equal(t, "the same after 29 minutes", token(), first)
		keepAlive(server, id, 2*time.Minute)
		second := token()
		if second == first {
			t.Error("the token is not renewed after half of its life")
		}
		equal(t, "both are good", []any{good(first), good(second)}, []any{true, true})
		keepAlive(server, id, 30*time.Minute)
		equal(t, "the first has expired", []any{good(first), good(second)}, []any{false, true})
		equal(t, "a made-up one", good("x"), any(false))
		equal(t, "no token", good(""), any(false))
		if n := len(second); n != 43 {
			t.Errorf("token has %d characters, want 43", n)
		}
	})
}

func TestHooksThatFailChangeNothing(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		refusal := &pragma.Error{Code: pragma.FailedPrecondition, Reason: "Arena_Closed", Title: true, Message: "closed"}
		w.plug.join = func(r *gameinstance.PlayerJoinRequest) error {
			if _, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID}); err != nil {
				return err
			}
			_ = r.GameInstance.Data().Create("x", ext.Value{}, gameinstance.Public())
			return refusal
		}
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada).String()
		ada.quiet()
		ben.refused("GameInstanceRpc.JoinGameInstanceV1", m{"gameInstanceId": id, "requestExt": m{}}, "Arena_Closed")
		equal(t, "ada hears", ada.heard(), []string(nil))
		equal(t, "ben hears", ben.heard(), []string(nil))
		equal(t, "ben is in no game", ben.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["isInGameInstance"], any(false))
	})
}

func TestAHookThatOverrunsChangesNothing(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		var late error
		done := make(chan struct{})
		w.plug.playerEdits = func(r *gameinstance.PlayerUpdateRequest) error {
			defer close(done)
			time.Sleep(time.Minute)
			_, there := r.GameInstance.Data().Get("never read before")
			if there {
				late = errors.New("there is something")
			}
			return r.GameInstance.Data().Create("late", ext.Value{}, gameinstance.Public())
		}
		ada := w.player("ada")
		id := w.match(ada).String()
		ada.refused("GameInstanceRpc.UpdateV1", m{"gameInstanceId": id, "requestExt": m{}}, "UNKNOWN_ERROR")
		<-done
		if late != nil {
			t.Error(late)
		}
		got := ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["gameInstances"].([]any)[0].(m)
		equal(t, "data", got["data"], any([]any{}))
	})
}

func TestNamesOfPlacesAreBounded(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.custom()
		long := make([]byte, 65)
		for i := range long {
			long[i] = 'z'
		}
		ada := w.player("ada")
		ada.refused("GameInstanceRpc.CreateV1", m{"gameServerZone": string(long)}, "Serialization_Error")
		ada.refused("GameInstanceRpc.CreateV1", m{"gameClientVersion": string(long)}, "Serialization_Error")
		ada.refused("GameInstanceRpc.JoinGameInstanceV1", m{"gameClientVersion": string(long)}, "Serialization_Error")
	})
}

func TestStudioCodeReadsAndEnds(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		got, err := w.games.InstancesOf(t.Context(), ada.id)
		if err != nil || len(got) != 1 || got[0] != id {
			t.Errorf("InstancesOf() = %v, %v, want %v", got, err, id)
		}
		ada.quiet()
		err = w.games.Read(t.Context(), id, func(i *gameinstance.Instance) error {
			equal(t, "players", i.PlayerCount(), 1)
			i.Terminate() // what a reader changes is lost
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "ada hears of a read", ada.heard(), []string(nil))
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Fatal(err)
		}
		equal(t, "ada hears of the end", ada.heard(), []string{"Session-4-1", "GameEndedV1"})
		if err := w.games.RemovePlayers(t.Context(), id, ext.Value{}, nil); !errors.Is(err, gameinstance.ErrUnknownGameInstanceID) {
			t.Errorf("RemovePlayers() = %v, want %v", err, gameinstance.ErrUnknownGameInstanceID)
		}
	})
}

func TestOnlyThoseInTheMapAreToldOfTheEnd(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben, cora := w.player("ada"), w.player("ben"), w.player("cora")
		w.inParty("red", ada, ben)
		w.plug.end = func(r *gameinstance.EndGameRequest) error {
			if err := r.GameInstance.RemovePlayer(cora.id, ext.Value{}); err != nil {
				return err
			}
			r.GameInstance.End(map[pragma.PlayerID]ext.Value{ada.id: ext.Of(m{"won": true}), cora.id: {}})
			return r.GameInstance.Data().Create("dropped", ext.Value{}, gameinstance.Public())
		}
		id := w.match(ada, ben, cora)
		for _, p := range []*peer{ada, ben, cora} {
			p.quiet()
		}
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Fatal(err)
		}
		equal(t, "ben hears", ben.heard(), []string{"Session-4-1", "PartyDetailsV1"})
		equal(t, "cora hears", cora.heard(), []string{"Session-4-1", "RemovedFromGameV1"})
		equal(t, "ada is told", ada.last("GameEndedV1")["ext"], any(m{"won": true}))
	})
}
