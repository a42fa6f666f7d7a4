package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// matchLines compares what a benchmark prints with one pattern for each line.
// Figures are for people; a test looks only at their shape.
func matchLines(t *testing.T, got string, want ...string) {
	t.Helper()
	want = append([]string{`machine: \d+ CPUs, load average .+, go1\..+`}, want...)
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), got)
	}
	for i, line := range lines {
		pattern := strings.NewReplacer("COUNT", `[\d,]+`, "MILLIS", `[\d.]+ ms`, "PERCENT", `\d+ %`, "KB", `-?[\d.]+`).Replace(want[i])
		if ok, err := regexp.MatchString("^"+pattern+"$", line); !ok || err != nil {
			t.Errorf("line %q, want %q (%v)", line, pattern, err)
		}
	}
}

func TestBenchCallsComparesWithABareEcho(t *testing.T) {
	matchLines(t, output(t, "bench", "calls", "-duration", "50ms", "-sockets", "1,5"),
		`calls, 1 socket: no-op call COUNT round trips/s, bare echo COUNT round trips/s, ratio PERCENT \(aim 60 %\)`,
		`calls, 1 connection over HTTP: no-op call COUNT round trips/s, bare echo COUNT round trips/s, ratio PERCENT`,
		`calls, 5 sockets: no-op call COUNT round trips/s, bare echo COUNT round trips/s, ratio PERCENT \(aim 60 %\)`,
		`calls, 5 connections over HTTP: no-op call COUNT round trips/s, bare echo COUNT round trips/s, ratio PERCENT`,
	)
}

func TestBenchFanOutReachesEveryPlayer(t *testing.T) {
	matchLines(t, output(t, "bench", "fanout", "-duration", "50ms", "-pace", "5ms", "-receivers", "1,7"),
		`fan-out to 1 player, one each 5ms: p50 MILLIS, p99 MILLIS, the last MILLIS`,
		`fan-out to 7 players, one each 5ms: p50 MILLIS, p99 MILLIS, the last MILLIS`,
	)
}

func TestBenchGameReachesEveryPlayer(t *testing.T) {
	paced := `game of %s, one update each 5ms: heard p50 MILLIS, p99 MILLIS \(first half p50 MILLIS, second MILLIS\), CPU per update COUNT µs`
	free := `game of %s, one after the other: COUNT updates/s heard by all, CPU per update COUNT µs`
	small, large := "2 players and 3 entries", "5 players and 1,000 entries"
	matchLines(t, output(t, "bench", "game", "-duration", "50ms", "-players", "2,5", "-entries", "3,1000", "-makers", "2"),
		fmt.Sprintf(paced, small), fmt.Sprintf(free, small), fmt.Sprintf(paced, large), fmt.Sprintf(free, large),
		`games with 10 entries, 2 players make and end them: COUNT/s`,
	)
}

func TestBenchIdleReportsMemoryOfEachSocket(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	cost := `KB KB resident \(heap KB, stacks KB\) each`
	cost = strings.Replace(cost, "KB KB", "KB [K]B", 1)
	line := `idle, 5 sockets: ` + cost + `, bare echo ` + cost + `, ratio (-?\d+ %|unknown) \(aim 20 [K]B\)`
	t.Run("on the game gateway", func(t *testing.T) {
		matchLines(t, output(t, "bench", "idle", "-duration", "50ms", "-sockets", "5"), line)
	})
	t.Run("on both gateways", func(t *testing.T) {
		matchLines(t, output(t, "bench", "idle", "-duration", "50ms", "-sockets", "5", "-social"), line)
	})
}

func TestBenchIdleRefusesMoreSocketsThanFiles(t *testing.T) {
	if err := allowFiles(1 << 40); err == nil {
		t.Skip("this system has no limit")
	}
	if err := failure(t, "bench", "idle", "-sockets", "1099511627776"); !contains(err, "open files are needed") {
		t.Errorf("error %q", err)
	}
}

func TestBenchStoreComparesWithTheDisk(t *testing.T) {
	matchLines(t, output(t, "bench", "store", "-duration", "50ms", "-writers", "1,4"),
		`store, 1 writer: COUNT commits/s, bare fsync COUNT/s, ratio PERCENT`,
		`store, 4 writers: COUNT commits/s, bare fsync COUNT/s, ratio PERCENT`,
	)
}

