package rules

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
)

// How far a circle goes. A full pass looks at the nearest few as well (reach,
// reachLate, fillReach), so that little is lost.
const (
	neighbours         = 2 * reach // on either side in rating, in each zone
	neighboursAnywhere = 1024      // the same for a party without pings
	fewInZone          = 4096      // parties of a zone are looked through one by one
	farthest           = 8192      // parties on either side in rating are passed by
	oldest             = 2048      // parties are looked at for those who take anybody
	mostOverdue        = 8         // kinds of those: of one size, with the same roles
)

// The text by which parties without pings are found in a view.
const (
	pingsText = "pings"
	noPings   = "none"
)

// circle is those of a large queue whom new parties and games can meet.
type circle struct {
	*Rules
	now      time.Time
	view     *matchmaking.View
	byRating []*matchmaking.Party
	ticketOf func(*matchmaking.Party) *Ticket
	in       map[*matchmaking.Party]bool // true: it is new
	out      map[pragma.PartyID]bool
}

func newCircle(r *Rules, req *matchmaking.ProposeRequest, ticketOf func(*matchmaking.Party) *Ticket) *circle {
	return &circle{
		Rules: r, now: req.Now, view: req.View, byRating: req.View.ByNumber(ratingName), ticketOf: ticketOf,
		in: make(map[*matchmaking.Party]bool), out: make(map[pragma.PartyID]bool),
	}
}

// tickets returns those in the circle, the oldest first, and which are new.
func (c *circle) tickets() (tickets []*Ticket, isNew []bool) {
	for party := range c.in {
		if t := c.ticketOf(party); t != nil {
			tickets = append(tickets, t)
		}
	}
	slices.SortFunc(tickets, byAge)
	isNew = make([]bool, len(tickets))
	for i, t := range tickets {
		isNew[i] = c.in[t.party]
	}
	return tickets, isNew
}

// onlyNew drops those who are not new, and returns the others.
func (c *circle) onlyNew() []*Ticket {
	maps.DeleteFunc(c.in, func(_ *matchmaking.Party, isNew bool) bool { return !isNew })
	tickets, _ := c.tickets()
	return tickets
}

// leaveOut takes those out who join games.
func (c *circle) leaveOut(joins []matchmaking.Proposal) {
	maps.Copy(c.out, joined(joins))
	maps.DeleteFunc(c.in, func(party *matchmaking.Party, _ bool) bool { return c.out[party.ID] })
}

// take takes those out who are in a game.
func (c *circle) take(tickets []*Ticket) {
	for _, t := range tickets {
		c.out[t.party.ID] = true
		delete(c.in, t.party)
	}
}

func (c *circle) add(parties ...*matchmaking.Party) {
	for _, party := range parties {
		if !c.in[party] && !c.out[party.ID] {
			c.in[party] = false
		}
	}
}

// addNew adds the new parties.
func (c *circle) addNew() {
	for _, party := range c.view.New() {
		if !c.out[party.ID] {
			c.in[party] = true
		}
	}
}

// addOthers adds those whom new parties can meet.
func (c *circle) addOthers(fresh []*Ticket) {
	for _, t := range fresh {
		c.addAround(t)
	}
	if c.ServeOldestAfterSeconds > 0 && len(fresh) > 0 {
		c.addOverdue(fresh)
	}
}

func (c *circle) waited(party *matchmaking.Party) time.Duration { return c.now.Sub(party.EnteredAt) }

// addAround adds those who are within the window of a new party, and near to a
// zone that is near to it. All of a game are within the windows of each other, so
// the window of the new one is a bound for those who waited longer, too.
func (c *circle) addAround(t *Ticket) {
	s := span{t.Rating, c.Rating.Window.at(c.waited(t.party))}
	if c.PingMillis.Max == 0 {
		c.walk(s, []share{{anybody: true, most: neighbours}})
		return
	}
	if len(t.Pings) == 0 {
		c.walk(s, []share{{anybody: true, most: neighboursAnywhere}})
		return
	}
	var crowded []share
	look := func(zone string, parties []*matchmaking.Party) {
		if len(parties) > fewInZone {
			crowded = append(crowded, share{zone: zone, most: neighbours})
		} else {
			c.addNearest(s, parties)
		}
	}
	limit := c.PingMillis.at(c.waited(t.party))
	for _, ping := range t.Pings {
		if float64(ping.Millis) <= limit {
			look(ping.Zone, c.view.InZone(ping.Zone, int(c.PingMillis.Max)))
		}
	}
	look("", c.view.WithText(pingsText, noPings))
	c.walk(s, crowded)
}

