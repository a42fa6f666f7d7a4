package gameinstance

import (
	"sync"

	"github.com/openpragma/engine/pragma"
)

// rosterCache keeps decoded rosters, so that a change of one entry in a full
// instance does not decode a hundred players. An entry is good for the version
// with which the head says that the roster last changed, so it is never wrong.
type rosterCache struct {
	mu      sync.Mutex
	rosters map[pragma.GameInstanceID]cachedRoster
}

type cachedRoster struct {
	version int64
	members []member // never changed
}

// maxCachedRosters bounds the memory; which one goes is left to chance.
const maxCachedRosters = 4096

func newRosterCache() *rosterCache {
	return &rosterCache{rosters: make(map[pragma.GameInstanceID]cachedRoster)}
}

func (c *rosterCache) get(id pragma.GameInstanceID, version int64) ([]member, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.rosters[id]
	return r.members, ok && r.version == version
}

func (c *rosterCache) put(id pragma.GameInstanceID, version int64, members []member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.rosters[id]; !ok && len(c.rosters) >= maxCachedRosters {
		for other := range c.rosters {
			delete(c.rosters, other)
			break
		}
	}
	c.rosters[id] = cachedRoster{version, members}
}

func (c *rosterCache) drop(id pragma.GameInstanceID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.rosters, id)
}
