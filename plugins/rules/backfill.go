package rules

import (
	"math"
	"slices"
	"time"

	"github.com/openpragma/engine/matchmaking"
)

const (
	// fillReach is how many parties a running game is offered in one pass.
	fillReach = 256
	// fillLook is how many are looked at for that, since some may not join.
	fillLook = 4096
)

// fills reports whether running games get players.
func (r *Rules) fills() bool {
	return r.Backfill.Policy == BackfillPrefer || r.Backfill.Policy == BackfillAfter
}

// backfill lets running games have parties.
func (r *Rules) backfill(req *matchmaking.ProposeRequest, games []*matchmaking.GameInstance, tickets []*Ticket) []matchmaking.Proposal {
	if !r.fills() || len(games) == 0 {
		return nil
	}
	f := filler{solver: new(solver), view: req.View, oldest: tickets}
	f.prepare(r, tickets, req.Now)
	var proposals []matchmaking.Proposal
	for _, g := range games {
		if p, ok := f.fillGame(g); ok {
			proposals = append(proposals, p)
		}
	}
	return proposals
}

// filler looks for parties for running games.
type filler struct {
	*solver
	view   *matchmaking.View
	oldest []*Ticket
	first  int // the oldest that is still free, or older
}

// fillGame looks for parties for one game: those nearest in rating, or the oldest
// if nothing is known of its players.
func (f *filler) fillGame(g *matchmaking.GameInstance) (matchmaking.Proposal, bool) {
	rating, known := f.begin(g)
	room := 0
	for i := range f.teams {
		room += max(0, f.PlayersPerTeam-f.teams[i].size)
	}
	if room == 0 || len(g.Players) >= f.players() {
		return matchmaking.Proposal{}, false
	}
	for _, place := range f.offers(g, rating, known) {
		if f.place(place) {
			if room -= int(f.all[place].size); room <= 0 {
				break
			}
		}
	}
	if len(f.members) == 0 {
		return matchmaking.Proposal{}, false
	}
	u := new(matchmaking.GameInstanceUpdate)
	spread, ping := 0.0, 0
	for _, m := range f.members {
		e := &f.all[m.place]
		u.AddParties([]*matchmaking.Party{f.ticket(m.place).party}, int64(m.team))
		f.use(m.place)
		if known {
			spread = max(spread, math.Abs(e.rating-rating))
		}
		ms, _ := f.ticket(m.place).ping(g.GameServerZone)
		ping = max(ping, ms)
	}
	return matchmaking.Proposal{Game: g, Update: u, Quality: f.quality(spread, ping)}, true
}

// begin makes the game the draft, and returns its rating if its players have one.
func (f *filler) begin(g *matchmaking.GameInstance) (rating float64, known bool) {
	f.members, f.teams = f.members[:0], append(f.teams[:0], make([]team, f.NumberOfTeams)...)
	for _, p := range g.Players {
		if p.TeamNumber < 0 || p.TeamNumber >= int64(len(f.teams)) {
			continue
		}
		t := &f.teams[p.TeamNumber]
		t.size++
		if len(f.limits) == 0 {
			continue
		}
		members, _ := membersOf(p.Ext) // what cannot be read is not known
		role, _ := members.text(f.Roles.Member)
		for i, limit := range f.limits {
			if limit.role == role {
				t.roles[i]++
			}
		}
	}
	return f.ratingOf(g)
}

// ratingOf returns the mean rating of the players of a game, of those who have
// one.
func (r *Rules) ratingOf(g *matchmaking.GameInstance) (rating float64, known bool) {
	if r.Rating.Member == "" {
		return 0, false
	}
	sum, rated := 0.0, 0
	for _, p := range g.Players {
		members, _ := membersOf(p.Ext) // what cannot be read is not known
		if n, err := members.number(r.Rating.Member, math.NaN()); err == nil && !math.IsNaN(n) {
			sum += n
			rated++
		}
	}
	return sum / float64(max(rated, 1)), rated > 0
}

// offers returns the places of those who may join a game and come first for it,
// the oldest first.
func (f *filler) offers(g *matchmaking.GameInstance, rating float64, known bool) []int32 {
	var offers []int32
	offer := func(place int32) {
		if f.mayJoin(g, &f.all[place], rating, known) {
			offers = append(offers, place)
		}
	}
	if !known {
		for f.first < len(f.oldest) && f.all[f.places[f.first]].used {
			f.first++
		}
		for i := f.first; i < min(len(f.oldest), f.first+fillLook) && len(offers) < fillReach; i++ {
			offer(f.places[i])
		}
		return offers
	}
	at, _ := slices.BinarySearchFunc(f.all, rating, func(e entry, rating float64) int {
		if e.rating < rating {
			return -1
		}
		return 1
	})
	l := f.everyone
	i, _ := slices.BinarySearch(l.at, int32(at))
	w := l.walk(rating, l.before(i), l.after(i))
	for n := 0; n < fillLook && len(offers) < fillReach; n++ {
		place, _, ok := w.next()
		if !ok {
			break
		}
		offer(place)
	}
	slices.SortStableFunc(offers, func(a, b int32) int { return f.ticket(a).EnteredAt.Compare(f.ticket(b).EnteredAt) })
	return offers
}

// mayJoin reports whether a party may be in a game, teams aside.
func (f *filler) mayJoin(g *matchmaking.GameInstance, e *entry, rating float64, known bool) bool {
	waited, t := e.waited, f.tickets[e.ticket]
	if e.used || e.misfit || !f.view.MayJoin(g, t.party) {
		return false
	}
	if f.Backfill.Policy == BackfillAfter && waited < time.Duration(f.Backfill.AfterSeconds)*time.Second {
		return false
	}
	if f.overdue(waited) {
		return true
	}
	if known && math.Abs(e.rating-rating) > e.window {
		return false
	}
	ms, ok := t.ping(g.GameServerZone)
	return f.PingMillis.Max == 0 || g.GameServerZone == "" || ok && float64(ms) <= f.PingMillis.at(waited)
}
