package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/transfer"
)

func TestImportRefusesAStoreWithRecords(t *testing.T) {
	text := export(t, filled(t, many(10)))
	to := filled(t, []store.Record{{Key: store.Key{Kind: "signing-key", ID: "a"}, Rev: 1}})
	before := filled(t, []store.Record{{Key: store.Key{Kind: "signing-key", ID: "a"}, Rev: 1}})
	_, err := importInto(t, to, text, transfer.ImportOptions{})
	if !errors.Is(err, transfer.ErrNotEmpty) || !strings.Contains(err.Error(), "signing-key") {
		t.Errorf("Import() = %v, want %v with the kind", err, transfer.ErrNotEmpty)
	}
	same(t, to, before)
}

func TestImportAddsOnlyIfToldAndChangesNothing(t *testing.T) {
	other := store.Record{Key: store.Key{Kind: "guild", ID: "mine"}, Rev: 9}
	text := export(t, filled(t, many(10)))
	to := filled(t, append(many(3), other))
	if _, err := importInto(t, to, text, transfer.ImportOptions{Add: true}); err != nil {
		t.Fatalf("Import() = %v", err)
	}
	same(t, to, filled(t, append(many(10), other)))

	mine := many(10)
	mine[9].Rev++ // the last one, so that others could have been created before
	to = filled(t, mine[9:])
	if _, err := importInto(t, to, text, transfer.ImportOptions{Add: true}); !errors.Is(err, transfer.ErrDiffers) {
		t.Errorf("Import() over a changed record = %v, want %v", err, transfer.ErrDiffers)
	}
	same(t, to, filled(t, mine[9:]))
}

func TestImportNeedsADriverThatCan(t *testing.T) {
	plain := struct{ store.Driver }{store.NewMemory()}
	if _, err := importInto(t, plain, export(t, filled(t, many(1))), transfer.ImportOptions{}); !errors.Is(err, transfer.ErrUnsupported) {
		t.Errorf("Import() = %v, want %v", err, transfer.ErrUnsupported)
	}
}

func TestAnInterruptedImportGoesOnWhereItWas(t *testing.T) {
	const n = 12_000 // 24 batches, so that the mark moves on
	from := fill(t, many(n))
	text := export(t, from)
	down := func() error { return fmt.Errorf("%w: injected", store.ErrUnavailable) }
	for _, c := range []struct {
		name string
		at   int
		do   func(apply func() error) error
	}{
		{"in the first batch", 1, func(func() error) error { return down() }},
		{"after the first batch", 1, func(do func() error) error { return errors.Join(do(), down()) }},
		{"after the mark has moved", 21, func(func() error) error { return down() }},
		{"after the mark has moved, applied", 22, func(do func() error) error { return errors.Join(do(), down()) }},
		{"in the last batch", 24, func(func() error) error { return down() }},
		{"after the last batch", 24, func(do func() error) error { return errors.Join(do(), down()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := store.NewMemory()
			first := &faulty{Driver: to, fault: func(k int, do func() error) error {
				if k == c.at {
					return c.do(do)
				}
				return do()
			}}
			if _, err := importInto(t, first, text, transfer.ImportOptions{}); !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("Import() = %v, want %v", err, store.ErrUnavailable)
			}
			looksUnfinished(t, to)
			second := &faulty{Driver: to, fault: func(_ int, do func() error) error { return do() }}
			if _, err := importInto(t, second, text, transfer.ImportOptions{}); err != nil {
				t.Fatalf("second Import() = %v", err)
			}
			same(t, to, from)
			if most := 24 - c.at/20*20; second.n > most {
				t.Errorf("the second import wrote %d batches, want at most %d", second.n, most)
			}
			if err := store.RefuseUnfinished(t.Context(), to); err != nil {
				t.Errorf("after the import: %v", err)
			}
		})
	}
}

