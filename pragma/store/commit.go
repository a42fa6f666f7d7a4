package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long Commit tries to resolve an unknown outcome: 8 rounds, waiting 5 ms,
// 10 ms, 20 ms … between them, about 0.6 s in all.
const (
	resolveRounds = 8
	resolveWait   = 5 * time.Millisecond
)

// Commit applies the batch completely or not at all. It gives the batch a token
// if it has none, validates it, and commits it once. If the driver cannot tell
// the outcome, Commit finds it out: it commits the same batch again, which by
// its revisions can succeed only if the first attempt did not, and looks for the
// token where that conflicts.
//
// The result is nil (applied and durable), ErrConflict, ErrFull, ErrUnavailable,
// a validation error or the context's error (none of them applied), or
// ErrUnknown if it really cannot be told. That can happen when the store stays
// unreachable, or when other commits have already replaced everything the batch
// wrote, or when the batch only deleted.
//
// A batch that does nothing but create could be applied twice, if between the
// two attempts somebody deleted all that the first one created. A check or a put
// of a record that stays rules that out.
//
// While it resolves an outcome Commit no longer obeys ctx, for at most about a
// second plus the driver's own time.
func Commit(ctx context.Context, d Driver, b *Batch) error {
	if b.Token.IsZero() {
		b.Token = NewToken()
	}
	err := d.Commit(ctx, b)
	if err == nil || !errors.Is(err, ErrUnknown) {
		return err
	}
	return resolve(context.WithoutCancel(ctx), d, b, err)
}

// resolve finds out what became of a batch whose first commit returned unknown.
func resolve(ctx context.Context, d Driver, b *Batch, unknown error) error {
	wait := resolveWait
	for range resolveRounds {
		again := d.Commit(ctx, b)
		if again == nil {
			return nil
		}
		switch found := search(ctx, d, b); {
		case found == applied:
			return nil
		case found == notApplied && errors.Is(again, ErrConflict):
			return again
		case found == lost && errors.Is(again, ErrConflict):
			return fmt.Errorf("%w: its records were changed since", unknown)
		}
		time.Sleep(wait)
		wait *= 2
	}
	return unknown
}

// finding is what the records tell about a batch.
type finding int

const (
	unread     finding = iota // they could not be read
	applied                   // its token is in one of them
	notApplied                // one of them did not get beyond the revision it would have now
	lost                      // its trace, if there was one, was overwritten
)

// search looks for the traces of b in its records.
func search(ctx context.Context, d Driver, b *Batch) finding {
	keys := make([]Key, 0, len(b.Puts)+len(b.Deletes))
	for i := range b.Puts {
		keys = append(keys, b.Puts[i].Key)
	}
	for _, del := range b.Deletes {
		keys = append(keys, del.Key)
	}
	if len(keys) == 0 {
		return notApplied // only checks: there is nothing to apply
	}
	recs, err := d.Get(ctx, keys...)
	if err != nil {
		return unread
	}
	result := lost
	for i, r := range recs {
		if i < len(b.Puts) {
			expect := b.Puts[i].Expect
			switch {
			case r.Token == b.Token && r.Exists():
				return applied
			case r.Exists() && r.Rev <= expect+1:
				result = notApplied
			}
			continue
		}
		// A record that this batch would have removed, or a later revision of it.
		if r.Exists() {
			result = notApplied
		}
	}
	return result
}
