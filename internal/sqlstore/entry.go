package sqlstore

import (
	"slices"

	"github.com/openpragma/engine/pragma/store"
)

// Entry is what a transaction knows about one record, and makes of it.
type Entry struct {
	Key     store.Key
	Stored  int64 // revision before the group
	Rev     int64 // revision after the batches applied so far
	Written bool
	Watched bool // a batch relies on it
	Token   store.Token
	Step    *store.Step // the last put, nil if the record is gone
}

// Found notes the revision that the record has.
func (e *Entry) Found(rev int64) { e.Stored, e.Rev = rev, rev }

// Guard reports whether the record must not exist and is not made by the group:
// nobody may create it before the commit.
func (e *Entry) Guard() bool { return e.Stored == 0 && e.Rev == 0 && e.Watched }

// Entries are the records of a group in key order, each once.
type Entries []Entry

// Collect returns the records of the group, as if none of them existed.
func Collect(group []*Job) Entries {
	var entries Entries
	for _, j := range group {
		for i := range j.Steps {
			entries = append(entries, Entry{Key: j.Steps[i].Key})
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return a.Key.Compare(b.Key) })
	return slices.CompactFunc(entries, func(a, b Entry) bool { return a.Key == b.Key })
}

// Find returns the entry of a key of the group.
func (es Entries) Find(k store.Key) *Entry {
	i, _ := slices.BinarySearchFunc(es, k, func(e Entry, k store.Key) int { return e.Key.Compare(k) })
	return &es[i]
}

// Apply decides the batches of the group in their order. A conflict is the
// result of its batch and concerns no other one.
func (es Entries) Apply(group []*Job, results []error) {
	for i, j := range group {
		if c := es.conflict(j); c != nil {
			results[i] = c
			continue
		}
		for n := range j.Steps {
			s := &j.Steps[n]
			e := es.Find(s.Key)
			e.Watched = true
			switch s.Op {
			case store.OpPut, store.OpImport:
				e.Rev, e.Token = s.Written(j.Token)
				e.Written, e.Step = true, s
			case store.OpDelete:
				e.Rev, e.Written, e.Step = 0, true, nil
			}
		}
	}
}

func (es Entries) conflict(j *Job) error {
	for i := range j.Steps {
		s := &j.Steps[i]
		if e := es.Find(s.Key); e.Rev != s.Expect {
			return &store.ConflictError{Key: s.Key, Have: e.Rev, Expect: s.Expect}
		}
	}
	return nil
}

// Assume returns the records of the group as its batches expect them to be: each
// with the revision that the first batch names.
func Assume(group []*Job) Entries {
	entries := Collect(group)
	known := make(map[store.Key]bool, len(entries))
	for _, j := range group {
		for i := range j.Steps {
			if s := &j.Steps[i]; !known[s.Key] {
				known[s.Key] = true
				entries.Find(s.Key).Found(s.Expect)
			}
		}
	}
	return entries
}
