package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Route says where the records of some kinds are.
type Route struct {
	// Name is shown in errors: the section of the configuration that decides it.
	Name string
	// Kinds are the kinds. They stand in no other route.
	Kinds []string
	// Driver holds their records. Nil means that of all other kinds. Several
	// routes may have the same one.
	Driver Driver
}

// NewRouter returns a store whose kinds are kept in several others: those of a
// route in the driver of the route, all others in rest. The error is about a kind
// that stands in two routes, or that is not allowed.
//
// A commit is one step of one database. So kinds of a route are committed and
// read together with each other and with nothing else: a batch, or a Get, with
// others in it is refused with a [*SpanError]. That is so even if both are in the
// same database now, so that configuration cannot break a program that worked.
//
// The clock is that of rest, for all kinds: what Due is compared with is one
// clock, whatever the others say. Closing the router closes all.
func NewRouter(rest Driver, routes ...Route) (Driver, error) {
	r := &router{rest: &Route{Driver: rest}, byKind: make(map[string]*Route)}
	for i := range routes {
		route := routes[i] // a copy
		if route.Driver == nil {
			route.Driver = rest
		} else {
			r.others = append(r.others, route.Driver)
		}
		for _, kind := range route.Kinds {
			if err := ValidateKind(kind); err != nil {
				return nil, fmt.Errorf("%s: %w", route.Name, err)
			}
			if other := r.byKind[kind]; other != nil {
				return nil, fmt.Errorf("records of kind %q are claimed by %s and by %s", kind, other.Name, route.Name)
			}
			r.byKind[kind] = &route
		}
	}
	return r, nil
}

// SpanError is about a batch or a Get with records that may be in different
// databases; a mistake in the program. Nothing was applied. It matches
// [ErrBadBatch].
type SpanError struct {
	A, B Key
	// Routes are the names of the routes of A and B; empty for all other kinds.
	Routes [2]string
}

// Error describes both records.
func (e *SpanError) Error() string {
	name := e.Routes[0]
	if name == "" {
		name = e.Routes[1]
	}
	return fmt.Sprintf("%v: records %s and %s cannot be used together: %s may keep one of them in another database", ErrBadBatch, e.A, e.B, name)
}

// Is reports whether target is ErrBadBatch.
func (e *SpanError) Is(target error) bool { return target == ErrBadBatch }

// router implements Driver. It does not change.
type router struct {
	rest   *Route
	byKind map[string]*Route
	others []Driver
}

var _ Driver = (*router)(nil)

func (r *router) of(kind string) *Route {
	if route := r.byKind[kind]; route != nil {
		return route
	}
	return r.rest
}

// same returns the one route of all keys that yield gives.
func (r *router) same(keys iter.Seq[Key]) (*Route, error) {
	var first Key
	var route *Route
	for k := range keys {
		next := r.of(k.Kind)
		switch {
		case route == nil:
			first, route = k, next
		case next != route:
			return nil, &SpanError{A: first, B: k, Routes: [2]string{route.Name, next.Name}}
		}
	}
	if route == nil {
		route = r.rest
	}
	return route, nil
}

// Get implements Driver.
func (r *router) Get(ctx context.Context, keys ...Key) ([]Record, error) {
	if len(keys) == 1 {
		return r.of(keys[0].Kind).Driver.Get(ctx, keys...)
	}
	route, err := r.same(func(yield func(Key) bool) {
		for _, k := range keys {
			if !yield(k) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return route.Driver.Get(ctx, keys...)
}

// List implements Driver.
func (r *router) List(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return r.of(q.Kind).Driver.List(ctx, q)
}

// Due implements Driver.
func (r *router) Due(ctx context.Context, kind string, before time.Time, limit int) ([]Record, error) {
	return r.of(kind).Driver.Due(ctx, kind, before, limit)
}

// Commit implements Driver.
func (r *router) Commit(ctx context.Context, b *Batch) error {
	route, err := r.same(b.keys)
	if err != nil {
		return err
	}
	return route.Driver.Commit(ctx, b)
}

// keys yields the keys of a batch.
func (b *Batch) keys(yield func(Key) bool) {
	for i := range b.Puts {
		if !yield(b.Puts[i].Key) {
			return
		}
	}
	for _, checks := range [...][]Check{b.Deletes, b.Checks} {
		for _, c := range checks {
			if !yield(c.Key) {
				return
			}
		}
	}
}

// Now implements Driver.
func (r *router) Now(ctx context.Context) (time.Time, error) { return r.rest.Driver.Now(ctx) }

// Close implements Driver.
func (r *router) Close() error {
	err := r.rest.Driver.Close()
	for _, d := range r.others {
		err = errors.Join(err, d.Close()) // closing one again does nothing
	}
	return err
}
