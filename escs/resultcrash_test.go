package escs_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// mortalStore is a store whose process dies with one of its commits: that one is
// applied or not, and nothing gets through afterwards.
type mortalStore struct {
	store.Driver
	applied bool // the last commit is

	mu   sync.Mutex
	left int // commits until death; less than zero: immortal
}

var errDead = fmt.Errorf("%w: dead", store.ErrUnavailable)

func (d *mortalStore) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left == 0
}

// die lets the process die with its n-th commit from now on.
func (d *mortalStore) die(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
}

func (d *mortalStore) Commit(ctx context.Context, b *store.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 {
		return errDead
	}
	if d.left--; d.left != 0 {
		return d.Driver.Commit(ctx, b)
	}
	if d.applied {
		_ = d.Driver.Commit(ctx, b) // nobody learns what became of it
	}
	return errDead
}

func (d *mortalStore) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if d.dead() {
		return nil, errDead
	}
	return d.Driver.Get(ctx, keys...)
}

func (d *mortalStore) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	if d.dead() {
		return func(yield func(store.Record, error) bool) { yield(store.Record{}, errDead) }
	}
	return d.Driver.List(ctx, q)
}

func (d *mortalStore) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	if d.dead() {
		return nil, errDead
	}
	return d.Driver.Due(ctx, kind, before, limit)
}

// TestTheServerDiesAtAnyCommit kills the server at each commit from the end of the
// game to the success, with the commit applied and without it (escs F34, check 5).
func TestTheServerDiesAtAnyCommit(t *testing.T) {
	for _, script := range [][]escstest.Fault{
		nil, {escstest.Status(503)}, {escstest.LoseAnswer()}, {escstest.Status(401)},
	} {
		for _, applied := range []bool{false, true} {
			for n := 1; dieAt(t, n, applied, script); n++ {
			}
		}
	}
}

// dieAt is one such run. It reports whether the server has died.
func dieAt(t *testing.T, n int, applied bool, script []escstest.Fault) (died bool) {
	t.Run(fmt.Sprintf("commit %d, applied %v, %d faults: %s", n, applied, len(script), append(script, escstest.Fault{})[0].Name), func(t *testing.T) {
		inArena(t, resultOptions{}, func(a *arena) {
			var db *mortalStore
			a.WrapStore(func(d store.Driver) store.Driver {
				db = &mortalStore{Driver: d, applied: applied, left: -1}
				return db
			})
			a.Restart()
			b := a.set("final")
			a.platform.Script(script...)
			db.die(n)
			first := a.games.End(a.t.Context(), b.game, ext.Value{}, b.report(3, 5))
			time.Sleep(3 * time.Second)
			died = db.dead()
			a.Kill()
			time.Sleep(time.Second)
			a.Start()
			if first != nil { // the game server says it again
				_ = a.games.End(a.t.Context(), b.game, ext.Value{}, b.report(3, 5)) // it may be over
			}
			time.Sleep(40 * time.Second)
			a.Restart() // after 401, with a secret that is good now
			time.Sleep(10 * time.Second)
			a.is(b, "RESULTS_SENT, SENT")
			equal(t, "taken", a.taken(), []string{"final 3 5"})
			all := a.platform.Requests()
			for _, r := range all {
				equal(t, "key", r.Key, all[0].Key)
				equal(t, "body", string(r.Body), string(all[0].Body))
			}
		})
	})
	return died
}

func TestTheServerStopsWhileItSends(t *testing.T) {
	for _, how := range []string{"stopped", "killed"} {
		t.Run(how, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				a.platform.Script(escstest.LateAnswer(4 * time.Second)) // taken at once
				b := a.set("final")
				a.end(b, 3, 5)
				time.Sleep(time.Second)
				a.is(b, "ENDED, PENDING")
				if how == "killed" {
					a.Kill()
				} else {
					a.Stop()
				}
				a.Start()
				time.Sleep(time.Second) // nobody waits for the claim of a dead process
				a.is(b, "RESULTS_SENT, SENT")
				all := a.platform.Requests()
				equal(t, "requests", len(all), 2)
				equal(t, "second body", string(all[1].Body), string(all[0].Body))
				equal(t, "second key", all[1].Key, all[0].Key)
				equal(t, "taken", a.taken(), []string{"final 3 5"})
				a.clean()
			})
		})
	}
}

func TestASuccessThatTheStoreDoesNotTakeIsNotSentAgain(t *testing.T) {
	for _, outage := range []time.Duration{3 * time.Second, time.Minute, 10 * time.Minute} {
		inArena(t, resultOptions{}, func(a *arena) {
			var db *storetest.FaultyDriver
			a.WrapStore(func(d store.Driver) store.Driver {
				db = storetest.Faulty(d, storetest.Faults{})
				return db
			})
			a.Restart()
			a.platform.Script(escstest.Late(time.Second))
			b := a.begin(cup("final", time.Hour))
			a.end(b, 3, 5)
			db.Set(storetest.Faults{Unavailable: 1, Read: 1})
			time.Sleep(outage)
			db.Set(storetest.Faults{})
			time.Sleep(6 * time.Minute)
			a.is(b, "RESULTS_SENT, SENT")
			equal(t, "requests", a.received(), 1)
			a.clean()
		})
	}
}

