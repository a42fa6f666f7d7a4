package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// SQLSTATEs that mean something to us.
const (
	codeCanceled       = "57014"
	codeConflict       = "22P02" // of changedMeanwhile
	codeDeadlock       = "40P01"
	codeDiskFull       = "53100"
	codeDuplicateKey   = "23505"
	codeLockWait       = "55P03"
	codeNoDatabase     = "3D000"
	codeNoRight        = "42501"
	codeReadOnly       = "25006"
	codeSerialization  = "40001"
	codeUnknownOutcome = "40003"
	codeTooMany        = "53300"
)

// phase says how far a commit had come when an error met it.
type phase int

const (
	beforeCommit phase = iota // certainly not applied
	duringCommit              // what commits was sent, or may have been
)

// judge decides what an error means. Only answers of the server that say the
// statement was refused are believed while it commits: all else, such as a
// connection that was ended, leaves it open.
func judge(p phase, err error) sqlstore.Outcome {
	code := state(err)
	switch {
	case errors.Is(err, sqlstore.ErrRaced), code == codeDeadlock, code == codeSerialization:
		return sqlstore.Again
	case code == codeLockWait:
		return sqlstore.Waited
	case refused(err):
		return sqlstore.Final
	case errors.As(err, new(notSentError)): // not by what pgconn thinks safe: a pipeline cut short says "conn closed"
		return sqlstore.Renewed
	case p == duringCommit:
		return sqlstore.Unknown
	case code != "" && !fatal(err):
		return sqlstore.Final
	}
	return sqlstore.Renewed
}

// refused reports whether the error says that a transaction had no effect, even
// if it was committing: the server gives such an error only before it commits.
func refused(err error) bool {
	code := state(err)
	if code == "" || fatal(err) || code == codeUnknownOutcome {
		return false
	}
	switch code[:2] {
	case "0A", // not supported
		"22", "23", // data, constraints
		"25",       // state of the transaction, read-only
		"28",       // authorization
		"3D", "3F", // no such database or schema
		"40",       // rolled back
		"42", "44", // syntax and rights
		"53", "54", // resources and limits
		"55", // not in this state
		"P0": // an error of a trigger
		return true
	}
	return false
}

// portError turns an error into one of the port. what names the operation.
func portError(what string, o sqlstore.Outcome, err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return err // closed, or without a connection
	}
	sentinel, hint := store.ErrUnavailable, ""
	switch code := state(err); {
	case o == sqlstore.Unknown:
		sentinel = store.ErrUnknown
	case code == codeDiskFull:
		sentinel = store.ErrFull
	case code == codeReadOnly:
		hint = "the server is read-only: "
	case code == codeLockWait:
		hint = "somebody else holds a lock: "
	case code == codeTooMany:
		hint = "the server has no connection left (max_connections): "
	}
	return fmt.Errorf("%w: %s: %s%w", sentinel, what, hint, err)
}

// state returns the server's SQLSTATE, or "" if err is not from the server.
func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) && len(e.Code) == 5 {
		return e.Code
	}
	return ""
}

// fatal reports whether the server has ended the connection with the error.
func fatal(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	severity := e.SeverityUnlocalized
	if severity == "" {
		severity = e.Severity
	}
	return severity == "FATAL" || severity == "PANIC"
}

// broken reports whether the connection must not be used again: whatever is not
// an answer of the server, and answers of a server that is no longer the right one.
func broken(err error) bool {
	if err == nil || errors.Is(err, sqlstore.ErrRaced) {
		return false
	}
	code := state(err)
	return code == "" || code == codeReadOnly || fatal(err)
}
