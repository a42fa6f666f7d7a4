package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/transfer"
)

var update = flag.Bool("update", false, "rewrite testdata/version1.jsonl")

func TestExportAndImportKeepEveryByte(t *testing.T) {
	from := filled(t, samples())
	text := export(t, from)
	to := store.NewMemory()
	sum, err := importInto(t, to, text, transfer.ImportOptions{})
	if err != nil {
		t.Fatalf("Import() = %v", err)
	}
	same(t, to, from)
	if got, want := sum.Records, int64(len(samples())); got != want {
		t.Errorf("Import() counts %d records, want %d", got, want)
	}
	if diff := cmp.Diff(lines(text), lines(export(t, to))); diff != "" {
		t.Errorf("the exports differ (-first +second):\n%.4000s", diff)
	}
}

func TestBodiesAreReadableWhereTheyCanBe(t *testing.T) {
	text := export(t, filled(t, samples()))
	for id, want := range map[string]string{
		"with timer":   `"due":1795255200123456,"json":{"members":["anna"],"big":123456789012345678901234567890.10}}`,
		"spaces":       "\"json\":{ \"a\" :\t[ 1 ,2 ] }}",
		"numbers":      `"json":[1e400,-0,0.1000,9007199254740993]}`,
		"escapes":      `"json":{"a":"\u0041\/ü\u2028","\u0061b":"\ud83d\ude00"}}`,
		"names twice":  `"base64":"eyJhIjoxLCJhIjoyfQ=="}`,
		"smuggles":     `"base64":"e30sInJldiI6OQ=="}`,
		"two lines":    `"base64":"ewp9"}`,
		"space behind": `"base64":"e30g"}`,
		"null":         `"base64":"bnVsbA=="}`,
	} {
		found := ""
		for line := range strings.Lines(text) {
			if strings.Contains(line, `"id":"`+id+`"`) {
				found = line
			}
		}
		if !strings.HasSuffix(found, want+"\n") {
			t.Errorf("%s: line %.300q, want it to end in %q", id, found, want)
		}
	}
}

