package rules

import (
	"cmp"
	"slices"
	"time"
)

// Group is parties that are to be in a new game together.
type Group struct {
	// Tickets are the parties; the first one is the one that was served.
	Tickets []*Ticket
	// Teams has the team of each of them.
	Teams []int
	// Zone is where the game is to run; empty if nothing is known of zones.
	Zone string
	// Quality is 1 if all are equally good and the game runs next door, and goes
	// down to 0 at the widest windows.
	Quality float64
}

// Options are what [Rules.Match] needs besides the tickets. The zero value of
// all but Now is right.
type Options struct {
	// Now is the time of the pass.
	Now time.Time
	// Serve has the tickets that a game is looked for, by their place in the
	// list; nil: all.
	Serve []int
	// Stop is asked now and then; true ends the search.
	Stop func() bool
}

// Match returns games that can be made of the tickets, which are in the order in
// which they are to be served. It only computes: the same arguments give the
// same result. The rules must be valid.
func (r *Rules) Match(tickets []*Ticket, o Options) []Group {
	return new(solver).match(r, tickets, o)
}

// solver makes groups of one set of tickets. It may be used again for others,
// which saves the memory.
type solver struct {
	*Rules
	now      time.Time
	tickets  []*Ticket // in the order of serving
	all      []entry   // in the order of rating
	places   []int32   // in all, by the order of serving
	zones    []string
	numbers  map[string]int // of zones
	limits   []roleLimit
	everyone *list
	near     []*list // by zone; nil without a ping rule
	hopeless map[signature]bool
	onlyNew  bool // games without somebody new do not count
	sums     map[uint64]uint64

	keys, spare []ratingKey // reused, as all that follows
	old         []*list
	found       []int32 // candidates
	sorted      []int32
	pings       []zonePing
	lists       []*list
	draft
}

// entry is a ticket in a solver. It has no pointers: there are many.
type entry struct {
	rating, window float64
	zones          uint64 // that are near enough, by number
	waited         time.Duration
	roles          [maxRoles]uint16
	ticket         int32 // in solver.tickets
	size           int32
	anywhere       bool // has no pings
	misfit         bool // is too large for any team, or has too many of a role
	promising      bool // there are enough others within the window
	used           bool
	isNew          bool
}

// signature is what decides whether somebody who takes anybody gets a game.
type signature struct {
	size  int32
	roles [maxRoles]uint16
}

// match is [Rules.Match].
func (s *solver) match(r *Rules, tickets []*Ticket, o Options) []Group {
	s.prepare(r, tickets, o.Now)
	s.judgeProspects()
	var groups []Group
	serve := func(i int) {
		if g, ok := s.serve(s.places[i]); ok {
			groups = append(groups, g)
		}
	}
	stopped := func(n int) bool { return n%64 == 63 && o.Stop != nil && o.Stop() }
	if o.Serve != nil {
		for n, i := range o.Serve {
			if serve(i); stopped(n) {
				break
			}
		}
		return groups
	}
	for i := range tickets {
		if serve(i); stopped(i) {
			break
		}
	}
	return groups
}

// prepare makes the solver one of these tickets.
func (s *solver) prepare(r *Rules, tickets []*Ticket, now time.Time) {
	s.Rules, s.now, s.tickets, s.limits = r, now, tickets, r.limits()
	s.all, s.places = resize(s.all, len(tickets)), resize(s.places, len(tickets))
	s.zones, s.numbers, s.hopeless, s.onlyNew = s.zones[:0], make(map[string]int), make(map[signature]bool), false
	s.sums = make(map[uint64]uint64)
	for place, key := range s.byRating() {
		s.places[key.i] = int32(place)
	}
	for i, t := range tickets { // in this order they are near each other in memory
		s.read(&s.all[s.places[i]], t, int32(i))
	}
	s.makeLists()
}

// resize returns a slice of n values, of which none is to be read before it is
// written.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (s *solver) read(e *entry, t *Ticket, i int32) {
	waited := s.now.Sub(t.EnteredAt)
	*e = entry{ticket: i, rating: t.Rating, window: s.Rating.Window.at(waited), waited: waited, size: int32(len(t.Players)), anywhere: len(t.Pings) == 0}
	if s.PingMillis.Max > 0 {
		s.markZones(e, t, s.PingMillis.at(waited))
	}
	e.roles = rolesOf(s.limits, t)
	e.misfit = !s.mayHave(team{}, e)
}

// rolesOf counts the players of a ticket that have roles with limits.
func rolesOf(limits []roleLimit, t *Ticket) (n [maxRoles]uint16) {
	for i, limit := range limits {
		for _, p := range t.Players {
			if p.Role == limit.role {
				n[i]++
			}
		}
	}
	return n
}

// ticket returns the ticket of a place.
func (s *solver) ticket(place int32) *Ticket { return s.tickets[s.all[place].ticket] }

