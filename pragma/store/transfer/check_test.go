package transfer_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/transfer"
)

func TestCheckCountsAHealthyStore(t *testing.T) {
	due := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	d := filled(t, []store.Record{
		{Key: store.Key{Kind: "party", ID: "a"}, Rev: 1, Body: []byte(`{}`), Due: due},
		{Key: store.Key{Kind: "party", ID: "b"}, Rev: 1, Body: []byte(`{"a":1}`)},
		{Key: store.Key{Kind: "signing-key", ID: "a"}, Rev: 1, Body: []byte("-----BEGIN")},
		{Key: store.Key{Kind: "signing-key", ID: "b"}, Rev: 1},
	})
	report, err := transfer.Check(t.Context(), d, nil)
	if err != nil || len(report.Findings) > 0 {
		t.Fatalf("Check() = %v, %v, want no findings", report, err)
	}
	got := ""
	for i, k := range report.Kinds {
		got += fmt.Sprintln(k.Name, k.Records, k.Bytes, report.Details[i].Largest, report.Details[i].Timers, report.Details[i].Other)
	}
	if want := "party 2 9 7 1 0\nsigning-key 2 10 10 0 2\n"; got != want {
		t.Errorf("Check() counts\n%swant\n%s", got, want)
	}
}

// damaged is a store whose snapshot holds what no driver writes.
type damaged struct {
	store.Driver
	recs []store.Record
}

func (d damaged) Snapshot(context.Context) (store.Snapshot, error) { return d, nil }

func (d damaged) Close() error { return nil }

func (d damaged) Kinds(context.Context) ([]string, error) { return []string{"party"}, nil }

func (d damaged) List(context.Context, store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for _, r := range d.recs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (d damaged) Due(context.Context, string, time.Time, int) ([]store.Record, error) {
	return d.recs[:1], nil
}

func TestCheckFindsWhatCannotBeRight(t *testing.T) {
	rec := func(id string, rev int64, body string) store.Record {
		return store.Record{Key: store.Key{Kind: "party", ID: id}, Rev: rev, Body: []byte(body)}
	}
	d := damaged{store.NewMemory(), []store.Record{
		rec("a", 0, `{}`),
		rec("b", -3, `{}`),
		rec("a2", 1, `{}`),
		rec("c", 1, `{"secret":`),
		rec("d", 1, `["secret"]]`),
		rec("e", 1, strings.Repeat("x", store.MaxBodyBytes+1)),
		rec("f\x00", 1, `{}`),
	}}
	report, err := transfer.Check(t.Context(), d, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Findings {
		if strings.Contains(f, "secret") {
			t.Errorf("finding %q shows a body", f)
		}
		got = append(got, strings.SplitN(f, " at 20", 2)[0])
	}
	want := []string{
		`"party/a" has revision 0`,
		`"party/b" has revision -3`,
		`"party/a2" comes after "party/b"`,
		`"party/c" has a body of 10 bytes that is not valid JSON`,
		`"party/d" has a body of 11 bytes that is not valid JSON`,
		`"party/e" has a body of 1048577 bytes, the limit is 1048576`,
		`store: bad key "party/f\x00": id contains a NUL byte`,
		`"party/a" is found as due`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestCheckDescribesOnlySomeFindings(t *testing.T) {
	var recs []store.Record
	for i := range 250 {
		recs = append(recs, store.Record{Key: store.Key{Kind: "party", ID: fmt.Sprintf("%03d", i)}, Body: []byte("{}")})
	}
	report, err := transfer.Check(t.Context(), damaged{store.NewMemory(), recs}, nil)
	if err != nil || len(report.Findings) != transfer.MaxFindings || report.Unmentioned != 151 {
		t.Errorf("Check() describes %d findings and counts %d more, %v", len(report.Findings), report.Unmentioned, err)
	}
}

func ExampleCheck() {
	ctx := context.Background()
	d := store.NewMemory()
	_ = store.Commit(ctx, d, &store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "party", ID: "p1"}, Body: []byte(`{"members":`)}}})
	report, err := transfer.Check(ctx, d, nil)
	fmt.Println(report.Records, report.Findings, err)
	// Output: 1 ["party/p1" has a body of 11 bytes that is not valid JSON] <nil>
}
