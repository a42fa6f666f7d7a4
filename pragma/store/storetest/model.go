package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/pragma/store"
)

// model is the port as simply as it can be written: a map.
type model map[store.Key]store.Record

// commit applies b, or returns the conflict that a driver must return.
func (m model) commit(b *store.Batch) *store.ConflictError {
	expect := make(map[store.Key]int64)
	for _, p := range b.Puts {
		expect[p.Key] = p.Expect
	}
	for _, c := range slices.Concat(b.Deletes, b.Checks) {
		expect[c.Key] = c.Expect
	}
	var first *store.ConflictError
	for k, want := range expect {
		have := m[k].Rev
		if have != want && (first == nil || k.Compare(first.Key) < 0) {
			first = &store.ConflictError{Key: k, Have: have, Expect: want}
		}
	}
	if first != nil {
		return first
	}
	for _, p := range b.Puts {
		m[p.Key] = store.Record{Key: p.Key, Rev: p.Expect + 1, Token: b.Token, Due: store.TruncateDue(p.Due), Body: p.Body}
	}
	for _, d := range b.Deletes {
		delete(m, d.Key)
	}
	return nil
}

func (m model) list(q store.Query) []store.Record {
	var recs []store.Record
	for k, r := range m {
		if k.Kind == q.Kind && q.Matches(k.ID) {
			recs = append(recs, r)
		}
	}
	slices.SortFunc(recs, func(a, b store.Record) int { return a.Key.Compare(b.Key) })
	if q.Limit > 0 {
		recs = recs[:min(len(recs), q.Limit)]
	}
	return recs
}

func (m model) due(kind string, before time.Time, limit int) []store.Record {
	var recs []store.Record
	for k, r := range m {
		if k.Kind == kind && !r.Due.IsZero() && !r.Due.After(before) {
			recs = append(recs, r)
		}
	}
	slices.SortFunc(recs, func(a, b store.Record) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	})
	return recs[:min(len(recs), limit)]
}

// machine drives a store and its model with the same random calls.
type machine struct {
	f     *fixture
	model model
	kinds []string
	ids   []string
}

// runModel compares the driver with the model. All sequences use one store, in
// kinds of their own.
func runModel(t *testing.T, h Harness) {
	f := newFixture(t, h)
	sequence := 0
	rapid.Check(t, func(rt *rapid.T) {
		sequence++
		if testing.Short() && sequence > 20 {
			return
		}
		m := &machine{
			f:     f,
			model: make(model),
			kinds: []string{fmt.Sprint("k", sequence), fmt.Sprint("K", sequence)},
			ids:   trickyIDs(),
		}
		rt.Repeat(map[string]func(*rapid.T){
			"commit":  m.commit,
			"commit ": m.commit, // twice as likely
			"get":     m.get,
			"list":    m.list,
			"due":     m.due,
			"reopen":  m.reopen,
		})
		for _, kind := range m.kinds {
			m.checkList(rt, store.Query{Kind: kind})
		}
	})
}

func (m *machine) key(rt *rapid.T) store.Key {
	return store.Key{
		Kind: rapid.SampledFrom(m.kinds).Draw(rt, "kind"),
		ID:   rapid.SampledFrom(m.ids).Draw(rt, "id"),
	}
}

func (m *machine) time(rt *rapid.T) time.Time {
	return testTime().Add(time.Duration(rapid.IntRange(-3, 3).Draw(rt, "due")) * time.Microsecond)
}

