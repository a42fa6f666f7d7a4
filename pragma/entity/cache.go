package entity

import (
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
const entryOverhead = 224

// tainted is the stamp of work whose result must not be cached.
const tainted = -1

// cache keeps the newest committed records, least recently used ones go first.
//
// Within one process it is never behind: a key that is being written is not in
// the cache, and what was read or written at the same time as another write of
// the key does not get in. For that, every read from and write to the store is
// announced by begin and ended by end.
type cache struct {
	mu    sync.Mutex
	limit int
	bytes int
	keys  map[store.Key]*cached
	ring  cached // next: used last, prev: the next to go
}

// cached is what there is to say of a key: its record, reads and writes of it that
// are under way, or both.
type cached struct {
	key        store.Key
	prev, next *cached // in the ring; nil if there is no record
	entry
	flight
}

// flight counts what is going on with one key at the moment.
type flight struct {
	refs   int // reads and writes under way
	writes int // writes under way
	seq    int // writes begun since the flight began
}

func newCache(limit int) *cache {
	c := &cache{limit: limit, keys: make(map[store.Key]*cached)}
	c.ring.prev, c.ring.next = &c.ring, &c.ring
	return c
}

func (c *cache) get(key store.Key) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keys[key]
	if k == nil || k.next == nil {
		return entry{}, false
	}
	k.unlink()
	k.link(&c.ring)
	return k.entry, true
}

// begin announces a read or a write of the key in the store and returns the
// stamp for end.
func (c *cache) begin(key store.Key, write bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keys[key]
	if k == nil {
		k = &cached{key: key}
		c.keys[key] = k
	}
	if k.refs == 0 {
		k.seq = 0
	}
	stamp := k.seq
	k.refs++
	if write {
		c.forget(k)
		k.seq++
		stamp = k.seq
	}
	if k.writes > 0 {
		stamp = tainted
	}
	if write {
		k.writes++
	}
	return stamp
}

// end ends what begin announced and caches e, unless it is nil or may be old.
func (c *cache) end(key store.Key, stamp int, write bool, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keys[key]
	if k.refs--; write {
		k.writes--
	}
	if e != nil && stamp == k.seq {
		c.insert(k, *e)
	}
	c.tidy(k)
}

// drop forgets a key.
func (c *cache) drop(key store.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.keys[key]; k != nil {
		c.forget(k)
		c.tidy(k)
	}
}

func (c *cache) insert(k *cached, e entry) {
	c.forget(k)
	k.entry = e
	k.link(&c.ring)
	c.bytes += k.size()
	for c.bytes > c.limit {
		oldest := c.ring.prev
		c.forget(oldest)
		if oldest != k { // that one is tidied by end
			c.tidy(oldest)
		}
	}
}

// forget removes the record of a key.
func (c *cache) forget(k *cached) {
	if k.next == nil {
		return
	}
	c.bytes -= k.size()
	k.unlink()
	k.entry = entry{}
}

// tidy removes a key of which there is nothing to say.
func (c *cache) tidy(k *cached) {
	if k.refs == 0 && k.next == nil {
		delete(c.keys, k.key)
	}
}

// link puts k behind another one into the ring.
func (k *cached) link(before *cached) {
	k.prev, k.next = before, before.next
	before.next.prev = k
	before.next = k
}

func (k *cached) unlink() {
	k.prev.next, k.next.prev = k.next, k.prev
	k.prev, k.next = nil, nil
}

func (k *cached) size() int { return len(k.key.ID) + len(k.body) + entryOverhead }
