package conf

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
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
	c := checker{decoder: d, wrong: slices.Clone(d.broken)}
	for _, f := range d.findings {
		c.wrong = append(c.wrong, f.Path)
	}
	c.mask = newMask(plainSecrets(v, substituted(s.node, nil)))
	root, ok := d.at[s.path]
	if !ok {
		root = place{path: s.path}
	}
	c.value(root, v)
}

type checker struct {
	*decoder
	wrong []string // paths of what was not decoded
	mask  *mask
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
			c.report(at, v.Type(), err)
		}
	}
}

// report adds what a validator of type t found, unless decoding already
// complained there. An error that is not a FieldError may start with a key.
func (c *checker) report(at place, t reflect.Type, err error) {
	message := err.Error()
	if e, ok := errors.AsType[*FieldError](err); ok {
		at = c.walk(at, e.Field)
		message = e.Message
	} else if key, _, _ := strings.Cut(message, " "); isKey(t, key) {
		at = c.walk(at, strings.TrimSuffix(key, ":"))
	}
	for _, path := range c.wrong {
		if within(path, at.path) {
			return
		}
	}
	var pos position
	if at.node != nil {
		pos = at.node.pos
	}
	c.add(pos, at.path, "%s", c.mask.hide(message))
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

// walk follows a dotted key whose elements may end in an index, such as
// list[1].name.
func (c *checker) walk(at place, key string) place {
	for name := range strings.SplitSeq(key, ".") {
		name, rest, listed := strings.Cut(name, "[")
		at = c.below(at, name)
		if listed {
			at = c.child(at, at.path+"["+rest)
		}
	}
	return at
}

// isKey reports whether a word is a key of a struct type, perhaps with one of
// something below it.
func isKey(t reflect.Type, word string) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	name := word
	if i := strings.IndexAny(word, ".[:"); i >= 0 {
		name = word[:i]
	}
	fields, _ := fieldsOf(t)
	return slices.Contains(names(fields), name)
}
