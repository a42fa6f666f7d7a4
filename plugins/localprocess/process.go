package localprocess

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/gameinstance"
)

// process is a game server, with the processes that it starts.
type process struct {
	cmd  *exec.Cmd
	out  *output
	log  *slog.Logger
	done chan struct{} // closed when it has ended

	// read is the end of the pipe that it prints to, and life is open as long as
	// this program lives. Both are closed when the process has ended.
	read, life *os.File
	begun      chan struct{} // closed when it listens to signals
	drained    chan struct{} // closed when all that it printed was read

	stopped         atomic.Bool // we ask it to end: how it does is no surprise
	prompt, patient sync.Once   // the ways in which an allocation ends
}

// pipeDelay bounds how long the output of a process is read after its end, which
// processes that it has left behind may keep open.
const pipeDelay = 2 * time.Second

func start(cfg *config, r *gameinstance.StartAllocationForGameInstanceRequest, tokens gameinstance.PartnerClientTokens, log *slog.Logger) (*process, error) {
	program, err := find(cfg)
	if err != nil {
		return nil, err
	}
	args := append([]string{program}, cfg.Args...)
	args = append(args,
		"-PragmaPartnerBackendAddress="+r.BackendAddress,
		"-PragmaPartnerSessionSocialAuthToken="+tokens.SocialToken,
		"-PragmaPartnerSessionGameAuthToken="+tokens.GameToken,
	)
	p := &process{cmd: command(cfg, args), log: log, done: make(chan struct{}), begun: make(chan struct{}), drained: make(chan struct{})}
	p.out = newOutput(log, tokens.GameToken, tokens.SocialToken)
	p.cmd.Dir = cfg.WorkingDirectory
	p.cmd.Env = os.Environ()
	for name, value := range cfg.Env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	if !r.GameInstanceID.IsZero() { // a server of a Fleet asks for one
		p.cmd.Env = append(p.cmd.Env, "PRAGMA_GAME_INSTANCE_ID="+r.GameInstanceID.String())
	}
	p.cmd.Env = append(p.cmd.Env,
		"PRAGMA_PARTNER_BACKEND_ADDRESS="+r.BackendAddress,
		"PRAGMA_PARTNER_GAME_TOKEN="+tokens.GameToken,
		"PRAGMA_PARTNER_SOCIAL_TOKEN="+tokens.SocialToken,
	)
	if err := p.begin(); err != nil {
		return nil, err
	}
	p.log = log.With("pid", p.cmd.Process.Pid)
	p.log.Info("game server started")
	return p, nil
}

// find returns the program as a path that is good in the working directory.
func find(cfg *config) (string, error) {
	if filepath.Base(cfg.Command) == cfg.Command {
		path, err := exec.LookPath(cfg.Command)
		if err != nil {
			return "", err
		}
		return filepath.Abs(path)
	}
	path := cfg.Command
	if !filepath.IsAbs(path) {
		path = filepath.Join(cfg.WorkingDirectory, path)
	}
	if _, err := exec.LookPath(path); err != nil && !errors.Is(err, exec.ErrDot) {
		return "", err
	}
	return filepath.Abs(path)
}

// begin starts the process with its pipes.
func (p *process) begin() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	ear, life, err := os.Pipe()
	if err != nil {
		return errors.Join(err, read.Close(), write.Close())
	}
	p.read, p.life = read, life
	p.cmd.Stdout, p.cmd.Stderr = write, write
	p.cmd.ExtraFiles = inherited(read, ear)
	err = p.cmd.Start()
	_, _ = write.Close(), ear.Close() // they are the process's now
	if err != nil {
		_, _ = read.Close(), life.Close()
		return err
	}
	go p.listen()
	return nil
}

// listen reads what is printed, until the pipe is closed. wait waits for it.
func (p *process) listen() {
	defer close(p.drained)
	if announces {
		_, _ = p.read.Read(make([]byte, 1)) // at the end of the pipe too
	}
	close(p.begun)
	_, _ = io.Copy(p.out, p.read)
}

// wait waits for the end of the process and logs it.
func (p *process) wait() {
	err := p.cmd.Wait()
	p.sweep()
	close(p.done)
	t := time.NewTimer(pipeDelay)
	defer t.Stop()
	select {
	case <-p.drained:
	case <-t.C:
	}
	_, _ = p.life.Close(), p.read.Close()
	<-p.drained
	p.out.flush()
	if err != nil && !p.stopped.Load() {
		p.log.Warn("game server ended", "err", err)
		return
	}
	p.log.Info("game server ended")
}

// stop asks the process to end, and makes it when it takes too long.
func (p *process) stop(grace time.Duration) {
	if p.over() {
		return
	}
	p.stopped.Store(true)
	select {
	case <-p.begun:
	case <-time.After(grace):
	}
	if err := p.interrupt(); err != nil { // ended, or a system without signals
		p.kill()
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		p.log.Warn("game server does not end by itself; it is killed")
		if !p.over() {
			p.kill()
		}
	}
}

// stopAfter is stop, for a process that has some time to end by itself.
func (p *process) stopAfter(wait, grace time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		p.stop(grace)
	}
}

func (p *process) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
