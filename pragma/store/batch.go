package store

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Put creates or replaces one record.
type Put struct {
	Key Key
	// Expect is the revision the record must have; 0 means it must not exist.
	// Afterwards it has revision Expect+1.
	Expect int64
	// Due replaces the record's timer. The zero time removes it.
	Due time.Time
	// SameDue says that the record's timer is Due already, so that a driver need
	// not move it. It must be true of the revision that is expected; the store in
	// memory refuses a batch where it is not, others leave either timer.
	SameDue bool
	// Body replaces the record's body. It must not be changed while a commit is
	// running, and is not kept by the driver afterwards.
	Body []byte
}

// Check demands a revision. In Batch.Checks the record is left as it is; in
// Batch.Deletes it is removed.
type Check struct {
	Key Key
	// Expect is the revision the record must have; 0 means it must not exist,
	// which is refused in Batch.Deletes.
	Expect int64
}

// Batch is a set of changes that are applied completely or not at all, in key
// order. A key may appear once. The zero batch is valid and does nothing.
type Batch struct {
	// Token names the commit. Commit fills an empty one.
	Token   Token
	Puts    []Put
	Deletes []Check
	Checks  []Check
}

// Op is what a [Step] does to its record.
type Op uint8

// The operations of a step.
const (
	OpCheck Op = iota
	OpPut
	OpDelete
	OpImport // creates a record that has a revision and a token of its own
)

// Step is one part of a batch, as drivers apply it.
type Step struct {
	Op     Op
	Key    Key
	Expect int64
	Due    time.Time // only OpPut and OpImport
	// SameDue is only of OpPut, see [Put].
	SameDue bool
	Body    []byte // only OpPut and OpImport
	Rev     int64  // only OpImport; the others count on from Expect
	Token   Token  // only OpImport; the others leave the batch's
}

// Written returns the revision and the token of the record that an OpPut or
// OpImport leaves, in a batch with the given token.
func (s *Step) Written(batch Token) (int64, Token) {
	if s.Op == OpImport {
		return s.Rev, s.Token
	}
	return s.Expect + 1, batch
}

// Validate reports whether every driver would accept the batch: keys, sizes,
// duplicates, revisions. Its errors match [ErrBadKey], [ErrTooLarge] or
// [ErrBadBatch], and name the key but never the body.
func (b *Batch) Validate() error {
	_, err := b.Steps()
	return err
}

// Steps validates the batch and returns its parts in key order. Drivers call it
// and apply the parts one after the other, so that every driver reports the
// same conflict first and takes its locks in the same order.
func (b *Batch) Steps() ([]Step, error) {
	n := len(b.Puts) + len(b.Deletes) + len(b.Checks)
	if n > MaxBatchKeys {
		return nil, &SizeError{What: "keys of a batch", Size: n, Max: MaxBatchKeys}
	}
	steps := make([]Step, 0, n)
	for i := range b.Puts {
		p := &b.Puts[i]
		steps = append(steps, Step{Op: OpPut, Key: p.Key, Expect: p.Expect, Due: p.Due, SameDue: p.SameDue, Body: p.Body})
	}
	for _, d := range b.Deletes {
		steps = append(steps, Step{Op: OpDelete, Key: d.Key, Expect: d.Expect})
	}
	for _, c := range b.Checks {
		steps = append(steps, Step{Op: OpCheck, Key: c.Key, Expect: c.Expect})
	}
	if n > 1 {
		slices.SortFunc(steps, func(a, b Step) int { return a.Key.Compare(b.Key) })
	}
	return steps, checkSteps(steps)
}

func checkSteps(steps []Step) error {
	bytes := 0
	for i := range steps {
		s := &steps[i]
		if err := s.Key.Validate(); err != nil {
			return err
		}
		switch {
		case i > 0 && s.Key == steps[i-1].Key:
			return fmt.Errorf("%w: key %s appears twice", ErrBadBatch, s.Key)
		case s.Expect < 0:
			return fmt.Errorf("%w: key %s expects revision %d", ErrBadBatch, s.Key, s.Expect)
		case s.Op == OpDelete && s.Expect == 0:
			return fmt.Errorf("%w: delete of key %s expects that it does not exist", ErrBadBatch, s.Key)
		case len(s.Body) > MaxBodyBytes:
			return &SizeError{Key: s.Key, What: "body", Size: len(s.Body), Max: MaxBodyBytes}
		}
		bytes += len(s.Body)
	}
	if bytes > MaxBatchBytes {
		return &SizeError{What: "bodies of a batch", Size: bytes, Max: MaxBatchBytes}
	}
	return nil
}

// Validate reports whether the key may name a record. Its errors match
// [ErrBadKey].
func (k Key) Validate() error {
	if err := checkKind(k.Kind); err != nil {
		return err
	}
	if why := badText(k.ID, MaxIDBytes); why != "" {
		return &KeyError{Key: k, Problem: "id " + why}
	}
	return nil
}

// ValidateKeys reports whether Get may be called with these keys.
func ValidateKeys(keys []Key) error {
	if len(keys) > MaxBatchKeys {
		return &SizeError{What: "keys of a get", Size: len(keys), Max: MaxBatchKeys}
	}
	for _, k := range keys {
		if err := k.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// ValidateKind reports whether the kind may be part of a key. Its errors match
// [ErrBadKey].
func ValidateKind(kind string) error { return checkKind(kind) }

func checkKind(kind string) error {
	if why := badText(kind, MaxKindBytes); why != "" {
		return &KeyError{Key: Key{Kind: kind}, Problem: "kind " + why}
	}
	return nil
}

// badText says what is wrong with a part of a key, or "".
func badText(s string, limit int) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > limit:
		return fmt.Sprintf("has %d bytes, the limit is %d", len(s), limit)
	case strings.IndexByte(s, 0) >= 0:
		return "contains a NUL byte"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	}
	return ""
}
