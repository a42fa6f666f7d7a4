package entity

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// Options say more about a kind of entity. The zero value is a kind without timers.
type Options[T any] struct {
	// Due returns when OnDue, or Work, shall be called for an entity in this state; the
	// zero time means never. It is computed whenever a state is committed, so a
	// timer is a function of the state: to set one, change the state. Due must
	// not change s and must not look at the clock.
	Due func(s *T) time.Time
	// OnDue is called when an entity is due, in an update of it. It must change
	// the state so that Due is in the future or zero, or delete the entity. If
	// it does not, or returns an error, or panics, nothing is committed, the
	// failure is logged, and the call is repeated with a growing back-off of 1 s
	// to 5 minutes, which does not delay other entities.
	OnDue func(tx *Tx, id string, s *T) error
	// Work takes the place of OnDue for what an update cannot do, such as a call to
	// the outside by rules that no [Lane] has. It is called outside of any update, up
	// to 16 at a time on a node, and on several nodes at the same time. So it must
	// first make an update that moves Due behind its own end, if the entity is still
	// due. It must return when ctx ends, which is when the server stops. After an error
	// or a panic it is called again as OnDue is; if it leaves the entity due, about a
	// second later. One of OnDue and Work is required if Due is set.
	Work func(ctx context.Context, id string) error
}

// Kind is one sort of entity with states of type T. Make one with [Of] while
// mounting. All its methods may be called by any number of goroutines; those
// that take a [Tx] only by the one that was given it.
type Kind[T any] struct {
	kind *kind
}

// Item is one entity of a [Kind.List].
type Item[T any] struct {
	ID    string
	State *T // nil if the error says that it cannot be decoded
	// Due is when its timer is set for, as of its last commit; zero: never.
	Due time.Time
}

// Of registers a kind of entity, whose states are stored as JSON in records of
// that kind. Call it while mounting. A kind that is registered twice, or a T
// that has no JSON form, stops the start.
//
// The name of the kind is stored: it must never change or mean something else.
func Of[T any](m *pragma.Mount, kind string, o Options[T]) *Kind[T] {
	return of(engineOf(m), m, kind, o)
}

func of[T any](e *engine, h host, name string, o Options[T]) *Kind[T] {
	k := newKind(e, h, name, o.Due)
	if o.Due == nil && o.OnDue == nil && o.Work == nil {
		return k
	}
	if o.Due == nil || (o.OnDue == nil) == (o.Work == nil) {
		h.Problem(fmt.Errorf("entity kind %q: Due and one of OnDue and Work need each other", name))
		return k
	}
	k.kind.timers = newSchedule(h, name, timerSlots, func(ctx context.Context, id string) error {
		if o.Work != nil {
			return k.work(ctx, id, o.Work)
		}
		return k.fire(ctx, id, o)
	})
	h.Go("timers "+name, k.kind.timers.run)
	return k
}

// newKind registers a kind whose timers, if it has any, are somebody else's task.
func newKind[T any](e *engine, h host, name string, due func(*T) time.Time) *Kind[T] {
	c, zero, err := newCodec[T]()
	if err != nil {
		h.Problem(fmt.Errorf("entity kind %q: %w", name, err))
	}
	k := &kind{engine: e, host: h, name: name, zero: zero, decode: c.decode, encode: c.encode, counts: e.metrics.kind(name)}
	if due != nil {
		k.due = func(doc any) time.Time { return store.TruncateDue(due(stateOf[T](doc))) }
	}
	e.register(k)
	return &Kind[T]{kind: k}
}

// Create makes a new entity: fn gets a zero state to fill in. It returns
// [ErrExists] if the entity exists, whatever fn returns; fn may have been called
// by then, because the store is asked last. See [Kind.Update] for everything else.
func (k *Kind[T]) Create(ctx context.Context, id string, fn func(tx *Tx, s *T) error) error {
	return k.update(ctx, id, mustBeNew, fn)
}

