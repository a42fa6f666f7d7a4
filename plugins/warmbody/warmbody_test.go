package warmbody_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newParty returns the n-th party, of size players.
func newParty(n, size int) *matchmaking.Party {
	p := &matchmaking.Party{
		ID: pragma.PartyID{1: byte(n)}, TicketID: pragma.TicketID{1: byte(n)}, EnteredAt: start.Add(time.Duration(n) * time.Second),
	}
	for i := range size {
		p.Players = append(p.Players, &matchmaking.Player{ID: pragma.PlayerID{0: byte(i), 1: byte(n)}})
	}
	return p
}

// matchable returns parties of these sizes, the first of which is number n.
func matchable(n int, sizes ...int) *matchmaking.Matchable {
	var parties []*matchmaking.Party
	for i, size := range sizes {
		parties = append(parties, newParty(n+i, size))
	}
	return matchmaking.NewMatchable(parties...)
}

// teams writes a game as the party numbers of each team: "1,2 3".
func teams(game *matchmaking.NewGameInstance) string {
	if game == nil {
		return "none"
	}
	var texts []string
	seen := make(map[pragma.PartyID]bool)
	for _, a := range game.Players() {
		for int(a.TeamNumber) >= len(texts) {
			texts = append(texts, "")
		}
		if !seen[a.Player.PartyID] {
			seen[a.Player.PartyID] = true
			texts[a.TeamNumber] += fmt.Sprintf(",%d", a.Player.PartyID[1])
		}
	}
	for i := range texts {
		texts[i] = strings.TrimPrefix(texts[i], ",")
	}
	return strings.Join(texts, " ")
}

func sizes(m *matchmaking.Matchable) []int {
	var all []int
	for _, p := range m.Parties() {
		all = append(all, len(p.Players))
	}
	return all
}

