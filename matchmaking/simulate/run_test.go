package simulate_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// small is an hour of some made-up players, all alone.
func small() []simulate.Arrival {
	p := simulate.DefaultPopulation()
	p.PlayersPerHour, p.PartySizes, p.PatienceSeconds = []float64{200}, map[int]float64{1: 1}, 90
	return p.Arrivals(7, start)
}

// written is the whole output of two simulations.
func written(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	slow := matchmaking.Config{MatchmakingDelayMillis: 20_000, PassBudgetMillis: 1}
	ratings := simulate.Member("rating", 0)
	a := simulated(t, simulate.Options{Name: "quick", Pool: near{}, Ratings: ratings}, small()...)
	b := simulated(t, simulate.Options{Name: "slow", Pool: near{}, Ratings: ratings, Config: slow}, small()...)
	if err := errors.Join(simulate.WriteText(&out, a, b), simulate.WriteJSON(&out, a, b)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestASmallSimulation(t *testing.T) { golden(t, "small.txt", written(t)) }

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	first := written(t)
	for _, procs := range []int{1, 2} {
		t.Run(fmt.Sprint(procs, " processors"), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			for range 3 {
				if diff := cmp.Diff(string(first), string(written(t))); diff != "" {
					t.Fatalf("output (-first +again):\n%s", diff)
				}
			}
		})
	}
}

