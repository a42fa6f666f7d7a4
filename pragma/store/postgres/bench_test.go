package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/openpragma/engine/pragma/store"
)

// The benchmarks below measure the same work through the plain driver, for the
// ratios in the documentation.

const benchRecords = 16 // of each writer

// BenchmarkRaw updates records by one statement each, and by a transaction of
// two updates, with a connection of its own for each writer.
func BenchmarkRaw(b *testing.B) {
	for _, writers := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("Prepared/writers=%d", writers), func(b *testing.B) { benchRaw(b, writers, rawStatement) })
	}
	for _, writers := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("Simple/writers=%d", writers), func(b *testing.B) { benchRaw(b, writers, rawSimple) })
	}
	for _, writers := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("Transaction/writers=%d", writers), func(b *testing.B) { benchRaw(b, writers, rawTransaction) })
	}
}

// BenchmarkOurs is the same work through the port.
func BenchmarkOurs(b *testing.B) {
	for _, writers := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("Single/writers=%d", writers), func(b *testing.B) { benchOurs(b, writers, 1) })
	}
	for _, writers := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("Two/writers=%d", writers), func(b *testing.B) { benchOurs(b, writers, 2) })
	}
}

func share(b *testing.B, writers int, fn func(w, i int, rev int64) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for w := range writers {
		wg.Go(func() {
			var revs [benchRecords]int64
			for i := 0; left.Add(-1) >= 0; i = (i + 1) % benchRecords {
				if err := fn(w, i, revs[i]); err != nil {
					b.Errorf("writer %d: %v", w, err)
					return
				}
				revs[i]++
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func benchID(w, i, n int) []byte { return fmt.Appendf(nil, "%06d/%d", w*benchRecords+i, n) }

func benchRaw(b *testing.B, writers int, fn func(ctx context.Context, c *pgx.Conn, w, i int, rev int64) error) {
	s := servers.Postgres(b)
	schema := s.Schema(b)
	open(b, config(s.Addr(), schema)).Close()
	var conns []*pgx.Conn
	for w := range writers {
		c := s.DB(b, schema)
		for i := range benchRecords {
			for n := range 2 {
				if _, err := c.Exec(b.Context(), "INSERT INTO record VALUES ('thing', $1, 0, '', NULL, '')", benchID(w, i, n)); err != nil {
					b.Fatal(err)
				}
			}
		}
		conns = append(conns, c)
	}
	share(b, writers, func(w, i int, rev int64) error { return fn(b.Context(), conns[w], w, i, rev) })
}

const rawUpdate = "UPDATE record SET rev = rev + 1, token = $1, due = NULL, body = $2 WHERE kind = 'thing' AND id = $3 AND rev = $4"

// rawStatement uses a prepared statement, as the driver does by itself.
func rawStatement(ctx context.Context, c *pgx.Conn, w, i int, rev int64) error {
	_, err := c.Exec(ctx, rawUpdate, make([]byte, 16), make([]byte, 512), benchID(w, i, 0), rev)
	return err
}

// rawSimple has the values in the text of the statement.
func rawSimple(ctx context.Context, c *pgx.Conn, w, i int, rev int64) error {
	_, err := c.Exec(ctx, rawUpdate, pgx.QueryExecModeSimpleProtocol, make([]byte, 16), make([]byte, 512), benchID(w, i, 0), rev)
	return err
}

func rawTransaction(ctx context.Context, c *pgx.Conn, w, i int, rev int64) error {
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.Background())
	for n := range 2 {
		if _, err := tx.Exec(ctx, rawUpdate, make([]byte, 16), make([]byte, 512), benchID(w, i, n), rev); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

func benchOurs(b *testing.B, writers, records int) {
	s := servers.Postgres(b)
	d := open(b, config(s.Addr(), s.Schema(b)))
	share(b, writers, func(w, i int, rev int64) error {
		var batch store.Batch
		for n := range records {
			k := store.Key{Kind: "thing", ID: string(benchID(w, i, n))}
			batch.Puts = append(batch.Puts, store.Put{Key: k, Expect: rev, Body: make([]byte, 512)})
		}
		return store.Commit(b.Context(), d, &batch)
	})
}
