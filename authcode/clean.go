package authcode

import (
	"context"
	"errors"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// cleanBatch is how many codes one commit deletes.
const cleanBatch = 256

// cleaner deletes expired codes every dbCleanInterval. Any number of nodes may
// clean at the same time.
type cleaner struct {
	m       *pragma.Mount
	cfg     *pragma.Live[Config]
	changed chan struct{} // the interval is another one
}

func newCleaner(m *pragma.Mount, cfg *pragma.Live[Config]) *cleaner {
	c := &cleaner{m: m, cfg: cfg, changed: make(chan struct{}, 1)}
	cfg.OnChange(func(before, after Config) {
		if before.DBCleanInterval == after.DBCleanInterval {
			return
		}
		select {
		case c.changed <- struct{}{}:
		default: // it will look anyway
		}
	})
	return c
}

// run cleans until ctx ends. A new interval counts from the last cleaning on.
func (c *cleaner) run(ctx context.Context) {
	last := time.Now()
	for {
		cfg := c.cfg.Load()
		t := time.NewTimer(time.Until(last.Add(cfg.cleanInterval())))
		select {
		case <-t.C:
			last = time.Now()
			if err := c.clean(ctx); err != nil && ctx.Err() == nil {
				c.m.Log().WarnContext(ctx, "cannot delete expired auth codes", "err", err)
			}
		case <-c.changed:
		case <-ctx.Done():
		}
		t.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// clean deletes what has expired by now.
func (c *cleaner) clean(ctx context.Context) error {
	now, err := c.m.Store().Now(ctx)
	if err != nil {
		return err
	}
	for {
		recs, err := c.m.Store().Due(ctx, codeKind, now, cleanBatch)
		if err != nil || len(recs) == 0 {
			return err
		}
		if err := c.delete(ctx, recs); err != nil {
			return err
		}
	}
}

// delete deletes codes, all of them in one commit unless somebody else has
// deleted one.
func (c *cleaner) delete(ctx context.Context, recs []store.Record) error {
	batch := new(store.Batch)
	for _, r := range recs {
		batch.Deletes = append(batch.Deletes, store.Check{Key: r.Key, Expect: r.Rev})
	}
	err := store.Commit(ctx, c.m.Store(), batch)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	for _, del := range batch.Deletes {
		err := store.Commit(ctx, c.m.Store(), &store.Batch{Deletes: []store.Check{del}})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return nil
}
