package matchmaking

import "slices"

// pool is the working set of one queue: who waits, as matchables in the order of
// entry. Between passes its queue owns it, during a pass the pass does.
type pool struct {
	key        QueueKey
	head, tail *Matchable
	size       int // matchables
	games      []*GameInstance
	fresh      []*Matchable // have not met the others; emptied ones may be among them
	journal    journal
	view       *View // instead of matchables, for a [PoolPlugin]

	// Where loops over the list are: the next anchor, the next other, and the
	// anchor with which the next full pass goes on. Unlinking moves them on.
	anchor, other, resume *Matchable
}

func newPool(key QueueKey) *pool { return &pool{key: key} }

// add puts parties into the pool, each in a matchable of its own. It sorts the
// slice. Most parties are younger than all others, so the list is searched from
// its end, once for all of them.
func (p *pool) add(parties []*Party) {
	if p.view != nil {
		p.view.add(parties)
		return
	}
	slices.SortStableFunc(parties, func(a, b *Party) int { return a.EnteredAt.Compare(b.EnteredAt) })
	at := p.tail
	for _, party := range slices.Backward(parties) {
		m := &Matchable{journal: &p.journal, fresh: true, ext: party.notes}
		m.append(party)
		for at != nil && at.EnteredAt().After(party.EnteredAt) {
			at = at.prev
		}
		p.link(m, at)
		p.fresh = append(p.fresh, m)
	}
}

// link puts m behind at, or first.
func (p *pool) link(m, at *Matchable) {
	m.queued, m.prev = true, at
	if at == nil {
		m.next, p.head = p.head, m
	} else {
		m.next, at.next = at.next, m
	}
	if m.next == nil {
		p.tail = m
	} else {
		m.next.prev = m
	}
	p.size++
}

// unlink takes m out of the order, if it is in it.
func (p *pool) unlink(m *Matchable) {
	if !m.queued {
		return
	}
	for _, at := range []**Matchable{&p.anchor, &p.other, &p.resume} {
		if *at == m {
			*at = m.next
		}
	}
	if m.prev == nil {
		p.head = m.next
	} else {
		m.prev.next = m.next
	}
	if m.next == nil {
		p.tail = m.prev
	} else {
		m.next.prev = m.prev
	}
	m.prev, m.next, m.queued = nil, nil, false
	p.size--
}

// remove takes parties out of the pool; those that are not in it are skipped.
func (p *pool) remove(parties []*Party) {
	if p.view != nil {
		p.view.remove(parties)
		return
	}
	for _, party := range parties {
		if m := party.in; m != nil {
			m.remove(party)
			p.tidy(m)
		}
	}
}

// tidy drops m if it is empty.
func (p *pool) tidy(m *Matchable) {
	if m != nil && len(m.parties) == 0 {
		p.unlink(m)
	}
}

// settle makes the moves of a call final.
func (p *pool) settle() {
	for _, c := range p.journal.changes {
		p.tidy(c.from)
	}
	p.journal.reset()
}

// takeFresh returns the matchables that have not met the others, the oldest
// first. They stay marked until met is called.
func (p *pool) takeFresh() []*Matchable {
	fresh := p.fresh[:0]
	for _, m := range p.fresh {
		if m.queued {
			fresh = append(fresh, m)
		}
	}
	clear(p.fresh[len(fresh):])
	p.fresh = nil
	slices.SortStableFunc(fresh, func(a, b *Matchable) int { return a.EnteredAt().Compare(b.EnteredAt()) })
	return fresh
}

func met(fresh []*Matchable) {
	for _, m := range fresh {
		m.fresh = false
	}
}
