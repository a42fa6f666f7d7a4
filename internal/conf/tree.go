package conf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// kind says what a node is. The scalar kinds are as YAML resolves them.
type kind int

const (
	null kind = iota
	mapping
	sequence
	text
	integer
	float
	boolean
)

// node is a value in a tree. It does not change once the tree is loaded.
type node struct {
	kind    kind
	pos     position
	text    string   // of a scalar
	secret  bool     // text was substituted
	broken  bool     // text could not be substituted
	parts   []string // what was put into text, if there is more in it
	fresh   bool     // null stood here before: nothing below is inherited
	keys    []string
	entries map[string]*node
	items   []*node
}

// put sets an entry of a map.
func (n *node) put(key string, value *node) {
	if n.entries == nil {
		n.entries = make(map[string]*node)
	}
	if n.entries[key] == nil {
		n.keys = append(n.keys, key)
	}
	n.entries[key] = value
}

// remove drops an entry of a map.
func (n *node) remove(key string) {
	delete(n.entries, key)
	n.keys = slices.DeleteFunc(n.keys, func(k string) bool { return k == key })
}

// merge puts the entries of src over those of dst. A null stays in the tree, so
// that it can remove an entry of a default map as well.
func merge(dst, src *node) {
	for _, key := range src.keys {
		old, value := dst.entries[key], src.entries[key]
		switch {
		case old == nil:
			dst.put(key, value)
		case old.kind == mapping && value.kind == mapping && !value.fresh:
			old.pos = value.pos
			merge(old, value)
		default:
			value.fresh = value.fresh || old.fresh || old.kind == null
			dst.put(key, value)
		}
	}
}

// same tells whether two nodes say the same, wherever they are written.
func same(a, b *node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.kind == b.kind && a.text == b.text && a.fresh == b.fresh &&
		slices.EqualFunc(a.items, b.items, same) && maps.EqualFunc(a.entries, b.entries, same)
}

// describe names what was found, for "want …, got …".
func describe(n *node) string {
	switch {
	case n.secret:
		return "***"
	case n.kind == null:
		return "null"
	case n.kind == mapping:
		return "a map"
	case n.kind == sequence:
		return "a list"
	case n.kind == text && (len(n.text) > maxShown || strings.Contains(n.text, "\n")):
		return "a long text" // perhaps a key in the wrong place
	case n.kind == text:
		return quote(n.text)
	}
	return n.text
}

// maxShown is how long a text may be to be repeated in a finding.
const maxShown = 40

// index appends the position in a list to a path.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// A Tree is the merged content of all files; the zero value has none. Its content
// never changes. Claims are not safe for concurrent use.
type Tree struct {
	root     *node
	inputs   inputs
	mistakes Findings // outside the sections
	claims   map[string]bool
}

// Mistakes returns what is wrong with the files apart from what is inside the
// sections: keys that do not exist above them, keys given twice, values that
// cannot be substituted. The error, if any, is Findings.
func (t *Tree) Mistakes() error { return t.mistakes.orNil() }

// fresh returns the same tree without claims.
func (t *Tree) fresh() *Tree { return &Tree{root: t.root, inputs: t.inputs, mistakes: t.mistakes} }

// Section claims the part of the tree at path, such as
// "game.serviceConfigs.PartyConfig" or
// "game.pluginConfigs.MatchmakingService.matchmakingPlugin". A path without
// content is a section too; decoding it yields the defaults. The aliases are
// older names of the last element.
//
// The error, if any, is Findings: the section, a part of it or all around it is
// claimed already, or it is given under two of its names.
func (t *Tree) Section(path string, aliases ...string) (Section, error) {
	var r report
	parent, _ := cutLast(path)
	names := []string{path}
	for _, alias := range aliases {
		names = append(names, strings.TrimPrefix(parent+"."+alias, "."))
	}
	s := Section{path: path}
	for _, name := range names {
		t.claim(&r, name)
		n := t.root.find(name)
		switch {
		case n == nil || n.kind == null:
		case s.node == nil:
			s = Section{path: name, node: n}
		default:
			r.add(n.pos, name, "another name of %s, which is given at %v", s.path, s.node.pos)
		}
	}
	return s, r.err()
}

