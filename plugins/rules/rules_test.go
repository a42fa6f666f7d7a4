package rules_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

type m = map[string]any

// waiting returns a party whose players have these exts.
func waiting(n int, exts ...m) *matchmaking.Party {
	p := &matchmaking.Party{ID: pragma.PartyID{1: byte(n)}, TicketID: pragma.TicketID{1: byte(n)}, EnteredAt: start.Add(time.Duration(n) * time.Millisecond)}
	for i, e := range exts {
		p.Players = append(p.Players, &matchmaking.Player{ID: pragma.PlayerID{0: byte(i), 1: byte(n)}, Ext: ext.Of(e)})
	}
	return p
}

// proposals asks a plugin about a queue and writes its games as "1:0 2:1".
func proposals(t *testing.T, p *rules.Plugin, key matchmaking.QueueKey, now time.Time, parties []*matchmaking.Party, games ...*matchmaking.GameInstance) []string {
	t.Helper()
	v, err := matchmaking.NewView(t.Context(), p, key, parties, games...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Propose(t.Context(), &matchmaking.ProposeRequest{QueueKey: key, View: v, Full: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range v.Check(got) {
		if err != nil {
			t.Errorf("proposal %d: %v", i, err)
		}
	}
	var all []string
	for _, proposal := range got {
		var players []matchmaking.Assignment
		text := "new"
		if proposal.New != nil {
			players = proposal.New.Players()
		} else {
			players, text = proposal.Update.Players(), fmt.Sprint("game ", proposal.Game.ID[0])
		}
		for _, a := range players {
			text += fmt.Sprintf(" %d:%d", a.Player.ID[1], a.TeamNumber)
		}
		all = append(all, text)
	}
	return all
}

func TestRatingsAndRolesAreReadFromTheExts(t *testing.T) {
	rated := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1, Rating: rules.Rating{Member: "mmr", Default: 50, Window: rules.Window{Start: 10, Max: 10}}}
	ofParty := rated
	ofParty.Rating.From = rules.FromParty
	roles := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1, Roles: rules.Roles{Member: "role", Limits: map[string]rules.Limit{"healer": {Min: 1}}}}
	partyExt := func(p *matchmaking.Party, e m) *matchmaking.Party { p.Ext = ext.Of(e); return p }
	for _, c := range []struct {
		name  string
		rules rules.Rules
		a, b  *matchmaking.Party
		want  bool
	}{
		{"near", rated, waiting(1, m{"mmr": 100}), waiting(2, m{"mmr": 105.5}), true},
		{"far", rated, waiting(1, m{"mmr": 100}), waiting(2, m{"mmr": 111}), false},
		{"as a text", rated, waiting(1, m{"mmr": "100"}), waiting(2, m{"mmr": "105"}), true},
		{"absent", rated, waiting(1, m{"mmr": 55}), waiting(2, m{}), true},
		{"null", rated, waiting(1, m{"mmr": 100}), waiting(2, m{"mmr": nil}), false},
		{"of the party", ofParty, partyExt(waiting(1, m{"mmr": 500}), m{"mmr": 7}), partyExt(waiting(2, m{}), m{"mmr": 9}), true},
		{"the right roles", roles, waiting(1, m{"role": "healer"}), waiting(2, m{"role": "healer"}), true},
		{"the wrong roles", roles, waiting(1, m{"role": "healer"}), waiting(2, m{"role": "tank"}), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &rules.Plugin{Config: rules.Config{Default: c.rules}}
			got := proposals(t, p, matchmaking.QueueKey{}, start, []*matchmaking.Party{c.a, c.b})
			if (len(got) == 1) != c.want {
				t.Errorf("proposals %q, want a game: %v", got, c.want)
			}
		})
	}
}

func TestAPartyThatCannotBeReadOrIsTooLargeDoesNotEnter(t *testing.T) {
	p := &rules.Plugin{Config: rules.Config{Default: rules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 1,
		Rating: rules.Rating{Member: "mmr"}, Roles: rules.Roles{Member: "role"},
	}}}
	for _, c := range []struct {
		name  string
		party *matchmaking.Party
		want  error
	}{
		{"too large", waiting(1, m{}, m{}), matchmaking.ErrPartyTooBig},
		{"a rating that is a list", waiting(1, m{"mmr": []int{1}}), matchmaking.ErrPlugin},
		{"a rating that is a word", waiting(1, m{"mmr": "good"}), matchmaking.ErrPlugin},
		{"a rating without end", waiting(1, m{"mmr": "1e999"}), matchmaking.ErrPlugin},
		{"a role that is a number", waiting(1, m{"role": 7}), matchmaking.ErrPlugin},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := p.Describe(t.Context(), &matchmaking.DescribeRequest{Party: c.party}); !errors.Is(err, c.want) {
				t.Errorf("Describe() = %v, want %v", err, c.want)
			}
		})
	}
}

