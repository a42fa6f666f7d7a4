package postgres

import "github.com/openpragma/engine/internal/sqlstore"

// The statements of a guess (ADR 15). Each fails if it finds another revision
// than it expects, and with it the whole pipeline: the server cannot leave out a
// commit by itself. The text is what the server's log shows then.
const (
	guessUpdate = "WITH r AS (UPDATE record SET rev = $4, token = $5, due = $6, body = $7" +
		" WHERE kind = $1 AND id = $2 AND rev = $3 RETURNING 1)" + guessed
	guessDelete = "WITH r AS (DELETE FROM record WHERE kind = $1 AND id = $2 AND rev = $3 RETURNING 1)" + guessed
	guessCheck  = "WITH r AS (SELECT 1 FROM record WHERE kind = $1 AND id = $2 AND rev = $3 FOR SHARE)" + guessed
	guessed     = " SELECT CASE count(*) WHEN 1 THEN '1' ELSE 'a record has changed, which is tried again' END::integer FROM r"
)

// guess applies a group in one round trip, on the assumption that every record
// has the revision that its first batch expects. If one has not, or batches of
// the group contradict each other, it applies nothing and reports that it was not
// right.
func (w *writer) guess(group []*sqlstore.Job, results []error) (right bool, p phase, err error) {
	entries := sqlstore.Assume(group)
	entries.Apply(group, results)
	for i := range results {
		if results[i] != nil {
			clear(results)
			return false, beforeCommit, nil
		}
	}
	switch err := w.pipeline(guessPlan(entries)); state(err) {
	case codeConflict, codeDuplicateKey:
		return false, beforeCommit, nil
	default:
		return true, duringCommit, err
	}
}

// guessPlan returns the statements in the order in which every writer takes its
// locks: those of records that exist in key order, then those of new ones.
func guessPlan(entries sqlstore.Entries) []statement {
	var exist, create, remove []statement
	for i := range entries {
		e := &entries[i]
		kind, id, expect := []byte(e.Key.Kind), []byte(e.Key.ID), bigint(e.Stored)
		switch {
		case e.Guard(): // inserting locks it
			create = append(create, guardRow(e))
			remove = append(remove, statement{query: deleteRow, args: [][]byte{kind, id}})
		case e.Stored == 0 && e.Rev != 0:
			create = append(create, statement{query: insertRow, args: rowValues(e)})
		case !e.Written:
			exist = append(exist, statement{query: guessCheck, args: [][]byte{kind, id, expect}})
		case e.Rev == 0:
			exist = append(exist, statement{query: guessDelete, args: [][]byte{kind, id, expect}})
		default:
			exist = append(exist, statement{query: guessUpdate,
				args: [][]byte{kind, id, expect, bigint(e.Rev), e.Token[:], dueValue(e.Step), bodyValue(e.Step)}})
		}
	}
	return append(append(exist, create...), remove...)
}
