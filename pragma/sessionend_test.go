package pragma_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

func TestEndIsToldUntilEveryServiceAgrees(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		failures := 0
		w.onEnd = func(context.Context, *pragma.PlayerSession) error {
			failures++
			switch failures {
			case 1:
				return errors.New("not now")
			case 2:
				panic("boom")
			}
			return nil
		}
		token, id := w.robin().login()
		w.Raw(gamePlayer, token).Close()
		time.Sleep(time.Minute)
		e := end{id, pragma.EndAsRequested}
		w.wantEnds("after two failures", e, e, e)
	})
}

func TestHookThatHangsAtTheEndOfASessionHoldsUpNobodyElse(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		sick := w.robin()
		w.onEnd = func(ctx context.Context, s *pragma.PlayerSession) error {
			if s.PlayerID == sick.id {
				<-w.hold // whatever ctx says
			}
			return nil
		}
		defer close(w.hold)
		sick.socket().Close()
		for range 3 {
			w.robin().socket().Close()
		}
		time.Sleep(time.Second)
		if got := len(w.ended()); got != 4 {
			t.Errorf("%d sessions have ended, want 4", got)
		}
	})
}

func TestEndIsToldBeforeTheNextSessionBegins(t *testing.T) {
	for _, tt := range []struct {
		name  string
		enter func(w *world, token string)
	}{
		{"by a socket", func(w *world, token string) { w.Raw(gamePlayer, token) }},
		{"by a call", func(w *world, token string) {
			if got := w.post(gamePlayer, token, `{"type":"LabRpc.SayV1Request"}`); got.Status != http.StatusOK {
				w.T.Errorf("status = %d", got.Status)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				w.onEnd = func(context.Context, *pragma.PlayerSession) error {
					return errors.New("fails always")
				}
				r := w.robin()
				first, id := r.login()
				w.Raw(gamePlayer, first).Close()
				settle()
				told := len(w.ended())
				second, secondID := r.login()
				tt.enter(w, second)
				if got := len(w.ended()); got != told+1 {
					t.Errorf("the end was told %d times before the next session, want once more than %d", got, told)
				}
				time.Sleep(30 * time.Second)
				for _, e := range w.ended()[told+1:] {
					t.Errorf("told of %v after the next session %s had begun, the first is %s", e, secondID, id)
				}
			})
		})
	}
}

func TestSessionsSurviveARestart(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop func(w *world)
	}{
		{"drain", func(w *world) { w.Stop() }},
		{"crash", func(w *world) { w.Kill() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, "", func(t *testing.T, w *world) {
				back, gone := w.robin(), w.robin()
				token, _ := back.login()
				w.Raw(gamePlayer, token)
				lost, lostID := gone.login()
				w.Raw(gamePlayer, lost)
				tt.stop(w)
				time.Sleep(time.Hour) // a long deployment is not the players' fault
				w.Start()
				time.Sleep(50 * time.Second)
				if !back.live() || !gone.live() {
					t.Error("the sessions are not live after the restart")
				}
				c := w.Raw(gamePlayer, token)
				time.Sleep(time.Minute)
				w.wantEnds("of the one that stayed away", end{lostID, pragma.EndExpired})
				if f := call(c, "LabRpc.SayV1", said{}); f.Response == nil {
					t.Errorf("got %s", f)
				}
			})
		})
	}
}

func TestEndIsToldAfterACrashInTheMiddle(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		w.onEnd = func(context.Context, *pragma.PlayerSession) error { return errors.New("dying") }
		token, id := w.robin().login()
		w.Raw(gamePlayer, token).Close()
		w.wantEnds("before the crash", end{id, pragma.EndAsRequested})
		w.Kill()
		w.onEnd = nil
		w.Start()
		time.Sleep(10 * time.Second)
		e := end{id, pragma.EndAsRequested}
		w.wantEnds("after it", e, e)
	})
}

// pausing is a store that stops whoever lists what is due, after the listing.
type pausing struct {
	store.Driver
	found, goOn chan struct{}
	once        atomic.Bool
}

func (p *pausing) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	recs, err := p.Driver.Due(ctx, kind, before, limit)
	counting := before.After(time.Now().Add(24 * time.Hour)) // not looking for what has expired
	if len(recs) > 0 && kind == "session-game" && !counting && p.once.CompareAndSwap(true, false) {
		p.found <- struct{}{}
		<-p.goOn
	}
	return recs, err
}

func TestSessionThatComesBackJustWhenItExpiresHasNotEnded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stays bool
	}{{"and stays", true}, {"and breaks again", false}} {
		t.Run(tt.name, func(t *testing.T) {
			db := &pausing{Driver: store.NewMemory()}
			runOn(t, db, func(t *testing.T, w *world) {
				db.found, db.goOn = make(chan struct{}), make(chan struct{})
				token, id := w.robin().login()
				w.Raw(gamePlayer, token).Cut()
				settle()
				db.once.Store(true)
				<-db.found // the grace time is over, and the session listed
				c := w.Raw(gamePlayer, token)
				if !tt.stays {
					c.Cut()
					settle()
				}
				close(db.goOn)
				time.Sleep(58 * time.Second)
				w.wantEnds("after it came back")
				time.Sleep(5 * time.Second)
				if tt.stays {
					w.wantEnds("with a socket")
				} else {
					w.wantEnds("after the second grace time", end{id, pragma.EndExpired})
				}
			})
		})
	}
}
