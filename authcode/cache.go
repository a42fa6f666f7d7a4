package authcode

import (
	"container/list"
	"sync"

	"github.com/openpragma/engine/pragma"
)

// cache remembers whose the codes are that this node made, at most limit of them;
// the one used longest ago goes first. It may know codes that are gone, and never
// decides anything.
type cache struct {
	mu      sync.Mutex
	limit   int
	entries map[string]*list.Element // of *cached, by hash
	recent  *list.List               // front: used last
}

type cached struct {
	hash  string
	owner pragma.SocialID
}

func newCache(limit int) *cache {
	return &cache{limit: limit, entries: make(map[string]*list.Element), recent: list.New()}
}

func (c *cache) get(hash string) (pragma.SocialID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[hash]
	if !ok {
		return pragma.SocialID{}, false
	}
	c.recent.MoveToFront(el)
	return el.Value.(*cached).owner, true
}

func (c *cache) add(hash string, owner pragma.SocialID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(hash)
	c.entries[hash] = c.recent.PushFront(&cached{hash, owner})
	c.shrink()
}

func (c *cache) drop(hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(hash)
}

func (c *cache) resize(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = limit
	c.shrink()
}

// shrink and remove are called with the lock held.
func (c *cache) shrink() {
	for len(c.entries) > c.limit {
		c.remove(c.recent.Back().Value.(*cached).hash)
	}
}

func (c *cache) remove(hash string) {
	if el, ok := c.entries[hash]; ok {
		c.recent.Remove(el)
		delete(c.entries, hash)
	}
}
