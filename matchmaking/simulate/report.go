package simulate

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/openpragma/engine/matchmaking"
)

// Report is what came of a simulation. Times are seconds of virtual time. Nothing
// in it depends on the machine.
type Report struct {
	// Name is [Options.Name].
	Name string `json:"name"`
	// Begin and End are of the simulation. It ends when nobody waits and nobody
	// comes any more.
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
	// Arrived is who came, and the following are what became of them.
	Arrived Count `json:"arrived"`
	// Matched got a game.
	Matched Count `json:"matched"`
	// StillWaiting is who had none at the end, LongestWaitSeconds for how long
	// the oldest of them.
	StillWaiting       Count   `json:"stillWaiting"`
	LongestWaitSeconds float64 `json:"longestWaitSeconds"`
	// LostPatience, TimedOut, Failed and Refused left without: by themselves,
	// after queueTimeoutSeconds, because a hook failed, or on entering.
	LostPatience Count `json:"lostPatience"`
	TimedOut     Count `json:"timedOut"`
	Failed       Count `json:"failed"`
	Refused      Count `json:"refused"`
	// Matches are new games and Joins additions to running ones.
	Matches        int     `json:"matches"`
	Joins          int     `json:"joins"`
	MatchesPerHour float64 `json:"matchesPerHour"` // new games
	// Passes is how many passes were made.
	Passes int `json:"passes"`
	// WaitSeconds is how long players waited who got a game: all, by the size of
	// their party, and by the zone of the game.
	WaitSeconds       Distribution `json:"waitSeconds"`
	WaitSecondsBySize []Group      `json:"waitSecondsBySize"`
	WaitSecondsByZone []Group      `json:"waitSecondsByZone"`
	// WaitHistogram counts those players.
	WaitHistogram []Bucket `json:"waitHistogram"`
	// RatingSpread is the best player's rating less the weakest one's, and
	// TeamDifference the same of the means of teams, in new games.
	RatingSpread   Distribution `json:"ratingSpread"`
	TeamDifference Distribution `json:"teamDifference"`
	// PartyDifference is how much the largest parties of the teams differ in size.
	PartyDifference []Share `json:"partyDifference"`
	// PingMillis is that of players to the zone of their game, where it is known.
	PingMillis Distribution `json:"pingMillis"`
	// Quality is what a pool plugin says of its matches.
	Quality Distribution `json:"quality"`
	// Faults are hooks that failed and results that cannot be made, and FaultTexts
	// the first few that differ.
	Faults     int      `json:"faults"`
	FaultTexts []string `json:"faultTexts"`
}

// Count is a number of parties and of their players.
type Count struct {
	Parties int `json:"parties"`
	Players int `json:"players"`
}

// Distribution is of values: how many there are, their mean, the values that
// 50, 90 and 99 percent of them do not exceed, and the largest.
type Distribution struct {
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// Group is a distribution of those who have something in common.
type Group struct {
	// Name is a number of players, or a zone; empty for games without one.
	Name string `json:"name"`
	Distribution
}

// Bucket counts values from the last bucket's UpTo up to this one's; zero means
// that there is no end.
type Bucket struct {
	UpTo  float64 `json:"upTo"`
	Count int     `json:"count"`
}

// Share is how many matches have a difference.
type Share struct {
	Difference int `json:"difference"`
	Matches    int `json:"matches"`
}

// bounds are the ends of the buckets of waiting times, in seconds.
func bounds() []float64 { return []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 0} }

func (t *tally) report(r *run) *Report {
	end := r.now
	if t.last.After(end) {
		end = t.last
	}
	rep := &Report{
		Name: r.Name, Begin: t.begin, End: end, Arrived: t.arrived, Matched: t.matched,
		LostPatience: t.gone[lostPatience], TimedOut: t.gone[timedOut], Failed: t.gone[hookFailed], Refused: t.refused,
		Matches: t.matches, Joins: t.joins, Passes: t.passes,
		WaitHistogram: histogram(t.waits), WaitSeconds: distribution(t.waits),
		RatingSpread: distribution(t.spreads), TeamDifference: distribution(t.teams),
		PingMillis: distribution(t.pings), Quality: distribution(t.qualities),
		Faults: t.faults, FaultTexts: t.faultTexts,
	}
	if hours := end.Sub(t.begin).Hours(); hours > 0 {
		rep.MatchesPerHour = float64(t.matches) / hours
	}
	t.unmatched(rep)
	for _, size := range slices.Sorted(maps.Keys(t.bySize)) {
		rep.WaitSecondsBySize = append(rep.WaitSecondsBySize, Group{strconv.Itoa(size), distribution(t.bySize[size])})
	}
	for _, zone := range slices.Sorted(maps.Keys(t.byZone)) {
		rep.WaitSecondsByZone = append(rep.WaitSecondsByZone, Group{zone, distribution(t.byZone[zone])})
	}
	for _, difference := range slices.Sorted(maps.Keys(t.parties)) {
		rep.PartyDifference = append(rep.PartyDifference, Share{difference, t.parties[difference]})
	}
	return rep
}

// unmatched counts those who still wait.
func (t *tally) unmatched(rep *Report) {
	oldest := slices.MinFunc(append(slices.Collect(maps.Keys(t.waiting)), &matchmaking.Party{EnteredAt: rep.End}),
		func(a, b *matchmaking.Party) int { return a.EnteredAt.Compare(b.EnteredAt) })
	rep.LongestWaitSeconds = rep.End.Sub(oldest.EnteredAt).Seconds()
	for p := range t.waiting {
		rep.StillWaiting.add(p)
	}
}

// distribution sorts the values.
func distribution(values []float64) Distribution {
	n := len(values)
	if n == 0 {
		return Distribution{}
	}
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	at := func(percent int) float64 { return values[max(0, (n*percent+99)/100-1)] }
	return Distribution{n, round(sum / float64(n)), round(at(50)), round(at(90)), round(at(99)), round(values[n-1])}
}

// round keeps three digits behind the point.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func histogram(waits []float64) []Bucket {
	var buckets []Bucket
	for _, upTo := range bounds() {
		buckets = append(buckets, Bucket{UpTo: upTo})
	}
	for _, w := range waits {
		i := slices.IndexFunc(buckets, func(b Bucket) bool { return b.UpTo == 0 || w < b.UpTo })
		buckets[i].Count++
	}
	return buckets
}
