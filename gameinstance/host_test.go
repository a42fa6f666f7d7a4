package gameinstance_test

import (
	"testing"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// hostOf is where a player's game runs, as the server shows it to him now.
func (p *peer) hostOf(id pragma.GameInstanceID) any {
	p.w.T.Helper()
	got := p.do("GameInstanceRpc.GetHostConnectionDetailsV1", m{"gameInstanceId": id.String()})
	return got["hostConnectionDetails"].(m)["hostname"]
}

func TestAllPlayersAreToldWhenTheirHostMoves(t *testing.T) {
	for _, row := range []struct {
		name, call string
		named      bool // ben is in the server's list
	}{
		{"connected again without him", "ConnectPlayersV1", false},
		{"connected again", "ConnectPlayersV1", true},
		{"others are connected", "ConnectMorePlayersV1", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				ada, ben := w.player("ada"), w.player("ben")
				id := w.match(ada, ben)
				server := w.allocated()
				server.play(id, ada, ben)
				ada.quiet()
				ben.quiet()
				list := details(ada)
				if row.named {
					list = details(ada, ben)
				}
				server.do("GameInstanceRpc."+row.call, m{
					"gameInstanceId": id.String(), "hostname": "moved.example", "port": 7778, "playerConnectionDetails": list,
				})
				for _, p := range []*peer{ada, ben} {
					equal(t, p.name+" hears", p.heard(), []string{"HostConnectionDetailsV1", "GameInstanceUpdatedV1"})
					equal(t, p.name+" is sent to", p.hostOf(id), any("moved.example"))
				}
			})
		})
	}
}

func TestPlayersAreNotToldOfAHostThatStays(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		ben.quiet()
		server.do("GameInstanceRpc.ConnectPlayersV1", m{
			"gameInstanceId": id.String(), "hostname": "play.example", "port": 7777, "playerConnectionDetails": details(ada),
		})
		equal(t, "ben hears", ben.heard(), []string(nil))
	})
}

// A server that does not repeat where it is has not moved.
func TestLaterPlayersGoWhereTheGameIs(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		if err := w.games.AddPlayers(t.Context(), id, ext.Value{}, toAdd(ben)); err != nil {
			t.Fatal(err)
		}
		ada.quiet()
		ben.quiet()
		server.do("GameInstanceRpc.ConnectMorePlayersV1", m{"gameInstanceId": id.String(), "playerConnectionDetails": details(ben)})
		equal(t, "ben is sent to", ben.last("HostConnectionDetailsV1")["connectionDetails"].(m)["hostname"], any("play.example"))
		equal(t, "ada hears", ada.heard(), []string(nil))
		equal(t, "ada's host", ada.hostOf(id), any("play.example"))
	})
}
