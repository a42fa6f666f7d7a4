package escs_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma/ext"
)

// The tests of this file are named after the failure cases of the specification
// (escs §10).

func TestF20TheEndArrivesTwice(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		job := &escs.SendResultsToEscsJob{Service: a.escs}
		again := func(kills ...float64) {
			r := &gameinstance.GameInstanceEndedRequest{GameInstanceID: b.game, EndedAt: time.Now(), Reason: gameinstance.GameEnded}
			for i, result := range b.report(kills...) {
				r.Players = append(r.Players, gameinstance.EndedPlayer{PlayerID: b.players[i], Result: &result})
			}
			if err := job.OnGameInstanceEnded(a.t.Context(), r); err != nil {
				a.t.Error(err)
			}
		}
		a.platform.Script(escstest.Status(500))
		a.end(b, 3, 5)
		first := a.row(b)
		again(3, 5)
		again(9, 9)
		equal(t, "body", a.row(b).Delivery, first.Delivery)
		time.Sleep(time.Minute)
		for range 3 {
			again(3, 5)
			again(9, 9)
			a.games.End(a.t.Context(), b.game, ext.Value{}, b.report(1, 1))
		}
		time.Sleep(time.Hour)
		equal(t, "taken", a.taken(), []string{"final 3 5"})
		equal(t, "requests", a.received(), 2)
		equal(t, "said", strings.Count(a.Logs(), "other results than it had before"), 4)
		a.clean()
	})
}

func TestF21ThePlatformIsDown(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults []escstest.Fault
	}{
		{"server errors", []escstest.Fault{escstest.Status(500), escstest.Status(502), escstest.Status(503), escstest.Status(504)}},
		{"time-outs", []escstest.Fault{escstest.Hang(), escstest.Late(time.Minute)}},
		{"408, 425 and 429", []escstest.Fault{escstest.Status(408), escstest.Status(425), escstest.Status(429)}},
		{"connections cut", []escstest.Fault{escstest.Cut(), escstest.Cut()}},
		{"pages instead of JSON", []escstest.Fault{escstest.NotJSON(503), escstest.NotJSON(500)}},
		{"huge errors", []escstest.Fault{escstest.Huge(500, 3<<20)}},
		{"a redirect", []escstest.Fault{{Name: "redirect", Status: 302}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				a.platform.Script(c.faults...)
				b := a.set("final")
				a.end(b, 3, 5)
				time.Sleep(usualLater / 2)
				a.is(b, "RESULTS_SENT, SENT")
				equal(t, "requests", a.received(), len(c.faults)+1)
				equal(t, "attempts", a.row(b).Attempts, len(c.faults)+1)
				a.clean()
			})
		})
	}
}

func TestF21TheWaitsGrowAndAreRandom(t *testing.T) {
	inArena(t, resultOptions{config: "resultRetryMin: 2s, resultRetryMax: 32s"}, func(a *arena) {
		a.platform.Always(escstest.Status(503))
		began := time.Now()
		b := a.set("final")
		a.end(b, 3, 5)
		time.Sleep(usualLater + 2*time.Minute)
		waits := a.waits(began)
		equal(t, "the first attempt comes at once", waits[0], time.Duration(0))
		bound := 2 * time.Second
		for i, wait := range waits[1:] {
			if wait < 0 || wait > bound+time.Second {
				t.Errorf("wait %d is %v, want at most %v", i+1, wait, bound)
			}
			bound = min(2*bound, 32*time.Second)
		}
		// Full jitter: on the average half of 32 s in 11 minutes.
		if n := len(waits); n < 25 || n > 90 {
			t.Errorf("%d attempts until the deadline, want about 45", n)
		}
		all := a.platform.Requests()
		last, deadline := all[len(all)-1].At, b.start.EndTime().Add(time.Minute)
		if last.After(deadline) || deadline.Sub(last) > 6*time.Second {
			t.Errorf("the last attempt comes %v before the deadline, want it just in time", deadline.Sub(last))
		}
		a.is(b, "RESULTS_FAILED EXPIRED, DEAD")
		n := a.received()
		time.Sleep(2 * time.Hour)
		equal(t, "attempts after the deadline", a.received()-n, 0)
	})
}

