package pragma_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

func TestDrainFinishesCallsInFlightAndRefusesNewOnes(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		r := w.robin()
		busy, idle := r.socket(), w.robin().socket()
		token, _ := w.robin().login()
		busy.Request("LabRpc.SlowV1", said{"socket"})
		<-w.inside
		answer := make(chan refused, 1)
		go func() {
			answer <- w.post(gamePlayer, token, `{"requestId":1,"type":"LabRpc.SlowV1Request"}`)
		}()
		<-w.inside
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			w.Stop()
		}()
		time.Sleep(time.Second)
		busy.Request("LabRpc.SayV1", said{"too late"})
		idle.Request("LabRpc.SayV1", said{"too late"})
		f := idle.Read()
		wantRefusal(t, "new call", refused{503, f, "1"}, refusal{503, "SHUTTING_DOWN", "SessionService_SessionUnavailable"})
		if f := busy.Read(); f.ServiceError == nil || f.ServiceError.Status != "SHUTTING_DOWN" {
			t.Errorf("the new call behind the slow one got %s", f)
		}
		if f := call(idle, "PlayerSessionRpc.HeartbeatV1", nil); f.Response == nil {
			t.Errorf("the heartbeat got %s", f)
		}
		select {
		case <-stopped:
			t.Error("the server did not wait for the calls")
		default:
		}
		close(w.hold)
		if f := busy.Read(); f.String() != "LabRpc.SlowV1Response" {
			t.Errorf("the slow call got %s", f)
		}
		if got := <-answer; got.Frame.Response == nil {
			t.Errorf("the slow call over HTTP got %d %s", got.Status, got.Frame)
		}
		<-stopped
		for name, c := range map[string]interface{ Closed() int }{"busy": busy, "idle": idle} {
			if code := c.Closed(); code != -1 {
				t.Errorf("the %s socket was closed with %d, want it cut so that clients reconnect", name, code)
			}
		}
		if got := w.heard(); got != nil {
			t.Errorf("calls ran during the drain: %q", got)
		}
		w.Start()
	})
}

func TestDrainWaitsForNoHungPeer(t *testing.T) {
	run(t, "", func(t *testing.T, w *world) {
		for range 3 {
			r := w.robin()
			token, _ := r.login()
			ws := w.silent(token)
			if err := ws.Write(t.Context(), 1, []byte(sayFrame)); err != nil { // its answer is never read
				t.Fatal(err)
			}
			w.m.NotifyPlayers(t.Context(), w.poke.Of(&said{"x"}), r.id)
		}
		settle()
		begin := time.Now()
		w.Stop()
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("the drain took %v, want 2 s for the peers to read", took)
		}
		w.Start()
	})
}

func TestDrainGivesUpOnCallsThatNeverEnd(t *testing.T) {
	run(t, `core: {shutdownTimeoutMillis: 10000}`, func(t *testing.T, w *world) {
		c := w.robin().socket()
		c.Request("LabRpc.SlowV1", said{})
		<-w.inside
		begin := time.Now()
		w.Stop()
		if took := time.Since(begin); took > 11*time.Second {
			t.Errorf("the drain took %v, want 10 s", took)
		}
		close(w.hold)
		w.Start()
		if !strings.Contains(w.Logs(), "calls are still running") {
			t.Error("the log does not say that calls were cut off")
		}
	})
}

func TestBackgroundWorkEndsAfterTheLastCallAndBeforeTheStoreCloses(t *testing.T) {
	var order []string
	mount := func(m *pragma.Mount) {
		m.Go("worker", func(ctx context.Context) {
			<-ctx.Done()
			if _, err := m.Store().Now(context.WithoutCancel(ctx)); err != nil {
				order = append(order, "store closed")
			}
			order = append(order, "work ends")
		})
		m.Go("sick", func(context.Context) { panic("boom") })
	}
	runLab(t, "", mount, func(t *testing.T, w *world) {
		c := w.robin().socket()
		c.Request("LabRpc.SlowV1", said{})
		<-w.inside
		time.AfterFunc(time.Second, func() {
			order = append(order, "call ends")
			close(w.hold)
		})
		w.Stop()
		if got := strings.Join(order, ", "); got != "call ends, work ends" {
			t.Errorf("order: %s", got)
		}
		if !strings.Contains(w.Logs(), "LabRpc.sick") {
			t.Error("the log does not name the work that panicked")
		}
		w.Start()
	})
}

