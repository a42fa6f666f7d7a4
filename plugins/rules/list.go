package rules

import (
	"maps"
	"math"
	"math/bits"
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
	s.old, s.near = append(s.old, s.near...), s.near[:0]
	if s.everyone == nil {
		s.everyone = new(list)
	}
	s.everyone.reset(s, len(s.all))
	for i := range s.all {
		s.everyone.add(s, int32(i))
	}
	s.everyone.finish()
	if s.PingMillis.Max == 0 {
		return
	}
	for range max(len(s.zones), 1) { // without zones there are still those without pings
		l := new(list)
		if n := len(s.old); n > 0 {
			l, s.old = s.old[n-1], s.old[:n-1]
		}
		l.reset(s, len(s.all)/max(len(s.zones), 1))
		s.near = append(s.near, l)
	}
	known := uint64(1)<<len(s.near) - 1 // all, with 64 of them
	for i := range s.all {
		for zones := s.all[i].zones & known; zones != 0; zones &= zones - 1 {
			s.near[bits.TrailingZeros64(zones)].add(s, int32(i))
		}
	}
	for _, l := range s.near {
		l.finish()
	}
}

// markZones notes which zones are near enough.
func (s *solver) markZones(e *entry, t *Ticket, limit float64) {
	if e.anywhere {
		e.zones = ^uint64(0)
	}
	for i, ping := range t.Pings {
		if float64(ping.Millis) > limit {
			continue
		}
		zone, known := s.zoneNumber(i, ping.Zone)
		if !known {
			if len(s.zones) == maxZones {
				continue
			}
			zone = len(s.zones)
			s.numbers[ping.Zone] = zone
			s.zones = append(s.zones, ping.Zone)
		}
		e.zones |= 1 << zone
	}
}

// zoneNumber returns the number of a zone that is the ith of some ticket's: most
// know the same ones.
func (s *solver) zoneNumber(i int, zone string) (n int, known bool) {
	if i < len(s.zones) && s.zones[i] == zone {
		return i, true
	}
	n, known = s.numbers[zone]
	return n, known
}

// zonePing is how far a zone is, by its number.
type zonePing struct{ millis, zone int }

// listsOf returns the lists that somebody may find a game in, the nearest first.
func (s *solver) listsOf(e *entry) []*list {
	switch {
	case s.PingMillis.Max == 0:
		return append(s.lists[:0], s.everyone)
	case e.anywhere:
		return s.near
	case e.zones&(e.zones-1) == 0: // one, or none
		if e.zones == 0 {
			return nil
		}
		return append(s.lists[:0], s.near[bits.TrailingZeros64(e.zones)])
	}
	s.pings, s.lists = s.pings[:0], s.lists[:0]
	for i, p := range s.tickets[e.ticket].Pings {
		if zone, known := s.zoneNumber(i, p.Zone); known && e.zones>>zone&1 == 1 {
			s.pings = append(s.pings, zonePing{p.Millis, zone})
		}
	}
	slices.SortStableFunc(s.pings, func(a, b zonePing) int { return a.millis - b.millis })
	for _, p := range s.pings {
		s.lists = append(s.lists, s.near[p.zone])
	}
	return s.lists
}

// judgeProspects finds out for whom there are not enough others within the
// windows. Where nearly everybody waits in vain, that saves most of the time:
// it goes through the lists once, in the order of memory. Who is used later only
// makes it worse for the others.
func (s *solver) judgeProspects() {
	if len(s.near) == 0 {
		s.everyone.judgeProspects(s)
	}
	for _, l := range s.near {
		l.judgeProspects(s)
	}
}

func (l *list) judgeProspects(s *solver) {
	for i, place := range l.at {
		if e := &s.all[place]; !e.promising && !s.overdue(e.waited) {
			e.promising = l.enough(s, i, e)
		}
	}
}

// enough reports whether those within the windows, or those that are looked at,
// may be enough for a game.
func (l *list) enough(s *solver, i int, e *entry) bool {
	have, least := s.supplyOf(e), s.least(e.waited)
	if !l.mayFill(s, e, least) {
		return false
	}
	left, right := i-1, i+1
	for range reach {
		if s.suffices(&have, e, least) {
			return true
		}
		below, above := math.Inf(1), math.Inf(1)
		if left >= 0 {
			below = e.rating - l.rate[left]
		}
		if right < len(l.rate) {
			above = l.rate[right] - e.rating
		}
		at, apart := left, below
		if above < below {
			at, apart = right, above
			right++
		} else {
			left--
		}
		if at < 0 || at >= len(l.at) || apart > e.window {
			return false
		}
		if c := &s.all[l.at[at]]; c.window >= apart {
			s.supply(&have, c)
		}
	}
	return true
}

// reset makes the list an empty one for about n tickets.
func (l *list) reset(s *solver, n int) {
	*l = list{at: slices.Grow(l.at[:0], n), rate: slices.Grow(l.rate[:0], n), links: l.links, prev: l.prev, sizes: make([]int32, s.PlayersPerTeam+1)}
}

func (l *list) add(s *solver, place int32) {
	e := &s.all[place]
	if e.misfit {
		return // would only be in the way of others
	}
	l.at, l.rate = append(l.at, place), append(l.rate, e.rating)
	l.count(e, 1)
}

func (l *list) count(e *entry, by int) {
	l.free += by * int(e.size)
	l.sizes[e.size] += int32(by)
	for i, n := range e.roles {
		l.roles[i] += by * int(n)
	}
}

func (l *list) finish() {
	n := int32(len(l.at))
	l.links, l.prev = resize(l.links, int(n)+1), resize(l.prev, int(n)+1)
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
	if !l.hasRoles(s) {
		return false
	}
	mine, others := false, s.NumberOfTeams == 1
	for size := least; size <= s.PlayersPerTeam; size++ {
		mine = mine || size >= int(e.size) && l.fits[size-int(e.size)]
		others = others || l.fits[size]
	}
	return mine && others
}

// hasRoles reports whether those who are left have the roles that teams need.
func (l *list) hasRoles(s *solver) bool {
	for i, limit := range s.limits {
		if l.roles[i] < limit.Min*s.NumberOfTeams {
			return false
		}
	}
	return true
}

// find returns where a ticket is in the list.
func (l *list) find(place int32) int {
	if int(place) < len(l.at) && l.at[place] == place { // as in most lists of all
		return int(place)
	}
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
	known := uint64(1)<<len(s.near) - 1
	for zones := e.zones & known; zones != 0; zones &= zones - 1 {
		s.near[bits.TrailingZeros64(zones)].drop(e, place)
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