func TestTheEndDoesNotWaitForThePlatform(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Always(escstest.Hang())
		b := a.set("final")
		began := time.Now()
		if err := a.games.End(a.t.Context(), b.game, ext.Value{}, b.report(3, 5)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the end took %v", took)
		}
		time.Sleep(4 * time.Second)
		a.is(b, "ENDED, PENDING")
		time.Sleep(2 * time.Second)
		for dead := range a.games.DeadJobs(a.t.Context()) {
			t.Errorf("the job was given up: %+v", dead)
		}
		equal(t, "the job has failed", strings.Contains(a.Logs(), "outbox call failed"), false)
	})
}

func TestTheFirstAttemptMayBeLeftToTheOutbox(t *testing.T) {
	inArena(t, resultOptions{config: "inlineFirstAttempt: false"}, func(a *arena) {
		b := a.set("final")
		a.end(b, 3, 5)
		time.Sleep(time.Second)
		a.is(b, "RESULTS_SENT, SENT")
		equal(t, "attempts", a.row(b).Attempts, 1)
		a.clean()
	})
}

func TestResultsOnTheirWayOutliveTheirSet(t *testing.T) {
	for _, c := range []struct {
		name string
		last escstest.Fault
		log  string
	}{
		{"and arrive", escstest.Fault{}, "results sent"},
		{"and are refused", escstest.Status(400), "results given up"},
		{"until it is too late", escstest.RetryAfter(503, "7200"), "results given up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inArena(t, resultOptions{}, func(a *arena) {
				slow := escstest.Status(500)
				slow.Delay = 3 * time.Second
				a.platform.Script(slow, c.last)
				b := a.set("final")
				a.end(b, 3, 5)
				drop := func() {
					t.Helper()
					if err := a.escs.DropSet(a.t.Context(), "final", "round-final"); err != nil {
						t.Fatal(err)
					}
				}
				drop() // an attempt is under way
				time.Sleep(usualLater + 2*time.Minute)
				equal(t, "requests", a.received(), 2)
				if row := a.row(b); row != nil {
					t.Errorf("there still is a row: %+v", row)
				}
				if !strings.Contains(a.Logs(), c.log) {
					t.Errorf("the log does not say %q", c.log)
				}
				// The job comes again, after all that time.
				r := &gameinstance.GameInstanceEndedRequest{GameInstanceID: b.game, Reason: gameinstance.GameEnded}
				if err := a.escs.ResultsJob().Run.OnGameInstanceEnded(a.t.Context(), r); err != nil {
					t.Error(err)
				}
				equal(t, "requests in the end", a.received(), 2)
			})
		})
	}
}

func TestResultsGoWithTheirSet(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		a.platform.Script(escstest.Status(400))
		for _, id := range []string{"dead", "sent"} {
			b := a.set(id)
			a.end(b, 3, 5)
			if err := a.escs.DropSet(a.t.Context(), id, "round-"+id); err != nil {
				t.Fatal(err)
			}
			if row := a.row(b); row != nil {
				t.Errorf("%s: there still is a row: %+v", id, row)
			}
		}
		if err := a.escs.DropSet(a.t.Context(), a.set("running").start.SetID, "x"); err != nil {
			t.Errorf("drop a set without results: %v", err)
		}
	})
}

// TestTheStoreKnowsNoSecret looks at everything that is stored while results wait,
// are dead or are sent (escs §12).
func TestTheStoreKnowsNoSecret(t *testing.T) {
	inArena(t, resultOptions{}, func(a *arena) {
		var db store.Driver
		a.WrapStore(func(d store.Driver) store.Driver { db = d; return d })
		a.Restart()
		echo := escstest.Status(422) // says back what it was sent
		echo.Body = `{"error":{"code":"BAD","message":"secretKey ` + oldSecret + ` is fine"}}`
		again := escstest.Status(500)
		again.Body = oldSecret
		a.platform.Script(escstest.Fault{}, echo, again)
		for _, id := range []string{"sent", "dead", "waits"} {
			a.end(a.set(id), 3, 5)
		}
		n := 0
		for _, kind := range []string{"escs-result", "escs-set", "escs-game", "instance-end", "outbox/end-of-game/escs-results"} {
			for rec, err := range db.List(a.t.Context(), store.Query{Kind: kind}) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				if strings.Contains(string(rec.Body), oldSecret) {
					t.Errorf("%s has the secret: %s", rec.Key, rec.Body)
				}
				if kind == "escs-result" && strings.Contains(string(rec.Body), "Lovelace") {
					t.Errorf("%s has a name: %s", rec.Key, rec.Body)
				}
			}
		}
		if n < 9 {
			t.Errorf("looked at %d records only", n)
		}
		for d := range a.escs.DeadResults(a.t.Context()) {
			equal(t, "answer", d.Answer, `{"error":{"code":"BAD","message":"secretKey *** is fine"}}`)
		}
	})
}
