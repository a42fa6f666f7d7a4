package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// Every writer of the child has a counter, and notes each step of it in a new
// record of the same commit.
const crashWriters = 8

func counterKey(w int) store.Key {
	return store.Key{Kind: "counter", ID: fmt.Sprintf("w%d", w)}
}

func stepKey(w int, n int64) store.Key {
	return store.Key{Kind: "step", ID: fmt.Sprintf("w%d/%09d", w, n)}
}

// contextOfChild is for code that runs without a test.
func contextOfChild() context.Context { return context.Background() }

// writeUntilKilled prints "writer number" after each acknowledged commit.
func writeUntilKilled(path string) {
	ctx := contextOfChild()
	d, err := sqlite.File(path)(ctx)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(3)
	}
	fmt.Println("ready")
	failed := make(chan error)
	for w := range crashWriters {
		go func() { failed <- countForever(ctx, d, w) }()
	}
	fmt.Println("error", <-failed)
	os.Exit(4)
}

func countForever(ctx context.Context, d store.Driver, w int) error {
	recs, err := d.Get(ctx, counterKey(w))
	if err != nil {
		return err
	}
	padding := make([]byte, 2000) // fills the log, so that checkpoints happen
	for n := recs[0].Rev + 1; ; n++ {
		err := store.Commit(ctx, d, &store.Batch{Puts: []store.Put{
			{Key: counterKey(w), Expect: n - 1, Body: binary.BigEndian.AppendUint64(nil, uint64(n))},
			{Key: stepKey(w, n), Body: padding},
		}})
		if err != nil {
			return err
		}
		// One write of a short line arrives whole or not at all.
		if _, err := os.Stdout.WriteString(fmt.Sprintf("%d %d\n", w, n)); err != nil {
			return err
		}
	}
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	rounds := 5
	if os.Getenv("PRAGMA_LONG") == "1" {
		rounds = 50
	}
	path := filepath.Join(t.TempDir(), "crash.db")
	var acknowledged [crashWriters]int64
	for round := range rounds {
		// Odd rounds are killed while they start, if chance wants it.
		runAndKill(t, path, round%2 == 0, &acknowledged)
		verifyAfterCrash(t, path, &acknowledged)
		if t.Failed() {
			t.Fatalf("round %d of %d failed", round+1, rounds)
		}
	}
	t.Logf("acknowledged commits of each writer after %d kills: %v", rounds, acknowledged)
	if acknowledged[0] == 0 {
		t.Error("no commit was acknowledged in any round")
	}
}

// runAndKill starts a child, kills it at a random moment and notes what it
// acknowledged.
func runAndKill(t *testing.T, path string, untilReady bool, acknowledged *[crashWriters]int64) {
	t.Helper()
	cmd := childCommand(t, roleWrite, path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if untilReady {
		line, err := lines.ReadString('\n')
		if err != nil || line != "ready\n" {
			t.Errorf("child says %q, %v, want ready", line, err)
		}
	}
	kill := time.AfterFunc(rand.N(150*time.Millisecond), func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		var w int
		var n int64
		if _, err := fmt.Sscanf(line, "%d %d\n", &w, &n); err == nil {
			acknowledged[w] = n
		} else if line != "ready\n" {
			t.Errorf("child says %q", line)
		}
	}
	_ = cmd.Wait() // killed
}

func verifyAfterCrash(t *testing.T, path string, acknowledged *[crashWriters]int64) {
	t.Helper()
	d, err := sqlite.File(path)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for w := range crashWriters {
		recs, err := d.Get(t.Context(), counterKey(w))
		if err != nil {
			t.Fatal(err)
		}
		rev := recs[0].Rev
		if rev < acknowledged[w] || rev > acknowledged[w]+1 {
			t.Errorf("counter of writer %d = %d, acknowledged was %d", w, rev, acknowledged[w])
		}
		if rev > 0 && int64(binary.BigEndian.Uint64(recs[0].Body)) != rev {
			t.Errorf("counter of writer %d = %x at revision %d", w, recs[0].Body, rev)
		}
		acknowledged[w] = rev
		n := int64(0)
		for r, err := range d.List(t.Context(), store.Query{Kind: "step", Prefix: fmt.Sprintf("w%d/", w)}) {
			if n++; err != nil || r.Key != stepKey(w, n) || r.Rev != 1 {
				t.Fatalf("step %d of writer %d is %s at revision %d, %v", n, w, r.Key, r.Rev, err)
			}
		}
		if n != rev {
			t.Errorf("writer %d has %d steps, its counter says %d", w, n, rev)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	checkIntegrity(t, path)
}

func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	var result string
	if err := rawDatabase(t, path).QueryRow("PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity check = %q, %v, want ok", result, err)
	}
}

// rawDatabase opens the file without the driver under test.
func rawDatabase(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func childCommand(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, pathEnv+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestASecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "one.db")
	d := open(t, path)
	out, err := childCommand(t, roleOpen, path).Output()
	if err == nil {
		t.Fatal("a second process opened the database")
	}
	for _, part := range []string{path, path + ".lock", fmt.Sprintf("in use by process %d", os.Getpid())} {
		if !strings.Contains(string(out), part) {
			t.Errorf("second process says %q, which lacks %q", out, part)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := childCommand(t, roleOpen, path).Output(); err != nil {
		t.Errorf("after Close a process says %q, %v", out, err)
	}
}
