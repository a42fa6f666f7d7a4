// Command hello is the smallest whole backend: parties of three, games of one
// party against another, and a game server process for each game.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/localprocess"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// lobby decides what parties do. Everything it does not say is as documented.
type lobby struct{ party.Defaults }

func (lobby) OnAddPlayer(ctx context.Context, r *party.AddPlayerRequest) error {
	if r.Party.PlayerCount() >= 3 {
		return party.ErrFull.With("three are enough")
	}
	return nil
}

func newServer(cfg *pragma.Config, database string) *pragma.Server {
	parties := &party.Service{Plugin: lobby{}}
	games := &gameinstance.Service{
		Provider: &localprocess.Plugin{Command: "./gameserver"},
		Parties:  parties,
	}
	queue := &matchmaking.Service{
		Plugin:  &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 3},
		Parties: parties,
		Games:   games,
	}
	return &pragma.Server{
		Config: cfg,
		Store:  sqlite.File(database),
		Social: []pragma.Service{&account.Service{}},
		Game:   []pragma.Service{parties, games, queue},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := pragma.LoadConfig(os.Args[1:]...) // YAML files; none: the defaults
	if err != nil {
		log.Fatal(err)
	}
	if err := newServer(cfg, "hello.db").Run(ctx); err != nil {
		log.Fatal(err)
	}
}
