package localprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

// Defaults of [Plugin].
const (
	DefaultMaxProcesses      = 16
	DefaultStopGraceMillis   = 5000
	DefaultEndGraceMillis    = 60_000
	DefaultOrphanGraceMillis = 600_000
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
	// StopGraceMillis is how long a process may take to end when it is told to.
	// Zero means [DefaultStopGraceMillis].
	StopGraceMillis int
	// EndGraceMillis is how long a process whose game has ended as it should may
	// run before it is told to end. Zero means [DefaultEndGraceMillis]. Make it
	// longer for servers that go on with a game that they create themselves.
	EndGraceMillis int
	// OrphanGraceMillis is how long a process may run on when this program was
	// killed, see the package. Zero means [DefaultOrphanGraceMillis].
	OrphanGraceMillis int

	config *pragma.Live[config]
	log    *slog.Logger

	mu      sync.Mutex
	started map[pragma.AllocationID]time.Time // also of processes that have ended
	ended   map[pragma.AllocationID]time.Time
	running map[pragma.AllocationID]*process
	forgot  time.Time // when it was last looked for what may be forgotten
	closed  bool
	wg      sync.WaitGroup // of the processes
}

var (
	_ gameinstance.ProviderPlugin = (*Plugin)(nil)
	_ pragma.Configurable         = (*Plugin)(nil)
)

type config struct {
	Command           string            `yaml:"command"`
	Args              []string          `yaml:"args"`
	Env               map[string]string `yaml:"env"`
	WorkingDirectory  string            `yaml:"workingDirectory"`
	MaxProcesses      int               `yaml:"maxProcesses"`
	StopGraceMillis   int               `yaml:"stopGraceMillis"`
	EndGraceMillis    int               `yaml:"endGraceMillis"`
	OrphanGraceMillis int               `yaml:"orphanGraceMillis"`
}

// Validate reports what is missing.
func (c config) Validate() error {
	if c.Command == "" {
		return errors.New("command is missing: which program is the game server?")
	}
	if min(c.MaxProcesses, c.StopGraceMillis, c.EndGraceMillis, c.OrphanGraceMillis) < 1 {
		return errors.New("maxProcesses, stopGraceMillis, endGraceMillis and orphanGraceMillis must be at least 1")
	}
	return nil
}

func (p *Plugin) settings() config {
	if p.config != nil {
		return p.config.Load()
	}
	return config{
		Command: p.Command, Args: p.Args, Env: p.Env, WorkingDirectory: p.WorkingDirectory,
		MaxProcesses:      cmp.Or(p.MaxProcesses, DefaultMaxProcesses),
		StopGraceMillis:   cmp.Or(p.StopGraceMillis, DefaultStopGraceMillis),
		EndGraceMillis:    cmp.Or(p.EndGraceMillis, DefaultEndGraceMillis),
		OrphanGraceMillis: cmp.Or(p.OrphanGraceMillis, DefaultOrphanGraceMillis),
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
// was started before or its end was told already. It returns [ErrTooManyProcesses]
// when too many run, and an error of package os when there is no such program.
func (p *Plugin) StartAllocationForGameInstance(ctx context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	cfg := p.settings()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget()
	_, again := p.started[r.AllocationID]
	_, over := p.ended[r.AllocationID]
	switch {
	case again || over:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
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

// EndAllocation ends the process of an allocation: at once, or after
// [Plugin.EndGraceMillis] if its game has ended as it should, or was given back. It
// does not wait for that. A process of a former run is not known: it ends by
// itself, see the package.
func (p *Plugin) EndAllocation(_ context.Context, r *gameinstance.EndAllocationRequest) error {
	cfg := p.settings()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget()
	if p.ended == nil {
		p.ended = make(map[pragma.AllocationID]time.Time)
	}
	p.ended[r.AllocationID] = time.Now()
	proc := p.running[r.AllocationID]
	if proc == nil || p.closed { // Close ends it
		return nil
	}
	grace := millis(cfg.StopGraceMillis)
	switch r.Reason {
	case gameinstance.EndEnded, gameinstance.EndUnlinked:
		proc.patient.Do(func() { p.wg.Go(func() { proc.stopAfter(millis(cfg.EndGraceMillis), grace) }) })
	default:
		proc.prompt.Do(func() { p.wg.Go(func() { proc.stop(grace) }) })
	}
	return nil
}

func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

const (
	// remember is how long a repeated call for an allocation is recognised.
	remember = 2 * time.Hour
	// forgetEvery is how often it is looked for what may be forgotten.
	forgetEvery = time.Minute
)

// forget forgets allocations that nobody will ask for again.
func (p *Plugin) forget() {
	now := time.Now()
	if now.Sub(p.forgot) < forgetEvery {
		return
	}
	p.forgot = now
	old := func(id pragma.AllocationID, at time.Time) bool { return p.running[id] == nil && now.Sub(at) > remember }
	maps.DeleteFunc(p.started, old)
	maps.DeleteFunc(p.ended, old)
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
	grace := millis(p.settings().StopGraceMillis)
	p.mu.Lock()
	p.closed = true
	for _, proc := range p.running {
		p.wg.Go(func() { proc.stop(grace) })
	}
	p.mu.Unlock()
	p.wg.Wait()
}