// looksUnfinished checks that nobody takes the store for a complete one.
func looksUnfinished(t *testing.T, d store.Driver) {
	t.Helper()
	if err := store.RefuseUnfinished(t.Context(), d); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("RefuseUnfinished() = %v, want %v", err, store.ErrUnfinished)
	}
	if _, err := transfer.Export(t.Context(), d, new(bytes.Buffer), nil); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("Export() = %v, want %v", err, store.ErrUnfinished)
	}
	report, err := transfer.Check(t.Context(), d, nil)
	if err != nil || len(report.Findings) != 1 || !strings.Contains(report.Findings[0], "import is not finished") {
		t.Errorf("Check() = %+v, %v, want one finding", report, err)
	}
	text := export(t, filled(t, many(5)))
	for _, add := range []bool{false, true} {
		if _, err := importInto(t, d, text, transfer.ImportOptions{Add: add}); !errors.Is(err, transfer.ErrOtherImport) {
			t.Errorf("Import() of another export = %v, want %v", err, transfer.ErrOtherImport)
		}
	}
}

// In a bubble the waits between the attempts cost nothing.
func TestImportFindsOutAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := fill(t, many(3000))
		text := export(t, from)
		unknown := fmt.Errorf("%w: injected", store.ErrUnknown)
		to := store.NewMemory()
		d := &faulty{Driver: to, fault: func(k int, do func() error) error {
			switch k {
			case 1, 2, 5: // not applied
				return unknown
			case 4, 7: // applied
				return errors.Join(do(), unknown)
			}
			return do()
		}}
		if _, err := importInto(t, d, text, transfer.ImportOptions{}); err != nil {
			t.Fatalf("Import() = %v", err)
		}
		same(t, to, from)

		d = &faulty{Driver: store.NewMemory(), fault: func(int, func() error) error { return unknown }}
		if _, err := importInto(t, d, text, transfer.ImportOptions{}); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("Import() with every outcome unknown = %v, want %v", err, store.ErrUnknown)
		}
	})
}

func TestImportFindsWhatItDidNotWrite(t *testing.T) {
	from := fill(t, many(2000))
	text := export(t, from)
	commit := func(d store.Driver, b store.Batch) error { return store.Commit(t.Context(), d, &b) }
	first, last := many(1)[0].Key, store.Key{Kind: "zzz", ID: "late"}
	for _, c := range []struct {
		name string
		do   func(d store.Driver) error
		says string
	}{
		{"a record of a server", func(d store.Driver) error {
			return commit(d, store.Batch{Puts: []store.Put{{Key: store.Key{Kind: "guild", ID: "x"}}}})
		}, "the store has guild/x, which the export has not"},
		{"a record behind all", func(d store.Driver) error { return commit(d, store.Batch{Puts: []store.Put{{Key: last}}}) }, "the store has zzz/late"},
		{"a record that was changed", func(d store.Driver) error {
			return commit(d, store.Batch{Puts: []store.Put{{Key: first, Expect: 1}}})
		}, "kind0/000000 has revision 2 and a body of 0 bytes, in the export revision 1 and 12 bytes"},
		{"a record that was removed", func(d store.Driver) error {
			return commit(d, store.Batch{Deletes: []store.Check{{Key: first, Expect: 1}}})
		}, "kind0/000000 is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := store.NewMemory()
			d := &faulty{Driver: to, fault: func(k int, do func() error) error {
				err := do()
				if k == 4 {
					err = errors.Join(err, c.do(to))
				}
				return err
			}}
			_, err := importInto(t, d, text, transfer.ImportOptions{})
			if !errors.Is(err, transfer.ErrDiffers) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Import() = %v, want %v with %q", err, transfer.ErrDiffers, c.says)
			}
			if err := store.RefuseUnfinished(t.Context(), to); !errors.Is(err, store.ErrUnfinished) {
				t.Errorf("RefuseUnfinished() = %v, want %v", err, store.ErrUnfinished)
			}
		})
	}
}

// lying is a store that keeps something else than it was given.
type lying struct{ *faulty }

func (l lying) Import(ctx context.Context, recs []store.Record) error {
	worse := append([]store.Record(nil), recs...)
	worse[0].Body = []byte(strings.ToUpper(string(worse[0].Body)))
	return l.Driver.(store.Importer).Import(ctx, worse)
}

