package dbtest

import (
	"io"
	"os"
	"os/exec"
	"syscall"
)

// guard waits until file 3 ends, which happens at the latest with the test binary.
// If the directory $0 is still there then, nobody has tidied up: it ends the
// processes whose ids the directory keeps and removes it, a second time for those
// who have still written while they ended. It belongs to a process group of its
// own, so that it outlives an interrupt from the terminal.
const guard = `
while read -r _; do :; done <&3
for wait in 1 5; do
	[ -d "$0" ] || exit 0
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

// newGuarded makes a directory. The pattern is that of os.MkdirTemp.
func newGuarded(pattern string) (*guarded, error) {
	path, err := os.MkdirTemp("", pattern)
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
