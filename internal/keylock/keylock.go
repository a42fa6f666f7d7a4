// Package keylock keeps one mutex per key, fair, bounded and cancellable.
package keylock

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrBusy is returned by Lock when too many wait already.
var ErrBusy = errors.New("keylock: too many waiting")

// Map is a set of locks, one for each key that is held. The zero value is ready
// and costs nothing for keys nobody holds. A Map may be used by any number of
// goroutines and must not be copied.
type Map[K comparable] struct {
	mu   sync.Mutex
	held map[K][]chan struct{} // those who wait for a held key, first come first served
}

// Lock waits until nobody holds the key, in the order of the calls, and then
// holds it. It returns ErrBusy at once if waiting others wait already, and the
// context's error if ctx ends first; then the key is not held.
func (m *Map[K]) Lock(ctx context.Context, key K, waiting int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	queue, held := m.held[key]
	if !held {
		if m.held == nil {
			m.held = make(map[K][]chan struct{})
		}
		m.held[key] = nil
		m.mu.Unlock()
		return nil
	}
	if len(queue) >= waiting {
		m.mu.Unlock()
		return ErrBusy
	}
	turn := make(chan struct{})
	m.held[key] = append(queue, turn)
	m.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		m.leave(key, turn)
		return ctx.Err()
	}
}

// leave takes a waiter out of the queue. If its turn came at the same moment,
// the key is handed on.
func (m *Map[K]) leave(key K, turn chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	queue := m.held[key]
	if i := slices.Index(queue, turn); i >= 0 {
		m.held[key] = slices.Delete(queue, i, i+1)
		return
	}
	m.unlock(key)
}

// Unlock gives the key to whoever waits longest. The caller must hold it.
func (m *Map[K]) Unlock(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unlock(key)
}

func (m *Map[K]) unlock(key K) {
	queue := m.held[key]
	if len(queue) == 0 {
		delete(m.held, key)
		return
	}
	m.held[key] = queue[1:]
	close(queue[0])
}

// Len returns how many keys are held.
func (m *Map[K]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.held)
}
