package agones_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/plugins/agones"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// A studio with one fleet for each version, and some servers to spare.
func Example() {
	cfg, err := pragma.ParseConfig(`
game:
  pluginConfigs:
    GameInstanceService.gameServerProviderPlugin:
      config:
        url: https://allocator.example.com
        namespace: games
        certFile: /etc/agones/tls.crt
        keyFile: /etc/agones/tls.key
        caFile: /etc/agones/ca.crt
        selectors:
          - matchLabels: {agones.dev/fleet: skirmish, version: "{version}", zone: "{zone}"}
          - matchLabels: {agones.dev/fleet: skirmish-spare, version: "{version}"}
        labels: {game: "{gameInstanceId}"}
`)
	if err != nil {
		panic(err)
	}
	srv := &pragma.Server{
		Config: cfg,
		Game:   []pragma.Service{&gameinstance.Service{Provider: &agones.Plugin{}}},
	}
	fmt.Println(len(srv.Game), "service; run it with srv.Run(ctx)")
	// Output: 1 service; run it with srv.Run(ctx)
}

// The ext that a studio's game instance plugin gave to AllocateGameServer says how
// large the server must be.
func ExamplePlugin() {
	type need struct {
		Size string `json:"size"`
	}
	p := &agones.Plugin{
		Adjust: func(_ context.Context, a *agones.Allocation) error {
			n, err := ext.As[need](a.Request.Ext)
			if err != nil {
				return err
			}
			for i := range a.Selectors {
				a.Selectors[i].MatchLabels["size"] = n.Size
			}
			return nil
		},
	}
	a := &agones.Allocation{
		Request:   &gameinstance.StartAllocationForGameInstanceRequest{Ext: ext.Of(need{Size: "large"})},
		Selectors: []agones.Selector{{MatchLabels: map[string]string{"agones.dev/fleet": "skirmish"}}},
	}
	err := p.Adjust(context.Background(), a)
	fmt.Println(a.Selectors[0].MatchLabels, err)
	// Output: map[agones.dev/fleet:skirmish size:large] <nil>
}
