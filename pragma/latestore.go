package pragma

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// lateStore is the store that services mount with. It is opened when they are
// all found to be in order, so that a start that fails leaves nothing behind.
// Until then it refuses; nothing else uses it at the time it is opened.
type lateStore struct{ db store.Driver }

// errStoreNotOpen is what a service gets that uses the store while it mounts.
var errStoreNotOpen = errors.Join(errors.New("the store is not open while services mount: use OnStart or Go"), store.ErrUnavailable)

var _ store.Driver = (*lateStore)(nil)

// Get implements [store.Driver].
func (s *lateStore) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if s.db == nil {
		return nil, errStoreNotOpen
	}
	return s.db.Get(ctx, keys...)
}

// List implements [store.Driver].
func (s *lateStore) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	if s.db == nil {
		return func(yield func(store.Record, error) bool) { yield(store.Record{}, errStoreNotOpen) }
	}
	return s.db.List(ctx, q)
}

// Due implements [store.Driver].
func (s *lateStore) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	if s.db == nil {
		return nil, errStoreNotOpen
	}
	return s.db.Due(ctx, kind, before, limit)
}

// Commit implements [store.Driver].
func (s *lateStore) Commit(ctx context.Context, b *store.Batch) error {
	if s.db == nil {
		return errStoreNotOpen
	}
	return s.db.Commit(ctx, b)
}

// Now implements [store.Driver].
func (s *lateStore) Now(ctx context.Context) (time.Time, error) {
	if s.db == nil {
		return time.Time{}, errStoreNotOpen
	}
	return s.db.Now(ctx)
}

// Close implements [store.Driver].
func (s *lateStore) Close() error {
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}
