package gameinstance_test

import (
	"strings"
	"testing"
	"time"
)

func TestConnectionTokenIsGoodManyTimesUntilItExpires(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		token := ada.do("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id.String()})["hostConnectionDetails"].(m)["connectionToken"].(string)
		good := func(p *peer, token any) any {
			return server.do("GameInstanceRpc.VerifyPlayerPartnerV1", m{"gameInstanceId": id.String(), "playerId": p.id.String(), "connectionToken": token})["isValid"]
		}
		for minute := range 59 {
			if good(ada, token) != true {
				t.Fatalf("the token is not good after %d minutes", minute)
			}
			keepAlive(server, id, time.Minute)
		}
		for name, wrong := range map[string]string{
			"empty": "", "longer": token + "A", "shorter": token[1:], "in other letters": strings.ToUpper(token), "long": strings.Repeat("A", 60000),
		} {
			if good(ada, wrong) != false {
				t.Errorf("a token that is %s is good", name)
			}
		}
		if good(ben, token) != false {
			t.Error("it is good for another player")
		}
		if good(ada, token) != true {
			t.Error("wrong attempts have used it up")
		}
		server.refused("GameInstanceRpc.VerifyPlayerPartnerV1", m{"gameInstanceId": id.String(), "playerId": ada.id.String(), "connectionToken": []string{token}}, "Serialization_Error")
		keepAlive(server, id, time.Minute)
		if good(ada, token) != false {
			t.Error("it is still good after an hour")
		}
		if strings.Contains(w.Logs(), token) {
			t.Error("the token is in the log")
		}
	})
}

func TestConnectionTokenEndsWithThePlayersPlace(t *testing.T) {
	for name, call := range map[string]string{
		"removed": "GameInstanceRpc.RemovePlayersV1",
		"over":    "GameInstanceRpc.EndGameV1",
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				ada, ben := w.player("ada"), w.player("ben")
				id := w.match(ada, ben)
				server := w.allocated()
				server.play(id, ada, ben)
				token := ada.do("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id.String()})["hostConnectionDetails"].(m)["connectionToken"]
				verify := m{"gameInstanceId": id.String(), "playerId": ada.id.String(), "connectionToken": token}
				server.do(call, m{"gameInstanceId": id.String(), "players": []m{{"playerId": ada.id.String(), "ext": m{}}}})
				if got, refused := server.try("GameInstanceRpc.VerifyPlayerPartnerV1", verify); refused == "" && got["isValid"] != false {
					t.Errorf("the token is good: %v", got)
				}
			})
		})
	}
}

func TestANewLinkMakesNewConnectionTokens(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.server()
		token := func() string {
			return ada.do("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id.String()})["hostConnectionDetails"].(m)["connectionToken"].(string)
		}
		good := func(token string) any {
			return server.do("GameInstanceRpc.VerifyPlayerPartnerV1", m{"gameInstanceId": id.String(), "playerId": ada.id.String(), "connectionToken": token})["isValid"]
		}
		server.play(id, ada)
		first := token()
		keepAlive(server, id, 31*time.Minute)
		second := token()
		equal(t, "two are good", []any{first != second, good(first), good(second)}, []any{true, true, true})

		// A reconnect and an initialize renew it no earlier than a question does.
		ada.connect()
		again := ada.last("GameInstanceReconnectV1")["hostConnectionDetails"].(m)["connectionToken"]
		equal(t, "after a reconnect", again, any(second))
		ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil)
		equal(t, "two are still good", []any{good(first), good(second)}, []any{true, true})

		server.do("GameInstanceRpc.UnlinkV1", m{"gameInstanceId": id.String()})
		equal(t, "without a server", []any{token(), good(first), good(second), good("")}, []any{"", false, false, false})
		server.play(id, ada)
		third := token()
		equal(t, "with a server again", []any{good(first), good(second), good(third), third != second}, []any{false, false, true, true})
	})
}
