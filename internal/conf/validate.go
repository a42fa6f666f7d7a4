package conf

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Validator checks itself after decoding: the type of a section, of one of
// its fields, or of an element. It may return several errors joined, and a
// FieldError for one that concerns a single key. Its errors become findings.
type Validator interface{ Validate() error }

// FieldError says which key of the validated value an error is about, so that
// the finding points to its line.
type FieldError struct {
	Field   string // the documented key; dotted for a nested one
	Message string
}

// Error returns "field: message".
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// Fieldf returns a FieldError with a formatted message.
func Fieldf(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// validate runs the validators in v, inner ones first.
func (d *decoder) validate(s Section, v reflect.Value) {
	c := checker{decoder: d, decoded: slices.Clone(d.findings), hide: strings.NewReplacer()}
	if s.node != nil {
		c.hide = strings.NewReplacer(secrets(s.node, nil)...)
	}
	root, ok := d.at[s.path]
	if !ok {
		root = place{path: s.path}
	}
	c.value(root, v)
}

type checker struct {
	*decoder
	decoded Findings // before validation
	hide    *strings.Replacer
}

func (c *checker) value(at place, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.value(at, v.Elem())
		}
		return
	case reflect.Struct:
		fields, _ := fieldsOf(v.Type()) // an error was reported while decoding
		for _, f := range fields {
			c.value(c.below(at, f.name), v.FieldByIndex(f.index))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			element := reflect.New(v.Type().Elem()).Elem()
			element.Set(it.Value())
			c.value(c.below(at, fmt.Sprint(it.Key())), element)
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.value(c.child(at, index(at.path, i)), v.Index(i))
		}
	}
	if self, ok := v.Addr().Interface().(Validator); ok {
		for _, err := range leaves(self.Validate()) {
			c.report(at, err)
		}
	}
}

// report adds what a validator found, unless decoding already complained there.
func (c *checker) report(at place, err error) {
	message := err.Error()
	if e, ok := errors.AsType[*FieldError](err); ok {
		for name := range strings.SplitSeq(e.Field, ".") {
			at = c.below(at, name)
		}
		message = e.Message
	}
	for _, f := range c.decoded {
		if within(f.Path, at.path) {
			return
		}
	}
	var pos position
	if at.node != nil {
		pos = at.node.pos
	}
	c.add(pos, at.path, "%s", c.hide.Replace(message))
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

// below returns the place of a key. A key that is not given has no node of its
// own and stands where its parent stands.
func (c *checker) below(at place, name string) place { return c.child(at, join(at.path, name)) }

func (c *checker) child(at place, path string) place {
	if child, ok := c.at[path]; ok {
		return child
	}
	return place{path, at.node}
}

// secrets collects pairs for a replacer that hides the substituted texts below
// n, plain and as %q writes them.
func secrets(n *node, pairs []string) []string {
	if n.secret && n.text != "" {
		quoted := strconv.Quote(n.text)
		pairs = append(pairs, n.text, hidden, quoted[1:len(quoted)-1], hidden)
	}
	for _, key := range slices.Sorted(maps.Keys(n.entries)) {
		pairs = secrets(n.entries[key], pairs)
	}
	for _, item := range n.items {
		pairs = secrets(item, pairs)
	}
	return pairs
}
