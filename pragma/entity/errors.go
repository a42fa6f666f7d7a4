package entity

import (
	"errors"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Errors of entities. Services usually turn them into the documented reasons of
// their own; a client that sees them can still tell what happened.
var (
	// ErrNotFound is an entity that does not exist.
	ErrNotFound = &pragma.Error{Code: pragma.NotFound, Reason: "Entity_NotFound", Title: true, Message: "no such thing"}
	// ErrExists is an entity that should be new and is not.
	ErrExists = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "Entity_AlreadyExists", Title: true, Message: "exists already"}
)

var (
	errNested   = errors.New("entity: an update cannot start another one: use In, InOrNew or New on the transaction")
	errFinished = errors.New("entity: the transaction has ended")
	errNotMoved = errors.New("OnDue has not moved the due time into the future")
	errLate     = errors.New("the deadline of the call has passed")
)

// Permanent marks an error of [LaneOptions.Deliver] that repeating the call
// would not help: the call becomes a dead letter at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// RetryAfter marks an error of [LaneOptions.Deliver] after which the other side
// asked not to be called for d. It replaces the back-off of this attempt.
// RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, d}
}

type retryAfterError struct {
	err   error
	after time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }
