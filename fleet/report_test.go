package fleet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

func TestServerGetsTheGamesThatFitAndNoOthers(t *testing.T) {
	type place struct{ version, zone string }
	tests := map[string]struct {
		game place
		gets bool
		poll func(p *peer) []any
	}{
		"any game, newer call":           {place{"", "eu"}, true, func(p *peer) []any { return p.polls("s", "v1", 1, 0) }},
		"pool of the version":            {place{"v1", "eu"}, true, func(p *peer) []any { return p.polls("s", "v1", 1, 0) }},
		"another pool":                   {place{"v2", ""}, false, func(p *peer) []any { return p.polls("s", "v1", 1, 0) }},
		"no pool":                        {place{"v1", ""}, false, func(p *peer) []any { return p.polls("s", "", 1, 0) }},
		"no pool, any game":              {place{"", ""}, true, func(p *peer) []any { return p.polls("s", "", 1, 0) }},
		"longer pool":                    {place{"v1", ""}, false, func(p *peer) []any { return p.polls("s", "v1.debug", 1, 0) }},
		"any game, older call":           {place{"", ""}, true, func(p *peer) []any { return p.pollsOld("s", "1.4.load.none", "eu", 1, 0) }},
		"same version and zone":          {place{"1.4", "eu"}, true, func(p *peer) []any { return p.pollsOld("s", "1.4", "eu", 1, 0) }},
		"version with the title's own":   {place{"1.4", ""}, true, func(p *peer) []any { return p.pollsOld("s", "1.4.load.none", "eu", 1, 0) }},
		"version that only begins alike": {place{"1.4", ""}, false, func(p *peer) []any { return p.pollsOld("s", "1.40", "eu", 1, 0) }},
		"server of a shorter version":    {place{"1.4.1", ""}, false, func(p *peer) []any { return p.pollsOld("s", "1.4", "eu", 1, 0) }},
		"another zone":                   {place{"1.4", "us"}, false, func(p *peer) []any { return p.pollsOld("s", "1.4", "eu", 1, 0) }},
		"server without zone":            {place{"1.4", "us"}, false, func(p *peer) []any { return p.pollsOld("s", "1.4", "", 1, 0) }},
		"no room":                        {place{"", ""}, false, func(p *peer) []any { return p.polls("s", "", 1, 1) }},
		"no capacity at all":             {place{"", ""}, false, func(p *peer) []any { return p.polls("s", "", 0, 0) }},
		"more used than there is":        {place{"", ""}, false, func(p *peer) []any { return p.polls("s", "", 1, 5) }},
		"the greatest number":            {place{"", ""}, true, func(p *peer) []any { return p.polls("s", "", 1<<31-1, 0) }},
		"capacities as text, older call": {place{"", ""}, true, func(p *peer) []any {
			return p.gets("MatchCapacityRpc.ReportCapacityV2", m{"serverId": "s", "totalCapacity": "1", "usedCapacity": "0"})
		}},
		"text that says full, newer call": {place{"", ""}, false, func(p *peer) []any {
			return p.gets("FleetRpc.ReportCapacityV1", m{"serverId": "s", "totalCapacity": "1", "usedCapacity": "1"})
		}},
		"a server that says nearly nothing": {place{"", ""}, false, func(p *peer) []any { return p.gets("FleetRpc.ReportCapacityV1", m{"serverId": "s"}) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				id := w.game(tt.game.version, tt.game.zone)
				want := ids()
				if tt.gets {
					want = ids(id)
				}
				if diff := cmp.Diff(want, tt.poll(w.server())); diff != "" {
					t.Errorf("games (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestReportThatNoServerMayMakeChangesNothing(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		id := w.game("", "")
		p := w.server()
		with := func(key string, value any) m {
			r := m{"serverId": "s", "serverPoolId": "", "totalCapacity": 1, "usedCapacity": 0}
			r[key] = value
			return r
		}
		for _, r := range []m{
			with("serverId", ""), with("serverId", strings.Repeat("x", 129)), with("serverPoolId", strings.Repeat("x", 129)),
			with("totalCapacity", -1), with("usedCapacity", -1), with("totalCapacity", "-1"),
			with("totalCapacity", 1<<31), with("totalCapacity", "many"), with("totalCapacity", 0.5),
		} {
			p.refused("FleetRpc.ReportCapacityV1", r, "Serialization_Error")
		}
		for _, key := range []string{"gameVersion", "gameServerZone"} {
			p.refused("MatchCapacityRpc.ReportCapacityV2", with(key, strings.Repeat("x", 300)), "Serialization_Error")
		}
		if diff := cmp.Diff(ids(id), p.polls("s", "", 1, 0)); diff != "" {
			t.Errorf("games after refusals (-want +got):\n%s", diff)
		}
	})
}

func TestOldestGameGoesFirstAndNoFurtherThanTheRoom(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		first := w.game("v1", "")
		time.Sleep(time.Second)
		second := w.game("", "")
		time.Sleep(time.Second)
		third := w.game("v1", "")
		p := w.server()
		if diff := cmp.Diff(ids(first, second), p.polls("s", "v1", 3, 1)); diff != "" {
			t.Errorf("games (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(ids(), p.polls("s", "v1", 3, 3)); diff != "" {
			t.Errorf("games of a full server (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(ids(third), p.polls("t", "v1", 1, 0)); diff != "" {
			t.Errorf("games of the next server (-want +got):\n%s", diff)
		}
	})
}

func TestGameThatServerDoesNotCountYetTakesRoom(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		one, two := w.game("", ""), w.game("", "")
		p := w.server()
		if got := p.polls("s", "", 1, 0); len(got) != 1 || got[0] != one.String() && got[0] != two.String() {
			t.Fatalf("first report gets %v", got)
		}
		other := w.server() // a report that was under way, on another connection
		if got := other.polls("s", "", 1, 0); len(got) != 0 {
			t.Errorf("second report of a server with one place gets %v", got)
		}
		if got := p.polls("s", "", 1, 1); len(got) != 0 {
			t.Errorf("full server gets %v", got)
		}
		if got := p.polls("s", "", 1, 0); len(got) != 1 {
			t.Errorf("server that is free again gets %v", got)
		}
	})
}

func TestLinkedGameTakesNoRoomBesidesWhatTheServerSays(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		id := w.game("", "")
		p := w.server()
		p.polls("s", "", 2, 1)
		p.Call("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
		next := w.game("", "")
		if diff := cmp.Diff(ids(next), p.polls("s", "", 2, 1)); diff != "" { // its other game has ended
			t.Errorf("games (-want +got):\n%s", diff)
		}
	})
}

