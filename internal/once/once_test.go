package once_test

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/internal/once"
)

func TestAThingIsUsedOnceUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := once.NewSet(10)
		end := time.Now().Add(time.Minute)
		if err := s.Use("a", end); err != nil {
			t.Fatal(err)
		}
		if err := s.Use("a", end); !errors.Is(err, once.ErrUsed) {
			t.Errorf("again: %v, want ErrUsed", err)
		}
		if err := s.Use("b", end); err != nil {
			t.Errorf("another: %v", err)
		}
		time.Sleep(time.Minute)
		if err := s.Use("a", time.Now().Add(time.Minute)); err != nil {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestAFullSetForgetsNothingTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := once.NewSet(3)
		for n := range 3 {
			if err := s.Use(strconv.Itoa(n), time.Now().Add(time.Duration(n+1)*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Use("more", time.Now().Add(time.Hour)); !errors.Is(err, once.ErrFull) {
			t.Errorf("a fourth: %v, want ErrFull", err)
		}
		if err := s.Use("0", time.Now().Add(time.Hour)); !errors.Is(err, once.ErrUsed) {
			t.Errorf("the first again: %v, want ErrUsed", err)
		}
		time.Sleep(time.Minute)
		if err := s.Use("more", time.Now().Add(time.Hour)); err != nil {
			t.Errorf("when one has expired: %v", err)
		}
		if err := s.Use("1", time.Now().Add(time.Hour)); !errors.Is(err, once.ErrUsed) {
			t.Errorf("the second again: %v, want ErrUsed", err)
		}
	})
}

func TestOneOfManyAtOnceWins(t *testing.T) {
	s := once.NewSet(10)
	var wins atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if s.Use("a", time.Now().Add(time.Hour)) == nil {
				wins.Add(1)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d won, want 1", wins.Load())
	}
}
