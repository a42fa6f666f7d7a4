package gameinstance_test

import (
	"fmt"
	"strings"
	"testing"
)

// What servers say of players stands in one record.
func TestConnectionDetailsBeyondWhatFitsAreRefused(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		names := make([]string, 12)
		for i := range names {
			names[i] = fmt.Sprint("player ", i)
		}
		players := w.players(names...)
		id := w.match(players...)
		server := w.allocated()
		server.play(id, players...)
		more := func(players []*peer) m {
			list := details(players...)
			for _, d := range list {
				d["extPlayerConnectionDetails"] = m{"map": strings.Repeat("x", 100_000)}
			}
			return m{"gameInstanceId": id.String(), "hostname": "play.example", "port": 7777, "playerConnectionDetails": list}
		}
		server.do("GameInstanceRpc.ConnectMorePlayersV1", more(players[:6]))
		last := players[11]
		last.quiet()
		server.refused("GameInstanceRpc.ConnectMorePlayersV1", more(players[6:]), "SessionService_RequestTooLarge")
		equal(t, "the last player hears", last.heard(), []string(nil))
		server.do("GameInstanceRpc.ConnectMorePlayersV1", m{
			"gameInstanceId": id.String(), "hostname": "play.example", "port": 7777, "playerConnectionDetails": details(last),
		})
	})
}

func TestAServerCannotMakeUpLongVersions(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, server := w.player("ada"), w.server()
		with := func(version string) m {
			return m{"requestExt": m{}, "playersToAdd": []m{{"playerId": ada.id.String(), "clientVersion": version}}}
		}
		server.refused("GameInstanceRpc.CreateGameInstancePartnerV1", with(strings.Repeat("v", 65)), "Serialization_Error")
		equal(t, "ada hears", ada.heard(), []string(nil))
		server.do("GameInstanceRpc.CreateGameInstancePartnerV1", with(strings.Repeat("v", 64)))
	})
}