// Update changes an entity. It waits until no other update of the entity runs
// in this process, calls fn with a private copy of the newest state, and commits
// what fn made of it together with everything else fn did on tx. If fn returns
// an error or panics, nothing happens and the error is returned.
//
// If somebody else changed one of the entities meanwhile, fn is called again on
// the new states, at most four times in all; so fn must have no effects besides
// its copies and tx, and must not keep either. It must not call Update itself:
// other entities are reached through tx.
//
// Nil means that the change is durable and that its notifications are on their
// way. With every error but one, nothing happened: [ErrNotFound] if the entity
// does not exist (fn was not called), [pragma.ErrUnavailable] if more than 256
// wait for it already, or if every try met a conflict (then the error is also
// [store.ErrConflict]), the context's error if ctx ended before the commit, or
// the error of the store. The one is [store.ErrUnknown]: the change may have
// happened, but its notifications did not.
func (k *Kind[T]) Update(ctx context.Context, id string, fn func(tx *Tx, s *T) error) error {
	return k.update(ctx, id, mustExist, fn)
}

// Upsert is [Kind.Update] for an entity that may not exist: fn then gets a zero
// state, and the entity is created unless fn leaves it zero.
func (k *Kind[T]) Upsert(ctx context.Context, id string, fn func(tx *Tx, s *T) error) error {
	return k.update(ctx, id, either, fn)
}

func (k *Kind[T]) update(ctx context.Context, id string, r rule, fn func(tx *Tx, s *T) error) error {
	return k.kind.engine.update(ctx, k.kind, id, r, func(tx *Tx, doc any) error {
		return fn(tx, stateOf[T](doc))
	})
}

// Read returns the newest committed state, which belongs to the caller, or
// [ErrNotFound]. It does not wait for updates. It sees every commit of this
// process that was answered before; one of another process on the same store it
// may see late, until something here touches the entity and notices.
func (k *Kind[T]) Read(ctx context.Context, id string) (*T, error) {
	key := store.Key{Kind: k.kind.name, ID: id}
	found, err := k.kind.engine.read(ctx, key)
	if err != nil {
		return nil, err
	}
	if found.rev == 0 {
		return nil, notFound(key)
	}
	return k.decode(key, found.body)
}

// List yields the entities whose ids begin with prefix and come after the id
// after, in the order of ids; both may be empty. It reads the store and is not a
// snapshot, see [store.Driver]. An entity that cannot be decoded is yielded with
// its id and an error, and the loop may go on; any other error has no id and
// ends the loop.
func (k *Kind[T]) List(ctx context.Context, prefix, after string) iter.Seq2[Item[T], error] {
	q := store.Query{Kind: k.kind.name, Prefix: prefix, After: after}
	return func(yield func(Item[T], error) bool) {
		for rec, err := range k.kind.engine.host.Store().List(ctx, q) {
			if err != nil {
				yield(Item[T]{}, fmt.Errorf("list %s: %w", k.kind.name, err))
				return
			}
			s, err := k.decode(rec.Key, rec.Body)
			if !yield(Item[T]{ID: rec.ID, State: s, Due: rec.Due}, err) {
				return
			}
		}
	}
}

func (k *Kind[T]) decode(key store.Key, body []byte) (*T, error) {
	doc, err := k.kind.decode(body)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", key, err)
	}
	return stateOf[T](doc), nil
}

// fire calls OnDue if the entity is still due.
func (k *Kind[T]) fire(ctx context.Context, id string, o Options[T]) error {
	fired := false
	err := k.Update(ctx, id, func(tx *Tx, s *T) error {
		fired = false
		if due := k.kind.due(tx.primary().doc); due.IsZero() || due.After(tx.Now()) {
			return nil
		}
		fired = true
		if err := o.OnDue(tx, id, s); err != nil {
			return err
		}
		if due := k.kind.due(tx.primary().doc); tx.primary().exists && !due.IsZero() && !due.After(tx.Now()) {
			return errNotMoved
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrNotFound) && !fired: // deleted since the loop saw it
		return nil
	case err != nil:
		k.kind.counts.timersFailed.Inc()
	case fired:
		k.kind.counts.timersFired.Inc()
	}
	return err
}

// work calls Work and survives its panics.
func (k *Kind[T]) work(ctx context.Context, id string, do func(ctx context.Context, id string) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = recovered(k.kind.host, store.Key{Kind: k.kind.name, ID: id}, p)
		}
		if err != nil {
			k.kind.counts.timersFailed.Inc()
			return
		}
		k.kind.counts.timersFired.Inc()
	}()
	return do(ctx, id)
}

func notFound(key store.Key) error { return fmt.Errorf("%s: %w", key, ErrNotFound) }
func exists(key store.Key) error   { return fmt.Errorf("%s: %w", key, ErrExists) }