func TestMatchParties(t *testing.T) {
	for _, c := range []struct {
		name          string
		teams, size   int
		anchor, other []int
		younger       bool   // the anchor is
		game          string // "none" or the teams; the anchor's parties are 1, 2, … and the other's 11, 12, …
		left          []int  // what the other keeps
	}{
		{name: "1 v 1", teams: 2, size: 1, anchor: []int{1}, other: []int{1}, game: "1 11", left: []int{1}},
		{name: "1 v 1, younger anchor", teams: 2, size: 1, anchor: []int{1}, other: []int{1}, younger: true, game: "1 11", left: []int{1}},
		{name: "collects", teams: 2, size: 2, anchor: []int{1}, other: []int{1}, game: "none"},
		{name: "the younger does not collect", teams: 2, size: 2, anchor: []int{1}, other: []int{1}, younger: true, game: "none", left: []int{1}},
		{name: "fills the first team first", teams: 2, size: 2, anchor: []int{1, 1, 1}, other: []int{1}, game: "1,2 3,11", left: []int{1}},
		{name: "a party stays together", teams: 2, size: 2, anchor: []int{1, 2}, other: []int{1}, game: "1,11 2", left: []int{1}},
		{name: "no room in one team", teams: 2, size: 2, anchor: []int{1, 1}, other: []int{2}, game: "1,2 11", left: []int{2}},
		{name: "too large", teams: 2, size: 2, anchor: []int{2, 1}, other: []int{2}, game: "none", left: []int{2}},
		{name: "takes what fits", teams: 1, size: 4, anchor: []int{2}, other: []int{1, 2}, game: "1,12", left: []int{1, 2}},
		{name: "takes the first, not the full other", teams: 1, size: 5, anchor: []int{3}, other: []int{1, 3}, game: "none", left: []int{3}},
		{name: "the largest first may fill it", teams: 1, size: 5, anchor: []int{3}, other: []int{1, 2}, game: "1,12", left: []int{1, 2}},
		{name: "packs anew", teams: 2, size: 4, anchor: []int{2, 1, 3}, other: []int{2}, game: "2,3 1,11", left: []int{2}},
		{name: "the younger takes some to be full", teams: 1, size: 3, anchor: []int{2}, other: []int{1, 1}, younger: true, game: "1,11", left: []int{1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plugin := &warmbody.Plugin{NumberOfTeams: c.teams, PlayersPerTeam: c.size}
			a, o := matchable(1, c.anchor...), matchable(11, c.other...)
			if c.younger {
				for _, p := range a.Parties() {
					p.EnteredAt = p.EnteredAt.Add(time.Hour)
				}
			}
			game, err := plugin.MatchParties(t.Context(), &matchmaking.MatchPartiesRequest{Anchor: a, Other: o})
			if err != nil {
				t.Fatal(err)
			}
			if got := teams(game); got != c.game {
				t.Errorf("game %q, want %q", got, c.game)
			}
			if diff := cmp.Diff(c.left, sizes(o)); diff != "" {
				t.Errorf("left in the other (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPartyLargerThanATeamIsRefused(t *testing.T) {
	plugin := &warmbody.Plugin{PlayersPerTeam: 2}
	_, err := plugin.Initialize(t.Context(), &matchmaking.InitializeRequest{Matchable: matchable(1, 3)})
	if !errors.Is(err, matchmaking.ErrPartyTooBig) {
		t.Errorf("Initialize = %v, want ErrPartyTooBig", err)
	}
	if _, err := plugin.EndOfLoop(t.Context(), &matchmaking.EndOfLoopRequest{Anchor: matchable(1, 3)}); !errors.Is(err, matchmaking.ErrPartyTooBig) {
		t.Errorf("EndOfLoop, after the teams have become smaller = %v, want ErrPartyTooBig", err)
	}
}

func TestAPartyThatFillsAGameStartsAtOnce(t *testing.T) {
	plugin := &warmbody.Plugin{NumberOfTeams: 1, PlayersPerTeam: 3}
	game, err := plugin.Initialize(t.Context(), &matchmaking.InitializeRequest{Matchable: matchable(1, 3)})
	if got := teams(game); got != "1" || err != nil {
		t.Errorf("Initialize = %q, %v, want the game", got, err)
	}
}

func TestAMatchableThatHasBecomeTooLargeIsMatchedInParts(t *testing.T) {
	plugin := &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 1}
	game, err := plugin.EndOfLoop(t.Context(), &matchmaking.EndOfLoopRequest{Anchor: matchable(1, 1, 1, 1)})
	if got := teams(game); got != "1 2" || err != nil {
		t.Errorf("EndOfLoop = %q, %v, want a game of the first two", got, err)
	}
}

func TestZone(t *testing.T) {
	type zones = []string
	type pings = map[string]int
	for _, c := range []struct {
		name  string
		zones []zones // by party
		pings []pings // by party, which has one player
		want  string
	}{
		{name: "nothing known", zones: []zones{nil, nil}, pings: []pings{nil, nil}},
		{name: "first of the first that all prefer", zones: []zones{{"us", "eu", "asia"}, {"asia", "eu"}}, want: "eu"},
		{name: "no list takes any", zones: []zones{nil, {"eu", "us"}}, want: "eu"},
		{name: "nothing in common, no pings", zones: []zones{{"us"}, {"eu"}}},
		{name: "lowest worst ping", zones: []zones{{"us"}, {"eu"}}, pings: []pings{{"us": 20, "eu": 90}, {"us": 200, "eu": 30}}, want: "eu"},
		{name: "only zones that all know", pings: []pings{{"us": 20, "eu": 90}, {"eu": 80, "asia": 1}}, want: "eu"},
		{name: "players without pings do not count", pings: []pings{{"us": 20}, nil}, want: "us"},
		{name: "no zone in common", pings: []pings{{"us": 20}, {"eu": 20}, {"us": 5, "eu": 5}}},
		{name: "equal worst pings", pings: []pings{{"us": 20, "eu": 20}, {"us": 10, "eu": 20}}, want: "eu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := max(len(c.zones), len(c.pings))
			var parties []*matchmaking.Party
			for i := range n {
				p := newParty(i+1, 1)
				if c.zones != nil {
					p.PreferredGameServerZones = c.zones[i]
				}
				if c.pings != nil {
					p.Players[0].GameServerZoneToPing = c.pings[i]
				}
				parties = append(parties, p)
			}
			plugin := &warmbody.Plugin{NumberOfTeams: n}
			game, err := plugin.MatchParties(t.Context(), &matchmaking.MatchPartiesRequest{
				Anchor: matchmaking.NewMatchable(parties[0]), Other: matchmaking.NewMatchable(parties[1:]...),
			})
			if err != nil || game == nil {
				t.Fatalf("MatchParties = %v, %v, want a game", game, err)
			}
			if game.GameServerZone != c.want {
				t.Errorf("zone %q, want %q", game.GameServerZone, c.want)
			}
		})
	}
}

func TestGamesAreFullAndPartiesWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plugin := &warmbody.Plugin{NumberOfTeams: rapid.IntRange(1, 4).Draw(t, "teams"), PlayersPerTeam: rapid.IntRange(1, 5).Draw(t, "players")}
		size := rapid.IntRange(1, plugin.PlayersPerTeam)
		a := matchable(1, size.Draw(t, "anchor"))
		n := 11
		for range rapid.IntRange(1, 12).Draw(t, "others") {
			o := matchable(n, rapid.SliceOfN(size, 1, 3).Draw(t, "other")...)
			n += 3
			before := len(a.Players()) + len(o.Players())
			game, err := plugin.MatchParties(t.Context(), &matchmaking.MatchPartiesRequest{Anchor: a, Other: o})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(a.Players()) + len(o.Players()); got != before {
				t.Fatalf("%d players of %d are left", got, before)
			}
			if len(a.Players()) > plugin.NumberOfTeams*plugin.PlayersPerTeam {
				t.Fatalf("the anchor has collected %d players", len(a.Players()))
			}
			if game != nil {
				checkGame(t, plugin, game)
				return
			}
		}
	})
}

func checkGame(t *rapid.T, plugin *warmbody.Plugin, game *matchmaking.NewGameInstance) {
	team := make(map[int64]int)
	of := make(map[pragma.PartyID]int64)
	for _, a := range game.Players() {
		team[a.TeamNumber]++
		if other, ok := of[a.Player.PartyID]; ok && other != a.TeamNumber {
			t.Fatalf("a party is on teams %d and %d", a.TeamNumber, other)
		}
		of[a.Player.PartyID] = a.TeamNumber
	}
	for i := range plugin.NumberOfTeams {
		if got := team[int64(i)]; got != plugin.PlayersPerTeam {
			t.Fatalf("team %d has %d players, want %d", i, got, plugin.PlayersPerTeam)
		}
	}
	if len(team) != plugin.NumberOfTeams {
		t.Fatalf("%d teams, want %d", len(team), plugin.NumberOfTeams)
	}
}

func TestPluginIsSound(t *testing.T) {
	pragmatest.CheckPlugin[matchmaking.Plugin](t, &warmbody.Plugin{})
}
