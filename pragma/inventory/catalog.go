package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma/ext"
)

// Catalog says what kinds of items there are. A catalog id must be unique in all
// of it, have 1 to 100 bytes of printable text without quotes or backslashes, and
// never mean something else: players own items of it.
type Catalog struct {
	Stackables []StackableSpec
	Instanced  []InstancedSpec
}

// StackableSpec is a kind of stackable items.
type StackableSpec struct {
	CatalogID string
	Name      string // for people
	// Limit is the largest stack; 0 means none but 64 bits.
	Limit int64
	// Tags decide who sees such items, and sort them for parties and clients.
	Tags []string
	// RemoveIfNone makes an empty stack disappear. Otherwise it stays, with 0.
	RemoveIfNone bool
	Ext          ext.Value // the studio's, for clients and plugins
}

// InstancedSpec is a kind of instanced items.
type InstancedSpec struct {
	CatalogID string
	Name      string   // for people
	Tags      []string // as in [StackableSpec]
	Ext       ext.Value
}

const maxCatalogID = 100 // bytes

func checkCatalogID(id string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '\\' }
	switch {
	case id == "" || len(id) > maxCatalogID:
		return fmt.Errorf("want 1 to %d bytes", maxCatalogID)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, odd):
		return errors.New("want printable text without quotes and backslashes")
	}
	return nil
}

// validate reports everything that cannot be meant.
func (c *Catalog) validate() error {
	var errs []error
	seen := make(map[string]bool)
	check := func(id string) {
		if err := checkCatalogID(id); err != nil {
			errs = append(errs, fmt.Errorf("catalog id %q: %w", id, err))
		}
		if seen[id] {
			errs = append(errs, fmt.Errorf("catalog id %q stands twice", id))
		}
		seen[id] = true
	}
	for _, s := range c.Stackables {
		check(s.CatalogID)
		if s.Limit < 0 {
			errs = append(errs, fmt.Errorf("catalog id %q: the limit is negative", s.CatalogID))
		}
		if err := s.Ext.Err(); err != nil {
			errs = append(errs, fmt.Errorf("catalog id %q: %w", s.CatalogID, err))
		}
	}
	for _, s := range c.Instanced {
		check(s.CatalogID)
		if err := s.Ext.Err(); err != nil {
			errs = append(errs, fmt.Errorf("catalog id %q: %w", s.CatalogID, err))
		}
	}
	return errors.Join(errs...)
}

// catalog is a Catalog that is looked up. It is not changed.
type catalog struct {
	stackables map[string]StackableSpec
	instanced  map[string]InstancedSpec
	hiddenTags map[string]bool
	content    ext.Value // for log-in data
}

// newCatalog joins what the program and the configuration say; the second wins.
// The error is a catalog too large to be sent.
func newCatalog(own Catalog, cfg *Config) (*catalog, error) {
	c := &catalog{
		stackables: make(map[string]StackableSpec),
		instanced:  make(map[string]InstancedSpec),
		hiddenTags: make(map[string]bool),
	}
	for _, tag := range cfg.HiddenItemTags {
		c.hiddenTags[tag] = true
	}
	for _, part := range []Catalog{own, cfg.Catalog.catalog()} {
		for _, s := range part.Stackables {
			delete(c.instanced, s.CatalogID)
			c.stackables[s.CatalogID] = s
		}
		for _, s := range part.Instanced {
			delete(c.stackables, s.CatalogID)
			c.instanced[s.CatalogID] = s
		}
	}
	c.content = ext.Of(wire.InventoryLoginData{InventoryContent: wire.InventoryContent{ItemCatalog: c.visible()}})
	if err := c.content.Err(); err != nil {
		return nil, fmt.Errorf("the catalog cannot be sent to clients: %w", err)
	}
	return c, nil
}

// visible is the catalog as clients see it, in the order of ids.
func (c *catalog) visible() (v wire.ItemCatalog) {
	for id, s := range c.stackables {
		if !c.hidden(id) {
			v.StackableEntries = append(v.StackableEntries, wire.StackableSpec{
				CatalogID: id, Name: s.Name, Limit: wire.Int64(s.Limit), Tags: s.Tags, RemoveIfNone: s.RemoveIfNone, Ext: s.Ext,
			})
		}
	}
	for id, s := range c.instanced {
		if !c.hidden(id) {
			v.InstancedEntries = append(v.InstancedEntries, wire.InstancedSpec{CatalogID: id, Name: s.Name, Tags: s.Tags, Ext: s.Ext})
		}
	}
	slices.SortFunc(v.StackableEntries, func(a, b wire.StackableSpec) int { return cmp.Compare(a.CatalogID, b.CatalogID) })
	slices.SortFunc(v.InstancedEntries, func(a, b wire.InstancedSpec) int { return cmp.Compare(a.CatalogID, b.CatalogID) })
	return v
}

// tags returns the tags of a kind, false for one that is not in the catalog.
func (c *catalog) tags(catalogID string) ([]string, bool) {
	if s, ok := c.stackables[catalogID]; ok {
		return s.Tags, true
	}
	s, ok := c.instanced[catalogID]
	return s.Tags, ok
}

// hidden reports whether players must not know of items of a kind. Nobody can say
// that of a kind that is gone, so it is hidden.
func (c *catalog) hidden(catalogID string) bool {
	tags, ok := c.tags(catalogID)
	return !ok || slices.ContainsFunc(tags, func(tag string) bool { return c.hiddenTags[tag] })
}

// has reports whether a kind has one of the tags; any kind has one of none.
func (c *catalog) has(catalogID string, wanted []string) bool {
	if len(wanted) == 0 {
		return true
	}
	tags, _ := c.tags(catalogID)
	return slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(wanted, tag) })
}

// filter keeps the items of a part that have one of the tags.
func (c *catalog) filter(p Part, wanted []string) Part {
	p.Stackables = slices.DeleteFunc(slices.Clone(p.Stackables), func(i StackableItem) bool { return !c.has(i.CatalogID, wanted) })
	p.Instanced = slices.DeleteFunc(slices.Clone(p.Instanced), func(i InstancedItem) bool { return !c.has(i.CatalogID, wanted) })
	return p
}

func (c *CatalogConfig) catalog() (out Catalog) {
	for _, id := range slices.Sorted(maps.Keys(c.Stackables)) {
		s := c.Stackables[id]
		out.Stackables = append(out.Stackables, StackableSpec{
			CatalogID: id, Name: s.Name, Limit: s.Limit, Tags: s.Tags, RemoveIfNone: s.RemoveIfNone, Ext: ext.Of(s.Ext),
		})
	}
	for _, id := range slices.Sorted(maps.Keys(c.Instanced)) {
		s := c.Instanced[id]
		out.Instanced = append(out.Instanced, InstancedSpec{CatalogID: id, Name: s.Name, Tags: s.Tags, Ext: ext.Of(s.Ext)})
	}
	return out
}
