package mysql

import (
	"database/sql/driver"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// The statements of a batch with one step. Each compares and sets, and commits
// by itself.
const (
	insertOne = "INSERT INTO record (kind, id, rev, token, due, body) VALUES (?, ?, ?, ?, ?, ?)"
	updateOne = "UPDATE record SET rev = rev + 1, token = ?, due = ?, body = ? WHERE kind = ? AND id = ? AND rev = ?"
	deleteOne = "DELETE FROM record WHERE kind = ? AND id = ? AND rev = ?"
	selectOne = "SELECT rev FROM record WHERE kind = ? AND id = ?"
)

// single applies a batch with one step.
func (w *writer) single(j *sqlstore.Job, results []error) (phase, error) {
	s := &j.Steps[0]
	kind, id := []byte(s.Key.Kind), []byte(s.Key.ID)
	var counts []int64
	var err error
	switch {
	case s.Op == store.OpCheck:
		return beforeCommit, w.compare(s, results)
	case s.Op == store.OpDelete:
		counts, err = w.exec(deleteOne, kind, id, s.Expect)
	case s.Expect == 0:
		rev, token := s.Written(j.Token)
		counts, err = w.exec(insertOne, kind, id, rev, token[:], dueValue(s), bodyValue(s))
	default:
		counts, err = w.exec(updateOne, j.Token[:], dueValue(s), bodyValue(s), kind, id, s.Expect)
	}
	switch {
	case err != nil && number(err) != errDuplicateKey:
		return duringCommit, err
	case err == nil && len(counts) == 1 && counts[0] == 1:
		return duringCommit, nil
	}
	if err := w.compare(s, results); err != nil {
		return beforeCommit, err
	}
	if results[0] == nil { // the revision was another one a moment ago
		return beforeCommit, sqlstore.ErrRaced
	}
	return beforeCommit, nil
}

// compare notes a conflict if the record does not have the revision.
func (w *writer) compare(s *store.Step, results []error) error {
	have := int64(0)
	err := w.query(selectOne, func(row []driver.Value) (err error) {
		have, err = integer(row[0])
		return err
	}, []byte(s.Key.Kind), []byte(s.Key.ID))
	if err == nil && have != s.Expect {
		results[0] = &store.ConflictError{Key: s.Key, Have: have, Expect: s.Expect}
	}
	return err
}

func dueValue(s *store.Step) driver.Value {
	if s.Due.IsZero() {
		return nil
	}
	return s.Due.UnixMicro()
}

// bodyValue keeps an empty body from becoming NULL.
func bodyValue(s *store.Step) driver.Value {
	if s.Body == nil {
		return []byte{}
	}
	return s.Body
}