// span is the ratings that somebody plays with.
type span struct{ rating, window float64 }

// share is how many parties are wanted on either side: of a zone; without one,
// of those without pings.
type share struct {
	zone    string
	anybody bool
	most    int
}

// addNearest adds those of some parties that are nearest in rating.
func (c *circle) addNearest(s span, parties []*matchmaking.Party) {
	var below, above []distant
	for _, party := range parties {
		rating, _ := party.Number(ratingName)
		switch apart := rating - s.rating; {
		case math.Abs(apart) > s.window:
		case apart < 0:
			below = append(below, distant{-apart, party})
		default:
			above = append(above, distant{apart, party})
		}
	}
	for _, side := range [][]distant{below, above} {
		slices.SortFunc(side, func(a, b distant) int {
			return cmp.Or(cmp.Compare(a.apart, b.apart), a.party.TicketID.Compare(b.party.TicketID))
		})
		for _, d := range side[:min(neighbours, len(side))] {
			c.add(d.party)
		}
	}
}

type distant struct {
	apart float64
	party *matchmaking.Party
}

// walk goes from a rating to both sides until it has its shares.
func (c *circle) walk(s span, shares []share) {
	at, other := c.find(s.rating), slices.Clone(shares)
	for i := at - 1; i >= max(0, at-farthest) && c.want(s, c.byRating[i], &other); i-- {
	}
	for i := at; i < min(len(c.byRating), at+farthest) && c.want(s, c.byRating[i], &shares); i++ {
	}
}

// want adds a party if it is wanted, and reports whether to go on.
func (c *circle) want(s span, party *matchmaking.Party, shares *[]share) bool {
	if rating, _ := party.Number(ratingName); len(*shares) == 0 || math.Abs(rating-s.rating) > s.window {
		return false
	}
	enough := false
	for i := range *shares {
		if wants := &(*shares)[i]; c.belongs(party, wants) {
			c.add(party)
			wants.most--
			enough = enough || wants.most == 0
		}
	}
	if enough {
		*shares = slices.DeleteFunc(*shares, func(s share) bool { return s.most == 0 })
	}
	return true
}

func (c *circle) belongs(party *matchmaking.Party, s *share) bool {
	switch {
	case s.anybody:
		return true
	case s.zone == "":
		return len(party.Texts(pingsText)) > 0
	}
	ping, ok := party.Ping(s.zone)
	return ok && float64(ping) <= c.PingMillis.at(c.waited(party))
}

// find returns where a rating is, or belongs.
func (c *circle) find(rating float64) int {
	at, _ := slices.BinarySearchFunc(c.byRating, rating, func(p *matchmaking.Party, rating float64) int {
		n, _ := p.Number(ratingName)
		return cmp.Compare(n, rating)
	})
	return at
}

// addOverdue adds those who take anybody, the oldest of each kind, with those
// whom they would be offered.
func (c *circle) addOverdue(fresh []*Ticket) {
	seen, limits := make(map[signature]bool), c.limits()
	look := func(t *Ticket) {
		sign := signature{int32(len(t.Players)), rolesOf(limits, t)}
		if seen[sign] || len(seen) == mostOverdue {
			return
		}
		seen[sign] = true
		at := c.find(t.Rating)
		c.add(c.byRating[max(0, at-reachLate):min(len(c.byRating), at+reachLate)]...)
		c.add(t.party)
	}
	all := c.view.Parties()
	for _, party := range all[:min(len(all), oldest)] {
		if !c.overdue(c.waited(party)) {
			break
		}
		if t := c.ticketOf(party); t != nil && !c.out[party.ID] {
			look(t)
		}
	}
	for _, t := range fresh {
		if c.overdue(c.waited(t.party)) {
			look(t)
		}
	}
}

// addAroundGame adds those whom a running game is offered.
func (c *circle) addAroundGame(g *matchmaking.GameInstance) {
	if rating, known := c.ratingOf(g); known {
		at := c.find(rating)
		c.add(c.byRating[max(0, at-fillLook):min(len(c.byRating), at+fillLook)]...)
		return
	}
	all := c.view.Parties()
	c.add(all[:min(len(all), fillLook)]...)
}
