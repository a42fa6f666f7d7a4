package simulate

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// reason is why a party leaves without a game.
type reason int

const (
	lostPatience reason = iota
	timedOut
	hookFailed
	reasons
)

// tally counts what happens.
type tally struct {
	ratings     func(*matchmaking.Party) []float64
	begin, last time.Time // of arrivals

	arrived, matched, refused Count
	gone                      [reasons]Count
	waiting                   map[*matchmaking.Party]bool
	matches, joins, passes    int
	waits                     []float64 // of each player who got a game, in seconds
	bySize                    map[int][]float64
	byZone                    map[string][]float64
	spreads, teams            []float64
	pings, qualities          []float64
	parties                   map[int]int // matches by difference of the largest parties
	faults                    int
	faultTexts                []string
}

func newTally(ratings func(*matchmaking.Party) []float64, begin, last time.Time) *tally {
	return &tally{
		ratings: ratings, begin: begin, last: last,
		waiting: make(map[*matchmaking.Party]bool), parties: make(map[int]int),
		bySize: make(map[int][]float64), byZone: make(map[string][]float64),
	}
}

func (c *Count) add(p *matchmaking.Party) {
	c.Parties++
	c.Players += len(p.Players)
}

func (t *tally) arrive(p *matchmaking.Party) {
	t.arrived.add(p)
	t.waiting[p] = true
}

func (t *tally) refuse(p *matchmaking.Party, err error) {
	delete(t.waiting, p)
	t.refused.add(p)
	t.fault(err)
}

func (t *tally) leave(p *matchmaking.Party, why reason) {
	delete(t.waiting, p)
	t.gone[why].add(p)
}

// maxFaults is how many different faults a report has the text of.
const maxFaults = 5

func (t *tally) fault(err error) {
	t.faults++
	if text := err.Error(); len(t.faultTexts) < maxFaults && !slices.Contains(t.faultTexts, text) {
		t.faultTexts = append(t.faultTexts, text)
	}
}

func (t *tally) match(m *Match) {
	if m.Game == nil {
		t.matches++
		t.judge(m)
	} else {
		t.joins++
	}
	t.qualities = append(t.qualities, m.Quality)
	for _, p := range m.Parties {
		delete(t.waiting, p)
		t.matched.add(p)
		waited := m.At.Sub(p.EnteredAt).Seconds()
		for _, player := range p.Players {
			t.waits = append(t.waits, waited)
			t.bySize[len(p.Players)] = append(t.bySize[len(p.Players)], waited)
			t.byZone[m.Zone] = append(t.byZone[m.Zone], waited)
			if ms, ok := player.GameServerZoneToPing[m.Zone]; ok {
				t.pings = append(t.pings, float64(ms))
			}
		}
	}
}

// side is a team of a new game.
type side struct {
	number         int64
	rating         float64 // sum
	rated, largest int
}

// judge notes how good a new game is.
func (t *tally) judge(m *Match) {
	type squad struct {
		party pragma.PartyID
		team  int64
	}
	var sides []side
	low, high := math.Inf(1), math.Inf(-1)
	sizes, ratings := make(map[squad]int), t.ratingsOf(m)
	for _, a := range m.Players {
		at := slices.IndexFunc(sides, func(s side) bool { return s.number == a.TeamNumber })
		if at < 0 {
			at = len(sides)
			sides = append(sides, side{number: a.TeamNumber})
		}
		s := &sides[at]
		mine := squad{a.Player.PartyID, a.TeamNumber}
		sizes[mine]++
		s.largest = max(s.largest, sizes[mine])
		if rating, ok := ratings[a.Player]; ok {
			s.rating += rating
			s.rated++
			low, high = min(low, rating), max(high, rating)
		}
	}
	if low <= high {
		t.spreads = append(t.spreads, high-low)
	}
	if len(sides) > 1 {
		t.compare(sides)
	}
}

// ratingsOf returns the ratings of the players in a match that are known.
func (t *tally) ratingsOf(m *Match) map[*matchmaking.Player]float64 {
	if t.ratings == nil {
		return nil
	}
	known := make(map[*matchmaking.Player]float64)
	for _, p := range m.Parties {
		for i, rating := range t.ratings(p) {
			if i < len(p.Players) && !math.IsNaN(rating) && !math.IsInf(rating, 0) {
				known[p.Players[i]] = rating
			}
		}
	}
	return known
}

// compare notes how far apart the teams of a game are.
func (t *tally) compare(sides []side) {
	worst, best := math.Inf(1), math.Inf(-1)
	fewest, most := sides[0].largest, sides[0].largest
	for _, s := range sides {
		fewest, most = min(fewest, s.largest), max(most, s.largest)
		if s.rated > 0 {
			mean := s.rating / float64(s.rated)
			worst, best = min(worst, mean), max(best, mean)
		}
	}
	t.parties[most-fewest]++
	if worst <= best {
		t.teams = append(t.teams, best-worst)
	}
}

// Member returns the ratings of a party's players from a number in their
// ExtMatchmakingPlayer, for [Options.Ratings]. Who has none, or none that can be
// read, has the absent one.
func Member(name string, absent float64) func(p *matchmaking.Party) []float64 {
	return func(p *matchmaking.Party) []float64 {
		ratings := make([]float64, len(p.Players))
		for i, player := range p.Players {
			ratings[i] = numberIn(player.Ext, name, absent)
		}
		return ratings
	}
}

func numberIn(v ext.Value, name string, absent float64) float64 {
	var members map[string]jsontext.Value
	if json.Unmarshal(v.Bytes(), &members) != nil {
		return absent
	}
	text := string(members[name])
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return absent
	}
	return n
}
