package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma/store"
)

// numbered returns keys whose id order is their number.
func numbered(kind string, i int) store.Key {
	return store.Key{Kind: kind, ID: fmt.Sprintf("%06d", i)}
}

// trickyIDs are different ids that a careless collation takes for equal, or
// orders differently, in byte order.
func trickyIDs() []string {
	return []string{
		" ", "  ", "%", "A", "B", "_", "a", "a ", "a  ", "a\x01", "aa", "b", "b\t",
		"e\u0301", "\u00c9", "\u00df", "\u00e9", "\u0130", "\u212a", "\uffff", "\U0001F600",
	}
}

func keyCases() []testCase {
	return []testCase{
		{"ids are compared as bytes", testByteExact},
		{"kinds are compared as bytes", func(t *testing.T, f *fixture) {
			for _, kind := range []string{"k", "K", "k ", "\u212a"} {
				k := store.Key{Kind: kind, ID: "a"}
				f.put(k, 0, kind)
				f.holds(k, 1, kind)
				same(t, "ids of "+kind, f.list(store.Query{Kind: kind}), []string{"a"})
			}
		}},
		{"keys up to the limits work", func(t *testing.T, f *fixture) {
			k := store.Key{Kind: strings.Repeat("k", store.MaxKindBytes), ID: strings.Repeat("\u00e9", store.MaxIDBytes/2)}
			f.put(k, 0, "long")
			f.holds(k, 1, "long")
			same(t, "ids", f.list(store.Query{Kind: k.Kind, Prefix: k.ID}), []string{k.ID})
		}},
		{"bad keys are refused everywhere", testBadKeys},
		{"bad cursors and prefixes are refused", testBadQueries},
		{"contradictory batches are refused", testBadBatches},
		{"bodies up to the limit work", testBodyLimits},
		{"too many keys of a get are refused", func(t *testing.T, f *fixture) {
			_, err := f.Get(t.Context(), slices.Repeat([]store.Key{key("a")}, store.MaxBatchKeys+1)...)
			if !errors.Is(err, store.ErrTooLarge) {
				t.Errorf("Get() = %v, want %v", err, store.ErrTooLarge)
			}
		}},
	}
}

func testByteExact(t *testing.T, f *fixture) {
	ids := trickyIDs()
	for _, id := range slices.Backward(ids) {
		f.put(key(id), 0, id)
	}
	for _, id := range ids {
		f.holds(key(id), 1, id)
	}
	same(t, "all ids", f.list(store.Query{Kind: "thing"}), slices.Sorted(slices.Values(ids)))
	f.must(store.Batch{Deletes: []store.Check{{Key: key("a "), Expect: 1}}})
	f.holds(key("a"), 1, "a")
	f.holds(key("a  "), 1, "a  ")
}

// badKeys are keys that nothing accepts.
func badKeys() map[string]store.Key {
	return map[string]store.Key{
		"empty kind":       {Kind: "", ID: "a"},
		"empty id":         {Kind: "thing", ID: ""},
		"long kind":        {Kind: strings.Repeat("k", store.MaxKindBytes+1), ID: "a"},
		"long id":          {Kind: "thing", ID: strings.Repeat("a", store.MaxIDBytes+1)},
		"NUL in kind":      {Kind: "th\x00ing", ID: "a"},
		"NUL in id":        {Kind: "thing", ID: "a\x00"},
		"kind is no UTF-8": {Kind: "th\xffing", ID: "a"},
		"id is no UTF-8":   {Kind: "thing", ID: "a\xc3"},
	}
}

func testBadKeys(t *testing.T, f *fixture) {
	for name, k := range badKeys() {
		t.Run(name, func(t *testing.T) {
			for _, b := range []store.Batch{
				{Puts: []store.Put{put("fine", 0, ""), {Key: k, Body: []byte("secret")}}},
				{Deletes: []store.Check{{Key: k, Expect: 1}}},
				{Checks: []store.Check{{Key: k}}},
			} {
				err := f.refused(b, store.ErrBadKey)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("error %q shows a body", err)
				}
				if direct := f.Driver.Commit(t.Context(), &b); !errors.Is(direct, store.ErrBadKey) {
					t.Errorf("Driver.Commit() = %v, want %v", direct, store.ErrBadKey)
				}
			}
			f.holds(key("fine"), 0, "")
			if _, err := f.Get(t.Context(), key("a"), k); !errors.Is(err, store.ErrBadKey) {
				t.Errorf("Get() = %v, want %v", err, store.ErrBadKey)
			}
		})
	}
}

