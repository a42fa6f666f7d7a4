package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/openpragma/engine/pragma/store"
)

// Export writes all records of db, as they are at one moment, to out. Servers may
// use the store meanwhile. It refuses a store with an unfinished import
// ([store.ErrUnfinished]) and a driver without snapshots ([ErrUnsupported]). What
// was written before an error is no export, and will not be taken for one.
func Export(ctx context.Context, db store.Driver, out io.Writer, progress Progress) (Summary, error) {
	now, err := db.Now(ctx)
	if err != nil {
		return Summary{}, err
	}
	snap, err := snapshot(ctx, db)
	if err != nil {
		return Summary{}, err
	}
	buffer := bufio.NewWriterSize(out, 256<<10)
	w, err := newWriter(buffer, now)
	if err == nil {
		for r, listErr := range all(ctx, snap) {
			if err = listErr; err != nil {
				break
			}
			if r.Key == store.ImportMark() {
				err = store.ErrUnfinished
				break
			}
			if err = w.record(&r); err != nil {
				break
			}
			progress.count("export", w.tally.sum.Records, 0)
		}
	}
	err = errors.Join(err, snap.Close())
	if err != nil {
		return Summary{}, err
	}
	sum, err := w.end()
	if err == nil {
		err = buffer.Flush()
	}
	if err != nil {
		return Summary{}, err
	}
	return sum, nil
}

func snapshot(ctx context.Context, db store.Driver) (store.Snapshot, error) {
	s, ok := db.(store.Snapshotter)
	if !ok {
		return nil, fmt.Errorf("%w: it cannot read as of one moment", ErrUnsupported)
	}
	return s.Snapshot(ctx)
}

// all yields every record of a snapshot in key order. An error is yielded once,
// with a zero record, and ends the loop.
func all(ctx context.Context, snap store.Snapshot) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		kinds, err := snap.Kinds(ctx)
		if err != nil {
			yield(store.Record{}, err)
			return
		}
		for _, kind := range kinds {
			for r, err := range snap.List(ctx, store.Query{Kind: kind}) {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}
