package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// groupLimits bound one group, and with it the size of a transaction; a single
// batch may be larger.
var groupLimits = sqlstore.Limits{Jobs: 256, Steps: math.MaxInt, Bytes: 16 << 20}

// writer owns the only connection that writes.
type writer struct {
	path string

	// Only used by the queue, and by the database before and after it.
	conn       *conn // nil after a failure, until the next group
	begin      *stmt
	commitStmt *stmt
	undo       *stmt
	savepoint  *stmt
	rollback   *stmt
	release    *stmt
	insert     *stmt
	update     *stmt
	rewrite    *stmt
	remove     *stmt
	revision   *stmt
}

// writeGroup leaves one result for each job of the group.
func (w *writer) writeGroup(group []*sqlstore.Job, results []error) {
	err := w.transaction(group, results)
	if err == nil {
		return
	}
	// Alone, each would wait as long as the group did for another program.
	busy := resultCode(err) == sqlite3.SQLITE_BUSY
	if len(group) == 1 || busy || errors.Is(err, store.ErrUnknown) {
		for i := range group {
			results[i] = err
		}
		return
	}
	// Nothing was applied. One of them may be the reason, such as one that is
	// too large for a disk with room for the others: each gets its own try.
	for i := range group {
		results[i] = nil
		if err := w.transaction(group[i:i+1], results[i:i+1]); err != nil {
			results[i] = err
		}
	}
}

// transaction writes the group and fills in the conflicts. If it returns an
// error, that is the outcome of the whole group and the connection is renewed.
func (w *writer) transaction(group []*sqlstore.Job, results []error) (err error) {
	if err := w.connect(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// Closing rolls back whatever state the connection is in.
			_ = w.disconnect()
		}
	}()
	if _, err := w.begin.exec(); err != nil {
		return portError("begin", beforeCommit, err)
	}
	err = w.applyAll(group, results, w.applyPlainly)
	if errors.Is(err, errTrace) {
		err = w.again(group, results)
	}
	if err != nil {
		return portError("write", beforeCommit, err)
	}
	if _, err := w.commitStmt.exec(); err != nil {
		return portError("commit", duringCommit, err)
	}
	return nil
}

// applyAll writes the batches of a group and fills in the conflicts.
func (w *writer) applyAll(group []*sqlstore.Job, results []error, apply func(*sqlstore.Job) (*store.ConflictError, error)) error {
	for i, j := range group {
		conflict, err := apply(j)
		if err != nil {
			return err
		}
		if conflict != nil {
			results[i] = conflict
		}
	}
	return nil
}

// errTrace is a batch with a conflict, a part of which is written.
var errTrace = errors.New("a batch is written in part")

// applyPlainly writes one batch without a savepoint, for which SQLite would keep
// a copy of every page that the batch changes. Hardly any batch has a conflict,
// and most of those in what they compare first. If one has and a part of it is
// written, the whole group begins anew, with savepoints.
func (w *writer) applyPlainly(j *sqlstore.Job) (*store.ConflictError, error) {
	wrote := false
	for i := range j.Steps {
		conflict, err := w.step(j.Token, &j.Steps[i])
		switch {
		case err != nil:
			return nil, err
		case conflict != nil && wrote:
			return nil, errTrace
		case conflict != nil:
			return conflict, nil
		}
		wrote = wrote || j.Steps[i].Op != store.OpCheck
	}
	return nil, nil
}

// again throws away what the transaction has written and writes the group with
// savepoints.
func (w *writer) again(group []*sqlstore.Job, results []error) error {
	clear(results)
	if _, err := w.undo.exec(); err != nil {
		return err
	}
	if _, err := w.begin.exec(); err != nil {
		return err
	}
	return w.applyAll(group, results, w.apply)
}

// apply writes one batch or leaves no trace of it. One statement needs no
// savepoint: it is atomic by itself.
func (w *writer) apply(j *sqlstore.Job) (conflict *store.ConflictError, err error) {
	if len(j.Steps) == 1 {
		return w.step(j.Token, &j.Steps[0])
	}
	if _, err := w.savepoint.exec(); err != nil {
		return nil, err
	}
	for i := range j.Steps {
		conflict, err = w.step(j.Token, &j.Steps[i])
		if err != nil {
			return nil, err
		}
		if conflict != nil {
			if _, err := w.rollback.exec(); err != nil {
				return nil, err
			}
			break
		}
	}
	_, err = w.release.exec()
	return conflict, err
}

