package escs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// The tests of this file are named after the acceptance checks of the specification
// (escs §14), as far as they are about results.

// gameServer is a trusted server on a bare socket, which has linked to a game.
func (a *arena) gameServer(b *bout) *pragmatest.Raw {
	a.t.Helper()
	token, _ := a.PartnerTokens()
	s := a.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}, token)
	s.Call("GameInstanceRpc.LinkV1", m{"gameInstanceId": b.game.String()})
	return s
}

func TestCheck4TheEndOfAGameComesTwice(t *testing.T) {
	for _, c := range []struct {
		call string
		end  func(b *bout, kills ...float64) m
	}{
		{"GameInstanceRpc.EndGameV1", func(b *bout, kills ...float64) m {
			var list []m
			for i, n := range kills {
				list = append(list, m{"playerId": b.players[i].String(), "ext": m{"kills": n}})
			}
			return m{"gameInstanceId": b.game.String(), "playerGameResults": list, "ext": m{}}
		}},
		{"MatchLifecycleRpc.MatchEndV4", func(b *bout, kills ...float64) m {
			var list []m
			for i, n := range kills {
				list = append(list, m{"playerId": b.players[i].String(), "ext": m{"kills": n}})
			}
			return m{"matchId": b.game.String(), "matchEnd": m{"matchId": b.game.String(), "playerMatchEnds": list}}
		}},
	} {
		t.Run(c.call, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				b := a.set("final")
				server := a.gameServer(b)
				for _, kills := range [][]float64{{3, 5}, {3, 5}, {9, 9}} {
					server.Call(c.call, c.end(b, kills...))
				}
				a.is(b, "RESULTS_SENT, SENT")
				time.Sleep(2 * time.Hour)
				equal(t, "submissions", a.received(), 1)
				equal(t, "taken", a.taken(), []string{"final 3 5"})
				a.clean()
			})
		})
	}
}

func TestCheck4ManyJobsForOneSetSendOnce(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		a.platform.Always(escstest.Late(time.Second))
		r := &gameinstance.GameInstanceEndedRequest{GameInstanceID: b.game, EndedAt: time.Now(), Reason: gameinstance.GameEnded}
		for i, result := range b.report(3, 5) {
			r.Players = append(r.Players, gameinstance.EndedPlayer{PlayerID: b.players[i], Result: &result})
		}
		job := &escs.SendResultsToEscsJob{Service: a.escs}
		errs := make(chan error, 50)
		for range cap(errs) {
			go func() { errs <- job.OnGameInstanceEnded(a.t.Context(), r) }()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "submissions", a.received(), 1)
	})
}

func TestCheck5OneSuccessWhateverThePlatformDoes(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults []escstest.Fault
		want   string
	}{
		{"500", []escstest.Fault{escstest.Status(500)}, "RESULTS_SENT, SENT"},
		{"time-out", []escstest.Fault{escstest.Hang()}, "RESULTS_SENT, SENT"},
		{"429", []escstest.Fault{escstest.RetryAfter(429, "20")}, "RESULTS_SENT, SENT"},
		{"lost answer", []escstest.Fault{escstest.LoseAnswer()}, "RESULTS_SENT, SENT"},
		{"401", []escstest.Fault{escstest.Status(401)}, "RESULTS_SENT, SENT"}, // a restart reads the configuration anew
		{"200 with an error", []escstest.Fault{escstest.ErrorInBody("NO", "")}, "RESULTS_FAILED REFUSED, DEAD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				a.platform.Script(c.faults...)
				b := a.set("final")
				a.end(b, 3, 5)
				time.Sleep(7 * time.Second)
				for range 3 { // between and during attempts
					a.Kill()
					a.Start()
					time.Sleep(7 * time.Second)
				}
				time.Sleep(time.Minute)
				a.is(b, c.want)
				if c.want == "RESULTS_SENT, SENT" {
					equal(t, "taken", a.taken(), []string{"final 3 5"})
				} else {
					equal(t, "taken", a.taken(), []string(nil))
				}
				a.clean()
			})
		})
	}
}

func TestCheck7DeadlineAndGrace(t *testing.T) {
	inArena(t, resultOptions{config: "resultGraceAfterEnd: 0s"}, func(a *arena) {
		a.platform.Script(escstest.RetryAfter(503, "590"))
		early, late := a.set("early"), a.set("late")
		a.end(early, 3, 5)
		time.Sleep(time.Until(late.start.EndTime().Add(time.Second)))
		a.end(late, 1, 2)
		time.Sleep(time.Minute)
		a.is(early, "RESULTS_SENT, SENT") // asked to come back just before the end
		a.is(late, "RESULTS_FAILED EXPIRED, DEAD")
		equal(t, "requests", a.received(), 2)
	})
}

