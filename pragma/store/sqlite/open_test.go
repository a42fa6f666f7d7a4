package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// open opens a database that the test closes.
func open(t testing.TB, path string) store.Driver {
	t.Helper()
	d, err := sqlite.File(path)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// refuses opens a database that must be refused with all parts in the message.
func refuses(t *testing.T, path string, parts ...string) {
	t.Helper()
	d, err := sqlite.File(path)(t.Context())
	if err == nil {
		d.Close()
		t.Fatalf("opening %q succeeds, want an error", path)
	}
	for _, part := range append(parts, path) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

// write commits one record.
func write(t testing.TB, d store.Driver, id string, size int) error {
	t.Helper()
	return store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{
		{Key: store.Key{Kind: "thing", ID: id}, Body: make([]byte, size)},
	}})
}

func TestOpenRefusesWhatIsNotADatabase(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte("this is not a database, but long enough to be one"), 0o644); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short.db")
	if err := os.WriteFile(short, []byte("SQLite"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, says string }{
		{"directory", dir, "path is a directory"},
		{"missing directory", filepath.Join(dir, "missing", "a.db"), "directory of the database"},
		{"text file", text, "not a database"},
		{"short file", short, "not a database"},
		{"empty path", "", "path is empty"},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, c.path, c.says) })
	}
	if got, err := os.ReadFile(text); err != nil || !strings.HasPrefix(string(got), "this is not") {
		t.Errorf("the refused file was changed: %q, %v", got, err)
	}
}

func TestOpenAgainInTheSameProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "one.db")
	open(t, path)
	refuses(t, path, "in use by this process", "lock file")
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	refuses(t, link, "in use by this process")
}

func TestAFailedOpenReleasesTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "late.db")
	if err := os.WriteFile(path, []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "not a database")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestPathsWithSpecialCharactersWork(t *testing.T) {
	for _, name := range []string{"a b.db", "a?mode=ro&x=#.db", "100%25.db", "Ünï.db"} {
		path := filepath.Join(t.TempDir(), name)
		d := open(t, path)
		if err := write(t, d, "a", 1); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := d.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: the file is not where its name says: %v", name, err)
		}
	}
}

func TestAClosedDatabaseIsOneFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "one.db")
	d := open(t, path)
	if err := write(t, d, "a", 1000); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after Close there is %s%s: %v", path, suffix, err)
		}
	}
	copied := filepath.Join(dir, "copy.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o644); err != nil {
		t.Fatal(err)
	}
	recs, err := open(t, copied).Get(t.Context(), store.Key{Kind: "thing", ID: "a"})
	if err != nil || !recs[0].Exists() {
		t.Errorf("the copy holds %v, %v, want the record", recs, err)
	}
}

func TestADamagedFileIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "damaged.db")
	d := open(t, path)
	for _, id := range []string{"a", "b", "c", "d"} {
		if err := write(t, d, id, 20_000); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path)
	d, err := sqlite.File(path)(t.Context())
	if err == nil {
		defer d.Close()
		_, err = d.Get(t.Context(), store.Key{Kind: "thing", ID: "a"})
	}
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "database is damaged") {
		t.Errorf("reading a damaged file = %v, want %v that says so", err, store.ErrUnavailable)
	}
}

// spoil overwrites all pages but the first one.
func spoil(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	garbage := make([]byte, info.Size()-4096)
	for i := range garbage {
		garbage[i] = 0xA5
	}
	if _, err := f.WriteAt(garbage, 4096); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherProgramThatHoldsTheDatabaseIsReported(t *testing.T) {
	if os.Getenv("PRAGMA_LONG") != "1" {
		t.Skip("waits five seconds; set PRAGMA_LONG=1 to run it")
	}
	path := filepath.Join(t.TempDir(), "held.db")
	d := open(t, path)
	other, err := rawDatabase(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			err := write(t, d, fmt.Sprint(i), 1)
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "another program holds") {
				t.Errorf("Commit() = %v, want %v that says so", err, store.ErrUnavailable)
			}
		})
	}
	wg.Wait()
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := write(t, d, "afterwards", 1); err != nil {
		t.Errorf("Commit() afterwards = %v, want nil", err)
	}
}
