package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/openpragma/engine/pragma/store"
)

// smallDisk mounts a file system of its own, or skips the test.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a small disk here, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestAFullDiskRefusesCommitsAndLosesNothing(t *testing.T) {
	dir := smallDisk(t, "size=10m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 6<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	d := open(t, filepath.Join(dir, "full.db"))
	told := fillDisk(t, d)
	verifyAnswers(t, d, told)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := write(t, d, "afterwards", 1000); err != nil {
		t.Errorf("Commit() with room again = %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	checkIntegrity(t, filepath.Join(dir, "full.db"))
	verifyAnswers(t, open(t, filepath.Join(dir, "full.db")), told)
}

// fillDisk commits from several goroutines until each was refused, and returns
// every answer.
func fillDisk(t *testing.T, d store.Driver) map[string]error {
	t.Helper()
	var mu sync.Mutex
	told := make(map[string]error)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i, refused := 0, 0; refused < 3 && i < 500; i++ {
				id := fmt.Sprintf("%d/%d", w, i)
				err := write(t, d, id, 1000<<w)
				if err != nil {
					refused++
				}
				mu.Lock()
				told[id] = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return told
}

func verifyAnswers(t *testing.T, d store.Driver, told map[string]error) {
	t.Helper()
	applied, refused := 0, 0
	for id, err := range told {
		recs, readErr := d.Get(t.Context(), store.Key{Kind: "thing", ID: id})
		if readErr != nil {
			t.Fatalf("Get() on a full disk = %v", readErr)
		}
		switch rev := recs[0].Rev; {
		case err == nil && rev == 1:
			applied++
		case errors.Is(err, store.ErrFull) && rev == 0:
			refused++
		default:
			t.Errorf("record %s has revision %d after Commit() = %v", id, rev, err)
		}
	}
	if applied == 0 || refused == 0 {
		t.Errorf("%d commits applied and %d refused, want both", applied, refused)
	}
}

func TestADiskThatCannotBeWrittenIsRefused(t *testing.T) {
	dir := smallDisk(t, "size=4m")
	path := filepath.Join(dir, "readonly.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("cannot make the disk read-only: %v", err)
	}
	refuses(t, path, "read-only file system")
}

func TestAFailedWriteDuringCommitIsUnknownAndResolved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.db")
	d := open(t, path)
	if err := write(t, d, "before", 10); err != nil {
		t.Fatal(err)
	}
	b := &store.Batch{Token: store.NewToken(), Puts: []store.Put{{Key: store.Key{Kind: "thing", ID: "a"}}}}
	breakLog(t, path)
	if err := d.Commit(t.Context(), b); !errors.Is(err, store.ErrUnknown) {
		t.Fatalf("Driver.Commit() with a broken log = %v, want %v", err, store.ErrUnknown)
	}
	if err := store.Commit(t.Context(), d, b); err != nil {
		t.Fatalf("Commit() with a new connection = %v", err)
	}
	breakLog(t, path)
	if err := write(t, d, "b", 10); err != nil {
		t.Fatalf("Commit() with a broken log = %v, want nil: the second attempt succeeds", err)
	}
	for _, id := range []string{"before", "a", "b"} {
		recs, err := d.Get(t.Context(), store.Key{Kind: "thing", ID: id})
		if err != nil || recs[0].Rev != 1 {
			t.Errorf("record %s has revision %d, %v, want 1", id, recs[0].Rev, err)
		}
	}
}

// breakLog makes every write to the open log of the database fail, by putting a
// file opened for reading in its place.
func breakLog(t *testing.T, path string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no list of open files:", err)
	}
	broken := 0
	for _, f := range files {
		target, err := os.Readlink("/proc/self/fd/" + f.Name())
		if err != nil || !strings.HasSuffix(target, filepath.Base(path)+"-wal") {
			continue
		}
		var fd int
		if _, err := fmt.Sscan(f.Name(), &fd); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(int(null.Fd()), fd, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		broken++
	}
	if broken == 0 {
		t.Fatal("the database has no open log")
	}
}
