package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/friends"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/logindata"
	"github.com/openpragma/engine/pragma/playerdata"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
	"github.com/openpragma/engine/pragma/telemetry"
)

// backend returns a server with every service and its default plugin; games are
// played by the game servers that ask for them (wire §7.6). serve runs it and config
// check mounts it; the benchmarks measure one withoutGameServers.
func backend(cfg *pragma.Config, db store.Opener, log *slog.Logger) *pragma.Server {
	accounts := &account.Service{}
	items := &inventory.Service{Players: accounts}
	parties := &party.Service{Accounts: accounts, Inventory: items}
	games := &gameinstance.Service{Parties: parties}
	servers := &fleet.Service{Games: games}
	games.Provider = servers
	queue := &matchmaking.Service{Plugin: &warmbody.Plugin{}, Parties: parties, Games: games}
	return &pragma.Server{
		Config:    cfg,
		Store:     db,
		Databases: []store.Product{sqlite.Product(), mysql.Product(), postgres.Product()},
		Social:    []pragma.Service{accounts, &friends.Service{Accounts: accounts}},
		Game: []pragma.Service{
			items, &logindata.Service{Inventory: items}, &playerdata.Service{},
			parties, games, servers, queue, &account.GameManagement{Accounts: accounts}, &telemetry.Service{},
		},
		Logger: log,
	}
}

// withoutGameServers has the games of a backend run without game servers.
func withoutGameServers(srv *pragma.Server) {
	srv.Game = slices.DeleteFunc(srv.Game, func(s pragma.Service) bool {
		if games, ok := s.(*gameinstance.Service); ok {
			games.Provider = &gameinstance.DefaultProvider{Disabled: true}
		}
		_, servers := s.(*fleet.Service)
		return servers
	})
}

// running is a server that runs beside its caller.
type running struct {
	addresses pragma.Addresses
	cancel    context.CancelFunc
	done      chan error
}

// start runs a server and returns when its gateways are open. Stop it.
func start(ctx context.Context, srv *pragma.Server) (*running, error) {
	life, cancel := context.WithCancel(ctx)
	ready := make(chan pragma.Addresses, 1)
	srv.Ready = func(a pragma.Addresses) { ready <- a }
	r := &running{cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- srv.Run(life) }()
	select {
	case err := <-r.done:
		cancel()
		return nil, errors.Join(err, context.Cause(ctx))
	case r.addresses = <-ready:
		return r, nil
	}
}

// stop drains the server and waits for it.
func (r *running) stop() error {
	r.cancel()
	return <-r.done
}
