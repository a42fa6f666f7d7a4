package postgres

import (
	"context"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// The statements of a transaction. Those that write concern records that are
// locked or do not exist.
const (
	begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
	// The records are locked in the order in which they are sorted.
	lockRows = "SELECT r.kind, r.id, r.rev FROM unnest($1::bytea[], $2::bytea[]) AS k (kind, id)" +
		" JOIN record r ON r.kind = k.kind AND r.id = k.id ORDER BY r.kind, r.id FOR UPDATE OF r"
	insertRow = "INSERT INTO record (kind, id, rev, token, due, body) VALUES ($1, $2, $3, $4, $5, $6)"
	updateRow = "UPDATE record SET rev = $3, token = $4, due = $5, body = $6 WHERE kind = $1 AND id = $2"
	deleteRow = "DELETE FROM record WHERE kind = $1 AND id = $2"
	commit    = "COMMIT"
)

// transaction applies a group in two round trips: the first one locks every
// record that exists and reads its revision, the second one writes and commits.
// In between the batches are decided in memory, one after the other, so that a
// conflict concerns only its own batch. Records that do not exist cannot be
// locked: inserting them does that, and one that somebody else inserted
// meanwhile makes the whole transaction begin again.
func (w *writer) transaction(group []*sqlstore.Job, results []error) (phase, error) {
	entries := sqlstore.Collect(group)
	if err := w.lock(entries); err != nil {
		w.rollback()
		return beforeCommit, err
	}
	entries.Apply(group, results)
	writes := plan(entries)
	if len(writes) == 0 { // only checks and conflicts
		w.rollback()
		return beforeCommit, nil
	}
	err := w.pipeline(append(writes, statement{query: commit}))
	switch {
	case err == nil:
		return duringCommit, nil
	case state(err) == codeDuplicateKey:
		w.rollback()
		return beforeCommit, sqlstore.ErrRaced
	}
	w.rollback()
	return duringCommit, err
}

// rollback ends the transaction after any error; the server refuses everything
// else in it.
func (w *writer) rollback() {
	if w.conn.raw.IsClosed() {
		return
	}
	if _, err := w.conn.simple(context.Background(), "ROLLBACK"); err != nil {
		w.disconnect()
	}
}

// lock begins the transaction, locks the records that exist in key order, and
// notes their revisions.
func (w *writer) lock(entries sqlstore.Entries) error {
	kinds, ids := make([][]byte, len(entries)), make([][]byte, len(entries))
	for i := range entries {
		kinds[i], ids[i] = []byte(entries[i].Key.Kind), []byte(entries[i].Key.ID)
	}
	return w.pipeline([]statement{{query: begin}, {
		query: lockRows,
		args:  [][]byte{byteaArray(kinds), byteaArray(ids)},
		each: func(row [][]byte) error {
			rev, err := integer(row[2])
			if err != nil {
				return err
			}
			entries.Find(store.Key{Kind: string(row[0]), ID: string(row[1])}).Found(rev)
			return nil
		},
	}})
}

// plan returns the statements that write the entries; none if there is nothing
// to write. Records that are inserted come first, in key order: only they may
// have to wait, and nobody who waits for them holds up them.
func plan(entries sqlstore.Entries) []statement {
	var inserts, others []statement
	for i := range entries {
		e := &entries[i]
		kind, id := []byte(e.Key.Kind), []byte(e.Key.ID)
		switch {
		case e.Guard(): // inserting locks it
			inserts = append(inserts, guardRow(e))
			others = append(others, statement{query: deleteRow, args: [][]byte{kind, id}})
		case !e.Written:
		case e.Stored == 0 && e.Rev != 0:
			inserts = append(inserts, statement{query: insertRow, args: rowValues(e)})
		case e.Rev == 0:
			others = append(others, statement{query: deleteRow, args: [][]byte{kind, id}})
		default:
			others = append(others, statement{query: updateRow, args: rowValues(e)})
		}
	}
	return append(inserts, others...)
}

func rowValues(e *sqlstore.Entry) [][]byte {
	return [][]byte{[]byte(e.Key.Kind), []byte(e.Key.ID), bigint(e.Rev), e.Token[:], dueValue(e.Step), bodyValue(e.Step)}
}

// guardRow inserts a row that is not meant to stay.
func guardRow(e *sqlstore.Entry) statement {
	return statement{query: insertRow, args: [][]byte{[]byte(e.Key.Kind), []byte(e.Key.ID), bigint(0), e.Token[:], nil, {}}}
}
