package simulate_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func TestAPopulationIsAsItIsDescribed(t *testing.T) {
	p := simulate.DefaultPopulation()
	p.PlayersPerHour = []float64{30_000, 0, 6_000}
	p.Roles = simulate.RoleShares{Member: "role", Shares: map[string]float64{"tank": 1, "healer": 3}}
	p.PatienceSeconds = 60
	arrivals := p.Arrivals(3, start)
	var hours [3]float64
	parties, patience := 0.0, 0.0
	var ratings []float64
	sizes, homes, roles := make(map[int]float64), make(map[string]float64), make(map[string]float64)
	for _, a := range arrivals {
		parties++
		hours[int(a.Party.EnteredAt.Sub(start).Hours())] += float64(len(a.Party.Players))
		sizes[len(a.Party.Players)]++
		patience += a.Patience.Seconds()
		ratings = append(ratings, simulate.Member("rating", math.NaN())(a.Party)...)
		for _, player := range a.Party.Players {
			home := "eu"
			if player.GameServerZoneToPing["us"] < player.GameServerZoneToPing["eu"] {
				home = "us"
			}
			homes[home]++
			e, err := ext.As[struct{ Role string }](player.Ext)
			if err != nil {
				t.Fatal(err)
			}
			roles[e.Role]++
		}
	}
	players := float64(len(ratings))
	sum, squares := 0.0, 0.0
	for _, r := range ratings {
		sum += r
	}
	for _, r := range ratings {
		squares += (r - sum/players) * (r - sum/players)
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"players in the first hour", hours[0], 30_000},
		{"players in the last hour", hours[2], 6_000},
		{"parties of one", sizes[1] / parties, 0.66},
		{"parties of three", sizes[3] / parties, 0.12},
		{"players from eu", homes["eu"] / players, 0.6},
		{"healers", roles["healer"] / players, 0.75},
		{"mean rating", sum / players, 1500},
		{"deviation of ratings", math.Sqrt(squares / players), math.Sqrt(300*300 + 80*80)},
		{"patience", patience / parties, 60},
	} {
		if math.Abs(c.got-c.want) > 0.04*c.want {
			t.Errorf("%s: %v, want about %v", c.name, c.got, c.want)
		}
	}
	if hours[1] != 0 || slices.Min(ratings) < 0 || slices.Max(ratings) > 3000 {
		t.Errorf("%v players in the hour of nobody, ratings from %v to %v", hours[1], slices.Min(ratings), slices.Max(ratings))
	}
	if !slices.IsSortedFunc(arrivals, func(a, b simulate.Arrival) int { return a.Party.EnteredAt.Compare(b.Party.EnteredAt) }) {
		t.Error("arrivals are not in order")
	}
}

func TestTheSeedDecidesWhoComes(t *testing.T) {
	brief := func(seed uint64) (all []string) {
		p := simulate.DefaultPopulation()
		for _, a := range p.Arrivals(seed, start) {
			all = append(all, a.Party.EnteredAt.String()+a.Party.TicketID.String()+a.Party.Players[0].Ext.String())
		}
		return all
	}
	if diff := cmp.Diff(brief(1), brief(1)); diff != "" {
		t.Errorf("two with the same seed differ:\n%s", diff)
	}
	if slices.Equal(brief(1), brief(2)) {
		t.Error("two seeds give the same arrivals")
	}
	none := simulate.Population{}
	if got := none.Arrivals(1, start); len(got) != 0 {
		t.Errorf("%d arrivals of nobody", len(got))
	}
	plain := simulate.Population{PlayersPerHour: []float64{100}, PartySizes: map[int]float64{2: 1}}
	for _, a := range plain.Arrivals(1, start) {
		if p := a.Party.Players[0]; p.GameServerZoneToPing != nil || !p.Ext.IsEmpty() || a.Patience != 0 || len(a.Party.Players) != 2 {
			t.Fatalf("player %+v of a population without zones, ratings and roles", p)
		}
	}
}

func TestPopulationsThatCannotBeMeant(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *simulate.Population)
		want   string
	}{
		{"as it is", func(*simulate.Population) {}, ""},
		{"less than nobody", func(p *simulate.Population) { p.PlayersPerHour = []float64{1, -1} }, "playersPerHour[1]"},
		{"nothing that is a number", func(p *simulate.Population) { p.PlayersPerHour = []float64{math.NaN()} }, "playersPerHour[0]"},
		{"too many", func(p *simulate.Population) { p.PlayersPerHour = []float64{1e7} }, "playersPerHour"},
		{"no sizes", func(p *simulate.Population) { p.PartySizes = nil }, "partySizes"},
		{"a size of nobody", func(p *simulate.Population) { p.PartySizes = map[int]float64{0: 1} }, "partySizes.0"},
		{"no end of a share", func(p *simulate.Population) { p.PartySizes = map[int]float64{1: math.Inf(1)} }, "partySizes.1"},
		{"a rating without end", func(p *simulate.Population) { p.Rating.Mean = math.Inf(1) }, "rating.mean"},
		{"most below least", func(p *simulate.Population) { p.Rating.Min, p.Rating.Max = 5, 4 }, "rating.max"},
		{"a zone twice", func(p *simulate.Population) { p.Zones = append(p.Zones, p.Zones[0]) }, "zones[2].name"},
		{"no shares of zones", func(p *simulate.Population) { p.Zones = []simulate.Zone{{Name: "eu"}} }, "zones"},
		{"a negative ping", func(p *simulate.Population) { p.Zones[0].PingMillis = -1 }, "zones[0].pingMillis"},
		{"roles without a member", func(p *simulate.Population) { p.Roles.Shares = map[string]float64{"tank": 1} }, "roles.member"},
		{"a member without roles", func(p *simulate.Population) { p.Roles.Member = "role" }, "roles.shares"},
		{"no patience at all", func(p *simulate.Population) { p.PatienceSeconds = -1 }, "patienceSeconds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := simulate.DefaultPopulation()
			c.change(&p)
			err := p.Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate() = %v, want %q", err, c.want)
			}
		})
	}
}

func TestRatingsAreReadFromExts(t *testing.T) {
	for text, want := range map[string]float64{
		`{"r": 5}`: 5, `{"r": "5.5"}`: 5.5, `{}`: 7, `{"r": null}`: 7, `{"r": "good"}`: 7, `{"r": [1]}`: 7, `{"r": "1e999"}`: 7,
	} {
		v, err := ext.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p := &matchmaking.Party{Players: []*matchmaking.Player{{ID: pragma.PlayerID{1}, Ext: v}}}
		if got := simulate.Member("r", 7)(p); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
