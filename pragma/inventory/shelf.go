package inventory

import (
	"fmt"
	"hash/fnv"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// head is the record of an inventory; its items are in pages.
type head struct {
	Version       int64 `json:"version"`
	HiddenVersion int64 `json:"hiddenVersion"`
	Items         int   `json:"items"`
	Bytes         int   `json:"bytes"` // see sizes
	Depth         int   `json:"depth"` // there are 1<<Depth pages
}

// page is a record with some of the items.
type page struct {
	Stackables map[string]stack        `json:"stackables,omitempty"` // by catalog id
	Instanced  map[InstanceID]instance `json:"instanced,omitempty"`
}

type stack struct {
	InstanceID InstanceID `json:"instanceId"`
	Amount     int64      `json:"amount"`
	entity.Unknown
}

type instance struct {
	CatalogID string    `json:"catalogId"`
	Ext       ext.Value `json:"ext,omitzero"`
	entity.Unknown
}

const (
	// pageItems is how many items a page has on average before pages are split: few
	// enough to be written for each change, many enough for fast reading.
	pageItems = 64
	// maxDepth bounds the pages to 256.
	maxDepth = 8
)

// shelf finds items in the pages of one inventory.
type shelf struct {
	head *head
	page func(n int) (*page, error) // the working copy of a page
}

// newShelf returns an empty shelf in memory.
func newShelf() *shelf {
	pages := make(map[int]*page)
	return &shelf{head: new(head), page: func(n int) (*page, error) {
		if pages[n] == nil {
			pages[n] = new(page)
		}
		return pages[n], nil
	}}
}

// pageOf returns the page of a key: the catalog id of a stack, the instance id of
// an item. With each split a page gives those keys to a new one whose hash has
// the next bit. The hash must never change: the store depends on it.
func (s *shelf) pageOf(key []byte) (*page, error) {
	return s.page(hashOf(key) & (1<<s.head.Depth - 1))
}

func hashOf(key []byte) int {
	h := fnv.New32a()
	_, _ = h.Write(key) // never fails
	sum := h.Sum32()
	return int((sum ^ sum>>16) & (1<<maxDepth - 1))
}

func (s *shelf) stack(catalogID string) (StackableItem, bool, error) {
	p, err := s.pageOf([]byte(catalogID))
	if err != nil {
		return StackableItem{}, false, err
	}
	found, ok := p.Stackables[catalogID]
	return StackableItem{catalogID, found.InstanceID, found.Amount}, ok, nil
}

// stackByID finds a stack by its instance id: it looks everywhere.
func (s *shelf) stackByID(id InstanceID) (StackableItem, bool, error) {
	for n := range 1 << s.head.Depth {
		p, err := s.page(n)
		if err != nil {
			return StackableItem{}, false, err
		}
		for catalogID, found := range p.Stackables {
			if found.InstanceID == id {
				return StackableItem{catalogID, id, found.Amount}, true, nil
			}
		}
	}
	return StackableItem{}, false, nil
}

func (s *shelf) instanced(id InstanceID) (InstancedItem, bool, error) {
	p, err := s.pageOf(id[:])
	if err != nil {
		return InstancedItem{}, false, err
	}
	found, ok := p.Instanced[id]
	return InstancedItem{found.CatalogID, id, found.Ext}, ok, nil
}

func (s *shelf) putStack(i StackableItem) error {
	p, err := s.pageOf([]byte(i.CatalogID))
	if err != nil {
		return err
	}
	if p.Stackables == nil {
		p.Stackables = make(map[string]stack)
	}
	now, there := p.Stackables[i.CatalogID]
	if !there {
		s.count(1, sizeOfStack(i))
	}
	now.InstanceID, now.Amount = i.InstanceID, i.Amount
	p.Stackables[i.CatalogID] = now
	return nil
}

func (s *shelf) removeStack(i StackableItem) error {
	p, err := s.pageOf([]byte(i.CatalogID))
	if err != nil {
		return err
	}
	delete(p.Stackables, i.CatalogID)
	s.count(-1, -sizeOfStack(i))
	return nil
}

func (s *shelf) putInstanced(i InstancedItem) error {
	p, err := s.pageOf(i.InstanceID[:])
	if err != nil {
		return err
	}
	if p.Instanced == nil {
		p.Instanced = make(map[InstanceID]instance)
	}
	now, there := p.Instanced[i.InstanceID]
	if there {
		s.count(-1, -sizeOfInstanced(InstancedItem{now.CatalogID, i.InstanceID, now.Ext}))
	}
	s.count(1, sizeOfInstanced(i))
	now.CatalogID, now.Ext = i.CatalogID, i.Ext
	p.Instanced[i.InstanceID] = now
	return nil
}

func (s *shelf) removeInstanced(i InstancedItem) error {
	p, err := s.pageOf(i.InstanceID[:])
	if err != nil {
		return err
	}
	delete(p.Instanced, i.InstanceID)
	s.count(-1, -sizeOfInstanced(i))
	return nil
}

func (s *shelf) count(items, bytes int) {
	s.head.Items += items
	s.head.Bytes += bytes
}

// grow splits the pages until they are small enough again.
func (s *shelf) grow() error {
	for s.head.Depth < maxDepth && s.head.Items > pageItems<<s.head.Depth {
		for n := range 1 << s.head.Depth {
			if err := s.split(n); err != nil {
				return err
			}
		}
		s.head.Depth++
	}
	return nil
}

func (s *shelf) split(n int) error {
	bit := 1 << s.head.Depth
	from, err := s.page(n)
	if err != nil {
		return err
	}
	to, err := s.page(n + bit)
	if err != nil {
		return err
	}
	for id, i := range from.Stackables {
		if hashOf([]byte(id))&bit != 0 {
			if to.Stackables == nil {
				to.Stackables = make(map[string]stack)
			}
			to.Stackables[id] = i
			delete(from.Stackables, id)
		}
	}
	for id, i := range from.Instanced {
		if hashOf(id[:])&bit != 0 {
			if to.Instanced == nil {
				to.Instanced = make(map[InstanceID]instance)
			}
			to.Instanced[id] = i
			delete(from.Instanced, id)
		}
	}
	return nil
}

// all returns every item.
func (s *shelf) all() (p Part, err error) {
	for n := range 1 << s.head.Depth {
		from, err := s.page(n)
		if err != nil {
			return Part{}, fmt.Errorf("read page %d: %w", n, err)
		}
		for id, i := range from.Stackables {
			p.Stackables = append(p.Stackables, StackableItem{id, i.InstanceID, i.Amount})
		}
		for id, i := range from.Instanced {
			p.Instanced = append(p.Instanced, InstancedItem{i.CatalogID, id, i.Ext})
		}
	}
	p.sort()
	return p, nil
}

// contents returns every item, by who may see it.
func (s *shelf) contents(cat *catalog) (*Contents, error) {
	all, err := s.all()
	if err != nil {
		return nil, err
	}
	out := &Contents{Player: Part{Version: s.head.Version}, Hidden: Part{Version: s.head.HiddenVersion}}
	for _, i := range all.Stackables {
		p := out.part(cat.hidden(i.CatalogID))
		p.Stackables = append(p.Stackables, i)
	}
	for _, i := range all.Instanced {
		p := out.part(cat.hidden(i.CatalogID))
		p.Instanced = append(p.Instanced, i)
	}
	return out, nil
}

func (c *Contents) part(hidden bool) *Part {
	if hidden {
		return &c.Hidden
	}
	return &c.Player
}

// clear removes everything. The pages stay, empty.
func (s *shelf) clear() error {
	for n := range 1 << s.head.Depth {
		p, err := s.page(n)
		if err != nil {
			return err
		}
		p.Stackables, p.Instanced = nil, nil
	}
	s.head.Items, s.head.Bytes = 0, 0
	return nil
}

// Sizes are what an item takes up in a message, at most: member names, ids and
// numbers in JSON. That of a stack does not depend on its amount.
const (
	stackFrame    = 110
	instanceFrame = 90
)

func sizeOfStack(i StackableItem) int     { return stackFrame + len(i.CatalogID) }
func sizeOfInstanced(i InstancedItem) int { return instanceFrame + len(i.CatalogID) + i.Ext.Len() }
