package postgres

import (
	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// The statements of a batch with one step. Each compares and sets, and commits
// by itself.
const (
	insertOne = "INSERT INTO record (kind, id, rev, token, due, body) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
	updateOne = "UPDATE record SET rev = rev + 1, token = $4, due = $5, body = $6 WHERE kind = $1 AND id = $2 AND rev = $3"
	deleteOne = "DELETE FROM record WHERE kind = $1 AND id = $2 AND rev = $3"
	selectOne = "SELECT rev FROM record WHERE kind = $1 AND id = $2"
)

// single applies a batch with one step.
func (w *writer) single(j *sqlstore.Job, results []error) (phase, error) {
	s := &j.Steps[0]
	kind, id := []byte(s.Key.Kind), []byte(s.Key.ID)
	var touched int64
	var err error
	switch {
	case s.Op == store.OpCheck:
		return beforeCommit, w.compare(s, results)
	case s.Op == store.OpDelete:
		touched, err = w.run(deleteOne, nil, kind, id, bigint(s.Expect))
	case s.Expect == 0:
		rev, token := s.Written(j.Token)
		touched, err = w.run(insertOne, nil, kind, id, bigint(rev), token[:], dueValue(s), bodyValue(s))
	default:
		touched, err = w.run(updateOne, nil, kind, id, bigint(s.Expect), j.Token[:], dueValue(s), bodyValue(s))
	}
	if err != nil {
		return duringCommit, err
	}
	if touched == 1 {
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
	_, err := w.run(selectOne, func(row [][]byte) (err error) {
		have, err = integer(row[0])
		return err
	}, []byte(s.Key.Kind), []byte(s.Key.ID))
	if err == nil && have != s.Expect {
		results[0] = &store.ConflictError{Key: s.Key, Have: have, Expect: s.Expect}
	}
	return err
}

func dueValue(s *store.Step) []byte {
	if s.Due.IsZero() {
		return nil
	}
	return bigint(s.Due.UnixMicro())
}

// bodyValue keeps an empty body from becoming NULL.
func bodyValue(s *store.Step) []byte {
	if s.Body == nil {
		return []byte{}
	}
	return s.Body
}
