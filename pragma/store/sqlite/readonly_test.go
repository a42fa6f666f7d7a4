package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

func TestADatabaseIsReadBesideItsServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	child := startCounting(t, path)
	child.atLeast(t, 100)
	d, err := sqlite.Options{Path: path}.OpenReadOnly(t.Context())
	if err != nil {
		t.Fatalf("OpenReadOnly() = %v", err)
	}
	for range 3 {
		var least [crashWriters]int64
		for w := range least {
			least[w] = child.acknowledged[w].Load()
		}
		snap, err := d.(store.Snapshotter).Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		steps, revs := int64(0), int64(0)
		for r, err := range snap.List(t.Context(), store.Query{Kind: "counter"}) {
			if err != nil {
				t.Fatal(err)
			}
			revs += r.Rev
		}
		for _, err := range snap.List(t.Context(), store.Query{Kind: "step"}) {
			if err != nil {
				t.Fatal(err)
			}
			steps++
		}
		if steps != revs {
			t.Errorf("a snapshot has %d steps, the counters say %d", steps, revs)
		}
		if err := snap.Close(); err != nil {
			t.Error(err)
		}
		child.atLeast(t, child.sum()+100)
	}
	batch := &store.Batch{Puts: []store.Put{{Key: thing("x")}}}
	if err := store.Commit(t.Context(), d, batch); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "reading only") {
		t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
	}
	if err := d.(store.Importer).Import(t.Context(), []store.Record{{Key: thing("x"), Rev: 1}}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Import() = %v, want %v", err, store.ErrUnavailable)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Errorf("Close() = %v", err)
	}
	child.atLeast(t, child.sum()+100)
	child.stop()
	if err := open(t, path).Close(); err != nil {
		t.Error(err)
	}
	checkIntegrity(t, path)
}

func TestReadingDoesNotCreateOrMigrate(t *testing.T) {
	dir := t.TempDir()
	gone, empty := filepath.Join(dir, "gone.db"), filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{gone, empty} {
		o := sqlite.Options{Path: path}
		names, err := o.Pending(t.Context())
		if err != nil || len(names) == 0 || names[0] != "0001_records.sql" {
			t.Errorf("Pending() of %s = %v, %v, want all steps", path, names, err)
		}
		if _, err := o.OpenReadOnly(t.Context()); err == nil {
			t.Errorf("OpenReadOnly() of %s succeeded", path)
		}
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("the file was created")
	}
	if info, err := os.Stat(empty); err != nil || info.Size() != 0 {
		t.Errorf("the empty file has %d bytes now, %v", info.Size(), err)
	}
	if err := open(t, gone).Close(); err != nil {
		t.Fatal(err)
	}
	if names, err := (sqlite.Options{Path: gone}).Pending(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("Pending() after Open = %v, %v, want none", names, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "gone.db" }) {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestAnotherProgramsDatabaseIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	if _, err := rawDatabase(t, path).Exec("CREATE TABLE t (a)"); err != nil {
		t.Fatal(err)
	}
	if _, err := (sqlite.Options{Path: path}).OpenReadOnly(t.Context()); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("OpenReadOnly() = %v", err)
	}
	if _, err := (sqlite.Options{Path: path}).Pending(t.Context()); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("Pending() = %v", err)
	}
}