// serve looks for a game for one ticket.
func (s *solver) serve(place int32) (Group, bool) {
	e := &s.all[place]
	if e.used || e.misfit {
		return Group{}, false
	}
	overdue := s.overdue(e.waited)
	if !overdue && !e.promising {
		return Group{}, false
	}
	least := s.least(e.waited)
	found := false
	if overdue {
		sign := signature{e.size, e.roles}
		if s.hopeless[sign] {
			return Group{}, false
		}
		found = s.search(s.everyone, place, least, false)
		if !found {
			s.hopeless[sign] = true
		}
	} else {
		for _, l := range s.listsOf(e) {
			if found = s.search(l, place, least, true); found {
				break
			}
		}
	}
	if !found {
		return Group{}, false
	}
	return s.take(), true
}

// How many of the nearest candidates are looked at.
const (
	reach     = 96
	reachLate = 1024 // for those who have waited long enough
)

// search looks for a game in a list: first with full teams, then with those that
// are large enough. Strict says whether windows count.
func (s *solver) search(l *list, place int32, least int, strict bool) bool {
	for _, size := range []int{s.PlayersPerTeam, least} {
		if l.mayFill(s, &s.all[place], size) && (s.widen(l, place, size, strict) || !strict && s.pack(place, s.found, size)) {
			return true
		}
		if size == least {
			break
		}
	}
	return false
}

// widen tries all the candidates within the window; then, if some of them are
// more choosy, only those who are not.
func (s *solver) widen(l *list, place int32, least int, strict bool) bool {
	e := &s.all[place]
	far := e.window
	for _, choosy := range []float64{0, far / 2, far} {
		s.choosy = false
		if s.reach(l, place, least, choosy, strict) {
			return true
		}
		if !strict || !s.choosy && !s.onlyNew {
			break
		}
	}
	return false
}

// reach tries the nearest few, and then more of them.
func (s *solver) reach(l *list, place int32, least int, choosy float64, strict bool) bool {
	most := reach
	if !strict {
		most = reachLate
	}
	few := min(2*s.players()+2, most)
	for _, limit := range []int{few, max(most, few)} {
		found, have, more := s.candidates(l, place, limit, choosy, strict)
		if s.suffices(&have, &s.all[place], least) && (!s.onlyNew || s.bringsNew(place, found)) && s.try(place, found, least, strict) {
			return true
		}
		if !more || limit >= most {
			return false
		}
	}
	return false
}

// candidates returns the free tickets that are nearest in rating, what they make
// with the one that is served, and whether there are more.
func (s *solver) candidates(l *list, place int32, limit int, choosy float64, strict bool) (found []int32, have supply, more bool) {
	e := &s.all[place]
	at := l.find(place)
	w := l.walk(e.rating, l.before(at), l.after(at+1))
	have = s.supplyOf(e)
	found = s.found[:0]
	defer func() { s.found = found }()
	for range limit {
		next, apart, ok := w.next()
		if !ok || strict && apart > e.window {
			return found, have, false
		}
		c := &s.all[next]
		if strict && (c.window < apart || c.window < choosy) {
			continue
		}
		found = append(found, next)
		s.supply(&have, c)
	}
	return found, have, true
}

// try makes a game of the candidates: the nearest first, the largest first, the
// smallest first.
func (s *solver) try(place int32, found []int32, least int, strict bool) bool {
	if s.fill(place, found, least, strict) {
		return true
	}
	bySize := func(a, b int32) int { return cmp.Compare(s.all[b].size, s.all[a].size) }
	s.sorted = append(s.sorted[:0], found...)
	slices.SortStableFunc(s.sorted, bySize)
	if len(s.sorted) == 0 || s.all[s.sorted[0]].size == s.all[s.sorted[len(s.sorted)-1]].size && len(s.limits) == 0 {
		return false // the order makes no difference
	}
	if s.fill(place, s.sorted, least, strict) {
		return true
	}
	slices.SortStableFunc(s.sorted, func(a, b int32) int { return bySize(b, a) })
	return s.fill(place, s.sorted, least, strict)
}

// take makes the draft final.
func (s *solver) take() Group {
	g := Group{Tickets: make([]*Ticket, len(s.members)), Teams: make([]int, len(s.members))}
	for i, m := range s.members {
		g.Tickets[i], g.Teams[i] = s.ticket(m.place), m.team
		s.use(m.place)
	}
	worst := 0
	g.Zone, worst = s.zone(s.members)
	g.Quality = s.quality(s.high-s.low, worst)
	return g
}

func (r *Rules) quality(spread float64, ping int) float64 {
	rate := func(value, most float64) float64 {
		if most <= 0 {
			return 1
		}
		return max(0, 1-value/most)
	}
	return (rate(spread, r.Rating.Window.Max) + rate(float64(ping), r.PingMillis.Max)) / 2
}
