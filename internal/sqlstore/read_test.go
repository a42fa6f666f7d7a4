package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// fake is a connection that counts.
type fake struct {
	dead   bool
	closed *int
}

func (f *fake) Alive() bool { return !f.dead }
func (f *fake) Close()      { *f.closed++ }

func TestReadersReplaceWhatIsBroken(t *testing.T) {
	opened, closed := 0, 0
	lost, refused := errors.New("lost"), errors.New("refused")
	p := sqlstore.NewReaders(1, func(context.Context) (*fake, error) {
		opened++
		return &fake{closed: &closed}, nil
	}, func(err error) bool { return errors.Is(err, lost) }, func(what string, err error) error { return fmt.Errorf("%s: %w", what, err) })
	var last *fake
	use := func(errs ...error) error {
		calls := 0
		err := p.Use(t.Context(), "read", func(_ context.Context, f *fake) error {
			last = f
			calls++
			return errs[calls-1]
		})
		if calls != len(errs) {
			t.Errorf("%d calls, want %d", calls, len(errs))
		}
		return err
	}
	for _, c := range []struct {
		name           string
		errs           []error
		want           error
		opened, closed int
	}{
		{"first", []error{nil}, nil, 1, 0},
		{"again", []error{nil}, nil, 1, 0},
		{"an error of the statement", []error{refused}, refused, 1, 0},
		{"lost once", []error{lost, nil}, nil, 2, 1},
		{"lost twice", []error{lost, lost}, lost, 3, 3},
		{"afterwards", []error{nil}, nil, 4, 3},
	} {
		if err := use(c.errs...); !errors.Is(err, c.want) || opened != c.opened || closed != c.closed {
			t.Errorf("%s: Use() = %v, %d opened, %d closed, want %v, %d, %d", c.name, err, opened, closed, c.want, c.opened, c.closed)
		}
	}
	last.dead = true
	if err := use(nil); err != nil || opened != 5 || closed != 4 {
		t.Errorf("after the connection has ended: %v, %d opened, %d closed, want 5 and 4", err, opened, closed)
	}
	p.Close()
	if err := p.Use(t.Context(), "read", nil); !errors.Is(err, store.ErrUnavailable) || closed != opened {
		t.Errorf("Use() after Close = %v, %d of %d are closed", err, closed, opened)
	}
}

// The bodies are so large that a page has room for four of them.
func TestListReadsPagesUntilTheQueryIsAnswered(t *testing.T) {
	const records = 300
	for _, c := range []struct {
		name string
		body int
		q    store.Query
		want int
	}{
		{"small bodies", 0, store.Query{Kind: "thing"}, records},
		{"large bodies", 1 << 20, store.Query{Kind: "thing"}, records},
		{"a limit", 0, store.Query{Kind: "thing", Limit: 40}, 40},
		{"a limit of large bodies", 1 << 20, store.Query{Kind: "thing", Limit: 5}, 5},
		{"from a cursor", 0, store.Query{Kind: "thing", After: "289"}, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := make([]byte, c.body)
			page := func(_ context.Context, q store.Query, size int) (*sqlstore.Page, error) {
				p := new(sqlstore.Page)
				for i := range records {
					id := fmt.Sprintf("%03d", i)
					if !q.Matches(id) {
						continue
					}
					if len(p.Records) == size || !p.Add(store.Record{Key: key(id), Body: body}) {
						break
					}
				}
				if len(p.Records) > size {
					t.Errorf("a page of %d, want at most %d", len(p.Records), size)
				}
				return p, nil
			}
			n, last := 0, ""
			for r, err := range sqlstore.List(t.Context(), c.q, page) {
				if err != nil || r.ID <= last {
					t.Fatalf("after %s comes %s, %v", last, r.ID, err)
				}
				n, last = n+1, r.ID
			}
			if n != c.want {
				t.Errorf("List() yields %d records, want %d", n, c.want)
			}
		})
	}
}

func TestNobodyWaitsForAServerThatWasSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sqlstore.Silence
		tries := 0
		open := func() (time.Duration, error) {
			begin := time.Now()
			_, err := sqlstore.Open(t.Context(), &s, func(ctx context.Context) (int, error) {
				tries++
				<-ctx.Done()
				return 0, ctx.Err()
			})
			return time.Since(begin), err
		}
		for i, want := range []time.Duration{sqlstore.ConnectTime, 0, 0} {
			if took, err := open(); took != want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open() %d = %v after %v, want %v", i, err, took, want)
			}
		}
		time.Sleep(time.Second)
		if took, _ := open(); took != sqlstore.ConnectTime || tries != 2 {
			t.Errorf("after a rest Open() took %v, %d tries, want %v and 2", took, tries, sqlstore.ConnectTime)
		}
	})
}
