package warmbody_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// serve starts a server with a configuration of the plugin, and stops it once it
// is up. It listens on ports that are free.
func serve(t *testing.T, plugin *warmbody.Plugin, config string) error {
	t.Helper()
	cfg, err := pragma.ParseConfig(`
core:
  gatewayManager:
    social: {player: {enabled: false}, partner: {enabled: false}, operator: {enabled: false}}
    game: {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}
game:
  pluginConfigs:
    MatchmakingService.matchmakingPlugin: ` + config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	parties := &party.Service{}
	games := &gameinstance.Service{}
	srv := &pragma.Server{
		Config: cfg,
		Social: []pragma.Service{&account.Service{}},
		Game:   []pragma.Service{parties, games, &matchmaking.Service{Plugin: plugin, Parties: parties, Games: games}},
		Ready:  func(pragma.Addresses) { stop() },
	}
	return srv.Run(ctx)
}

func TestTheConfigurationDecides(t *testing.T) {
	plugin := &warmbody.Plugin{NumberOfTeams: 3}
	if err := serve(t, plugin, "{config: {playersPerTeam: 4}}"); err != nil {
		t.Fatal(err)
	}
	_, err := plugin.Initialize(t.Context(), &matchmaking.InitializeRequest{Matchable: matchable(1, 5)})
	if !errors.Is(err, matchmaking.ErrPartyTooBig) {
		t.Errorf("a party of 5: %v, want ErrPartyTooBig", err)
	}
	game, err := plugin.MatchParties(t.Context(), &matchmaking.MatchPartiesRequest{Anchor: matchable(1, 4, 4), Other: matchable(11, 4)})
	if got := teams(game); got != "1 2 11" || err != nil {
		t.Errorf("game %q, %v; want three teams of four: the field holds where the configuration is silent", got, err)
	}
}

func TestAConfigurationThatCannotBeMeantStopsTheStart(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"no teams", "{config: {numberOfTeams: 0}}", "numberOfTeams"},
		{"no players", "{config: {playersPerTeam: -1}}", "playersPerTeam"},
		{"a crowd", "{config: {numberOfTeams: 100, playersPerTeam: 100}}", "at most 1000 players"},
		{"a misspelt key", "{config: {numberofteam: 2}}", "numberofteam"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := serve(t, &warmbody.Plugin{}, c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run() = %v, want an error with %q", err, c.want)
			}
		})
	}
}
