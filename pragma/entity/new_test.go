package entity_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// countingDriver counts the records that are read.
type countingDriver struct {
	store.Driver
	reads atomic.Int64
}

func (d *countingDriver) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	d.reads.Add(int64(len(keys)))
	return d.Driver.Get(ctx, keys...)
}

func TestNewEntitiesAreNotReadBeforeTheyAreWritten(t *testing.T) {
	d := &countingDriver{Driver: memory(t)}
	n := newNode(t, d)
	k := accounts(n)
	n.start()
	err := k.Create(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		s.Balance = 1
		other, err := k.New(tx, "b")
		if err == nil {
			other.Balance = 2
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.reads.Load(); got != 0 {
		t.Errorf("%d records were read", got)
	}
	if a, b := balance(t, k, "a"), balance(t, k, "b"); a != 1 || b != 2 {
		t.Errorf("balances are %d and %d, want 1 and 2", a, b)
	}
}

// The store is right about what exists, whether this node has seen it or not, and
// whatever fn makes of it.
func TestWhatExistsIsNotMadeAnew(t *testing.T) {
	errRefused := errors.New("refused")
	create := func(result error) func(t *testing.T, k *entity.Kind[account]) error {
		return func(t *testing.T, k *entity.Kind[account]) error {
			return k.Create(t.Context(), "old", func(_ *entity.Tx, s *account) error {
				s.Balance = 100
				return result
			})
		}
	}
	beside := func(fn func(tx *entity.Tx, k *entity.Kind[account]) error) func(t *testing.T, k *entity.Kind[account]) error {
		return func(t *testing.T, k *entity.Kind[account]) error {
			return k.Upsert(t.Context(), "other", func(tx *entity.Tx, s *account) error {
				s.Balance = 100
				return fn(tx, k)
			})
		}
	}
	for name, try := range map[string]func(t *testing.T, k *entity.Kind[account]) error{
		"Create":              create(nil),
		"Create that refuses": create(errRefused),
		"New": beside(func(tx *entity.Tx, k *entity.Kind[account]) error {
			_, err := k.New(tx, "old")
			return err
		}),
		"New that is refused then": beside(func(tx *entity.Tx, k *entity.Kind[account]) error {
			if _, err := k.New(tx, "old"); err != nil {
				return err
			}
			return errRefused
		}),
		"New that is deleted again": beside(func(tx *entity.Tx, k *entity.Kind[account]) error {
			if _, err := k.New(tx, "old"); err != nil {
				return err
			}
			return k.Delete(tx, "old")
		}),
	} {
		for _, seen := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				d := memory(t)
				first := newNode(t, d)
				mustCreate(t, accounts(first), "old", 7)
				n := newNode(t, d)
				k := accounts(n)
				if seen {
					balance(t, k, "old")
				}
				if err := try(t, k); !errors.Is(err, entity.ErrExists) {
					t.Errorf("got %v, want ErrExists", err)
				}
				if got := balance(t, k, "old"); got != 7 {
					t.Errorf("the balance is %d, want 7", got)
				}
				if _, err := k.Read(t.Context(), "other"); !errors.Is(err, entity.ErrNotFound) {
					t.Errorf("Read() = %v of what was to be written with it", err)
				}
			})
		}
	}
}
