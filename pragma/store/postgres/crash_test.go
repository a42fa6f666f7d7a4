package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
)

func long() bool { return os.Getenv("PRAGMA_LONG") == "1" }

// counted counts the commits that the driver itself could not tell.
type counted struct {
	store.Driver
	unknown atomic.Int64
}

// Commit implements store.Driver.
func (c *counted) Commit(ctx context.Context, b *store.Batch) error {
	err := c.Driver.Commit(ctx, b)
	if errors.Is(err, store.ErrUnknown) {
		c.unknown.Add(1)
	}
	return err
}

// sweep commits while the connection is cut after each number of bytes that the
// whole exchange has, and compares every answer with the truth.
type sweep struct {
	name string
	ids  []string // records that each round puts; a check of one more if there are several
	cold bool     // the cut meets a new connection
}

func TestAConnectionCutAtAnyByteLeavesEveryAnswerTrue(t *testing.T) {
	for _, s := range []sweep{
		{"one record", []string{"a"}, false},
		{"one record on a new connection", []string{"a"}, true},
		{"three records", []string{"a", "b", "c"}, false},
		{"three records on a new connection", []string{"a", "b", "c"}, true},
	} {
		for _, way := range []struct {
			name string
			dir  dbtest.Direction
		}{{"to the server", dbtest.ToServer}, {"to the client", dbtest.ToClient}} {
			t.Run(s.name+", "+way.name, func(t *testing.T) { s.run(t, way.dir) })
		}
	}
}

func (s sweep) run(t *testing.T, dir dbtest.Direction) {
	server := servers.Postgres(t)
	schema := server.Schema(t)
	truth := open(t, config(server.Addr(), schema))
	proxy := dbtest.NewProxy(t, server.Addr())
	c := config(proxy.Addr(), schema)
	c.WriteConnections, c.ReadConnections = 1, 1
	d := &counted{Driver: open(t, c)}

	rev := s.commit(t, d, truth, 0) // warm
	proxy.CutAfter(dir, 1<<40)
	s.prepare(t, d, proxy)
	rev = s.commit(t, d, truth, rev)
	total := proxy.Passed(dir)
	step := max(1, total/40)
	if long() {
		step = 1
	}
	cuts := 0
	for n := int64(0); n <= total; n += step {
		rev = s.commit(t, d, truth, rev) // a connection that works
		s.prepare(t, d, proxy)
		proxy.CutAfter(dir, n)
		rev = s.commit(t, d, truth, rev)
		if proxy.Disarm() {
			cuts++
		}
		if t.Failed() {
			t.Fatalf("cut after %d of %d bytes", n, total)
		}
	}
	t.Logf("%d cuts over %d bytes, %d unknown outcomes, all resolved", cuts, total, d.unknown.Load())
	if cuts < 10 || d.unknown.Load() == 0 {
		t.Errorf("%d cuts and %d unknown outcomes, want more", cuts, d.unknown.Load())
	}
}

// prepare has the next commit begin with a new connection, if the sweep says so.
func (s sweep) prepare(t *testing.T, d store.Driver, proxy *dbtest.Proxy) {
	if s.cold {
		proxy.CutAll()
		time.Sleep(2 * time.Millisecond) // the cut travels
	}
}

// commit brings the records to their next revision and returns the revision
// that they have then, in truth.
func (s sweep) commit(t *testing.T, d, truth store.Driver, rev int64) int64 {
	t.Helper()
	b := &store.Batch{}
	for _, id := range s.ids {
		b.Puts = append(b.Puts, store.Put{Key: thing(id), Expect: rev, Body: []byte(fmt.Sprint(id, rev))})
	}
	if len(s.ids) > 1 {
		b.Checks = []store.Check{{Key: thing("missing")}}
	}
	err := store.Commit(t.Context(), d, b)
	want := rev
	switch {
	case err == nil:
		want++
	case !errors.Is(err, store.ErrUnavailable):
		t.Errorf("Commit() = %v, want nil or %v", err, store.ErrUnavailable)
	}
	for _, id := range s.ids {
		if got := settled(t, truth, id, want); got != want {
			t.Errorf("revision of %s = %d after Commit() = %v, want %d", id, got, err, want)
		}
	}
	return want
}

func settled(t *testing.T, d store.Driver, id string, want int64) int64 {
	t.Helper()
	got := revision(t, d, id)
	if got == want { // a commit that was not applied must not be applied later
		got = revision(t, d, id)
	}
	return got
}

// load keeps counters, one of each writer; every step of one is also a record of
// its own, made in the same commit.
type load struct {
	d            store.Driver
	stop         atomic.Bool
	wg           sync.WaitGroup
	acknowledged [8]atomic.Int64
	mistakes     chan error
}

func startLoad(d store.Driver) *load {
	l := &load{d: d, mistakes: make(chan error, 8)}
	for w := range l.acknowledged {
		l.wg.Go(func() {
			if err := l.count(w); err != nil {
				l.mistakes <- err
			}
		})
	}
	return l
}

