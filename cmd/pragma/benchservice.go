package main

import (
	"context"
	"sync"

	"github.com/openpragma/engine/pragma"
)

// benchService has calls that do nothing but what is to be measured.
type benchService struct {
	mu      sync.Mutex
	players []pragma.PlayerID // that have come since the start
}

type noOpText struct {
	Text string `json:"text"`
}

// Name implements [pragma.Service].
func (*benchService) Name() string { return "BenchRpc" }

// Mount implements [pragma.Service].
func (b *benchService) Mount(m *pragma.Mount) error {
	told := pragma.PlayerNotice[noOpText](m, "ToldV1Notification")
	pragma.HandlePlayer(m, "NoOpV1", func(_ context.Context, _ *pragma.PlayerSession, req *noOpText) (*noOpText, error) {
		return req, nil
	})
	pragma.HandlePlayer(m, "JoinV1", func(_ context.Context, p *pragma.PlayerSession, _ *noOpText) (*noOpText, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.players = append(b.players, p.PlayerID)
		return nil, nil
	})
	pragma.HandlePlayer(m, "TellAllV1", func(ctx context.Context, _ *pragma.PlayerSession, req *noOpText) (*noOpText, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		m.NotifyPlayers(ctx, told.Of(req), b.players...)
		return nil, nil
	})
	return nil
}
