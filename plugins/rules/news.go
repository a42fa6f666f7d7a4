package rules

import (
	"cmp"
	"context"
	"slices"

	"github.com/openpragma/engine/matchmaking"
)

const (
	// smallQueue is how many parties are always looked at as a whole.
	smallQueue = 2000
	// newShare is how many parties of a full pass cost about as much as one that
	// is new.
	newShare = 128
)

// fewNew reports whether a pass is for a few new parties and games of a large
// queue, so that it is enough to look at those whom they can meet.
func (r *Rules) fewNew(req *matchmaking.ProposeRequest) bool {
	n := len(req.View.New())
	if r.fills() {
		n += len(req.View.NewGames())
	}
	all := len(req.View.Parties())
	return !req.Full && all > smallQueue && n*newShare < all
}

// matchNew looks for parties for new games, and for games for new parties.
func (p *Plugin) matchNew(ctx context.Context, r *Rules, req *matchmaking.ProposeRequest, ticketOf func(*matchmaking.Party) *Ticket) []matchmaking.Proposal {
	near := newCircle(r, req, ticketOf)
	var joins []matchmaking.Proposal
	if games := req.View.NewGames(); r.fills() && len(games) > 0 {
		for _, g := range games {
			near.addAroundGame(g)
		}
		tickets, _ := near.tickets()
		joins = r.backfill(req, games, tickets)
		near = newCircle(r, req, ticketOf)
		near.leaveOut(joins)
	}
	near.addNew()
	fresh, _ := near.tickets()
	if r.fills() && len(fresh) > 0 {
		games := slices.Clone(req.View.Games())
		games = slices.DeleteFunc(games, func(g *matchmaking.GameInstance) bool { return slices.Contains(req.View.NewGames(), g) })
		more := r.backfill(req, games, fresh)
		near.leaveOut(more)
		joins = append(joins, more...)
	}
	return append(joins, r.propose(req.QueueKey, p.meet(ctx, near))...)
}

// meet looks for games with the new parties of a circle, until there are none:
// what one game takes may be what was in the way of another.
func (p *Plugin) meet(ctx context.Context, near *circle) (groups []Group) {
	s := p.solver()
	defer p.release(s)
	stop := func() bool { return ctx.Err() != nil }
	for fresh, _ := near.tickets(); len(fresh) > 0 && !stop(); fresh = near.onlyNew() {
		near.addOthers(fresh)
		tickets, isNew := near.tickets()
		found := s.matchNew(near.Rules, tickets, isNew, Options{Now: near.now, Stop: stop})
		if found == nil {
			break
		}
		groups = append(groups, found...)
		for _, g := range found {
			near.take(g.Tickets)
		}
	}
	return groups
}

// matchNew looks for games with tickets that are new.
func (s *solver) matchNew(r *Rules, tickets []*Ticket, isNew []bool, o Options) (groups []Group) {
	s.prepare(r, tickets, o.Now)
	left := 0
	for i, is := range isNew {
		if is {
			s.all[s.places[i]].isNew = true
			left++
		}
	}
	s.onlyNew = true
	s.judgeProspects()
	for i := range tickets {
		if left == 0 || i%64 == 63 && o.Stop() {
			break
		}
		if g, ok := s.serve(s.places[i]); ok {
			groups = append(groups, g)
			for _, m := range s.members {
				if s.all[m.place].isNew {
					left--
				}
			}
		}
	}
	return groups
}

// bringsNew reports whether somebody who is served, or one of the candidates, is
// new.
func (s *solver) bringsNew(place int32, found []int32) bool {
	return s.all[place].isNew || slices.ContainsFunc(found, func(c int32) bool { return s.all[c].isNew })
}

// draftIsNew reports whether somebody in the draft is new.
func (s *solver) draftIsNew() bool {
	return slices.ContainsFunc(s.members, func(m member) bool { return s.all[m.place].isNew })
}

func byAge(a, b *Ticket) int {
	return cmp.Or(a.EnteredAt.Compare(b.EnteredAt), a.ID.Compare(b.ID))
}
