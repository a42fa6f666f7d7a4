package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openpragma/engine/pragma/store"
)

// Harness tells the suite how to make stores of one driver.
type Harness struct {
	// Open prepares a new, empty store and returns its opener. Opening it again
	// after Close opens the same store with the same records. What the store
	// needs is removed by t.Cleanup.
	Open func(t testing.TB) store.Opener
}

// Run tests everything the port promises. Every case opens a store of its own.
func Run(t *testing.T, h Harness) {
	t.Helper()
	groups := []struct {
		name  string
		cases []testCase
	}{
		{"Commit", commitCases()},
		{"Keys", keyCases()},
		{"Read", readCases()},
		{"Due", dueCases()},
		{"Life", lifeCases()},
		{"Unknown", unknownCases()},
		{"Move", moveCases()},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) { runCases(t, h, g.cases) })
	}
	t.Run("Concurrent", func(t *testing.T) { RunConcurrent(t, h) })
	t.Run("Model", func(t *testing.T) { runModel(t, h) })
}

// RunConcurrent tests what must hold when many goroutines commit at once. It is
// a part of Run; alone it is meant for long runs with the race detector.
func RunConcurrent(t *testing.T, h Harness) {
	t.Helper()
	runCases(t, h, concurrentCases())
}

type testCase struct {
	name string // a sentence
	run  func(t *testing.T, f *fixture)
}

func runCases(t *testing.T, h Harness, cases []testCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, newFixture(t, h)) })
	}
}

// fixture is one open store with helpers that fail the test.
type fixture struct {
	store.Driver
	t    testing.TB
	open store.Opener
}

func newFixture(t testing.TB, h Harness) *fixture {
	t.Helper()
	f := &fixture{t: t, open: h.Open(t)}
	f.reopen()
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return f
}

// reopen closes the store, if it is open, and opens it again.
func (f *fixture) reopen() {
	f.t.Helper()
	if f.Driver != nil {
		if err := f.Close(); err != nil {
			f.t.Fatalf("Close() = %v", err)
		}
	}
	d, err := f.open(context.Background())
	if err != nil {
		f.t.Fatalf("open: %v", err)
	}
	f.Driver = d
}

// must applies a batch.
func (f *fixture) must(b store.Batch) {
	f.t.Helper()
	if err := store.Commit(f.t.Context(), f.Driver, &b); err != nil {
		f.t.Fatalf("Commit() = %v", err)
	}
}

// put brings one record from revision expect to the next one.
func (f *fixture) put(k store.Key, expect int64, body string) {
	f.t.Helper()
	f.must(store.Batch{Puts: []store.Put{{Key: k, Expect: expect, Body: []byte(body)}}})
}

// refused commits a batch that must fail with want.
func (f *fixture) refused(b store.Batch, want error) error {
	f.t.Helper()
	err := store.Commit(f.t.Context(), f.Driver, &b)
	if !errors.Is(err, want) {
		f.t.Fatalf("Commit() = %v, want %v", err, want)
	}
	return err
}

// conflict commits a batch that must fail with exactly this conflict.
func (f *fixture) conflict(b store.Batch, want store.ConflictError) {
	f.t.Helper()
	var got *store.ConflictError
	if err := f.refused(b, store.ErrConflict); !errors.As(err, &got) {
		f.t.Fatalf("Commit() = %T, want *store.ConflictError", err)
	}
	if diff := cmp.Diff(*got, want); diff != "" {
		f.t.Fatalf("conflict is wrong (-got +want):\n%s", diff)
	}
}

// get reads one record.
func (f *fixture) get(k store.Key) store.Record {
	f.t.Helper()
	recs, err := f.Get(f.t.Context(), k)
	if err != nil || len(recs) != 1 {
		f.t.Fatalf("Get(%s) = %d records, %v, want one", k, len(recs), err)
	}
	return recs[0]
}

// holds checks revision and body of a record.
func (f *fixture) holds(k store.Key, rev int64, body string) {
	f.t.Helper()
	got := f.get(k)
	if got.Key != k || got.Rev != rev || string(got.Body) != body {
		f.t.Errorf("Get(%s) = %s, revision %d, body %q, want revision %d, body %q", k, got.Key, got.Rev, got.Body, rev, body)
	}
}

// list returns the ids that a query yields.
func (f *fixture) list(q store.Query) []string {
	f.t.Helper()
	var ids []string
	for r, err := range f.List(f.t.Context(), q) {
		if err != nil {
			f.t.Fatalf("List(%+v) yields error %v", q, err)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// due returns the ids that are due.
func (f *fixture) due(kind string, before time.Time, limit int) []string {
	f.t.Helper()
	recs, err := f.Due(f.t.Context(), kind, before, limit)
	if err != nil {
		f.t.Fatalf("Due() = %v", err)
	}
	var ids []string
	for _, r := range recs {
		ids = append(ids, r.ID)
	}
	return ids
}

// same fails if got and want differ; nil and empty are equal.
func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(got, want, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s is wrong (-got +want):\n%s", what, diff)
	}
}

func key(id string) store.Key { return store.Key{Kind: "thing", ID: id} }

func put(id string, expect int64, body string) store.Put {
	return store.Put{Key: key(id), Expect: expect, Body: []byte(body)}
}
