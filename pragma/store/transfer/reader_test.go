package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/transfer"
)

func verify(text string) error {
	_, err := transfer.Verify(context.Background(), strings.NewReader(text), nil)
	return err
}

func small(t testing.TB) string {
	due := samples()[1]
	return export(t, filled(t, []store.Record{due, {Key: store.Key{Kind: "z", ID: "é"}, Rev: 3, Token: token(1), Body: []byte{0, 255}}}))
}

func TestATruncatedExportIsRefused(t *testing.T) {
	text := small(t)
	if err := verify(text); err != nil {
		t.Fatal(err)
	}
	for n := range len(text) {
		if err := verify(text[:n]); !errors.Is(err, transfer.ErrDamaged) {
			t.Errorf("Verify() of the first %d of %d bytes = %v, want %v", n, len(text), err, transfer.ErrDamaged)
		}
	}
}

func TestAnExportWithAnyByteChangedIsRefused(t *testing.T) {
	text := small(t)
	for n := range len(text) {
		for _, b := range []byte{0, ' ', '0', '1', '9', 'a', 'A', '"', '{', '}', '\n', '\\', 0xff, text[n] ^ 1, text[n] ^ 0x20} {
			if b == text[n] {
				continue
			}
			changed := text[:n] + string([]byte{b}) + text[n+1:]
			if err := verify(changed); !errors.Is(err, transfer.ErrDamaged) && !errors.Is(err, transfer.ErrVersion) {
				t.Errorf("Verify() with byte %d as %q instead of %q = %v, want %v", n, b, text[n], err, transfer.ErrDamaged)
			}
		}
	}
}

func TestAnEditedExportIsRefused(t *testing.T) {
	text := export(t, fill(t, many(20)))
	all := strings.SplitAfter(text, "\n")
	at := func(i int) string { return all[i] }
	join := func(parts ...string) string { return strings.Join(parts, "") }
	rest := func(from int) string { return strings.Join(all[from:], "") }
	for _, c := range []struct {
		name, text, says string
	}{
		{"empty file", "", "line 1: the file ends here"},
		{"another file", "hello\n", "line 1: the file is not an export of a store"},
		{"other JSON", `{"format":"something"}` + "\n", "line 1: the file is not an export"},
		{"a line is missing", join(at(0), rest(2)), "the file has 19 records, it was written with 20"},
		{"a line is there twice", join(at(0), at(1), rest(1)), "line 3: kind0/000000 comes after kind0/000000"},
		{"two lines are exchanged", join(at(0), at(2), at(1), rest(3)), "line 3: kind0/000000 comes after kind0/000002"},
		{"a line is replaced", join(at(0), strings.Replace(at(1), `"number":0`, `"number":7`, 1), rest(2)), "line 22: the checksum is another one"},
		{"spaces are added", join(at(0), strings.Replace(at(1), `,"rev"`, `, "rev"`, 1), rest(2)), "line 22: the checksum is another one"},
		{"an unknown member", join(at(0), strings.Replace(at(1), `"rev"`, `"new":1,"rev"`, 1), rest(2)), "line 2: no record: wrong or unknown member"},
		{"a revision of 0", join(at(0), strings.Replace(at(1), `"rev":1`, `"rev":0`, 1), rest(2)), "line 2: revision 0 of kind0/000000"},
		{"a short token", join(at(0), strings.Replace(at(2), `"token":"02`, `"token":"`, 1), rest(3)), "line 2: token of kind0/000002"},
		{"two bodies", join(at(0), strings.Replace(at(1), `"json"`, `"base64":"AA==","json"`, 1), rest(2)), "line 2: kind0/000000 has two bodies"},
		{"an empty line", join(at(0), "\n", rest(1)), "line 2: no record: not JSON"},
		{"the mark of an import", join(at(0), `{"kind":"store-import","id":"unfinished","rev":1}`+"\n", rest(1)), "line 2: the mark of an import"},
		{"something follows", text + "\n", "line 22: something follows the last line"},
		{"two exports", text + text, "line 22: something follows the last line"},
		{"an endless line", at(0) + `{"kind":"` + strings.Repeat("x", 3<<20), "line 2: the line is too long"},
		{"no version", `{"format":"pragma-store-export"}` + "\n" + rest(1), "line 1: version 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := verify(c.text)
			if !errors.Is(err, transfer.ErrDamaged) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Verify() = %v, want %v with %q", err, transfer.ErrDamaged, c.says)
			}
			to := store.NewMemory()
			if _, err := importInto(t, to, c.text, transfer.ImportOptions{}); !errors.Is(err, transfer.ErrDamaged) {
				t.Errorf("Import() = %v, want %v", err, transfer.ErrDamaged)
			}
			same(t, to, store.NewMemory())
		})
	}
}

