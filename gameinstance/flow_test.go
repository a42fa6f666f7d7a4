package gameinstance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAMatchFromQueueToParty(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.matched = func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
			if err := r.GameInstance.Data().Create("map", ext.Of(m{"name": "harbor"}), gameinstance.Public()); err != nil {
				return err
			}
			r.GameInstance.AllocateGameServer(ext.Of(m{"size": "small"}))
			return nil
		}
		w.plug.start = func(*gameinstance.BuildExtGameStartRequest) (ext.Value, error) { return ext.Of(m{"seed": 7}), nil }
		ada, ben := w.player("ada"), w.player("ben")
		w.inParty("red", ada)
		w.inParty("blue", ben)
		w.queued(ada, ben)

		id := w.match(ada, ben)
		news := ada.news()
		equal(t, "ada hears", []string{nameOf(news[0]), nameOf(news[1])}, []string{"Session+1+4-3", "AddedToGameV1"})
		added := news[1].Notification.Payload["gameInstance"].(m)
		equal(t, "version", added["version"], any("1"))
		equal(t, "state", added["state"], any("ALLOCATING"))
		equal(t, "data", added["data"], any([]any{m{"scope": "INSTANCE", "key": "map", "data": m{"name": "harbor"}}}))
		if _, there := added["hostConnectionDetails"]; there {
			t.Error("host details are there before the server is")
		}
		none := ada.do("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id.String()})
		equal(t, "host details before", none, m{"hostConnectionDetails": m{"hostname": "", "port": 0., "connectionToken": ""}})

		asked := w.provider.requests()
		if len(asked) != 1 {
			t.Fatalf("the provider was asked %d times, want once", len(asked))
		}
		equal(t, "version and zone", []string{asked[0].GameServerVersion, asked[0].GameServerZone, asked[0].Ext.String()}, []string{"v1", "eu", `{"size":"small"}`})
		equal(t, "backend address", asked[0].BackendAddress, "127.0.0.1:10100")
		server := w.allocated()
		start := server.do("GameInstanceRpc.GetGameStartDataV1", m{"gameInstanceId": id.String()})["gameStart"].(m)
		equal(t, "start ext", start["ext"], any(m{"seed": 7.}))
		equal(t, "players of the start data", len(start["players"].([]any)), 2)
		answer := server.do("GameInstanceRpc.ConnectPlayersV1", m{
			"gameInstanceId": id.String(), "hostname": "play.example", "port": 7777, "playerConnectionDetails": details(ada, ben),
		})
		equal(t, "keep-alive", answer, m{"enableKeepAlive": true, "keepAliveIntervalMillis": "10000"})

		host := ada.last("HostConnectionDetailsV1")["connectionDetails"].(m)
		equal(t, "where", []any{host["hostname"], host["port"], host["extConnectionDetails"]}, []any{"play.example", 7777., m{"seat": "ada"}})
		token := host["connectionToken"].(string)
		if len(token) != 43 {
			t.Errorf("connection token has %d characters, want 43", len(token))
		}
		verify := func(p *peer) any {
			return server.do("GameInstanceRpc.VerifyPlayerPartnerV1", m{"gameInstanceId": id.String(), "playerId": p.id.String(), "connectionToken": token})["isValid"]
		}
		equal(t, "ada's token as ada's", verify(ada), any(true))
		equal(t, "ada's token as ben's", verify(ben), any(false))

		ada.quiet()
		ben.quiet()
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String(), "playerGameResults": []m{{"playerId": ada.id.String(), "ext": m{}}}})
		want := []string{"Session-4-1", "GameEndedV1", "PartyDetailsV1"}
		equal(t, "ada hears at the end", ada.heard(), want)
		equal(t, "ben hears at the end", ben.heard(), want)
		equal(t, "parties", w.clubs.returned, []string{"red", "blue"})
		equal(t, "server hears", server.heard(), []string(nil))
	})
}

func TestTheEndMayBeReportedAgainForAnHour(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.server() // the tokens of an allocation are good for no longer
		server.play(id, ada)
		end := m{"gameInstanceId": id.String(), "playerGameResults": m{}} // as one documented sample writes it
		server.do("GameInstanceRpc.EndGameV1", end)
		ada.quiet()
		time.Sleep(59 * time.Minute)
		server.do("GameInstanceRpc.EndGameV1", end)
		equal(t, "ada hears", ada.heard(), []string(nil))
		time.Sleep(2 * time.Minute)
		server.refused("GameInstanceRpc.EndGameV1", end, "GameInstanceService_UnknownGameInstanceId")
		server.refused("GameInstanceRpc.GameKeepAliveV1", end, "GameInstanceService_UnknownGameInstanceId")
	})
}

