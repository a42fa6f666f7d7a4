package rules

import (
	"maps"
	"math"
	"slices"
)

// list is the tickets that may play in one zone, in the order of rating.
type list struct {
	at    []int32 // places in solver.all
	rate  []float64
	links []int32 // the next free one, perhaps by way of others
	prev  []int32 // the same backwards, one further: prev[0] is the end

	free  int     // players
	sizes []int32 // free parties by size
	fits  []bool  // whether parties of the sizes that are left can add up to that
	roles [maxRoles]int
}

// maxZones is how many zones are told apart; parties cannot meet in others.
const maxZones = 64

// makeLists sorts the tickets by zones that are near enough.
func (s *solver) makeLists() {
	s.everyone = s.newList(len(s.all))
	for i := range s.all {
		s.everyone.add(s, int32(i))
	}
	s.everyone.finish()
	if s.PingMillis.Max == 0 {
		return
	}
	for range max(len(s.zones), 1) { // without zones there are still those without pings
		s.near = append(s.near, s.newList(len(s.all)/max(len(s.zones), 1)))
	}
	for i := range s.all {
		for zone, l := range s.near {
			if s.all[i].zones>>zone&1 == 1 {
				l.add(s, int32(i))
			}
		}
	}
	for _, l := range s.near {
		l.finish()
	}
}

// markZones notes which zones are near enough.
func (s *solver) markZones(e *entry, limit float64) {
	if len(e.Pings) == 0 {
		e.zones = ^uint64(0)
	}
	for i, ping := range e.Pings {
		if float64(ping.Millis) > limit {
			continue
		}
		zone := i // most parties know the same zones
		if i >= len(s.zones) || s.zones[i] != ping.Zone {
			known := false
			if zone, known = s.numbers[ping.Zone]; !known {
				if len(s.zones) == maxZones {
					continue
				}
				zone = len(s.zones)
				s.numbers[ping.Zone] = zone
				s.zones = append(s.zones, ping.Zone)
			}
		}
		e.zones |= 1 << zone
	}
}

// listsOf returns the lists that somebody may find a game in, the nearest first.
func (s *solver) listsOf(e *entry) []*list {
	if s.PingMillis.Max == 0 {
		return append(s.lists[:0], s.everyone)
	}
	if len(e.Pings) == 0 {
		return s.near
	}
	s.pings, s.lists = append(s.pings[:0], e.Pings...), s.lists[:0]
	slices.SortStableFunc(s.pings, nearer)
	for _, p := range s.pings {
		if zone := slices.Index(s.zones, p.Zone); zone >= 0 && e.zones>>zone&1 == 1 {
			s.lists = append(s.lists, s.near[zone])
		}
	}
	return s.lists
}

func nearer(a, b Ping) int { return a.Millis - b.Millis }

func (s *solver) newList(n int) *list {
	return &list{at: make([]int32, 0, n), rate: make([]float64, 0, n), sizes: make([]int32, s.PlayersPerTeam+1)}
}

func (l *list) add(s *solver, place int32) {
	e := &s.all[place]
	if e.size > s.PlayersPerTeam {
		return
	}
	l.at, l.rate = append(l.at, place), append(l.rate, e.rating)
	l.count(e, 1)
}

func (l *list) count(e *entry, by int) {
	l.free += by * e.size
	l.sizes[e.size] += int32(by)
	for i, n := range e.roles {
		l.roles[i] += by * int(n)
	}
}

func (l *list) finish() {
	n := int32(len(l.at))
	l.links, l.prev = make([]int32, n+1), make([]int32, n+1)
	for i := range n + 1 {
		l.links[i], l.prev[i] = i, i
	}
	l.reckon()
}

// reckon finds out what sizes can add up to.
func (l *list) reckon() {
	l.fits = make([]bool, len(l.sizes))
	l.fits[0] = true
	for size, n := range l.sizes {
		for sum := size; n > 0 && size > 0 && sum < len(l.fits); sum++ {
			l.fits[sum] = l.fits[sum] || l.fits[sum-size]
		}
	}
}

// mayFill reports whether teams of that size are possible at all with those who
// are left.
func (l *list) mayFill(s *solver, e *entry, least int) bool {
	if l.free < s.NumberOfTeams*least {
		return false
	}
	for i, limit := range s.limits {
		if l.roles[i] < limit.Min*s.NumberOfTeams {
			return false
		}
	}
	mine, others := false, s.NumberOfTeams == 1
	for size := least; size <= s.PlayersPerTeam; size++ {
		mine = mine || size >= e.size && l.fits[size-e.size]
		others = others || l.fits[size]
	}
	return mine && others
}

// find returns where a ticket is in the list.
func (l *list) find(place int32) int {
	i, _ := slices.BinarySearch(l.at, place)
	return i
}

// after returns the first free one from i on; the length if there is none.
func (l *list) after(i int) int { return int(follow(l.links, int32(i))) }

// before returns the last free one before i, or -1.
func (l *list) before(i int) int { return int(follow(l.prev, int32(i))) - 1 }

func follow(links []int32, i int32) int32 {
	for links[i] != i {
		links[i] = links[links[i]]
		i = links[i]
	}
	return i
}

// walk goes through the free ones of a list, the nearest in rating first.
type walk struct {
	*list
	rating      float64
	left, right int
}

func (l *list) walk(rating float64, left, right int) walk { return walk{l, rating, left, right} }

func (w *walk) next() (place int32, apart float64, ok bool) {
	left, right := math.Inf(1), math.Inf(1)
	if w.left >= 0 {
		left = w.rating - w.rate[w.left]
	}
	if w.right < len(w.at) {
		right = w.rate[w.right] - w.rating
	}
	switch {
	case w.left < 0 && w.right >= len(w.at):
		return 0, 0, false
	case left <= right && w.left >= 0:
		place = w.at[w.left]
		w.left = w.before(w.left)
		return place, left, true
	}
	place = w.at[w.right]
	w.right = w.after(w.right + 1)
	return place, right, true
}

// use takes a ticket out of all lists.
func (s *solver) use(place int32) {
	e := &s.all[place]
	e.used = true
	s.everyone.drop(e, place)
	for zone, l := range s.near {
		if e.zones>>zone&1 == 1 {
			l.drop(e, place)
		}
	}
}

func (l *list) drop(e *entry, place int32) {
	i := l.find(place)
	l.links[i], l.prev[i+1] = int32(i)+1, int32(i)
	if l.count(e, -1); l.sizes[e.size] == 0 {
		l.reckon()
	}
}

// roleLimit is a limit with its role.
type roleLimit struct {
	role string
	Limit
}

func (r *Rules) limits() []roleLimit {
	var limits []roleLimit
	for _, role := range slices.Sorted(maps.Keys(r.Roles.Limits)) {
		limits = append(limits, roleLimit{role, r.Roles.Limits[role]})
	}
	return limits
}
