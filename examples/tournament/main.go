// Command tournament plays an evening of a tournament platform on the engine: eight
// players link their accounts, three rounds of one against one, somebody who does
// not come, a game that ends late, and a platform that is away for a while.
//
//	go run ./examples/tournament   plays the evening and tells the story
//
// The platform is escs/escstest, a fake that is a real HTTP server. Everything else
// is as a studio would have it: main.go is the backend, duel.go the game, bot.go what
// a player's client does. cup.go plays the platform's part, and story.go tells it all.
package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/localprocess"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

func main() {
	if err := run(interrupted(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tournament:", err)
		os.Exit(1)
	}
}

// backend is the online side of a game that only has tournaments. One that has
// matchmaking of its own gives its plugins to the two of package escs as Inner.
func backend(cfg *pragma.Config, file string, log *slog.Logger) (*pragma.Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start game servers: %w", err)
	}
	accounts := &account.Service{}
	sets := &escs.Service{Accounts: accounts, Transformer: escs.TransformerOf(scores)}
	parties := &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{}, Accounts: accounts}
	games := &gameinstance.Service{
		Plugin:   duel{},
		Provider: &localprocess.Plugin{Command: self, Args: []string{"gameserver"}},
		Parties:  parties,
		Jobs:     []gameinstance.Job{sets.ResultsJob()},
	}
	queue := &matchmaking.Service{Plugin: &escs.ExternalMatchmakingFillPartyPlugin{}, Parties: parties, Games: games}
	sets.Parties, sets.Queue, sets.Games = parties, queue, games
	return &pragma.Server{
		Config: cfg,
		Store:  sqlite.File(file),
		Social: []pragma.Service{accounts, &authcode.Service{Accounts: accounts}},
		Game:   []pragma.Service{parties, games, queue, sets},
		Logger: log,
	}, nil
}
