package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/openpragma/engine/pragma/store"
)

// phase says how far a commit had come when an error met it.
type phase int

const (
	beforeCommit phase = iota // certainly not applied
	duringCommit              // COMMIT was being executed
)

// portError turns an error of SQLite into one of the port. what names the
// operation.
func portError(what string, p phase, err error) error {
	sentinel, hint := store.ErrUnavailable, ""
	switch code := resultCode(err); {
	case code == sqlite3.SQLITE_FULL:
		// The last frame of the log was not written in full, so that no
		// recovery can take the transaction for complete.
		sentinel = store.ErrFull
	case code == sqlite3.SQLITE_CORRUPT, code == sqlite3.SQLITE_NOTADB:
		hint = "database is damaged, restore a backup: "
	case code == sqlite3.SQLITE_BUSY:
		hint = "another program holds the database: "
	case p == duringCommit:
		// The frames may be on disk although the sync failed.
		sentinel = store.ErrUnknown
	}
	return fmt.Errorf("%w: %s: %s%w", sentinel, what, hint, err)
}

// resultCode returns the primary result code, or 0 if err is not from SQLite.
func resultCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
