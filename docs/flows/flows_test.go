// Package flows_test replays the flows of this folder against a running server,
// byte for byte.
package flows_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/friends"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/logindata"
	"github.com/openpragma/engine/pragma/playerdata"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
	"github.com/openpragma/engine/pragma/store/sqlite"
	"github.com/openpragma/engine/pragma/telemetry"
)

var update = flag.Bool("update", false, "write what the server says into the flows")

func TestServerFollowsEveryFlow(t *testing.T) {
	files, err := filepath.Glob("*.flow")
	if err != nil || len(files) == 0 {
		t.Fatalf("no flows: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".flow"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			pragmatest.Run(t, backendOf(t, file), func(w *pragmatest.World) {
				p := newPlay(w, *update)
				p.run(string(text))
				got = p.record()
			})
			if *update && !t.Failed() {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Accounts and auth codes may be in databases of their own (ADR 16). Clients see no
// difference, and no commit wants records of two databases.
func TestFlowsAreTheSameWithDatabasesApart(t *testing.T) {
	for _, file := range []string{"authcode.flow", "friends.flow", "match.flow", "operator.flow"} {
		t.Run(strings.TrimSuffix(file, ".flow"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections := []string{"AccountDaoConfig"}
			if file == "authcode.flow" {
				sections = append(sections, "AuthCodeDaoConfig")
			}
			var yaml []string
			for _, section := range sections {
				yaml = append(yaml, "social: {serviceConfigs: {"+section+": {databaseConfig: "+database(t)+"}}}")
			}
			pragmatest.Run(t, backendOf(t, file, yaml...), func(w *pragmatest.World) {
				newPlay(w, false).run(string(text))
			})
		})
	}
}

// database returns a databaseConfig of the store that tests are run on, or of a
// file if that is in memory.
func database(t *testing.T) string {
	if config := pragmatest.DatabaseConfig(t); config != "" {
		return config
	}
	return fmt.Sprintf("{driver: SQLITE, hostPortSchema: %q}", filepath.Join(t.TempDir(), "apart.db"))
}

// backendOf returns how the server of a flow is made: in those of game servers
// that ask for games, there are games only when they do; those of auth codes and
// tournaments need a configuration. There may be more configuration.
func backendOf(t *testing.T, file string, yaml ...string) func() *pragma.Server {
	build := backend
	switch file {
	case "authcode.flow":
		yaml = append(yaml, `social: {serviceConfigs: {AuthCodeServiceConfig: {
			authCodeApplicationId: 5f158727c9e95137883b8b96, authCodeApplicationSecret: not-a-secret}}}`)
		build = func() *pragma.Server {
			srv := backend()
			srv.Social = append(srv.Social, &authcode.Service{Accounts: srv.Social[0].(*account.Service)})
			return srv
		}
	case "tournament.flow":
		yaml = append(yaml, tournamentConfig)
		build = tournamentBackend
	case "rulesbackfill.flow":
		return rulesBackend
	case "loadtest.flow", "gameserver.flow":
		build = pollingBackend
	}
	config := pragmatest.Config(t, yaml...)
	return func() *pragma.Server {
		srv := build()
		srv.Config = config
		srv.Databases = []store.Product{sqlite.Product(), mysql.Product(), postgres.Product()}
		return srv
	}
}

// rulesBackend is backend with two against two by rules, which fill running games
// after some time.
func rulesBackend() *pragma.Server {
	srv := backend()
	for _, s := range srv.Game {
		if queue, ok := s.(*matchmaking.Service); ok {
			queue.Plugin, queue.Pool = nil, &rules.Plugin{Config: rules.Config{Default: rules.Rules{
				NumberOfTeams: 2, PlayersPerTeam: 2, Backfill: rules.Backfill{Policy: rules.BackfillAfter, AfterSeconds: 20},
			}}}
		}
	}
	return srv
}

// pollingBackend is backend with games that wait for servers that poll.
func pollingBackend() *pragma.Server {
	srv := backend()
	for _, s := range srv.Game {
		if games, ok := s.(*gameinstance.Service); ok {
			servers := &fleet.Service{Games: games}
			games.Provider = servers
			srv.Game = append(srv.Game, servers)
			break
		}
	}
	return srv
}

// backend is a server with every service and the documented defaults, for duels
// of one against one.
func backend() *pragma.Server {
	accounts := &account.Service{}
	items := &inventory.Service{Catalog: inventory.Catalog{
		Stackables: []inventory.StackableSpec{{CatalogID: "gold", Name: "Gold", Limit: 1000, Tags: []string{"currency"}}},
		Instanced:  []inventory.InstancedSpec{{CatalogID: "sword", Name: "Sword", Tags: []string{"weapon"}}},
	}}
	parties := &party.Service{Accounts: accounts, Inventory: items}
	games := &gameinstance.Service{Plugin: games{}, Provider: &gameinstance.DefaultProvider{Disabled: true}, Parties: parties}
	queue := &matchmaking.Service{
		Plugin:  &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 1},
		Parties: parties, Games: games,
	}
	return &pragma.Server{
		Social: []pragma.Service{accounts, &friends.Service{Accounts: accounts}},
		Game: []pragma.Service{
			items, &logindata.Service{Inventory: items}, &playerdata.Service{},
			parties, games, queue, &telemetry.Service{},
		},
	}
}