func TestF21RetryAfterIsHonoured(t *testing.T) {
	for _, status := range []int{429, 503, 408} {
		inArena(t, resultOptions{}, func(a *arena) {
			a.platform.Script(
				escstest.RetryAfter(status, "17"),
				escstest.RetryAfter(status, time.Now().Add(60*time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")),
				escstest.RetryAfter(status, "0"),
			)
			began := time.Now()
			b := a.set("final")
			a.end(b, 3, 5)
			time.Sleep(5 * time.Minute)
			equal(t, "waits", a.waits(began), []time.Duration{0, 17 * time.Second, 43 * time.Second, 0})
			a.is(b, "RESULTS_SENT, SENT")
		})
	}
}

func TestF21RetryAfterBehindTheDeadlineIsTheEnd(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Script(escstest.RetryAfter(429, "7200"))
		b := a.set("final")
		a.end(b, 3, 5)
		time.Sleep(usualLater + 59*time.Second)
		a.is(b, "ENDED, PENDING")
		time.Sleep(3 * time.Second)
		a.is(b, "RESULTS_FAILED EXPIRED, DEAD")
		time.Sleep(2 * time.Hour)
		equal(t, "requests", a.received(), 1)
	})
}

func TestF21AttemptsCanBeLimited(t *testing.T) {
	inArena(t, resultOptions{config: "resultMaxAttempts: 3"}, func(a *arena) {
		a.platform.Always(escstest.Status(500))
		b := a.set("final")
		a.end(b, 3, 5)
		time.Sleep(time.Minute)
		a.is(b, "RESULTS_FAILED MAX_ATTEMPTS, DEAD")
		equal(t, "requests", a.received(), 3)
		var dead []escs.DeadResult
		for d, err := range a.escs.DeadResults(a.t.Context()) {
			if err != nil {
				a.t.Fatal(err)
			}
			d.Ended = time.Time{}
			dead = append(dead, d)
		}
		equal(t, "dead letters", dead, []escs.DeadResult{{
			SetID: "final", RoundID: "round-final", Reason: "MAX_ATTEMPTS", Attempts: 3, LastError: "status 500: 500 Internal Server Error",
		}})
		equal(t, "alarms", strings.Count(a.Logs(), `level=ERROR msg="results given up`), 1)
	})
}

func TestF22TheAnswerIsLost(t *testing.T) {
	for _, fault := range []escstest.Fault{escstest.LoseAnswer(), escstest.LoseHalf(), escstest.LateAnswer(time.Hour)} {
		t.Run(fault.Name, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				a.platform.Script(fault, fault)
				b := a.set("final")
				a.end(b, 3, 5)
				time.Sleep(2 * time.Minute)
				a.is(b, "RESULTS_SENT, SENT")
				equal(t, "taken", a.taken(), []string{"final 3 5"})
				all := a.platform.Requests()
				equal(t, "requests", len(all), 3)
				for _, r := range all[1:] {
					equal(t, "key", r.Key, all[0].Key)
					equal(t, "body", string(r.Body), string(all[0].Body))
				}
				a.clean()
			})
		})
	}
}

func TestF22ThePlatformSaysThatItHasTheResults(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"and the code is known", "alreadyHasResultCodes: [OTHER, HAS_RESULT]", "RESULTS_SENT, SENT"},
		{"and the code is not known", "", "RESULTS_FAILED REFUSED, DEAD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inArena(t, resultOptions{config: c.config, platform: escstest.Options{Secret: oldSecret, DuplicateCode: "HAS_RESULT"}}, func(a *arena) {
				a.platform.Script(escstest.LoseAnswer())
				b := a.set("final")
				a.end(b, 3, 5)
				time.Sleep(time.Minute)
				a.is(b, c.want)
				equal(t, "requests", a.received(), 2)
			})
		})
	}
	t.Run("with a number and a status of its own", func(t *testing.T) {
		inArena(t, resultOptions{config: "alreadyHasResultCodes: ['409']"}, func(a *arena) {
			a.platform.Script(escstest.Status(409))
			b := a.set("final")
			a.end(b, 3, 5)
			a.is(b, "RESULTS_SENT, SENT")
			equal(t, "requests", a.received(), 1)
		})
	})
}

func TestF23TheSecretWasRotated(t *testing.T) {
	for _, status := range []int{401, 403} {
		inArena(t, resultOptions{reloads: true}, func(a *arena) {
			first, second := a.set("first"), a.set("second")
			a.platform.Rotate(newSecret)
			if status == 403 {
				a.platform.Script(escstest.Status(403))
			}
			a.end(first, 3, 5)
			a.end(second, 1, 2)
			time.Sleep(5 * time.Minute)
			a.is(first, "ENDED, PENDING")
			a.is(second, "ENDED, PENDING")
			equal(t, "requests before the reload", a.received(), 1)
			equal(t, "alarms", strings.Count(a.Logs(), "refuses our credentials"), 1)
			a.reconfigure(newSecret, "")
			a.is(first, "RESULTS_SENT, SENT")
			a.is(second, "RESULTS_SENT, SENT")
			equal(t, "requests", a.received(), 3)
			third := a.set("third")
			a.end(third, 4, 4)
			a.is(third, "RESULTS_SENT, SENT")
			a.clean()
		})
	}
}

