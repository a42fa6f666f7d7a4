package entity

import (
	"context"
	"slices"
	"sync"

	"github.com/openpragma/engine/pragma/store"
)

// telling lets updates say what they have to say of an entity in the order of
// their commits. The lock of an entity does that only for its own updates; others
// may change it too, or greet somebody with what they have read of it.
//
// So an update that has something to say takes its turn for all entities it says
// something of before it commits, waits for those whose turn came before, and
// gives the turn back when everything is said. Turns are taken for all entities at
// once and nobody waits for a later one: so there is no deadlock. Two updates that
// change the same entity could not both succeed at the same time anyway.
type telling struct {
	mu sync.Mutex
	of map[store.Key][]chan struct{} // by turn; closed when it is over
}

// begin takes a turn for these entities and waits until those before it are over.
// The caller calls the function it gets when everything is said.
func (t *telling) begin(ctx context.Context, keys []store.Key) (said func(), err error) {
	over := make(chan struct{})
	var before []chan struct{}
	t.mu.Lock()
	if t.of == nil {
		t.of = make(map[store.Key][]chan struct{})
	}
	for _, key := range keys {
		before = append(before, t.of[key]...)
		t.of[key] = append(t.of[key], over)
	}
	t.mu.Unlock()
	said = func() { t.end(keys, over) }
	if err := await(ctx, before); err != nil {
		said()
		return nil, err
	}
	return said, nil
}

func (t *telling) end(keys []store.Key, over chan struct{}) {
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

// wait waits until the turns that are taken for an entity so far are over. An
// update that did not would run on a state that is about to be changed.
func (t *telling) wait(ctx context.Context, key store.Key) error {
	t.mu.Lock()
	all := slices.Clone(t.of[key])
	t.mu.Unlock()
	return await(ctx, all)
}

func await(ctx context.Context, turns []chan struct{}) error {
	for _, over := range turns {
		select {
		case <-over:
		case <-ctx.Done():
			return store.ContextError(ctx)
		}
	}
	return nil
}

// subjects returns the entities that an update says something of: those that its batch
// changes, or, if it changes none, those it has looked at.
func subjects(b *store.Batch) []store.Key {
	if len(b.Puts)+len(b.Deletes) == 0 {
		keys := make([]store.Key, len(b.Checks))
		for i := range b.Checks {
			keys[i] = b.Checks[i].Key
		}
		return keys
	}
	keys := make([]store.Key, 0, len(b.Puts)+len(b.Deletes))
	for i := range b.Puts {
		keys = append(keys, b.Puts[i].Key)
	}
	for i := range b.Deletes {
		keys = append(keys, b.Deletes[i].Key)
	}
	return keys
}
