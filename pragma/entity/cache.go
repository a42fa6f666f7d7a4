package entity

import (
	"container/list"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// entry is a committed record. Its body is never changed.
type entry struct {
	rev  int64
	due  time.Time
	body []byte
	own  bool // encoded by this program, so that equal states have equal bodies
}

// entryOverhead is what an entry costs besides its key and body, about.
const entryOverhead = 256

// tainted is the stamp of work whose result must not be cached.
const tainted = -1

// cache keeps the newest committed records, least recently used ones go first.
//
// Within one process it is never behind: a key that is being written is not in
// the cache, and what was read or written at the same time as another write of
// the key does not get in. For that, every read from and write to the store is
// announced by begin and ended by end.
type cache struct {
	mu      sync.Mutex
	limit   int
	bytes   int
	entries map[store.Key]*list.Element // of *cached
	recent  *list.List                  // front: used last
	flights map[store.Key]flight
}

type cached struct {
	key store.Key
	entry
}

// flight counts what is going on with one key at the moment.
type flight struct {
	refs   int // reads and writes under way
	writes int // writes under way
	seq    int // writes begun since the flight began
}

func newCache(limit int) *cache {
	return &cache{
		limit:   limit,
		entries: make(map[store.Key]*list.Element),
		recent:  list.New(),
		flights: make(map[store.Key]flight),
	}
}

func (c *cache) get(key store.Key) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[key]
	if !ok {
		return entry{}, false
	}
	c.recent.MoveToFront(el)
	return el.Value.(*cached).entry, true
}

// begin announces a read or a write of the key in the store and returns the
// stamp for end.
func (c *cache) begin(key store.Key, write bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flights[key]
	stamp := f.seq
	f.refs++
	if write {
		c.remove(key)
		f.seq++
		stamp = f.seq
	}
	if f.writes > 0 {
		stamp = tainted
	}
	if write {
		f.writes++
	}
	c.flights[key] = f
	return stamp
}

// end ends what begin announced and caches e, unless it is nil or may be old.
func (c *cache) end(key store.Key, stamp int, write bool, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flights[key]
	if f.refs--; write {
		f.writes--
	}
	if e != nil && stamp == f.seq {
		c.insert(key, *e)
	}
	if f.refs == 0 {
		delete(c.flights, key)
		return
	}
	c.flights[key] = f
}

// drop forgets a key.
func (c *cache) drop(key store.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
}

func (c *cache) insert(key store.Key, e entry) {
	c.remove(key)
	c.entries[key] = c.recent.PushFront(&cached{key, e})
	c.bytes += size(key, e)
	for c.bytes > c.limit {
		c.remove(c.recent.Back().Value.(*cached).key)
	}
}

func (c *cache) remove(key store.Key) {
	el, ok := c.entries[key]
	if !ok {
		return
	}
	c.bytes -= size(key, el.Value.(*cached).entry)
	c.recent.Remove(el)
	delete(c.entries, key)
}

func size(key store.Key, e entry) int { return len(key.ID) + len(e.body) + entryOverhead }