func TestF23ResultsOutliveTheNight(t *testing.T) {
	inArena(t, resultOptions{reloads: true}, func(a *arena) {
		b := a.set("final")
		a.platform.Rotate(newSecret)
		a.end(b, 3, 5)
		time.Sleep(3 * time.Hour)
		a.is(b, "ENDED, PENDING")
		equal(t, "requests of a night", a.received(), 1)
		a.reconfigure(oldSecret, "resultMaxAttempts: 7") // which is no help
		a.is(b, "ENDED, PENDING")
		equal(t, "requests after a reload", a.received(), 2)
		a.Stop()
		a.configure(a.t, newSecret, "") // while the server is away
		a.Start()
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "taken", a.taken(), []string{"final 3 5"})
	})
}

func TestF23TheSecretIsRotatedWhileAnAttemptIsUnderWay(t *testing.T) {
	inArena(t, resultOptions{reloads: true, config: "resultRequestTimeout: 1m"}, func(a *arena) {
		b := a.set("final")
		a.platform.Rotate(newSecret)
		slow := escstest.Status(401)
		slow.Delay = 14 * time.Second
		a.platform.Script(slow)
		a.end(b, 3, 5)
		a.reconfigure(newSecret, "resultRequestTimeout: 1m") // the answer to the old one comes later
		equal(t, "requests", a.received(), 1)
		time.Sleep(10 * time.Second)
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "requests", a.received(), 2)
	})
}

func TestF24ThePlatformRefuses(t *testing.T) {
	for _, fault := range []escstest.Fault{
		escstest.Status(400), escstest.Status(404), escstest.Status(409), escstest.Status(422), escstest.NotJSON(400),
		escstest.ErrorInBody("SET_CLOSED", "too late"), {Name: "text", Status: 200, Body: `{"error":"closed"}`},
		{Name: "number", Status: 201, Body: ` {"result":null,"error":7}`}, {Name: "empty", Status: 200, Body: `{"error":{}}`},
	} {
		t.Run(fault.Name, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				a.platform.Script(fault)
				b := a.set("final")
				a.end(b, 3, 5)
				a.is(b, "RESULTS_FAILED REFUSED, DEAD")
				equal(t, "answer", a.row(b).Answer, fault.Body)
				time.Sleep(time.Hour)
				equal(t, "requests", a.received(), 1)
				equal(t, "alarms", strings.Count(a.Logs(), `level=ERROR msg="results given up`), 1)
			})
		})
	}
}

func TestF24NotEveryOddAnswerIsARefusal(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault escstest.Fault
		want  int // requests
	}{
		{"nothing", escstest.Fault{Status: 200}, 1},
		{"no content", escstest.Fault{Status: 204}, 1},
		{"no JSON", escstest.NotJSON(200), 1},
		{"a list", escstest.Fault{Status: 200, Body: `[1]`}, 1},
		{"no error", escstest.Fault{Status: 200, Body: `{"error":null,"result":1}`}, 1},
		{"error is false", escstest.Fault{Status: 202, Body: `{"error":false}`}, 1},
		{"members twice", escstest.Fault{Status: 200, Body: `{"a":1,"a":2}`}, 1},
		{"half an object", escstest.Fault{Status: 200, Body: `{"result":1,"err`}, 2},
		{"too much to read", escstest.Huge(200, 2<<20), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				a.platform.Script(c.fault)
				b := a.set("final")
				a.end(b, 3, 5)
				time.Sleep(time.Minute)
				a.is(b, "RESULTS_SENT, SENT")
				equal(t, "requests", a.received(), c.want)
			})
		})
	}
}

func TestF25AbsentPlayersAreLeftOut(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		a.end(b, 3) // nothing of ben
		equal(t, "taken", a.taken(), []string{"final 3"})
	})
}

func TestF25AbsentPlayersGetAPenalty(t *testing.T) {
	inArena(t, resultOptions{config: "absentPlayers: penalty"}, func(a *arena) {
		b := a.set("final")
		a.end(b, 3)
		equal(t, "taken", a.taken(), []string{"final 3 -100"})
	})
}

