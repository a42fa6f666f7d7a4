package fleet_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma/store"
)

// measured returns the lines of the fleet's figures.
func (w *world) measured() string {
	w.T.Helper()
	return w.fleet.Measured(w.T)
}

func TestFiguresSayHowManyWaitAndWhoReports(t *testing.T) {
	p := &plug{}
	config := "serverPoolManagementPolicies: {default: {maxServerStartTimeMillis: 100000, missedHeartbeatsAllowed: 20}}"
	run(t, options{plugin: p, config: config}, func(t *testing.T, w *world) {
		one := w.server()
		one.polls("a", "v1", 1, 0)
		w.game("v2", "")
		w.game("v2", "")
		time.Sleep(16 * time.Second)
		for _, want := range []string{
			`gamebackend_fleet_waiting_games{pool="v1"} 0`, `gamebackend_fleet_waiting_games{pool="v2"} 2`,
			`gamebackend_fleet_servers{pool="v1",state="reporting"} 1`, `gamebackend_fleet_servers{pool="v2",state="starting"} 2`,
		} {
			if got := w.measured(); !strings.Contains(got, want+"\n") {
				t.Errorf("no %s in\n%s", want, got)
			}
		}
		one.polls("b", "v2", 2, 0)
		time.Sleep(time.Minute)
		for _, want := range []string{
			`gamebackend_fleet_waiting_games{pool="v2"} 0`,
			`gamebackend_fleet_servers{pool="v1",state="reporting"} 0`, `gamebackend_fleet_servers{pool="v1",state="gone"} 1`,
		} {
			if got := w.measured(); !strings.Contains(got, want+"\n") {
				t.Errorf("no %s in\n%s", want, got)
			}
		}
	})
}

func TestFiguresAreBoundedWhateverServersReport(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		s := w.server()
		for n := range 200 {
			s.polls(fmt.Sprint("server ", n), fmt.Sprint("pool ", n), 1, 0)
		}
		time.Sleep(16 * time.Second)
		got := w.measured()
		if n := strings.Count(got, "\n"); n > 300 {
			t.Errorf("%d lines of figures for 200 pools", n)
		}
		if want := `gamebackend_fleet_servers{pool="(others)",state="`; !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	})
}

func TestConfiguredPoolsHaveTheirLeastCapacityFromTheStart(t *testing.T) {
	p := &plug{}
	config := "serverPoolIds: [v1, v2], serverPoolManagementPolicies: {default: {minCapacity: 2}}"
	run(t, options{plugin: p, config: config}, func(t *testing.T, w *world) {
		time.Sleep(5 * time.Second)
		if got := len(p.servers()); got != 4 {
			t.Errorf("%d servers were started before there was a game, want 2 for each pool", got)
		}
		w.Restart()
		time.Sleep(5 * time.Second)
		if got := len(p.servers()); got != 4 {
			t.Errorf("%d servers after a restart, want the same 4", got)
		}
	})
}

func TestAPoolThatWasUsedHasItsLeastCapacityAfterARestart(t *testing.T) {
	p := &plug{}
	config := "serverPoolManagementPolicies: {default: {minCapacity: 1, maxServerStartTimeMillis: 20000}}"
	run(t, options{plugin: p, config: config}, func(t *testing.T, w *world) {
		id := w.game("v1", "")
		time.Sleep(2 * time.Second)
		w.server().Call("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String()})
		w.Stop()
		time.Sleep(time.Hour) // the server that was started is long gone
		w.Start()
		time.Sleep(time.Minute)
		if got := len(p.servers()); got < 2 {
			t.Errorf("%d servers were started in all, want another one after the restart", got)
		}
	})
}

// Two nodes that compare all the time start no more servers together than one may.
func TestTwoNodesStartNoMoreThanTheGreatestCapacity(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	p := &plug{}
	const config = "serverPoolManagementPolicies: {default: {maxCapacity: 7}}"
	one, games := nodeWith(t, "a", db, p, config)
	two, other := nodeWith(t, "b", db, p, config)
	var wg sync.WaitGroup
	for n := range 60 {
		at := []*gameinstance.Service{games, other}[n%2]
		wg.Go(func() {
			if _, err := at.Create(t.Context(), &gameinstance.CreateOptions{GameServerVersion: "v1"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, s := range []*fleet.Service{one, two} {
			s.Wake()
		}
	}
	if got := len(p.servers()); got != 7 {
		t.Errorf("%d servers were started, want the 7 that may be", got)
	}
}

func TestPoolIDsHaveABound(t *testing.T) {
	cfg := fleet.DefaultConfig()
	cfg.ServerPoolIDs = []string{"", strings.Repeat("x", 127)}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	cfg.ServerPoolIDs = []string{strings.Repeat("x", 128)}
	if err := cfg.Validate(); err == nil {
		t.Error("an id that no pool can have is accepted")
	}
}
