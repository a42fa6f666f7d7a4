package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma/store"
)

// Limits of what is created at once.
const (
	batchRecords = 500
	batchBytes   = 4 << 20
)

// markEvery is the number of batches after which the mark says how far the import
// is. What came after it is found to be there when the import goes on.
const markEvery = 20

// ImportOptions says how to import. The zero value imports into an empty store.
type ImportOptions struct {
	// Add imports into a store that has records. None of them is changed: if one
	// has the key of a record of the file and is not the same, the import is
	// refused with ErrDiffers before it creates anything.
	Add bool
	// Progress is told how far it is; nil for nobody.
	Progress Progress
}

// Import creates the records of an export in db. It first verifies the file, then
// refuses a store that has records (unless told otherwise) or a part of another
// export, creates the records, and compares all of them with the file. An import
// that was interrupted goes on when it is called again with the same file. Until
// it has succeeded servers refuse the store ([store.RefuseUnfinished]).
//
// Its errors are those of this package, of the store, and of the file.
func Import(ctx context.Context, db store.Driver, file io.ReadSeeker, o ImportOptions) (Summary, error) {
	into, ok := db.(store.Importer)
	if !ok {
		return Summary{}, fmt.Errorf("%w: it cannot create records with revisions", ErrUnsupported)
	}
	whole, err := verify(ctx, file, o.Progress)
	if err != nil {
		return Summary{}, err
	}
	i := &importing{db: db, into: into, options: o, file: file, total: whole.Summary().Records}
	if err := i.begin(ctx, whole); err != nil {
		return Summary{}, err
	}
	if err := i.create(ctx); err != nil {
		return Summary{}, err
	}
	if err := i.compare(ctx); err != nil {
		return Summary{}, err
	}
	return whole.Summary(), i.finish(ctx)
}

// Verify reads a whole export and returns what it holds. Its error matches
// [ErrDamaged] if the file is not as it was written.
func Verify(ctx context.Context, file io.Reader, progress Progress) (Summary, error) {
	r, err := verifyFrom(ctx, file, progress)
	if err != nil {
		return Summary{}, err
	}
	return r.Summary(), nil
}

func verify(ctx context.Context, file io.ReadSeeker, progress Progress) (*Reader, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return verifyFrom(ctx, file, progress)
}

func verifyFrom(ctx context.Context, file io.Reader, progress Progress) (*Reader, error) {
	r, err := NewReader(file)
	if err != nil {
		return nil, err
	}
	for _, err := range r.Records() {
		if err == nil {
			err = store.ContextError(ctx)
		}
		if err != nil {
			return nil, err
		}
		progress.count("verify", r.tally.sum.Records, 0)
	}
	return r, nil
}

// mark is the body of the record that says that an import is not finished.
type mark struct {
	Export string    `json:"export"` // checksum of the file
	Begun  time.Time `json:"begun"`
	Add    bool      `json:"add,omitzero"`
	// The records up to this key have been created.
	Kind string `json:"kind,omitzero"`
	ID   string `json:"id,omitzero"`
}

// importing is one import.
type importing struct {
	db      store.Driver
	into    store.Importer
	options ImportOptions
	file    io.ReadSeeker
	total   int64

	mark mark
	rev  int64 // of the mark
}

// begin leaves the mark, or finds the one that an earlier try has left.
func (i *importing) begin(ctx context.Context, whole *Reader) error {
	recs, err := i.db.Get(ctx, store.ImportMark())
	if err != nil {
		return err
	}
	if found := recs[0]; found.Exists() {
		if err := json.Unmarshal(found.Body, &i.mark); err != nil {
			return fmt.Errorf("%w: its mark cannot be read: %w", ErrOtherImport, err)
		}
		if i.mark.Export != whole.Checksum() {
			return fmt.Errorf("%w, begun %v: import that one again, or empty the store", ErrOtherImport, i.mark.Begun.Format(time.RFC3339))
		}
		i.rev = found.Rev
		return nil
	}
	now, err := i.db.Now(ctx)
	if err != nil {
		return err
	}
	i.mark = mark{Export: whole.Checksum(), Begun: now, Add: i.options.Add}
	if i.options.Add {
		err = i.refuseOthers(ctx)
	} else {
		err = i.refuseRecords(ctx)
	}
	if err != nil {
		return err
	}
	return i.saveMark(ctx)
}

