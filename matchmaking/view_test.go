package matchmaking_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/openpragma/engine/matchmaking"
)

// described is a pool plugin that describes parties by a table.
type described struct {
	matchmaking.PoolDefaults
	by map[*matchmaking.Party]*matchmaking.Attributes
}

func (d described) Describe(_ context.Context, r *matchmaking.DescribeRequest) (*matchmaking.Attributes, error) {
	return d.by[r.Party], nil
}

func TestAViewFindsWhatANaiveSearchFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		by := make(map[*matchmaking.Party]*matchmaking.Attributes)
		v, err := matchmaking.NewView(context.Background(), described{by: by}, matchmaking.QueueKey{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var in, gone []*matchmaking.Party
		zones := []string{"eu", "us"}
		count := 0
		for range rapid.IntRange(1, 8).Draw(t, "rounds") {
			var left, added []*matchmaking.Party
			for _, p := range in {
				if rapid.IntRange(0, 2).Draw(t, "leaves") == 0 {
					left = append(left, p)
				}
			}
			in = slices.DeleteFunc(in, func(p *matchmaking.Party) bool { return slices.Contains(left, p) })
			gone = append(gone, left...)
			for range rapid.IntRange(0, 12).Draw(t, "comes") {
				p := newParty(rapid.IntRange(0, 20).Draw(t, "age"), rapid.IntRange(1, 3).Draw(t, "size"))
				p.TicketID[15] = byte(count)
				count++
				by[p] = &matchmaking.Attributes{
					Numbers: map[string]float64{"rating": float64(rapid.IntRange(0, 9).Draw(t, "rating"))},
					Texts:   map[string][]string{"role": rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 3).Draw(t, "roles")},
					Pings:   map[string]int{rapid.SampledFrom(zones).Draw(t, "zone"): rapid.IntRange(0, 99).Draw(t, "ping")},
				}
				if err := p.Described(by[p]); err != nil {
					t.Fatal(err)
				}
				added = append(added, p)
			}
			if len(gone) > 0 && rapid.Bool().Draw(t, "one comes back") { // perhaps in the change it leaves with
				added = append(added, gone[len(gone)-1])
				gone = gone[:len(gone)-1]
			}
			in = append(in, added...)
			v.Change(added, left)
			checkView(t, v, by, in, added)
		}
	})
}

func checkView(t *rapid.T, v *matchmaking.View, by map[*matchmaking.Party]*matchmaking.Attributes, in, added []*matchmaking.Party) {
	want := func(what string, got []*matchmaking.Party, key func(p *matchmaking.Party) float64, keep func(p *matchmaking.Party) bool) {
		t.Helper()
		naive := slices.DeleteFunc(slices.Clone(in), func(p *matchmaking.Party) bool { return !keep(p) })
		slices.SortFunc(naive, func(a, b *matchmaking.Party) int {
			return cmp.Or(cmp.Compare(key(a), key(b)), a.TicketID.Compare(b.TicketID))
		})
		if !slices.Equal(got, naive) {
			t.Fatalf("%s: %s, want %s", what, names(got), names(naive))
		}
	}
	age := func(p *matchmaking.Party) float64 { return float64(p.EnteredAt.UnixMicro()) }
	rating := func(p *matchmaking.Party) float64 { return by[p].Numbers["rating"] }
	any := func(*matchmaking.Party) bool { return true }
	want("all", v.Parties(), age, any)
	want("by rating", v.ByNumber("rating"), rating, any)
	want("by nothing", v.ByNumber("nothing"), rating, func(*matchmaking.Party) bool { return false })
	for from := range 10 {
		for to := range 10 {
			want("in range", v.InRange("rating", float64(from), float64(to)), rating, func(p *matchmaking.Party) bool {
				return rating(p) >= float64(from) && rating(p) <= float64(to)
			})
		}
	}
	want("no range", v.InRange("rating", math.NaN(), 3), rating, func(*matchmaking.Party) bool { return false })
	for _, role := range []string{"a", "b", "c"} {
		want("role "+role, v.WithText("role", role), age, func(p *matchmaking.Party) bool { return slices.Contains(by[p].Texts["role"], role) })
	}
	for _, zone := range []string{"eu", "us"} {
		for _, most := range []int{-1, 0, 50, 99} {
			want("zone "+zone, v.InZone(zone, most), func(p *matchmaking.Party) float64 { return float64(by[p].Pings[zone]) }, func(p *matchmaking.Party) bool {
				ms, ok := by[p].Pings[zone]
				return ok && ms <= most
			})
		}
	}
	players := 0
	for size := 1; size <= 3; size++ {
		want("size", v.OfSize(size), age, func(p *matchmaking.Party) bool { return len(p.Players) == size })
		players += size * len(v.OfSize(size))
	}
	if v.PlayerCount() != players {
		t.Fatalf("PlayerCount() = %d, want %d", v.PlayerCount(), players)
	}
	known := make(map[string]bool)
	for _, p := range in {
		for zone := range by[p].Pings {
			known[zone] = true
		}
	}
	if got := v.Zones(); !slices.Equal(got, slices.Sorted(maps.Keys(known))) {
		t.Fatalf("Zones() = %q, want %v", got, known)
	}
	if got := v.New(); len(got) != len(added) || slices.ContainsFunc(got, func(p *matchmaking.Party) bool { return !slices.Contains(added, p) }) {
		t.Fatalf("New() = %s, want %s", names(got), names(added))
	}
}

