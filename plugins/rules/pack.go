package rules

// packSteps bounds the work of one [solver.pack].
const packSteps = 10_000

// kind is the candidates of one size with the same roles: any of them will do.
type kind struct {
	places []int32 // the nearest first
	used   int
}

// pack makes a game for somebody who takes anybody, if there is one among the
// candidates at all: it tries all ways to fill the teams with kinds of parties.
func (s *solver) pack(place int32, found []int32, least int) bool {
	at := make(map[signature]int)
	var kinds []kind
	for _, c := range found {
		e := &s.all[c]
		sign := signature{e.size, e.roles}
		i, ok := at[sign]
		if !ok {
			i = len(kinds)
			at[sign] = i
			kinds = append(kinds, kind{})
		}
		kinds[i].places = append(kinds[i].places, c)
	}
	s.begin(place, false)
	if !s.mayHave(s.teams[0], &s.all[place]) {
		return false
	}
	s.put(place, 0)
	steps := packSteps
	if !s.packTeam(kinds, 0, 0, least, &steps) || s.onlyNew && !s.draftIsNew() {
		return false
	}
	for _, m := range s.members {
		s.low, s.high = min(s.low, s.all[m.place].rating), max(s.high, s.all[m.place].rating)
	}
	s.balance()
	return true
}

// packTeam fills a team with kinds from the given one on, and then the teams
// after it. More players on a team that has enough are no help for the others.
func (s *solver) packTeam(kinds []kind, team, from, least int, steps *int) bool {
	if *steps--; *steps < 0 {
		return false
	}
	if t := &s.teams[team]; t.size >= least && s.missing(t) == 0 {
		return team == len(s.teams)-1 || s.packTeam(kinds, team+1, 0, least, steps)
	}
	for i := from; i < len(kinds); i++ {
		k := &kinds[i]
		if k.used == len(k.places) || !s.mayHave(s.teams[team], &s.all[k.places[k.used]]) {
			continue
		}
		s.put(k.places[k.used], team)
		k.used++
		if s.packTeam(kinds, team, i, least, steps) {
			return true
		}
		k.used--
		s.takeBack()
	}
	return false
}

// put adds a ticket to a team of the draft.
func (s *solver) put(place int32, team int) {
	s.teams[team].add(&s.all[place])
	s.members = append(s.members, member{place, team})
}

// takeBack undoes the last put.
func (s *solver) takeBack() {
	m := s.members[len(s.members)-1]
	s.teams[m.team].remove(&s.all[m.place])
	s.members = s.members[:len(s.members)-1]
}
