package gameinstance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
)

// runs is what jobs were called with, in order.
type runs struct {
	mu    sync.Mutex
	names []string
	games []*gameinstance.GameInstanceEndedRequest
}

// jobFunc is a job.
type jobFunc func(ctx context.Context, r *gameinstance.GameInstanceEndedRequest) error

func (f jobFunc) OnGameInstanceEnded(ctx context.Context, r *gameinstance.GameInstanceEndedRequest) error {
	return f(ctx, r)
}

// job notes its calls, and then does what fn does.
func (l *runs) job(name string, fn jobFunc, after ...string) gameinstance.Job {
	return gameinstance.Job{Name: name, After: after, Run: jobFunc(func(ctx context.Context, r *gameinstance.GameInstanceEndedRequest) error {
		l.mu.Lock()
		l.names, l.games = append(l.names, name), append(l.games, r)
		l.mu.Unlock()
		if fn != nil {
			return fn(ctx, r)
		}
		return nil
	})}
}

// called returns the names of the jobs that were called since it was last asked.
func (l *runs) called() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	names := l.names
	l.names = nil
	return names
}

func (l *runs) last(t *testing.T) *gameinstance.GameInstanceEndedRequest {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.games) == 0 {
		t.Fatal("no job was called")
	}
	return l.games[len(l.games)-1]
}

func withJobs(jobs ...gameinstance.Job) options {
	return options{service: func(s *gameinstance.Service) { s.Jobs = jobs }}
}

// kept counts what is in the store for jobs.
func (w *world) kept(jobs ...string) int {
	w.T.Helper()
	n := 0
	for _, kind := range []string{"instance-end", "instance-end-page"} {
		n += count(w.T, w.queue.m.Store(), kind)
	}
	for _, job := range append(jobs, "party-inventory") {
		n += count(w.T, w.queue.m.Store(), "outbox/end-of-game/"+job)
	}
	return n
}

func (w *world) end(id pragma.GameInstanceID) {
	w.T.Helper()
	if err := w.games.End(w.T.Context(), id, ext.Value{}, nil); err != nil {
		w.T.Fatal(err)
	}
	synctest.Wait()
}

func TestJobsAreToldEverything(t *testing.T) {
	var l runs
	run(t, withJobs(l.job("results", nil)), func(t *testing.T, w *world) {
		all := w.players("ada", "ben", "cora")
		ada, ben, cora := all[0], all[1], all[2]
		red := w.inParty("red", ada, ben)
		w.queued(ada, ben)
		id := w.match(all...)
		server := w.allocated()
		server.play(id, all...)
		server.do("GameInstanceRpc.RemovePlayersV2", m{"gameInstanceId": id.String(), "players": []m{{"playerId": ben.id.String(), "ext": m{"place": 3}}}})
		equal(t, "called before the end", len(l.called()), 0)
		began := time.Now()
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String(), "ext": m{"rounds": 9}, "playerGameResults": []m{
			{"playerId": cora.id.String(), "ext": m{"kills": 1}}, {"playerId": ben.id.String(), "ext": m{"kills": 2}},
			{"playerId": cora.id.String(), "ext": m{"kills": 4}},
		}})
		got := l.last(t)
		equal(t, "time of the end", got.EndedAt.Equal(began), true)
		got.EndedAt = time.Time{}
		equal(t, "request", got, &gameinstance.GameInstanceEndedRequest{
			GameInstanceID: id, Reason: gameinstance.GameEnded, TerminationReason: "ENDED", RequestExt: ext.Of(m{"rounds": 9}),
			Parties: []gameinstance.MatchedParty{{PartyID: red}, {PartyID: red}},
			Players: []gameinstance.EndedPlayer{
				{PlayerID: ada.id, PartyID: red, TeamNumber: 1},
				{PlayerID: cora.id, TeamNumber: 2, Result: &gameinstance.PlayerGameResult{PlayerID: cora.id, Ext: ext.Of(m{"kills": 4})}},
				{
					PlayerID: ben.id, PartyID: red, TeamNumber: 1, LeftEarly: true, RemoveExt: ext.Of(m{"place": 3}),
					Result: &gameinstance.PlayerGameResult{PlayerID: ben.id, Ext: ext.Of(m{"kills": 2})},
				},
			},
		})
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": id.String(), "playerGameResults": []m{}})
		time.Sleep(3 * time.Hour)
		equal(t, "calls in all", l.called(), []string{"results"})
		equal(t, "kept when all is done", w.kept("results"), 0)
	})
}

