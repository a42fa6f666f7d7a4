package fleet_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/pragma"
)

// sizes returns how many servers each call of Add was for.
func sizes(p *plug) []int {
	var n []int
	for _, r := range p.orders() {
		n = append(n, len(r.Allocations))
	}
	return n
}

func TestServersAreStartedForGamesThatNobodyHasRoomFor(t *testing.T) {
	p := &plug{}
	run(t, options{plugin: p}, func(t *testing.T, w *world) {
		w.server().polls("own", "v1", 2, 1)
		for range 4 {
			w.game("v1", "")
		}
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff(3, len(p.servers())); diff != "" {
			t.Errorf("servers started beside the one with room (-want +got):\n%s", diff)
		}
		r := p.orders()[0]
		if r.ServerPool.ServerPoolID != "v1" || r.BackendAddress != w.Address(partner) {
			t.Errorf("asked for pool %q at %q, want v1 at %q", r.ServerPool.ServerPoolID, r.BackendAddress, w.Address(partner))
		}
	})
}

func TestPolicyDecidesHowManyServersAreStarted(t *testing.T) {
	tests := map[string]struct {
		policy string
		games  int
		want   int
	}{
		"one each":               {"", 3, 3},
		"several games a server": {"gamesPerServer: 4", 9, 3},
		"no more than allowed":   {"maxCapacity: 2", 9, 2},
		"none allowed":           {"maxCapacity: 0", 9, 0},
		"at least that many":     {"minCapacity: 5, maxCapacity: 6", 1, 5},
		"in several calls":       {"", 20, 20},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &plug{}
			run(t, options{plugin: p, config: "serverPoolManagementPolicies: {default: {" + tt.policy + "}}"}, func(t *testing.T, w *world) {
				for range tt.games {
					w.game("v1", "")
				}
				time.Sleep(30 * time.Second)
				if got := len(p.servers()); got != tt.want {
					t.Errorf("%d servers started in calls of %v, want %d", got, sizes(p), tt.want)
				}
			})
		})
	}
}

func TestStartedServerGetsItsGames(t *testing.T) {
	p := &plug{}
	run(t, options{plugin: p}, func(t *testing.T, w *world) {
		id := w.game("v1", "")
		time.Sleep(time.Second)
		a := p.orders()[0].Allocations[0]
		tokens, err := a.ClientTokens()
		if err != nil {
			t.Fatal(err)
		}
		s := w.serverWith(tokens.GameToken)
		if diff := cmp.Diff(ids(id), s.polls(a.ServerID, "v1", 1, 0)); diff != "" {
			t.Fatalf("games (-want +got):\n%s", diff)
		}
		for _, call := range []string{"GetGameStartDataV1", "ConnectPlayersV1", "GameKeepAliveV1", "EndGameV1"} {
			s.Call("GameInstanceRpc."+call, m{"gameInstanceId": id.String()})
		}
		next := w.game("v1", "")
		if diff := cmp.Diff(ids(next), s.polls(a.ServerID, "v1", 1, 0)); diff != "" {
			t.Fatalf("games after the first (-want +got):\n%s", diff)
		}
		s.Call("GameInstanceRpc.LinkV1", m{"gameInstanceId": next.String()})
		if got := len(p.servers()); got != 1 {
			t.Errorf("%d servers started, want 1", got)
		}
	})
}

func TestTokenOfAnAllocationIsForItsOwnServer(t *testing.T) {
	p := &plug{}
	run(t, options{plugin: p}, func(t *testing.T, w *world) {
		mine, other := w.game("v1", ""), w.game("v1", "")
		time.Sleep(2 * time.Second)
		var all []fleet.GameServerAllocation
		for _, r := range p.orders() {
			all = append(all, r.Allocations...)
		}
		a, b := all[0], all[1]
		token := func(a fleet.GameServerAllocation) string {
			tokens, err := a.ClientTokens()
			if err != nil {
				t.Fatal(err)
			}
			return tokens.GameToken
		}
		first := w.serverWith(token(a))
		report := func(id string) m {
			return m{"serverId": id, "serverPoolId": "v1", "totalCapacity": 1, "usedCapacity": 0}
		}
		first.refused("FleetRpc.ReportCapacityV1", report(b.ServerID), "MatchCapacityService_ServerNotRequested")
		first.refused("FleetRpc.ReportCapacityV1", report("any"), "MatchCapacityService_ServerNotRequested")
		got := first.polls(a.ServerID, "v1", 1, 0)
		if len(got) != 1 {
			t.Fatalf("games = %v", got)
		}
		foreign := mine
		if got[0] == mine.String() {
			foreign = other
		}
		first.refused("GameInstanceRpc.LinkV1", m{"gameInstanceId": foreign.String()}, "GameInstanceService_UnknownGameInstanceId")

		// A repeated Add makes other tokens; who reports first is the server.
		id, err := pragma.ParseID[pragma.AllocationID](a.ServerID)
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.fleet.TokenFor(id)
		if err != nil {
			t.Fatal(err)
		}
		w.serverWith(second).refused("FleetRpc.ReportCapacityV1", report(a.ServerID), "MatchCapacityService_ServerNotRequested")
		if got := w.server().polls("mine", "v1", 1, 0); len(got) != 1 || got[0] != foreign.String() {
			t.Errorf("server with an operator's token gets %v", got)
		}
	})
}