// refuseOthers makes sure that no record of the store is in the way of one of the
// file.
func (i *importing) refuseOthers(ctx context.Context) error {
	done := int64(0)
	return i.batches(ctx, func(recs []store.Record) error {
		_, err := i.missing(ctx, recs)
		done += int64(len(recs))
		i.options.Progress.report("look", done, i.total)
		return err
	})
}

// refuseRecords makes sure that the store is empty, if it must be.
func (i *importing) refuseRecords(ctx context.Context) error {
	snap, err := snapshot(ctx, i.db)
	if err != nil {
		return err
	}
	kinds, err := snap.Kinds(ctx)
	if err := errors.Join(err, snap.Close()); err != nil {
		return err
	}
	if len(kinds) > 0 {
		return fmt.Errorf("%w: it has records of the kinds %s", ErrNotEmpty, strings.Join(kinds, ", "))
	}
	return nil
}

func (i *importing) saveMark(ctx context.Context) error {
	body, err := json.Marshal(i.mark)
	if err != nil {
		return err
	}
	err = store.Commit(ctx, i.db, &store.Batch{Puts: []store.Put{{Key: store.ImportMark(), Expect: i.rev, Body: body}}})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("somebody else imports into this store: %w", err)
	}
	if err != nil {
		return err
	}
	i.rev++
	return nil
}

// finish removes the mark.
func (i *importing) finish(ctx context.Context) error {
	return store.Commit(ctx, i.db, &store.Batch{Deletes: []store.Check{{Key: store.ImportMark(), Expect: i.rev}}})
}

// records yields the records of the file once more. If it ends without an error,
// the file is the one that was verified.
func (i *importing) records(yield func(store.Record, error) bool) {
	_, err := i.file.Seek(0, io.SeekStart)
	if err != nil {
		yield(store.Record{}, err)
		return
	}
	r, err := NewReader(i.file)
	if err != nil {
		yield(store.Record{}, err)
		return
	}
	for rec, err := range r.Records() {
		if !yield(rec, err) || err != nil {
			return
		}
	}
	if r.Checksum() != i.mark.Export {
		yield(store.Record{}, fmt.Errorf("%w: the file was replaced during the import", ErrDamaged))
	}
}

// batches calls do for the records of the file, some at a time. The slice is only
// valid during the call.
func (i *importing) batches(ctx context.Context, do func([]store.Record) error) error {
	var batch []store.Record
	bytes := 0
	for r, err := range i.records {
		if err == nil {
			err = store.ContextError(ctx)
		}
		if err != nil {
			return err
		}
		if len(batch) == batchRecords || len(batch) > 0 && bytes+len(r.Body) > batchBytes {
			if err := do(batch); err != nil {
				return err
			}
			batch, bytes = batch[:0], 0
		}
		batch = append(batch, r)
		bytes += len(r.Body)
	}
	if len(batch) == 0 {
		return nil
	}
	return do(batch)
}

// create creates the records after the mark in key order, and moves the mark on.
func (i *importing) create(ctx context.Context) error {
	from := store.Key{Kind: i.mark.Kind, ID: i.mark.ID}
	count, done := 0, int64(0)
	return i.batches(ctx, func(recs []store.Record) error {
		last := recs[len(recs)-1].Key
		done += int64(len(recs))
		i.options.Progress.report("import", done, i.total)
		if last.Compare(from) <= 0 {
			return nil
		}
		if err := i.put(ctx, recs); err != nil {
			return err
		}
		if count++; count%markEvery != 0 {
			return nil
		}
		i.mark.Kind, i.mark.ID = last.Kind, last.ID
		return i.saveMark(ctx)
	})
}
