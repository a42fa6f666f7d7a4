package conf

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// mask hides secrets in messages: whole ones, and messages that still show a
// part of one.
type mask struct {
	secrets  []string // the longest first
	replacer *strings.Replacer
}

// telltale is how many bytes of a secret in a row give it away.
const telltale = 8

func newMask(secrets []string) *mask {
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	secrets = slices.Compact(secrets)
	var pairs []string
	for _, s := range secrets {
		quoted := strconv.Quote(s)
		pairs = append(pairs, s, hidden, quoted[1:len(quoted)-1], hidden)
	}
	return &mask{secrets, strings.NewReplacer(pairs...)}
}

// hide returns message without secrets.
func (m *mask) hide(message string) string {
	shown := m.replacer.Replace(message)
	if len(shown) < telltale {
		return shown
	}
	windows := make(map[string]bool, len(shown))
	for i := range len(shown) - telltale + 1 {
		windows[shown[i:i+telltale]] = true
	}
	for _, s := range m.secrets {
		for i := range max(len(s)-telltale+1, 0) {
			if windows[s[i:i+telltale]] {
				return "not valid; the reason is not shown, because it repeats a part of a secret"
			}
		}
	}
	return shown
}

// maskedError is an error that showed a secret.
type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }

func (e *maskedError) Unwrap() error { return e.err }

// substituted appends the substituted texts below n, and what they are made of.
func substituted(n *node, to []string) []string {
	if n == nil {
		return to
	}
	if n.secret {
		to = append(append(to, n.text), n.parts...)
	}
	for _, key := range n.keys {
		to = substituted(n.entries[key], to)
	}
	for _, item := range n.items {
		to = substituted(item, to)
	}
	return to
}

// plainSecrets appends the texts of the Secrets in v.
func plainSecrets(v reflect.Value, to []string) []string {
	if !v.IsValid() {
		return to
	}
	if v.Type() == secretType {
		return append(to, v.String())
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return plainSecrets(v.Elem(), to)
		}
	case reflect.Struct:
		if v.Type() == sectionType {
			return to
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() || v.Type().Field(i).Anonymous {
				to = plainSecrets(v.Field(i), to)
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			to = plainSecrets(it.Value(), to)
		}
	case reflect.Slice:
		for i := range v.Len() {
			to = plainSecrets(v.Index(i), to)
		}
	}
	return to
}