func TestAServerActsOnlyOnItsOwnAllocation(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		first := w.match(ada)
		synctest.Wait()
		mine := w.allocated()
		second := w.match(ben)
		for _, call := range []string{"GetGameStartDataV1", "LinkV1", "UnlinkV1", "ConnectPlayersV1", "ConnectMorePlayersV1", "GameKeepAliveV1",
			"VerifyPlayerPartnerV1", "UpdateGameInstanceV1", "RemovePlayersV1", "RemovePlayersV2", "EndGameV1"} {
			mine.refused("GameInstanceRpc."+call, m{"gameInstanceId": second.String()}, "GameInstanceService_UnknownGameInstanceId")
		}
		mine.play(first, ada)
		w.server().refused("GameInstanceRpc.LinkV1", m{"gameInstanceId": first.String()}, "GameInstanceService_AlreadyLinked")
		w.server().play(second, ben) // a token made by an operator acts on all
	})
}

func TestALinkedServerMayAskAgain(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		starts := 0
		w.plug.start = func(*gameinstance.BuildExtGameStartRequest) (ext.Value, error) {
			starts++
			return ext.Of(m{"n": starts}), nil
		}
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada)
		server := w.allocated()
		first := server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
		again := server.do("GameInstanceRpc.GetGameStartDataV1", m{"gameInstanceId": id.String()})
		equal(t, "second answer", again, first)
		if err := w.games.AddPlayers(t.Context(), id, ext.Value{}, toAdd(ben)); err != nil {
			t.Fatal(err)
		}
		equal(t, "server hears of ben", server.heard(), []string{"AddPlayersV1"})
		third := server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})["gameStart"].(m)
		equal(t, "players", len(third["players"].([]any)), 2)
		equal(t, "start ext", third["ext"], any(m{"n": 1.}))
	})
}

func TestConnectPlayersIsAllOrNothing(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben, cora := w.player("ada"), w.player("ben"), w.player("cora")
		id := w.match(ada, ben)
		server := w.allocated()
		call := func(list any) m { return m{"gameInstanceId": id.String(), "playerConnectionDetails": list} }
		server.refused("GameInstanceRpc.ConnectPlayersV1", call(details(ada, ben)), "GameInstanceService_UnknownGameInstanceId") // not linked
		server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
		ada.quiet()
		server.refused("GameInstanceRpc.ConnectPlayersV1", call(details(ada)), "GameInstanceService_MissingPlayerConnectionDetails")
		server.refused("GameInstanceRpc.ConnectPlayersV1", call(details(ada, ben, cora)), "GameInstanceService_PlayerNotInGameInstance")
		server.refused("GameInstanceRpc.ConnectPlayersV1", call([]m{{"playerId": "{{player3}}"}}), "Serialization_Error")
		equal(t, "ada hears of refused calls", ada.heard(), []string(nil))
		server.do("GameInstanceRpc.ConnectPlayersV1", call([]m{{"playerId": ada.id.String()}, {"playerId": ben.id.String()}}))
		equal(t, "ada hears", ada.heard(), []string{"HostConnectionDetailsV1", "GameInstanceUpdatedV1"})
	})
}

func TestPlayersComeLater(t *testing.T) {
	run(t, options{config: "addPlayersBatchSize: 2"}, func(t *testing.T, w *world) {
		w.plug.server = func(r *gameinstance.BuildExtGameServerPlayerRequest) (ext.Value, error) {
			return ext.Of(m{"name": r.Player.DisplayName().DisplayName}), nil
		}
		ada := w.player("ada")
		late := w.players("ben", "cora", "dan")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		ada.quiet()
		if err := w.games.AddPlayers(t.Context(), id, ext.Value{}, toAdd(late...)); err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for _, f := range server.news() {
			sizes = append(sizes, len(f.Notification.Payload["gameServerPlayers"].([]any)))
		}
		equal(t, "batches", sizes, []int{2, 1})
		update := ada.last("GameInstanceUpdatedV1")
		equal(t, "players added", len(update["playersAdded"].([]any)), 3)
		equal(t, "host is still there", update["hostConnectionDetailsPresent"], any(true))
		equal(t, "ben hears", late[0].heard(), []string{"Session+1+4-3", "AddedToGameV1"})

		server.do("GameInstanceRpc.ConnectMorePlayersV1", m{
			"gameInstanceId": id.String(), "hostname": "play.example", "port": 7777, "playerConnectionDetails": details(late[:2]...),
		})
		equal(t, "ben hears where", late[0].heard(), []string{"HostConnectionDetailsV1", "GameInstanceUpdatedV1"})
		equal(t, "ada hears", ada.heard(), []string(nil))

		late[2].quiet()
		keepAlive(server, id, 61*time.Second) // dan is not connected in time
		equal(t, "dan hears", late[2].heard(), []string{"Session-4-1", "GameInstanceTerminationV1"})
		equal(t, "ada sees dan go", ada.last("GameInstanceUpdatedV1")["playersRemoved"], any([]any{late[2].id.String()}))
		equal(t, "state", w.state(id), gameinstance.StateRunning)
	})
}