func TestTheServerDoesNotStartWithoutThePartsOfResults(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(s *escs.Service)
		want  string
	}{
		{"no transformer", func(s *escs.Service) { s.Transformer = nil }, "escs.Service.Transformer is nil"},
		{"no job", func(s *escs.Service) { s.Games.Jobs = nil }, "has no job that sends results"},
		{"the job of another service", func(s *escs.Service) {
			s.Games.Jobs = []gameinstance.Job{(&escs.Service{}).ResultsJob()}
		}, "has no job that sends results"},
		{"a job that embeds ours", func(s *escs.Service) {
			s.Games.Jobs[0].Run = struct{ *escs.SendResultsToEscsJob }{s.Games.Jobs[0].Run.(*escs.SendResultsToEscsJob)}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			platform, err := escstest.Start(escstest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer platform.Close()
			a := &arena{t: t, platform: platform}
			srv := a.server(resultOptions{transformer: escs.TransformerOf(kills)})
			srv.Config = pragmatest.Config(t, section(platform.URL, oldSecret, ""))
			c.spoil(a.escs)
			got := fmt.Sprint(srv.Check())
			if !strings.Contains(got, c.want) || c.want == "" && got != "<nil>" {
				t.Errorf("got %s, want %q in it", got, c.want)
			}
		})
	}
}

func TestConfigurationNamesTheJobByItsDocumentedClass(t *testing.T) {
	const class = "matchlifecycle.escs.DefaultEscsMatchEndPlugin"
	for _, c := range []struct{ name, plugins, want string }{
		{"one key", "GameInstanceService.endOfGameJobs: {class: " + class + "}", "<nil>"},
		{"nested", "GameInstanceService: {endOfGameJobs: {class: " + class + "}}", "<nil>"},
		{"the older slot", "MatchLifecycleService.matchEndPlugin: {class: " + class + "}", "<nil>"},
		{"the older slot, nested", "MatchLifecycleService: {matchEndPlugin: {class: " + class + "}}", "<nil>"},
		{"the type", "GameInstanceService.endOfGameJobs: {class: escs.SendResultsToEscsJob}", "<nil>"},
		{"something else", "GameInstanceService.endOfGameJobs: {class: some.OtherJob}", `"some.OtherJob" is not the plugin`},
	} {
		a := &arena{t: t, platform: &escstest.ESCS{URL: "https://escs.test/results"}}
		srv := a.server(resultOptions{transformer: escs.TransformerOf(kills)})
		srv.Config = pragmatest.Config(t, section(a.platform.URL, oldSecret, ""), "game: {pluginConfigs: {"+c.plugins+"}}")
		if got := fmt.Sprint(srv.Check()); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %q", c.name, got, c.want)
		}
	}
}

func TestAJobWithoutItsServiceIsGivenUp(t *testing.T) {
	job := (&escs.Service{}).ResultsJob()
	if err := job.Run.OnGameInstanceEnded(t.Context(), &gameinstance.GameInstanceEndedRequest{}); err == nil {
		t.Error("a job of a service that is not mounted succeeds")
	}
}

// TestAnOldAttemptChangesNothing notes the failure of an attempt whose claim was
// taken over meanwhile, as by a process that slept.
func TestAnOldAttemptChangesNothing(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Script(escstest.RetryAfter(503, "30"), escstest.Late(4*time.Second))
		b := a.set("final")
		a.end(b, 3, 5)
		old := func() {
			before := *a.row(b)
			if err := a.escs.NoteFailure(a.t.Context(), "final", "round-final", 1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			equal(t, "row", *a.row(b), before)
		}
		old() // noted already
		time.Sleep(31 * time.Second)
		equal(t, "attempts", a.row(b).Attempts, 2)
		old() // the second is under way
		time.Sleep(5 * time.Second)
		old() // it is sent
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "requests", a.received(), 2)
	})
}

func TestASetWhosePlayersAreUnknownHasNoResults(t *testing.T) {
	inArena(t, resultOptions{config: "absentPlayers: penalty"}, func(a *arena) {
		b := a.set("final")
		ghost := cup("ghosts", usualLater)
		game := pragma.NewID[pragma.GameInstanceID]()
		if err := a.escs.PutSet(a.t.Context(), ghost, game); err != nil { // nobody in it is known
			t.Fatal(err)
		}
		r := &gameinstance.GameInstanceEndedRequest{GameInstanceID: game, EndedAt: time.Now(), Reason: gameinstance.GameEnded, Players: []gameinstance.EndedPlayer{
			{Result: &gameinstance.PlayerGameResult{Ext: ext.Of(tally{Kills: 1})}},
			{PlayerID: b.players[0], Result: &b.report(7)[0]}, // a stranger
		}}
		if err := a.escs.ResultsJob().Run.OnGameInstanceEnded(a.t.Context(), r); err != nil {
			t.Fatal(err)
		}
		a.is(&bout{start: ghost}, "RESULTS_FAILED NO_METRICS")
		equal(t, "requests", a.received(), 0)
	})
}

