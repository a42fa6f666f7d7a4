package conf

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// A Defaulter fills in the defaults of a value that configuration creates: a map
// entry, a list element, or what a nil pointer points to. Implement it on the
// pointer.
type Defaulter interface{ SetDefaults() }

// Decode decodes the section over the defaults in *v, and then validates *v and
// what it holds. Maps merge with the maps in *v; nothing that *v refers to is
// changed. The error, if any, is Findings: unknown keys, values of a wrong kind
// or out of range, keys given under two names, and what Validate found. *v is
// unchanged then. A section that no file gives still has its defaults validated.
func (s Section) Decode(v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return Findings{s.Finding("", fmt.Sprintf("cannot decode into %T, want a pointer", v))}
	}
	d := decoder{at: make(map[string]place)}
	result := reflect.New(target.Type().Elem()).Elem()
	result.Set(target.Elem())
	n := s.node
	if n == nil {
		n = &node{kind: mapping}
	}
	if s.node != nil || result.Kind() == reflect.Struct {
		d.value(s.path, n, result)
	}
	d.validate(s, result)
	if err := d.err(); err != nil {
		return err
	}
	target.Elem().Set(result)
	return nil
}

// place is where a value stands in the files: its path as written, and the node.
type place struct {
	path string
	node *node
}

type decoder struct {
	report
	broken []string         // paths of values that could not be substituted
	at     map[string]place // by the path as documented, aliases replaced
}

func (d *decoder) want(path string, n *node, what string) {
	d.add(n.pos, path, "want %s, got %s", what, describe(n))
}

// value decodes n into v, which is settable and holds the default.
func (d *decoder) value(path string, n *node, v reflect.Value) {
	d.at[path] = place{path, n}
	t := v.Type()
	switch {
	case n.broken: // reported already; the default stays
		d.broken = append(d.broken, path)
		return
	case t == sectionType:
		v.Set(reflect.ValueOf(Section{path, n}))
		return
	case t == durationType:
		d.add(n.pos, path, "type %v is not supported; use an integer with its unit in the name", t)
		return
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(textType):
		d.unmarshalText(path, n, v)
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		d.pointer(path, n, v)
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.slice(path, n, v)
	case reflect.Interface:
		d.any(path, n, v)
	default:
		d.scalar(path, n, v)
	}
}

func (d *decoder) unmarshalText(path string, n *node, v reflect.Value) {
	if n.kind == null || n.kind == mapping || n.kind == sequence {
		d.want(path, n, "a text")
		return
	}
	result := reflect.New(v.Type()) // not v: the default may share memory
	err := result.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text))
	switch {
	case err != nil && n.secret:
		d.add(n.pos, path, "the substituted value is not valid")
	case err != nil:
		d.add(n.pos, path, "%v", err)
	default:
		v.Set(result.Elem())
	}
}

func (d *decoder) pointer(path string, n *node, v reflect.Value) {
	created := create(v.Type().Elem())
	if !v.IsNil() {
		created.Set(v.Elem())
	}
	d.value(path, n, created)
	v.Set(created.Addr())
}

func (d *decoder) structure(path string, n *node, v reflect.Value) {
	if n.kind != mapping {
		d.want(path, n, "a map")
		return
	}
	fields, err := fieldsOf(v.Type())
	if err != nil {
		d.add(n.pos, path, "%v", err)
		return
	}
	used := make(map[string]bool, len(n.keys))
	for _, f := range fields {
		key := d.given(path, n, f, used)
		written := join(path, key)
		if value := n.entries[key]; value != nil && value.kind != null {
			d.value(written, value, v.FieldByIndex(f.index))
			d.at[join(path, f.name)] = place{written, value}
		} else if field := v.FieldByIndex(f.index); field.Type() == sectionType {
			field.Set(reflect.ValueOf(Section{path: written}))
		}
	}
	for _, key := range n.keys {
		if !used[key] && !d.full() {
			d.add(n.entries[key].pos, join(path, key), "unknown key%s", hint(key, names(fields)))
		}
	}
}

// given returns the name under which a field is written, and marks all names of
// the field as used.
func (d *decoder) given(path string, n *node, f field, used map[string]bool) string {
	key := ""
	for _, name := range append([]string{f.name}, f.aliases...) {
		used[name] = true
		switch value := n.entries[name]; {
		case value == nil || value.kind == null:
		case key == "":
			key = name
		default:
			d.add(value.pos, join(path, name), "another name of %s, which is given at %v", key, n.entries[key].pos)
		}
	}
	if key == "" {
		return f.name
	}
	return key
}

func names(fields []field) []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.name)
	}
	return all
}

// mapping decodes into a new map, because the default may be shared.
func (d *decoder) mapping(path string, n *node, v reflect.Value) {
	if n.kind != mapping {
		d.want(path, n, "a map")
		return
	}
	t := v.Type()
	merged := reflect.MakeMap(t)
	for it := v.MapRange(); it.Next(); {
		merged.SetMapIndex(it.Key(), it.Value())
	}
	for _, key := range n.keys {
		entry, child := n.entries[key], join(path, key)
		k := reflect.New(t.Key()).Elem()
		if !d.key(child, key, entry, k) {
			continue
		}
		if entry.kind == null {
			merged.SetMapIndex(k, reflect.Value{})
			continue
		}
		value := create(t.Elem())
		if old := merged.MapIndex(k); old.IsValid() && !entry.fresh {
			value.Set(old)
		}
		d.value(child, entry, value)
		merged.SetMapIndex(k, value)
	}
	v.Set(merged)
}

// key decodes the key of a map, an integer or a text.
func (d *decoder) key(path, key string, entry *node, v reflect.Value) bool {
	n := &node{kind: text, text: key, pos: entry.pos}
	if _, err := strconv.ParseInt(key, 0, 64); err == nil && v.Kind() != reflect.String {
		n.kind = integer
	}
	before := len(d.findings) + d.more
	switch {
	case v.Kind() == reflect.String, v.CanInt(), v.CanUint(), reflect.PointerTo(v.Type()).Implements(textType):
		d.value(path, n, v)
	default:
		d.add(n.pos, path, "a map with keys of type %v is not supported", v.Type())
	}
	return len(d.findings)+d.more == before
}

func (d *decoder) slice(path string, n *node, v reflect.Value) {
	if n.kind != sequence {
		d.want(path, n, "a list")
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.items))
	for i, item := range n.items {
		value := create(v.Type().Elem())
		d.value(index(path, i), item, value)
		list = reflect.Append(list, value)
	}
	v.Set(list)
}

// create returns a settable value with its defaults.
func create(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if v, ok := p.Interface().(Defaulter); ok {
		v.SetDefaults()
	}
	return p.Elem()
}

var (
	sectionType  = reflect.TypeFor[Section]()
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)
