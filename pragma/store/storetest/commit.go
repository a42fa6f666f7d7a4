package storetest

import (
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

func commitCases() []testCase {
	return []testCase{
		{"a put with expect 0 creates revision 1", func(t *testing.T, f *fixture) {
			f.put(key("a"), 0, "one")
			f.holds(key("a"), 1, "one")
		}},
		{"a put replaces the revision it expects", func(t *testing.T, f *fixture) {
			f.put(key("a"), 0, "one")
			f.put(key("a"), 1, "two")
			f.put(key("a"), 2, "three")
			f.holds(key("a"), 3, "three")
		}},
		{"a put with the same timer leaves it", testSameDue},
		{"a put of another revision conflicts", testPutConflicts},
		{"a delete removes the revision it expects", testDelete},
		{"a check neither changes nor creates", testCheck},
		{"a batch with one conflict changes nothing", testAllOrNothing},
		{"a batch of all operations is applied together", testMixedBatch},
		{"the first conflict in key order is reported", testConflictOrder},
		{"every put leaves the token of its batch", testTokens},
		{"an empty token is filled", func(t *testing.T, f *fixture) {
			b := store.Batch{Puts: []store.Put{put("a", 0, "")}}
			if err := store.Commit(t.Context(), f.Driver, &b); err != nil || b.Token.IsZero() {
				t.Fatalf("Commit() = %v with token %s, want nil with a token", err, b.Token)
			}
			if got := f.get(key("a")).Token; got != b.Token {
				t.Errorf("token of the record = %s, want %s", got, b.Token)
			}
		}},
		{"the zero batch does nothing", func(t *testing.T, f *fixture) { f.must(store.Batch{}) }},
		{"a deleted record is created as revision 1 again", func(t *testing.T, f *fixture) {
			f.put(key("a"), 0, "one")
			f.put(key("a"), 1, "two")
			f.must(store.Batch{Deletes: []store.Check{{Key: key("a"), Expect: 2}}})
			f.put(key("a"), 0, "again")
			f.holds(key("a"), 1, "again")
		}},
		{"the largest batch is applied", testLargestBatch},
		{"bodies are neither kept nor shared", testBodiesAreCopies},
	}
}

func testSameDue(t *testing.T, f *fixture) {
	due := time.Date(2030, 1, 2, 3, 4, 5, 678000, time.UTC)
	for _, want := range []time.Time{due, {}} {
		id := "timer " + want.String()
		f.must(store.Batch{Puts: []store.Put{{Key: key(id), Due: want, Body: []byte("one")}}})
		f.must(store.Batch{Puts: []store.Put{{Key: key(id), Expect: 1, Due: want, SameDue: true, Body: []byte("two")}}})
		f.holds(key(id), 2, "two")
		if got := f.get(key(id)).Due; !got.Equal(want) {
			t.Errorf("timer = %v, want %v", got, want)
		}
		f.conflict(store.Batch{Puts: []store.Put{{Key: key(id), Expect: 1, Due: want, SameDue: true}}},
			store.ConflictError{Key: key(id), Have: 2, Expect: 1})
	}
	got, err := f.Driver.Due(t.Context(), key("").Kind, due, 0)
	if err != nil || len(got) != 1 || string(got[0].Body) != "two" {
		t.Errorf("Due() = %v, %v; want the record with the timer", got, err)
	}
}

func testPutConflicts(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "one")
	f.conflict(store.Batch{Puts: []store.Put{put("a", 0, "x")}}, store.ConflictError{Key: key("a"), Have: 1, Expect: 0})
	f.conflict(store.Batch{Puts: []store.Put{put("a", 2, "x")}}, store.ConflictError{Key: key("a"), Have: 1, Expect: 2})
	f.conflict(store.Batch{Puts: []store.Put{put("b", 1, "x")}}, store.ConflictError{Key: key("b"), Have: 0, Expect: 1})
	f.holds(key("a"), 1, "one")
	f.holds(key("b"), 0, "")
}

func testDelete(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "one")
	f.conflict(store.Batch{Deletes: []store.Check{{Key: key("a"), Expect: 2}}}, store.ConflictError{Key: key("a"), Have: 1, Expect: 2})
	f.holds(key("a"), 1, "one")
	f.must(store.Batch{Deletes: []store.Check{{Key: key("a"), Expect: 1}}})
	same(t, "deleted record", f.get(key("a")), store.Record{Key: key("a")})
	f.conflict(store.Batch{Deletes: []store.Check{{Key: key("a"), Expect: 1}}}, store.ConflictError{Key: key("a"), Have: 0, Expect: 1})
}

