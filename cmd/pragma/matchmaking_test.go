package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

const exampleDir = "../../docs/matchmaking"

// ranked lets parties say how well they play.
type ranked struct{ party.Defaults }

func (ranked) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	r.Party.SetExt(r.RequestExt)
	return nil
}

func (ranked) BuildExtMatchmakingPlayer(_ context.Context, r *party.BuildExtMatchmakingPlayerRequest) (ext.Value, error) {
	return r.Party.Ext(), nil
}

// hosted lets games run without a server.
type hosted struct{ gameinstance.Defaults }

func (hosted) HandleBackendCreateByMatchmakingRequest(context.Context, *gameinstance.BackendCreateByMatchmakingRequest) error {
	return nil
}

// rankedServer runs a server with the rules of the example.
func rankedServer(t *testing.T, fn func(w *pragmatest.World)) {
	build := func() *pragma.Server {
		text, err := os.ReadFile(filepath.Join(exampleDir, "today.yml"))
		if err != nil {
			t.Fatal(err)
		}
		parties := &party.Service{Plugin: ranked{}}
		games := &gameinstance.Service{Plugin: hosted{}, Parties: parties}
		queue := &matchmaking.Service{Pool: &rules.Plugin{}, Parties: parties, Games: games}
		return &pragma.Server{Config: pragmatest.Config(t, string(text)), Game: []pragma.Service{parties, games, queue}}
	}
	pragmatest.Run(t, build, fn)
}

// evening lets players enter the queue of a server, some alone and some together,
// and returns the last of them.
func evening(w *pragmatest.World, seed uint64, parties int) *pragmatest.Peer {
	rng := rand.New(rand.NewPCG(seed, 1))
	var last *pragmatest.Peer
	for i := range parties {
		var peers []*pragmatest.Peer
		for j := range 1 + rng.IntN(3) {
			peers = append(peers, w.Peer(fmt.Sprintf("player%d-%d", i, j)))
		}
		near, far := 30+rng.IntN(50), 110+rng.IntN(30)
		if rng.IntN(3) == 0 {
			near, far = far, near
		}
		shown := peers[0].Call("PartyRpc.CreateV1", object{"createRequestExt": object{"rating": 1500 + 50*rng.IntN(15) - 350, "secret": "red"}})["party"].(object)
		for _, p := range peers[1:] {
			p.Call("PartyRpc.JoinWithInviteCodeV1", object{"inviteCode": shown["inviteCode"]})
		}
		for _, p := range peers {
			p.Call("PartyRpc.SetGameServerZoneToPingV1", object{"gameServerZoneToPing": object{"eu": near, "us": far}})
			p.Call("PartyRpc.SetReadyStateV1", object{"ready": true})
		}
		peers[0].Call("PartyRpc.EnterMatchmakingV1", nil)
		time.Sleep(time.Duration(500+rng.IntN(4000)) * time.Millisecond)
		last = peers[0]
	}
	return last
}

// liveFlags are those that reach a server of a test.
func liveFlags(w *pragmatest.World) (live, []string) {
	game, social := pragma.Gateway{Backend: pragma.Game, Type: pragma.Operator}, pragma.Gateway{Backend: pragma.Social, Type: pragma.Operator}
	return live{dial: client.Options{Dial: w.Dial}}, []string{"-url", w.Address(game), "-login", w.Address(social)}
}

// dumped runs pragma matchmaking dump on a server.
func dumped(w *pragmatest.World, args ...string) (string, error) {
	via, flags := liveFlags(w)
	var stdout, stderr bytes.Buffer
	err := (&dumpFlags{live: via}).run(w.T.Context(), append(flags, args...), &stdout, &stderr)
	return stdout.String() + stderr.String(), err
}

func explainedLive(w *pragmatest.World, args ...string) (string, error) {
	via, flags := liveFlags(w)
	var stdout bytes.Buffer
	err := (&explainFlags{live: via}).run(w.T.Context(), append(flags, args...), &stdout, &stdout)
	return stdout.String(), err
}

// The dump of the example is one of a server.
func TestAQueueOfARunningServerIsDumped(t *testing.T) {
	rankedServer(t, func(w *pragmatest.World) {
		if _, err := dumped(w); err == nil || !strings.Contains(err.Error(), "nobody waits") {
			w.T.Errorf("dump of nothing: %v", err)
		}
		last := evening(w, 4, 24)
		text, err := dumped(w, "-anonymous", "-members", "rating")
		if err != nil {
			w.T.Fatal(err)
		}
		file := filepath.Join(exampleDir, "pool.jsonl")
		if *updateGolden {
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				w.T.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			w.T.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			w.T.Errorf("%s (-want +got):\n%s", file, diff)
		}
		out := filepath.Join(t.TempDir(), "pool.jsonl")
		said, err := dumped(w, "-o", out)
		if err != nil || !strings.Contains(said, out) {
			w.T.Errorf("dump says %q, %v", said, err)
		}
		d, err := loadDump(out)
		if err != nil || !strings.Contains(strings.Join(playersOf(d), " "), last.ID.String()) {
			w.T.Errorf("the file has the players %v, %v; want %s among them", playersOf(d), err, last.ID)
		}
		if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
			w.T.Errorf("mode of the file: %v, %v; others can read it", info.Mode(), err)
		}
		if _, err := dumped(w, "-queue", "duel"); err == nil || !strings.Contains(err.Error(), "choose a queue with -queue:\n  "+d.QueueName) {
			w.T.Errorf("dump of an unknown queue: %v", err)
		}
	})
}