func TestJobsRunHoweverAGameIsOver(t *testing.T) {
	unknown := pragma.NewID[pragma.GameInstanceID]()
	ada := pragma.NewID[pragma.PlayerID]()
	tests := []struct {
		name, config string
		over         func(w *world, id pragma.GameInstanceID)
		want         string
	}{
		{name: "ended", over: (*world).end, want: "ENDED ENDED 1"},
		{name: "terminated by the plugin", over: func(w *world, id pragma.GameInstanceID) {
			w.plug.update = func(r *gameinstance.BackendUpdateRequest) error { r.GameInstance.Terminate(); return nil }
			if err := w.games.Update(w.T.Context(), id, ext.Value{}); err != nil {
				w.T.Error(err)
			}
		}, want: "TERMINATED PLUGIN 1"},
		{name: "terminated by an operator", over: func(w *world, id pragma.GameInstanceID) {
			w.operator(pragma.RoleAdmin).do("TerminateGameInstance", m{"gameInstanceId": id.String()})
		}, want: "TERMINATED OPERATOR 1"},
		{name: "server gone", over: func(w *world, id pragma.GameInstanceID) {
			time.Sleep(5 * time.Minute)
		}, want: "ENDED ENDED 1"}, // no server ever links: the default ends the game
		{name: "too long", config: "enableAbsoluteTimeout: true, absoluteTimeoutMillis: 60000, enableKeepAlive: false", over: func(w *world, id pragma.GameInstanceID) {
			server := w.allocated()
			server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
			server.do("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": id.String(), "playerConnectionDetails": []m{{"playerId": ada.String()}}})
			time.Sleep(2 * time.Minute)
		}, want: "TERMINATED ABSOLUTE_TIMEOUT_ELAPSED 1"},
		{name: "expired", config: "staleGameInstanceExpirationMinutes: 1, gameServerAllocationTimeoutMillis: 9000000", over: func(*world, pragma.GameInstanceID) {
			time.Sleep(10 * time.Minute)
		}, want: "EXPIRED EXPIRED 1"},
		{name: "of a game nobody knew", config: "processEndGameForUnknownInstance: true", over: func(w *world, _ pragma.GameInstanceID) {
			w.server().do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": unknown.String(), "playerGameResults": []m{
				{"playerId": ada.String(), "ext": m{}}, {"playerId": pragma.NewID[pragma.PlayerID]().String(), "ext": m{}},
			}})
		}, want: "ENDED ENDED 2 for the unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l runs
			o := withJobs(l.job("results", nil))
			o.config = tt.config
			run(t, o, func(t *testing.T, w *world) {
				w.games.Accounts = nil
				id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: []gameinstance.PlayerToAdd{{PlayerID: ada, SocialID: pragma.NewID[pragma.SocialID]()}}})
				if err != nil {
					t.Fatal(err)
				}
				tt.over(w, id)
				r := l.last(t)
				got := fmt.Sprint(r.Reason, " ", r.TerminationReason, " ", len(r.Players))
				if r.GameInstanceID == unknown {
					got += " for the unknown"
				}
				equal(t, "request", got, tt.want)
				equal(t, "calls", l.called(), []string{"results"})
			})
		})
	}
}