func TestTimePassesAsInAService(t *testing.T) {
	slow := matchmaking.Config{MatchmakingDelayMillis: 10_000, PassBudgetMillis: 500}
	for _, c := range []struct {
		name     string
		options  simulate.Options
		arrivals []simulate.Arrival
		want     []string // matches: who, and when in seconds after start
	}{
		{"the last one needed waits for no timer", simulate.Options{}, []simulate.Arrival{solo(1, 0, 5), solo(2, 30*time.Second, 5)}, []string{"1 2 at 30"}},
		{"in any order of arrivals", simulate.Options{}, []simulate.Arrival{solo(2, 30*time.Second, 5), solo(1, 0, 5)}, []string{"1 2 at 30"}},
		{"a full pass each second", simulate.Options{}, []simulate.Arrival{solo(1, 0, 5), solo(2, 0, 8)}, []string{"1 2 at 3"}},
		{"a full pass each ten seconds", simulate.Options{Config: slow}, []simulate.Arrival{solo(1, 0, 5), solo(2, 0, 8)}, []string{"1 2 at 10"}},
		{"ten seconds from the first arrival", simulate.Options{Config: slow}, []simulate.Arrival{solo(1, 4*time.Second, 5), solo(2, 5*time.Second, 8)}, []string{"1 2 at 14"}},
		{"anew after an empty queue", simulate.Options{Config: slow}, []simulate.Arrival{
			solo(1, 0, 5), solo(2, time.Second, 5), solo(3, 13*time.Second, 5), solo(4, 14*time.Second, 9),
		}, []string{"1 2 at 1", "3 4 at 23"}},
		{"a pass by the end of the drain", simulate.Options{Drain: 3 * time.Second}, []simulate.Arrival{solo(1, 0, 5), solo(2, 0, 8)}, []string{"1 2 at 3"}},
		{"none after it", simulate.Options{Drain: 2 * time.Second}, []simulate.Arrival{solo(1, 0, 5), solo(2, 0, 8)}, nil},
		{"all are there at the beginning", simulate.Options{Begin: start.Add(20 * time.Second)}, []simulate.Arrival{solo(1, 0, 5), solo(2, 8*time.Second, 8)}, []string{"1 2 at 20"}},
		{"patience", simulate.Options{}, []simulate.Arrival{{Party: party(1, 1, 0, 5), Patience: 2500 * time.Millisecond}, solo(2, 0, 8)}, nil},
		{"enough patience", simulate.Options{}, []simulate.Arrival{{Party: party(1, 1, 0, 5), Patience: 3500 * time.Millisecond}, solo(2, 0, 8)}, []string{"1 2 at 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			c.options.Pool = near{}
			c.options.OnMatch = func(m *simulate.Match) {
				got = append(got, fmt.Sprint(m.Parties[0].ID[0], " ", m.Parties[1].ID[0], " at ", m.At.Sub(start).Seconds()))
			}
			simulated(t, c.options, c.arrivals...)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReportSaysWhatBecameOfEverybody(t *testing.T) {
	r := simulated(t, simulate.Options{
		Pool: near{}, Ratings: simulate.Member("rating", 0), Drain: time.Minute,
		Config: matchmaking.Config{MatchmakingDelayMillis: 1000, PassBudgetMillis: 500, QueueTimeoutSeconds: 30},
	},
		solo(1, 0, 100), solo(2, 0, 104), // a game after 4 s
		simulate.Arrival{Party: party(3, 1, 0, 200), Patience: 5 * time.Second},
		solo(4, 0, 900), // times out
		simulate.Arrival{Party: party(5, 2, 0, 900)},                // too big
		solo(6, 40*time.Second, 900), solo(7, 41*time.Second, 2000), // 7 is the last; both time out
	)
	got := fmt.Sprintf("arrived %v matched %v waiting %v impatient %v timed out %v refused %v failed %v; %d games, %d faults",
		r.Arrived, r.Matched, r.StillWaiting, r.LostPatience, r.TimedOut, r.Refused, r.Failed, r.Matches, r.Faults)
	want := "arrived {7 8} matched {2 2} waiting {0 0} impatient {1 1} timed out {3 3} refused {1 2} failed {0 0}; 1 games, 1 faults"
	if got != want {
		t.Errorf("report: %s\nwant:   %s", got, want)
	}
	if w := (simulate.Distribution{Count: 2, Mean: 4, P50: 4, P90: 4, P99: 4, Max: 4}); r.WaitSeconds != w {
		t.Errorf("waits %+v, want %+v", r.WaitSeconds, w)
	}
	if r.RatingSpread.Max != 4 || r.TeamDifference.Max != 4 || r.PingMillis.Max != 20 || r.PingMillis.P50 != 10 || r.Quality.Mean != 0.75 {
		t.Errorf("quality %+v, want ratings 4 apart, pings of 10 and 20 ms, quality 0.75", r)
	}
	if diff := cmp.Diff([]simulate.Share{{Difference: 0, Matches: 1}}, r.PartyDifference); diff != "" {
		t.Errorf("party difference (-want +got):\n%s", diff)
	}
	if len(r.FaultTexts) != 1 || !strings.Contains(r.FaultTexts[0], "too big") {
		t.Errorf("faults %q, want the party that is too big", r.FaultTexts)
	}
	if i := slices.IndexFunc(r.WaitHistogram, func(b simulate.Bucket) bool { return b.Count > 0 }); r.WaitHistogram[i] != (simulate.Bucket{UpTo: 5, Count: 2}) {
		t.Errorf("histogram %v, want both from 2 to 5 seconds", r.WaitHistogram)
	}
}

func TestThoseWhoWaitAtTheEndAreCounted(t *testing.T) {
	r := simulated(t, simulate.Options{Pool: near{}, Drain: time.Minute}, solo(1, 0, 0), solo(2, 30*time.Second, 900))
	if r.StillWaiting.Parties != 2 || r.LongestWaitSeconds != 90 {
		t.Errorf("%d wait, the oldest for %v s; want 2 and 90", r.StillWaiting.Parties, r.LongestWaitSeconds)
	}
}

func TestADocumentedPluginIsSimulatedToo(t *testing.T) {
	r := simulated(t, simulate.Options{Plugin: duel{}}, solo(1, 0, 0), solo(2, time.Second, 0), solo(3, 2*time.Second, 0))
	if r.Matches != 1 || r.StillWaiting.Parties != 1 || r.WaitSeconds.Max != 1 {
		t.Errorf("report %+v, want one game after a second", r)
	}
}

type duel struct{ matchmaking.Defaults }

func (duel) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	game := new(matchmaking.NewGameInstance)
	game.AddParties(r.Anchor.Parties(), 0)
	game.AddParties(r.Other.Parties(), 1)
	return game, nil
}

func (duel) MatchPartiesWithGame(_ context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	if len(r.Game.Players) >= 2 {
		return nil, nil
	}
	update := new(matchmaking.GameInstanceUpdate)
	update.AddParties(r.Anchor.Parties(), 1)
	return update, nil
}

func TestRunningGamesAreFilled(t *testing.T) {
	game := &matchmaking.GameInstance{ID: pragma.GameInstanceID{1}, EnteredAt: start, Players: []matchmaking.GamePlayer{{ID: pragma.PlayerID{9}, Ext: ext.Value{}}}}
	for range 2 { // the game is not changed
		r, err := simulate.Run(t.Context(), simulate.Options{Plugin: duel{}}, []simulate.Arrival{solo(1, 0, 0), solo(2, time.Minute, 0)}, game)
		if err != nil || r.Joins != 1 || r.Matches != 0 || r.StillWaiting.Parties != 1 {
			t.Errorf("report %+v, %v; want one join, and one who finds the game full", r, err)
		}
	}
}

func TestSimulationsThatCannotBe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one := []simulate.Arrival{solo(1, 0, 0)}
	for _, c := range []struct {
		name     string
		ctx      context.Context
		options  simulate.Options
		arrivals []simulate.Arrival
		games    int
		want     string
	}{
		{"no plugin", t.Context(), simulate.Options{}, one, 0, "a Plugin or a Pool"},
		{"two plugins", t.Context(), simulate.Options{Plugin: duel{}, Pool: near{}}, one, 0, "a Plugin or a Pool"},
		{"a delay of nothing", t.Context(), simulate.Options{Plugin: duel{}, Config: matchmaking.Config{PassBudgetMillis: 1}}, one, 0, "matchmakingDelayMillis"},
		{"a ticket twice", t.Context(), simulate.Options{Plugin: duel{}}, []simulate.Arrival{one[0], one[0]}, 0, "arrives twice"},
		{"a game twice", t.Context(), simulate.Options{Plugin: duel{}}, one, 2, "waits already"},
		{"no time", ctx, simulate.Options{Plugin: duel{}}, one, 0, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			games := make([]*matchmaking.GameInstance, c.games)
			for i := range games {
				games[i] = &matchmaking.GameInstance{}
			}
			if _, err := simulate.Run(c.ctx, c.options, c.arrivals, games...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run() = %v, want %q", err, c.want)
			}
		})
	}
	if r := simulated(t, simulate.Options{Plugin: duel{}}); r.Arrived.Parties != 0 || r.Matches != 0 {
		t.Errorf("nobody comes: %+v", r)
	}
}
