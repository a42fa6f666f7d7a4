package entity

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/pragma/store"
)

// run makes one try: load, fn, commit, effects. stale means that the try was
// made on states that are no longer the newest, and may be repeated.
func (tx *Tx) run(id string, r rule, fn func(tx *Tx, doc any) error) (stale bool, err error) {
	key := store.Key{Kind: tx.kind.name, ID: id}
	panicked, err := tx.decide(key, r, fn)
	switch {
	case panicked:
		return false, err
	case tx.err != nil:
		return false, tx.err
	case err != nil:
		return tx.answer(err)
	}
	b, err := tx.batch()
	if err != nil {
		return false, err
	}
	if len(tx.effects) > 0 {
		over, err := tx.engine.telling.begin(tx.ctx, subjects(b))
		if err != nil {
			return false, fmt.Errorf("wait for what is said of %s: %w", key, err)
		}
		defer over()
	}
	if len(b.Puts)+len(b.Deletes) > 0 {
		if err := tx.commit(b); err != nil {
			return isConflict(err), err
		}
	} else if stale, err := tx.answer(nil); stale || err != nil {
		return stale, err
	}
	tx.perform(key)
	return false, nil
}

// decide runs everything that is not ours: fn and what it left for the end.
func (tx *Tx) decide(key store.Key, r rule, fn func(tx *Tx, doc any) error) (panicked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			panicked, err = true, recovered(tx.kind.host, key, p)
		}
	}()
	it, err := tx.load(tx.kind, key.ID, r == mustBeNew && !tx.again)
	if err != nil {
		return false, err
	}
	switch {
	case r == mustExist && !it.exists:
		return false, notFound(key)
	case r == mustBeNew && it.exists:
		return false, exists(key)
	case !it.exists:
		if err := it.create(r == mustBeNew); err != nil {
			return false, err
		}
	}
	if err := fn(tx, it.doc); err != nil {
		return false, err
	}
	return false, tx.finish()
}

// answer ends a try that commits nothing. What it was decided on may come from
// the cache, or from different moments, or somebody has changed it while this try
// waited to say something of it; so the revisions are compared with the store, as
// a commit would have done.
func (tx *Tx) answer(result error) (stale bool, err error) {
	fresh := len(tx.items) == 1 && !tx.primary().cached && (result != nil || len(tx.effects) == 0)
	if tx.ctx.Err() != nil || len(tx.items) == 0 || fresh {
		return false, result
	}
	keys := make([]store.Key, len(tx.items))
	for i, it := range tx.items {
		keys[i] = it.key
	}
	recs, err := tx.engine.host.Store().Get(tx.ctx, keys...)
	if err != nil {
		return false, fmt.Errorf("compare %s with the store: %w", keys[0], err)
	}
	for i, it := range tx.items {
		if recs[i].Rev != it.stored.rev {
			tx.dropAll()
			return true, &store.ConflictError{Key: it.key, Have: recs[i].Rev, Expect: it.stored.rev}
		}
	}
	return false, result
}

// commit commits the batch and brings the cache up to date.
func (tx *Tx) commit(b *store.Batch) error {
	e := tx.engine
	puts, deletes := make([]int, len(b.Puts)), make([]int, len(b.Deletes))
	for i := range b.Puts {
		puts[i] = e.cache.begin(b.Puts[i].Key, true)
	}
	for i, d := range b.Deletes {
		deletes[i] = e.cache.begin(d.Key, true)
	}
	err := store.Commit(tx.ctx, e.host.Store(), b)
	for i := range b.Puts {
		p := &b.Puts[i]
		var now *entry
		if err == nil {
			now = &entry{rev: p.Expect + 1, due: p.Due, body: p.Body, own: true}
		}
		e.cache.end(p.Key, puts[i], true, now)
	}
	for i, d := range b.Deletes {
		e.cache.end(d.Key, deletes[i], true, nil)
	}
	if err != nil {
		tx.dropAll()
		return fmt.Errorf("commit %s: %w", tx.primary().key, err)
	}
	tx.kind.counts.commits.Inc()
	for i := range b.Puts {
		if p := &b.Puts[i]; !p.Due.IsZero() {
			if s := tx.find(p.Key).kind.timers; s != nil {
				s.wake(p.Due)
			}
		}
	}
	return nil
}

func (tx *Tx) dropAll() {
	for _, it := range tx.items {
		tx.engine.cache.drop(it.key)
	}
}

// perform does what fn asked for, in order. The commit is done, so the end of
// the caller's context no longer matters.
func (tx *Tx) perform(key store.Key) {
	ctx := context.WithoutCancel(tx.ctx)
	for i := range tx.effects {
		tx.effects[i].perform(ctx, tx.kind.host, key)
	}
}
