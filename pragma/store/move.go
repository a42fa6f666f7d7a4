package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
)

// Snapshotter is what a driver has whose stores can be read as of one moment,
// which is how they are exported and compared. Our drivers have it; storetest
// tests it where it is there.
type Snapshotter interface {
	// Snapshot begins to read the store as it is now, with every commit that was
	// answered before the call. Commits go on meanwhile and are not seen. A
	// snapshot costs the store something while it lives (old versions are kept),
	// so close it.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is a store as it was at one moment. It is used by one goroutine at a
// time. After an error it is of no more use; close it.
type Snapshot interface {
	// Kinds returns the kinds that have records, in byte order.
	Kinds(ctx context.Context) ([]string, error)
	// List is [Driver.List] as of the moment of the snapshot: it misses nothing
	// and yields nothing that came later. The loop must not call the snapshot.
	List(ctx context.Context, q Query) iter.Seq2[Record, error]
	// Close releases the snapshot. It must not be called inside a loop over List.
	Close() error
}

// Importer is what a driver has that can write records as they were in another
// store.
type Importer interface {
	// Import creates the records as they are, with their revisions, tokens and
	// timers: all of them or none. It returns what [Driver.Commit] returns,
	// ErrConflict if one of the keys exists. Limits are those of a batch. An
	// outcome of ErrUnknown is resolved by reading the records: they carry their
	// tokens.
	Import(ctx context.Context, recs []Record) error
}

// ImportSteps validates records that are to be imported and returns their steps
// in key order, for drivers. Its errors are those of [Batch.Steps]; a record
// without a positive revision matches [ErrBadBatch].
func ImportSteps(recs []Record) ([]Step, error) {
	if len(recs) > MaxBatchKeys {
		return nil, &SizeError{What: "keys of an import", Size: len(recs), Max: MaxBatchKeys}
	}
	steps := make([]Step, 0, len(recs))
	for i := range recs {
		r := &recs[i]
		if r.Rev < 1 {
			return nil, fmt.Errorf("%w: key %s has revision %d", ErrBadBatch, r.Key, r.Rev)
		}
		steps = append(steps, Step{Op: OpImport, Key: r.Key, Due: r.Due, Body: r.Body, Rev: r.Rev, Token: r.Token})
	}
	slices.SortFunc(steps, func(a, b Step) int { return a.Key.Compare(b.Key) })
	return steps, checkSteps(steps)
}

// ImportMark is the key of the record that a store has while an import into it
// is not finished. Its body belongs to whoever imports.
func ImportMark() Key { return Key{Kind: "store-import", ID: "unfinished"} }

// RefuseUnfinished returns an error that matches [ErrUnfinished] if an import
// into the store was begun and not finished. Servers call it before they serve.
func RefuseUnfinished(ctx context.Context, d Driver) error {
	recs, err := d.Get(ctx, ImportMark())
	if err != nil {
		return fmt.Errorf("look for an unfinished import: %w", err)
	}
	if recs[0].Exists() {
		return ErrUnfinished
	}
	return nil
}
