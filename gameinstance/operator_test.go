package gameinstance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// operator is somebody at the operator gateway.
type operator struct{ *pragmatest.Raw }

func (w *world) operator(role string) *operator { return &operator{w.Operator(pragma.Game, role)} }

// try makes a call of GameInstanceRpc, and returns the answer or why it was refused.
func (o *operator) try(call string, payload m) (m, string) {
	return o.Try("GameInstanceRpc."+call+"OperatorV1", payload)
}

func (o *operator) do(call string, payload m) m {
	return o.Call("GameInstanceRpc."+call+"OperatorV1", payload)
}

func TestOperatorsFindGameInstances(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		all := w.players("ada", "ben", "cora", "dan")
		ada, ben, cora, dan := all[0], all[1], all[2], all[3]
		duel, alone, past := w.match(ada, ben), w.match(cora), w.match(dan)
		w.allocated().play(past, dan)
		w.end(past)
		empty, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{GameServerVersion: "v2", GameServerZone: "us"})
		if err != nil {
			t.Fatal(err)
		}
		sorted := func(ids ...pragma.GameInstanceID) []string {
			var list []string
			for _, id := range ids {
				list = append(list, id.String())
			}
			slices.Sort(list)
			return list
		}
		every := sorted(duel, alone, past, empty)
		viewer := w.operator(pragma.RoleViewer)
		tests := []struct {
			name  string
			query m
			want  []string
			count string
		}{
			{"all", m{}, every, "4"},
			{"by id", m{"filter": m{"gameInstanceId": alone}}, sorted(alone), "1"},
			{"by a player", m{"filter": m{"playerId": ben.id}}, sorted(duel), "1"},
			{"by a player and an id", m{"filter": m{"playerId": ben.id, "gameInstanceId": duel}}, sorted(duel), "1"},
			{"by a player who is elsewhere", m{"filter": m{"playerId": ben.id, "gameInstanceId": alone}}, nil, "0"},
			{"by a player whose game is over", m{"filter": m{"playerId": dan.id}}, nil, "0"},
			{"by an unknown player", m{"filter": m{"playerId": pragma.NewID[pragma.PlayerID]()}}, nil, "0"},
			{"by an unknown id", m{"filter": m{"gameInstanceId": pragma.NewID[pragma.GameInstanceID]()}}, nil, "0"},
			{"by version", m{"filter": m{"gameServerVersion": "v1"}}, sorted(duel, alone, past), "3"},
			{"by zone", m{"filter": m{"gameServerZone": "us"}}, sorted(empty), "1"},
			{"by version and zone", m{"filter": m{"gameServerVersion": "v1", "gameServerZone": "us"}}, nil, "0"},
			{"by state", m{"filter": m{"state": "ENDED"}}, sorted(past), "1"},
			{"by the number of a state", m{"filter": m{"state": 2}}, sorted(duel, alone, empty), "3"},
			{"the second page", m{"pageIndex": 1, "pageSize": 3}, every[3:], "4"},
			{"behind the last page", m{"pageIndex": 2147483647, "pageSize": 500}, nil, "4"},
		}
		for _, tt := range tests {
			got := viewer.do("ListGameInstances", tt.query)
			var ids []string
			for _, e := range got["gameInstances"].([]any) {
				ids = append(ids, e.(m)["gameInstanceId"].(string))
			}
			if diff := cmp.Diff(tt.want, ids); diff != "" || got["count"] != tt.count {
				t.Errorf("%s: count %v, want %s; instances (-want +got):\n%s", tt.name, got["count"], tt.count, diff)
			}
		}
		for name, query := range map[string]m{
			"a negative page": {"pageIndex": -1}, "a negative size": {"pageSize": -1}, "a large size": {"pageSize": 501}, "no id": {"filter": m{"gameInstanceId": "duel"}},
		} {
			if _, refused := viewer.try("ListGameInstances", query); refused != "Serialization_Error" {
				t.Errorf("%s: refused with %q, want Serialization_Error", name, refused)
			}
		}
		got := viewer.do("ListGameInstances", m{"filter": m{"gameInstanceId": past}})["gameInstances"].([]any)[0].(m)
		equal(t, "players of the game that is over", got["playerIds"], any([]any{dan.id.String()}))
		equal(t, "its host", fmt.Sprint(got["hostname"], got["port"]), "play.example7777")
		time.Sleep(2 * time.Hour)
		equal(t, "ended after two hours", w.operator(pragma.RoleViewer).do("ListGameInstances", m{"filter": m{"state": "ENDED", "gameInstanceId": past}})["count"], any("0"))
	})
}

