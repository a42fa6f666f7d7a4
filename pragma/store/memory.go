package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// NewMemory returns an empty store that lives in memory, and is gone when it is
// closed. It is the reference for other drivers and works inside a synctest
// bubble, where its clock is the bubble's.
func NewMemory() Driver { return &memory{state: newMemoryState()} }

// Memory returns an opener of stores in memory. All drivers opened by the same
// opener see the same records, which live as long as the opener: a test restarts
// a server by opening again, and two open drivers act as two nodes on one
// database.
func Memory() Opener {
	state := newMemoryState()
	return func(ctx context.Context) (Driver, error) {
		if err := ContextError(ctx); err != nil {
			return nil, err
		}
		return &memory{state: state}, nil
	}
}

// memory is one handle on a memoryState.
type memory struct {
	state  *memoryState
	closed atomic.Bool
}

var _ Driver = (*memory)(nil)

// memoryState holds the records. Bodies in it are never changed, only replaced.
type memoryState struct {
	mu    sync.RWMutex
	kinds map[string]*memoryKind
}

// memoryKind holds the records of one kind and keeps both orders sorted.
type memoryKind struct {
	records map[string]Record
	ids     *sorted[string]
	dues    *sorted[dueEntry]
}

type dueEntry struct {
	due time.Time
	id  string
}

func newMemoryState() *memoryState {
	return &memoryState{kinds: make(map[string]*memoryKind)}
}

// Get implements Driver.
func (m *memory) Get(ctx context.Context, keys ...Key) ([]Record, error) {
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	if err := ValidateKeys(keys); err != nil {
		return nil, err
	}
	m.state.mu.RLock()
	defer m.state.mu.RUnlock()
	recs := make([]Record, len(keys))
	for i, k := range keys {
		recs[i] = m.state.get(k)
	}
	return recs, nil
}

// List implements Driver. It holds no lock while it yields.
func (m *memory) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := q.Validate(); err != nil {
			yield(Record{}, err)
			return
		}
		for n, next := 0, q; q.Limit < 1 || n < q.Limit; n++ {
			if err := m.usable(ctx); err != nil {
				yield(Record{}, err)
				return
			}
			r, ok := m.state.next(next)
			if !ok || !yield(r, nil) {
				return
			}
			next.After = r.ID
		}
	}
}

// Due implements Driver.
func (m *memory) Due(ctx context.Context, kind string, before time.Time, limit int) ([]Record, error) {
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	if err := ValidateKind(kind); err != nil {
		return nil, err
	}
	if limit < 1 {
		limit = DefaultDueLimit
	}
	m.state.mu.RLock()
	defer m.state.mu.RUnlock()
	k := m.state.kinds[kind]
	if k == nil {
		return nil, nil
	}
	var recs []Record
	for e := range k.dues.all {
		if len(recs) == limit || e.due.After(before) {
			break
		}
		recs = append(recs, m.state.get(Key{kind, e.id}))
	}
	return recs, nil
}

// Commit implements Driver.
func (m *memory) Commit(ctx context.Context, b *Batch) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	steps, err := b.Steps()
	if err != nil {
		return err
	}
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	if m.closed.Load() {
		return errMemoryClosed()
	}
	return m.state.apply(b.Token, steps)
}

// Now implements Driver.
func (m *memory) Now(ctx context.Context) (time.Time, error) {
	if err := m.usable(ctx); err != nil {
		return time.Time{}, err
	}
	return TruncateDue(time.Now()), nil
}

// Close implements Driver.
func (m *memory) Close() error {
	m.closed.Store(true)
	m.state.mu.Lock() // wait for a commit that has begun
	defer m.state.mu.Unlock()
	return nil
}

func (m *memory) usable(ctx context.Context) error {
	if m.closed.Load() {
		return errMemoryClosed()
	}
	return ContextError(ctx)
}

func errMemoryClosed() error { return fmt.Errorf("%w: memory store is closed", ErrUnavailable) }

func (s *memoryState) get(k Key) Record {
	if kind := s.kinds[k.Kind]; kind != nil {
		if r, ok := kind.records[k.ID]; ok {
			r.Body = bytes.Clone(r.Body)
			return r
		}
	}
	return Record{Key: k}
}

// next returns the first record that q yields.
func (s *memoryState) next(q Query) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	kind := s.kinds[q.Kind]
	if kind == nil {
		return Record{}, false
	}
	from := q.Prefix
	if q.After != "" {
		from = max(from, q.After+"\x00") // the least id behind it
	}
	id, ok := kind.ids.from(from)
	if !ok || !strings.HasPrefix(id, q.Prefix) {
		return Record{}, false
	}
	return s.get(Key{q.Kind, id}), true
}

// apply checks every step before it changes anything.
func (s *memoryState) apply(token Token, steps []Step) error {
	for _, step := range steps {
		var have Record
		if kind := s.kinds[step.Key.Kind]; kind != nil {
			have = kind.records[step.Key.ID]
		}
		switch {
		case have.Rev != step.Expect:
			return &ConflictError{Key: step.Key, Have: have.Rev, Expect: step.Expect}
		case step.SameDue && !have.Due.Equal(TruncateDue(step.Due)):
			return fmt.Errorf("%w: key %s has the timer %v and not %v", ErrBadBatch, step.Key, have.Due, step.Due)
		}
	}
	for _, step := range steps {
		switch step.Op {
		case OpPut, OpImport:
			rev, token := step.Written(token)
			s.put(Record{
				Key:   step.Key,
				Rev:   rev,
				Token: token,
				Due:   TruncateDue(step.Due),
				Body:  bytes.Clone(step.Body),
			})
		case OpDelete:
			s.kinds[step.Key.Kind].remove(step.Key.ID)
		}
	}
	return nil
}

func (s *memoryState) put(r Record) {
	kind := s.kinds[r.Kind]
	if kind == nil {
		kind = &memoryKind{records: make(map[string]Record), ids: newSorted(cmp.Compare[string]), dues: newSorted(dueEntry.compare)}
		s.kinds[r.Kind] = kind
	}
	old, exists := kind.records[r.ID]
	if !exists {
		kind.ids.insert(r.ID)
	}
	if !old.Due.Equal(r.Due) {
		kind.moveDue(r.ID, old.Due, r.Due)
	}
	kind.records[r.ID] = r
}

func (k *memoryKind) remove(id string) {
	k.moveDue(id, k.records[id].Due, time.Time{})
	k.ids.remove(id)
	delete(k.records, id)
}

// moveDue keeps the order of timers when one changes; a zero time is no timer.
func (k *memoryKind) moveDue(id string, from, to time.Time) {
	if !from.IsZero() {
		k.dues.remove(dueEntry{from, id})
	}
	if !to.IsZero() {
		k.dues.insert(dueEntry{to, id})
	}
}

func (e dueEntry) compare(other dueEntry) int {
	if c := e.due.Compare(other.due); c != 0 {
		return c
	}
	return cmp.Compare(e.id, other.id)
}