func TestF25WhoLeftEarlyHasHisRemovalData(t *testing.T) {
	var mu sync.Mutex
	var asked []escs.TransformRequest
	note := escs.TransformerOf(func(ctx context.Context, msg *tally, r *escs.TransformRequest) (map[string]float64, error) {
		mu.Lock()
		asked = append(asked, *r)
		mu.Unlock()
		return kills(ctx, msg, r)
	})
	inArena(t, resultOptions{transformer: note, config: "absentPlayers: penalty"}, func(a *arena) {
		b := a.set("final")
		err := a.games.RemovePlayers(a.t.Context(), b.game, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: b.players[1], Ext: ext.Of(tally{Kills: 2})}})
		if err != nil {
			a.t.Fatal(err)
		}
		a.end(b, 3)
		equal(t, "taken", a.taken(), []string{"final 3 2"})
		for _, r := range asked {
			if left := r.PlayerID == b.players[1]; r.LeftEarly != left || r.Absent || r.SetID != "final" {
				t.Errorf("asked %+v", r)
			}
		}
		// Without data he is as good as absent, but known to have left.
		asked = nil
		c := a.set("other")
		if err := a.games.RemovePlayers(a.t.Context(), c.game, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: c.players[0]}}); err != nil {
			a.t.Fatal(err)
		}
		if err := a.games.End(a.t.Context(), c.game, ext.Value{}, []gameinstance.PlayerGameResult{{PlayerID: c.players[1], Ext: ext.Of(tally{Kills: 4})}}); err != nil {
			a.t.Fatal(err)
		}
		equal(t, "taken", a.taken(), []string{"final 3 2", "other -100 4"})
		for _, r := range asked {
			if left := r.PlayerID == c.players[0]; r.LeftEarly != left || r.Absent != left {
				t.Errorf("asked %+v", r)
			}
		}
	})
}

func TestF25WhatTheEndSaysCountsMoreThanTheRemoval(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		if err := a.games.RemovePlayers(a.t.Context(), b.game, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: b.players[1], Ext: ext.Of(tally{Kills: 2})}}); err != nil {
			a.t.Fatal(err)
		}
		a.end(b, 3, 8)
		equal(t, "taken", a.taken(), []string{"final 3 8"})
	})
}

// trouble is a transformer that fails as the kills of a player say.
func trouble(ctx context.Context, msg *tally, _ *escs.TransformRequest) (map[string]float64, error) {
	switch msg.Kills {
	case -1:
		return nil, errors.New("no idea")
	case -2:
		panic("no idea at all")
	case -3:
		return map[string]float64{"kills": math.NaN(), "": 1, strings.Repeat("x", 300): 2, "a\xff": 3}, nil
	case -4:
		return map[string]float64{"kills": math.Inf(1), "deaths": math.Inf(-1)}, nil
	case -5:
		return nil, nil
	case -6:
		<-ctx.Done() // much too slow
		return map[string]float64{"kills": 1}, nil
	case -7:
		return map[string]float64{"kills": 7, "ratio": math.NaN()}, nil
	}
	return map[string]float64{"kills": msg.Kills}, nil
}

func TestF26OneBadPlayerDoesNotLoseTheOthers(t *testing.T) {
	for _, c := range []struct {
		name  string
		kills float64
		want  string
	}{
		{"an error", -1, "final 3"},
		{"a panic", -2, "final 3"},
		{"no number, no name", -3, "final 3"},
		{"infinity", -4, "final 3"},
		{"nothing", -5, "final 3"},
		{"too slow", -6, "final 3"},
		{"one bad score", -7, "final 3 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inArena(t, resultOptions{transformer: escs.TransformerOf(trouble)}, func(a *arena) {
				b := a.set("final")
				a.end(b, 3, c.kills)
				time.Sleep(10 * time.Second)
				a.is(b, "RESULTS_SENT, SENT")
				equal(t, "taken", a.taken(), []string{c.want})
				bad := a.set("bad")
				a.end(bad, c.kills, c.kills)
				time.Sleep(10 * time.Second)
				if c.kills == -7 {
					return
				}
				a.is(bad, "RESULTS_FAILED NO_METRICS")
				equal(t, "requests", a.received(), 1)
			})
		})
	}
}

func TestF26AMessageThatDoesNotFitLeavesThePlayerOut(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		list := b.report(3, 5)
		list[0].Ext = ext.Of(map[string]any{"kills": "many"})
		if err := a.games.End(a.t.Context(), b.game, ext.Value{}, list); err != nil {
			a.t.Fatal(err)
		}
		equal(t, "taken", a.taken(), []string{"final 5"})
	})
}