func TestAJobThatFailsIsRepeatedAndThenGivenUp(t *testing.T) {
	var l runs
	fails := true
	o := withJobs(
		l.job("flaky", func(_ context.Context, r *gameinstance.GameInstanceEndedRequest) error {
			switch {
			case !fails:
				return nil
			case len(r.Players)%2 == 0:
				panic("flaky panics")
			}
			return errors.New("the other side is down")
		}),
		l.job("next", nil, "flaky"),
		l.job("other", nil),
	)
	run(t, o, func(t *testing.T, w *world) {
		ada, ben := w.player("ada"), w.player("ben")
		one, two := w.match(ada), w.match(ben)
		if err := w.games.AddPlayers(t.Context(), two, ext.Value{}, toAdd(w.player("cora"))); err != nil {
			t.Fatal(err)
		}
		ada.quiet()
		began := time.Now()
		w.end(one)
		equal(t, "the end is not delayed", time.Since(began), time.Duration(0))
		equal(t, "ada hears", ada.heard(), []string{"Session-4-1", "GameEndedV1"})
		w.end(two)
		first := l.called()
		slices.Sort(first)
		equal(t, "called at once", first, []string{"flaky", "flaky", "other", "other"})
		time.Sleep(10 * time.Second)
		if n := len(l.called()); n < 4 || n > 14 {
			t.Errorf("%d attempts in the first ten seconds, want a back-off from 1 s on", n)
		}
		time.Sleep(23 * time.Hour)
		if n := len(l.called()); n < 2*23*12 || n > 2*23*24+20 {
			t.Errorf("%d attempts in 23 hours, want one every 2.5 to 5 min", n)
		}
		equal(t, "given up early", len(dead(t, w)), 0)
		time.Sleep(2 * time.Hour)
		l.called()
		time.Sleep(10 * time.Hour)
		equal(t, "attempts after a day", len(l.called()), 0)
		got := dead(t, w)
		slices.Sort(got)
		equal(t, "given up", got, []string{"flaky UNKNOWN_ERROR: internal error", "flaky the other side is down"})

		for _, c := range []struct {
			what string
			err  error
		}{
			{"retry of what is no job", w.games.RetryJob(t.Context(), "nothing", one)},
			{"retry of a job that is done", w.games.RetryJob(t.Context(), "other", one)},
			{"retry of a game nobody knows", w.games.RetryJob(t.Context(), "flaky", pragma.NewID[pragma.GameInstanceID]())},
			{"drop of a job that is done", w.games.DropJob(t.Context(), "other", one)},
			{"drop of what is no job", w.games.DropJob(t.Context(), "nothing", one)},
			{"drop for a game nobody knows", w.games.DropJob(t.Context(), "flaky", pragma.NewID[pragma.GameInstanceID]())},
		} {
			if !errors.Is(c.err, entity.ErrNotFound) {
				t.Errorf("%s = %v, want ErrNotFound", c.what, c.err)
			}
		}
		w.Restart()
		equal(t, "given up, after a restart", len(dead(t, w)), 2)
		fails = false
		if err := w.games.RetryJob(t.Context(), "flaky", one); err != nil {
			t.Fatal(err)
		}
		equal(t, "called after the retry", l.called(), []string{"flaky", "next"})
		if err := w.games.DropJob(t.Context(), "flaky", two); err != nil {
			t.Fatal(err)
		}
		equal(t, "called after the drop", l.called(), []string{"next"})
		equal(t, "given up in the end", len(dead(t, w)), 0)
		equal(t, "kept in the end", w.kept("flaky", "next", "other"), 0)
	})
}

// dead lists the jobs that were given up.
func dead(t *testing.T, w *world) []string {
	t.Helper()
	var list []string
	for d, err := range w.games.DeadJobs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d.Job+" "+d.Error)
	}
	return list
}

func TestJobsWaitForThoseTheyName(t *testing.T) {
	var l runs
	var gate chan struct{}
	wait := func(ctx context.Context, _ *gameinstance.GameInstanceEndedRequest) error {
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	o := withJobs(l.job("last", nil, "left", "right"), l.job("left", wait, "first"), l.job("right", nil, "first"), l.job("first", nil))
	run(t, o, func(t *testing.T, w *world) {
		gate = make(chan struct{}) // in the bubble
		w.end(w.match(w.player("ada")))
		got := l.called()
		slices.Sort(got[1:])
		equal(t, "called while left is busy", got, []string{"first", "left", "right"})
		equal(t, "parties asked while left is busy", len(w.clubs.refreshed), 0)
		close(gate)
		equal(t, "called after left", l.called(), []string{"last"})
		equal(t, "kept", w.kept("first", "last", "left", "right"), 0)
	})
}

func TestAJobHasHalfAMinuteAndHoldsUpNobody(t *testing.T) {
	var l runs
	var took []time.Duration
	slow := func(ctx context.Context, _ *gameinstance.GameInstanceEndedRequest) error {
		began := time.Now()
		<-ctx.Done()
		took = append(took, time.Since(began))
		return context.Cause(ctx)
	}
	run(t, withJobs(l.job("slow", slow), l.job("quick", nil)), func(t *testing.T, w *world) {
		w.end(w.match(w.player("ada")))
		got := l.called()
		slices.Sort(got)
		equal(t, "called at once", got, []string{"quick", "slow"})
		time.Sleep(32 * time.Second)
		synctest.Wait()
		equal(t, "time of the first attempt", took, []time.Duration{30 * time.Second})
		equal(t, "called again", l.called(), []string{"slow"})
	})
}

func TestAJobCanGiveUpItself(t *testing.T) {
	var l runs
	refuse := func(context.Context, *gameinstance.GameInstanceEndedRequest) error {
		return fmt.Errorf("send: %w", entity.Permanent(errors.New("no such tournament")))
	}
	run(t, withJobs(l.job("results", refuse)), func(t *testing.T, w *world) {
		w.end(w.match(w.player("ada")))
		time.Sleep(time.Hour)
		equal(t, "calls", l.called(), []string{"results"})
		equal(t, "given up", dead(t, w), []string{"results send: no such tournament"})
		equal(t, "the backend says so", strings.Contains(w.Logs(), "outbox call given up"), true)
	})
}

func TestPartiesReadInventoriesAfterTheLastJob(t *testing.T) {
	var l runs
	for _, jobs := range [][]gameinstance.Job{nil, {l.job("rewards", nil)}} {
		run(t, withJobs(jobs...), func(t *testing.T, w *world) {
			all := w.players("ada", "ben", "cora", "dan")
			w.inParty("red", all[0], all[1])
			w.inParty("blue", all[2])
			id := w.match(all...)
			if err := w.games.RemovePlayers(t.Context(), id, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: all[1].id}}); err != nil {
				t.Fatal(err)
			}
			w.end(id)
			var want []string
			if jobs != nil {
				want = []string{"red 2", "blue 1"}
			}
			equal(t, "parties asked", w.clubs.refreshed, want)
			equal(t, "kept", w.kept("rewards"), 0)
		})
	}
}

