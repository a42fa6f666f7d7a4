package rules

import "math"

// draft is a game that is being made.
type draft struct {
	members   []member
	teams     []team
	low, high float64 // ratings
	tight     float64 // the narrowest window
	choosy    bool    // somebody's window was too narrow for another
	strict    bool    // windows count
}

// member is a ticket in a draft.
type member struct {
	place int32
	team  int
}

type team struct {
	size   int
	rating float64 // sum
	roles  [maxRoles]uint16
}

// begin empties the draft for a ticket.
func (s *solver) begin(place int32, strict bool) {
	e := &s.all[place]
	s.members, s.teams = s.members[:0], append(s.teams[:0], make([]team, s.NumberOfTeams)...)
	s.strict = strict
	s.low, s.high, s.tight = e.rating, e.rating, math.Inf(1)
	if strict {
		s.tight = e.window
	}
}

// fill makes a draft of a ticket and candidates, in their order, and reports
// whether it is a game whose teams have at least that size.
func (s *solver) fill(place int32, found []int32, least int, strict bool) bool {
	e := &s.all[place]
	s.begin(place, strict)
	if !s.place(place) {
		return false
	}
	left := s.players() - int(e.size)
	for _, c := range found {
		if left == 0 {
			break
		}
		c, at := &s.all[c], c
		if int(c.size) > left {
			continue
		}
		low, high := min(s.low, c.rating), max(s.high, c.rating)
		if strict && high-low > min(s.tight, c.window) {
			s.choosy = true
			continue
		}
		if !s.place(at) {
			continue
		}
		left -= int(c.size)
		s.low, s.high = low, high
		if strict {
			s.tight = min(s.tight, c.window)
		}
	}
	if s.onlyNew && !s.draftIsNew() {
		return false
	}
	for i := range s.teams {
		if s.teams[i].size < least || s.missing(&s.teams[i]) > 0 {
			return false
		}
	}
	s.balance()
	return !strict || s.partiesBalanced()
}

// place puts a ticket on the team with the most room that can have it.
func (s *solver) place(place int32) bool {
	e := &s.all[place]
	best := -1
	for i := range s.teams {
		if (best < 0 || s.teams[i].size < s.teams[best].size) && s.mayHave(s.teams[i], e) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	s.put(place, best)
	return true
}

// mayHave reports whether a team can have a ticket and still become whole.
func (s *solver) mayHave(t team, e *entry) bool {
	if t.size+int(e.size) > s.PlayersPerTeam {
		return false
	}
	if len(s.limits) == 0 {
		return true
	}
	t.add(e)
	return s.rolesAllow(&t) && s.missing(&t) <= s.PlayersPerTeam-t.size
}

func (s *solver) rolesAllow(t *team) bool {
	for i, limit := range s.limits {
		if limit.Max > 0 && int(t.roles[i]) > limit.Max {
			return false
		}
	}
	return true
}

// missing is how many players a team needs because of their roles.
func (s *solver) missing(t *team) int {
	n := 0
	for i, limit := range s.limits {
		n += max(0, limit.Min-int(t.roles[i]))
	}
	return n
}

func (t *team) add(e *entry) {
	t.size += int(e.size)
	t.rating += e.rating * float64(e.size)
	for i, n := range e.roles {
		t.roles[i] += n
	}
}

func (t *team) remove(e *entry) {
	t.size -= int(e.size)
	t.rating -= e.rating * float64(e.size)
	for i, n := range e.roles {
		t.roles[i] -= n
	}
}

func (t *team) mean() float64 { return t.rating / float64(max(t.size, 1)) }

// maxSwaps bounds the work on one game.
const maxSwaps = 16

// balance swaps parties of one size between the best and the weakest team, or
// those with the largest and the smallest parties, while that brings their
// ratings closer together.
func (s *solver) balance() {
	if s.NumberOfTeams < 2 {
		return
	}
	for range maxSwaps {
		swapped := s.PartyBalance.Enabled && s.swapBest(s.extremes(func(i int) float64 { return float64(s.largest(i)) }))
		if !swapped && !s.swapBest(s.extremes(func(i int) float64 { return s.teams[i].mean() })) {
			return
		}
	}
}

// extremes returns the teams with the highest and the lowest value.
func (s *solver) extremes(value func(team int) float64) (high, low int) {
	for i := range s.teams {
		if value(i) > value(high) {
			high = i
		}
		if value(i) < value(low) {
			low = i
		}
	}
	return high, low
}

// largest is the size of the largest party of a team.
func (s *solver) largest(team int) int {
	n := 0
	for _, m := range s.members {
		if m.team == team {
			n = max(n, int(s.all[m.place].size))
		}
	}
	return n
}

// swapBest makes the one swap of parties of one size that brings two teams
// closest together.
func (s *solver) swapBest(a, b int) bool {
	if a == b {
		return false
	}
	x, y := &s.teams[a], &s.teams[b]
	apart := func(moved float64) float64 {
		return math.Abs((x.rating-moved)/float64(max(x.size, 1)) - (y.rating+moved)/float64(max(y.size, 1)))
	}
	best := apart(0)
	bestI, bestJ := -1, -1
	for i, m := range s.members {
		if m.team != a {
			continue
		}
		from := &s.all[m.place]
		for j, n := range s.members {
			if n.team != b || s.all[n.place].size != from.size {
				continue
			}
			if d := apart((from.rating - s.all[n.place].rating) * float64(from.size)); d < best-1e-9 && s.maySwap(i, j) {
				best, bestI, bestJ = d, i, j
			}
		}
	}
	if bestI < 0 {
		return false
	}
	s.swap(bestI, bestJ)
	return true
}

// maySwap reports whether the roles allow that two parties of one size change
// places.
func (s *solver) maySwap(i, j int) bool {
	x, y := &s.all[s.members[i].place], &s.all[s.members[j].place]
	if len(s.limits) == 0 || x.roles == y.roles {
		return true
	}
	a, b := s.teams[s.members[i].team], s.teams[s.members[j].team]
	a.remove(x)
	a.add(y)
	b.remove(y)
	b.add(x)
	return s.rolesAllow(&a) && s.rolesAllow(&b) && s.missing(&a) == 0 && s.missing(&b) == 0
}

func (s *solver) swap(i, j int) {
	x, y := &s.members[i], &s.members[j]
	s.teams[x.team].remove(&s.all[x.place])
	s.teams[y.team].remove(&s.all[y.place])
	x.team, y.team = y.team, x.team
	s.teams[x.team].add(&s.all[x.place])
	s.teams[y.team].add(&s.all[y.place])
}

// partiesBalanced reports whether the largest parties of the teams are of similar
// sizes, if anybody in the draft insists on it.
func (s *solver) partiesBalanced() bool {
	if !s.PartyBalance.Enabled {
		return true
	}
	most, fewest := s.extremes(func(i int) float64 { return float64(s.largest(i)) })
	if s.largest(most)-s.largest(fewest) <= s.PartyBalance.MaxDifference {
		return true
	}
	for _, m := range s.members {
		if until := s.PartyBalance.UntilSeconds; until == 0 || s.all[m.place].waited.Seconds() < float64(until) {
			return false
		}
	}
	return true
}
