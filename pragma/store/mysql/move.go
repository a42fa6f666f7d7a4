package mysql

import (
	"context"
	"database/sql/driver"

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

// beginSnapshot begins a transaction that sees one moment; every other one of
// ours reads what is committed at the time.
func beginSnapshot(ctx context.Context, c *conn) error {
	_, err := c.exec(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
	return err
}

func nextKind(ctx context.Context, c *conn, kind string) (next string, err error) {
	const query = "SELECT kind FROM record FORCE INDEX (PRIMARY) WHERE kind > ? ORDER BY kind LIMIT 1"
	err = c.query(ctx, query, func(row []driver.Value) error {
		next = text(row[0])
		return nil
	}, []byte(kind))
	return next, err
}