func (m *machine) commit(rt *rapid.T) {
	b := store.Batch{Token: store.Token(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "token"))}
	b.Token[0] |= 1 // never the zero token
	used := make(map[store.Key]bool)
	for range rapid.IntRange(1, 4).Draw(rt, "steps") {
		k := m.key(rt)
		if used[k] {
			continue
		}
		used[k] = true
		expect := m.model[k].Rev
		if rapid.IntRange(0, 9).Draw(rt, "wrong revision") == 0 {
			expect = rapid.Int64Range(0, 4).Draw(rt, "revision")
		}
		switch op := rapid.SampledFrom([]string{"put", "put", "delete", "check"}).Draw(rt, "op"); {
		case op == "put":
			p := store.Put{Key: k, Expect: expect, Body: rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "body")}
			if rapid.Bool().Draw(rt, "timer") {
				p.Due = m.time(rt)
			}
			b.Puts = append(b.Puts, p)
		case op == "delete" && expect > 0:
			b.Deletes = append(b.Deletes, store.Check{Key: k, Expect: expect})
		default:
			b.Checks = append(b.Checks, store.Check{Key: k, Expect: expect})
		}
	}
	err := m.f.Commit(m.f.t.Context(), &b)
	want := m.model.commit(&b)
	var got *store.ConflictError
	switch {
	case want == nil && err != nil:
		rt.Fatalf("Commit() = %v, want nil", err)
	case want != nil && (!errors.As(err, &got) || *got != *want):
		rt.Fatalf("Commit() = %v, want %v", err, want)
	}
}

func (m *machine) get(rt *rapid.T) {
	keys := make([]store.Key, rapid.IntRange(1, 5).Draw(rt, "keys"))
	want := make([]store.Record, len(keys))
	for i := range keys {
		keys[i] = m.key(rt)
		want[i] = m.model[keys[i]]
		want[i].Key = keys[i]
	}
	got, err := m.f.Get(m.f.t.Context(), keys...)
	if err != nil {
		rt.Fatalf("Get() = %v", err)
	}
	equal(rt, "Get()", got, want)
}

func (m *machine) list(rt *rapid.T) {
	q := store.Query{Kind: rapid.SampledFrom(m.kinds).Draw(rt, "kind"), Limit: rapid.IntRange(0, 5).Draw(rt, "limit")}
	if rapid.Bool().Draw(rt, "prefix") {
		q.Prefix = rapid.SampledFrom(m.ids).Draw(rt, "prefix id")
	}
	if rapid.Bool().Draw(rt, "cursor") {
		q.After = rapid.SampledFrom(m.ids).Draw(rt, "cursor id")
	}
	m.checkList(rt, q)
}

func (m *machine) checkList(rt *rapid.T, q store.Query) {
	var got []store.Record
	for r, err := range m.f.List(m.f.t.Context(), q) {
		if err != nil {
			rt.Fatalf("List() yields error %v", err)
		}
		got = append(got, r)
	}
	equal(rt, "List()", got, m.model.list(q))
}

func (m *machine) due(rt *rapid.T) {
	kind, before := rapid.SampledFrom(m.kinds).Draw(rt, "kind"), m.time(rt)
	limit := rapid.IntRange(1, 8).Draw(rt, "limit")
	got, err := m.f.Due(m.f.t.Context(), kind, before, limit)
	if err != nil {
		rt.Fatalf("Due() = %v", err)
	}
	equal(rt, "Due()", got, m.model.due(kind, before, limit))
}

// reopen happens seldom, because it is slow.
func (m *machine) reopen(rt *rapid.T) {
	if rapid.IntRange(0, 9).Draw(rt, "now") == 0 {
		m.f.reopen()
	}
}

func equal(rt *rapid.T, what string, got, want []store.Record) {
	if len(got) != len(want) {
		rt.Fatalf("%s returns %d records, want %d", what, len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.Key != w.Key || g.Rev != w.Rev || g.Token != w.Token || g.Due != w.Due || !bytes.Equal(g.Body, w.Body) {
			rt.Fatalf("%s: record %d is %+v with body %q, want %+v with body %q", what, i, fields(g), g.Body, fields(w), w.Body)
		}
	}
}

// fields is what a record is besides its body, for messages.
func fields(r store.Record) string {
	return fmt.Sprintf("%q revision %d, token %s, due %v", r.Key.String(), r.Rev, r.Token, r.Due)
}
