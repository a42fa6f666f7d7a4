package localprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

	procs processes
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

// withDefaults fills in what is zero.
func (c config) withDefaults() config {
	c.MaxProcesses = cmp.Or(c.MaxProcesses, DefaultMaxProcesses)
	c.StopGraceMillis = cmp.Or(c.StopGraceMillis, DefaultStopGraceMillis)
	c.EndGraceMillis = cmp.Or(c.EndGraceMillis, DefaultEndGraceMillis)
	c.OrphanGraceMillis = cmp.Or(c.OrphanGraceMillis, DefaultOrphanGraceMillis)
	return c
}

func (p *Plugin) settings() config {
	return p.procs.settings(p.fields())
}

func (p *Plugin) fields() config {
	return config{
		Command: p.Command, Args: p.Args, Env: p.Env, WorkingDirectory: p.WorkingDirectory, MaxProcesses: p.MaxProcesses,
		StopGraceMillis: p.StopGraceMillis, EndGraceMillis: p.EndGraceMillis, OrphanGraceMillis: p.OrphanGraceMillis,
	}.withDefaults()
}

// MountPlugin implements [pragma.Configurable].
func (p *Plugin) MountPlugin(m *pragma.PluginMount) error { return p.procs.mount(m, p.fields()) }

// StartAllocationForGameInstance starts the process of an allocation, unless it
// was started before or its end was told already. It returns [ErrTooManyProcesses]
// when too many run, and an error of package os when there is no such program.
func (p *Plugin) StartAllocationForGameInstance(ctx context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	cfg := p.settings()
	err := p.procs.start(ctx, r.AllocationID.String(), cfg.MaxProcesses, func(log *slog.Logger) (*process, error) {
		tokens, err := r.ClientTokens()
		if err != nil {
			return nil, fmt.Errorf("make tokens: %w", err)
		}
		return start(&cfg, r, tokens, log.With("gameInstanceId", r.GameInstanceID, "allocationId", r.AllocationID))
	})
	if err != nil {
		return fmt.Errorf("start game server for %s: %w", r.GameInstanceID, err)
	}
	return nil
}

// EndAllocation ends the process of an allocation: at once, or after
// [Plugin.EndGraceMillis] if its game has ended as it should, or was given back. It
// does not wait for that. A process of a former run is not known: it ends by
// itself, see the package.
func (p *Plugin) EndAllocation(_ context.Context, r *gameinstance.EndAllocationRequest) error {
	cfg := p.settings()
	grace := millis(cfg.StopGraceMillis)
	p.procs.end(r.AllocationID.String(), func(proc *process) {
		switch r.Reason {
		case gameinstance.EndEnded, gameinstance.EndUnlinked:
			proc.patient.Do(func() { p.procs.wg.Go(func() { proc.stopAfter(millis(cfg.EndGraceMillis), grace) }) })
		default:
			proc.prompt.Do(func() { p.procs.wg.Go(func() { proc.stop(grace) }) })
		}
	})
	return nil
}

func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Running returns how many processes run.
func (p *Plugin) Running() int { return p.procs.count() }

// Close ends all processes and waits for them. A server does it when it stops;
// only who uses a Plugin without one has to call it.
func (p *Plugin) Close() { p.procs.close(p.settings().StopGraceMillis) }
