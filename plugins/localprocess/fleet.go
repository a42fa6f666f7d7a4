package localprocess

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"

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

	procs processes
}

var (
	_ fleet.Plugin        = (*Fleet)(nil)
	_ pragma.Configurable = (*Fleet)(nil)
)

func (f *Fleet) settings() config { return f.procs.settings(f.fields()) }

func (f *Fleet) fields() config {
	return config{
		Command: f.Command, Args: f.Args, Env: f.Env, WorkingDirectory: f.WorkingDirectory, MaxProcesses: f.MaxProcesses,
		StopGraceMillis: f.StopGraceMillis, OrphanGraceMillis: f.OrphanGraceMillis,
	}.withDefaults()
}

// MountPlugin implements [pragma.Configurable].
func (f *Fleet) MountPlugin(m *pragma.PluginMount) error { return f.procs.mount(m, f.fields()) }

// Add starts a process for each server that was not started before. The error
// joins those of all that could not be started, such as [ErrTooManyProcesses];
// the others run.
func (f *Fleet) Add(ctx context.Context, r *fleet.AddRequest) error {
	var failed error
	for i := range r.Allocations {
		if err := f.add(ctx, r, &r.Allocations[i]); err != nil {
			failed = errors.Join(failed, fmt.Errorf("start game server %s: %w", r.Allocations[i].ServerID, err))
		}
	}
	return failed
}

func (f *Fleet) add(ctx context.Context, r *fleet.AddRequest, a *fleet.GameServerAllocation) error {
	cfg := f.settings()
	return f.procs.start(ctx, a.ServerID, cfg.MaxProcesses, func(log *slog.Logger) (*process, error) {
		tokens, err := a.ClientTokens()
		if err != nil {
			return nil, fmt.Errorf("make tokens: %w", err)
		}
		tellServer(&cfg, a.ServerID, r.ServerPool.ServerPoolID)
		log = log.With("serverId", a.ServerID, "pool", r.ServerPool.ServerPoolID)
		return start(&cfg, &gameinstance.StartAllocationForGameInstanceRequest{BackendAddress: r.BackendAddress}, tokens, log)
	})
}

// tellServer adds what only a server that asks for work is told.
func tellServer(cfg *config, server, pool string) {
	cfg.Args = append(append([]string(nil), cfg.Args...), "-PragmaServerId="+server, "-PragmaServerPoolId="+pool)
	env := map[string]string{}
	maps.Copy(env, cfg.Env)
	env["PRAGMA_SERVER_ID"], env["PRAGMA_SERVER_POOL_ID"] = server, pool
	cfg.Env = env
}

// Running returns how many processes run.
func (f *Fleet) Running() int { return f.procs.count() }

// Close ends all processes and waits for them. A server does it when it stops;
// only who uses a Fleet without one has to call it.
func (f *Fleet) Close() { f.procs.close(f.settings().StopGraceMillis) }
