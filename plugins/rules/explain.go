package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Explanation says why a ticket waits.
type Explanation struct {
	// Waited is for how long.
	Waited time.Duration
	// Overdue is whether it has waited long enough for any game.
	Overdue bool
	// RatingWindow and PingMillis are its bounds now; infinite without a rule.
	RatingWindow, PingMillis float64
	// Needed is how many players a game has now at least.
	Needed int
	// Acceptable is how many players of parties there are that it may play with,
	// its own included. If they are enough, they cannot all play with each other,
	// or their sizes or roles do not make teams.
	Acceptable int
	// Nearest are the parties nearest in rating, the nearest first.
	Nearest []Candidate
}

// Candidate is another ticket that a ticket might play with.
type Candidate struct {
	Ticket *Ticket
	// Apart is the difference in rating.
	Apart float64
	// Refusals are all the reasons why the two are not in a game together; none
	// if they may be, as far as two can tell: others may be in the way.
	Refusals []string
}

// Explain says why a ticket waits, with as many of its nearest candidates as
// asked for. It reports false if the ticket is not among the tickets. It looks at
// each ticket once.
func (r *Rules) Explain(tickets []*Ticket, id pragma.TicketID, now time.Time, most int) (Explanation, bool) {
	at := slices.IndexFunc(tickets, func(t *Ticket) bool { return t.ID == id })
	if at < 0 {
		return Explanation{}, false
	}
	me := tickets[at]
	waited := now.Sub(me.EnteredAt)
	e := Explanation{
		Waited: waited, Overdue: r.overdue(waited),
		RatingWindow: r.Rating.Window.at(waited), PingMillis: r.PingMillis.at(waited),
		Needed: r.NumberOfTeams * r.least(waited), Acceptable: len(me.Players),
	}
	all := make([]Candidate, 0, len(tickets))
	for _, t := range tickets {
		if t == me {
			continue
		}
		c := Candidate{Ticket: t, Apart: math.Abs(t.Rating - me.Rating), Refusals: r.refusals(me, t, now)}
		if c.Refusals == nil {
			e.Acceptable += len(t.Players)
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b Candidate) int { return cmp.Compare(a.Apart, b.Apart) })
	e.Nearest = slices.Clip(all[:min(max(most, 0), len(all))])
	return e, true
}

// refusals are the reasons why two tickets are not in a game together, whichever
// is served.
func (r *Rules) refusals(me, t *Ticket, now time.Time) (why []string) {
	if n := len(t.Players); n > r.PlayersPerTeam || n+len(me.Players) > r.players() {
		why = append(why, fmt.Sprintf("no room for parties of %d and %d players", len(me.Players), n))
	} else if r.NumberOfTeams == 1 && n+len(me.Players) > r.PlayersPerTeam {
		why = append(why, "no room on the one team")
	}
	why = append(why, r.roleRefusals(me, t)...)
	mine, theirs := now.Sub(me.EnteredAt), now.Sub(t.EnteredAt)
	if r.overdue(mine) || r.overdue(theirs) {
		return why
	}
	apart := math.Abs(t.Rating - me.Rating)
	if most := r.Rating.Window.at(mine); apart > most {
		why = append(why, fmt.Sprintf("ratings are %.0f apart, this party takes %.0f", apart, most))
	}
	if most := r.Rating.Window.at(theirs); apart > most {
		why = append(why, fmt.Sprintf("ratings are %.0f apart, the other takes %.0f", apart, most))
	}
	if !shareZone(me, t, r.PingMillis.at(mine), r.PingMillis.at(theirs)) {
		why = append(why, "no zone is near enough to both")
	}
	return why
}

// roleRefusals are the reasons why two tickets cannot be in a game because of their
// roles: a team would have too many of one, or no room for those that it needs.
func (r *Rules) roleRefusals(me, t *Ticket) (why []string) {
	if len(r.Roles.Limits) == 0 {
		return nil
	}
	for _, who := range []struct {
		name    string
		tickets []*Ticket
	}{{"this party", []*Ticket{me}}, {"the other", []*Ticket{t}}, {"one team of both", []*Ticket{me, t}}} {
		if len(who.tickets) > 1 && r.NumberOfTeams > 1 {
			break // they may be on different teams
		}
		if role, ok := r.rolesFit(who.tickets); !ok {
			why = append(why, fmt.Sprintf("%s does not leave a team with the role %q within its limits", who.name, role))
		}
	}
	return why
}

// rolesFit reports whether tickets can be on one team, or which role is against it.
func (r *Rules) rolesFit(tickets []*Ticket) (role string, ok bool) {
	room := r.PlayersPerTeam
	had := make(map[string]int)
	for _, t := range tickets {
		room -= len(t.Players)
		for _, p := range t.Players {
			had[p.Role]++
		}
	}
	for _, limit := range r.limits() {
		if limit.Max > 0 && had[limit.role] > limit.Max {
			return limit.role, false
		}
		if room -= max(0, limit.Min-had[limit.role]); room < 0 {
			return limit.role, false
		}
	}
	return "", true
}

// shareZone reports whether two tickets have a zone within their limits.
func shareZone(a, b *Ticket, forA, forB float64) bool {
	within := func(t *Ticket, other *Ticket, most, others float64) bool {
		return slices.ContainsFunc(t.Pings, func(p Ping) bool {
			ms, ok := other.ping(p.Zone)
			return ok && float64(p.Millis) <= most && (len(other.Pings) == 0 || float64(ms) <= others)
		})
	}
	switch {
	case math.IsInf(forA, 1) && math.IsInf(forB, 1):
		return true
	case len(a.Pings) == 0 && len(b.Pings) == 0:
		return true
	case len(a.Pings) == 0:
		return within(b, a, forB, forA)
	}
	return within(a, b, forA, forB)
}
