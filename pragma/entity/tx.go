package entity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// Tx is one run of an update: the entities it touches and what shall happen
// after it is committed. It belongs to the goroutine that runs fn, and only
// until fn returns.
type Tx struct {
	ctx    context.Context
	engine *engine
	kind   *kind // of the primary

	items []*item // in the order they were first touched; the primary is the first
	index map[store.Key]*item

	before  []func() error
	once    map[any]bool
	effects []effect

	now   time.Time // zero until somebody asks
	err   error     // a failure that fn could not be told
	again bool      // an earlier run met a conflict: nothing is taken for new unseen
	ended bool
}

// item is one entity in a transaction.
type item struct {
	key    store.Key
	kind   *kind
	stored entry // as it was read; rev 0: it does not exist
	cached bool  // not read from the store just now
	doc    any   // the working copy
	exists bool  // in this transaction
	keep   bool  // create it even if it is zero
}

// indexFrom is the number of items from which they are found by a map.
const indexFrom = 16

type txKey struct{}

func newTx(ctx context.Context, e *engine, k *kind) *Tx {
	tx := &Tx{engine: e, kind: k}
	tx.ctx = context.WithValue(ctx, txKey{}, tx)
	return tx
}

// Context returns the context of the update, for hooks and lookups that fn
// makes. No other update can be made with it.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Now returns the time of the store in UTC, with a precision of one microsecond.
// It is the same during one run of fn. If the store cannot tell, the update fails.
func (tx *Tx) Now() time.Time {
	if tx.now.IsZero() {
		now, err := tx.engine.host.Store().Now(tx.ctx)
		if err != nil {
			tx.err = fmt.Errorf("read the store's clock: %w", err)
			now = store.TruncateDue(time.Now())
		}
		tx.now = now
	}
	return tx.now
}

// In returns the working copy of another entity, to read or to change; the same
// one whenever it is asked for the id. It returns [ErrNotFound] if the entity
// does not exist; that it does not is then checked by the commit too.
func (k *Kind[T]) In(tx *Tx, id string) (*T, error) {
	it, err := tx.item(k.kind, id)
	if err != nil {
		return nil, err
	}
	if !it.exists {
		return nil, notFound(it.key)
	}
	return stateOf[T](it.doc), nil
}

// InOrNew is [Kind.In] for an entity that may not exist: its copy is then zero,
// and the commit creates it unless it is still zero by then.
func (k *Kind[T]) InOrNew(tx *Tx, id string) (*T, error) {
	it, err := tx.item(k.kind, id)
	if err != nil {
		return nil, err
	}
	if !it.exists {
		err = it.create(false)
	}
	return stateOf[T](it.doc), err
}

// New returns the zero working copy of an entity that the commit creates. It
// returns [ErrExists] if the entity exists. Most ids that are to be new are, so the
// store is asked only if the commit finds that one is not: then fn is called again.
func (k *Kind[T]) New(tx *Tx, id string) (*T, error) {
	it, err := tx.load(k.kind, id, !tx.again)
	if err != nil {
		return nil, err
	}
	if it.exists {
		return nil, exists(it.key)
	}
	err = it.create(true)
	return stateOf[T](it.doc), err
}

// Delete removes an entity with the commit; it may be the one that is being
// updated. Its working copy is without meaning from then on. It returns
// [ErrNotFound] if the entity does not exist.
//
// Do not let a later commit create the same id again while another update may
// still know the old entity: both have the same revisions, so it would not
// notice. Ids that are random, or never deleted, are safe.
func (k *Kind[T]) Delete(tx *Tx, id string) error {
	it, err := tx.item(k.kind, id)
	if err != nil {
		return err
	}
	if !it.exists {
		return notFound(it.key)
	}
	it.exists = false
	return nil
}

// item returns an entity of the transaction, and reads it the first time.
func (tx *Tx) item(k *kind, id string) (*item, error) { return tx.load(k, id, false) }

// load is item for one that may be taken for missing unless it is cached: the
// commit checks that, or the comparison that stands for it.
func (tx *Tx) load(k *kind, id string, missing bool) (*item, error) {
	if tx.ended {
		return nil, errFinished
	}
	key := store.Key{Kind: k.name, ID: id}
	if it := tx.find(key); it != nil {
		return it, nil
	}
	it := &item{key: key, kind: k}
	var err error
	switch it.stored, it.cached = tx.engine.cache.get(key); {
	case it.cached:
	case missing:
		it.cached = true
	default:
		if it.stored, err = tx.engine.read(tx.ctx, key); err != nil {
			return nil, err
		}
	}
	if it.doc, err = k.decode(it.stored.body); err != nil {
		return nil, fmt.Errorf("decode %s: %w", key, err)
	}
	it.exists = it.stored.rev != 0
	tx.add(it)
	return it, nil
}

func (tx *Tx) primary() *item { return tx.items[0] }

func (tx *Tx) find(key store.Key) *item {
	if tx.index != nil {
		return tx.index[key]
	}
	for _, it := range tx.items {
		if it.key == key {
			return it
		}
	}
	return nil
}

func (tx *Tx) add(it *item) {
	tx.items = append(tx.items, it)
	switch {
	case tx.index != nil:
		tx.index[it.key] = it
	case len(tx.items) == indexFrom:
		tx.index = make(map[store.Key]*item)
		for _, it := range tx.items {
			tx.index[it.key] = it
		}
	}
}

// create lets a missing or deleted entity exist, with a zero state.
func (it *item) create(keep bool) error {
	if it.stored.rev != 0 { // deleted before in this transaction
		doc, err := it.kind.decode(nil)
		if err != nil {
			return err
		}
		it.doc = doc
	}
	it.exists, it.keep = true, keep
	return nil
}

// put returns the entity as it shall be stored, or nil if it shall stay as it is.
func (it *item) put() (*store.Put, error) {
	body, err := it.kind.encode(it.doc)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", it.key, err)
	}
	p := &store.Put{Key: it.key, Expect: it.stored.rev, Body: body}
	if it.kind.due != nil {
		p.Due = it.kind.due(it.doc)
	}
	if it.stored.rev == 0 {
		if !it.keep && bytes.Equal(body, it.kind.zero) {
			return nil, nil
		}
		return p, nil
	}
	if p.SameDue = p.Due.Equal(it.stored.due); !p.SameDue {
		return p, nil
	}
	same, err := it.same(body)
	if same || err != nil {
		return nil, err
	}
	return p, nil
}

// same reports whether body is the stored state. A body that another version or
// a person wrote may say the same in other words.
func (it *item) same(body []byte) (bool, error) {
	if bytes.Equal(body, it.stored.body) {
		return true, nil
	}
	if it.stored.own {
		return false, nil
	}
	doc, err := it.kind.decode(it.stored.body)
	if err != nil {
		return false, err
	}
	before, err := it.kind.encode(doc)
	return err == nil && bytes.Equal(body, before), err
}

// batch builds the commit. It has no puts and deletes if nothing changed.
func (tx *Tx) batch() (*store.Batch, error) {
	b := new(store.Batch)
	for _, it := range tx.items {
		check := store.Check{Key: it.key, Expect: it.stored.rev}
		if !it.exists {
			if it.stored.rev != 0 {
				b.Deletes = append(b.Deletes, check)
			} else {
				b.Checks = append(b.Checks, check)
			}
			continue
		}
		p, err := it.put()
		switch {
		case err != nil:
			return nil, err
		case p != nil:
			b.Puts = append(b.Puts, *p)
		default:
			b.Checks = append(b.Checks, check)
		}
	}
	return b, nil
}

// isConflict reports whether err says that a record was not as expected.
func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }
