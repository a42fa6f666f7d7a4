package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// Long reports whether tests should take their time (PRAGMA_LONG=1).
func Long() bool { return os.Getenv("PRAGMA_LONG") == "1" }

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

// SweepCuts cuts the connection of a driver after every number of bytes of a
// commit, or some of them if the test is not a long one. target makes a new
// store: the address of its server, and what opens it through another address,
// with one connection for reading and one for writing.
func SweepCuts(t *testing.T, target func(t *testing.T) (addr string, open func(addr string) store.Driver)) {
	for _, s := range []sweep{
		{"one record", []string{"a"}, false},
		{"one record on a new connection", []string{"a"}, true},
		{"three records", []string{"a", "b", "c"}, false},
		{"three records on a new connection", []string{"a", "b", "c"}, true},
	} {
		for _, way := range []struct {
			name string
			dir  Direction
		}{{"to the server", ToServer}, {"to the client", ToClient}} {
			t.Run(s.name+", "+way.name, func(t *testing.T) {
				addr, open := target(t)
				s.run(t, way.dir, addr, open)
			})
		}
	}
}

func (s sweep) run(t *testing.T, dir Direction, addr string, open func(addr string) store.Driver) {
	truth := open(addr)
	proxy := NewProxy(t, addr)
	d := &counted{Driver: open(proxy.Addr())}

	rev := s.commit(t, d, truth, 0) // warm
	proxy.CutAfter(dir, 1<<40)
	s.prepare(proxy)
	rev = s.commit(t, d, truth, rev)
	total := proxy.Passed(dir)
	step := max(1, total/40)
	if Long() {
		step = 1
	}
	cuts := 0
	for n := int64(0); n <= total; n += step {
		rev = s.commit(t, d, truth, rev) // a connection that works
		s.prepare(proxy)
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
func (s sweep) prepare(proxy *Proxy) {
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