func TestImportDoesNotTrustTheStore(t *testing.T) {
	d := lying{&faulty{Driver: store.NewMemory()}}
	if _, err := importInto(t, d, export(t, fill(t, many(10))), transfer.ImportOptions{}); !errors.Is(err, transfer.ErrDiffers) {
		t.Errorf("Import() = %v, want %v", err, transfer.ErrDiffers)
	}
}

// swapped is a file that becomes another one after it was verified.
type swapped struct {
	*strings.Reader
	other string
	seeks int
}

func (s *swapped) Seek(offset int64, whence int) (int64, error) {
	if s.seeks++; s.seeks == 2 {
		s.Reader = strings.NewReader(s.other)
	}
	return s.Reader.Seek(offset, whence)
}

func TestImportNoticesAFileThatIsReplaced(t *testing.T) {
	file := &swapped{Reader: strings.NewReader(export(t, fill(t, many(10)))), other: export(t, fill(t, many(12)))}
	to := store.NewMemory()
	if _, err := transfer.Import(t.Context(), to, file, transfer.ImportOptions{}); !errors.Is(err, transfer.ErrDamaged) {
		t.Errorf("Import() = %v, want %v", err, transfer.ErrDamaged)
	}
	if err := store.RefuseUnfinished(t.Context(), to); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("RefuseUnfinished() = %v, want %v", err, store.ErrUnfinished)
	}
}

func TestOnlyOneImportsAtATime(t *testing.T) {
	text := export(t, fill(t, many(12_000)))
	to := store.NewMemory()
	d := &faulty{Driver: to, fault: func(k int, do func() error) error {
		if k == 3 {
			if _, err := importInto(t, to, text, transfer.ImportOptions{}); err != nil {
				t.Errorf("the other Import() = %v", err)
			}
		}
		return do()
	}}
	if _, err := importInto(t, d, text, transfer.ImportOptions{}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Import() = %v, want %v", err, store.ErrConflict)
	}
	same(t, to, fill(t, many(12_000)))
}

func TestImportEndsWithItsContext(t *testing.T) {
	text := export(t, fill(t, many(5000)))
	ctx, cancel := context.WithCancel(t.Context())
	to := store.NewMemory()
	d := &faulty{Driver: to, fault: func(k int, do func() error) error {
		if k == 3 {
			cancel()
		}
		return do()
	}}
	if _, err := transfer.Import(ctx, d, strings.NewReader(text), transfer.ImportOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Import() = %v, want %v", err, context.Canceled)
	}
	if _, err := importInto(t, to, text, transfer.ImportOptions{}); err != nil {
		t.Errorf("second Import() = %v", err)
	}
}

func TestProgressIsTold(t *testing.T) {
	told := make(map[string][2]int64)
	o := transfer.ImportOptions{Progress: func(phase string, done, total int64) { told[phase] = [2]int64{done, total} }}
	if _, err := importInto(t, store.NewMemory(), export(t, fill(t, many(1200))), o); err != nil {
		t.Fatal(err)
	}
	want := map[string][2]int64{"verify": {1000, 0}, "import": {1200, 1200}, "compare": {1000, 1200}}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("last progress of each phase (-want +got):\n%s", diff)
	}
}

func ExampleImport() {
	ctx := context.Background()
	old, next := store.NewMemory(), store.NewMemory()
	party := store.Key{Kind: "party", ID: "p1"}
	for rev := range int64(3) {
		_ = store.Commit(ctx, old, &store.Batch{Puts: []store.Put{{Key: party, Expect: rev, Body: []byte(`{"members":["anna"]}`)}}})
	}

	var file bytes.Buffer
	if _, err := transfer.Export(ctx, old, &file, nil); err != nil {
		fmt.Println(err)
	}
	sum, err := transfer.Import(ctx, next, bytes.NewReader(file.Bytes()), transfer.ImportOptions{})
	fmt.Println(sum.Records, "record,", err)

	recs, err := next.Get(ctx, party)
	fmt.Println(recs[0].Key, recs[0].Rev, string(recs[0].Body), err)
	// Output:
	// 1 record, <nil>
	// party/p1 3 {"members":["anna"]} <nil>
}
