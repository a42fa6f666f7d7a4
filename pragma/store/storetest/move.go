package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// moveCases are for drivers with store.Snapshotter and store.Importer; others
// skip them.
func moveCases() []testCase {
	return []testCase{
		{"imported records are as they were, and go on from there", testImport},
		{"an import is applied completely or not at all", testImportConflict},
		{"bad imports are refused", testBadImports},
		{"imports up to the limits work", testImportLimits},
		{"an import that was cut short was certainly not applied", func(t *testing.T, f *fixture) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := f.importer().Import(ctx, []store.Record{{Key: key("a"), Rev: 1}}); !errors.Is(err, context.Canceled) {
				t.Errorf("Import() = %v, want %v", err, context.Canceled)
			}
			f.holds(key("a"), 0, "")
		}},
		{"a snapshot shows one moment", testSnapshot},
		{"a snapshot never shows half a commit", testSnapshotUnderLoad},
		{"a snapshot lists like the store", testSnapshotQueries},
		{"kinds come in byte order", func(t *testing.T, f *fixture) {
			same(t, "kinds of an empty store", f.snapshot().kinds(), nil)
			kinds := trickyIDs()
			for _, kind := range kinds {
				f.put(store.Key{Kind: kind, ID: "a"}, 0, "")
			}
			f.put(store.Key{Kind: "gone", ID: "a"}, 0, "")
			f.must(store.Batch{Deletes: []store.Check{{Key: store.Key{Kind: "gone", ID: "a"}, Expect: 1}}})
			same(t, "kinds", f.snapshot().kinds(), slices.Sorted(slices.Values(kinds)))
		}},
		{"what is closed is unavailable", testSnapshotClosed},
		{"an unfinished import is recognised", func(t *testing.T, f *fixture) {
			if err := store.RefuseUnfinished(t.Context(), f); err != nil {
				t.Errorf("RefuseUnfinished() of an empty store = %v", err)
			}
			f.put(store.ImportMark(), 0, "{}")
			if err := store.RefuseUnfinished(t.Context(), f); !errors.Is(err, store.ErrUnfinished) {
				t.Errorf("RefuseUnfinished() = %v, want %v", err, store.ErrUnfinished)
			}
		}},
	}
}

func (f *fixture) importer() store.Importer {
	f.t.Helper()
	i, ok := f.Driver.(store.Importer)
	if !ok {
		f.t.Skip("the driver has no store.Importer")
	}
	return i
}

// moment is a snapshot with helpers that fail the test.
type moment struct {
	store.Snapshot
	t testing.TB
}

func (f *fixture) snapshot() *moment {
	f.t.Helper()
	s, ok := f.Driver.(store.Snapshotter)
	if !ok {
		f.t.Skip("the driver has no store.Snapshotter")
	}
	snap, err := s.Snapshot(f.t.Context())
	if err != nil {
		f.t.Fatalf("Snapshot() = %v", err)
	}
	f.t.Cleanup(func() {
		if err := snap.Close(); err != nil {
			f.t.Errorf("Close() of a snapshot = %v", err)
		}
	})
	return &moment{snap, f.t}
}

func (m *moment) kinds() []string {
	m.t.Helper()
	kinds, err := m.Kinds(m.t.Context())
	if err != nil {
		m.t.Fatalf("Kinds() = %v", err)
	}
	return kinds
}

func (m *moment) list(q store.Query) []store.Record {
	m.t.Helper()
	var recs []store.Record
	for r, err := range m.List(m.t.Context(), q) {
		if err != nil {
			m.t.Fatalf("List(%+v) of a snapshot yields error %v", q, err)
		}
		recs = append(recs, r)
	}
	return recs
}

func testImport(t *testing.T, f *fixture) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	due := store.TruncateDue(testTime())
	recs := []store.Record{
		{Key: key("every byte"), Rev: 7, Token: store.NewToken(), Due: due, Body: every},
		{Key: key("last revision"), Rev: math.MaxInt64, Token: store.NewToken(), Body: []byte("{}")},
		{Key: key("no token"), Rev: 1, Body: []byte(" \n")},
		{Key: key("early"), Rev: 2, Token: store.NewToken(), Due: time.Date(1900, 1, 1, 0, 0, 0, 1000, time.UTC)},
	}
	for i, id := range trickyIDs() {
		recs = append(recs, store.Record{Key: store.Key{Kind: "k" + id, ID: id}, Rev: int64(i + 1), Body: []byte(id)})
	}
	if err := f.importer().Import(t.Context(), recs); err != nil {
		t.Fatalf("Import() = %v", err)
	}
	one := store.Record{Key: key("alone"), Rev: 41, Token: store.NewToken(), Due: due, Body: []byte(`{"a":1}`)}
	if err := f.importer().Import(t.Context(), []store.Record{one}); err != nil {
		t.Fatalf("Import() of one record = %v", err)
	}
	f.reopen()
	for _, want := range append(recs, one) {
		same(t, want.Key.String(), f.get(want.Key), want)
	}
	same(t, "due", f.due("thing", due, 9), []string{"early", "alone", "every byte"})
	f.conflict(store.Batch{Puts: []store.Put{put("alone", 1, "")}}, store.ConflictError{Key: key("alone"), Have: 41, Expect: 1})
	f.put(key("alone"), 41, "changed")
	f.holds(key("alone"), 42, "changed")
	f.must(store.Batch{Deletes: []store.Check{{Key: key("every byte"), Expect: 7}}})
	f.holds(key("every byte"), 0, "")
}

