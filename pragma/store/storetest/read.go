package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// testTime is a moment with no meaning and a fraction of a microsecond.
func testTime() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC) }

func readCases() []testCase {
	return []testCase{
		{"get keeps the order and number of its keys", testGetOrder},
		{"get without keys returns nothing", func(t *testing.T, f *fixture) {
			recs, err := f.Get(t.Context())
			if err != nil || len(recs) != 0 {
				t.Errorf("Get() = %d records, %v, want none", len(recs), err)
			}
		}},
		{"list is in id order within one kind", func(t *testing.T, f *fixture) {
			f.put(store.Key{Kind: "thinf", ID: "x"}, 0, "")
			f.put(store.Key{Kind: "thing2", ID: "x"}, 0, "")
			for _, id := range []string{"m", "z", "a", "mm"} {
				f.put(key(id), 0, "")
			}
			same(t, "ids", f.list(store.Query{Kind: "thing"}), []string{"a", "m", "mm", "z"})
			same(t, "ids of no kind", f.list(store.Query{Kind: "none"}), nil)
		}},
		{"list yields whole records", func(t *testing.T, f *fixture) {
			f.must(store.Batch{Puts: []store.Put{{Key: key("a"), Due: testTime(), Body: []byte("body")}}})
			for r, err := range f.List(t.Context(), store.Query{Kind: "thing"}) {
				if err != nil {
					t.Fatal(err)
				}
				same(t, "record", r, f.get(key("a")))
			}
		}},
		{"list obeys prefix, cursor and limit", testListQueries},
		{"a cursor walks through all pages", testListPages},
		{"list does not hold up the caller's own calls", testListNested},
		{"list can be stopped", func(t *testing.T, f *fixture) {
			for i := range 10 {
				f.put(numbered("thing", i), 0, "")
			}
			n := 0
			for range f.List(t.Context(), store.Query{Kind: "thing"}) {
				if n++; n == 3 {
					break
				}
			}
			f.put(numbered("thing", 10), 0, "")
		}},
	}
}

