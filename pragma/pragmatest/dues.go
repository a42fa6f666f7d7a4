package pragmatest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// A server asks its store every second what is due. In virtual time a day passes
// at once, and then a hundred thousand questions to a database that have the same
// answer as the one before. So what is due within the next hour is asked for at
// once, and again after each commit that concerns the kind.
const (
	aheadTime  = time.Hour
	aheadLimit = 1000
)

// dues remembers what is due. Everybody who writes to the store has to share one.
type dues struct {
	mu    sync.Mutex
	kinds map[string]*dueKind
}

type dueKind struct {
	writing int   // commits under way
	changes int64 // commits so far
	known   bool
	until   time.Time      // known up to here
	records []store.Record // all that are due until then, in order
}

// dueDriver answers Due from dues.
type dueDriver struct {
	store.Driver
	dues   *dues
	closed atomic.Bool
}

func (d *dues) kind(name string) *dueKind {
	if d.kinds == nil {
		d.kinds = make(map[string]*dueKind)
	}
	if d.kinds[name] == nil {
		d.kinds[name] = &dueKind{}
	}
	return d.kinds[name]
}

func (d *dueDriver) Due(ctx context.Context, name string, before time.Time, limit int) ([]store.Record, error) {
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	d.dues.mu.Lock()
	k := d.dues.kind(name)
	changes, quiet := k.changes, k.writing == 0
	if k.known && !before.After(k.until) && !d.closed.Load() {
		defer d.dues.mu.Unlock()
		return k.before(before, limit), nil
	}
	d.dues.mu.Unlock()
	until := before.Add(aheadTime)
	recs, err := d.Driver.Due(ctx, name, until, aheadLimit)
	if err != nil || len(recs) == aheadLimit || !quiet {
		return d.Driver.Due(ctx, name, before, limit)
	}
	d.dues.mu.Lock()
	defer d.dues.mu.Unlock()
	if k.changes != changes || k.writing > 0 {
		return (&dueKind{records: recs}).before(before, limit), nil
	}
	k.known, k.until, k.records = true, until, recs
	return k.before(before, limit), nil
}

// before returns copies of what is due, as the store would.
func (k *dueKind) before(before time.Time, limit int) []store.Record {
	if limit < 1 {
		limit = store.DefaultDueLimit
	}
	var out []store.Record
	for _, r := range k.records {
		if r.Due.After(before) || len(out) == limit {
			break
		}
		r.Body = bytes.Clone(r.Body)
		out = append(out, r)
	}
	return out
}

func (d *dueDriver) Commit(ctx context.Context, b *store.Batch) error {
	var names []string
	for i := range b.Puts {
		names = append(names, b.Puts[i].Key.Kind)
	}
	for i := range b.Deletes {
		names = append(names, b.Deletes[i].Key.Kind)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	d.dues.write(names, 1)
	defer d.dues.write(names, -1)
	return d.Driver.Commit(ctx, b)
}

// Close closes the store, which then says so itself whatever it is asked.
func (d *dueDriver) Close() error {
	d.closed.Store(true)
	return d.Driver.Close()
}

// write counts the beginning or the end of a commit.
func (d *dues) write(names []string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range names {
		k := d.kind(name)
		k.writing += n
		k.changes++
		k.known, k.records = false, nil
	}
}
