package mysql

import (
	"database/sql/driver"
	"errors"
	"fmt"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// Numbers of server errors that mean something to us.
const (
	errDiskFull        = 1021
	errDuplicateKey    = 1062
	errAccessDenied    = 1045
	errUnknownDatabase = 1049
	errTableFull       = 1114
	errLockWait        = 1205
	errDeadlock        = 1213
	errReadOnly        = 1290
	errReadOnlyInnoDB  = 1874
	errReadOnlyMode    = 1836
	errReadOnlyTx      = 1792
	errLockNoWait      = 3572
)

// phase says how far a commit had come when an error met it.
type phase int

const (
	beforeCommit phase = iota // certainly not applied
	duringCommit              // what commits was sent, or may have been
)

// judge decides what an error means. Only answers of the server that say the
// statement was refused are believed while it commits: all else, such as a
// killed connection or a failing binary log, leaves it open.
func judge(p phase, err error) sqlstore.Outcome {
	switch n := number(err); {
	case n == errDeadlock, errors.Is(err, sqlstore.ErrRaced):
		return sqlstore.Again
	case n == errLockWait, n == errLockNoWait:
		return sqlstore.Waited
	case refused(n):
		return sqlstore.Final
	case errors.Is(err, driver.ErrBadConn): // nothing was sent
		return sqlstore.Renewed
	case errors.Is(err, driver.ErrSkip): // too large for a packet
		return sqlstore.Final
	case p == duringCommit:
		return sqlstore.Unknown
	case n != 0:
		return sqlstore.Final
	}
	return sqlstore.Renewed
}

// refused reports whether the error says that a statement had no effect, even
// if it would have committed by itself.
func refused(n uint16) bool {
	switch n {
	case errDuplicateKey, errDiskFull, errTableFull,
		errReadOnly, errReadOnlyMode, errReadOnlyTx, errReadOnlyInnoDB,
		1044, 1142, 1143, errAccessDenied, // rights
		1046, errUnknownDatabase, 1054, 1146, 1064, 1149, // schema and syntax
		1264, 1366, 1406, 1048, 1364, // strict mode
		1153, 1665, 1206:
		return true
	}
	return false
}

func full(n uint16) bool { return n == errDiskFull || n == errTableFull }

func readOnly(n uint16) bool {
	return n == errReadOnly || n == errReadOnlyMode || n == errReadOnlyTx || n == errReadOnlyInnoDB
}

// portError turns an error into one of the port. what names the operation.
func portError(what string, o sqlstore.Outcome, err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return err // closed, or without a connection
	}
	sentinel, hint := store.ErrUnavailable, ""
	switch n := number(err); {
	case o == sqlstore.Unknown:
		sentinel = store.ErrUnknown
	case full(n):
		sentinel = store.ErrFull
	case readOnly(n):
		hint = "the server is read-only: "
	case n == errLockWait, n == errLockNoWait:
		hint = "somebody else holds a lock: "
	}
	return fmt.Errorf("%w: %s: %s%w", sentinel, what, hint, err)
}

// number returns the server's error number, or 0 if err is not from the server.
func number(err error) uint16 {
	var e *mysqldriver.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// broken reports whether the connection must not be used again: whatever is not
// an answer of the server, and answers of a server that is no longer the right one.
func broken(err error) bool {
	n := number(err)
	return err != nil && !errors.Is(err, sqlstore.ErrRaced) && (n == 0 || readOnly(n))
}
