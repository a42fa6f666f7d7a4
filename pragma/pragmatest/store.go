package pragmatest

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// lease is a server's hold on a store that outlives it. When the lease is over,
// as when a process was killed, nothing gets through any more.
type lease struct {
	db   store.Driver
	over atomic.Bool
}

func (l *lease) check() error {
	if l.over.Load() {
		return fmt.Errorf("%w: the process is dead", store.ErrUnavailable)
	}
	return nil
}

func (l *lease) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return l.db.Get(ctx, keys...)
}

func (l *lease) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	if err := l.check(); err != nil {
		return func(yield func(store.Record, error) bool) { yield(store.Record{}, err) }
	}
	return l.db.List(ctx, q)
}

func (l *lease) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return l.db.Due(ctx, kind, before, limit)
}

func (l *lease) Commit(ctx context.Context, b *store.Batch) error {
	if err := l.check(); err != nil {
		return err
	}
	return l.db.Commit(ctx, b)
}

func (l *lease) Now(ctx context.Context) (time.Time, error) {
	if err := l.check(); err != nil {
		return time.Time{}, err
	}
	return l.db.Now(ctx)
}

// Close ends the lease, not the store.
func (l *lease) Close() error {
	l.over.Store(true)
	return nil
}
