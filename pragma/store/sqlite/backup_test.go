package sqlite_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// counting is a process that counts in a database until it is killed, and what it
// has acknowledged.
type counting struct {
	acknowledged [crashWriters]atomic.Int64
	stop         func()
}

func startCounting(t *testing.T, path string) *counting {
	t.Helper()
	cmd := childCommand(t, roleWrite, path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &counting{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var w int
			var n int64
			if _, err := fmt.Sscanf(lines.Text(), "%d %d", &w, &n); err == nil {
				c.acknowledged[w].Store(n)
			} else if lines.Text() != "ready" {
				t.Errorf("child says %q", lines.Text())
			}
		}
	}()
	c.stop = func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	}
	t.Cleanup(c.stop)
	return c
}

// sum returns what all writers have had acknowledged.
func (c *counting) sum() (n int64) {
	for w := range c.acknowledged {
		n += c.acknowledged[w].Load()
	}
	return n
}

// atLeast waits until so much is acknowledged.
func (c *counting) atLeast(t *testing.T, n int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); c.sum() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the child has counted only to %d of %d", c.sum(), n)
		}
	}
}

// read checks that a store holds whole commits of the child and at least those,
// and returns how many.
func (c *counting) read(t *testing.T, d store.Driver, least [crashWriters]int64) (sum int64) {
	t.Helper()
	for w := range crashWriters {
		recs, err := d.Get(t.Context(), counterKey(w))
		if err != nil {
			t.Fatal(err)
		}
		rev := recs[0].Rev
		if rev < least[w] {
			t.Errorf("counter of writer %d = %d, %d was acknowledged before the backup began", w, rev, least[w])
		}
		if rev > 0 && int64(binary.BigEndian.Uint64(recs[0].Body)) != rev {
			t.Errorf("counter of writer %d = %x at revision %d", w, recs[0].Body, rev)
		}
		n := int64(0)
		for r, err := range d.List(t.Context(), store.Query{Kind: "step", Prefix: fmt.Sprintf("w%d/", w)}) {
			if n++; err != nil || r.Key != stepKey(w, n) {
				t.Fatalf("step %d of writer %d is %s, %v", n, w, r.Key, err)
			}
		}
		if n != rev {
			t.Errorf("writer %d has %d steps, its counter says %d: half a commit", w, n, rev)
		}
		sum += rev
	}
	return sum
}

func TestABackupUnderLoadHasEverythingAcknowledgedBeforeAndNoHalfCommit(t *testing.T) {
	rounds := 3
	if os.Getenv("PRAGMA_LONG") == "1" {
		rounds = 30
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	child := startCounting(t, path)
	for round := range rounds {
		child.atLeast(t, child.sum()+500)
		var least [crashWriters]int64
		for w := range least {
			least[w] = child.acknowledged[w].Load()
		}
		to := filepath.Join(dir, fmt.Sprintf("backup%d.db", round))
		if err := (sqlite.Options{Path: path}).Backup(t.Context(), to); err != nil {
			t.Fatalf("Backup() = %v", err)
		}
		after := child.sum()

		// Restored: another directory, and a server that goes on with it.
		restored := filepath.Join(t.TempDir(), "restored.db")
		copyFile(t, to, restored)
		d := open(t, restored)
		sum := child.read(t, d, least)
		if err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: thing("new")}}}); err != nil {
			t.Errorf("a commit to the restored copy: %v", err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		checkIntegrity(t, restored)
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup has mode %v, %v, want that of its owner only", info.Mode(), err)
		}
		t.Logf("backup of %d commits, %d acknowledged when it was done", sum, after)
		child.atLeast(t, after+1) // the writer was not stopped by it
	}
	child.stop()
	if err := open(t, path).Close(); err != nil {
		t.Error(err)
	}
	checkIntegrity(t, path)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABackupBesideItsOwnServerWorks(t *testing.T) {
	dir := t.TempDir()
	d := open(t, filepath.Join(dir, "own.db"))
	defer d.Close()
	write := func(id string) {
		if err := store.Commit(t.Context(), d, &store.Batch{Puts: []store.Put{{Key: thing(id), Body: []byte(id)}}}); err != nil {
			t.Fatal(err)
		}
	}
	write("before")
	if err := (sqlite.Options{Path: filepath.Join(dir, "own.db")}).Backup(t.Context(), filepath.Join(dir, "copy.db")); err != nil {
		t.Fatalf("Backup() = %v", err)
	}
	write("after")
	if out, err := childCommand(t, roleOpen, filepath.Join(dir, "own.db")).Output(); err == nil {
		t.Errorf("after a backup a second process may open the database: %s", out)
	}
	restored := open(t, filepath.Join(dir, "copy.db"))
	defer restored.Close()
	recs, err := restored.Get(t.Context(), thing("before"), thing("after"))
	if err != nil || recs[0].Rev != 1 || recs[1].Exists() {
		t.Errorf("the copy holds %+v, %v, want what was there before", recs, err)
	}
}

func TestABackupRefusesWhatItCannotDoAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := open(t, in("fine.db")).Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"there.db": "", "text.db": strings.Repeat("not a database\n", 100), "busy.db.part": ""} {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := rawDatabase(t, in("other.db"))
	if _, err := other.Exec("CREATE TABLE t (a)"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to, says string }{
		{"no database", "gone.db", "x.db", "no such file"},
		{"no path", "", "x.db", "path is empty"},
		{"the copy exists", "fine.db", "there.db", "exists already"},
		{"another backup runs", "fine.db", "busy.db", "file exists"},
		{"not a database", "text.db", "x.db", "not a database"},
		{"another program's", "other.db", "x.db", "another program"},
		{"no directory", "fine.db", "gone/x.db", "no such file"},
	} {
		from := c.from
		if from != "" {
			from = in(from)
		}
		if err := (sqlite.Options{Path: from}).Backup(t.Context(), in(c.to)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Backup() = %v, want an error with %q", c.name, err, c.says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (sqlite.Options{Path: in("fine.db")}).Backup(ctx, in("x.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup() after the end of its context = %v", err)
	}
	for _, name := range []string{"x.db", "x.db.part", "gone.db"} {
		if _, err := os.Lstat(in(name)); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
}

func TestABackupThatIsStoppedLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "large.db"), filepath.Join(dir, "copy.db")
	d := open(t, path)
	defer d.Close()
	for i := range 40 {
		b := &store.Batch{}
		for n := range 4 {
			b.Puts = append(b.Puts, store.Put{Key: thing(fmt.Sprintf("%d-%d", i, n)), Body: make([]byte, store.MaxBodyBytes)})
		}
		if err := store.Commit(t.Context(), d, b); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	if err := (sqlite.Options{Path: path}).Backup(ctx, to); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup() = %v, want %v", err, context.Canceled)
	}
	for _, name := range []string{to, to + ".part", to + ".part-journal"} {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
	if err := (sqlite.Options{Path: path}).Backup(t.Context(), to); err != nil {
		t.Errorf("a second Backup() = %v", err)
	}
}

func thing(id string) store.Key { return store.Key{Kind: "thing", ID: id} }