// count adds one as often as it can. After an outcome that stays unknown it
// looks for itself, which is exact because nobody else writes this counter.
func (l *load) count(w int) error {
	ctx := context.Background()
	counter := thing(fmt.Sprintf("counter %d", w))
	for n := int64(0); !l.stop.Load(); {
		b := &store.Batch{Puts: []store.Put{{Key: counter, Expect: n}}}
		if n%2 == 0 {
			b.Puts = append(b.Puts, store.Put{Key: thing(fmt.Sprintf("step %d/%06d", w, n))})
		}
		err := store.Commit(ctx, l.d, b)
		for errors.Is(err, store.ErrUnknown) {
			time.Sleep(20 * time.Millisecond)
			if recs, readErr := l.d.Get(ctx, counter); readErr == nil {
				switch recs[0].Token {
				case b.Token:
					err = nil
				default:
					err = store.ErrUnavailable
				}
			}
		}
		switch {
		case err == nil:
			n++
			l.acknowledged[w].Store(n)
		case errors.Is(err, store.ErrUnavailable):
			time.Sleep(5 * time.Millisecond)
		default:
			return fmt.Errorf("writer %d at %d: %w", w, n, err)
		}
	}
	return nil
}

// progress waits until every writer has come further.
func (l *load) progress(t *testing.T) {
	t.Helper()
	for w := range l.acknowledged {
		before := l.acknowledged[w].Load()
		for end := time.Now().Add(60 * time.Second); l.acknowledged[w].Load() < before+3; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("writer %d does not go on", w)
			}
		}
	}
}

// finish ends the load and compares what was acknowledged with what is stored.
func (l *load) finish(t *testing.T, d store.Driver) {
	t.Helper()
	l.stop.Store(true)
	l.wg.Wait()
	close(l.mistakes)
	for err := range l.mistakes {
		t.Error(err)
	}
	var all []int64
	for w := range l.acknowledged {
		n := l.acknowledged[w].Load()
		all = append(all, n)
		if got := revision(t, d, fmt.Sprintf("counter %d", w)); got != n {
			t.Errorf("counter %d = %d, acknowledged were %d", w, got, n)
		}
		steps := int64(0)
		for r, err := range d.List(t.Context(), store.Query{Kind: "thing", Prefix: fmt.Sprintf("step %d/", w)}) {
			if err != nil || r.Rev != 1 || r.ID != fmt.Sprintf("step %d/%06d", w, 2*steps) {
				t.Fatalf("step %d of writer %d is %s at revision %d, %v", steps, w, r.Key, r.Rev, err)
			}
			steps++
		}
		if want := (n + 1) / 2; steps != want {
			t.Errorf("writer %d has %d steps, want %d", w, steps, want)
		}
	}
	t.Logf("commits of each writer: %v", all)
}

func TestCountersStayExactThroughKillsAndRestarts(t *testing.T) {
	t.Parallel()
	rounds := 4
	if long() {
		rounds = 40
	}
	s := dbtest.NewPostgres(t)
	d := open(t, config(s.Addr(), s.Schema(t)))
	l := startLoad(d)
	for round := range rounds {
		l.progress(t)
		time.Sleep(rand.N(50 * time.Millisecond))
		if round%2 == 0 {
			s.Kill()
		} else {
			s.Stop()
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	l.progress(t)
	l.finish(t, d)
}

func TestCountersStayExactThroughAFrozenServer(t *testing.T) {
	t.Parallel()
	s := dbtest.NewPostgres(t)
	c := config(s.Addr(), s.Schema(t))
	c.TimeoutMillis = 3000
	d := open(t, c)
	l := startLoad(d)
	l.progress(t)
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second) // beyond the time limit of an answer
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	l.progress(t)
	l.finish(t, d)
}

// Connections end one by one while the others work.
func TestCountersStayExactThroughKilledConnections(t *testing.T) {
	t.Parallel()
	s := dbtest.NewPostgres(t)
	schema := s.Schema(t)
	c := config(s.Addr(), schema)
	c.WriteConnections = 4
	d := open(t, c)
	l := startLoad(d)
	killed := 0
	rounds := 60
	if long() {
		rounds = 1000
	}
	db := s.DB(t, schema)
	for range rounds {
		how := []string{"pg_terminate_backend", "pg_cancel_backend"}[rand.N(2)]
		tag, err := db.Exec(t.Context(), "SELECT "+how+"(pid) FROM pg_stat_activity"+
			" WHERE datname = $1 AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1", schema)
		if err != nil {
			t.Fatal(err)
		}
		killed += int(tag.RowsAffected())
		time.Sleep(rand.N(10 * time.Millisecond))
	}
	l.progress(t)
	l.finish(t, d)
	if killed < rounds/2 {
		t.Errorf("%d kills, want more", killed)
	}
}