func TestGameThatDoesNotWaitIsNotHandedOut(t *testing.T) {
	ways := map[string]func(t *testing.T, w *world, id string){
		"ended": func(t *testing.T, w *world, id string) {
			w.server().Call("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id, "playerGameResults": []m{}})
		},
		"linked by another server": func(t *testing.T, w *world, id string) {
			w.server().Call("GameInstanceRpc.LinkV1", m{"gameInstanceId": id})
		},
		"timed out": func(t *testing.T, w *world, _ string) { time.Sleep(121 * time.Second) },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				way(t, w, w.game("", "").String())
				time.Sleep(time.Second)
				if n, _ := w.fleet.Count(t.Context(), "fleet-waiting"); n != 0 {
					t.Errorf("%d games are in line", n)
				}
				p := w.server()
				if got := p.polls("s", "", 1, 0); len(got) != 0 {
					t.Errorf("server gets %v", got)
				}
				w.Restart()
				if got := w.server().polls("s", "", 1, 0); len(got) != 0 {
					t.Errorf("server gets %v after a restart", got)
				}
			})
		})
	}
}

func TestGameThatWasHandedOutAndNotLinkedFails(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		id := w.game("", "")
		p := w.server()
		p.polls("s", "", 1, 0)
		for range 130 {
			time.Sleep(time.Second)
			if got := p.polls("s", "", 1, 1); len(got) != 0 {
				t.Fatalf("handed out again: %v", got)
			}
		}
		if got := w.state(id); strings.HasPrefix(string(got), string(gameinstance.StateAllocating)) {
			t.Errorf("state = %s after the allocation timeout", got)
		}
	})
}

func TestRepeatedRequestIsRecognised(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		id := w.game("", "")
		again := func() {
			t.Helper()
			all := w.fleet.Requests(t.Context())
			if len(all) != 1 {
				t.Fatalf("%d requests, want 1", len(all))
			}
			r := &gameinstance.StartAllocationForGameInstanceRequest{GameInstanceID: id, AllocationID: all[0]}
			for range 3 {
				if err := w.fleet.StartAllocationForGameInstance(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
		}
		again()
		if diff := cmp.Diff(ids(id), w.server().polls("s", "", 4, 0)); diff != "" {
			t.Errorf("games (-want +got):\n%s", diff)
		}
		again() // the answer to the first call was late
		if got := w.server().polls("t", "", 4, 0); len(got) != 0 {
			t.Errorf("a game that was handed out is handed out again: %v", got)
		}
		time.Sleep(3 * time.Hour)
		if n, _ := w.fleet.Count(t.Context(), "fleet-request"); n != 0 {
			t.Errorf("%d requests are remembered for ever", n)
		}
	})
}

