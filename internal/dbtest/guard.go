package dbtest

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// guard waits until file 3 ends, which happens at the latest with the test binary.
// If the directory $0 is still there then, nobody has tidied up: it ends the
// processes whose ids the directory keeps, with a moment to give back what belongs
// to the system, and removes it, a second time for those who have still written
// while they ended. It belongs to a process group of its
// own, so that it outlives an interrupt from the terminal.
const guard = `
while read -r _; do :; done <&3
for wait in 1 5; do
	[ -d "$0" ] || exit 0
	kill -CONT $(cat "$0/pid" "$0/frozen")
	kill -QUIT $(cat "$0/pid")
	sleep 1
	kill -9 $(cat "$0/pid" "$0/frozen")
	rm -rf "$0"
	sleep $wait
done
rm -rf "$0"`

// guarded is a temporary directory that does not outlive the test binary, however
// that ends, and neither do the processes that its files pid and frozen name.
type guarded struct {
	path  string
	leash io.Closer
	cmd   *exec.Cmd
}

// newGuarded makes a directory; the pattern is that of os.MkdirTemp. For tests it
// is one in memory if that can be: what they find out does not depend on how long
// a disk takes. Benchmarks want the truth.
func newGuarded(t testing.TB, pattern string) (*guarded, error) {
	parent := ""
	if _, bench := t.(*testing.B); !bench {
		parent = memoryDir()
	}
	path, err := os.MkdirTemp(parent, pattern)
	if err != nil && parent != "" {
		path, err = os.MkdirTemp("", pattern)
	}
	if err != nil {
		return nil, err
	}
	g := &guarded{path: path}
	if err := g.watch(); err != nil {
		os.RemoveAll(path)
		return nil, err
	}
	return g, nil
}

func (g *guarded) watch() error {
	in, leash, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	cmd := exec.Command("/bin/sh", "-c", guard, g.path)
	cmd.ExtraFiles = []*os.File{in} // 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		leash.Close()
		return err
	}
	g.leash, g.cmd = leash, cmd
	return nil
}

// close removes the directory, whose processes have ended.
func (g *guarded) close() error {
	err := os.RemoveAll(g.path)
	g.leash.Close()
	_ = g.cmd.Wait()
	return err
}