// keepAlive lets time pass while the server gives signs of life.
func keepAlive(server *peer, id pragma.GameInstanceID, d time.Duration) {
	server.w.T.Helper()
	for ; d > 0; d -= 10 * time.Second {
		server.do("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": id.String()})
		time.Sleep(min(d, 10*time.Second))
	}
	synctest.Wait()
}

func TestAServerGivesTheInstanceBack(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		ada.quiet()
		server.do("GameInstanceRpc.UnlinkV1", m{"gameInstanceId": id.String(), "requestExt": m{}})
		update := ada.last("GameInstanceUpdatedV1")
		equal(t, "host", update["hostConnectionDetailsPresent"], any(false))
		if _, there := update["hostConnectionDetails"]; there {
			t.Error("host details are still told")
		}
		equal(t, "state", w.state(id), gameinstance.StateCreated)
		server.refused("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()}, "GameInstanceService_UnknownGameInstanceId")
		time.Sleep(10 * time.Minute) // no server is missed
		equal(t, "state later", w.state(id), gameinstance.StateCreated)
	})
}

func TestAServerCreatesItsOwnInstance(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		server := w.server()
		add := func(p *peer) []m { return []m{{"playerId": p.id.String(), "ext": m{}, "teamNumber": "2"}} }
		got := server.do("GameInstanceRpc.CreateGameInstancePartnerV1", m{"requestExt": m{}, "playersToAdd": add(ada), "gameServerVersion": "v9"})
		start := got["gameStart"].(m)
		player := start["players"].([]any)[0].(m)
		equal(t, "team and name", []any{player["teamNumber"], player["displayName"].(m)["displayName"]}, []any{"2", "ada"})
		equal(t, "ada hears", ada.heard(), []string{"Session+1+4-3", "AddedToGameV1"})
		server.do("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": got["gameInstanceId"], "playerConnectionDetails": details(ada)})
		if n := len(w.provider.requests()); n != 0 {
			t.Errorf("the provider was asked %d times, want never", n)
		}
		server.refused("GameInstanceRpc.CreateGameInstancePartnerV1", m{"playersToAdd": []m{{"playerId": pragma.NewID[pragma.PlayerID]().String()}}}, "GameInstanceService_PlayerJoinFailed")
		got = server.do("GameInstanceRpc.CreateGameInstancePartnerV1", m{"playersToAdd": add(ben), "skipLink": true})
		if _, there := got["gameStart"]; there {
			t.Error("skipLink links all the same")
		}
		synctest.Wait()
		if n := len(w.provider.requests()); n != 1 {
			t.Errorf("the provider was asked %d times, want once", n)
		}
	})
}

func TestServersRemovePlayers(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.remove = func(r *gameinstance.BackendRemovePlayersRequest) error {
			for _, p := range r.PlayersToRemove {
				if err := r.GameInstance.RemovePlayer(p.PlayerID, p.Ext); err != nil {
					return err
				}
			}
			return nil
		}
		ada, ben, cora := w.player("ada"), w.player("ben"), w.player("cora")
		w.inParty("red", ada, ben)
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		remove := func(p *peer) m {
			return m{"gameInstanceId": id.String(), "players": []m{{"playerId": p.id.String(), "ext": m{"why": "idle"}}}, "ext": m{}}
		}
		server.refused("GameInstanceRpc.RemovePlayersV2", remove(cora), "GameInstanceService_PlayerNotInGameInstance")
		ada.quiet()
		ben.quiet()
		server.do("GameInstanceRpc.RemovePlayersV2", remove(ben))
		news := ben.news()
		equal(t, "ben hears", []string{nameOf(news[0]), nameOf(news[1]), nameOf(news[2])}, []string{"Session-4-1", "RemovedFromGameV1", "PartyDetailsV1"})
		equal(t, "reason", news[1].Notification.Payload["ext"], any(m{"why": "idle"}))
		equal(t, "ada sees", ada.last("GameInstanceUpdatedV1")["playersRemoved"], any([]any{ben.id.String()}))
		server.refused("GameInstanceRpc.RemovePlayersV1", remove(ben), "GameInstanceService_PlayerNotInGameInstance")
		server.do("GameInstanceRpc.RemovePlayersV1", remove(ada))
		equal(t, "an empty instance goes on", w.state(id), gameinstance.StateRunning)
		// a result of somebody who has left is fine
		server.refused("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String(), "playerGameResults": []m{{"playerId": cora.id.String()}}}, "GameInstanceService_PlayerNotInGameInstance")
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String(), "playerGameResults": []m{{"playerId": ben.id.String()}}})
	})
}
