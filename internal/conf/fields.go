package conf

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// field is a struct field that configuration can set.
type field struct {
	name    string // documented key
	aliases []string
	index   []int
}

// fieldsOf lists the fields of a struct type, embedded structs included. It
// fails if two fields answer to one name.
func fieldsOf(t reflect.Type) ([]field, error) {
	var fields []field
	owner := make(map[string]string)
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("yaml")
		if !f.IsExported() || isEmbedded(f) || tag == "-" || len(f.Index) > 1 && !reachable(t, f.Index) {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		c := field{name: name, index: f.Index}
		if name == "" {
			c.name = lowerCamel(f.Name)
		}
		for option := range strings.SplitSeq(options, ",") {
			if alias, ok := strings.CutPrefix(option, "alias="); ok {
				c.aliases = append(c.aliases, alias)
			} else if option != "" {
				return nil, fmt.Errorf("type %v: field %s: unknown tag option %q", t, f.Name, option)
			}
		}
		for _, key := range append([]string{c.name}, c.aliases...) {
			if other, ok := owner[key]; ok {
				return nil, fmt.Errorf("type %v: fields %s and %s are both named %s", t, other, f.Name, key)
			}
			owner[key] = f.Name
		}
		fields = append(fields, c)
	}
	return fields, nil
}

// isEmbedded tells whether the fields of f stand in place of f.
func isEmbedded(f reflect.StructField) bool {
	return f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("yaml") == "" && f.Type != sectionType
}

// reachable tells whether every struct on the way to a promoted field is
// embedded in place.
func reachable(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		if !isEmbedded(t.FieldByIndex(index[:i])) {
			return false
		}
	}
	return true
}

// lowerCamel turns a Go name into a key; an abbreviation counts as one word:
// PortalURL is portalUrl.
func lowerCamel(name string) string {
	runes := []rune(name)
	key := []rune(name)
	for i, r := range runes {
		last := i + 1
		starts := i > 0 && (!unicode.IsUpper(runes[i-1]) || last < len(runes) && unicode.IsLower(runes[last]))
		if !starts {
			key[i] = unicode.ToLower(r)
		}
	}
	return string(key)
}
