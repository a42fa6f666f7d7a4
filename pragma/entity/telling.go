package entity

import (
	"context"
	"slices"
	"sync"

	"github.com/openpragma/engine/pragma/store"
)

// telling holds back updates of entities that another entity's update has changed,
// until what it has to say is said. Such a change is durable, and a timer may see
// it, before its notifications are sent; the next update of the entity could
// overtake them. Who waits here holds the lock of one entity, and waits only for
// updates that have begun to commit, which wait for no lock: so there is no
// deadlock.
type telling struct {
	mu sync.Mutex
	of map[store.Key][]chan struct{} // closed when it is said
}

// begin notes that an update changes these entities besides its own. The caller
// calls the function it gets when everything is said.
func (t *telling) begin(keys []store.Key) (said func()) {
	if len(keys) == 0 {
		return func() {}
	}
	over := make(chan struct{})
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = make(map[store.Key][]chan struct{})
	}
	for _, key := range keys {
		t.of[key] = append(t.of[key], over)
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, key := range keys {
			t.of[key] = slices.DeleteFunc(t.of[key], func(c chan struct{}) bool { return c == over })
			if len(t.of[key]) == 0 {
				delete(t.of, key)
			}
		}
		close(over)
	}
}

// wait waits until what was noted of an entity so far is said.
func (t *telling) wait(ctx context.Context, key store.Key) error {
	t.mu.Lock()
	all := slices.Clone(t.of[key])
	t.mu.Unlock()
	for _, over := range all {
		select {
		case <-over:
		case <-ctx.Done():
			return store.ContextError(ctx)
		}
	}
	return nil
}

// besides returns the entities that a batch changes, except that of the update.
func besides(b *store.Batch, own store.Key) []store.Key {
	if len(b.Puts)+len(b.Deletes) == 1 && (len(b.Puts) == 0 || b.Puts[0].Key == own) {
		return nil
	}
	keys := make([]store.Key, 0, len(b.Puts)+len(b.Deletes))
	for i := range b.Puts {
		if b.Puts[i].Key != own {
			keys = append(keys, b.Puts[i].Key)
		}
	}
	for _, d := range b.Deletes {
		if d.Key != own {
			keys = append(keys, d.Key)
		}
	}
	return keys
}