func TestRequestThatComesAfterItsEndIsNotQueued(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		game, allocation := pragma.NewID[pragma.GameInstanceID](), pragma.NewID[pragma.AllocationID]()
		end := &gameinstance.EndAllocationRequest{GameInstanceID: game, AllocationID: allocation, Reason: gameinstance.EndTimedOut}
		start := &gameinstance.StartAllocationForGameInstanceRequest{GameInstanceID: game, AllocationID: allocation}
		if err := errors.Join(w.fleet.EndAllocation(t.Context(), end), w.fleet.StartAllocationForGameInstance(t.Context(), start)); err != nil {
			t.Fatal(err)
		}
		if n, _ := w.fleet.Count(t.Context(), "fleet-waiting"); n != 0 {
			t.Errorf("%d games wait", n)
		}
	})
}

func TestAnswerSaysWhenToReportAgain(t *testing.T) {
	p := &plug{byID: func(id string) (fleet.ServerPool, error) {
		switch id {
		case "slow":
			return fleet.ServerPool{ServerPoolID: id, ManagementPolicyID: "slow"}, nil
		case "lost":
			return fleet.ServerPool{ServerPoolID: id, ManagementPolicyID: "lost"}, nil
		case "other":
			return fleet.ServerPool{ServerPoolID: "else"}, nil
		case "":
			return fleet.ServerPool{}, nil
		}
		return fleet.ServerPool{}, fleet.ErrServerPoolNotFound
	}}
	run(t, options{plugin: p, config: "serverPoolManagementPolicies: {slow: {serverHeartbeatPeriodMillis: 2500}}"}, func(t *testing.T, w *world) {
		s := w.server()
		for pool, want := range map[string]string{"": "1000", "slow": "2500"} {
			got := s.Call("FleetRpc.ReportCapacityV1", m{"serverId": "s", "serverPoolId": pool, "totalCapacity": 1, "usedCapacity": 0})
			if diff := cmp.Diff(m{"nextHeartbeatPeriodMillis": want, "gameInstanceIds": []any{}}, got); diff != "" {
				t.Errorf("pool %q (-want +got):\n%s", pool, diff)
			}
		}
		s.refused("FleetRpc.ReportCapacityV1", m{"serverId": "s", "serverPoolId": "lost"}, "FleetService_ServerPoolManagementPolicyConfigNotFound")
		s.refused("FleetRpc.ReportCapacityV1", m{"serverId": "s", "serverPoolId": "unknown"}, "FleetService_ServerPoolNotFound")
		s.refused("FleetRpc.ReportCapacityV1", m{"serverId": "s", "serverPoolId": "other"}, "FleetService_ServerPoolNotFound")
		if p.inits != 1 {
			t.Errorf("Init was called %d times with a client, want 1", p.inits)
		}
	})
}

func TestServersAreLoggedWhenTheyComeAndGo(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		p := w.server()
		logged := func(text string, want int) {
			t.Helper()
			time.Sleep(time.Millisecond)
			if got := strings.Count(w.Logs(), text); got != want {
				t.Errorf("logged %d times %q, want %d", got, text, want)
			}
		}
		for range 30 {
			p.polls("arena-1", "", 1, 0)
			time.Sleep(time.Second)
		}
		logged("unknown game server reports", 1)
		logged("game server is gone", 0)
		time.Sleep(15 * time.Second)
		logged("game server is gone", 1)
		p = w.server()
		p.polls("arena-1", "", 1, 0)
		logged("game server is back", 1)
		time.Sleep(2 * time.Hour)
		logged("game server is gone", 2)
		p = w.server()
		p.polls("arena-1", "", 1, 0)
		logged("unknown game server reports", 2) // it was forgotten
	})
}

func TestMostReportsCostNoCommit(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		p := w.server()
		p.polls("s", "", 1, 0)
		before := commits(t, w)
		for range 60 {
			time.Sleep(time.Second)
			p.polls("s", "", 1, 0)
		}
		if n := commits(t, w) - before; n < 5 || n > 15 {
			t.Errorf("60 reports without news made %d commits, want about 12", n)
		}
	})
}
