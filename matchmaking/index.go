package matchmaking

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma"
)

// index has the tickets of this node in memory, by queue. It only makes looking
// quick: what is true is in the store, and every decision is checked by its
// commit. All of it is guarded by mu, which is never held during a hook or I/O.
type index struct {
	mu      sync.Mutex
	tickets map[pragma.TicketID]*entry
	queues  map[queueID]*queue
	idle    []*queue      // without a loop so far
	ready   chan struct{} // there are idle queues
	count   uint64        // of all entries so far
	games   map[pragma.TicketID]*gameEntry
	whole   bool // pools are views; never changes
}

// entry is a ticket in the index.
type entry struct {
	queue    *queue
	party    *Party // as the present pool has it
	number   uint64 // in the order of coming to the index
	state    entryState
	failures int       // of matches, in a row
	heldTill time.Time // local time
}

type entryState byte

const (
	waiting entryState = iota // in the pool, or about to be
	held                      // waits until it may be matched again
	claimed                   // a commit about it is under way
	removed                   // no longer in the index
)

// queue is all that waits under one key.
type queue struct {
	index *index
	id    queueID
	key   QueueKey
	wake  chan struct{}

	// Guarded by index.mu.
	pool             *pool // the one that counts; a hook that hangs may hold another
	added            []*entry
	left             []*Party // of the pool
	held             []*entry
	serving          []*Party // the anchor, during a pass
	parties, players int
	matchables       int // after the last pass
	waitingGames
	passStats
}

func newIndex() *index {
	return &index{
		tickets: make(map[pragma.TicketID]*entry),
		queues:  make(map[queueID]*queue),
		ready:   make(chan struct{}, 1),
		games:   make(map[pragma.TicketID]*gameEntry),
	}
}

// add lets a party wait. One that is there already is left alone.
func (x *index) add(key QueueKey, p *Party) {
	id := key.id()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tickets[p.TicketID] != nil {
		return
	}
	q := x.queue(id, key)
	x.count++
	e := &entry{queue: q, party: p, number: x.count}
	p.entry = e
	x.tickets[p.TicketID] = e
	q.parties++
	q.players += len(p.Players)
	q.added = append(q.added, e)
	signal(q.wake)
}

// queue returns the queue of a key, which mu guards. A new one wants a loop.
func (x *index) queue(id queueID, key QueueKey) *queue {
	q := x.queues[id]
	if q == nil {
		q = &queue{index: x, id: id, key: key, pool: x.newPool(key), wake: make(chan struct{}, 1)}
		x.queues[id] = q
		x.idle = append(x.idle, q)
		signal(x.ready)
	}
	return q
}

// newPool returns an empty pool of the kind that the plugin works on.
func (x *index) newPool(key QueueKey) *pool {
	p := newPool(key)
	if x.whole {
		p.view = newView()
	}
	return p
}

// remove forgets tickets.
func (x *index) remove(ids ...pragma.TicketID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		x.removeGame(id)
		e := x.tickets[id]
		if e == nil {
			continue
		}
		delete(x.tickets, id)
		q := e.queue
		if e.state == waiting {
			q.left = append(q.left, e.party)
		}
		e.state = removed
		q.parties--
		q.players -= len(e.party.Players)
	}
}

// hasParty reports whether the ticket of a party is there.
func (x *index) hasParty(id pragma.TicketID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.tickets[id] != nil
}

// known returns the tickets that are there now and are not claimed.
func (x *index) known() map[pragma.TicketID]bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	ids := make(map[pragma.TicketID]bool, len(x.tickets))
	for id, e := range x.tickets {
		if e.state != claimed {
			ids[id] = true
		}
	}
	for id, g := range x.games {
		if g.state != claimed {
			ids[id] = true
		}
	}
	return ids
}

// takeIdle returns the queues that need a loop.
func (x *index) takeIdle() []*queue {
	x.mu.Lock()
	defer x.mu.Unlock()
	idle := x.idle
	x.idle = nil
	return idle
}

// retire ends a queue if nothing is in it, and reports whether it did.
func (x *index) retire(q *queue) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if q.parties+len(q.games) > 0 {
		return false
	}
	delete(x.queues, q.id)
	return true
}

// counts is what is in a queue.
type counts struct {
	key                                 QueueKey
	parties, players, matchables, games int
}

// info counts the queue that a ticket is in.
func (x *index) info(id pragma.TicketID) (counts, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.tickets[id]
	if e == nil {
		return counts{}, false
	}
	return e.queue.counts(), true
}