func (t *Tree) claim(r *report, path string) {
	for other := range t.claims {
		if within(path, other) || within(other, path) {
			r.add(position{}, path, "two owners: %s is claimed already", other)
			return
		}
	}
	if t.claims == nil {
		t.claims = make(map[string]bool)
	}
	t.claims[path] = true
}

// Unclaimed reports the sections in the files that nobody has claimed. The
// error, if any, is Findings.
func (t *Tree) Unclaimed() error {
	var r report
	if t.root != nil {
		t.unclaimed(&r, "", t.root, 0)
	}
	return r.err()
}

func (t *Tree) unclaimed(r *report, path string, n *node, depth int) {
	for _, key := range n.keys {
		child, value := join(path, key), n.entries[key]
		switch {
		case t.claims[child] || value.kind == null:
		case value.kind == mapping && (t.claimedBelow(child) || depth < 2 && key != "core"):
			t.unclaimed(r, child, value, depth+1)
		default:
			r.add(value.pos, child, "unknown section%s", hint(key, t.claimedIn(path)))
		}
	}
}

func (t *Tree) claimedBelow(path string) bool {
	for claim := range t.claims {
		if within(claim, path) {
			return true
		}
	}
	return false
}

// claimedIn returns the names directly below path that lead to a claim.
func (t *Tree) claimedIn(path string) []string {
	var names []string
	for _, claim := range slices.Sorted(maps.Keys(t.claims)) {
		if rest, ok := strings.CutPrefix("."+claim, strings.TrimSuffix("."+path, ".")+"."); ok {
			name, _, _ := strings.Cut(rest, ".")
			names = append(names, name)
		}
	}
	return names
}

// find returns the node at a dotted path, nil if there is none.
func (n *node) find(path string) *node {
	for key := range strings.SplitSeq(path, ".") {
		if n == nil {
			return nil
		}
		n = n.entries[key]
	}
	return n
}

// within tells whether path is root or lies below it.
func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || root == "" || rest[0] == '.' || rest[0] == '[')
}

func cutLast(path string) (parent, name string) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:]
}

// A Section is a part of a tree with one owner. The zero value is an empty
// section. As a struct field it takes a part of the section for decoding later,
// by somebody who knows its type. It may be copied and used concurrently.
type Section struct {
	path string
	node *node
}

// Path returns where the section is or would be, such as
// "game.serviceConfigs.PartyConfig".
func (s Section) Path() string { return s.path }

// Exists tells whether any file gives the section.
func (s Section) Exists() bool { return s.node != nil }

// Same tells whether both sections say the same, wherever that is written.
func (s Section) Same(other Section) bool { return same(s.node, other.node) }

// Finding returns a finding at a key of the section (a dotted path for a nested
// one, "" for the section itself). If the key is not given in a file, the
// finding stands at the nearest part that is.
func (s Section) Finding(key, message string) *Finding {
	path, n := s.path, s.node
	for name := range strings.SplitSeq(key, ".") {
		if name == "" {
			continue
		}
		path = join(path, name)
		if n != nil && n.entries[name] != nil {
			n = n.entries[name]
		}
	}
	var pos position
	if n != nil {
		pos = n.pos
	}
	return pos.finding(path, message)
}

// Slot is the documented shape of an entry in pluginConfigs.
type Slot struct {
	Class   string          // name of a registered implementation; may be empty
	Config  Section         // decoded by the plugin
	Plugins map[string]Slot // of a slot that holds several plugins, by name
}

// String returns the path, so that a logged section shows no values.
func (s Section) String() string { return fmt.Sprintf("section %s", s.path) }