func testGetOrder(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "A")
	f.put(key("b"), 0, "B")
	recs, err := f.Get(t.Context(), key("b"), key("missing"), key("a"), key("b"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range recs {
		got = append(got, fmt.Sprintf("%s %d %s", r.Key, r.Rev, r.Body))
	}
	same(t, "records", got, []string{"thing/b 1 B", "thing/missing 0 ", "thing/a 1 A", "thing/b 1 B"})
	same(t, "missing record", recs[1], store.Record{Key: key("missing")})
}

func testListQueries(t *testing.T, f *fixture) {
	for _, id := range []string{"a", "a/", "a/1", "a/2", "a/3", "a0", "b/1", "\u00e9", "\u00e9/1", "\u00ea"} {
		f.put(key(id), 0, "")
	}
	for _, c := range []struct {
		name string
		q    store.Query
		want []string
	}{
		{"prefix", store.Query{Prefix: "a/"}, []string{"a/", "a/1", "a/2", "a/3"}},
		{"prefix beyond ASCII", store.Query{Prefix: "\u00e9"}, []string{"\u00e9", "\u00e9/1"}},
		{"prefix without match", store.Query{Prefix: "c"}, nil},
		{"cursor", store.Query{After: "a0"}, []string{"b/1", "\u00e9", "\u00e9/1", "\u00ea"}},
		{"cursor between ids", store.Query{After: "a/11", Prefix: "a"}, []string{"a/2", "a/3", "a0"}},
		{"cursor at the last id", store.Query{After: "\u00ea"}, nil},
		{"cursor before the prefix", store.Query{After: "a", Prefix: "a/"}, []string{"a/", "a/1", "a/2", "a/3"}},
		{"cursor equal to the prefix", store.Query{After: "a/", Prefix: "a/"}, []string{"a/1", "a/2", "a/3"}},
		{"cursor behind the prefix", store.Query{After: "b", Prefix: "a/"}, nil},
		{"limit", store.Query{Limit: 2}, []string{"a", "a/"}},
		{"everything at once", store.Query{Prefix: "a/", After: "a/1", Limit: 1}, []string{"a/2"}},
		{"negative limit means all", store.Query{Prefix: "b", Limit: -1}, []string{"b/1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Kind = "thing"
			same(t, "ids", f.list(c.q), c.want)
		})
	}
}

// testListPages uses more records than any driver reads at once.
func testListPages(t *testing.T, f *fixture) {
	const n = 1500
	var b store.Batch
	var want []string
	for i := range n {
		k := numbered("thing", i)
		b.Puts = append(b.Puts, store.Put{Key: k})
		want = append(want, k.ID)
	}
	f.must(b)
	same(t, "all ids", f.list(store.Query{Kind: "thing"}), want)
	for _, size := range []int{7, 256, 257, n, n + 1} {
		var got []string
		q := store.Query{Kind: "thing", Limit: size}
		for {
			page := f.list(q)
			got = append(got, page...)
			if len(page) < size {
				break
			}
			q.After = page[len(page)-1]
		}
		same(t, fmt.Sprintf("ids in pages of %d", size), got, want)
	}
}

// testListNested deletes behind the cursor, creates before and behind it, and
// lists within a list more deeply than any driver has connections.
func testListNested(t *testing.T, f *fixture) {
	var all store.Batch
	for i := range 600 {
		all.Puts = append(all.Puts, store.Put{Key: numbered("thing", 2*i)})
	}
	f.must(all)
	n := 0
	for r, err := range f.List(t.Context(), store.Query{Kind: "thing"}) {
		if err != nil {
			t.Fatal(err)
		}
		if n%50 == 0 {
			f.must(store.Batch{
				Puts:    []store.Put{{Key: store.Key{Kind: "thing", ID: r.ID + "x"}}},
				Deletes: []store.Check{{Key: r.Key, Expect: 1}},
			})
		}
		if len(r.ID) == 6 { // not one of those created by the loop
			n++
		}
	}
	if n != 600 {
		t.Errorf("List() yields %d of 600 records that existed from the beginning", n)
	}
	var nest func(depth int)
	nest = func(depth int) {
		for range f.List(t.Context(), store.Query{Kind: "thing", Limit: 1}) {
			if depth > 0 {
				nest(depth - 1)
			}
		}
	}
	nest(40)
}

func dueCases() []testCase {
	return []testCase{
		{"due records come in the order of due, then id", testDueOrder},
		{"a timer follows its record", testDueFollows},
		{"due is kept in microseconds and UTC", testDuePrecision},
		{"due before 1970 and far away work", func(t *testing.T, f *fixture) {
			early, late := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
			epoch := time.Unix(0, 0)
			f.must(store.Batch{Puts: []store.Put{{Key: key("late"), Due: late}, {Key: key("early"), Due: early}, {Key: key("epoch"), Due: epoch}}})
			same(t, "due in 1970", f.due("thing", epoch, 9), []string{"early", "epoch"})
			same(t, "due in 9999", f.due("thing", late, 9), []string{"early", "epoch", "late"})
		}},
		{"due without a limit uses the default", func(t *testing.T, f *fixture) {
			var b store.Batch
			for i := range store.DefaultDueLimit + 10 {
				b.Puts = append(b.Puts, store.Put{Key: numbered("thing", i), Due: testTime()})
			}
			f.must(b)
			if got := len(f.due("thing", testTime(), 0)); got != store.DefaultDueLimit {
				t.Errorf("Due() returns %d records, want %d", got, store.DefaultDueLimit)
			}
		}},
	}
}

func testDueOrder(t *testing.T, f *fixture) {
	at := func(ms int) time.Time { return testTime().Add(time.Duration(ms) * time.Millisecond) }
	f.must(store.Batch{Puts: []store.Put{
		{Key: key("a"), Due: at(3)}, {Key: key("b"), Due: at(1)}, {Key: key("c"), Due: at(2)},
		{Key: key("d"), Due: at(1)}, {Key: key("never")}, {Key: store.Key{Kind: "other", ID: "e"}, Due: at(0)},
	}})
	same(t, "all", f.due("thing", at(9), 10), []string{"b", "d", "c", "a"})
	same(t, "limited", f.due("thing", at(9), 3), []string{"b", "d", "c"})
	same(t, "up to and including", f.due("thing", at(2), 10), []string{"b", "d", "c"})
	same(t, "just before", f.due("thing", at(1).Add(-time.Microsecond), 10), nil)
	same(t, "other kind", f.due("other", at(9), 10), []string{"e"})
	same(t, "no kind", f.due("none", at(9), 10), nil)
}

func testDueFollows(t *testing.T, f *fixture) {
	now := testTime()
	step := func(expect int64, due time.Time) {
		f.must(store.Batch{Puts: []store.Put{{Key: key("a"), Expect: expect, Due: due}}})
	}
	step(0, now)
	same(t, "after create", f.due("thing", now, 9), []string{"a"})
	step(1, now.Add(time.Hour))
	same(t, "after moving it", f.due("thing", now, 9), nil)
	same(t, "an hour later", f.due("thing", now.Add(time.Hour), 9), []string{"a"})
	f.refused(store.Batch{Puts: []store.Put{{Key: key("a"), Expect: 1, Due: now}}}, store.ErrConflict)
	same(t, "after a conflict", f.due("thing", now, 9), nil)
	step(2, time.Time{})
	same(t, "after removing it", f.due("thing", now.Add(time.Hour), 9), nil)
	step(3, now)
	f.must(store.Batch{Deletes: []store.Check{{Key: key("a"), Expect: 4}}})
	same(t, "after delete", f.due("thing", now, 9), nil)
}

func testDuePrecision(t *testing.T, f *fixture) {
	zone := time.FixedZone("somewhere", 5*3600)
	f.must(store.Batch{Puts: []store.Put{{Key: key("a"), Due: testTime().In(zone)}}})
	want := testTime().Truncate(time.Microsecond)
	got := f.get(key("a")).Due
	if got != want {
		t.Errorf("Due = %v, want exactly %v", got, want)
	}
	recs, err := f.Due(t.Context(), "thing", want.In(zone), 1)
	if err != nil || len(recs) != 1 || recs[0].Due != want {
		t.Errorf("Due() = %v, %v, want the record due at %v", recs, err, want)
	}
	same(t, "due a microsecond earlier", f.due("thing", want.Add(-time.Microsecond), 1), nil)
}