func TestWithoutJobsNothingIsWritten(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.end(w.match(w.player("ada")))
		equal(t, "kept", w.kept(), 0)
	})
}

func TestJobsThatCannotRunStopTheStart(t *testing.T) {
	var l runs
	tests := []struct {
		name string
		jobs []gameinstance.Job
		want string
	}{
		{"no name", []gameinstance.Job{l.job("", nil)}, "a name has 1 to 40 bytes"},
		{"a long name", []gameinstance.Job{l.job(strings.Repeat("x", 41), nil)}, "a name has 1 to 40 bytes"},
		{"nothing to run", []gameinstance.Job{{Name: "a"}}, `"a": Run is missing`},
		{"twice", []gameinstance.Job{l.job("a", nil), l.job("a", nil)}, `"a": listed twice`},
		{"a name of the engine", []gameinstance.Job{l.job("party-inventory", nil)}, "the name is taken"},
		{"unknown", []gameinstance.Job{l.job("a", nil, "b")}, `"a" waits for "b", which is not listed`},
		{"itself", []gameinstance.Job{l.job("a", nil, "a")}, `"a" waits for itself`},
		{"a circle", []gameinstance.Job{l.job("a", nil, "b"), l.job("b", nil, "c"), l.job("c", nil, "d", "a"), l.job("d", nil)}, `"c" waits for itself`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := &pragma.Server{
				Game:  []pragma.Service{&gameinstance.Service{Jobs: tt.jobs}},
				Store: func(context.Context) (store.Driver, error) { return store.NewMemory(), nil },
			}
			err := srv.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run() = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestResultsOfALargeGameReachTheJobs(t *testing.T) {
	var l runs
	run(t, withJobs(l.job("results", nil)), func(t *testing.T, w *world) {
		w.games.Accounts = nil
		var list []gameinstance.PlayerToAdd
		for range 100 {
			list = append(list, gameinstance.PlayerToAdd{PlayerID: pragma.NewID[pragma.PlayerID](), SocialID: pragma.NewID[pragma.SocialID]()})
		}
		id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: list})
		if err != nil {
			t.Fatal(err)
		}
		sized := func(bytes int) ext.Value { return ext.Of(m{"x": strings.Repeat("x", bytes-len(`{"x":""}`))}) }
		results := func(bytes int) []gameinstance.PlayerGameResult {
			var all []gameinstance.PlayerGameResult
			for _, p := range list {
				all = append(all, gameinstance.PlayerGameResult{PlayerID: p.PlayerID, Ext: sized(bytes)})
			}
			return all
		}
		largest := sized(gameinstance.MaxResultBytes)
		tooLarge := sized(gameinstance.MaxResultBytes + 1)
		remove := func(n int, v ext.Value) error {
			return w.games.RemovePlayers(t.Context(), id, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: list[n].PlayerID, Ext: v}})
		}
		for what, err := range map[string]error{
			"a result too large":   w.games.End(t.Context(), id, ext.Value{}, []gameinstance.PlayerGameResult{{PlayerID: list[0].PlayerID, Ext: tooLarge}}),
			"a request too large":  w.games.End(t.Context(), id, tooLarge, nil),
			"results too large":    w.games.End(t.Context(), id, ext.Value{}, results(gameinstance.MaxResultsBytes/100+1)),
			"a removal too large":  remove(0, tooLarge),
			"the largest removal":  remove(0, largest),
			"removals too large":   remove(1, sized(gameinstance.MaxRemoveBytes-gameinstance.MaxResultBytes+1)),
			"a removal without it": remove(1, ext.Value{}),
		} {
			if want := strings.Contains(what, "too"); errors.Is(err, pragma.ErrTooLarge) != want || !want && err != nil {
				t.Errorf("%s = %v", what, err)
			}
		}
		all := results(30 << 10)
		all[0].Ext = largest
		if err := w.games.End(t.Context(), id, largest, all); err != nil {
			t.Fatal(err)
		}
		r := l.last(t)
		equal(t, "players", len(r.Players), 100)
		equal(t, "size of the request's ext", r.RequestExt.Len(), largest.Len())
		for _, p := range r.Players {
			want := 30 << 10
			if p.PlayerID == list[0].PlayerID {
				want = largest.Len()
				equal(t, "size of the removal's ext", p.RemoveExt.Len(), largest.Len())
			}
			if p.Result == nil || p.Result.Ext.Len() != want {
				t.Fatalf("result of %s = %v", p.PlayerID, p.Result)
			}
		}
		equal(t, "kept", w.kept("results"), 0)
	})
}