func testImportConflict(t *testing.T, f *fixture) {
	f.put(key("b"), 0, "mine")
	for _, recs := range [][]store.Record{
		{{Key: key("c"), Rev: 3}, {Key: key("b"), Rev: 1, Body: []byte("mine")}, {Key: key("a"), Rev: 2}},
		{{Key: key("b"), Rev: 5}},
	} {
		var conflict *store.ConflictError
		if err := f.importer().Import(t.Context(), recs); !errors.As(err, &conflict) {
			t.Fatalf("Import() = %v, want a conflict", err)
		}
		same(t, "conflict", *conflict, store.ConflictError{Key: key("b"), Have: 1})
		same(t, "ids", f.list(store.Query{Kind: "thing"}), []string{"b"})
		f.holds(key("b"), 1, "mine")
	}
	if err := f.importer().Import(t.Context(), nil); err != nil {
		t.Errorf("Import() of nothing = %v", err)
	}
}

func testBadImports(t *testing.T, f *fixture) {
	fine := store.Record{Key: key("fine"), Rev: 1}
	for name, c := range map[string]struct {
		rec  store.Record
		want error
	}{
		"revision 0":        {store.Record{Key: key("a")}, store.ErrBadBatch},
		"negative revision": {store.Record{Key: key("a"), Rev: -1}, store.ErrBadBatch},
		"twice":             {fine, store.ErrBadBatch},
		"no id":             {store.Record{Key: key(""), Rev: 1}, store.ErrBadKey},
		"large body":        {store.Record{Key: key("a"), Rev: 1, Body: make([]byte, store.MaxBodyBytes+1)}, store.ErrTooLarge},
	} {
		if err := f.importer().Import(t.Context(), []store.Record{fine, c.rec}); !errors.Is(err, c.want) {
			t.Errorf("%s: Import() = %v, want %v", name, err, c.want)
		}
		f.holds(fine.Key, 0, "")
	}
	many := make([]store.Record, store.MaxBatchKeys+1)
	for i := range many {
		many[i] = store.Record{Key: numbered("thing", i), Rev: 1}
	}
	if err := f.importer().Import(t.Context(), many); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Import() of %d records = %v, want %v", len(many), err, store.ErrTooLarge)
	}
}

func testImportLimits(t *testing.T, f *fixture) {
	many := make([]store.Record, store.MaxBatchKeys)
	for i := range many {
		many[i] = store.Record{Key: numbered("many", i), Rev: int64(i + 1)}
	}
	if err := f.importer().Import(t.Context(), many); err != nil {
		t.Fatalf("Import() of %d records = %v", len(many), err)
	}
	large := make([]store.Record, store.MaxBatchBytes/store.MaxBodyBytes)
	for i := range large {
		large[i] = store.Record{Key: numbered("large", i), Rev: 9, Body: []byte(strings.Repeat("\\", store.MaxBodyBytes))}
	}
	if err := f.importer().Import(t.Context(), large); err != nil {
		t.Fatalf("Import() of %d full bodies = %v", len(large), err)
	}
	for i, r := range f.snapshot().list(store.Query{Kind: "many"}) {
		if want := numbered("many", i); r.Key != want || r.Rev != int64(i+1) {
			t.Fatalf("record %d is %s at revision %d, want %s at %d", i, r.Key, r.Rev, want, i+1)
		}
	}
	if got := f.snapshot().list(store.Query{Kind: "large"}); len(got) != len(large) || got[3].Rev != 9 {
		t.Errorf("List() yields %d full bodies, want %d at revision 9", len(got), len(large))
	}
}

func testSnapshot(t *testing.T, f *fixture) {
	other := store.Key{Kind: "other", ID: "x"}
	f.put(key("changed"), 0, "before")
	f.put(key("deleted"), 0, "before")
	f.put(key("kept"), 0, "before")
	f.put(other, 0, "before")
	before := f.snapshot()
	f.put(key("changed"), 1, "after")
	f.put(key("created"), 0, "after")
	f.must(store.Batch{Deletes: []store.Check{{Key: key("deleted"), Expect: 1}, {Key: other, Expect: 1}}})
	f.put(store.Key{Kind: "late", ID: "x"}, 0, "after")
	after := f.snapshot()

	show := func(m *moment) (all []string) {
		for _, kind := range m.kinds() {
			for _, r := range m.list(store.Query{Kind: kind}) {
				all = append(all, fmt.Sprintf("%s %d %s", r.Key, r.Rev, r.Body))
			}
		}
		return all
	}
	same(t, "before", show(before), []string{"other/x 1 before", "thing/changed 1 before", "thing/deleted 1 before", "thing/kept 1 before"})
	same(t, "after", show(after), []string{"late/x 1 after", "thing/changed 2 after", "thing/created 1 after", "thing/kept 1 before"})
	same(t, "before, read again", len(show(before)), 4)
}

