package inventory

import "sync"

// Inventory is what a player owns, as a hook sees it: with what the operations
// before it have done. It reads what it is asked for, and is empty once the hook
// has returned. Its methods may be called by several goroutines.
type Inventory struct {
	mu    sync.Mutex
	shelf *shelf
	err   error // what could not be read
}

// NewInventory returns an inventory with these items, for tests of plugins.
func NewInventory(stackables []StackableItem, instanced []InstancedItem) *Inventory {
	s := newShelf()
	for _, i := range stackables {
		_ = s.putStack(i) // memory
	}
	for _, i := range instanced {
		_ = s.putInstanced(i)
	}
	return &Inventory{shelf: s}
}

// Stackable returns the stack of a kind; false if there is none.
func (i *Inventory) Stackable(catalogID string) (StackableItem, bool) {
	return look(i, func(s *shelf) (StackableItem, bool, error) { return s.stack(catalogID) })
}

// Instanced returns an item by its id; false if there is none.
func (i *Inventory) Instanced(id InstanceID) (InstancedItem, bool) {
	return look(i, func(s *shelf) (InstancedItem, bool, error) { return s.instanced(id) })
}

// All returns everything, visible or hidden: stacks in the order of catalog ids,
// items oldest first. In a large inventory that takes longer than the others.
func (i *Inventory) All() ([]StackableItem, []InstancedItem) {
	p, _ := look(i, func(s *shelf) (Part, bool, error) {
		p, err := s.all()
		return p, err == nil, err
	})
	return p.Stackables, p.Instanced
}

func look[T any](i *Inventory, find func(*shelf) (T, bool, error)) (T, bool) {
	var none T
	if i == nil {
		return none, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.shelf == nil || i.err != nil {
		return none, false
	}
	found, ok, err := find(i.shelf)
	i.err = err
	if err != nil || !ok {
		return none, false
	}
	return found, true
}

// end takes the items away from a hook that goes on although nobody waits for it,
// and returns what could not be read for it.
func (i *Inventory) end() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shelf = nil
	return i.err
}