func TestPingsOfAPartyAreTheWorstOfItsPlayers(t *testing.T) {
	p := newParty(1, 3)
	p.Players[0].GameServerZoneToPing = map[string]int{"eu": 10, "us": 80}
	p.Players[2].GameServerZoneToPing = map[string]int{"eu": 30, "asia": 5}
	if _, err := matchmaking.NewView(t.Context(), matchmaking.PoolDefaults{}, matchmaking.QueueKey{}, []*matchmaking.Party{p}); err != nil {
		t.Fatal(err)
	}
	if ms, ok := p.Ping("eu"); !ok || ms != 30 {
		t.Errorf("Ping(eu) = %d, %v, want 30", ms, ok)
	}
	for _, zone := range []string{"us", "asia", "moon"} {
		if ms, ok := p.Ping(zone); ok {
			t.Errorf("Ping(%s) = %d, want none: not all players know it", zone, ms)
		}
	}
}

func TestADescriptionWithStrangeNumbersIsRefused(t *testing.T) {
	for _, n := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		p := newParty(1, 1)
		d := described{by: map[*matchmaking.Party]*matchmaking.Attributes{p: {Numbers: map[string]float64{"rating": n}}}}
		if _, err := matchmaking.NewView(t.Context(), d, matchmaking.QueueKey{}, []*matchmaking.Party{p}); err == nil {
			t.Errorf("a rating of %v was taken", n)
		}
	}
}

func TestAPartyThatIsNotDescribedIsFoundByNothing(t *testing.T) {
	p := newParty(1, 1)
	if _, ok := p.Number("rating"); ok || p.Texts("role") != nil || p.Notes() != nil {
		t.Error("a party was found that nobody has described")
	}
	if _, ok := p.Ping("eu"); ok {
		t.Error("a party has a ping that nobody has described")
	}
}