// testSnapshotUnderLoad has every commit write the same number into records of
// three kinds.
func testSnapshotUnderLoad(t *testing.T, f *fixture) {
	f.snapshot() // skips
	triple := func(w int) []store.Key {
		id := fmt.Sprint(w)
		return []store.Key{{Kind: "a", ID: id}, {Kind: "b", ID: id}, {Kind: "c", ID: id}}
	}
	const writers = 4
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	var acknowledged [writers]atomic.Int64
	for w := range writers {
		wg.Go(func() {
			for rev := int64(0); !stop.Load(); rev++ {
				var b store.Batch
				for _, k := range triple(w) {
					b.Puts = append(b.Puts, store.Put{Key: k, Expect: rev, Body: []byte(fmt.Sprint(rev))})
				}
				if err := store.Commit(t.Context(), f, &b); err != nil {
					t.Errorf("Commit() = %v", err)
					return
				}
				acknowledged[w].Store(rev + 1)
			}
		})
	}
	for range 20 {
		time.Sleep(5 * time.Millisecond)
		var least [writers]int64
		for w := range least {
			least[w] = acknowledged[w].Load()
		}
		m := f.snapshot()
		a, b, c := m.list(store.Query{Kind: "a"}), m.list(store.Query{Kind: "b"}), m.list(store.Query{Kind: "c"})
		if len(a) != len(b) || len(b) != len(c) {
			t.Fatalf("a snapshot has %d, %d and %d records of commits that wrote three", len(a), len(b), len(c))
		}
		for i := range a {
			if a[i].Token != b[i].Token || b[i].Token != c[i].Token || a[i].Rev != c[i].Rev {
				t.Errorf("a snapshot has %s, %s, %s at revisions %d, %d, %d of different commits",
					a[i].Key, b[i].Key, c[i].Key, a[i].Rev, b[i].Rev, c[i].Rev)
			}
			var w int
			if _, err := fmt.Sscan(a[i].ID, &w); err != nil || a[i].Rev < least[w] {
				t.Errorf("a snapshot has %s at revision %d, before it %d was acknowledged, %v", a[i].Key, a[i].Rev, least[w], err)
			}
		}
		if err := m.Close(); err != nil {
			t.Errorf("Close() of a snapshot = %v", err)
		}
	}
}

func testSnapshotQueries(t *testing.T, f *fixture) {
	var b store.Batch
	for i := range 700 {
		b.Puts = append(b.Puts, store.Put{Key: numbered("thing", i), Body: make([]byte, i%97*100)})
	}
	f.must(b)
	m := f.snapshot()
	for name, q := range map[string]store.Query{
		"all":                {Kind: "thing"},
		"after one":          {Kind: "thing", After: "000350"},
		"after between":      {Kind: "thing", After: "0003505"},
		"prefix":             {Kind: "thing", Prefix: "0004"},
		"prefix and after":   {Kind: "thing", Prefix: "0004", After: "000455"},
		"limit":              {Kind: "thing", Limit: 300},
		"limit and prefix":   {Kind: "thing", Prefix: "0004", Limit: 7},
		"none of the kind":   {Kind: "nothing"},
		"none of the prefix": {Kind: "thing", Prefix: "x"},
	} {
		var got []string
		for _, r := range m.list(q) {
			got = append(got, r.ID)
		}
		same(t, name, got, f.list(q))
	}
	for _, err := range m.List(t.Context(), store.Query{}) {
		if !errors.Is(err, store.ErrBadKey) {
			t.Errorf("List() without a kind yields %v, want %v", err, store.ErrBadKey)
		}
	}
}

func testSnapshotClosed(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "")
	read := func(m *moment) error {
		_, err := m.Kinds(t.Context())
		for _, listErr := range m.List(t.Context(), store.Query{Kind: "thing"}) {
			if (listErr == nil) != (err == nil) {
				t.Errorf("Kinds() = %v, List() yields %v", err, listErr)
			}
		}
		return err
	}
	m := f.snapshot()
	if err := read(m); err != nil {
		t.Fatalf("Kinds() = %v", err)
	}
	for _, id := range []string{"b", "c", "d"} { // a snapshot is left in the middle
		for range m.List(t.Context(), store.Query{Kind: "thing"}) {
			break
		}
		f.put(key(id), 0, "")
	}
	if err := f.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	if err := read(m); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a snapshot of a closed store says %v, want %v", err, store.ErrUnavailable)
	}
	if _, err := f.Driver.(store.Snapshotter).Snapshot(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Snapshot() of a closed store = %v, want %v", err, store.ErrUnavailable)
	}
	if err := f.importer().Import(t.Context(), []store.Record{{Key: key("z"), Rev: 1}}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Import() into a closed store = %v, want %v", err, store.ErrUnavailable)
	}
	f.reopen()
	same(t, "ids", f.list(store.Query{Kind: "thing"}), []string{"a", "b", "c", "d"})
}
