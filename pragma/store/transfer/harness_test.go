package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/transfer"
)

// token is the same in every run.
func token(n byte) (t store.Token) {
	for i := range t {
		t[i] = n
	}
	return t
}

// samples are records with everything that could go wrong on a line.
func samples() []store.Record {
	due := time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	rec := func(kind, id string, rev int64, body string) store.Record {
		return store.Record{Key: store.Key{Kind: kind, ID: id}, Rev: rev, Token: token(byte(rev)), Body: []byte(body)}
	}
	timer := rec("party", "with timer", 12, `{"members":["anna"],"big":123456789012345678901234567890.10}`)
	timer.Due = due
	early := rec("party", "before 1970", 2, `{}`)
	early.Due = time.Date(1900, 1, 1, 0, 0, 0, 1000, time.UTC)
	late := rec("party", "far away", 2, `{}`)
	late.Due = time.Date(50000, 1, 1, 0, 0, 0, 0, time.UTC)
	bare := store.Record{Key: store.Key{Kind: "bare", ID: "x"}, Rev: 1}
	return []store.Record{
		bare, timer, early, late,
		rec("party", "spaces", 1, "{ \"a\" :\t[ 1 ,2 ] }"),
		rec("party", "two lines", 1, "{\n}"),
		rec("party", "space around", 1, ` {} `),
		rec("party", "space before", 1, ` {}`),
		rec("party", "space behind", 1, `{} `),
		rec("party", "escapes", 1, `{"a":"\u0041\/ü\u2028","\u0061b":"\ud83d\ude00"}`),
		rec("party", "lone surrogate", 1, `{"a":"\ud800"}`),
		rec("party", "names twice", 1, `{"a":1,"a":2}`),
		rec("party", "numbers", 1, `[1e400,-0,0.1000,9007199254740993]`),
		rec("party", "not JSON", 1, `{"a":`),
		rec("party", "two values", 1, `{}{}`),
		rec("party", "closes more", 1, `{}}`),
		rec("party", "smuggles", 1, `{},"rev":9`),
		rec("party", "bad UTF-8", 1, "{\"a\":\"\xff\"}"),
		rec("party", "every byte", 1<<62, string(every)),
		rec("party", "null", 1, `null`),
		rec("party", "text", 1, `"text"`),
		rec("party", "deep", 1, strings.Repeat("[", 9999)+strings.Repeat("]", 9999)),
		rec("party", "too deep", 1, strings.Repeat("[", 20000)+strings.Repeat("]", 20000)),
		rec("party", "quote\" back\\ line\n tab\t \u2028 ü 😀", 1, `{"a":"b"}`),
		rec("party", strings.Repeat("\x01", store.MaxIDBytes), 1, string(bytes.Repeat([]byte{0xff}, store.MaxBodyBytes))),
		rec("party", "full", 1, `{"a":"`+strings.Repeat("x", store.MaxBodyBytes-8)+`"}`),
		rec("end", "end", 1, `{"end":{"records":0}}`),
		rec("\x01\n", " ", 1, `{}`),
		rec(strings.Repeat("\x02", store.MaxKindBytes), "a", 1, `{}`),
		rec("PARTY", "a", 1, `{}`),
	}
}

// filled returns a store in memory with records.
func filled(t testing.TB, recs []store.Record) store.Driver {
	t.Helper()
	d := store.NewMemory()
	if err := d.(store.Importer).Import(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	return d
}

// many returns records of two kinds.
func many(n int) []store.Record {
	recs := make([]store.Record, n)
	for i := range recs {
		recs[i] = store.Record{
			Key: store.Key{Kind: fmt.Sprint("kind", i%2), ID: fmt.Sprintf("%06d", i)},
			Rev: int64(i + 1), Token: token(byte(i)), Body: fmt.Appendf(nil, `{"number":%d}`, i),
		}
	}
	return recs
}

// fill imports any number of records.
func fill(t testing.TB, recs []store.Record) store.Driver {
	t.Helper()
	d := store.NewMemory()
	for len(recs) > 0 {
		n := min(len(recs), 1000)
		if err := d.(store.Importer).Import(t.Context(), recs[:n]); err != nil {
			t.Fatal(err)
		}
		recs = recs[n:]
	}
	return d
}

// export returns the text of an export.
func export(t testing.TB, d store.Driver) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := transfer.Export(t.Context(), d, &out, nil); err != nil {
		t.Fatalf("Export() = %v", err)
	}
	return out.String()
}

// lines returns an export without its first and last line, which differ each time.
func lines(text string) []string {
	all := strings.SplitAfter(text, "\n")
	return all[1 : len(all)-2]
}

// records returns everything that a store holds.
func records(t testing.TB, d store.Driver) map[store.Key]store.Record {
	t.Helper()
	snap, err := d.(store.Snapshotter).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	kinds, err := snap.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[store.Key]store.Record)
	for _, kind := range kinds {
		for r, err := range snap.List(t.Context(), store.Query{Kind: kind}) {
			if err != nil {
				t.Fatal(err)
			}
			found[r.Key] = r
		}
	}
	return found
}

// same fails if the stores hold different records.
func same(t testing.TB, got, want store.Driver) {
	t.Helper()
	have, wanted := records(t, got), records(t, want)
	if maps.EqualFunc(have, wanted, func(a, b store.Record) bool { return reflect.DeepEqual(a, b) }) {
		return // cmp would take seconds
	}
	if diff := cmp.Diff(wanted, have, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the stores differ (-want +got):\n%.4000s", diff)
	}
}

// importInto imports a text into a store.
func importInto(t testing.TB, d store.Driver, text string, o transfer.ImportOptions) (transfer.Summary, error) {
	t.Helper()
	return transfer.Import(t.Context(), d, strings.NewReader(text), o)
}

// faulty fails the imports that its function fails.
type faulty struct {
	store.Driver
	fault func(n int, do func() error) error
	n     int
}

func (f *faulty) Import(ctx context.Context, recs []store.Record) error {
	f.n++
	return f.fault(f.n, func() error { return f.Driver.(store.Importer).Import(ctx, recs) })
}

func (f *faulty) Snapshot(ctx context.Context) (store.Snapshot, error) {
	return f.Driver.(store.Snapshotter).Snapshot(ctx)
}

// endless is a store with any number of records that are not in memory.
type endless struct {
	store.Driver
	n int
}

func (e endless) Snapshot(context.Context) (store.Snapshot, error) { return endlessSnapshot{e.n}, nil }

type endlessSnapshot struct{ n int }

func (endlessSnapshot) Kinds(context.Context) ([]string, error) { return []string{"thing"}, nil }

func (s endlessSnapshot) List(context.Context, store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for i := range s.n {
			r := store.Record{Key: store.Key{Kind: "thing", ID: fmt.Sprintf("%09d", i)}, Rev: 1, Body: bytes.Repeat([]byte("x"), 1000)}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (endlessSnapshot) Close() error { return nil }
