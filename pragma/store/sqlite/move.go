package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"iter"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

var (
	_ store.Snapshotter = (*database)(nil)
	_ store.Importer    = (*database)(nil)
)

// Import implements store.Importer.
func (d *database) Import(ctx context.Context, recs []store.Record) error {
	return d.queue.Import(ctx, recs)
}

// Snapshot implements store.Snapshotter: a transaction that reads, on a
// connection of its own. Writers go on. Meanwhile the log cannot be moved into
// the database file beyond the moment of the snapshot, so it grows.
func (d *database) Snapshot(ctx context.Context) (store.Snapshot, error) {
	if d.readers.isClosed() {
		return nil, sqlstore.Closed()
	}
	if err := store.ContextError(ctx); err != nil {
		return nil, err
	}
	r, err := openReader(d.readers.path)
	if err != nil {
		return nil, portError("snapshot", beforeCommit, err)
	}
	s := &snapshot{readers: d.readers, reader: r}
	if s.next, err = r.conn.prepare("SELECT kind FROM record WHERE kind > ? ORDER BY kind LIMIT 1"); err == nil {
		_, err = r.begin.exec()
	}
	if err == nil { // the first read decides what the transaction sees
		_, err = s.after("")
	}
	if err != nil {
		return nil, errors.Join(portError("snapshot", beforeCommit, err), r.conn.close())
	}
	return s, nil
}

// snapshot is a connection in the middle of a transaction.
type snapshot struct {
	readers *readers // of the database, which may be closed
	reader  *reader  // nil when the snapshot is closed
	next    *stmt
}

// Kinds implements store.Snapshot. It leaps from kind to kind.
func (s *snapshot) Kinds(ctx context.Context) ([]string, error) {
	var kinds []string
	for last := ""; ; {
		if err := s.usable(ctx); err != nil {
			return nil, err
		}
		kind, err := s.after(last)
		if err != nil {
			return nil, portError("kinds", beforeCommit, err)
		}
		if kind == "" {
			return kinds, nil
		}
		kinds = append(kinds, kind)
		last = kind
	}
}

// after returns the least kind that is greater, "" if there is none.
func (s *snapshot) after(kind string) (next string, err error) {
	err = s.next.query(func(row []driver.Value) error {
		next, _ = row[0].(string)
		return nil
	}, kind)
	return next, err
}

// List implements store.Snapshot.
func (s *snapshot) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return listPages(ctx, q, func(q store.Query, limit int) (recs []store.Record, more bool, err error) {
		if err := s.usable(ctx); err != nil {
			return nil, false, err
		}
		if recs, more, err = s.reader.page(q, limit); err != nil {
			return nil, false, portError("list", beforeCommit, err)
		}
		return recs, more, nil
	})
}

func (s *snapshot) usable(ctx context.Context) error {
	if s.reader == nil || s.readers.isClosed() {
		return sqlstore.Closed()
	}
	return store.ContextError(ctx)
}

// Close implements store.Snapshot.
func (s *snapshot) Close() error {
	if s.reader == nil {
		return nil
	}
	r := s.reader
	s.reader = nil
	return r.conn.close()
}