func TestResultsThatAreTooLargeAreNotSent(t *testing.T) {
	many := escs.TransformerOf(func(ctx context.Context, _ *tally, _ *escs.TransformRequest) (map[string]float64, error) {
		scores := make(map[string]float64)
		for i := range 300 {
			scores[fmt.Sprintf("%0250d", i)] = 1.23456789e-200
		}
		return scores, nil
	})
	start := cup("final", usualLater)
	for i := range 20 {
		start.Participants[0].Players = append(start.Participants[0].Players, escs.Player{PlayerID: fmt.Sprint(i), IngamePlayerID: fmt.Sprint(i)})
	}
	inArena(t, resultOptions{transformer: many}, func(a *arena) {
		start.SetEndTimeUnix = time.Now().Add(usualLater).Unix()
		b := a.begin(start)
		a.end(b, make([]float64, 22)...)
		a.is(b, "RESULTS_FAILED TOO_LARGE")
		// With two players it fits, with the first 256 scores of each.
		few := a.set("few")
		a.end(few, 1, 2)
		a.is(few, "RESULTS_SENT, SENT")
		equal(t, "scores", len(a.platform.Results()[0].Players[0].Scores), 256)
	})
}

// TestCheck1FromSetStartToResults plays whole sets, started through both doors, in
// which everything happens that the platform sees.
func TestCheck1FromSetStartToResults(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		token, _ := a.PartnerTokens()
		sender := &escstest.Sender{Address: a.Address(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}), HTTP: a.HTTP(), Token: token, Secret: oldSecret}
		ada, ben := a.Peer("ada"), a.Peer("ben")
		for i, door := range []func(context.Context, *escstest.Set, escstest.Shape) error{sender.Call, sender.Post} {
			set := &escstest.Set{
				SetID: fmt.Sprint("set-", i), TournamentID: "t1", MatchID: "m1", RoundID: fmt.Sprint("r-", i), End: time.Now().Add(time.Hour),
				Teams: [][]escstest.Player{{{PlayerID: "e-ada", IngamePlayerID: ada.ID.String(), LastName: "Lovelace"}}, {{PlayerID: "e-ben", IngamePlayerID: ben.ID.String()}}},
			}
			for range 10 {
				if err := door(a.t.Context(), set, escstest.Shape{Lists: i == 0, Millis: i == 1}); err != nil {
					t.Fatal(err)
				}
			}
			a.play(ada, ben)
			b := &bout{start: &escs.SetStart{SetID: set.SetID, RoundID: set.RoundID}, game: a.gameOf(ada), players: []pragma.PlayerID{ada.ID, ben.ID}}
			for range 2 {
				_ = a.games.End(a.t.Context(), b.game, ext.Value{}, b.report(float64(i), 7)) // it is over the second time
			}
			a.is(b, "RESULTS_SENT, SENT")
			o := a.Operator(pragma.Game, pragma.RoleViewer)
			got := o.Call("ExternalMatchmakingRpc.GetSetOperatorV1", m{"setId": set.SetID})["set"].(m)["result"].(m)
			equal(t, "what operators see", []any{got["state"], got["attempts"], got["lastError"]}, []any{"SENT", 1.0, ""})
		}
		equal(t, "taken", a.taken(), []string{"set-0 0 7", "set-1 1 7"})
		equal(t, "ids", a.platform.Results()[1].Players[0].PlayerID+" "+a.platform.Results()[1].RoundID, "e-ada r-1")
		a.clean()
	})
}

// play has two players queue, and takes their party into a game.
func (a *arena) play(leader, other *pragmatest.Peer) {
	a.t.Helper()
	leader.Call("ExternalMatchmakingRpc.QueueForMatchmakingV1", nil)
	other.Call("ExternalMatchmakingRpc.QueueForMatchmakingV1", nil)
	for _, p := range []*pragmatest.Peer{leader, other} {
		p.Call("PartyRpc.SetReadyStateV1", m{"ready": true})
	}
	leader.Call("PartyRpc.EnterMatchmakingV1", nil)
	synctest.Wait()
}

func (a *arena) gameOf(p *pragmatest.Peer) pragma.GameInstanceID {
	a.t.Helper()
	ids, err := a.games.InstancesOf(a.t.Context(), p.ID)
	if err != nil || len(ids) != 1 {
		a.t.Fatalf("games of %s: %v, %v", p.Name, ids, err)
	}
	return ids[0]
}