func playersOf(d *simulate.Dump) (ids []string) {
	for _, p := range d.Parties {
		for _, player := range p.Players {
			ids = append(ids, player.ID.String())
		}
	}
	return ids
}

func TestAServerAndADumpExplainTheSame(t *testing.T) {
	rankedServer(t, func(w *pragmatest.World) {
		last := evening(w, 4, 24)
		out := filepath.Join(t.TempDir(), "pool.jsonl")
		if _, err := dumped(w, "-o", out); err != nil {
			w.T.Fatal(err)
		}
		online, err := explainedLive(w, "-player", last.ID.String())
		if err != nil {
			w.T.Fatal(err)
		}
		if offline := output(w.T, "matchmaking", "explain", "-dump", out, "-player", last.ID.String()); offline != online {
			w.T.Errorf("explanations (-server +dump):\n%s", cmp.Diff(online, offline))
		}
		for _, want := range []string{"rating window: ", "zones within it: ", "\n10. ticket ", "a game needs 6"} {
			if !strings.Contains(online, want) {
				w.T.Errorf("the explanation does not say %q:\n%s", want, online)
			}
		}
		if text, err := explainedLive(w, "-json", "-player", last.ID.String()); err != nil || !strings.HasPrefix(text, `{"ticket":{"ticketId":`) {
			w.T.Errorf("as JSON: %s, %v", text, err)
		}
		if _, err := explainedLive(w, pragma.NewID[pragma.TicketID]().String()); !errors.Is(err, matchmaking.ErrTicketNotFound) {
			w.T.Errorf("an unknown ticket: %v", err)
		}
		if _, err := explainedLive(w, "-player", pragma.NewID[pragma.PlayerID]().String()); err == nil || !strings.Contains(err.Error(), "no queue") {
			w.T.Errorf("an unknown player: %v", err)
		}
	})
}

func TestMatchmakingCommandsRefuseWhatCannotBe(t *testing.T) {
	t.Setenv(tokenVariable, "")
	pool, today := filepath.Join(exampleDir, "pool.jsonl"), filepath.Join(exampleDir, "today.yml")
	odd := filepath.Join(t.TempDir(), "odd.yml")
	if err := os.WriteFile(odd, []byte("game: {serviceConfigs: {SimulatedPopulation: {playersPerHour: [-1]}}, pluginConfigs: {MatchmakingService.poolPlugin: {config: {default: {numberOfTeams: 0, color: red}}}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"dump"}, "who is asking?"},
		{[]string{"dump", "-members", "a"}, "-members goes with -anonymous"},
		{[]string{"dump", "extra"}, `unexpected "extra"`},
		{[]string{"explain"}, "want a ticket"},
		{[]string{"explain", "a", "b"}, "one ticket at a time"},
		{[]string{"explain", "-player", "a", "b"}, "want a ticket or a -player"},
		{[]string{"explain", "-rules", today, "a"}, "go with -dump"},
		{[]string{"explain", "-candidates", "101", "a"}, "at most 100"},
		{[]string{"explain", "-dump", pool, "nobody"}, "no such ticket"},
		{[]string{"explain", "-dump", today}, "no dump"},
		{[]string{"simulate", "-drain", "0s"}, "-drain above zero"},
		{[]string{"simulate", "-dump", "missing.jsonl"}, "missing.jsonl"},
		{[]string{"simulate", filepath.Join(exampleDir, "evening.yml")}, "no " + rulesPath},
		{[]string{"simulate", odd}, "numberOfTeams"},
		{[]string{"simulate", odd}, "color"},
		{[]string{"simulate", "-population", today}, "no section game.serviceConfigs.SimulatedPopulation"},
		{[]string{"simulate", "-population", odd}, "playersPerHour"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			if err := failure(t, append([]string{"matchmaking"}, c.args...)...); !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestTheWorkedExample runs the commands of docs/matchmaking.md; -update writes
// what they print.
func TestTheWorkedExample(t *testing.T) {
	file, err := filepath.Abs("../../docs/matchmaking.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(exampleDir)
	const begin, end = "```text\n$ pragma matchmaking ", "```\n"
	parts := strings.Split(string(text), begin)
	got := parts[0]
	for _, part := range parts[1:] {
		block, rest, _ := strings.Cut(part, end)
		command, _, _ := strings.Cut(block, "\n")
		got += begin + command + "\n" + output(t, append([]string{"matchmaking"}, strings.Fields(command)...)...) + end + rest
	}
	if len(parts) < 4 {
		t.Errorf("%d commands in the example, want more", len(parts)-1)
	}
	if *updateGolden {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestASimulationPrintsTheSameTwiceAndAsJSON(t *testing.T) {
	args := []string{"matchmaking", "simulate", "-json", "-seed", "5", "-population", filepath.Join(exampleDir, "evening.yml"), "-dump", filepath.Join(exampleDir, "pool.jsonl")}
	first := output(t, args...)
	if diff := cmp.Diff(first, output(t, args...)); diff != "" {
		t.Errorf("again (-first +second):\n%s", diff)
	}
	if !strings.HasPrefix(first, "[\n  {\n    \"name\": \"as dumped\"") {
		t.Errorf("output %.80s, want the rules of the dump", first)
	}
	args[4] = "6"
	if first == output(t, args...) {
		t.Error("another seed gives the same")
	}
}
