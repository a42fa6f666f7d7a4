package matchmaking_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/openpragma/engine/matchmaking"
	byrules "github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// large is a queue by rules in which nobody finds a game any more, too large for
// plugins/rules to look at it as a whole when somebody is new.
type large struct {
	*settled
	t     *testing.T
	rng   *rand.Rand
	count int
	width float64 // of ratings
	zones []string
	roles []string
	sizes []int
}

func newLarge(t *testing.T, shortage string, seed uint64) *large {
	const n = 3000
	rng := rand.New(rand.NewPCG(seed, 5))
	r := anyRules(rng)
	l := &large{
		settled: &settled{plugin: &byrules.Plugin{}, now: start.Add(10 * time.Minute)},
		t:       t, rng: rng, zones: []string{"asia", "eu", "us-east", "us-west"}[:1+rng.IntN(4)],
		roles: []string{"healer", "tank", "scout"}, sizes: []int{1, 1, 2, 3}, width: 1 + 5000*rng.Float64(),
	}
	switch shortage {
	case "of players nearby":
		l.width = (1 + 6*rng.Float64()) * n * 200 / float64(r.NumberOfTeams*r.PlayersPerTeam)
	case "of healers":
		r.Roles = byrules.Roles{Member: "role", Limits: map[string]byrules.Limit{"healer": {Min: 1}}}
		l.roles = []string{"tank", "scout"}
	case "of single players":
		r.PlayersPerTeam, r.MinPlayersPerTeam = 3+2*rng.IntN(2), 0
		l.sizes = []int{2}
	}
	l.plugin.Config.Default = r
	l.view = l.described(l.parties(n, 8*time.Minute))
	for l.pass(true) != nil {
	}
	l.roles, l.sizes = []string{"healer", "tank", "scout"}, []int{1, 1, 2, 3}
	return l
}

func anyRules(rng *rand.Rand) byrules.Rules {
	r := byrules.Rules{NumberOfTeams: 1 + rng.IntN(3), PlayersPerTeam: 2 + rng.IntN(4)}
	r.MinPlayersPerTeam, r.SmallerAfterSeconds = 1+rng.IntN(r.PlayersPerTeam), rng.IntN(400)
	if r.NumberOfTeams == 1 {
		r.MinPlayersPerTeam = max(r.MinPlayersPerTeam, 2)
	}
	r.Rating = byrules.Rating{Member: "rating", Window: byrules.Window{Start: 20 + 100*rng.Float64(), GrowthPerSecond: rng.Float64(), Max: 300}}
	r.PartyBalance.Enabled = rng.IntN(3) == 0
	if rng.IntN(2) == 0 {
		r.PingMillis = byrules.Window{Start: 60, GrowthPerSecond: 0.1, Max: 150}
	}
	if rng.IntN(3) == 0 {
		r.Roles = byrules.Roles{Member: "role", Limits: map[string]byrules.Limit{"healer": {Min: 1}, "tank": {Max: 2}}}
	}
	if rng.IntN(3) == 0 {
		r.ServeOldestAfterSeconds = 300
	}
	return r
}

// parties are some that have waited up to a time.
func (l *large) parties(n int, most time.Duration) []*matchmaking.Party {
	r := l.plugin.Config.Default
	parties := make([]*matchmaking.Party, n)
	for i := range parties {
		l.count++
		id := [16]byte{1, byte(l.count >> 16), byte(l.count >> 8), byte(l.count)}
		p := &matchmaking.Party{
			ID: pragma.PartyID(id), TicketID: pragma.TicketID(id),
			EnteredAt: l.now.Add(-time.Duration(l.rng.Int64N(int64(most) + 1))),
		}
		rating, home := l.width*l.rng.Float64(), l.rng.IntN(len(l.zones))
		for j := range min(l.sizes[l.rng.IntN(len(l.sizes))], r.PlayersPerTeam) {
			id[15] = byte(j)
			player := &matchmaking.Player{ID: pragma.PlayerID(id), PartyID: p.ID, Ext: ext.Of(m{"rating": rating, "role": l.roles[l.rng.IntN(len(l.roles))]})}
			if l.count%50 > 0 { // some have no pings
				player.GameServerZoneToPing = map[string]int{l.zones[home]: 20 + l.rng.IntN(60), l.zones[l.rng.IntN(len(l.zones))]: 50 + l.rng.IntN(100)}
			}
			p.Players = append(p.Players, player)
		}
		parties[i] = p
	}
	return parties
}

