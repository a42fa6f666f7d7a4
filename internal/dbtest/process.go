package dbtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTime is how long a server may take to answer its first connection.
const startTime = 60 * time.Second

// launcher runs the server given by its arguments. $0 is the file for its process id.
const launcher = `"$@" </dev/null & echo $! >"$0"; wait $!`

// process is one server process that can be killed, frozen and started again.
type process struct {
	name string
	dir  *guarded // holds data, log and process id
	port int
	args []string
	as   *syscall.Credential // the account it runs as; nil: ours

	mu  sync.Mutex
	cmd *exec.Cmd
	pid int
}

// start runs the server and waits until ready succeeds.
func (p *process) start(ready func() error) error {
	if err := p.launch(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	var last error
	for end := time.Now().Add(startTime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if last = ready(); last == nil {
			return nil
		}
		if !p.alive() {
			break
		}
	}
	text, _ := os.ReadFile(p.logFile())
	return fmt.Errorf("%s does not answer: %w\n%s", p.name, last, tail(text, 2000))
}

func (p *process) launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	pidFile := p.pidFile()
	cmd := exec.Command("/bin/sh", append([]string{"-c", launcher, pidFile}, p.args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir.path, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	for range 500 {
		text, _ := os.ReadFile(pidFile)
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			p.pid = n
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("no process id in %s", pidFile)
}

func (p *process) pidFile() string { return filepath.Join(p.dir.path, "pid") }

func (p *process) logFile() string { return filepath.Join(p.dir.path, "log") }

func (p *process) alive() bool { return p.signal(0) == nil }

func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return os.ErrProcessDone
	}
	return syscall.Kill(p.pid, s)
}

// end sends the signal and waits until the process is gone.
func (p *process) end(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = syscall.Kill(p.pid, s)
	_ = syscall.Kill(p.pid, syscall.SIGCONT)
	_ = p.cmd.Wait()
	p.cmd = nil
	_ = os.Remove(p.pidFile())
}

// freePort returns a port of the loopback address that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// missing skips the test, or fails it where nothing may be skipped.
func missing(t testing.TB, what, pkg string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed (Debian package %s), and with CI=true this must not be skipped", what, pkg)
	}
	t.Skipf("%s is not installed (Debian package %s)", what, pkg)
}

// find looks for a program, also where servers are that only root starts.
func find(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	path := filepath.Join("/usr/sbin", name)
	_, err := os.Stat(path)
	return path, err == nil
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
