//go:build !unix

package localprocess

import (
	"os"
	"os/exec"
)

const announces = false

func command(_ *config, args []string) *exec.Cmd { return exec.Command(args[0], args[1:]...) }

func inherited(_, _ *os.File) []*os.File { return nil }

func (p *process) interrupt() error { return p.cmd.Process.Signal(os.Interrupt) }

// kill does not fail unless the process has just ended.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

func (p *process) sweep() {}
