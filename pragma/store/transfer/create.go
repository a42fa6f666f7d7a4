package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// How often records are tried whose outcome is unknown, and how long to wait
// before the second time; it doubles.
const (
	putAttempts = 6
	putWait     = 100 * time.Millisecond
)

// put creates some records, or finds that they are there: because an earlier try
// created them, or this one did although its outcome is unknown.
func (i *importing) put(ctx context.Context, recs []store.Record) error {
	wait := putWait
	for attempt := 1; ; attempt++ {
		err := i.into.Import(ctx, recs)
		if err == nil {
			return nil
		}
		unknown := errors.Is(err, store.ErrUnknown)
		if !unknown && !errors.Is(err, store.ErrConflict) {
			return err
		}
		missing, readErr := i.missing(ctx, recs)
		switch {
		case readErr == nil && len(missing) == 0:
			return nil
		case readErr == nil:
			recs = missing
		case !unknown || !errors.Is(readErr, store.ErrUnavailable):
			return readErr
		}
		if attempt == putAttempts {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return store.ContextError(ctx)
		}
		wait *= 2
	}
}

// missing returns those of the records that the store does not have. One that it
// has must be the same.
func (i *importing) missing(ctx context.Context, recs []store.Record) ([]store.Record, error) {
	keys := make([]store.Key, len(recs))
	for n := range recs {
		keys[n] = recs[n].Key
	}
	found, err := i.db.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var missing []store.Record
	for n := range recs {
		switch {
		case !found[n].Exists():
			missing = append(missing, recs[n])
		case !equal(&found[n], &recs[n]):
			return nil, differs(&found[n], &recs[n])
		}
	}
	return missing, nil
}

// compare reads the file and the store side by side: every record of the file is
// in the store as it is, and nothing else is, unless it may.
func (i *importing) compare(ctx context.Context) (err error) {
	snap, err := snapshot(ctx, i.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	next, stop := iter.Pull2(all(ctx, snap))
	defer stop()
	s := &stored{next: next, extras: i.mark.Add}
	done := int64(0)
	for want, err := range i.records {
		if err != nil {
			return err
		}
		have, err := s.upTo(want.Key)
		if err != nil {
			return err
		}
		if have == nil {
			return fmt.Errorf("%w: %s is missing", ErrDiffers, want.Key)
		}
		if !equal(have, &want) {
			return differs(have, &want)
		}
		done++
		i.options.Progress.count("compare", done, i.total)
	}
	return s.rest()
}

func differs(have, want *store.Record) error {
	return fmt.Errorf("%w: %s has revision %d and a body of %d bytes, in the export revision %d and %d bytes",
		ErrDiffers, have.Key, have.Rev, len(have.Body), want.Rev, len(want.Body))
}

// stored goes through the records of a store.
type stored struct {
	next   func() (store.Record, error, bool)
	extras bool          // others than those asked for are allowed
	ahead  *store.Record // read, but beyond what was asked for
}

// upTo returns the record with the key, or nil.
func (s *stored) upTo(k store.Key) (*store.Record, error) {
	for {
		if s.ahead == nil {
			r, err, ok := s.next()
			if err != nil || !ok {
				return nil, err
			}
			s.ahead = &r
		}
		switch order := s.ahead.Key.Compare(k); {
		case order > 0:
			return nil, nil
		case order == 0:
			found := s.ahead
			s.ahead = nil
			return found, nil
		}
		if err := s.skip(); err != nil {
			return nil, err
		}
	}
}

// skip passes over a record that is not in the file.
func (s *stored) skip() error {
	if !s.extras && s.ahead.Key != store.ImportMark() {
		return fmt.Errorf("%w: the store has %s, which the export has not; was a server running?", ErrDiffers, s.ahead.Key)
	}
	s.ahead = nil
	return nil
}

// rest passes over all that is left.
func (s *stored) rest() error {
	for {
		if s.ahead != nil {
			if err := s.skip(); err != nil {
				return err
			}
		}
		r, err, ok := s.next()
		if err != nil || !ok {
			return err
		}
		s.ahead = &r
	}
}
