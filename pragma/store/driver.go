package store

import (
	"context"
	"iter"
	"strings"
	"time"
)

// DefaultDueLimit is the number of records Driver.Due returns at most if it is
// called with a limit below 1.
const DefaultDueLimit = 100

// Driver is one open store. All methods may be called from any number of
// goroutines at once; after Close they return [ErrUnavailable]. A context that
// has ended before the work began gives the context's error (see
// [ContextError]).
//
// Drivers are written by us and by studios; storetest.Run decides whether one
// is right.
type Driver interface {
	// Get returns the records of the keys, in the order and number of the keys.
	// A record that does not exist has revision 0. All of them are from the same
	// moment. A key may appear more than once.
	Get(ctx context.Context, keys ...Key) ([]Record, error)

	// List yields the records of one kind in id order. It is not a snapshot:
	// records that exist during the whole loop are yielded exactly once, each as
	// it was at some moment of the loop; those created or deleted meanwhile may
	// be missing. The loop may call any method of the driver. An error is
	// yielded once, with a zero record, and ends the loop.
	List(ctx context.Context, q Query) iter.Seq2[Record, error]

	// Due returns the records of one kind whose Due is set and not after before,
	// ordered by due, then id; at most limit of them, below 1 meaning
	// DefaultDueLimit.
	Due(ctx context.Context, kind string, before time.Time, limit int) ([]Record, error)

	// Commit applies the batch completely or not at all. Callers use the
	// function [Commit] of this package instead, which also resolves ErrUnknown.
	//
	// A ctx that ends while the batch waits for its turn gives the context's
	// error, and the batch is certainly not applied. Once begun, Commit ignores
	// ctx and returns the outcome: nil, ErrConflict, ErrFull, ErrUnavailable, or
	// ErrUnknown if the driver itself cannot tell. A batch that Validate refuses
	// is refused.
	Commit(ctx context.Context, b *Batch) error

	// Now returns the store's clock, the one that Due is meant to be compared
	// with; in UTC.
	Now(ctx context.Context) (time.Time, error)

	// Close waits for commits that have begun, refuses those that wait with
	// ErrUnavailable, and releases everything. Closing again does nothing.
	Close() error
}

// Opener opens a store. A server calls its opener once when it starts; a failed
// call has released everything.
type Opener func(ctx context.Context) (Driver, error)

// Query says which records List yields.
type Query struct {
	// Kind is required.
	Kind string
	// Prefix is what the ids begin with; empty for all.
	Prefix string
	// After is an exclusive cursor: only greater ids are yielded. Empty begins
	// at the first one. It need not be the id of a record.
	After string
	// Limit is the greatest number of records; below 1 means all.
	Limit int
}

// Validate reports whether List may be called with the query. Its errors match
// [ErrBadKey].
func (q Query) Validate() error {
	if err := checkKind(q.Kind); err != nil {
		return err
	}
	if q.Prefix != "" {
		if why := badText(q.Prefix, MaxIDBytes); why != "" {
			return &KeyError{Key: Key{q.Kind, q.Prefix}, Problem: "prefix " + why}
		}
	}
	if q.After != "" {
		if why := badText(q.After, MaxIDBytes); why != "" {
			return &KeyError{Key: Key{q.Kind, q.After}, Problem: "cursor " + why}
		}
	}
	return nil
}

// Matches reports whether the query yields a record with this id, its limit
// aside.
func (q Query) Matches(id string) bool {
	return id > q.After && strings.HasPrefix(id, q.Prefix)
}