func TestAQueueHasTheRulesOfItsName(t *testing.T) {
	p := &rules.Plugin{Config: rules.Config{
		Default: rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 1}, QueueMember: "mode",
		Queues: map[string]rules.Rules{"trio": {NumberOfTeams: 1, PlayersPerTeam: 3}},
	}}
	for _, c := range []struct {
		name string
		key  any
		want string
	}{
		{"named", m{"mode": "trio"}, "new 1:0 2:0 3:0"},
		{"another name", m{"mode": "duo"}, "new 1:0 2:1"},
		{"no name", m{}, "new 1:0 2:1"},
		{"a strange name", m{"mode": 3}, "new 1:0 2:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := matchmaking.QueueKey{Ext: ext.Of(c.key)}
			got := proposals(t, p, key, start, []*matchmaking.Party{waiting(1, m{}), waiting(2, m{}), waiting(3, m{})})
			if !slices.Equal(got, []string{c.want}) {
				t.Errorf("proposals %q, want %q", got, c.want)
			}
		})
	}
	name := p.GetQueueName(t.Context(), &matchmaking.GetQueueNameRequest{QueueKey: matchmaking.QueueKey{Ext: ext.Of(m{"mode": "trio"})}})
	if name != "trio" {
		t.Errorf("GetQueueName() = %q, want trio", name)
	}
}

func TestRunningGamesGetPlayersByThePolicy(t *testing.T) {
	game := func(n byte, players ...matchmaking.GamePlayer) *matchmaking.GameInstance {
		return &matchmaking.GameInstance{ID: pragma.GameInstanceID{n}, Players: players, GameServerZone: "eu"}
	}
	on := func(team int64, e m) matchmaking.GamePlayer {
		return matchmaking.GamePlayer{TeamNumber: team, Ext: ext.Of(e)}
	}
	base := rules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 2, ServeOldestAfterSeconds: 1000,
		Rating: rules.Rating{Member: "mmr", Window: rules.Window{Start: 10, Max: 10}},
		Roles:  rules.Roles{Member: "role", Limits: map[string]rules.Limit{"healer": {Max: 1}}},
	}
	half := game(1, on(0, m{"mmr": 100, "role": "healer"}), on(1, m{"mmr": 100}), on(1, m{"mmr": 100}))
	for _, c := range []struct {
		name   string
		policy rules.Backfill
		ext    m
		game   *matchmaking.GameInstance
		after  time.Duration
		want   []string
	}{
		{"preferred", rules.Backfill{Policy: rules.BackfillPrefer}, m{"mmr": 105}, half, 0, []string{"game 1 1:0"}},
		{"never", rules.Backfill{}, m{"mmr": 105}, half, 0, nil},
		{"not yet", rules.Backfill{Policy: rules.BackfillAfter, AfterSeconds: 20}, m{"mmr": 105}, half, time.Second, nil},
		{"after some time", rules.Backfill{Policy: rules.BackfillAfter, AfterSeconds: 20}, m{"mmr": 105}, half, 21 * time.Second, []string{"game 1 1:0"}},
		{"too good", rules.Backfill{Policy: rules.BackfillPrefer}, m{"mmr": 111}, half, 0, nil},
		{"a healer too many", rules.Backfill{Policy: rules.BackfillPrefer}, m{"mmr": 100, "role": "healer"}, half, 0, nil},
		{"anybody at last", rules.Backfill{Policy: rules.BackfillPrefer}, m{"mmr": 900}, half, 1001 * time.Second, []string{"game 1 1:0"}},
		{"a game of nobody knows whom", rules.Backfill{Policy: rules.BackfillPrefer}, m{"mmr": 900}, game(2, on(0, m{})), 0, []string{"game 2 1:1"}},
		{"a full game", rules.Backfill{Policy: rules.BackfillPrefer}, m{"mmr": 100}, game(3, on(0, m{}), on(0, m{}), on(1, m{}), on(1, m{})), 0, nil},
		{"a game of strange teams", rules.Backfill{Policy: rules.BackfillPrefer}, m{"mmr": 100}, game(4, on(-1, m{}), on(7, m{})), 0, []string{"game 4 1:0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := base
			r.Backfill = c.policy
			p := &rules.Plugin{Config: rules.Config{Default: r}}
			got := proposals(t, p, matchmaking.QueueKey{}, start.Add(c.after), []*matchmaking.Party{waiting(1, c.ext)}, c.game)
			if !slices.Equal(got, c.want) {
				t.Errorf("proposals %q, want %q", got, c.want)
			}
		})
	}
}

