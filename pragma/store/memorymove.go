package store

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
)

var (
	_ Snapshotter = (*memory)(nil)
	_ Importer    = (*memory)(nil)
)

// Import implements Importer.
func (m *memory) Import(ctx context.Context, recs []Record) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	steps, err := ImportSteps(recs)
	if err != nil {
		return err
	}
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	if m.closed.Load() {
		return errMemoryClosed()
	}
	return m.state.apply(Token{}, steps)
}

// Snapshot implements Snapshotter. It copies the records without their bodies,
// which are never changed, only replaced.
func (m *memory) Snapshot(ctx context.Context) (Snapshot, error) {
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	m.state.mu.RLock()
	defer m.state.mu.RUnlock()
	s := &memorySnapshot{owner: m, kinds: make(map[string][]Record)}
	for name, kind := range m.state.kinds {
		recs := make([]Record, 0, len(kind.records))
		for id := range kind.ids.all {
			recs = append(recs, kind.records[id])
		}
		if len(recs) > 0 {
			s.kinds[name] = recs
		}
	}
	return s, nil
}

// memorySnapshot holds the records of each kind in id order.
type memorySnapshot struct {
	owner *memory
	kinds map[string][]Record
}

// Kinds implements Snapshot.
func (s *memorySnapshot) Kinds(ctx context.Context) ([]string, error) {
	if err := s.owner.usable(ctx); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(s.kinds)), nil
}

// List implements Snapshot.
func (s *memorySnapshot) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := q.Validate(); err != nil {
			yield(Record{}, err)
			return
		}
		if err := s.owner.usable(ctx); err != nil {
			yield(Record{}, err)
			return
		}
		n := 0
		for _, r := range s.kinds[q.Kind] {
			if !q.Matches(r.ID) {
				continue
			}
			if err := s.owner.usable(ctx); err != nil {
				yield(Record{}, err)
				return
			}
			r.Body = bytes.Clone(r.Body)
			if n++; !yield(r, nil) || n == q.Limit {
				return
			}
		}
	}
}

// Close implements Snapshot.
func (s *memorySnapshot) Close() error {
	s.kinds = nil
	return nil
}
