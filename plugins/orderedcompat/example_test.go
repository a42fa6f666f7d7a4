package orderedcompat_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/orderedcompat"
	"github.com/openpragma/engine/pragma"
)

// The plugin is a field of the party service; the map comes from the configuration.
func Example() {
	parties := &party.Service{Compatibility: &orderedcompat.Plugin{}}
	srv := &pragma.Server{Game: []pragma.Service{parties}}
	fmt.Println(len(srv.Game), "service; run it with srv.Run(ctx)")
	// Output: 1 service; run it with srv.Run(ctx)
}

// A plugin can be asked without a server: a party of an old and a new client plays
// on the highest version that serves both.
func ExamplePlugin_CalculateGameServerVersion() {
	plugin := &orderedcompat.Plugin{VersionCompatibility: map[string]party.ServerVersion{
		"1": {ServerVersion: "server-1.0", ClientVersions: map[string]string{"1": "1.0.0", "2": "1.0.1"}},
		"2": {ServerVersion: "server-1.1", ClientVersions: map[string]string{"1": "1.0.1", "2": "1.1.0"}},
	}}
	together := party.NewParty(pragma.NewID[pragma.PartyID](),
		party.NewPlayer(party.PlayerInfo{GameClientVersion: "1.0.1"}),
		party.NewPlayer(party.PlayerInfo{GameClientVersion: "1.0.0"}),
	)
	version, ok, err := plugin.CalculateGameServerVersion(context.Background(), &party.CalculateGameServerVersionRequest{Party: together})
	fmt.Println(version, ok, err)
	// Output: server-1.0 true <nil>
}