func testBadQueries(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "")
	long := strings.Repeat("a", store.MaxIDBytes+1)
	for name, q := range map[string]store.Query{
		"no kind":            {},
		"NUL in kind":        {Kind: "a\x00"},
		"long prefix":        {Kind: "thing", Prefix: long},
		"NUL in prefix":      {Kind: "thing", Prefix: "\x00"},
		"prefix is no UTF-8": {Kind: "thing", Prefix: "\xff"},
		"long cursor":        {Kind: "thing", After: long},
		"cursor is no UTF-8": {Kind: "thing", After: "\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			yields := 0
			for r, err := range f.List(t.Context(), q) {
				yields++
				if !errors.Is(err, store.ErrBadKey) || r.Exists() {
					t.Errorf("List() yields %s, %v, want %v", r.Key, err, store.ErrBadKey)
				}
			}
			if yields != 1 {
				t.Errorf("List() yields %d times, want 1", yields)
			}
		})
	}
	if _, err := f.Due(t.Context(), "", testTime(), 1); !errors.Is(err, store.ErrBadKey) {
		t.Errorf("Due() without a kind = %v, want %v", err, store.ErrBadKey)
	}
}

func testBadBatches(t *testing.T, f *fixture) {
	f.put(key("a"), 0, "one")
	check := []store.Check{{Key: key("a"), Expect: 1}}
	for name, b := range map[string]store.Batch{
		"two puts of one key":        {Puts: []store.Put{put("a", 1, ""), put("a", 1, "")}},
		"put and delete of one key":  {Puts: []store.Put{put("a", 1, "")}, Deletes: check},
		"put and check of one key":   {Puts: []store.Put{put("a", 1, "")}, Checks: check},
		"delete and check":           {Deletes: check, Checks: check},
		"negative revision":          {Puts: []store.Put{put("a", -1, "")}},
		"negative revision in check": {Checks: []store.Check{{Key: key("a"), Expect: -1}}},
		"delete of nothing":          {Deletes: []store.Check{{Key: key("b")}}},
	} {
		t.Run(name, func(t *testing.T) {
			f.refused(b, store.ErrBadBatch)
			f.holds(key("a"), 1, "one")
		})
	}
}

func testBodyLimits(t *testing.T, f *fixture) {
	full := bytes.Repeat([]byte("x"), store.MaxBodyBytes)
	f.must(store.Batch{Puts: []store.Put{{Key: key("full"), Body: full}, {Key: key("nil")}, {Key: key("empty"), Body: []byte{}}}})
	if got := f.get(key("full")); !bytes.Equal(got.Body, full) {
		t.Errorf("body of %d bytes came back as %d bytes", len(full), len(got.Body))
	}
	f.holds(key("nil"), 1, "")
	f.holds(key("empty"), 1, "")
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	f.put(key("every byte"), 0, string(every))
	f.holds(key("every byte"), 1, string(every))

	err := f.refused(store.Batch{Puts: []store.Put{put("ok", 0, ""), {Key: key("big"), Body: append(full, 'x')}}}, store.ErrTooLarge)
	var size *store.SizeError
	if !errors.As(err, &size) || size.Key != key("big") || size.Size != store.MaxBodyBytes+1 {
		t.Errorf("Commit() = %v, want a SizeError about %s", err, key("big"))
	}
	f.holds(key("ok"), 0, "")

	var b store.Batch
	for i := range store.MaxBatchBytes/store.MaxBodyBytes + 1 {
		b.Puts = append(b.Puts, store.Put{Key: numbered("sum", i), Body: full})
	}
	f.refused(b, store.ErrTooLarge)
	b.Puts = b.Puts[1:]
	f.must(b)
	if got := len(f.list(store.Query{Kind: "sum"})); got != len(b.Puts) {
		t.Errorf("List() yields %d full bodies, want %d", got, len(b.Puts))
	}
}
