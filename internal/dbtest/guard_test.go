package dbtest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/dbtest"
)

const leavingVariable = "DBTEST_LEAVE"

// It plays the test of another binary, which is killed with its servers running.
func TestServersAreLeftRunning(t *testing.T) {
	if os.Getenv(leavingVariable) == "" {
		t.Skip("it is a part of the test below")
	}
	dbtest.NewMariaDB(t)
	dbtest.NewPostgres(t)
	frozen := dbtest.NewPostgres(t)
	if err := frozen.Freeze(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("they run")
	time.Sleep(time.Minute)
}

func TestNothingIsLeftOfATestThatIsKilled(t *testing.T) {
	dbtest.NewMariaDB(t) // or there is nothing to see
	servers.Postgres(t)
	for _, c := range []struct {
		name string
		wait bool
	}{{"while the servers run", true}, {"while a server is made", false}} {
		t.Run(c.name, func(t *testing.T) {
			dir := forEverybody(t)
			cmd := exec.Command(os.Args[0], "-test.run=^TestServersAreLeftRunning$")
			cmd.Env = append(os.Environ(), leavingVariable+"=1", "TMPDIR="+dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if c.wait {
				if text, err := bufio.NewReader(out).ReadString('\n'); err != nil || text != "they run\n" {
					t.Errorf("the other test says %q, %v", text, err)
				}
			} else {
				until(t, "no directory was made", func() bool { return len(dirs(filepath.Join(dir, "*"))) > 0 })
			}
			all := pids(dir)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if c.wait && len(all) < 6 {
				t.Errorf("%d processes ran, want more", len(all))
			}
			until(t, "something is left", func() bool { return len(dirs(dir)) == 0 && !anyAlive(all) })
		})
	}
}

// forEverybody makes a directory that other accounts can read.
func forEverybody(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dbtest-left-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func dirs(dir string) []string {
	all, _ := filepath.Glob(filepath.Join(dir, "*"))
	return all
}

// pids returns the processes that the servers in a directory have noted.
func pids(dir string) (all []int) {
	for _, name := range []string{"pid", "frozen"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*", name))
		for _, file := range files {
			text, _ := os.ReadFile(file)
			for _, field := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil {
					all = append(all, pid)
				}
			}
		}
	}
	return all
}

func anyAlive(all []int) bool {
	for _, pid := range all {
		if syscall.Kill(pid, 0) == nil {
			return true
		}
	}
	return false
}

func until(t *testing.T, problem string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(problem)
		}
	}
}
