package conf

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// Live holds a value that a reload may replace. The zero value holds the zero T.
// It is safe for concurrent use.
type Live[T any] struct {
	value atomic.Pointer[T]

	mu          sync.Mutex
	subscribers []func(before, after T)
}

// NewLive returns a holder of v that no file changes, for tests and programs
// without files.
func NewLive[T any](v T) *Live[T] {
	l := &Live[T]{}
	l.value.Store(&v)
	return l
}

// Load returns the current value. Load once per call and use that, so that one
// call sees one configuration. Maps, slices and pointers in it are shared: do
// not change them.
func (l *Live[T]) Load() T {
	if v := l.value.Load(); v != nil {
		return *v
	}
	var zero T
	return zero
}

// OnChange has fn called after every change of the value. All subscribers of a
// Set are called one at a time, in the order of binding and subscribing, when
// the values of all sections are in place. A subscriber must not call the Set.
func (l *Live[T]) OnChange(fn func(before, after T)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscribers = append(l.subscribers, fn)
}

func (l *Live[T]) notify(before, after T) {
	l.mu.Lock()
	subscribers := l.subscribers[:len(l.subscribers):len(l.subscribers)]
	l.mu.Unlock()
	for _, fn := range subscribers {
		fn(before, after)
	}
}

// A Binding says which section a value of type T comes from.
type Binding[T any] struct {
	// Path is the section, such as "game.serviceConfigs.PartyConfig".
	Path string

	// Aliases are older names of the last element of Path.
	Aliases []string

	// Default is what the files are decoded over. It is not changed.
	Default T

	// NeedsRestart returns the keys that differ and cannot change while running;
	// running is the value in use. If it returns any, the whole section keeps its
	// running value, so that a value is never a mixture of two files. Nil:
	// everything may change.
	NeedsRestart func(running, next T) []string
}

// A Set is the sections of one server and the values made from them. Bind
// everything, then call Check, then pass each new tree to Apply. It is safe for
// concurrent use.
type Set struct {
	mu       sync.Mutex
	tree     *Tree
	bindings []binding
	errs     []error // of Bind
	hidden   []string
}

// NewSet returns a set that reads from tree. Claims made on the tree itself do
// not count; several sets may share one tree.
func NewSet(tree *Tree) *Set { return &Set{tree: tree.fresh()} }

// Bind claims a section and decodes it. The error, if any, is Findings, and is
// also kept for Check; the value is the default then, and never nil.
func Bind[T any](s *Set, b Binding[T]) (*Live[T], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bound := &bound[T]{Binding: b, live: NewLive(b.Default)}
	s.bindings = append(s.bindings, bound)
	change, err := bound.stage(s.tree, true)
	if err != nil {
		s.errs = append(s.errs, err)
		return bound.live, err
	}
	change.swap()
	return bound.live, nil
}

// Check returns everything that is wrong with the tree: its mistakes, what the
// calls of Bind found, and the sections that nobody bound. The error, if any, is
// Findings.
func (s *Set) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Join(append(s.errs[:len(s.errs):len(s.errs)], s.tree.Mistakes(), s.tree.Unclaimed())...)
}

// Finding returns a finding at a dotted path, at the nearest part of it that a
// file gives.
func (s *Set) Finding(path, message string) *Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Section{node: s.tree.root}.Finding(path, message)
}

// Redact returns err, or an error that wraps it and does not show the secrets of
// the tree, if the text of err does. Secrets in plain text are known once their
// section is bound.
func (s *Set) Redact(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets := substituted(s.tree.root, slices.Clone(s.hidden))
	for _, b := range s.bindings {
		secrets = append(secrets, b.secrets()...)
	}
	text := err.Error()
	if shown := newMask(secrets).hide(text); shown != text {
		return &maskedError{shown, err}
	}
	return err
}

// Apply replaces the values by those of another tree and calls the subscribers
// of those that differ. With an error, which is Findings, nothing has changed.
// Otherwise pending names the keys that wait for a restart.
func (s *Set) Apply(tree *Tree) (pending Findings, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tree = tree.fresh()
	var changes []change
	var errs []error
	for _, b := range s.bindings {
		c, err := b.stage(tree, false)
		changes, errs = append(changes, c), append(errs, err)
		pending = append(pending, c.pending...)
	}
	if err := Join(append(errs, tree.Mistakes(), tree.Unclaimed())...); err != nil {
		return nil, err
	}
	s.tree = tree
	for _, c := range changes {
		if c.swap != nil {
			c.swap()
		}
	}
	for _, c := range changes {
		if c.notify != nil {
			c.notify()
		}
	}
	return pending.sorted(), nil
}

type binding interface {
	stage(t *Tree, first bool) (change, error)
	secrets() []string
}

// change is what a tree does to one section: nothing if the functions are nil.
type change struct {
	swap, notify func()
	pending      Findings
}

// bound is a binding with its value.
type bound[T any] struct {
	Binding[T]
	live    *Live[T]
	section Section // the value in use was made from
}

// secrets returns the Secrets in the present value.
func (b *bound[T]) secrets() []string {
	v := b.live.Load()
	return plainSecrets(reflect.ValueOf(&v).Elem(), nil)
}

// stage decodes the section of a new tree and changes nothing yet.
func (b *bound[T]) stage(t *Tree, first bool) (change, error) {
	section, err := t.Section(b.Path, b.Aliases...)
	next := b.Default
	if err := Join(err, section.Decode(&next)); err != nil {
		return change{}, err
	}
	swap := func() {
		b.live.value.Store(&next)
		b.section = section
	}
	before := b.live.Load()
	switch {
	case first:
		return change{swap: swap}, nil
	case section.Same(b.section) || reflect.DeepEqual(before, next):
		return change{}, nil
	}
	if b.NeedsRestart != nil {
		var pending Findings
		for _, key := range b.NeedsRestart(before, next) {
			pending = append(pending, section.Finding(key,
				"the change takes effect at the next start; until then the section keeps its values"))
		}
		if pending != nil {
			return change{pending: pending}, nil
		}
	}
	return change{swap: swap, notify: func() { b.live.notify(before, next) }}, nil
}