// step compares and sets one record in one statement.
func (w *writer) step(token store.Token, s *store.Step) (*store.ConflictError, error) {
	var changed int64
	var err error
	switch {
	case s.Op == store.OpCheck:
		return w.compare(s)
	case s.Op == store.OpDelete:
		changed, err = w.remove.exec(s.Key.Kind, s.Key.ID, s.Expect)
	case s.Expect == 0:
		rev, token := s.Written(token)
		changed, err = w.insert.exec(s.Key.Kind, s.Key.ID, rev, token[:], dueValue(s), bodyValue(s))
	case s.SameDue:
		changed, err = w.rewrite.exec(token[:], bodyValue(s), s.Key.Kind, s.Key.ID, s.Expect)
	default:
		changed, err = w.update.exec(token[:], dueValue(s), bodyValue(s), s.Key.Kind, s.Key.ID, s.Expect)
	}
	if err != nil {
		return nil, err
	}
	if changed == 1 {
		return nil, nil
	}
	conflict, err := w.compare(s)
	if err == nil && conflict == nil {
		return nil, fmt.Errorf("record %s changed under the only writer", s.Key)
	}
	return conflict, err
}

// compare returns a conflict if the record does not have the revision.
func (w *writer) compare(s *store.Step) (*store.ConflictError, error) {
	var have int64
	if err := w.revision.query(scanInt(&have), s.Key.Kind, s.Key.ID); err != nil {
		return nil, err
	}
	if have == s.Expect {
		return nil, nil
	}
	return &store.ConflictError{Key: s.Key, Have: have, Expect: s.Expect}, nil
}

// connect opens the connection if there is none.
func (w *writer) connect() error {
	if w.conn != nil {
		return nil
	}
	c, err := openConn(w.path, false)
	if err != nil {
		return portError("connect", beforeCommit, err)
	}
	err = errors.Join(useWAL(c), c.prepareAll(map[**stmt]string{
		&w.begin:      "BEGIN IMMEDIATE",
		&w.commitStmt: "COMMIT",
		&w.undo:       "ROLLBACK",
		&w.savepoint:  "SAVEPOINT batch",
		&w.rollback:   "ROLLBACK TO batch",
		&w.release:    "RELEASE batch",
		&w.insert: `INSERT INTO record (kind, id, rev, token, due, body) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (kind, id) DO NOTHING`,
		&w.update: `UPDATE record SET rev = rev + 1, token = ?, due = ?, body = ?
			WHERE kind = ? AND id = ? AND rev = ?`,
		// Without the timer, whose index SQLite would write even if it stays.
		&w.rewrite: `UPDATE record SET rev = rev + 1, token = ?, body = ?
			WHERE kind = ? AND id = ? AND rev = ?`,
		&w.remove:   "DELETE FROM record WHERE kind = ? AND id = ? AND rev = ?",
		&w.revision: "SELECT rev FROM record WHERE kind = ? AND id = ?",
	}))
	if err != nil {
		return portError("connect", beforeCommit, errors.Join(err, c.close()))
	}
	w.conn = c
	return nil
}

// disconnect closes the connection, which rolls back what is not committed.
func (w *writer) disconnect() error {
	if w.conn == nil {
		return nil
	}
	c := w.conn
	w.conn = nil
	return c.close()
}

// checkpoint moves the log into the database file. Without it nothing is lost,
// the next Open would do it.
func (w *writer) checkpoint() error {
	if err := w.connect(); err != nil {
		return err
	}
	if err := w.conn.exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return portError("move the log into the database file (nothing is lost)", beforeCommit, err)
	}
	return nil
}

// useWAL switches to the write-ahead log. A file system that cannot share memory
// between connections keeps the old mode, which is an error.
func useWAL(c *conn) error {
	var mode string
	err := c.query("PRAGMA journal_mode = WAL", func(row []driver.Value) error {
		mode, _ = row[0].(string)
		return nil
	})
	if err == nil && mode != "wal" {
		err = fmt.Errorf("the file system does not allow a write-ahead log (journal mode is %s)", mode)
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
