//go:build unix

package localprocess_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/gameinstance/providertest"
	"github.com/openpragma/engine/plugins/localprocess"
	"github.com/openpragma/engine/pragma"
)

// census counts the processes of each allocation by what the log says of them.
type census struct {
	mu   sync.Mutex
	text bytes.Buffer
	runs map[pragma.AllocationID]int
}

func (c *census) Write(line []byte) (int, error) {
	var entry struct {
		Msg          string
		AllocationID pragma.AllocationID
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(line)
	switch entry.Msg {
	case "game server started":
		c.runs[entry.AllocationID]++
	case "game server ended":
		c.runs[entry.AllocationID]--
	}
	return len(line), nil
}

func (c *census) count(id pragma.AllocationID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs[id]
}

func (c *census) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// script is a plugin whose game server is a line of shell.
func script(text string) *localprocess.Plugin {
	return &localprocess.Plugin{Command: "/bin/sh", Args: []string{"-c", text, "server"}}
}

func TestItIsAProvider(t *testing.T) {
	for _, row := range []struct {
		name      string
		processes int
		capacity  int
	}{
		{"with room for all", 1100, 0},
		{"with little room", 3, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Fixture {
				c := &census{runs: make(map[pragma.AllocationID]int)}
				before := slog.Default()
				slog.SetDefault(slog.New(slog.NewJSONHandler(c, nil)))
				t.Cleanup(func() { slog.SetDefault(before) })
				p := script(`echo "$@ $PRAGMA_PARTNER_GAME_TOKEN"; env; exec sleep 1000`)
				p.MaxProcesses = row.processes
				t.Cleanup(p.Close)
				return providertest.Fixture{
					Provider: p, Servers: c.count, Capacity: row.capacity, Logs: c.String, Shutdown: p.Close, Patience: time.Minute,
				}
			})
		})
	}
}

func end(t *testing.T, p *localprocess.Plugin, id pragma.AllocationID, reason gameinstance.EndReason) {
	t.Helper()
	if err := p.EndAllocation(t.Context(), &gameinstance.EndAllocationRequest{AllocationID: id, Reason: reason}); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessMayFinishAfterItsGame(t *testing.T) {
	l := newLogs(t)
	p := plugin(t, "wait")
	p.EndGraceMillis = 1
	r := request()
	start(t, p, r)
	<-l.lines // it listens to signals
	end(t, p, r.AllocationID, gameinstance.EndEnded)
	if line := <-l.lines; line != "goodbye" {
		t.Errorf("the process prints %q, want goodbye", line)
	}
	until(t, "the first process has ended", func() bool { return p.Running() == 0 })
	p.EndGraceMillis = 3_600_000
	r = request()
	start(t, p, r)
	<-l.lines
	end(t, p, r.AllocationID, gameinstance.EndUnlinked)
	if n := p.Running(); n != 1 {
		t.Errorf("Running() = %d after its game, want 1: it has an hour", n)
	}
	p.Close() // does not wait for that hour
}

// alive reports whether a process runs. One that has ended, and that nobody has
// asked for its status, does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

// until waits until something is so.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s: still not so", what)
		}
	}
}

func TestChildrenOfAProcessEndWithIt(t *testing.T) {
	for _, row := range []struct{ name, server string }{
		{"a server that is stopped", `sleep 1000 & echo $!; wait`},
		{"a server that ends by itself", `sleep 1000 & echo $!`},
		{"children that ignore it", `(trap '' INT TERM; exec sleep 1000) & echo $!`},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := newLogs(t)
			p := script(row.server)
			start(t, p, request())
			child, err := strconv.Atoi(<-l.lines)
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			until(t, "the child has ended", func() bool { return !alive(child) })
		})
	}
}

// backend is a program with a game server, for the test to kill.
func backend() {
	p := script(`trap '' INT; echo $$ >"$TICKS.pid"; while :; do echo tick; echo tick >>"$TICKS"; sleep 0.05; done`)
	p.OrphanGraceMillis, p.StopGraceMillis = 2000, 1000
	for n := range 2 {
		p.Env = map[string]string{"TICKS": os.Getenv("TICKS") + strconv.Itoa(n)}
		if err := p.StartAllocationForGameInstance(context.Background(), request()); err != nil {
			fmt.Println(err)
		}
	}
	select {}
}

// fleetBackend is backend with servers that ask for work.
func fleetBackend() {
	f := &localprocess.Fleet{
		Command: "/bin/sh", Args: []string{"-c", `trap '' INT; sleep 1000 & echo $! >"$TICKS$PRAGMA_SERVER_ID.child"; echo $$ >"$TICKS$PRAGMA_SERVER_ID.pid"; while :; do echo tick; echo tick >>"$TICKS$PRAGMA_SERVER_ID"; sleep 0.05; done`, "server"},
		OrphanGraceMillis: 2000, StopGraceMillis: 1000,
	}
	if err := f.Add(context.Background(), order("0", "1")); err != nil {
		fmt.Println(err)
	}
	select {}
}

func pidIn(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// A game server goes on when the backend is killed, though nobody reads what it
// prints, and ends when it has had its time.
func TestAProcessOutlivesAKilledBackendForSomeTime(t *testing.T) {
	for _, behaviour := range []string{"backend", "fleet backend"} {
		t.Run(behaviour, func(t *testing.T) {
			ticks := filepath.Join(t.TempDir(), "ticks")
			var out bytes.Buffer
			cmd := exec.Command(self(t))
			cmd.Env = append(os.Environ(), "LOCALPROCESS_TEST="+behaviour, "TICKS="+ticks)
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "both game servers run", func() bool { return size(ticks+"0") > 0 && size(ticks+"1") > 0 })
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			before := size(ticks + "0")
			until(t, "a game server goes on", func() bool { return size(ticks+"0") > before+100 })
			until(t, "all have ended", func() bool {
				return !alive(pidIn(t, ticks+"0.pid")) && !alive(pidIn(t, ticks+"1.pid"))
			})
			if size(ticks+"0.child") > 0 {
				until(t, "what they have started has ended", func() bool { return !alive(pidIn(t, ticks+"0.child")) })
			}
		})
	}
}

func TestChildrenOfAFleetProcessEndWithIt(t *testing.T) {
	l := newLogs(t)
	f := &localprocess.Fleet{Command: "/bin/sh", Args: []string{"-c", `sleep 1000 & echo $!; wait`, "server"}}
	if err := f.Add(t.Context(), order("a")); err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(<-l.lines)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	until(t, "the child has ended", func() bool { return !alive(child) })
}