func TestOperatorsSeeEverythingButTokens(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		red := w.inParty("red", ada)
		w.plug.matched = func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
			i := r.GameInstance
			i.AllocateGameServer(ext.Value{})
			for key, sync := range map[string]gameinstance.PlayerSync{
				"a": gameinstance.Hidden(), "b": gameinstance.Public(), "c": gameinstance.Team(2), "d": gameinstance.Party(red), "e": gameinstance.Player(ben.id),
			} {
				if err := i.Data().Create(key, ext.Of(m{"of": key}), sync); err != nil {
					return err
				}
			}
			return i.Player(ben.id).Data().Create("score", ext.Of(m{"n": 1}), gameinstance.Hidden())
		}
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		viewer := w.operator(pragma.RoleViewer)
		answer := viewer.do("GetGameInstance", m{"gameInstanceId": id})
		got := answer["gameInstance"].(m)
		var data []string
		for _, e := range got["data"].([]any) {
			e := e.(m)
			data = append(data, fmt.Sprint(e["scope"], " ", e["playerId"], " ", e["key"], " ", e["data"], " ", e["sync"]))
		}
		equal(t, "data", data, []string{
			"INSTANCE <nil> a map[of:a] HIDDEN", "INSTANCE <nil> b map[of:b] PUBLIC", "INSTANCE <nil> c map[of:c] TEAM:2",
			"INSTANCE <nil> d map[of:d] PARTY:" + red.String(), "INSTANCE <nil> e map[of:e] PLAYER:" + ben.id.String(),
			"PLAYER " + ben.id.String() + " score map[n:1] HIDDEN",
		})
		asked := w.provider.requests()
		equal(t, "allocation", got["allocationId"], any(asked[0].AllocationID.String()))
		equal(t, "server", got["linkedPartnerName"], any("game server"))
		first := got["players"].([]any)[0].(m)
		delete(first, "socialId")
		delete(first, "displayName")
		equal(t, "player", first, m{
			"playerId": ada.id.String(), "partyId": red.String(), "teamNumber": "1", "clientVersion": "1.0", "connected": true,
		})
		if text := fmt.Sprint(answer); strings.Contains(strings.ToLower(text), "token") {
			t.Errorf("the answer has a token: %s", text)
		}
		equal(t, "overview", got["overview"].(m)["state"], any("RUNNING"))
		before := got["overview"].(m)["version"]
		again := viewer.do("GetGameInstance", m{"gameInstanceId": id})["gameInstance"].(m)["overview"].(m)
		equal(t, "looking changes nothing", again["version"], before)
		for name, id := range map[string]any{"unknown": pragma.NewID[pragma.GameInstanceID](), "empty": ""} {
			if _, refused := viewer.try("GetGameInstance", m{"gameInstanceId": id}); refused != "GameInstanceService_UnknownGameInstanceId" {
				t.Errorf("%s: refused with %q", name, refused)
			}
		}
		w.end(id)
		over := viewer.do("GetGameInstance", m{"gameInstanceId": id})["gameInstance"].(m)
		equal(t, "state when it is over", over["overview"].(m)["state"], any("ENDED"))
	})
}

func TestOperatorsSeeTheTicketOfAnInstanceThatWaitsForPlayers(t *testing.T) {
	l := &line{}
	run(t, withLine(l, &notice{}), func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		viewer := w.operator(pragma.RoleViewer)
		look := func() m { return viewer.do("GetGameInstance", m{"gameInstanceId": id})["gameInstance"].(m) }
		if ticket, waits := look()["ticketId"]; waits {
			t.Errorf("ticket of a game that does not wait = %v", ticket)
		}
		server.do("GameInstanceRpc.EnterMatchmakingV1", m{"gameInstanceId": id.String()})
		got := look()
		if ticket, _ := got["ticketId"].(string); ticket == "" || got["overview"].(m)["isInMatchmaking"] != true {
			t.Errorf("a game that waits = %v, want its ticket", got)
		}
		l.took()
		w.operator(pragma.RoleAdmin).do("KickPlayer", m{"gameInstanceId": id, "playerId": ada.id})
		equal(t, "times the queue is told of a kick", len(l.took()), 1)
	})
}

func TestLookingIsNoUse(t *testing.T) {
	run(t, options{config: "staleGameInstanceExpirationMinutes: 5, gameServerAllocationTimeoutMillis: 9000000"}, func(t *testing.T, w *world) {
		id := w.match(w.player("ada"))
		for range 8 {
			time.Sleep(time.Minute)
			w.operator(pragma.RoleViewer).do("GetGameInstance", m{"gameInstanceId": id})
		}
		got := w.operator(pragma.RoleViewer).do("GetGameInstance", m{"gameInstanceId": id})["gameInstance"].(m)
		equal(t, "state", got["overview"].(m)["state"], any("EXPIRED"))
	})
}

