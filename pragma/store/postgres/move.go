package postgres

import (
	"context"

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

// Snapshot implements store.Snapshotter.
func (d *database) Snapshot(ctx context.Context) (store.Snapshot, error) {
	return d.readers.Snapshot(ctx, sqlstore.Reads[*conn]{Begin: beginSnapshot, NextKind: nextKind, Page: readPage})
}

// beginSnapshot begins a transaction that sees one moment: that of its first
// statement. Whoever reads may take a long time between two pages.
func beginSnapshot(ctx context.Context, c *conn) error {
	_, err := c.simple(ctx, "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT 1")
	return err
}

func nextKind(ctx context.Context, c *conn, kind string) (next string, err error) {
	const query = "SELECT r.kind FROM record r WHERE r.kind > $1 ORDER BY r.kind, r.id LIMIT 1"
	_, err = c.run(ctx, query, func(row [][]byte) error {
		next = string(row[0])
		return nil
	}, []byte(kind))
	return next, err
}
