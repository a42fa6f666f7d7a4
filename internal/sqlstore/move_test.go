package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

var errDown = errors.New("down")

// fakes makes connections that count, fails to while down is set, and marks the
// errors of the port.
type fakes struct {
	opened, closed int
	down           error
}

func (f *fakes) pool() *sqlstore.Readers[*fake] {
	return sqlstore.NewReaders(1, func(context.Context) (*fake, error) {
		if f.down != nil {
			return nil, f.down
		}
		f.opened++
		return &fake{closed: &f.closed}, nil
	}, func(error) bool { return true }, func(what string, err error) error {
		return fmt.Errorf("%w: %s: %w", store.ErrUnavailable, what, err)
	})
}

// kinds reads a store with the given kinds, each with the records "a" to "c".
func kinds(fail *error, names ...string) sqlstore.Reads[*fake] {
	return sqlstore.Reads[*fake]{
		Begin: func(context.Context, *fake) error { return *fail },
		NextKind: func(_ context.Context, _ *fake, kind string) (string, error) {
			for _, n := range names {
				if n > kind {
					return n, *fail
				}
			}
			return "", *fail
		},
		Page: func(_ context.Context, _ *fake, q store.Query, size int) (*sqlstore.Page, error) {
			p := new(sqlstore.Page)
			for _, id := range []string{"a", "b", "c"} {
				if q.Matches(id) && len(p.Records) < size {
					p.Add(store.Record{Key: store.Key{Kind: q.Kind, ID: id}})
				}
			}
			return p, *fail
		},
	}
}

func list(ctx context.Context, s store.Snapshot, q store.Query) (ids []string, err error) {
	for r, err := range s.List(ctx, q) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, r.ID)
	}
	return ids, nil
}

func TestASnapshotHasAConnectionOfItsOwn(t *testing.T) {
	f, fail := new(fakes), error(nil)
	pool := f.pool()
	first, err := pool.Snapshot(t.Context(), kinds(&fail, "game", "party"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := pool.Snapshot(t.Context(), kinds(&fail)) // though the pool has one place
	if err != nil || f.opened != 2 {
		t.Fatalf("a second snapshot: %v, %d connections, want 2", err, f.opened)
	}
	got, err := first.Kinds(t.Context())
	if diff := cmp.Diff(got, []string{"game", "party"}); err != nil || diff != "" {
		t.Errorf("Kinds() = %v (-got +want):\n%s", err, diff)
	}
	if got, err := second.Kinds(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("Kinds() of an empty store = %v, %v", got, err)
	}
	ids, err := list(t.Context(), first, store.Query{Kind: "game", After: "a"})
	if diff := cmp.Diff(ids, []string{"b", "c"}); err != nil || diff != "" {
		t.Errorf("List() = %v (-got +want):\n%s", err, diff)
	}
	for range 2 { // the second does nothing
		if err := first.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	if f.closed != 1 {
		t.Errorf("%d connections are closed, want 1", f.closed)
	}
	if _, err := first.Kinds(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Kinds() after Close = %v", err)
	}
	pool.Close()
	if _, err := list(t.Context(), second, store.Query{Kind: "game"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("List() after the store was closed = %v", err)
	}
	if _, err := pool.Snapshot(t.Context(), kinds(&fail)); !errors.Is(err, store.ErrUnavailable) || f.opened != 2 {
		t.Errorf("Snapshot() after the store was closed = %v, %d connections", err, f.opened)
	}
	if err := second.Close(); err != nil || f.closed != 2 {
		t.Errorf("Close() after the store was closed = %v, %d connections are closed", err, f.closed)
	}
}

func TestASnapshotIsNotTriedAgain(t *testing.T) {
	f, fail := new(fakes), error(nil)
	pool := f.pool()
	f.down = errDown
	if _, err := pool.Snapshot(t.Context(), kinds(&fail)); !errors.Is(err, errDown) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Snapshot() without a server = %v", err)
	}
	f.down, fail = nil, errDown
	if _, err := pool.Snapshot(t.Context(), kinds(&fail)); !errors.Is(err, errDown) || f.opened != 1 || f.closed != 1 {
		t.Errorf("Snapshot() that cannot begin = %v, %d opened, %d closed, want 1 and 1", err, f.opened, f.closed)
	}
	fail = nil
	s, err := pool.Snapshot(t.Context(), kinds(&fail, "game"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fail = errDown
	if _, err := s.Kinds(t.Context()); !errors.Is(err, errDown) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Kinds() = %v", err)
	}
	if _, err := list(t.Context(), s, store.Query{Kind: "game"}); !errors.Is(err, errDown) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("List() = %v", err)
	}
	if f.opened != 2 {
		t.Errorf("%d connections were made, want 2", f.opened)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, began := pool.Snapshot(ctx, kinds(&fail))
	_, err = s.Kinds(ctx)
	if !errors.Is(began, context.Canceled) || !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller has gone: Snapshot() = %v, Kinds() = %v", began, err)
	}
}

func TestAListCanBeReadTwice(t *testing.T) {
	fail := error(nil)
	page := func(ctx context.Context, q store.Query, size int) (*sqlstore.Page, error) {
		return kinds(&fail).Page(ctx, nil, q, size)
	}
	all := sqlstore.List(t.Context(), store.Query{Kind: "game"}, page)
	for i := range 2 {
		n := 0
		for range all {
			n++
		}
		if n != 3 {
			t.Errorf("time %d: %d records, want 3", i+1, n)
		}
	}
}

func TestImportedRecordsKeepRevisionAndToken(t *testing.T) {
	q := sqlstore.NewQueue(1, sqlstore.Limits{Jobs: 8, Steps: 8, Bytes: math.MaxInt})
	done := make(chan struct{})
	var got sqlstore.Entries
	go func() {
		defer close(done)
		q.Run(func(group []*sqlstore.Job, results []error) {
			got = sqlstore.Collect(group)
			got.Apply(group, results)
		})
	}()
	token := store.NewToken()
	recs := []store.Record{{Key: key("b"), Rev: 9, Token: token}, {Key: key("a"), Rev: 1}}
	if err := q.Import(t.Context(), recs); err != nil {
		t.Errorf("Import() = %v", err)
	}
	if err := q.Import(t.Context(), []store.Record{{Key: key("a")}}); !errors.Is(err, store.ErrBadBatch) {
		t.Errorf("Import() without a revision = %v, want %v", err, store.ErrBadBatch)
	}
	q.Close()
	<-done
	for id, want := range map[string]store.Record{"a": recs[1], "b": recs[0]} {
		if e := got.Find(key(id)); e.Rev != want.Rev || e.Token != want.Token || !e.Written {
			t.Errorf("%s becomes revision %d of %v, want %d of %v", id, e.Rev, e.Token, want.Rev, want.Token)
		}
	}
	if err := q.Import(t.Context(), recs); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Import() after Close = %v", err)
	}
}

func TestAQueueThatIsNotThereRefuses(t *testing.T) {
	var q *sqlstore.Queue
	steps := []store.Step{put("a", 0)}
	for name, err := range map[string]error{
		"Commit": q.Commit(t.Context(), store.NewToken(), steps),
		"Import": q.Import(t.Context(), []store.Record{{Key: key("a"), Rev: 1}}),
	} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s() = %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	q.Close()
}
