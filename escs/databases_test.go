package escs_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
)

func TestSetsAreInTheDatabaseOfTheServer(t *testing.T) {
	const (
		required = "game: {serviceConfigs: {EscsConfig: {url: 'https://escs.example', secret: classified, gameId: game}}}"
		sets     = `game: {serviceConfigs: {MatchmakingDaoConfig: {databaseConfig: {driver: MYSQLDB, username: "superuser", password: "password", hostPortSchema: "localhost:3306/escs_matchmaking"}}}}`
	)
	for _, c := range []struct{ name, yaml, want string }{
		{"as documented", "{}", "give core.databaseConfig these values"},
		{"beside another one", strings.NewReplacer("game: {serviceConfigs: {MatchmakingDaoConfig: {", "core: {", "}}}}", "}}", "escs_matchmaking", "game").Replace(sets),
			"all must name the same database, but core.databaseConfig is MYSQLDB localhost:3306/game"},
		{"the same one", strings.NewReplacer("game: {serviceConfigs: {MatchmakingDaoConfig: {", "core: {", "}}}}", "}}").Replace(sets), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			parties := &party.Service{}
			games := &gameinstance.Service{Parties: parties}
			queue := &matchmaking.Service{Plugin: &warmbody.Plugin{}, Parties: parties, Games: games}
			srv := &pragma.Server{
				Config: pragmatest.Config(t, required, sets, c.yaml), Databases: []store.Product{mysql.Product()},
				Game:   []pragma.Service{parties, games, queue, &escs.Service{Parties: parties, Queue: queue, Games: games}},
				Logger: slog.New(slog.DiscardHandler),
			}
			err := srv.Check()
			switch said := err != nil && strings.Contains(err.Error(), "MatchmakingDaoConfig.databaseConfig: "); {
			case c.want == "" && said:
				t.Errorf("Check() = %v", err)
			case c.want != "" && (!said || !strings.Contains(err.Error(), c.want)):
				t.Errorf("Check() = %v, want it to say %q", err, c.want)
			}
		})
	}
}