// counts counts the queue; index.mu is held.
func (q *queue) counts() counts {
	return counts{
		key: q.key, parties: q.parties, players: q.players,
		matchables: min(q.matchables+len(q.added), q.parties), games: len(q.games),
	}
}

// begin brings a pool up to date before a pass, or during one. It reports false
// if the pool does not count any more.
func (q *queue) begin(p *pool) bool {
	q.index.mu.Lock()
	if q.pool != p {
		q.index.mu.Unlock()
		return false
	}
	games, moved := q.takeGames()
	if len(q.added)+len(q.left) == 0 && !moved && (len(q.held) == 0 || time.Now().Before(q.held[0].heldTill)) {
		q.index.mu.Unlock()
		return true
	}
	q.release()
	left, added := q.left, q.added
	q.left, q.added = nil, nil
	parties := make([]*Party, 0, len(added))
	for _, e := range added {
		if e.state == waiting {
			parties = append(parties, e.party)
		}
	}
	q.index.mu.Unlock()
	p.remove(left)
	p.add(parties)
	if moved {
		p.setGames(games)
	}
	return true
}

// release lets those who were held take part again. q.index.mu is held.
func (q *queue) release() {
	now := time.Now()
	q.held = slices.DeleteFunc(q.held, func(e *entry) bool {
		if e.state != held || now.Before(e.heldTill) {
			return e.state != held
		}
		e.state = waiting
		q.added = append(q.added, e)
		return true
	})
}

// anchor notes which parties a hook may be working on.
func (q *queue) anchor(p *pool, parties []*Party) {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	if q.pool == p {
		q.serving = parties
	}
}

// end notes what a pass left behind.
func (q *queue) end(p *pool) {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	if q.pool == p {
		q.serving, q.matchables = nil, p.size
	}
}

// claim reserves parties for a commit, all or none.
func (q *queue) claim(p *pool, parties []*Party) bool {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	if !q.mayClaim(p, parties) {
		return false
	}
	for _, party := range parties {
		party.entry.state = claimed
	}
	return true
}

// mayClaim reports whether the pool counts and all parties wait; index.mu is held.
func (q *queue) mayClaim(p *pool, parties []*Party) bool {
	return q.pool == p && !slices.ContainsFunc(parties, func(party *Party) bool { return party.entry.state != waiting })
}

// giveBack ends the claim on parties that still have their tickets. With a hold
// they take no part for a while, which doubles with each failure in a row.
func (q *queue) giveBack(parties []*Party, hold, most time.Duration) {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	for _, party := range parties {
		e := party.entry
		if e.state != claimed {
			continue
		}
		if hold == 0 {
			e.state = waiting
			q.added = append(q.added, e)
			continue
		}
		wait := min(hold<<min(e.failures, 16), most)
		e.failures++
		e.state, e.heldTill = held, time.Now().Add(wait)
		q.held = append(q.held, e)
	}
	slices.SortFunc(q.held, func(a, b *entry) int { return a.heldTill.Compare(b.heldTill) })
	signal(q.wake)
}

// abandon gives a pool up that a hook does not let go of, and claims the parties
// the hook works on, and the game, unless that is nil. Everybody else begins anew.
func (q *queue) abandon(game *GameInstance) (stuck []*Party, stuckGame *gameEntry) {
	x := q.index
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, party := range q.serving {
		if party.entry.state == waiting {
			party.entry.state = claimed
			stuck = append(stuck, party.renew())
		}
	}
	q.pool, q.serving, q.left, q.added = x.newPool(q.key), nil, nil, nil
	for _, e := range x.tickets {
		if e.queue == q && e.state == waiting {
			e.party.renew()
			q.added = append(q.added, e)
		}
	}
	slices.SortFunc(q.added, func(a, b *entry) int { return cmp.Compare(a.number, b.number) })
	signal(q.wake)
	return stuck, q.abandonGames(game)
}

// renew replaces the party of an entry by a copy that no hook has seen. The
// entry's index.mu is held.
func (p *Party) renew() *Party {
	c := &Party{
		ID: p.ID, TicketID: p.TicketID, PreferredGameServerZones: p.PreferredGameServerZones,
		GameServerVersion: p.GameServerVersion, Ext: p.Ext, EnteredAt: p.EnteredAt, entry: p.entry, no: p.no, found: p.found,
	}
	for _, player := range p.Players {
		again := *player
		again.party = c
		c.Players = append(c.Players, &again)
	}
	c.entry.party = c
	return c
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
