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