// serve starts a server with a configuration of the plugin, and stops it once it
// is up. It listens on ports that are free.
func serve(t *testing.T, plugin *rules.Plugin, config string) error {
	t.Helper()
	cfg, err := pragma.ParseConfig(`
core:
  gatewayManager:
    social: {player: {enabled: false}, partner: {enabled: false}, operator: {enabled: false}}
    game: {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}
game:
  pluginConfigs:
    MatchmakingService.poolPlugin:
      config: ` + config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	parties, games := &party.Service{}, &gameinstance.Service{}
	srv := &pragma.Server{
		Config: cfg,
		Social: []pragma.Service{&account.Service{}},
		Game:   []pragma.Service{parties, games, &matchmaking.Service{Pool: plugin, Parties: parties, Games: games}},
		Ready:  func(pragma.Addresses) { stop() },
	}
	return srv.Run(ctx)
}

func TestTheConfigurationDecides(t *testing.T) {
	p := &rules.Plugin{}
	err := serve(t, p, `{default: {numberOfTeams: 1, playersPerTeam: 2}, queueMember: mode, queues: {solo: {numberOfTeams: 1, playersPerTeam: 1}}}`)
	if err != nil {
		t.Fatal(err)
	}
	both := func() []*matchmaking.Party { return []*matchmaking.Party{waiting(1, m{}), waiting(2, m{})} }
	if got := proposals(t, p, matchmaking.QueueKey{}, start, both()); !slices.Equal(got, []string{"new 1:0 2:0"}) {
		t.Errorf("proposals %q, want one game of one team", got)
	}
	key := matchmaking.QueueKey{Ext: ext.Of(m{"mode": "solo"})}
	if got := proposals(t, p, key, start, both()); !slices.Equal(got, []string{"new 1:0", "new 2:0"}) {
		t.Errorf("proposals %q, want a game for each", got)
	}
}

func TestAConfigurationThatCannotBeMeantStopsTheStart(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"no teams", "{default: {numberOfTeams: 0}}", "default.numberOfTeams: want at least 1, got 0"},
		{"no players", "{default: {playersPerTeam: -1}}", "default.playersPerTeam: want at least 1, got -1"},
		{"a crowd", "{default: {numberOfTeams: 100, playersPerTeam: 100}}", "at most 1000 players"},
		{"more at least than at most", "{default: {minPlayersPerTeam: 2}}", "default.minPlayersPerTeam: want 0 to playersPerTeam, got 2"},
		{"a queue without teams", "{queueMember: mode, queues: {ranked: {playersPerTeam: 5}}}", "queues.ranked.numberOfTeams: want at least 1, got 0"},
		{"queues without a member", "{queues: {ranked: {numberOfTeams: 1, playersPerTeam: 5}}}", "queueMember: want the member"},
		{"a rating of nobody", "{default: {rating: {member: mmr, from: crowd}}}", `default.rating.from: want player or party, got "crowd"`},
		{"a window without a rating", "{default: {rating: {window: {max: 5}}}}", "default.rating.member: want the member"},
		{"a negative window", "{default: {rating: {member: mmr, window: {start: -1, max: 5}}}}", "default.rating.window.start: want a finite number, at least 0, got -1"},
		{"a window that shrinks", "{default: {pingMillis: {start: 9, max: 5}}}", "default.pingMillis.max: want at least start, 9, got 5"},
		{"growth without end", "{default: {pingMillis: {growthPerSecond: 5}}}", "default.pingMillis.max: want the bound"},
		{"no number", "{default: {pingMillis: {max: .nan}}}", "default.pingMillis.max"},
		{"roles without a member", "{default: {roles: {limits: {healer: {min: 1}}}}}", "default.roles.member: want the member"},
		{"too many healers", "{default: {roles: {member: role, limits: {healer: {min: 2}}}}}", "the least numbers add up to 2, a team has 1 players"},
		{"a limit upside down", "{default: {playersPerTeam: 5, roles: {member: role, limits: {healer: {min: 2, max: 1}}}}}", "default.roles.limits.healer.max: want at least min, 2, got 1"},
		{"an unknown policy", "{default: {backfill: {policy: sometimes}}}", `default.backfill.policy: want never, prefer or after, got "sometimes"`},
		{"a negative time", "{default: {serveOldestAfterSeconds: -5}}", "default.serveOldestAfterSeconds: want at least 0, got -5"},
		{"a misspelt key", "{default: {numberofteam: 2}}", "numberofteam"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := serve(t, &rules.Plugin{}, c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run() = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestThePluginIsSound(t *testing.T) {
	pragmatest.CheckPlugin[matchmaking.PoolPlugin](t, &rules.Plugin{})
}
