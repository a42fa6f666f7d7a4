package escs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// witness watches what is sent, and knows what is in the store at that moment.
type witness struct {
	db store.Driver // without faults

	mu     sync.Mutex
	sins   []string
	bodies map[string]string
}

func (w *witness) sin(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sins = append(w.sins, fmt.Sprintf(format, args...))
}

// around watches a transport.
func (w *witness) around(base http.RoundTripper) http.RoundTripper { return watched{w, base} }

type watched struct {
	w    *witness
	base http.RoundTripper
}

func (t watched) CloseIdleConnections() { t.base.(*http.Transport).CloseIdleConnections() }

func (t watched) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Header.Get("Idempotency-Key")
	if state := t.w.state(req.Context(), key); state != "PENDING" {
		t.w.sin("%s is sent while its row is %s", key, state)
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	text := make([]byte, req.ContentLength)
	_, _ = body.Read(text)
	t.w.mu.Lock()
	if before, ok := t.w.bodies[key]; ok && before != string(text) {
		t.w.sins = append(t.w.sins, fmt.Sprintf("%s has another body than before", key))
	}
	t.w.bodies[key] = string(text)
	t.w.mu.Unlock()
	return t.base.RoundTrip(req)
}

// state reads a row from the store.
func (w *witness) state(ctx context.Context, key string) string {
	recs, err := w.db.Get(context.WithoutCancel(ctx), store.Key{Kind: "escs-result", ID: key})
	if err != nil {
		return err.Error()
	}
	var row struct {
		State string `json:"state"`
	}
	if recs[0].Rev == 0 || json.Unmarshal(recs[0].Body, &row) != nil {
		return "missing"
	}
	return row.State
}

// mishap returns some fault of the platform.
func mishap(r *rand.Rand) escstest.Fault {
	all := []func() escstest.Fault{
		func() escstest.Fault { return escstest.Fault{} },
		func() escstest.Fault { return escstest.Status(500 + r.IntN(5)) },
		func() escstest.Fault { return escstest.RetryAfter(429, fmt.Sprint(r.IntN(30))) },
		escstest.Hang, escstest.Cut, escstest.LoseAnswer, escstest.LoseHalf,
		func() escstest.Fault { return escstest.Late(delay(r)) },
		func() escstest.Fault { return escstest.LateAnswer(delay(r)) },
		func() escstest.Fault { return escstest.Status(401) },
		func() escstest.Fault { return escstest.Status(400 + r.IntN(30)) },
		func() escstest.Fault { return escstest.ErrorInBody("NO", "no") },
		func() escstest.Fault { return escstest.Huge(200, 1<<20+1+r.IntN(1000)) },
		func() escstest.Fault { return escstest.Fault{Status: 200, Body: `{"half`, Accept: r.IntN(2) == 0} },
	}
	return all[r.IntN(len(all))]()
}

// delay is never the very moment at which the sender gives up: then both would be
// right, the one who says that he has answered and the one who has heard nothing.
func delay(r *rand.Rand) time.Duration {
	return time.Duration(r.IntN(8000))*time.Millisecond + 500*time.Microsecond
}

// evening is one run: sets that end at random while platform, store and server
// fail at random.
type evening struct {
	*arena
	r      *rand.Rand
	w      *witness
	faulty *storetest.FaultyDriver
	bouts  []*bout
	ended  []bool
	dies   bool // the server does, or stops while the store fails
	fails  bool // the store does
}

func (e *evening) endSome() {
	i := e.r.IntN(len(e.bouts))
	b := e.bouts[i]
	err := e.games.End(e.t.Context(), b.game, ext.Value{}, b.report(float64(i), float64(i+100)))
	if err == nil || strings.Contains(err.Error(), "UnknownGameInstance") {
		e.ended[i] = true
	}
}

func (e *evening) step() {
	switch n := e.r.IntN(20); {
	case n < 6:
		e.endSome()
	case n < 12:
		for range e.r.IntN(3) + 1 {
			e.platform.Script(mishap(e.r))
		}
	case n < 13 && e.dies:
		e.Kill()
		time.Sleep(time.Duration(e.r.IntN(3000)) * time.Millisecond)
		e.Start()
	case n < 14 && (e.dies || !e.fails):
		e.Restart()
	case n < 15:
		b := e.bouts[e.r.IntN(len(e.bouts))]
		_ = e.escs.ResendResults(e.t.Context(), b.start.SetID, "") // whatever comes of it
	case n < 17 && e.fails:
		e.faulty.Set(storetest.Faults{Unavailable: 0.2, Conflict: 0.1, UnknownBefore: 0.1, UnknownAfter: 0.1, Read: 0.1})
	default:
		e.faulty.Set(storetest.Faults{})
		time.Sleep(time.Duration(e.r.IntN(20000)) * time.Millisecond)
	}
	time.Sleep(time.Duration(e.r.IntN(4000)) * time.Millisecond)
}

// rest ends everything that goes wrong, ends all games, and sends again what was
// given up or waits for other credentials.
func (e *evening) rest() {
	e.faulty.Set(storetest.Faults{})
	e.platform.Recover()
	for slices.Contains(e.ended, false) {
		e.endSome()
	}
	time.Sleep(10 * time.Minute) // jobs that failed are repeated within 5
	for _, b := range e.bouts {
		if err := e.escs.ResendResults(e.t.Context(), b.start.SetID, ""); err != nil && !errors.Is(err, escs.ErrResultsSent) {
			e.t.Errorf("resend %s: %v", b.start.SetID, err)
		}
	}
	time.Sleep(time.Minute)
}

func (e *evening) check() {
	synctest.Wait()
	var want []string
	for i, b := range e.bouts {
		e.is(b, "RESULTS_SENT, SENT")
		want = append(want, fmt.Sprintf("%s %d %d", b.start.SetID, i, i+100))
	}
	got := e.taken()
	slices.Sort(got)
	slices.Sort(want)
	equal(e.t, "taken", got, want)
	for _, sin := range e.w.sins {
		e.t.Error(sin)
	}
	if !e.dies { // or a success could be forgotten before it is written down
		e.clean()
	}
	n := e.received()
	time.Sleep(30 * time.Minute)
	equal(e.t, "sent when all is done", e.received()-n, 0)
}

// TestNoResultIsLostOrSentAgain is acceptance check 5 at random: whatever the
// platform, the store and the process do, each set ends with one recorded success,
// and nothing is sent after that.
func TestNoResultIsLostOrSentAgain(t *testing.T) {
	runs := 60
	if testing.Short() {
		runs = 12
	}
	for i := range runs {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d, mode %d", seed, i%3), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := &witness{bodies: make(map[string]string)}
			o := resultOptions{transport: w.around}
			if r.IntN(3) == 0 {
				o.config = "inlineFirstAttempt: false"
			}
			inArena(t, o, func(a *arena) {
				e := &evening{arena: a, r: r, w: w, fails: i%3 > 0, dies: i%3 > 1}
				a.WrapStore(func(d store.Driver) store.Driver {
					w.db, e.faulty = d, storetest.Faulty(d, storetest.Faults{})
					return e.faulty
				})
				a.Restart()
				for n := range 1 + r.IntN(5) {
					e.bouts = append(e.bouts, a.begin(cup(fmt.Sprint("set-", n), 3*time.Hour)))
				}
				e.ended = make([]bool, len(e.bouts))
				for range 30 {
					e.step()
				}
				e.rest()
				e.check()
			})
		})
	}
}
