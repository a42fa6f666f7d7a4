package localprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

// Defaults of [Plugin].
const (
	DefaultMaxProcesses    = 16
	DefaultStopGraceMillis = 5000
)

// ErrTooManyProcesses is an allocation beyond [Plugin.MaxProcesses].
var ErrTooManyProcesses = errors.New("localprocess: too many game servers are running")

// Plugin starts game servers as processes. Command is required, here or in the
// configuration. Fields must not be changed once the server runs. A Plugin
// serves one server at a time.
type Plugin struct {
	gameinstance.ProviderDefaults

	// Command is the program to start, and Args are its first arguments. A
	// relative path is looked for from WorkingDirectory.
	Command string
	Args    []string
	// Env is added to this program's own environment.
	Env map[string]string
	// WorkingDirectory is where the processes start. Empty means here.
	WorkingDirectory string
	// MaxProcesses bounds how many run at a time. Zero means
	// [DefaultMaxProcesses].
	MaxProcesses int
	// StopGraceMillis is how long a process may take to end when the server stops.
	// Zero means [DefaultStopGraceMillis].
	StopGraceMillis int

	config *pragma.Live[config]
	log    *slog.Logger

	mu      sync.Mutex
	started map[pragma.AllocationID]time.Time // also of processes that have ended
	running map[pragma.AllocationID]*process
	closed  bool
	wg      sync.WaitGroup // of the processes
}

var (
	_ gameinstance.ProviderPlugin = (*Plugin)(nil)
	_ pragma.Configurable         = (*Plugin)(nil)
)

type config struct {
	Command          string            `yaml:"command"`
	Args             []string          `yaml:"args"`
	Env              map[string]string `yaml:"env"`
	WorkingDirectory string            `yaml:"workingDirectory"`
	MaxProcesses     int               `yaml:"maxProcesses"`
	StopGraceMillis  int               `yaml:"stopGraceMillis"`
}

// Validate reports what is missing.
func (c config) Validate() error {
	if c.Command == "" {
		return errors.New("command is missing: which program is the game server?")
	}
	if c.MaxProcesses < 1 || c.StopGraceMillis < 1 {
		return errors.New("maxProcesses and stopGraceMillis must be at least 1")
	}
	return nil
}

func (p *Plugin) settings() config {
	if p.config != nil {
		return p.config.Load()
	}
	return config{
		Command: p.Command, Args: p.Args, Env: p.Env, WorkingDirectory: p.WorkingDirectory,
		MaxProcesses:    cmp.Or(p.MaxProcesses, DefaultMaxProcesses),
		StopGraceMillis: cmp.Or(p.StopGraceMillis, DefaultStopGraceMillis),
	}
}

// MountPlugin implements [pragma.Configurable].
func (p *Plugin) MountPlugin(m *pragma.PluginMount) error {
	p.config = nil
	live, err := pragma.PluginConfig(m, p.settings())
	if err != nil {
		return err
	}
	if err := live.Load().Validate(); err != nil { // without a section nobody else asks
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config, p.log, p.closed = live, m.Log(), false
	m.Go("game servers", func(ctx context.Context) {
		<-ctx.Done()
		p.Close()
	})
	return nil
}

// StartAllocationForGameInstance starts the process of an allocation, unless it
// was started before. It returns [ErrTooManyProcesses] when too many run, and an
// error of package os when there is no such program.
func (p *Plugin) StartAllocationForGameInstance(_ context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	cfg := p.settings()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget()
	switch _, again := p.started[r.AllocationID]; {
	case again:
		return nil
	case p.closed:
		return pragma.ErrUnavailable.With("the server is shutting down")
	case len(p.running) >= cfg.MaxProcesses:
		return ErrTooManyProcesses
	}
	tokens, err := r.ClientTokens()
	if err != nil {
		return fmt.Errorf("make tokens for allocation %s: %w", r.AllocationID, err)
	}
	log := cmp.Or(p.log, slog.Default()).With("gameInstanceId", r.GameInstanceID, "allocationId", r.AllocationID)
	proc, err := start(&cfg, r, tokens, log)
	if err != nil {
		return fmt.Errorf("start game server for %s: %w", r.GameInstanceID, err)
	}
	if p.running == nil {
		p.started, p.running = make(map[pragma.AllocationID]time.Time), make(map[pragma.AllocationID]*process)
	}
	p.started[r.AllocationID], p.running[r.AllocationID] = time.Now(), proc
	p.wg.Go(func() { p.await(r.AllocationID, proc) })
	return nil
}

// rememberStart is how long a repeated allocation is recognised.
const rememberStart = 2 * time.Hour

// forget forgets allocations that nobody will ask for again.
func (p *Plugin) forget() {
	for id, at := range p.started {
		if p.running[id] == nil && time.Since(at) > rememberStart {
			delete(p.started, id)
		}
	}
}

func (p *Plugin) await(id pragma.AllocationID, proc *process) {
	proc.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, id)
}

