package main

import (
	"context"
	"sync"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
)

// benchDuelConfig makes the games of a server duels. The gate keeps a hook waiting
// for as long as players enter.
const benchDuelConfig = `
core:
  session: {pluginTimeoutMillis: 3600000}
game:
  pluginConfigs:
    MatchmakingService.matchmakingPlugin: {config: {playersPerTeam: 1}}
`

// benchDuels is the plugin that fills teams, behind a gate: while that is closed,
// the first pair that meets is kept waiting, and so is everybody else.
type benchDuels struct {
	warmbody.Plugin
	gate benchGate
}

// MatchParties implements [matchmaking.Plugin].
func (d *benchDuels) MatchParties(ctx context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	if err := d.gate.wait(ctx); err != nil {
		return nil, err
	}
	return d.Plugin.MatchParties(ctx, r)
}

// benchGate is open until it is closed.
type benchGate struct {
	mu     sync.Mutex
	closed chan struct{} // nil: open
}

func (g *benchGate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case open && g.closed != nil:
		close(g.closed)
		g.closed = nil
	case !open && g.closed == nil:
		g.closed = make(chan struct{})
	}
}

func (g *benchGate) wait(ctx context.Context) error {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed == nil {
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// holdDuels puts the gate before the queue of a server.
func holdDuels(srv *pragma.Server) {
	duels := &benchDuels{}
	for _, s := range srv.Game {
		switch s := s.(type) {
		case *matchmaking.Service:
			s.Plugin = duels
		case *gameinstance.Service:
			s.Plugin = benchDuelGames{}
		}
	}
	srv.Game = append(srv.Game, benchGateService{&duels.gate})
}

// benchDuelGames asks for no servers: what comes after a match is not measured.
type benchDuelGames struct{ benchGames }

// HandleBackendCreateByMatchmakingRequest implements [gameinstance.Plugin].
func (benchDuelGames) HandleBackendCreateByMatchmakingRequest(context.Context, *gameinstance.BackendCreateByMatchmakingRequest) error {
	return nil
}

// benchGateService opens and closes the gate of a server's queue.
type benchGateService struct{ gate *benchGate }

type benchGateRequest struct {
	Open bool `json:"open"`
}

// Name implements [pragma.Service].
func (benchGateService) Name() string { return "BenchGateRpc" }

// Mount implements [pragma.Service].
func (s benchGateService) Mount(m *pragma.Mount) error {
	pragma.HandlePlayer(m, "SetV1", func(_ context.Context, _ *pragma.PlayerSession, r *benchGateRequest) (*benchGateRequest, error) {
		s.gate.set(r.Open)
		return nil, nil
	})
	return nil
}