func (l *large) described(parties []*matchmaking.Party) *matchmaking.View {
	l.t.Helper()
	v, err := matchmaking.NewView(l.t.Context(), l.plugin, matchmaking.QueueKey{}, parties)
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

// enter adds new parties.
func (l *large) enter(parties []*matchmaking.Party) {
	l.described(parties)
	for _, p := range parties {
		p.Reset()
	}
	l.view.Change(parties, nil)
}

// pass makes a pass and returns the parties of its games.
func (l *large) pass(full bool) (games [][]*matchmaking.Party) {
	l.t.Helper()
	proposals, err := l.plugin.Propose(l.t.Context(), &matchmaking.ProposeRequest{View: l.view, Full: full, Now: l.now})
	if err != nil {
		l.t.Fatal(err)
	}
	for i, err := range l.view.Check(proposals) {
		if err != nil {
			l.t.Fatal(err)
		}
		games = append(games, partiesOf(proposals[i]))
	}
	for _, parties := range games {
		l.view.Change(nil, parties)
	}
	return games
}

// Whatever game there is for those who are new, the pass that is made at once
// finds it: a full pass at the same time has nothing more for them.
func TestTheLastOneNeededWaitsForNoFullPassInALargeQueue(t *testing.T) {
	for _, c := range []struct {
		shortage string // why nobody finds a game
		seeds    int
	}{{"of players nearby", 12}, {"of healers", 2}, {"of single players", 2}} {
		t.Run("a shortage "+c.shortage, func(t *testing.T) {
			found := 0
			for seed := range uint64(c.seeds) {
				l := newLarge(t, c.shortage, seed)
				for round := 0; round < 12 && len(l.view.Parties()) > 2000; round++ {
					found += l.meetNew(fmt.Sprint("seed ", seed, ", round ", round))
					for l.pass(true) != nil { // settle
					}
				}
			}
			if found < 5 {
				t.Errorf("%d games were found, this is not much of a test", found)
			}
		})
	}
}

// meetNew adds some new parties, makes both passes, and returns how many games
// the first one found.
func (l *large) meetNew(where string) int {
	l.t.Helper()
	fresh := l.parties(1+l.rng.IntN(4), []time.Duration{0, 0, 10 * time.Minute}[l.rng.IntN(3)])
	l.enter(fresh)
	involved := func(games [][]*matchmaking.Party) (n int) {
		for _, parties := range games {
			if slices.ContainsFunc(parties, func(p *matchmaking.Party) bool { return slices.Contains(fresh, p) }) {
				n++
			}
		}
		return n
	}
	games := l.pass(false)
	if n := involved(games); n != len(games) {
		l.t.Errorf("%s: %d games without anybody new", where, len(games)-n)
	}
	if n := involved(l.pass(true)); n > 0 {
		l.t.Errorf("%s: the full pass finds %d more games for those who are new; the rules: %+v", where, n, l.plugin.Config.Default)
	}
	return len(games)
}

// In a queue of 2,500 among whom nobody fits anybody, a game that is new gets the
// one who fits it, and one who is new gets into the game that fits him.
func TestRunningGamesAndPartiesMeetAtOnceInALargeQueue(t *testing.T) {
	const n, apart = 2500, 100
	plugin := &byrules.Plugin{Config: byrules.Config{Default: byrules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 2,
		Rating:   byrules.Rating{Member: "rating", Window: byrules.Window{Start: 20, Max: 20}},
		Backfill: byrules.Backfill{Policy: byrules.BackfillPrefer},
	}}}
	at := func(no int, rating float64) *matchmaking.Party {
		p := newParty(no, 1)
		p.Players[0].Ext = ext.Of(m{"rating": rating})
		return p
	}
	var parties []*matchmaking.Party
	for i := range n {
		parties = append(parties, at(i+1, float64(i*apart)))
	}
	game := func(no byte, rating float64) *matchmaking.GameInstance {
		return &matchmaking.GameInstance{ID: pragma.GameInstanceID{no}, Players: []matchmaking.GamePlayer{{ID: pragma.PlayerID{no}, Ext: ext.Of(m{"rating": rating})}}}
	}
	view, err := matchmaking.NewView(t.Context(), plugin, matchmaking.QueueKey{}, parties, game(1, 200_010), game(2, 50_050))
	if err != nil {
		t.Fatal(err)
	}
	view.Change(nil, nil) // nobody is new
	l := &large{settled: &settled{plugin: plugin, view: view, now: start.Add(time.Minute)}, t: t}
	if got := l.joins(); !slices.Equal(got, []string{"game 1: 2001"}) {
		t.Errorf("new games get %q, want the party with 200,000", got)
	}
	view.Seen()
	l.enter([]*matchmaking.Party{at(n+1, 50_040), at(n+2, 50_070), at(n+3, 50_900)})
	if got := l.joins(); !slices.Equal(got, []string{"game 2: 2501 2502"}) {
		t.Errorf("those who are new go to %q, want the two near 50,050 in game 2", got)
	}
	if got := l.joins(); got != nil {
		t.Errorf("then %q, want nothing", got)
	}
}

// joins makes a pass for those who are new, and says who joins which game.
func (l *large) joins() (all []string) {
	l.t.Helper()
	proposals, err := l.plugin.Propose(l.t.Context(), &matchmaking.ProposeRequest{View: l.view, Now: l.now})
	if err != nil {
		l.t.Fatal(err)
	}
	for i, err := range l.view.Check(proposals) {
		if err != nil || proposals[i].Update == nil {
			l.t.Fatalf("proposal %d: %v", i, err)
		}
		text := fmt.Sprintf("game %d:", proposals[i].Game.ID[0])
		for _, a := range proposals[i].Update.Players() {
			text += fmt.Sprint(" ", number(matchmaking.PartyOf(a.Player)))
			l.view.Change(nil, []*matchmaking.Party{matchmaking.PartyOf(a.Player)})
		}
		all = append(all, text)
	}
	return all
}