func TestBenchPartyReportsUpdatesAndTheirWay(t *testing.T) {
	matchLines(t, output(t, "bench", "party", "-duration", "50ms", "-writers", "1,2"),
		`party, 1 party of 4: COUNT updates/s, COUNT deliveries/s, p50 MILLIS, p99 MILLIS, raw commits COUNT/s, ratio PERCENT \(aim 25 %\); CPU per update: server \d+ µs, members \d+ µs, per raw commit \d+ µs`,
		`party, 1 party at half load: COUNT updates/s, p50 MILLIS, p99 MILLIS \(aim p99 10 ms\)`,
		`party, 2 parties of 4: COUNT updates/s, COUNT deliveries/s, p50 MILLIS, p99 MILLIS, raw commits COUNT/s, ratio PERCENT \(aim 25 %\); CPU per update: server \d+ µs, members \d+ µs, per raw commit \d+ µs`,
		`party, 2 parties at half load: COUNT updates/s, p50 MILLIS, p99 MILLIS \(aim p99 10 ms\)`,
	)
}

func TestBenchDeliveriesComparesTheStores(t *testing.T) {
	line := func(store string) string {
		return `deliveries, 8 sockets, ` + store + `: COUNT deliveries/s \(aim 70,000\), COUNT updates/s, p50 MILLIS, p99 MILLIS \(aim p99 14 ms\); server: PERCENT of a processor, \d+ µs per delivery, so COUNT deliveries/s of a whole one`
	}
	matchLines(t, output(t, "bench", "deliveries", "-duration", "50ms", "-sockets", "8"), line("SQLite"), line("memory"))
}

func TestBenchCreatesMakesParties(t *testing.T) {
	matchLines(t, output(t, "bench", "creates", "-duration", "20ms", "-players", "1,3"),
		`creates, 1 player: COUNT creates/s \(aim 8,000\), p50 MILLIS, p99 MILLIS; CPU per create: server \d+ µs`,
		`creates, 3 players: COUNT creates/s \(aim 8,000\), p50 MILLIS, p99 MILLIS; CPU per create: server \d+ µs`,
	)
}

func TestBenchMembersComparesSizes(t *testing.T) {
	matchLines(t, output(t, "bench", "members", "-duration", "50ms", "-parties", "2", "-members", "1,5"),
		`members, 1 member: COUNT updates/s; per update: server \d+ µs, \d+ allocations`,
		`members, 5 members: COUNT updates/s; per update: server \d+ µs, \d+ allocations`,
		`members, each further one: -?[\d.]+ µs, -?[\d.]+ allocations`,
	)
}

func TestBenchMatchmakingMatchesEverybody(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	if testing.Short() {
		t.Skip("has passes over 100,000 players")
	}
	way := `from the last needed player's call to both being told p50 MILLIS, p99 MILLIS`
	enter := `10 players enter: COUNT entries/s \(aim 5,000\), CPU per entry: server \d+ µs; heap per waiting ticket -?\d+ bytes \(aim 2,048\), the cache of its records included`
	match := `10 players matched at once: COUNT matches/s, half of them told after MILLIS, all after MILLIS \(aim 1,000 ms for 10,000\); CPU per match: server \d+ µs \(aim 100 µs\), players \d+ µs`
	pass := ` players, all of them new, 5 v 5 by rating and ping: MILLIS`
	matchLines(t, output(t, "bench", "matchmaking", "-players", "9", "-pairs", "2", "-loaded", "3"),
		`matchmaking, SQLite, 2 pairs one after the other: `+way,
		`matchmaking, SQLite, 2,500 entries/s, 3 games: `+way,
		`matchmaking, SQLite, `+enter, `matchmaking, SQLite, `+match, `matchmaking, memory, `+enter, `matchmaking, memory, `+match,
		`matchmaking, a pass over 1,000`+pass+`, COUNT games`,
		`matchmaking, a pass over 10,000`+pass+` \(aim 50 ms\), COUNT games`,
		`matchmaking, a pass over 100,000`+pass+`, COUNT games`,
	)
}

func TestBenchStartReportsTheStages(t *testing.T) {
	matchLines(t, output(t, "bench", "start", "-runs", "1"),
		`start, 1 run: first match after MILLIS \(gateways open after MILLIS, players connected MILLIS, queued MILLIS\), bare echo process after MILLIS, ratio \d+ \(aim 1,000 ms\)`,
	)
}

func TestBenchmarksStopWithTheirContext(t *testing.T) {
	for _, what := range []string{"calls", "idle", "store", "party", "deliveries", "creates", "members", "start"} {
		t.Run(what, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var out strings.Builder
			if err := run(ctx, []string{"bench", what}, &out, &out); err == nil {
				t.Errorf("it succeeds:\n%s", out.String())
			}
		})
	}
}
