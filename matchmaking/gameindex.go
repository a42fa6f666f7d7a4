package matchmaking

import (
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
)

// gameEntry is a running game in the index. All of it is guarded by index.mu.
type gameEntry struct {
	queue    *queue
	game     *GameInstance // the newest that is known
	state    entryState
	refusals int       // of its plugin, in a row
	heldTill time.Time // local time
}

// waitingGames are the games in a queue, guarded by index.mu.
type waitingGames struct {
	games   []*gameEntry // in the order of entry
	moved   bool         // the pool does not know them as they are
	heldDue time.Time    // when one that is held may be matched again; zero: never
}

// addTicket lets a party or a game wait, as its ticket says.
func (x *index) addTicket(id pragma.TicketID, t *ticket) {
	if t.Game == nil {
		x.add(t.key(), t.party(id))
		return
	}
	x.addGame(t.key(), t.game(id))
}

// addGame lets a game wait, or replaces what is known of one that does. Older
// content than what is known is left alone.
func (x *index) addGame(key QueueKey, g *GameInstance) {
	id := key.id()
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.games[g.ticket]
	switch {
	case e == nil:
		q := x.queue(id, key)
		e = &gameEntry{queue: q, game: g}
		x.games[g.ticket] = e
		at, _ := slices.BinarySearchFunc(q.games, g, func(o *gameEntry, g *GameInstance) int {
			if o.game.EnteredAt.After(g.EnteredAt) {
				return 1
			}
			return -1 // behind those that entered at the same time
		})
		q.games = slices.Insert(q.games, at, e)
	case e.game.revision >= g.revision:
		return
	}
	e.game, g.entry, e.refusals = g, e, 0
	if e.state == held {
		e.state = waiting
	}
	e.queue.gamesMoved()
}

// removeGame forgets a game; mu is held.
func (x *index) removeGame(id pragma.TicketID) {
	e := x.games[id]
	if e == nil {
		return
	}
	delete(x.games, id)
	e.state = removed
	q := e.queue
	q.games = slices.DeleteFunc(q.games, func(o *gameEntry) bool { return o == e })
	q.moved = true
}

// gamesMoved has the loop look at the games; index.mu is held.
func (q *queue) gamesMoved() {
	q.moved = true
	signal(q.wake)
}

// idle reports whether nobody waits in the queue, so that there is nothing to do
// for its games.
func (q *queue) idle() bool {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	return q.parties == 0
}

// takeGames returns the games that may be matched, if they are others than
// before. index.mu is held.
func (q *queue) takeGames() (games []*GameInstance, moved bool) {
	if !q.moved && (q.heldDue.IsZero() || time.Now().Before(q.heldDue)) {
		return nil, false
	}
	now := time.Now()
	q.moved, q.heldDue = false, time.Time{}
	for _, e := range q.games {
		if e.state == held {
			if now.Before(e.heldTill) {
				q.holdUntil(e.heldTill)
				continue
			}
			e.state = waiting
		}
		if e.state == waiting {
			games = append(games, e.game)
		}
	}
	return games, true
}

func (q *queue) holdUntil(t time.Time) {
	if q.heldDue.IsZero() || t.Before(q.heldDue) {
		q.heldDue = t
	}
}

// claimGame reserves a game for a commit, and parties with it, all or none. The
// game must still be as the pool has it.
func (q *queue) claimGame(p *pool, g *GameInstance, parties []*Party) bool {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	e := g.entry
	if e.state != waiting || e.game != g || !q.mayClaim(p, parties) {
		return false
	}
	e.state = claimed
	for _, party := range parties {
		party.entry.state = claimed
	}
	return true
}

// releaseGame ends the claim on a game that still has its ticket. With a hold it
// takes no part for that time. It is shown to all who wait: some were not shown
// it meanwhile.
func (q *queue) releaseGame(e *gameEntry, hold time.Duration) {
	q.index.mu.Lock()
	defer q.index.mu.Unlock()
	if e.state != claimed {
		return
	}
	e.state = waiting
	if hold > 0 {
		e.state, e.heldTill = held, time.Now().Add(hold)
		q.holdUntil(e.heldTill)
	}
	e.renew()
	q.gamesMoved()
}

// patience is how many parties in a row a game may refuse before it takes no part
// for a while.
const patience = 8

// refused ends the claim on a game and parties that the game's plugin did not
// take.
func (q *queue) refused(e *gameEntry, revision int64, parties []*Party) {
	q.index.mu.Lock()
	now := time.Now()
	for _, p := range parties {
		pe := p.entry
		if pe.state != claimed {
			continue
		}
		no := refusal{e, revision, now.Add(min(minHold<<min(pe.failures, 16), maxHold))}
		pe.failures++
		pe.party.no = append(slices.Clone(pe.party.no[max(0, len(pe.party.no)-maxRefusals+1):]), no)
		pe.state = waiting
		q.added = append(q.added, pe)
	}
	e.refusals++
	var hold time.Duration
	if n := e.refusals - patience; n >= 0 {
		hold = min(minHold<<min(n, 16), maxHold)
	}
	q.index.mu.Unlock()
	q.releaseGame(e, hold)
}

// abandonGames has all games begin anew in a new pool, and claims the one that a
// hook works on, which may be nil. index.mu is held.
func (q *queue) abandonGames(stuck *GameInstance) *gameEntry {
	q.moved = true
	var found *gameEntry
	for _, e := range q.games {
		if e.game == stuck && e.state == waiting {
			e.state, found = claimed, e
		}
		e.renew()
	}
	return found
}

// renew replaces the game by a copy that no pool has seen; index.mu is held. What
// belongs to the pool is not even read: a pass may be writing it.
func (e *gameEntry) renew() {
	g := e.game
	e.game = &GameInstance{
		ID: g.ID, Parties: g.Parties, Players: g.Players, Ext: g.Ext,
		GameServerVersion: g.GameServerVersion, GameServerZone: g.GameServerZone, EnteredAt: g.EnteredAt,
		ticket: g.ticket, revision: g.revision, entry: e,
	}
}