func testCheck(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "one")
	before := f.get(key("a"))
	f.must(store.Batch{Checks: []store.Check{{Key: key("a"), Expect: 1}, {Key: key("b")}}})
	same(t, "checked record", f.get(key("a")), before)
	f.holds(key("b"), 0, "")
	f.conflict(store.Batch{Checks: []store.Check{{Key: key("a")}}}, store.ConflictError{Key: key("a"), Have: 1})
	f.conflict(store.Batch{Checks: []store.Check{{Key: key("b"), Expect: 4}}}, store.ConflictError{Key: key("b"), Expect: 4})
}

func testAllOrNothing(t *testing.T, f *fixture) {
	bad := []struct {
		name string
		add  func(*store.Batch)
	}{
		{"put", func(b *store.Batch) { b.Puts = append(b.Puts, put("z", 1, "x")) }},
		{"delete", func(b *store.Batch) { b.Deletes = append(b.Deletes, store.Check{Key: key("z"), Expect: 1}) }},
		{"check", func(b *store.Batch) { b.Checks = append(b.Checks, store.Check{Key: key("z"), Expect: 1}) }},
		{"early check", func(b *store.Batch) { b.Checks = append(b.Checks, store.Check{Key: key("0"), Expect: 1}) }},
	}
	f.put(key("a"), 0, "one")
	f.put(key("c"), 0, "three")
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			b := store.Batch{
				Puts:    []store.Put{put("a", 1, "changed"), put("b", 0, "created")},
				Deletes: []store.Check{{Key: key("c"), Expect: 1}},
			}
			c.add(&b)
			f.refused(b, store.ErrConflict)
			f.holds(key("a"), 1, "one")
			f.holds(key("b"), 0, "")
			f.holds(key("c"), 1, "three")
		})
	}
}

func testMixedBatch(t *testing.T, f *fixture) {
	for _, id := range []string{"a", "b", "c"} {
		f.put(key(id), 0, "old")
	}
	f.must(store.Batch{
		Puts:    []store.Put{put("d", 0, "new"), put("a", 1, "new")},
		Deletes: []store.Check{{Key: key("b"), Expect: 1}},
		Checks:  []store.Check{{Key: key("c"), Expect: 1}, {Key: key("e")}},
	})
	f.holds(key("a"), 2, "new")
	f.holds(key("b"), 0, "")
	f.holds(key("c"), 1, "old")
	f.holds(key("d"), 1, "new")
}

func testConflictOrder(t *testing.T, f *fixture) {
	first := store.Key{Kind: "another", ID: "z"}
	f.conflict(store.Batch{
		Puts:    []store.Put{put("c", 3, ""), put("b", 0, "")},
		Deletes: []store.Check{{Key: key("a"), Expect: 2}},
		Checks:  []store.Check{{Key: first, Expect: 1}},
	}, store.ConflictError{Key: first, Expect: 1})
	f.conflict(store.Batch{
		Puts:    []store.Put{put("c", 3, ""), put("b", 0, "")},
		Deletes: []store.Check{{Key: key("a"), Expect: 2}},
	}, store.ConflictError{Key: key("a"), Expect: 2})
}

func testTokens(t *testing.T, f *fixture) {
	one, two := store.NewToken(), store.NewToken()
	f.must(store.Batch{Token: one, Puts: []store.Put{put("a", 0, ""), put("b", 0, "")}})
	f.must(store.Batch{Token: two, Puts: []store.Put{put("b", 1, "")}, Checks: []store.Check{{Key: key("a"), Expect: 1}}})
	same(t, "token of a", f.get(key("a")).Token, one)
	same(t, "token of b", f.get(key("b")).Token, two)
}

func testLargestBatch(t *testing.T, f *fixture) {
	var b store.Batch
	for i := range store.MaxBatchKeys {
		b.Puts = append(b.Puts, store.Put{Key: numbered("many", i), Body: []byte("x")})
	}
	f.must(b)
	if got := len(f.list(store.Query{Kind: "many"})); got != store.MaxBatchKeys {
		t.Errorf("List() yields %d records, want %d", got, store.MaxBatchKeys)
	}
	b.Puts = append(b.Puts, store.Put{Key: numbered("many", len(b.Puts))})
	f.refused(b, store.ErrTooLarge)
}

func testBodiesAreCopies(t *testing.T, f *fixture) {
	body := []byte("mine")
	f.must(store.Batch{Puts: []store.Put{{Key: key("a"), Body: body}}})
	body[0] = 'X'
	f.holds(key("a"), 1, "mine")
	got := f.get(key("a"))
	got.Body[0] = 'X'
	f.holds(key("a"), 1, "mine")
	for r := range f.List(t.Context(), store.Query{Kind: "thing"}) {
		r.Body[0] = 'X'
	}
	f.holds(key("a"), 1, "mine")
}
