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

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

// Fleet starts processes that ask for work (engine §8.4). It is a [fleet.Plugin]
// with the pools of [fleet.Defaults]: those of the game server versions. Besides
// what a process of a [Plugin] is told, each is told who it is, and must report as
// that:
//
//	PRAGMA_SERVER_ID       its server id
//	PRAGMA_SERVER_POOL_ID  the pool it is in
//
//	-PragmaServerId=…
//	-PragmaServerPoolId=…
//
// There is no game instance for it yet. Command is required, here or in the
// configuration of the slot FleetService.fleetPlugin, which has the same keys as
// that of a [Plugin]. Fields must not be changed once the server runs. A Fleet
// serves one server at a time.
type Fleet struct {
	fleet.Defaults

	// All these are as for a [Plugin]. endGraceMillis has no meaning here: a server
	// is stopped only with the program that started it.
	Command           string
	Args              []string
	Env               map[string]string
	WorkingDirectory  string
	MaxProcesses      int
	StopGraceMillis   int
	OrphanGraceMillis int

	config *pragma.Live[config]
	log    *slog.Logger

	mu      sync.Mutex
	started map[string]time.Time // by server id; also of processes that have ended
	running map[string]*process
	closed  bool
	wg      sync.WaitGroup // of the processes
}

var (
	_ fleet.Plugin        = (*Fleet)(nil)
	_ pragma.Configurable = (*Fleet)(nil)
)

func (f *Fleet) settings() config {
	if f.config != nil {
		return f.config.Load()
	}
	return config{
		Command: f.Command, Args: f.Args, Env: f.Env, WorkingDirectory: f.WorkingDirectory,
		MaxProcesses:      cmp.Or(f.MaxProcesses, DefaultMaxProcesses),
		StopGraceMillis:   cmp.Or(f.StopGraceMillis, DefaultStopGraceMillis),
		EndGraceMillis:    DefaultEndGraceMillis,
		OrphanGraceMillis: cmp.Or(f.OrphanGraceMillis, DefaultOrphanGraceMillis),
	}
}

// MountPlugin implements [pragma.Configurable].
func (f *Fleet) MountPlugin(m *pragma.PluginMount) error {
	f.config = nil
	live, err := pragma.PluginConfig(m, f.settings())
	if err != nil {
		return err
	}
	if err := live.Load().Validate(); err != nil { // without a section nobody else asks
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config, f.log, f.closed = live, m.Log(), false
	m.Go("game servers", func(ctx context.Context) {
		<-ctx.Done()
		f.Close()
	})
	return nil
}

// Add starts a process for each server that was not started before. The error
// joins those of all that could not be started, such as [ErrTooManyProcesses];
// the others run.
func (f *Fleet) Add(_ context.Context, r *fleet.AddRequest) error {
	var failed error
	for i := range r.Allocations {
		if err := f.add(r, &r.Allocations[i]); err != nil {
			failed = errors.Join(failed, fmt.Errorf("start game server %s: %w", r.Allocations[i].ServerID, err))
		}
	}
	return failed
}

func (f *Fleet) add(r *fleet.AddRequest, a *fleet.GameServerAllocation) error {
	cfg := f.settings()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget()
	switch _, again := f.started[a.ServerID]; {
	case again:
		return nil
	case f.closed:
		return pragma.ErrUnavailable.With("the server is shutting down")
	case len(f.running) >= cfg.MaxProcesses:
		return ErrTooManyProcesses
	}
	tokens, err := a.ClientTokens()
	if err != nil {
		return fmt.Errorf("make tokens: %w", err)
	}
	tellServer(&cfg, a.ServerID, r.ServerPool.ServerPoolID)
	log := cmp.Or(f.log, slog.Default()).With("serverId", a.ServerID, "pool", r.ServerPool.ServerPoolID)
	proc, err := start(&cfg, &gameinstance.StartAllocationForGameInstanceRequest{BackendAddress: r.BackendAddress}, tokens, log)
	if err != nil {
		return err
	}
	if f.running == nil {
		f.started, f.running = make(map[string]time.Time), make(map[string]*process)
	}
	f.started[a.ServerID], f.running[a.ServerID] = time.Now(), proc
	f.wg.Go(func() { f.await(a.ServerID, proc) })
	return nil
}

// tellServer adds what only a server that asks for work is told.
func tellServer(cfg *config, server, pool string) {
	cfg.Args = append(append([]string(nil), cfg.Args...), "-PragmaServerId="+server, "-PragmaServerPoolId="+pool)
	env := map[string]string{}
	maps.Copy(env, cfg.Env)
	env["PRAGMA_SERVER_ID"], env["PRAGMA_SERVER_POOL_ID"] = server, pool
	cfg.Env = env
}

// forget forgets servers that nobody will ask for again.
func (f *Fleet) forget() {
	for id, at := range f.started {
		if f.running[id] == nil && time.Since(at) > remember {
			delete(f.started, id)
		}
	}
}

func (f *Fleet) await(id string, proc *process) {
	proc.wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, id)
}

// Running returns how many processes run.
func (f *Fleet) Running() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.running)
}

// Close ends all processes and waits for them. A server does it when it stops;
// only who uses a Fleet without one has to call it.
func (f *Fleet) Close() {
	grace := millis(f.settings().StopGraceMillis)
	f.mu.Lock()
	f.closed = true
	for _, proc := range f.running {
		f.wg.Go(func() { proc.stop(grace) })
	}
	f.mu.Unlock()
	f.wg.Wait()
}
