package fleet

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma"
)

// line knows, in memory, which games wait, so that a report need not search the
// store. It may be behind: the records decide.
type line struct {
	mu     sync.Mutex
	groups map[place][]*entry // each the oldest first
	byID   map[pragma.AllocationID]*entry
	round  int // counts comparisons with the store
}

// entry is one waiting game.
type entry struct {
	id      pragma.AllocationID
	place   place
	since   time.Time
	claimed bool // a report is about to take it
	round   int  // it is younger than the comparison of that number
}

func newLine() *line {
	return &line{groups: make(map[place][]*entry), byID: make(map[pragma.AllocationID]*entry)}
}

func older(a, b *entry) int {
	return cmp.Or(a.since.Compare(b.since), a.id.Compare(b.id))
}

// add notes a waiting game.
func (l *line) add(id pragma.AllocationID, w *waiting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addLocked(id, w)
}

func (l *line) addLocked(id pragma.AllocationID, w *waiting) {
	if known := l.byID[id]; known != nil {
		known.round = l.round
		return
	}
	e := &entry{id: id, place: w.Place, since: w.Since, round: l.round}
	group := l.groups[e.place]
	at, _ := slices.BinarySearchFunc(group, e, older)
	l.groups[e.place] = slices.Insert(group, at, e)
	l.byID[id] = e
}

// remove forgets a game that no longer waits.
func (l *line) remove(ids ...pragma.AllocationID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.removeLocked(id)
	}
}

func (l *line) removeLocked(id pragma.AllocationID) {
	e := l.byID[id]
	if e == nil {
		return
	}
	delete(l.byID, id)
	group := l.groups[e.place]
	if at, found := slices.BinarySearchFunc(group, e, older); found {
		group = slices.Delete(group, at, at+1)
	}
	if l.groups[e.place] = group; len(group) == 0 {
		delete(l.groups, e.place)
	}
}

// claim takes the oldest game that fits and that no other report looks at.
func (l *line) claim(fits func(place) bool) (pragma.AllocationID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first *entry
	for p, group := range l.groups {
		if !fits(p) {
			continue
		}
		at := slices.IndexFunc(group, func(e *entry) bool { return !e.claimed })
		if at >= 0 && (first == nil || older(group[at], first) < 0) {
			first = group[at]
		}
	}
	if first == nil {
		return pragma.AllocationID{}, false
	}
	first.claimed = true
	return first.id, true
}

// release gives back what was claimed and not taken.
func (l *line) release(ids []pragma.AllocationID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		if e := l.byID[id]; e != nil {
			e.claimed = false
		}
	}
}

// compare begins a comparison with the store. Then every record is added, and
// done is called, which forgets what has no record.
func (l *line) compare() (done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.round++
	round := l.round
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for id, e := range l.byID {
			if e.round < round {
				l.removeLocked(id)
			}
		}
	}
}

// byPool counts the waiting games of each pool.
func (l *line) byPool() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]int)
	for p, group := range l.groups {
		counts[p.Pool] += len(group)
	}
	return counts
}
