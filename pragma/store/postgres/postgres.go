package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// Open returns an opener of the database that c describes. It is c.Open, for
// those who like to read it first.
func Open(c Config) store.Opener { return c.Open }

func (c Config) open(ctx context.Context) (*database, error) {
	k, err := newConnector(c)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, k, c.AllowUnsafe); err != nil {
		return nil, err
	}
	d := c.reading(k)
	d.queue = sqlstore.NewQueue(sqlstore.OrDefault(c.Queue, DefaultQueue), groupLimits)
	for range sqlstore.OrDefault(c.WriteConnections, DefaultWriteConnections) {
		w := &writer{connector: k}
		d.wg.Go(func() {
			defer w.disconnect()
			d.queue.Run(w.group)
		})
	}
	return d, nil
}

// reading returns a database without writers.
func (c Config) reading(k *connector) *database {
	return &database{readers: sqlstore.NewReaders(sqlstore.OrDefault(c.ReadConnections, DefaultReadConnections), k.open, broken,
		func(what string, err error) error { return portError(what, sqlstore.Final, err) })}
}

// database implements store.Driver.
type database struct {
	readers *sqlstore.Readers[*conn]
	queue   *sqlstore.Queue // nil if it is only read
	wg      sync.WaitGroup  // the writers

	closeOnce sync.Once
}

var _ store.Driver = (*database)(nil)

// Commit implements store.Driver.
func (d *database) Commit(ctx context.Context, b *store.Batch) error {
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	steps, err := b.Steps()
	if err != nil {
		return err
	}
	return d.queue.Commit(ctx, b.Token, steps)
}

// Now implements store.Driver. The clock is the server's.
func (d *database) Now(ctx context.Context) (time.Time, error) {
	var micros int64
	const query = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	err := d.readers.Use(ctx, "now", func(ctx context.Context, c *conn) error {
		_, err := c.run(ctx, query, func(row [][]byte) (err error) {
			micros, err = integer(row[0])
			return err
		})
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(micros).UTC(), nil
}

// Close implements store.Driver.
func (d *database) Close() error {
	d.closeOnce.Do(func() {
		d.queue.Close()
		d.wg.Wait()
		d.readers.Close()
	})
	return nil
}