func TestProposalsAreCheckedAgainstTheView(t *testing.T) {
	parties := []*matchmaking.Party{newParty(1, 2), newParty(2, 1), newParty(3, 1)}
	game := &matchmaking.GameInstance{ID: [16]byte{1}}
	other := newParty(4, 1)
	for _, all := range [][]*matchmaking.Party{parties, {other}} {
		if _, err := matchmaking.NewView(t.Context(), matchmaking.PoolDefaults{}, matchmaking.QueueKey{}, all); err != nil {
			t.Fatal(err)
		}
	}
	of := func(all ...*matchmaking.Party) *matchmaking.NewGameInstance {
		n := new(matchmaking.NewGameInstance)
		n.AddParties(all, 0)
		return n
	}
	more := func(all ...*matchmaking.Party) *matchmaking.GameInstanceUpdate {
		u := new(matchmaking.GameInstanceUpdate)
		u.AddParties(all, 0)
		return u
	}
	split := new(matchmaking.NewGameInstance)
	split.SetTeamByPlayers(parties[0].Players[:1], 0)
	copied := *parties[1].Players[0]
	twice := of(parties[1])
	twice.SetTeamByPlayers([]*matchmaking.Player{&copied}, 1)
	nobody := new(matchmaking.NewGameInstance)
	nobody.SetTeamByPlayers([]*matchmaking.Player{nil}, 0)
	for _, c := range []struct {
		name      string
		proposals []matchmaking.Proposal
		want      []error
	}{
		{"a good one", []matchmaking.Proposal{{New: of(parties...)}}, []error{nil}},
		{"on two teams", []matchmaking.Proposal{{New: teams(parties[0])}}, []error{nil}},
		{"nothing", []matchmaking.Proposal{{}}, []error{matchmaking.ErrNoProposal}},
		{"both", []matchmaking.Proposal{{New: of(parties[1]), Game: game, Update: more(parties[2])}}, []error{matchmaking.ErrNoProposal}},
		{"a game without an update", []matchmaking.Proposal{{Game: game}}, []error{matchmaking.ErrNoProposal}},
		{"an update of no game", []matchmaking.Proposal{{Update: more(parties[0])}}, []error{matchmaking.ErrNoProposal}},
		{"empty", []matchmaking.Proposal{{New: of()}}, []error{matchmaking.ErrNobody}},
		{"no player", []matchmaking.Proposal{{New: nobody}}, []error{matchmaking.ErrOutsider}},
		{"split", []matchmaking.Proposal{{New: split}}, []error{matchmaking.ErrSplit}},
		{"a player twice", []matchmaking.Proposal{{New: twice}}, []error{matchmaking.ErrPlayerTwice}},
		{"of another queue", []matchmaking.Proposal{{New: of(other)}}, []error{matchmaking.ErrOutsider}},
		{"across proposals", []matchmaking.Proposal{{New: of(parties[0])}, {New: of(parties[1], parties[0])}, {New: of(parties[1])}}, []error{nil, matchmaking.ErrProposed, nil}},
		{"a refused one takes nobody", []matchmaking.Proposal{{New: split}, {New: of(parties[0])}}, []error{matchmaking.ErrSplit, nil}},
		{"an update", []matchmaking.Proposal{{Game: game, Update: more(parties[0])}}, []error{nil}},
		{"a game twice", []matchmaking.Proposal{{Game: game, Update: more(parties[0])}, {Game: game, Update: more(parties[1])}}, []error{nil, matchmaking.ErrNoSuchGame}},
		{"a strange game", []matchmaking.Proposal{{Game: &matchmaking.GameInstance{}, Update: more(parties[0])}}, []error{matchmaking.ErrNoSuchGame}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := matchmaking.NewView(t.Context(), matchmaking.PoolDefaults{}, matchmaking.QueueKey{}, parties, game)
			if err != nil {
				t.Fatal(err)
			}
			for i, err := range v.Check(c.proposals) {
				if !errors.Is(err, c.want[i]) || (err == nil) != (c.want[i] == nil) {
					t.Errorf("proposal %d: %v, want %v", i, err, c.want[i])
				}
			}
		})
	}
}

// teams puts each player of a party on a team of his own.
func teams(p *matchmaking.Party) *matchmaking.NewGameInstance {
	n := new(matchmaking.NewGameInstance)
	for i := range p.Players {
		n.SetTeamByPlayers(p.Players[i:i+1], int64(i))
	}
	return n
}
