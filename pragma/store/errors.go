package store

import (
	"context"
	"errors"
	"fmt"
)

// Errors of every driver. Compare with errors.Is.
var (
	// ErrConflict: a record does not have the expected revision. Nothing was
	// applied. The error is a *[ConflictError], which names the record.
	ErrConflict = errors.New("store: revision conflict")
	// ErrUnknown: the batch was applied, or was not, and it could not be found
	// out which.
	ErrUnknown = errors.New("store: outcome of the commit is unknown")
	// ErrUnavailable: the store is closed, damaged or cannot be reached. Nothing
	// was applied.
	ErrUnavailable = errors.New("store: unavailable")
	// ErrFull: there is no room for the batch. Nothing was applied. Reading goes on.
	ErrFull = errors.New("store: no space left")
	// ErrTooLarge: a body, a batch or a Get is above its limit. Nothing was
	// applied. The error is a *[SizeError].
	ErrTooLarge = errors.New("store: too large")
	// ErrBadKey: a kind, id, prefix or cursor is not allowed. Nothing was
	// applied. The error is a *[KeyError].
	ErrBadKey = errors.New("store: bad key")
	// ErrBadBatch: the batch contradicts itself; a mistake in the program.
	// Nothing was applied.
	ErrBadBatch = errors.New("store: bad batch")
	// ErrUnfinished: the store holds a part of an import. Finish it, or begin
	// again with an empty store.
	ErrUnfinished = errors.New("store: an import into this store is not finished: repeat the import, it goes on where it was")
)

// ConflictError says which record was not as expected: the first one in key
// order. It matches [ErrConflict].
type ConflictError struct {
	Key    Key
	Have   int64 // the current revision, 0 if the record does not exist
	Expect int64 // the expected revision
}

// Error describes the conflict.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v: %s has revision %d, expected %d", ErrConflict, e.Key, e.Have, e.Expect)
}

// Is reports whether target is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// KeyError says what is wrong with a key. It matches [ErrBadKey].
type KeyError struct {
	Key     Key
	Problem string // such as "id is empty"
}

// Error describes the key, quoted and cut to a readable length.
func (e *KeyError) Error() string {
	return fmt.Sprintf("%v %.80q: %s", ErrBadKey, e.Key.String(), e.Problem)
}

// Is reports whether target is ErrBadKey.
func (e *KeyError) Is(target error) bool { return target == ErrBadKey }

// SizeError says what is above its limit. It matches [ErrTooLarge].
type SizeError struct {
	Key  Key    // the record, zero if it is about the whole call
	What string // such as "body"
	Size int
	Max  int
}

// Error describes what is too large.
func (e *SizeError) Error() string {
	if e.Key == (Key{}) {
		return fmt.Sprintf("%v: %s: %d, the limit is %d", ErrTooLarge, e.What, e.Size, e.Max)
	}
	return fmt.Sprintf("%v: %s of %s: %d bytes, the limit is %d", ErrTooLarge, e.What, e.Key, e.Size, e.Max)
}

// Is reports whether target is ErrTooLarge.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }

// ContextError returns nil while ctx lives, and then an error that matches both
// ctx.Err() and the cause. Drivers return it for work that was not begun.
func ContextError(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != err {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}
