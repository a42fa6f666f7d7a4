package fleet_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

// hoster starts servers in one pool per zone.
type hoster struct{ fleet.Defaults }

var _ fleet.Plugin = hoster{}

func (hoster) SelectServerPool(_ context.Context, r *fleet.SelectServerPoolRequest) (fleet.ServerPool, error) {
	return fleet.ServerPool{ServerPoolID: "arena-" + r.GameServerZone, ManagementPolicyID: "arena"}, nil
}

func (h hoster) GetServerPoolByID(_ context.Context, r *fleet.GetServerPoolByIDRequest) (fleet.ServerPool, error) {
	switch r.ServerPoolID {
	case "arena-eu", "arena-us":
		return fleet.ServerPool{ServerPoolID: r.ServerPoolID, ManagementPolicyID: "arena"}, nil
	}
	return fleet.ServerPool{}, fleet.ErrServerPoolNotFound
}

func (hoster) Add(_ context.Context, r *fleet.AddRequest) error {
	for _, server := range r.Allocations {
		// Order a machine with server.ServerID as the key, so that a repeated call
		// orders none, and hand over server.ClientTokens() and r.BackendAddress.
		_ = server
	}
	return nil
}

// Games run on servers that ask for work. The fleet is the provider of the games
// and a service of its own.
func Example() {
	games := &gameinstance.Service{}
	servers := &fleet.Service{Plugin: hoster{}, Games: games}
	games.Provider = servers

	cfg, err := pragma.ParseConfig(`
game:
  serviceConfigs:
    FleetServiceConfig:
      serverPoolManagementPolicies:
        arena: {gamesPerServer: 4, maxCapacity: 20}
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &pragma.Server{Config: cfg, Game: []pragma.Service{games, servers}}
	fmt.Println(srv.Check())
	// Output: <nil>
}