// The golden file is an export of the first version. Every later program reads it.
func TestTheFirstVersionStaysReadable(t *testing.T) {
	const golden = "testdata/version1.jsonl"
	var few []store.Record
	for _, r := range samples() {
		if len(r.Body) < 1000 {
			few = append(few, r)
		}
	}
	from := filled(t, few)
	if *update {
		if err := os.WriteFile(golden, []byte(export(t, from)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	to := store.NewMemory()
	if _, err := importInto(t, to, string(text), transfer.ImportOptions{}); err != nil {
		t.Fatalf("Import() = %v", err)
	}
	same(t, to, from)
	if diff := cmp.Diff(lines(string(text)), lines(export(t, to))); diff != "" {
		t.Errorf("version 1 is written differently now (-want +got):\n%s", diff)
	}
}

func TestAnyRecordsComeBack(t *testing.T) {
	text := rapid.StringMatching(`[^\x00]{1,20}`)
	rapid.Check(t, func(rt *rapid.T) {
		var recs []store.Record
		seen := make(map[store.Key]bool)
		for range rapid.IntRange(0, 30).Draw(rt, "records") {
			r := store.Record{Key: store.Key{Kind: text.Draw(rt, "kind"), ID: text.Draw(rt, "id")}, Rev: rapid.Int64Min(1).Draw(rt, "revision")}
			if r.Key.Validate() != nil || seen[r.Key] {
				continue
			}
			seen[r.Key] = true
			copy(r.Token[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "token"))
			r.Body = rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.StringMatching(`[\[{]["a:1,\\ ]*[\]}]`), func(s string) []byte { return []byte(s) })).Draw(rt, "body")
			recs = append(recs, r)
		}
		from, to := store.NewMemory(), store.NewMemory()
		if err := from.(store.Importer).Import(context.Background(), recs); err != nil {
			rt.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := transfer.Export(context.Background(), from, &out, nil); err != nil {
			rt.Fatal(err)
		}
		if _, err := transfer.Import(context.Background(), to, bytes.NewReader(out.Bytes()), transfer.ImportOptions{}); err != nil {
			rt.Fatal(err)
		}
		same(t, to, from)
	})
}

func TestAnEmptyStoreHasAnExport(t *testing.T) {
	text := export(t, store.NewMemory())
	if got := strings.Count(text, "\n"); got != 2 {
		t.Errorf("the export has %d lines, want 2:\n%s", got, text)
	}
	to := store.NewMemory()
	if sum, err := importInto(t, to, text, transfer.ImportOptions{}); err != nil || sum.Records != 0 {
		t.Errorf("Import() = %+v, %v", sum, err)
	}
	same(t, to, store.NewMemory())
}

func TestKindsHaveChecksumsThatCanBeCompared(t *testing.T) {
	sums := func(recs []store.Record) map[string]string {
		found := make(map[string]string)
		report, err := transfer.Check(t.Context(), fill(t, recs), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range report.Kinds {
			found[k.Name] = k.Checksum
		}
		return found
	}
	want := sums(many(100))
	if diff := cmp.Diff(want, sums(many(100))); diff != "" || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(want["kind0"]) {
		t.Errorf("checksums of the same records differ, or are none: %s", diff)
	}
	for name, change := range map[string]func(*store.Record){
		"id":       func(r *store.Record) { r.ID += "x" },
		"revision": func(r *store.Record) { r.Rev++ },
		"token":    func(r *store.Record) { r.Token[15]++ },
		"timer":    func(r *store.Record) { r.Due = r.Due.AddDate(1, 0, 0) },
		"body":     func(r *store.Record) { r.Body[3] ^= 1 },
	} {
		recs := many(100)
		change(&recs[98])
		got := sums(recs)
		if got["kind0"] == want["kind0"] || got["kind1"] != want["kind1"] {
			t.Errorf("after a change of the %s of one record the checksums are %v, before %v", name, got, want)
		}
	}
}

func TestExportRefusesWhatIsNoWholeStore(t *testing.T) {
	half := filled(t, append(samples(), store.Record{Key: store.ImportMark(), Rev: 1}))
	if _, err := transfer.Export(t.Context(), half, io.Discard, nil); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("Export() of half an import = %v, want %v", err, store.ErrUnfinished)
	}
	plain := struct{ store.Driver }{store.NewMemory()}
	if _, err := transfer.Export(t.Context(), plain, io.Discard, nil); !errors.Is(err, transfer.ErrUnsupported) {
		t.Errorf("Export() without snapshots = %v, want %v", err, transfer.ErrUnsupported)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := transfer.Export(ctx, filled(t, samples()), io.Discard, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Export() after the end of its context = %v, want %v", err, context.Canceled)
	}
}

type brokenDisk struct{ left int }

func (b *brokenDisk) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestExportReportsADiskThatIsFull(t *testing.T) {
	from := fill(t, many(2000))
	size := len(export(t, from))
	for _, room := range []int{0, 100, size / 2, size - 1} {
		if _, err := transfer.Export(t.Context(), from, &brokenDisk{room}, nil); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("Export() with room for %d of %d bytes = %v, want an error", room, size, err)
		}
	}
}

func TestExportNeedsLittleMemory(t *testing.T) {
	n := 40_000 // 40 MB of bodies
	greatest := uint64(0)
	_, err := transfer.Export(t.Context(), endless{store.NewMemory(), n}, io.Discard, func(_ string, done, _ int64) {
		if done%(10*1000) == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			greatest = max(greatest, m.HeapAlloc)
		}
	})
	if err != nil || greatest == 0 || greatest > 24<<20 {
		t.Errorf("Export() = %v with %d bytes in use, want at most 24 MiB", err, greatest)
	}
}
