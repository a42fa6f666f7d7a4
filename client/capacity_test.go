package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
)

const reportCapacity = "FleetRpc.ReportCapacityV1"

// fleet answers reports: the next period, and these games, once.
func (f *fake) fleet(period time.Duration, games ...string) {
	f.on(reportCapacity, func(c *fakeCall) {
		list := ""
		if len(games) > 0 {
			list = `"` + strings.Join(games, `","`) + `"`
		}
		games = nil
		c.reply(fmt.Sprintf(`{"nextHeartbeatPeriodMillis":"%d","gameInstanceIds":[%s]}`, period.Milliseconds(), list))
	})
}

// reports returns total and used of all reports so far.
func (f *fake) reports() []string {
	synctest.Wait()
	var out []string
	for _, r := range f.seen("game " + reportCapacity) {
		var total, used int
		if _, err := fmt.Sscanf(r, `{"serverId":"arena-1","serverPoolId":"eu","totalCapacity":%d,"usedCapacity":%d}`, &total, &used); err != nil {
			f.t.Fatalf("report %s: %v", r, err)
		}
		out = append(out, fmt.Sprintf("%d of %d", used, total))
	}
	return out
}

func (f *fake) polls(s *client.GameServer, p client.CapacityPolling) {
	f.t.Helper()
	p.ServerID, p.ServerPoolID = "arena-1", "eu"
	if err := s.StartReportCapacityPolling(p); err != nil {
		f.t.Fatal(err)
	}
}

func TestCapacityIsReportedUntilAGameComesAndThenAsUsed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		sub := s.Subscribe()
		f.fleet(2 * time.Second)
		f.polls(s, client.CapacityPolling{})
		time.Sleep(3 * time.Second)
		f.fleet(2*time.Second, gameA)
		got, err := client.Await[client.GameAllocated](t.Context(), sub, nil)
		if err != nil || got.GameInstanceID != mustID(gameA) {
			t.Fatalf("allocated %v, %v", got, err)
		}
		time.Sleep(2 * time.Second)
		want := []string{"0 of 1", "0 of 1", "0 of 1", "1 of 1"}
		if diff := cmp.Diff(want, f.reports()); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
		if err := s.ReportFreedCapacity(1); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append(want, "0 of 1"), f.reports()); diff != "" {
			t.Errorf("reports after the game (-want +got):\n%s", diff)
		}
	})
}

func TestEveryChangeOfCapacityIsReportedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.fleet(time.Minute, gameA, gameB)
		f.polls(s, client.CapacityPolling{MaxGameInstanceCount: 3})
		synctest.Wait()
		for _, change := range []func() error{
			func() error { return s.UpdateMaxGameInstanceCount(5) },
			func() error { return s.ReportFreedCapacity(1) },
			func() error { return s.ReportFreedCapacity(7) },
			func() error { return s.UpdateMaxGameInstanceCount(0) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		want := []string{"0 of 3", "2 of 5", "1 of 5", "0 of 5", "0 of 0"}
		if diff := cmp.Diff(want, f.reports()); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
		if s.ReportFreedCapacity(-1) == nil || s.UpdateMaxGameInstanceCount(-1) == nil {
			t.Error("numbers below 0 are accepted")
		}
	})
}

func TestChangeDuringAReportWaitsForItsAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		var waiting *fakeCall
		f.on(reportCapacity, func(c *fakeCall) { waiting = c })
		f.polls(s, client.CapacityPolling{})
		synctest.Wait()
		if err := s.UpdateMaxGameInstanceCount(2); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"0 of 1"}, f.reports()); diff != "" {
			t.Errorf("reports before the answer (-want +got):\n%s", diff)
		}
		waiting.reply(`{"nextHeartbeatPeriodMillis":"60000","gameInstanceIds":["` + gameA + `"]}`)
		if diff := cmp.Diff([]string{"0 of 1", "1 of 2"}, f.reports()); diff != "" {
			t.Errorf("reports after it (-want +got):\n%s", diff)
		}
	})
}

func TestCapacityPollingSurvivesBreaksAndRefusals(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		sub := s.Subscribe()
		f.on(reportCapacity, func(c *fakeCall) { c.refuse("Service_OperatingError") })
		f.polls(s, client.CapacityPolling{})
		time.Sleep(5500 * time.Millisecond)
		if got := len(f.reports()); got != 6 {
			t.Errorf("%d reports, want one each second", got)
		}
		f.socket("game").cut()
		f.fleet(time.Second, gameA)
		if _, err := client.Await[client.GameAllocated](t.Context(), sub, nil); err != nil {
			t.Error(err)
		}
		before := len(f.reports())
		f.on(reportCapacity, silent)
		time.Sleep(time.Minute)
		if got := len(f.reports()); got < before+2 {
			t.Errorf("%d reports while none is answered, want more than one", got-before)
		}
	})
}

func TestCapacityPollingEnds(t *testing.T) {
	ends := map[string]func(*testing.T, *client.GameServer){
		"when it is stopped": func(_ *testing.T, s *client.GameServer) { s.StopReportCapacityPolling() },
		"with the timeout": func(t *testing.T, s *client.GameServer) {
			sub := s.Subscribe()
			start := time.Now()
			if _, err := client.Await[client.CapacityTimedOut](t.Context(), sub, nil); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != 10*time.Second {
				t.Errorf("timed out after %v, want 10s", got)
			}
		},
		"with the client": func(_ *testing.T, s *client.GameServer) { s.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				s := f.server()
				f.fleet(time.Second)
				f.polls(s, client.CapacityPolling{Timeout: 10 * time.Second})
				end(t, s)
				before := len(f.reports())
				time.Sleep(time.Minute)
				if got := len(f.reports()); got != before {
					t.Errorf("%d reports after the end", got-before)
				}
				if name == "with the client" {
					return
				}
				if err := s.ReportFreedCapacity(1); !errors.Is(err, client.ErrNotPolling) {
					t.Errorf("ReportFreedCapacity = %v, want ErrNotPolling", err)
				}
				f.polls(s, client.CapacityPolling{}) // it may begin again
				s.StopReportCapacityPolling()
			})
		})
	}
}

func TestTimeoutIsForTheFirstGame(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.fleet(time.Second, gameA)
		f.polls(s, client.CapacityPolling{Timeout: 10 * time.Second})
		time.Sleep(time.Minute)
		if got := len(f.reports()); got != 61 {
			t.Errorf("%d reports in a minute, want 61", got)
		}
	})
}

func TestCapacityPollingIsChecked(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.fleet(time.Second)
		for name, p := range map[string]client.CapacityPolling{
			"without id":       {},
			"negative places":  {ServerID: "s", MaxGameInstanceCount: -1},
			"negative timeout": {ServerID: "s", Timeout: -1},
		} {
			if s.StartReportCapacityPolling(p) == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		f.polls(s, client.CapacityPolling{})
		if err := s.StartReportCapacityPolling(client.CapacityPolling{ServerID: "s"}); !errors.Is(err, client.ErrPolling) {
			t.Errorf("second start = %v, want ErrPolling", err)
		}
	})
}