func TestAnExportOfANewerProgramIsRefusedAsSuch(t *testing.T) {
	text := strings.Replace(small(t), `"version":1`, `"version":2,"more":true`, 1)
	if err := verify(text); !errors.Is(err, transfer.ErrVersion) {
		t.Errorf("Verify() = %v, want %v", err, transfer.ErrVersion)
	}
}

func TestErrorsDoNotShowBodies(t *testing.T) {
	text := strings.Replace(small(t), `{"members":["anna"]`, `{"members":["anna"`, 1)
	if err := verify(text); err == nil || strings.Contains(err.Error(), "anna") || len(err.Error()) > 300 {
		t.Errorf("Verify() = %v, want a short error without the body", err)
	}
}

func TestAFailingDiskIsNotTakenForADamagedExport(t *testing.T) {
	broken := errors.New("the disk is broken")
	text := small(t)
	for _, n := range []int{0, 100, len(text)} {
		r := io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(broken))
		if _, err := transfer.Verify(t.Context(), r, nil); !errors.Is(err, broken) || errors.Is(err, transfer.ErrDamaged) {
			t.Errorf("Verify() with an error after %d bytes = %v, want %v", n, err, broken)
		}
	}
}

// FuzzReader: whatever the file, the reader ends, and what it takes for complete
// comes back the same when it is exported again.
func FuzzReader(f *testing.F) {
	f.Add([]byte(small(f)))
	if golden, err := os.ReadFile("testdata/version1.jsonl"); err == nil {
		f.Add(golden)
	}
	f.Add([]byte(`{"format":"pragma-store-export","version":1,"id":"","created":"2026-01-01T00:00:00Z"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d := store.NewMemory()
		sum, err := importInto(t, d, string(text), transfer.ImportOptions{})
		if err != nil {
			same(t, d, store.NewMemory())
			return
		}
		if found := len(records(t, d)); int64(found) != sum.Records {
			t.Errorf("Import() counts %d records, the store has %d", sum.Records, found)
		}
		again := store.NewMemory()
		if _, err := importInto(t, again, export(t, d), transfer.ImportOptions{}); err != nil {
			t.Errorf("Import() of the export of an import = %v", err)
		}
		same(t, again, d)
	})
}

// FuzzRecord: any body and any text of a key come back as they were.
func FuzzRecord(f *testing.F) {
	for _, r := range samples() {
		if len(r.Body) < 1000 {
			f.Add(r.Kind, r.ID, r.Body)
		}
	}
	f.Fuzz(func(t *testing.T, kind, id string, body []byte) {
		from, to := store.NewMemory(), store.NewMemory()
		rec := store.Record{Key: store.Key{Kind: kind, ID: id}, Rev: 1, Body: body}
		if err := from.(store.Importer).Import(t.Context(), []store.Record{rec}); err != nil || rec.Key == store.ImportMark() {
			return // a key or body that no store takes
		}
		text := export(t, from)
		if n := strings.Count(text, "\n"); n != 3 {
			t.Errorf("the export has %d lines, want 3", n)
		}
		if _, err := importInto(t, to, text, transfer.ImportOptions{}); err != nil {
			t.Fatalf("Import() = %v of\n%s", err, text)
		}
		same(t, to, from)
	})
}

func ExampleReader() {
	file := strings.NewReader(`{"format":"pragma-store-export","version":1,"id":"example","created":"2026-11-21T10:00:00Z"}
{"kind":"party","id":"p1","rev":12,"json":{"members":["anna"]}}
{"end":{"records":1,"bytes":22,"kinds":[{"kind":"party","records":1,"bytes":22,"sha256":"?"}],"sha256":"?"}}
`)
	r, err := transfer.NewReader(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for rec, err := range r.Records() {
		if err != nil {
			fmt.Println(err) // what came before is not to be trusted
			return
		}
		fmt.Println(rec.Key, rec.Rev, string(rec.Body))
	}
	// Output:
	// party/p1 12 {"members":["anna"]}
	// not a complete and unchanged export: line 3: the checksum is another one: the file was changed
}
