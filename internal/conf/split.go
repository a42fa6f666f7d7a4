package conf

import (
	"maps"
	"reflect"
	"slices"
)

// Split takes one key out of a section: the value of the key, and the section
// without it, for a section whose keys depend on what one of them says.
func (s Section) Split(key string) (value, rest Section) {
	value, rest = Section{path: join(s.path, key)}, s
	if s.node == nil || s.node.entries[key] == nil {
		return value, rest
	}
	if n := s.node.entries[key]; n.kind != null {
		value.node = n
	}
	without := *s.node
	without.entries, without.keys = maps.Clone(s.node.entries), slices.Clone(s.node.keys)
	without.remove(key)
	rest.node = &without
	return value, rest
}

// Differences returns the keys that two sections do not give, or give different
// values, in the order of the alphabet.
func (s Section) Differences(other Section) []string {
	found := make(map[string]bool)
	for _, pair := range [][2]Section{{s, other}, {other, s}} {
		if pair[0].node == nil {
			continue
		}
		for key, value := range pair[0].node.entries {
			var there *node
			if pair[1].node != nil {
				there = pair[1].node.entries[key]
			}
			if !same(value, there) && (value.kind != null || there != nil) {
				found[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Hide has Redact hide the Secrets in v too: a value that was decoded from a
// section by somebody else than Bind.
func (s *Set) Hide(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = plainSecrets(reflect.ValueOf(v), s.hidden)
}
