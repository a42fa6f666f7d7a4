package storetest

import (
	"errors"
	"testing"

	"github.com/openpragma/engine/pragma/store"
)

// unknownCases test store.Commit together with the driver's tokens.
func unknownCases() []testCase {
	return []testCase{
		{"an outcome lost before the commit is applied once", func(t *testing.T, f *fixture) {
			f.put(key("a"), 0, "one")
			f.faulty(UnknownBefore, UnknownBefore)
			f.put(key("a"), 1, "two")
			f.holds(key("a"), 2, "two")
		}},
		{"an outcome lost after the commit is applied once", func(t *testing.T, f *fixture) {
			f.put(key("a"), 0, "one")
			f.faulty(UnknownAfter, UnknownAfter)
			f.must(store.Batch{Puts: []store.Put{put("a", 1, "two"), put("b", 0, "")}, Checks: []store.Check{{Key: key("c")}}})
			f.holds(key("a"), 2, "two")
			f.holds(key("b"), 1, "")
		}},
		{"an outcome is found although the store was away", func(t *testing.T, f *fixture) {
			f.faulty(UnknownAfter, Unavailable, Full, Unavailable)
			f.put(key("a"), 0, "one")
			f.holds(key("a"), 1, "one")
		}},
		{"a lost conflict is reported as a conflict", func(t *testing.T, f *fixture) {
			f.put(key("a"), 0, "one")
			f.faulty(UnknownAfter)
			f.conflict(store.Batch{Puts: []store.Put{put("a", 2, "x")}}, store.ConflictError{Key: key("a"), Have: 1, Expect: 2})
			f.faulty(UnknownBefore)
			f.conflict(store.Batch{Puts: []store.Put{put("a", 0, "x")}}, store.ConflictError{Key: key("a"), Have: 1})
			f.faulty(UnknownBefore)
			f.conflict(store.Batch{Checks: []store.Check{{Key: key("a")}}}, store.ConflictError{Key: key("a"), Have: 1})
			f.faulty(UnknownBefore)
			f.conflict(store.Batch{Deletes: []store.Check{{Key: key("a"), Expect: 2}}}, store.ConflictError{Key: key("a"), Have: 1, Expect: 2})
			f.holds(key("a"), 1, "one")
		}},
		{"a faster neighbour turns a lost outcome into a conflict", func(t *testing.T, f *fixture) {
			f.put(key("a"), 0, "one")
			d := f.between(UnknownBefore, func() { f.put(key("a"), 1, "neighbour") })
			err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{put("a", 1, "mine")}})
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("Commit() = %v, want %v", err, store.ErrConflict)
			}
			f.holds(key("a"), 2, "neighbour")
		}},
		{"a record changed again still tells by its neighbour", func(t *testing.T, f *fixture) {
			d := f.between(UnknownAfter, func() { f.put(key("a"), 1, "later") })
			err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{put("a", 0, "mine"), put("b", 0, "mine")}})
			if err != nil {
				t.Errorf("Commit() = %v, want nil", err)
			}
			f.holds(key("a"), 2, "later")
			f.holds(key("b"), 1, "mine")
		}},
		{"an outcome without a trace stays unknown", testNoTrace},
		{"an outcome stays unknown while the store is away", func(t *testing.T, f *fixture) {
			d := f.faulty(UnknownAfter)
			d.Set(Faults{Unavailable: 1, Read: 1})
			b := store.Batch{Puts: []store.Put{put("a", 0, "one")}}
			if err := store.Commit(t.Context(), d, &b); !errors.Is(err, store.ErrUnknown) {
				t.Errorf("Commit() = %v, want %v", err, store.ErrUnknown)
			}
			d.Set(Faults{})
			f.holds(key("a"), 1, "one")
		}},
	}
}

func testNoTrace(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "one")
	d := f.between(UnknownAfter, func() { f.put(key("a"), 2, "later") })
	err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{put("a", 1, "mine")}})
	if !errors.Is(err, store.ErrUnknown) {
		t.Errorf("Commit() of a put overwritten since = %v, want %v", err, store.ErrUnknown)
	}
	d = f.between(UnknownAfter, func() {})
	err = store.Commit(t.Context(), d, &store.Batch{Deletes: []store.Check{{Key: key("a"), Expect: 3}}})
	if !errors.Is(err, store.ErrUnknown) {
		t.Errorf("Commit() of a delete = %v, want %v", err, store.ErrUnknown)
	}
	f.holds(key("a"), 0, "")
}

// faulty plans faults for the next commits of the fixture.
func (f *fixture) faulty(faults ...Fault) *FaultyDriver {
	d, ok := f.Driver.(*FaultyDriver)
	if !ok {
		d = Faulty(f.Driver, Faults{})
		f.Driver = d
	}
	d.Next(faults...)
	return d
}

// between returns a driver whose next commit meets the fault and is followed by
// what another one does.
func (f *fixture) between(fault Fault, other func()) store.Driver {
	d := Faulty(f.Driver, Faults{})
	d.Next(fault)
	return &interposed{FaultyDriver: d, other: other}
}
