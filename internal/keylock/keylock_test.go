package keylock_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/keylock"
)

func TestWaitersGetTheKeyInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keylock.Map[string]
		if err := m.Lock(t.Context(), "k", 10); err != nil {
			t.Fatal(err)
		}
		var got []int
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				if err := m.Lock(t.Context(), "k", 10); err != nil {
					t.Error(err)
					return
				}
				got = append(got, i)
				m.Unlock("k")
			})
			synctest.Wait()
		}
		m.Unlock("k")
		wg.Wait()
		if diff := cmp.Diff(got, []int{0, 1, 2, 3, 4}); diff != "" {
			t.Errorf("order (-got +want):\n%s", diff)
		}
		if m.Len() != 0 {
			t.Errorf("%d keys are held", m.Len())
		}
	})
}

func TestTooManyWaitersAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keylock.Map[int]
		_ = m.Lock(t.Context(), 1, 1)
		done := make(chan error)
		go func() { done <- m.Lock(t.Context(), 1, 1) }()
		synctest.Wait()
		if err := m.Lock(t.Context(), 1, 1); !errors.Is(err, keylock.ErrBusy) {
			t.Errorf("Lock = %v, want ErrBusy", err)
		}
		if err := m.Lock(t.Context(), 2, 0); err != nil {
			t.Errorf("another key: %v", err)
		}
		m.Unlock(1)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWaiterLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m keylock.Map[string]
		_ = m.Lock(t.Context(), "k", 5)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Lock(ctx, "k", 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Lock = %v, want the end of the context", err)
		}
		if err := m.Lock(ctx, "free", 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Lock of a free key = %v, want the end of the context", err)
		}
		m.Unlock("k")
		if m.Len() != 0 {
			t.Errorf("%d keys are held", m.Len())
		}
	})
}

// TestNobodyIsLeftBehind has waiters that give up at the very moment of their turn.
func TestNobodyIsLeftBehind(t *testing.T) {
	var m keylock.Map[int]
	counts := make([]int, 3)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 500 {
				key := rand.IntN(len(counts))
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(50))*time.Microsecond)
				if m.Lock(ctx, key, 100) == nil {
					counts[key]++ // found by the race detector if two are here
					m.Unlock(key)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if m.Len() != 0 {
		t.Errorf("%d keys are still held", m.Len())
	}
}
