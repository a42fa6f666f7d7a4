package warmbody

import (
	"sync"

	"github.com/openpragma/engine/matchmaking"
)

// shape is what decides about fitting: how many parties there are of each size,
// and the game they are to play. Few shapes occur among very many matchables, so
// what is found out about one is remembered.
type shape struct {
	Config
	parties [maxSize + 1]uint16 // by size
}

// maxSize is the largest party in a shape; nothing is remembered of larger ones.
const maxSize = 8

func (c Config) shape(parties []*matchmaking.Party) (shape, bool) {
	at := shape{Config: c}
	for _, p := range parties {
		n := len(p.Players)
		if n > maxSize {
			return shape{}, false
		}
		at.parties[n]++
	}
	return at, true
}

// shapes is what is remembered. The zero value is ready.
type shapes struct {
	most  memo[shape, int]
	fills memo[[2]shape, bool]
}

// largest returns the size of the largest party that fits beside mine, which fit.
func (s *shapes) largest(c Config, mine []*matchmaking.Party) int {
	at, ok := c.shape(mine)
	if !ok {
		return c.largest(mine)
	}
	if int(at.parties[1]) == len(mine) { // all alone: they go where there is room
		return min(c.players()-len(mine), c.PlayersPerTeam)
	}
	return s.most.get(at, func() int { return c.largest(mine) })
}

func (c Config) largest(mine []*matchmaking.Party) int {
	n := min(newPacker(c, mine).room, c.PlayersPerTeam)
	for n > 0 && !newPacker(c, mine).add(n) {
		n--
	}
	return n
}

// canFill reports whether some of theirs make mine a full game.
func (s *shapes) canFill(c Config, mine, theirs []*matchmaking.Party) bool {
	a, ok := c.shape(mine)
	b, ok2 := c.shape(theirs)
	if !ok || !ok2 {
		return c.canFill(mine, theirs)
	}
	return s.fills.get([2]shape{a, b}, func() bool { return c.canFill(mine, theirs) })
}

func (c Config) canFill(mine, theirs []*matchmaking.Party) bool {
	_, left := c.take(mine, bySize(theirs), newPacker(c, mine).room)
	return left == 0
}

// maxKnown is how many results a memo keeps before it forgets them all.
const maxKnown = 1 << 12

// memo remembers results of a function. Hooks of different queues share it.
type memo[K comparable, V any] struct {
	mu    sync.Mutex // guards known
	known map[K]V
}

func (m *memo[K, V]) get(key K, compute func() V) V {
	m.mu.Lock()
	v, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return v
	}
	v = compute()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxKnown {
		m.known = make(map[K]V)
	}
	m.known[key] = v
	return v
}
