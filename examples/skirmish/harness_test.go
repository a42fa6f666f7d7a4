//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// asProgram in the environment makes the test binary the program itself, also
// when the backend starts game servers with it.
const asProgram = "SKIRMISH_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// output collects what a program prints.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) watch() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// program is this program as a process.
type program struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended
	err  error         // then
}

func startProgram(t *testing.T, dir string, env []string, args ...string) (*program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &program{cmd: exec.Command(self, args...), out: newOutput(), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has usually ended
		<-p.done
	})
	return p, nil
}

// runProgram is startProgram in a test that needs it.
func runProgram(t *testing.T, dir string, env []string, args ...string) *program {
	t.Helper()
	p, err := startProgram(t, dir, env, args...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// await waits until the program has printed a text.
func (p *program) await(ctx context.Context, text string) error {
	for {
		changed := p.out.watch()
		if strings.Contains(p.out.String(), text) {
			return nil
		}
		select {
		case <-changed:
		case <-p.done:
			return fmt.Errorf("the program has ended without %q: %w\n%s", text, p.err, p.out)
		case <-ctx.Done():
			return fmt.Errorf("the program did not print %q: %w\n%s", text, context.Cause(ctx), p.out)
		}
	}
}

// wait waits for the end of the program and returns its error.
func (p *program) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-p.done:
	case <-t.Context().Done():
		t.Fatalf("the program does not end\n%s", p.out)
	}
	return p.err
}

// stand is a backend that can be killed and started again on the same file and
// the same addresses.
type stand struct {
	t       *testing.T
	dir     string
	gateway map[string]string // addresses, such as "game player"
	ended   []*program        // the earlier lives

	mu  sync.Mutex
	now *program
}

// startStand starts a backend. settings are environment variables of its game
// servers, set through the configuration of localprocess, and limits are settings
// of GameInstanceServiceConfig.
func startStand(t *testing.T, settings string, limits ...string) *stand {
	t.Helper()
	s := &stand{t: t, dir: t.TempDir(), gateway: make(map[string]string)}
	port := freePorts(t, 4)
	config := "core:\n"
	if database := pragmatest.DatabaseConfig(t); database != "" {
		config += "  databaseConfig: " + database + "\n"
	}
	config += "  gatewayManager:\n"
	for _, backend := range []string{"social", "game"} {
		config += "    " + backend + ":\n      operator: {enabled: false}\n"
		for _, gateway := range []string{"player", "partner"} {
			address := fmt.Sprintf("127.0.0.1:%d", port)
			port++
			s.gateway[backend+" "+gateway] = address
			config += fmt.Sprintf("      %s: {address: %q}\n", gateway, address)
		}
	}
	config += "game:\n  pluginConfigs:\n    GameInstanceService.gameServerProviderPlugin:\n      config: {env: {" + settings + "}}\n" +
		"  serviceConfigs:\n    GameInstanceServiceConfig: {" + strings.Join(limits, ", ") + "}\n"
	if err := os.WriteFile(filepath.Join(s.dir, "skirmish.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.killGameServers)
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts the backend and waits until it is ready.
func (s *stand) start(ctx context.Context) error {
	p, err := startProgram(s.t, s.dir, nil, "serve", "-config", "skirmish.yml")
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.now != nil {
		s.ended = append(s.ended, s.now)
	}
	s.now = p
	s.mu.Unlock()
	return p.await(ctx, "GAME/PARTNER ")
}

// kill ends the backend as a power failure would, without a last word.
func (s *stand) kill() {
	p := s.program()
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (s *stand) program() *program {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// log returns what all lives of the backend printed.
func (s *stand) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	for _, p := range append(s.ended, s.now) {
		text += "--- a life of the backend\n" + p.out.String()
	}
	return text
}

var startedLine = regexp.MustCompile(`msg="game server started".* pid=(\d+)`)

// gameServers returns the process ids of all game servers ever started.
func (s *stand) gameServers() []int {
	var pids []int
	for _, found := range startedLine.FindAllStringSubmatch(s.log(), -1) {
		if pid, err := strconv.Atoi(found[1]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killGameServers ends all game servers as a power failure would. Each is a process
// group.
func (s *stand) killGameServers() {
	for _, pid := range s.gameServers() {
		if alive(pid) {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
}

// awaitGameServers waits until no game server is left.
func (s *stand) awaitGameServers(ctx context.Context) error {
	for _, pid := range s.gameServers() {
		for alive(pid) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("game server %d still runs: %w", pid, context.Cause(ctx))
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	return nil
}

// alive reports whether a process runs. One that nobody waits for does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true // a system without /proc
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// options are those of clients that come back quickly.
func (s *stand) options() client.Options {
	return client.Options{
		Game: s.gateway["game player"], Social: s.gateway["social player"],
		Reconnect: client.Reconnect{Initial: 10 * time.Millisecond, Jitter: 10 * time.Millisecond, Max: 50 * time.Millisecond},
	}
}

// freePorts returns the first of a few ports that are free, and stay so while the
// backend is away: they are below those that systems give to outgoing connections,
// and the port before them keeps other tests off.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		base := 15000 + 10*rand.IntN(1500)
		guard, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base))
		if err != nil {
			continue
		}
		free := true
		for port := base + 1; port <= base+n && free; port++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if free = err == nil; free {
				l.Close()
			}
		}
		if free {
			t.Cleanup(func() { guard.Close() })
			return base + 1
		}
		guard.Close()
	}
	t.Fatal("no ports are free")
	return 0
}

// testTime bounds what a test waits for, which comes much sooner.
const testTime = time.Minute

// within bounds a test.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), d)
	t.Cleanup(stop)
	return ctx
}
