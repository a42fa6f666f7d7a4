package webhook_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/webhook"
	"github.com/openpragma/engine/pragma"
)

// The engine's side: where the fleet is, and with which secret calls are signed.
func Example() {
	cfg, err := pragma.ParseConfig(`
game:
  pluginConfigs:
    GameInstanceService.gameServerProviderPlugin:
      config:
        url: https://fleet.example.com/allocations
        keys:
          - {keyId: k1, secret: not-a-secret-but-32-characters!!}
`)
	if err != nil {
		panic(err)
	}
	srv := &pragma.Server{
		Config: cfg,
		Game:   []pragma.Service{&gameinstance.Service{Provider: &webhook.Plugin{}}},
	}
	fmt.Println(len(srv.Game), "service; run it with srv.Run(ctx)")
	// Output: 1 service; run it with srv.Run(ctx)
}

// rack is the studio's side: it starts servers, one for each allocation.
type rack struct {
	mu   sync.Mutex
	seen map[pragma.AllocationID]webhook.Type
}

func (f *rack) start(_ context.Context, c *webhook.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.seen[c.AllocationID] {
	case webhook.Start:
		return nil // under way already
	case webhook.End:
		return fmt.Errorf("allocation %s is over", c.AllocationID)
	}
	f.seen[c.AllocationID] = webhook.Start
	fmt.Println("start a server of version", c.GameServerVersion)
	return nil
}

func (f *rack) end(_ context.Context, c *webhook.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[c.AllocationID] == webhook.Start {
		fmt.Println("stop it")
	}
	f.seen[c.AllocationID] = webhook.End
	return nil
}

// A fleet that is written in Go lets a Handler check the calls.
func ExampleHandler() {
	f := &rack{seen: make(map[pragma.AllocationID]webhook.Type)}
	h := &webhook.Handler{Start: f.start, End: f.end}
	h.Secrets = map[string]pragma.Secret{"k1": "not-a-secret-but-32-characters!!"}
	srv := httptest.NewServer(h) // yours is an http.Server with a certificate
	defer srv.Close()

	cfg := webhook.DefaultConfig()
	cfg.URL, cfg.Keys = srv.URL, []webhook.Key{{KeyID: "k1", Secret: "not-a-secret-but-32-characters!!"}}
	engine := &webhook.Plugin{Config: &cfg}
	defer engine.Close()
	request := &gameinstance.StartAllocationForGameInstanceRequest{
		GameInstanceID: pragma.NewID[pragma.GameInstanceID](), AllocationID: pragma.NewID[pragma.AllocationID](),
		GameServerVersion: "1.2.3",
		ClientTokens: func() (gameinstance.PartnerClientTokens, error) {
			return gameinstance.PartnerClientTokens{GameToken: "…", SocialToken: "…"}, nil
		},
	}
	for range 2 {
		fmt.Println(engine.StartAllocationForGameInstance(context.Background(), request))
	}
	fmt.Println(engine.EndAllocation(context.Background(), &gameinstance.EndAllocationRequest{
		GameInstanceID: request.GameInstanceID, AllocationID: request.AllocationID, Reason: gameinstance.EndTimedOut,
	}))
	// Output:
	// start a server of version 1.2.3
	// <nil>
	// <nil>
	// stop it
	// <nil>
}
