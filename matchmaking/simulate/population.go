package simulate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Population says who plays a game and when, for arrivals that are made up. The
// zero value is nobody; begin with [DefaultPopulation]. Shares are compared with
// each other: 3 and 1 are the same as 75 and 25.
type Population struct {
	// PlayersPerHour is how many come in each hour, on average, one number for
	// each hour: parties come at random times, independent of each other.
	PlayersPerHour []float64 `yaml:"playersPerHour"`
	// PartySizes are shares of parties by their number of players.
	PartySizes map[int]float64 `yaml:"partySizes"`
	// Rating is how well they play.
	Rating Ratings `yaml:"rating"`
	// Zones are where they live. None: nobody has pings.
	Zones []Zone `yaml:"zones"`
	// FarMillis is added to the ping of a zone for everybody from another one.
	FarMillis float64 `yaml:"farMillis"`
	// Roles are what they play.
	Roles RoleShares `yaml:"roles"`
	// PatienceSeconds is how long a party waits, on average, before it leaves. Zero:
	// for ever.
	PatienceSeconds float64 `yaml:"patienceSeconds"`
}

// Ratings are spread like a bell.
type Ratings struct {
	// Member of the ExtMatchmakingPlayer has the rating. Empty: there are none.
	Member string `yaml:"member"`
	// Mean and Deviation are of parties; PartyDeviation is of the players of one
	// party around its mean.
	Mean           float64 `yaml:"mean"`
	Deviation      float64 `yaml:"deviation"`
	PartyDeviation float64 `yaml:"partyDeviation"`
	// Min and Max cut the bell off. Max zero: at no end.
	Min float64 `yaml:"min"`
	Max float64 `yaml:"max"`
}

// Zone is a place where players live, and games run.
type Zone struct {
	Name  string  `yaml:"name"`
	Share float64 `yaml:"share"`
	// PingMillis is the mean ping of those who live there, and Deviation how
	// much it differs.
	PingMillis float64 `yaml:"pingMillis"`
	Deviation  float64 `yaml:"deviation"`
}

// RoleShares are shares of players by role.
type RoleShares struct {
	// Member of the ExtMatchmakingPlayer has the role. Empty: there are none.
	Member string             `yaml:"member"`
	Shares map[string]float64 `yaml:"shares"`
}

// DefaultPopulation returns two hours with 2,000 players each, two of three alone,
// from two zones, rated around 1500 in the member "rating".
func DefaultPopulation() Population {
	return Population{
		PlayersPerHour: []float64{2000, 2000},
		PartySizes:     map[int]float64{1: 66, 2: 22, 3: 12},
		Rating:         Ratings{Member: "rating", Mean: 1500, Deviation: 300, PartyDeviation: 80, Max: 3000},
		Zones:          []Zone{{"eu", 60, 35, 15}, {"us", 40, 40, 15}},
		FarMillis:      90,
	}
}

// maxArrivals is how many players a population may have.
const maxArrivals = 5_000_000

// Validate reports every value that cannot be meant.
func (p *Population) Validate() error {
	v := &values{}
	total := 0.0
	for i, n := range p.PlayersPerHour {
		v.atLeast0(fmt.Sprintf("playersPerHour[%d]", i), n)
		total += max(n, 0)
	}
	if total > maxArrivals {
		v.add("playersPerHour", "want at most %d players in all", maxArrivals)
	}
	sum := 0.0
	for _, size := range slices.Sorted(maps.Keys(p.PartySizes)) {
		field := "partySizes." + strconv.Itoa(size)
		v.atLeast0(field, p.PartySizes[size])
		sum += p.PartySizes[size]
		if size < 1 || size > 1000 {
			v.add(field, "want parties of 1 to 1000 players")
		}
	}
	if total > 0 && !(sum > 0) {
		v.add("partySizes", "want a share for at least one size")
	}
	p.Rating.validate(v)
	sum = 0
	for i, z := range p.Zones {
		field := fmt.Sprintf("zones[%d].", i)
		if z.Name == "" || slices.ContainsFunc(p.Zones[:i], func(o Zone) bool { return o.Name == z.Name }) {
			v.add(field+"name", "want a name that no other zone has")
		}
		v.atLeast0(field+"share", z.Share)
		v.atLeast0(field+"pingMillis", z.PingMillis)
		v.atLeast0(field+"deviation", z.Deviation)
		sum += z.Share
	}
	if len(p.Zones) > 0 && !(sum > 0) {
		v.add("zones", "want a share for at least one zone")
	}
	v.atLeast0("farMillis", p.FarMillis)
	v.atLeast0("patienceSeconds", p.PatienceSeconds)
	p.Roles.validate(v)
	return errors.Join(v.errs...)
}

func (r *Ratings) validate(v *values) {
	v.atLeast0("rating.deviation", r.Deviation)
	v.atLeast0("rating.partyDeviation", r.PartyDeviation)
	for _, f := range []struct {
		field string
		value float64
	}{{"rating.mean", r.Mean}, {"rating.min", r.Min}, {"rating.max", r.Max}} {
		if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			v.add(f.field, "want a finite number")
		}
	}
	if r.Max != 0 && r.Max < r.Min {
		v.add("rating.max", "want at least min, %v", r.Min)
	}
}

func (r *RoleShares) validate(v *values) {
	sum := 0.0
	for _, role := range slices.Sorted(maps.Keys(r.Shares)) {
		v.atLeast0("roles.shares."+role, r.Shares[role])
		sum += r.Shares[role]
	}
	if r.Member != "" && !(sum > 0) {
		v.add("roles.shares", "want a share for at least one role")
	}
	if r.Member == "" && len(r.Shares) > 0 {
		v.add("roles.member", "want the member that has the role")
	}
}

