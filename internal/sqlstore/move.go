package sqlstore

import (
	"context"
	"iter"

	"github.com/openpragma/engine/pragma/store"
)

// Import hands records that come from another store to the writers, as
// store.Importer.Import promises.
func (q *Queue) Import(ctx context.Context, recs []store.Record) error {
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	steps, err := store.ImportSteps(recs)
	if err != nil {
		return err
	}
	return q.Commit(ctx, store.Token{}, steps)
}

// Reads is how a driver reads inside a transaction of its own.
type Reads[C Conn] struct {
	// Begin begins a transaction that only reads and sees one moment, that of
	// Begin.
	Begin func(context.Context, C) error
	// NextKind returns the least kind of a record that is greater, "" if there is
	// none.
	NextKind func(ctx context.Context, c C, kind string) (string, error)
	// Page reads a page as [List] wants it.
	Page func(ctx context.Context, c C, q store.Query, size int) (*Page, error)
}

// Snapshot implements store.Snapshotter: a transaction on a connection beside
// those of the pool. While it lives the server keeps the old versions of rows
// that change.
func (p *Readers[C]) Snapshot(ctx context.Context, reads Reads[C]) (store.Snapshot, error) {
	const what = "snapshot"
	if p.done.Load() {
		return nil, Closed()
	}
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	c, err := p.open(ctx)
	if err != nil {
		return nil, p.ended(ctx, what, err)
	}
	if err := reads.Begin(ctx, c); err != nil {
		c.Close()
		return nil, p.ended(ctx, what, err)
	}
	return &snapshot[C]{pool: p, reads: reads, conn: c, open: true}, nil
}

// ended returns the error of the port for one that ended a read.
func (p *Readers[C]) ended(ctx context.Context, what string, err error) error {
	if ended := store.ContextError(ctx); ended != nil {
		return ended
	}
	return p.failed(what, err)
}

// snapshot is a connection in the middle of a transaction. There is no trying
// again: another connection would see another moment.
type snapshot[C Conn] struct {
	pool  *Readers[C] // which may be closed
	reads Reads[C]
	conn  C
	open  bool
}

// Kinds implements store.Snapshot. It leaps from kind to kind.
func (s *snapshot[C]) Kinds(ctx context.Context) ([]string, error) {
	var kinds []string
	for last := ""; ; {
		if err := s.usable(ctx); err != nil {
			return nil, err
		}
		kind, err := s.reads.NextKind(ctx, s.conn, last)
		if err != nil {
			return nil, s.pool.ended(ctx, "kinds of a snapshot", err)
		}
		if kind == "" {
			return kinds, nil
		}
		kinds = append(kinds, kind)
		last = kind
	}
}

// List implements store.Snapshot.
func (s *snapshot[C]) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return List(ctx, q, func(ctx context.Context, q store.Query, size int) (*Page, error) {
		if err := s.usable(ctx); err != nil {
			return nil, err
		}
		p, err := s.reads.Page(ctx, s.conn, q, size)
		if err != nil {
			return nil, s.pool.ended(ctx, "list of a snapshot", err)
		}
		return p, nil
	})
}

func (s *snapshot[C]) usable(ctx context.Context) error {
	if !s.open || s.pool.done.Load() {
		return Closed()
	}
	return store.ContextError(ctx)
}

// Close implements store.Snapshot.
func (s *snapshot[C]) Close() error {
	if s.open {
		s.open = false
		s.conn.Close()
	}
	return nil
}