func TestOperatorsKickAndTerminate(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		hooks := 0
		w.plug.remove = func(*gameinstance.BackendRemovePlayersRequest) error { hooks++; return nil }
		w.plug.end = func(*gameinstance.EndGameRequest) error { hooks++; return nil }
		ada, ben := w.player("ada"), w.player("ben")
		w.inParty("red", ada, ben)
		id := w.match(ada, ben)
		server := w.allocated()
		server.play(id, ada, ben)
		for _, p := range []*peer{ada, ben, server} {
			p.quiet()
		}
		viewer, admin := w.operator(pragma.RoleViewer), w.operator(pragma.RoleAdmin)
		kick := m{"gameInstanceId": id, "playerId": ada.id, "ext": m{"why": "cheating"}}
		for call, payload := range map[string]m{"KickPlayer": kick, "TerminateGameInstance": {"gameInstanceId": id}} {
			if _, refused := viewer.try(call, payload); refused != "AccountService_Unauthorized" {
				t.Errorf("%s by a viewer: refused with %q", call, refused)
			}
		}
		other := pragma.NewID[pragma.GameInstanceID]()
		for name, c := range map[string]struct {
			call    string
			payload m
			want    string
		}{
			"kick of a stranger":            {"KickPlayer", m{"gameInstanceId": id, "playerId": pragma.NewID[pragma.PlayerID]()}, "GameInstanceService_PlayerNotInGameInstance"},
			"kick of nobody":                {"KickPlayer", m{"gameInstanceId": id}, "GameInstanceService_PlayerNotInGameInstance"},
			"kick out of no game":           {"KickPlayer", m{"gameInstanceId": other, "playerId": ada.id}, "GameInstanceService_UnknownGameInstanceId"},
			"kick of something that is no":  {"KickPlayer", m{"gameInstanceId": id, "playerId": "x"}, "Serialization_Error"},
			"termination of no game":        {"TerminateGameInstance", m{"gameInstanceId": other}, "GameInstanceService_UnknownGameInstanceId"},
			"termination without an id":     {"TerminateGameInstance", m{}, "GameInstanceService_UnknownGameInstanceId"},
			"termination of what is no id":  {"TerminateGameInstance", m{"gameInstanceId": 7}, "Serialization_Error"},
			"a kick with an ext that is no": {"KickPlayer", m{"gameInstanceId": id, "playerId": ada.id, "ext": 7}, "Serialization_Error"},
		} {
			if _, refused := admin.try(c.call, c.payload); refused != c.want {
				t.Errorf("%s: refused with %q, want %q", name, refused, c.want)
			}
		}
		equal(t, "nobody hears of that", len(ada.heard()), 0)
		admin.do("KickPlayer", kick)
		notes := ada.news()
		var heard []string
		for _, f := range notes {
			heard = append(heard, nameOf(f))
		}
		equal(t, "ada hears", heard, []string{"Session-4-1", "RemovedFromGameV1", "PartyDetailsV1"})
		equal(t, "with what the operator says", notes[1].Notification.Payload["ext"], any(m{"why": "cheating"}))
		equal(t, "ben hears", ben.heard(), []string{"GameInstanceUpdatedV1"})
		if _, refused := admin.try("KickPlayer", kick); refused != "GameInstanceService_PlayerNotInGameInstance" {
			t.Errorf("a second kick: refused with %q", refused)
		}
		admin.do("TerminateGameInstance", m{"gameInstanceId": id})
		equal(t, "ben is told why", ben.last("GameInstanceTerminationV1")["reason"], any("OPERATOR"))
		equal(t, "the server is told why", server.last("GameInstanceOverPartnerV1")["reason"], any("OPERATOR"))
		if _, refused := admin.try("TerminateGameInstance", m{"gameInstanceId": id}); refused != "GameInstanceService_UnknownGameInstanceId" {
			t.Errorf("a second termination: refused with %q", refused)
		}
		equal(t, "hooks that ran", hooks, 0)
		for _, want := range []string{"kick player from game instance", "terminate game instance"} {
			if !strings.Contains(w.Logs(), want) {
				t.Errorf("the audit log does not mention %q", want)
			}
		}
	})
}

func TestAListOfTenThousandInstancesHoldsUpNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("makes ten thousand instances")
	}
	run(t, options{config: "enableStaleGameInstanceExpiration: false"}, func(t *testing.T, w *world) {
		const n = 10_000
		w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
		var busy pragma.GameInstanceID
		for range n {
			id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			busy = id
		}
		held := make(chan struct{})
		let := make(chan struct{})
		w.plug.update = func(*gameinstance.BackendUpdateRequest) error { close(held); <-let; return nil }
		done := make(chan error, 1)
		go func() { done <- w.games.Update(t.Context(), busy, ext.Value{}) }()
		<-held
		got := w.operator(pragma.RoleViewer).do("ListGameInstances", m{"pageSize": 500}) // while an instance is locked
		close(let)
		if err := <-done; err != nil {
			t.Error(err)
		}
		equal(t, "count", got["count"], any(fmt.Sprint(n)))
		equal(t, "on the page", len(got["gameInstances"].([]any)), 500)
	})
}
