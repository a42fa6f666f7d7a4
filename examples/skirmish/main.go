// Command skirmish is a small game on the engine: a lobby, duels of two against
// two, custom games that players make, an arena with a score, and a game server.
//
//	go run ./examples/skirmish         plays an evening and tells the story
//	go run ./examples/skirmish serve   keeps the backend running
//
// Both take -config and a YAML file, which may choose another database than the
// file of SQLite that is the default:
//
//	core: {databaseConfig: {driver: POSTGRES, hostPortSchema: "localhost:5432/skirmish", username: skirmish, password: "${DB_PASSWORD}"}}
//
// It is written as a studio would write it, outside the engine's module. Read
// lobby.go and arena.go next, then gameserver.go, then bot.go.
package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/localprocess"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

func main() {
	if err := run(interrupted(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "skirmish:", err)
		os.Exit(1)
	}
}

// backend is the whole of this game's online side. file is where its state is if
// cfg names no database.
func backend(cfg *pragma.Config, file string, log *slog.Logger) (*pragma.Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start game servers: %w", err)
	}
	parties := &party.Service{Plugin: lobby{}}
	games := &gameinstance.Service{
		Plugin:   arena{},
		Provider: &localprocess.Plugin{Command: self, Args: []string{"gameserver"}},
		Parties:  parties,
	}
	queue := &matchmaking.Service{
		Plugin:  &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 2},
		Parties: parties,
		Games:   games,
	}
	return &pragma.Server{
		Config: cfg,
		Store:  sqlite.File(file),
		// What core.databaseConfig may name instead.
		Databases: []store.Product{sqlite.Product(), mysql.Product(), postgres.Product()},
		Social:    []pragma.Service{&account.Service{}},
		Game:      []pragma.Service{parties, games, queue},
		Logger:    log,
	}, nil
}