// flaky is a store that can be made to fail.
type flaky struct {
	store.Driver
	broken atomic.Bool
}

func (f *flaky) Commit(ctx context.Context, b *store.Batch) error {
	if f.broken.Load() {
		return store.ErrUnavailable
	}
	return f.Driver.Commit(ctx, b)
}

func TestEndOfAConnectionThatTheStoreDidNotTakeIsStoredLater(t *testing.T) {
	db := &flaky{Driver: store.NewMemory()}
	runOn(t, db, func(t *testing.T, w *world) {
		r := w.robin()
		token, id := r.login()
		c := w.Raw(gamePlayer, token)
		back, _ := w.robin().login()
		d := w.Raw(gamePlayer, back)
		db.broken.Store(true)
		c.Close()
		d.Cut()
		time.Sleep(10 * time.Second)
		if got := w.refuseUpgrade(gamePlayer, back); got.Status != http.StatusServiceUnavailable {
			t.Errorf("status = %d with a broken store, want 503", got.Status)
		}
		db.broken.Store(false)
		e := w.Raw(gamePlayer, back)
		time.Sleep(2 * time.Second)
		w.wantEnds("once the store works", end{id, pragma.EndAsRequested})
		time.Sleep(10 * time.Minute)
		w.wantEnds("for the one that came back", end{id, pragma.EndAsRequested})
		if f := call(e, "LabRpc.SayV1", said{}); f.Response == nil {
			t.Errorf("got %s", f)
		}
	})
}

func TestRunReportsWhatClosingTheStoreFound(t *testing.T) {
	boom := errors.New("disk on fire")
	srv := &pragma.Server{Store: func(context.Context) (store.Driver, error) {
		return closeFails{store.NewMemory(), boom}, nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	srv.Ready = func(pragma.Addresses) { cancel() }
	if err := srv.Run(ctx); !errors.Is(err, boom) {
		t.Errorf("Run = %v, want %v", err, boom)
	}
}

type closeFails struct {
	store.Driver
	err error
}

func (c closeFails) Close() error { return c.err }

func TestDrainCutsSocketsAtALimitedRate(t *testing.T) {
	for _, tt := range []struct {
		name, yaml  string
		first, last time.Duration // when the last socket is cut
	}{
		{"as configured", `core: {session: {drainSocketsPerSecond: 10}}`, 9 * time.Second, 11 * time.Second},
		{"slowly", `core: {session: {drainSocketsPerSecond: 5}}`, 19 * time.Second, 21 * time.Second},
		{"faster, since the server has to stop", `core: {session: {drainSocketsPerSecond: 1}, shutdownTimeoutMillis: 6000}`, 3 * time.Second, 5 * time.Second},
		{"as fast as can be", `core: {session: {drainSocketsPerSecond: 0}}`, 0, 100 * time.Millisecond},
		{"by default", ``, 100 * time.Millisecond, 300 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, tt.yaml, func(t *testing.T, w *world) {
				var cut [100]time.Duration
				var socks sync.WaitGroup
				for i := range cut {
					c := w.robin().socket()
					socks.Go(func() {
						if code := c.Closed(); code != -1 {
							t.Errorf("closed with %d, want a cut", code)
						}
						cut[i] = time.Since(time.Unix(0, 0))
					})
				}
				settle()
				begin := time.Since(time.Unix(0, 0))
				w.Stop()
				socks.Wait()
				slices.Sort(cut[:])
				if last := cut[99] - begin; last < tt.first || last > tt.last {
					t.Errorf("the last socket was cut after %v, want %v to %v", last, tt.first, tt.last)
				}
				if half := cut[49] - begin; tt.first > time.Second && half < tt.first/3 {
					t.Errorf("half of the sockets were cut within %v", half)
				}
				w.Start()
			})
		})
	}
}