func TestTokenOfASingleGameMayNotReport(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.game("", "")
		token, err := w.fleet.TokenFor(w.fleet.Requests(t.Context())[0])
		if err != nil {
			t.Fatal(err)
		}
		w.serverWith(token).refused("FleetRpc.ReportCapacityV1", m{"serverId": "s", "totalCapacity": 1}, "MatchCapacityService_ServerNotRequested")
	})
}

func TestServerThatDoesNotStartIsReplacedAndNotBelievedLater(t *testing.T) {
	p := &plug{}
	config := "serverPoolManagementPolicies: {default: {maxServerStartTimeMillis: 30000}}"
	run(t, options{plugin: p, config: config}, func(t *testing.T, w *world) {
		w.game("v1", "")
		time.Sleep(time.Second)
		a := p.orders()[0].Allocations[0]
		tokens, err := a.ClientTokens()
		if err != nil {
			t.Fatal(err)
		}
		if !w.reaches(tokens.GameToken) {
			t.Error("the tokens of a started server are not good")
		}
		time.Sleep(28 * time.Second)
		if got := len(p.servers()); got != 1 {
			t.Errorf("%d servers started before the time was over, want 1", got)
		}
		time.Sleep(5 * time.Second)
		if got := len(p.servers()); got != 2 {
			t.Errorf("%d servers started after the time was over, want 2", got)
		}
		if reached := w.reaches(tokens.GameToken); reached {
			t.Error("the tokens of a server that was given up are still good")
		}
	})
}

func TestFailedAddIsRepeatedWithTheSameServers(t *testing.T) {
	p := &plug{answer: func(attempt int) error {
		if attempt < 4 {
			return errors.New("hoster is busy")
		}
		return nil
	}}
	run(t, options{plugin: p}, func(t *testing.T, w *world) {
		w.game("v1", "")
		w.game("v1", "")
		time.Sleep(90 * time.Second)
		orders := p.orders()
		if len(orders) < 4 || len(p.servers()) != 2 {
			t.Errorf("%d calls for %d servers, want at least 4 calls for 2", len(orders), len(p.servers()))
		}
	})
}

func TestPluginThatStartsNothingIsNotAskedAgain(t *testing.T) {
	p := &plug{answer: func(int) error { return fmt.Errorf("mine: %w", fleet.ErrServersComeByThemselves) }}
	run(t, options{plugin: p}, func(t *testing.T, w *world) {
		for range 3 {
			w.game("v1", "")
			time.Sleep(10 * time.Second)
		}
		if got := len(p.orders()); got != 1 {
			t.Errorf("Add was called %d times, want once", got)
		}
		if n, _ := w.fleet.Count(t.Context(), "fleet-server"); n != 0 {
			t.Errorf("%d servers are expected", n)
		}
		if strings.Contains(w.Logs(), "level=ERROR") {
			t.Error("that is no error")
		}
	})
}

func TestPoolKeepsItsLeastCapacity(t *testing.T) {
	p := &plug{}
	run(t, options{plugin: p, config: "serverPoolManagementPolicies: {default: {minCapacity: 2}}"}, func(t *testing.T, w *world) {
		id := w.game("v1", "")
		time.Sleep(5 * time.Second)
		if got := len(p.servers()); got != 2 {
			t.Fatalf("%d servers started, want 2", got)
		}
		var peers []*peer
		for _, name := range p.servers() {
			peers = append(peers, w.server())
			peers[len(peers)-1].polls(name, "v1", 1, 0)
		}
		w.server().Call("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String()})
		one := p.servers()[0]
		for range 30 { // the other one dies
			time.Sleep(time.Second)
			peers[0].polls(one, "v1", 1, 0)
		}
		if got := len(p.servers()); got != 3 {
			t.Errorf("%d servers started in all, want a third for the one that is gone", got)
		}
		if !slices.Contains(p.servers(), one) {
			t.Error("the living server was forgotten")
		}
	})
}

func TestServersAreStartedOnceWhenTheServerRestarts(t *testing.T) {
	p := &plug{}
	run(t, options{plugin: p}, func(t *testing.T, w *world) {
		w.game("v1", "")
		w.Kill()
		w.Start()
		time.Sleep(20 * time.Second)
		w.Restart()
		time.Sleep(20 * time.Second)
		if got := len(p.servers()); got != 1 {
			t.Errorf("%d servers started, want 1", got)
		}
	})
}

func TestRefusedPoolIsAFailedAllocation(t *testing.T) {
	p := &plug{selectPool: func(*fleet.SelectServerPoolRequest) (fleet.ServerPool, error) {
		return fleet.ServerPool{}, errors.New("no such map")
	}}
	run(t, options{plugin: p}, func(t *testing.T, w *world) {
		id := w.game("v1", "")
		time.Sleep(time.Second)
		if got := string(w.state(id)); !strings.Contains(got, "UnknownGameInstanceId") {
			t.Errorf("state = %s, want a game that has ended", got)
		}
	})
}
