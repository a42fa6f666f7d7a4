package store_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// routed is a router with codes in a store of their own and marks in the first.
func routed(t *testing.T) (router, rest, codes store.Driver) {
	t.Helper()
	rest, codes = store.NewMemory(), store.NewMemory()
	router, err := store.NewRouter(rest,
		store.Route{Name: "CodeConfig", Kinds: []string{"code", "holder"}, Driver: codes},
		store.Route{Name: "MarkConfig", Kinds: []string{"mark"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	return router, rest, codes
}

func puts(kinds ...string) *store.Batch {
	b := &store.Batch{}
	for _, kind := range kinds {
		b.Puts = append(b.Puts, store.Put{Key: store.Key{Kind: kind, ID: "a"}, Due: time.Unix(100, 0), Body: []byte(kind)})
	}
	return b
}

// ids returns the ids of a list.
func ids(t *testing.T, list iter.Seq2[store.Record, error]) (all []string) {
	t.Helper()
	for r, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.ID)
	}
	return all
}

func TestRouterKeepsKindsApart(t *testing.T) {
	router, rest, codes := routed(t)
	ctx := t.Context()
	for _, b := range []*store.Batch{puts("party", "player"), puts("mark"), puts("code", "holder"), {}} {
		if err := store.Commit(ctx, router, b); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		kind       string
		holds, not store.Driver
	}{
		{"party", rest, codes}, {"player", rest, codes}, {"mark", rest, codes}, {"code", codes, rest}, {"holder", codes, rest},
	} {
		key := store.Key{Kind: c.kind, ID: "a"}
		for _, d := range []store.Driver{router, c.holds} {
			recs, err := d.Get(ctx, key, key)
			if err != nil || string(recs[1].Body) != c.kind {
				t.Errorf("Get(%s) = %v, %v", key, recs, err)
			}
			if got := ids(t, d.List(ctx, store.Query{Kind: c.kind})); !cmp.Equal(got, []string{"a"}) {
				t.Errorf("List(%s) = %q, want the record", c.kind, got)
			}
			due, err := d.Due(ctx, c.kind, time.Unix(200, 0), 10)
			if err != nil || len(due) != 1 {
				t.Errorf("Due(%s) = %v, %v; want the record", c.kind, due, err)
			}
		}
		if recs, err := c.not.Get(ctx, key); err != nil || recs[0].Exists() {
			t.Errorf("%s is in the other store too: %v, %v", key, recs, err)
		}
	}
}

func TestRouterRefusesABatchOfTwoDatabases(t *testing.T) {
	router, rest, codes := routed(t)
	ctx := t.Context()
	code, party := store.Key{Kind: "code", ID: "a"}, store.Key{Kind: "party", ID: "a"}
	for name, b := range map[string]*store.Batch{
		"puts":            puts("party", "code"),
		"a check":         {Puts: puts("party").Puts, Checks: []store.Check{{Key: code}}},
		"a delete":        {Puts: puts("code").Puts, Deletes: []store.Check{{Key: party, Expect: 1}}},
		"the same driver": puts("party", "mark"),
		"two routes":      puts("mark", "holder"),
	} {
		err := store.Commit(ctx, router, b)
		span, ok := errors.AsType[*store.SpanError](err)
		if !ok || !errors.Is(err, store.ErrBadBatch) || !strings.Contains(err.Error(), "Config may keep one of them in another database") {
			t.Errorf("%s: Commit() = %v, want a SpanError", name, err)
			continue
		}
		if span.A.Kind == span.B.Kind || span.Routes[0] == span.Routes[1] {
			t.Errorf("%s: the error is about %+v", name, span)
		}
	}
	for name, d := range map[string]store.Driver{"rest": rest, "codes": codes} {
		for _, kind := range []string{"party", "code", "holder", "mark"} {
			if got := ids(t, d.List(ctx, store.Query{Kind: kind})); got != nil {
				t.Errorf("%s has %s %q after nothing but refusals", name, kind, got)
			}
		}
	}
	if _, err := router.Get(ctx, code, party); !errors.Is(err, store.ErrBadBatch) {
		t.Errorf("Get() of two databases = %v, want %v", err, store.ErrBadBatch)
	}
}

func TestRouterWantsEachKindOnce(t *testing.T) {
	for name, c := range map[string]struct {
		routes []store.Route
		want   string
	}{
		"claimed twice": {[]store.Route{{Name: "one", Kinds: []string{"code"}}, {Name: "two", Kinds: []string{"x", "code"}}}, `"code" are claimed by one and by two`},
		"no kind":       {[]store.Route{{Name: "one", Kinds: []string{""}}}, "one: store: bad key"},
	} {
		if _, err := store.NewRouter(store.NewMemory(), c.routes...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: NewRouter() = %v, want %q", name, err, c.want)
		}
	}
}

// late is a store whose clock is an hour ahead, and that counts how often it is closed.
type late struct {
	store.Driver
	closed *int
}

func (l late) Now(ctx context.Context) (time.Time, error) {
	now, err := l.Driver.Now(ctx)
	return now.Add(time.Hour), err
}

func (l late) Close() error {
	*l.closed++
	return errors.Join(l.Driver.Close(), errors.New("closing is hard"))
}

func TestRouterHasOneClockAndClosesAll(t *testing.T) {
	closed := 0
	other := late{store.NewMemory(), &closed}
	rest := store.NewMemory()
	router, err := store.NewRouter(rest, store.Route{Kinds: []string{"code"}, Driver: other})
	if err != nil {
		t.Fatal(err)
	}
	now, err := router.Now(t.Context())
	if ahead := time.Until(now); err != nil || ahead > time.Minute {
		t.Errorf("Now() is %v ahead, %v; want the clock of the first store", ahead, err)
	}
	if err := router.Close(); closed != 1 || err == nil || !strings.Contains(err.Error(), "hard") {
		t.Errorf("Close() = %v, the other one was closed %d times, want once and its error", err, closed)
	}
	if _, err := rest.Get(t.Context(), store.Key{Kind: "party", ID: "a"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the first store answers after Close: %v", err)
	}
}

func TestRouterKeepsThePromisesOfThePort(t *testing.T) {
	storetest.Run(t, storetest.Harness{Open: func(testing.TB) store.Opener {
		one, two := store.Memory(), store.Memory()
		return func(ctx context.Context) (store.Driver, error) {
			a, err := one(ctx)
			if err != nil {
				return nil, err
			}
			b, err := two(ctx)
			if err != nil {
				return nil, err
			}
			return store.NewRouter(a, store.Route{Kinds: []string{"elsewhere"}, Driver: b})
		}
	}})
}