// Running returns how many processes run.
func (p *Plugin) Running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running)
}

// Close ends all processes and waits for them. A server does it when it stops;
// only who uses a Plugin without one has to call it.
func (p *Plugin) Close() {
	grace := time.Duration(p.settings().StopGraceMillis) * time.Millisecond
	p.mu.Lock()
	p.closed = true
	for _, proc := range p.running {
		p.wg.Go(func() { proc.stop(grace) })
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// process is a game server.
type process struct {
	cmd  *exec.Cmd
	out  *output
	log  *slog.Logger
	done chan struct{} // closed when it has ended

	stopped atomic.Bool // we ask it to end: how it does is no surprise
}

// pipeDelay bounds how long the output of a process is read after its end, which
// its own children may keep open.
const pipeDelay = 2 * time.Second

func start(cfg *config, r *gameinstance.StartAllocationForGameInstanceRequest, tokens gameinstance.PartnerClientTokens, log *slog.Logger) (*process, error) {
	args := append([]string(nil), cfg.Args...)
	args = append(args,
		"-PragmaPartnerBackendAddress="+r.BackendAddress,
		"-PragmaPartnerSessionSocialAuthToken="+tokens.SocialToken,
		"-PragmaPartnerSessionGameAuthToken="+tokens.GameToken,
	)
	cmd := exec.Command(cfg.Command, args...)
	cmd.Dir, cmd.WaitDelay = cfg.WorkingDirectory, pipeDelay
	cmd.Env = os.Environ()
	for name, value := range cfg.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if !r.GameInstanceID.IsZero() { // a server of a Fleet asks for one
		cmd.Env = append(cmd.Env, "PRAGMA_GAME_INSTANCE_ID="+r.GameInstanceID.String())
	}
	cmd.Env = append(cmd.Env,
		"PRAGMA_PARTNER_BACKEND_ADDRESS="+r.BackendAddress,
		"PRAGMA_PARTNER_GAME_TOKEN="+tokens.GameToken,
		"PRAGMA_PARTNER_SOCIAL_TOKEN="+tokens.SocialToken,
	)
	out := newOutput(log, tokens.GameToken, tokens.SocialToken)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	log = log.With("pid", cmd.Process.Pid)
	log.Info("game server started")
	return &process{cmd: cmd, out: out, log: log, done: make(chan struct{})}, nil
}

// wait waits for the end of the process and logs it.
func (p *process) wait() {
	err := p.cmd.Wait()
	close(p.done)
	p.out.flush()
	if err != nil && !p.stopped.Load() {
		p.log.Warn("game server ended", "err", err)
		return
	}
	p.log.Info("game server ended")
}

// stop asks the process to end, and makes it when it takes too long.
func (p *process) stop(grace time.Duration) {
	p.stopped.Store(true)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil { // ended, or a system without signals
		_ = p.cmd.Process.Kill()
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		p.log.Warn("game server does not end by itself; it is killed")
		_ = p.cmd.Process.Kill() // fails only if it has just ended
	}
}