// TestJobsSurviveEveryDeathOfTheBackend kills the backend again and again while
// games end and jobs fail at random. Every job has run for every game, never
// before one that it waits for, and nothing is left.
func TestJobsSurviveEveryDeathOfTheBackend(t *testing.T) {
	seeds := 4
	if testing.Short() {
		seeds = 1
	}
	for n := range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Logf("seed %d", seed)
			var mu sync.Mutex
			r := rand.New(rand.NewPCG(seed, 2))
			pick := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return r.IntN(n)
			}
			var l runs
			done := make(map[string]bool) // guarded by mu
			work := func(name string, after ...string) gameinstance.Job {
				return l.job(name, func(ctx context.Context, r *gameinstance.GameInstanceEndedRequest) error {
					for _, other := range after {
						mu.Lock()
						if !done[other+r.GameInstanceID.String()] {
							t.Errorf("%s runs before %s", name, other)
						}
						mu.Unlock()
					}
					if pick(3) == 0 {
						return errors.New("not now")
					}
					select {
					case <-time.After(time.Duration(pick(5)) * time.Second):
					case <-ctx.Done():
						return ctx.Err()
					}
					mu.Lock()
					defer mu.Unlock()
					done[name+r.GameInstanceID.String()] = true
					return nil
				}, after...)
			}
			run(t, withJobs(work("a"), work("b", "a"), work("c"), work("d", "b", "c")), func(t *testing.T, w *world) {
				var games []pragma.GameInstanceID
				for range 12 {
					id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{})
					if err != nil {
						t.Fatal(err)
					}
					if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
						t.Fatal(err)
					}
					games = append(games, id)
					time.Sleep(time.Duration(pick(4000)) * time.Millisecond)
					switch pick(3) {
					case 0:
						w.Kill()
						w.Start()
					case 1:
						w.Restart()
					}
				}
				time.Sleep(2 * time.Hour)
				mu.Lock()
				defer mu.Unlock()
				for _, id := range games {
					for _, name := range []string{"a", "b", "c", "d"} {
						if !done[name+id.String()] {
							t.Errorf("job %s of game %s is lost", name, id)
						}
					}
				}
				equal(t, "kept", w.kept("a", "b", "c", "d"), 0)
			})
		})
	}
}

func TestJobsThatCameAndWent(t *testing.T) {
	var l runs
	jobs := []gameinstance.Job{l.job("old", func(context.Context, *gameinstance.GameInstanceEndedRequest) error {
		return errors.New("never")
	}), l.job("new", nil, "old")}
	o := options{service: func(s *gameinstance.Service) { s.Jobs = jobs }}
	run(t, o, func(t *testing.T, w *world) {
		id := w.match(w.player("ada"))
		w.end(id)
		jobs = nil
		w.Restart()
		synctest.Wait()
		equal(t, "the backend misses the job", strings.Contains(w.Logs(), "job=old games=1"), true)
		if err := w.games.DropJob(t.Context(), "old", id); err != nil {
			t.Fatal(err)
		}
		l.called()
		jobs = []gameinstance.Job{l.job("new", nil)}
		w.Restart()
		equal(t, "called as soon as there is a server that can", l.called(), []string{"new"})
	})
}