// values collects what is wrong.
type values struct{ errs []error }

func (v *values) add(field, format string, args ...any) {
	v.errs = append(v.errs, conf.Fieldf(field, format, args...))
}

// most is far beyond anything that is meant, and leaves room for sums.
const most = 1e12

func (v *values) atLeast0(field string, value float64) {
	if !(value >= 0 && value <= most) {
		v.add(field, "want a number of at least 0, got %v", value)
	}
}

// Arrivals makes up who comes from begin on. The same population, seed and begin
// give the same arrivals. The population must be valid.
func (p *Population) Arrivals(seed uint64, begin time.Time) []Arrival {
	g := &generator{Population: p, rng: rand.New(rand.NewPCG(seed, 0x6d61746368)), sizes: sharesOf(p.PartySizes), roles: sharesOf(p.Roles.Shares)}
	for _, z := range p.Zones {
		g.homes.add(z.Share)
	}
	var arrivals []Arrival
	mean := g.meanSize()
	for hour, players := range p.PlayersPerHour {
		if players <= 0 {
			continue
		}
		gap := float64(time.Hour) * mean / players
		for at := g.rng.ExpFloat64() * gap; at < float64(time.Hour); at += g.rng.ExpFloat64() * gap {
			arrivals = append(arrivals, g.arrival(begin.Add(time.Duration(hour)*time.Hour+time.Duration(at).Truncate(time.Microsecond))))
		}
	}
	return arrivals
}

// generator makes up parties.
type generator struct {
	*Population
	rng   *rand.Rand
	sizes shares[int]
	roles shares[string]
	homes weights
	count uint64
	names uint64 // of players
}

func (g *generator) meanSize() float64 {
	sum, all := 0.0, 0.0
	for i, size := range g.sizes.of {
		share := g.sizes.weights.share(i)
		sum += share * float64(size)
		all += share
	}
	return max(sum/max(all, 1e-9), 1)
}

func (g *generator) arrival(at time.Time) Arrival {
	g.count++
	p := &matchmaking.Party{ID: madeUp[pragma.PartyID](g.count), TicketID: madeUp[pragma.TicketID](g.count), EnteredAt: at}
	center := g.Rating.Mean + g.Rating.Deviation*g.rng.NormFloat64()
	size := 1
	if len(g.sizes.of) > 0 {
		size = g.sizes.of[g.sizes.weights.pick(g.rng)]
	}
	home := -1
	if len(g.Zones) > 0 {
		home = g.homes.pick(g.rng)
	}
	for range size {
		g.names++
		player := &matchmaking.Player{ID: madeUp[pragma.PlayerID](g.names), PartyID: p.ID, GameServerZoneToPing: g.pings(home)}
		player.Ext = g.ext(center)
		p.Players = append(p.Players, player)
	}
	a := Arrival{Party: p}
	if g.PatienceSeconds > 0 {
		a.Patience = max(time.Duration(g.rng.ExpFloat64()*g.PatienceSeconds*float64(time.Second)), time.Microsecond)
	}
	return a
}

func (g *generator) ext(center float64) ext.Value {
	members := make(map[string]any)
	if g.Rating.Member != "" {
		rating := max(center+g.Rating.PartyDeviation*g.rng.NormFloat64(), g.Rating.Min)
		if g.Rating.Max != 0 {
			rating = min(rating, g.Rating.Max)
		}
		members[g.Rating.Member] = math.Round(rating)
	}
	if g.Roles.Member != "" {
		members[g.Roles.Member] = g.roles.of[g.roles.weights.pick(g.rng)]
	}
	return ext.Of(members)
}

// pings are a player's, who lives in a zone.
func (g *generator) pings(home int) map[string]int {
	if home < 0 {
		return nil
	}
	pings := make(map[string]int, len(g.Zones))
	for i, z := range g.Zones {
		ms := z.PingMillis + z.Deviation*g.rng.NormFloat64()
		if i != home {
			ms += g.FarMillis
		}
		pings[z.Name] = int(math.Round(max(ms, 1)))
	}
	return pings
}

// number is an id that is as readable as it is unique, among those of one dump.
func number[ID ~[16]byte](n uint64) (id ID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// madeUp is the id of somebody who does not exist. No dump has it.
func madeUp[ID ~[16]byte](n uint64) ID {
	id := [16]byte(number[ID](n))
	id[0] = 0xfd
	return ID(id)
}

// weights are sums of shares.
type weights []float64

func (w *weights) add(share float64) {
	sum := share
	if len(*w) > 0 {
		sum += (*w)[len(*w)-1]
	}
	*w = append(*w, sum)
}

func (w weights) share(i int) float64 {
	if i == 0 {
		return w[0]
	}
	return w[i] - w[i-1]
}

// pick returns a place at random, each as often as its share.
func (w weights) pick(rng *rand.Rand) int {
	at, _ := slices.BinarySearchFunc(w, rng.Float64()*w[len(w)-1], func(sum, x float64) int {
		if sum <= x {
			return -1
		}
		return 1
	})
	return min(at, len(w)-1)
}

// shares are things with weights, in order.
type shares[K int | string] struct {
	of      []K
	weights weights
}

func sharesOf[K int | string](m map[K]float64) (s shares[K]) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s.of = append(s.of, k)
		s.weights.add(m[k])
	}
	return s
}
