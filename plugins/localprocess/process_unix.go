//go:build unix

package localprocess

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// supervise runs a game server and what it starts as one process group. It waits
// for the game server, whose exit status it returns, and sees to it that none of
// its children are left. Beside it, a second process waits for the end of the
// pipe 4, which is the end of the program that started all this: then somebody has
// to read what the game server prints, from the pipe 3, or printing would end it;
// and when its time is over, it is stopped. The empty line that is printed first says that
// signals reach the game server: one that comes earlier may be lost.
const supervise = `
orphan=$1 grace=$2
shift 2
trap stop=1 INT TERM HUP
{
	read -r _ <&4
	cat <&3 &
	sleep "$orphan" && kill -INT 0
	sleep "$grace" && kill -KILL 0
} >/dev/null 2>&1 &
([ -z "$stop" ] && echo && exec "$@" </dev/null 3<&- 4<&-)
status=$?
kill -KILL $!
wait $! 2>/dev/null
trap '' TERM
kill -TERM 0
exit $status
`

// announces says that the first line is not the game server's.
const announces = true

func command(cfg *config, args []string) *exec.Cmd {
	seconds := func(n int) string { return strconv.Itoa(int((millis(n) + time.Second - 1) / time.Second)) }
	args = append([]string{"-c", supervise, "localprocess", seconds(cfg.OrphanGraceMillis), seconds(cfg.StopGraceMillis)}, args...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// inherited are the files 3 and 4.
func inherited(read, ear *os.File) []*os.File { return []*os.File{read, ear} }

func (p *process) interrupt() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT) }

// kill ends everything in the group. It does not fail unless nothing is left.
func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// sweep ends what the game server has left behind.
func (p *process) sweep() { p.kill() }