func TestF26ManySlowPlayersDoNotLoseTheOthers(t *testing.T) {
	start := cup("final", usualLater)
	for range 300 {
		start.Participants[0].Players = append(start.Participants[0].Players, escs.Player{PlayerID: "slow", IngamePlayerID: "slow"})
	}
	inArena(t, resultOptions{transformer: escs.TransformerOf(trouble), config: "maxPlayersPerSet: 500"}, func(a *arena) {
		start.SetEndTimeUnix = time.Now().Add(usualLater).Unix()
		b := a.begin(start)
		kills := make([]float64, len(b.players))
		for i := range kills {
			kills[i] = -6
		}
		kills[0], kills[len(kills)-1] = 3, 4
		a.end(b, kills...)
		time.Sleep(30 * time.Second)
		equal(t, "taken", a.taken(), []string{"final 3 4"})
	})
}

func TestF27ScoresOfAnyNameAreSent(t *testing.T) {
	odd := escs.TransformerOf(func(context.Context, *tally, *escs.TransformRequest) (map[string]float64, error) {
		return map[string]float64{"no such score ☃": 1.5e-300, "kills": -0.1}, nil
	})
	inArena(t, resultOptions{transformer: odd}, func(a *arena) {
		b := a.set("final")
		a.end(b, 3, 5)
		equal(t, "scores", a.platform.Results()[0].Players[0].Scores, map[string]float64{"no such score ☃": 1.5e-300, "kills": -0.1})
	})
}

func TestF28TheGameEndsAfterTheSet(t *testing.T) {
	for _, c := range []struct {
		name   string
		late   time.Duration // after the end of the set
		faults []escstest.Fault
		want   string
		calls  int
	}{
		{"in the grace", 30 * time.Second, nil, "RESULTS_SENT, SENT", 1},
		{"in the grace, and the platform is away", 30 * time.Second, []escstest.Fault{escstest.Status(503)}, "RESULTS_FAILED EXPIRED, DEAD", 1},
		{"in the grace, and the platform refuses", 30 * time.Second, []escstest.Fault{escstest.ErrorInBody("CLOSED", "")}, "RESULTS_FAILED REFUSED, DEAD", 1},
		{"after the grace", 61 * time.Second, nil, "RESULTS_FAILED EXPIRED, DEAD", 0},
		{"at the last moment", time.Minute, nil, "RESULTS_SENT, SENT", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				a.platform.Script(c.faults...)
				b := a.set("final")
				time.Sleep(time.Until(b.start.EndTime().Add(c.late)))
				a.end(b, 3, 5)
				time.Sleep(time.Hour)
				a.is(b, c.want)
				equal(t, "requests", a.received(), c.calls)
			})
		})
	}
}

func TestF29AGameOfNoSetIsLeftAlone(t *testing.T) {
	called := false
	note := escs.TransformerOf(func(context.Context, *tally, *escs.TransformRequest) (map[string]float64, error) {
		called = true
		return nil, nil
	})
	inArena(t, resultOptions{transformer: note}, func(a *arena) {
		a.games.Accounts = nil
		b := &bout{start: cup("none", usualLater)}
		id, err := a.games.Create(a.t.Context(), &gameinstance.CreateOptions{})
		if err != nil {
			a.t.Fatal(err)
		}
		b.game = id
		a.end(b)
		time.Sleep(time.Hour)
		equal(t, "requests", a.received(), 0)
		equal(t, "transformer called", called, false)
		equal(t, "row", a.row(b), (*escs.ResultRow)(nil))
	})
}

func TestF19AGameThatIsBrokenOffHasNoResults(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		b := a.set("final")
		job := &escs.SendResultsToEscsJob{Service: a.escs}
		for _, reason := range []gameinstance.GameEndReason{gameinstance.GameTerminated, gameinstance.GameExpired} {
			r := &gameinstance.GameInstanceEndedRequest{GameInstanceID: b.game, EndedAt: time.Now(), Reason: reason, Players: []gameinstance.EndedPlayer{
				{PlayerID: b.players[0], Result: &b.report(3)[0]},
			}}
			if err := job.OnGameInstanceEnded(a.t.Context(), r); err != nil {
				a.t.Error(err)
			}
		}
		synctest.Wait()
		a.is(b, "IN_MATCH")
		equal(t, "requests", a.received(), 0)
	})
}
