package entity_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

func TestUpdatesOfOneEntityRunOneAfterTheOther(t *testing.T) {
	n, k := bank(t, memory(t))
	var running, most int
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
				running++ // a race, and found by the detector, if two run at once
				most = max(most, running)
				s.Balance++
				running--
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := balance(t, k, "a"); got != 60 || most != 1 {
		t.Errorf("balance = %d, want 60; %d ran at once, want 1", got, most)
	}
	if rev := record(t, n.driver, "account", "a").Rev; rev != 51 {
		t.Errorf("revision = %d, want 51: no try should have met a conflict", rev)
	}
}

func TestUpdatesOfDifferentEntitiesRunTogether(t *testing.T) {
	_, k := bank(t, memory(t))
	mustCreate(t, k, "b", 10)
	inside := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- k.Update(t.Context(), "a", func(*entity.Tx, *account) error {
			inside <- struct{}{}
			<-inside
			return nil
		})
	}()
	<-inside
	if err := k.Update(t.Context(), "b", add(1)); err != nil {
		t.Error(err)
	}
	inside <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTooManyWaitingAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k := bank(t, memory(t))
		var wg sync.WaitGroup
		results := make(chan error, entity.MaxWaiting+1)
		open := make(chan struct{})
		for range entity.MaxWaiting + 1 { // one runs, the others wait
			wg.Go(func() {
				results <- k.Update(t.Context(), "a", func(_ *entity.Tx, s *account) error {
					<-open
					s.Balance++
					return nil
				})
			})
		}
		synctest.Wait()
		if err := k.Update(t.Context(), "a", add(1)); !errors.Is(err, pragma.ErrUnavailable) {
			t.Errorf("Update = %v, want ErrUnavailable", err)
		}
		close(open)
		wg.Wait()
		for range entity.MaxWaiting + 1 {
			if err := <-results; err != nil {
				t.Errorf("a waiting update failed: %v", err)
			}
		}
		if got, want := balance(t, k, "a"), 10+entity.MaxWaiting+1; got != want {
			t.Errorf("balance = %d, want %d", got, want)
		}
	})
}

func TestContextThatEndsWhileTheUpdateWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k := bank(t, memory(t))
		open := make(chan struct{})
		done := make(chan error)
		go func() {
			done <- k.Update(t.Context(), "a", func(*entity.Tx, *account) error { <-open; return nil })
		}()
		synctest.Wait()
		why := errors.New("caller left")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		err := k.Update(ctx, "a", add(1))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, why) {
			t.Errorf("Update = %v, want the end of the context and its cause", err)
		}
		close(open)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := balance(t, k, "a"); got != 10 {
			t.Errorf("balance = %d, want 10", got)
		}
	})
}

func TestContextThatEndsWhileTheFunctionRuns(t *testing.T) {
	n, k := bank(t, memory(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := k.Update(ctx, "a", func(tx *entity.Tx, s *account) error {
		tx.NotifyPlayers(n.message("no"), player(1))
		s.Balance++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want canceled", err)
	}
	if got, sent := balance(t, k, "a"), n.took(); got != 10 || sent != nil {
		t.Errorf("balance = %d, sent %q; want 10 and nothing", got, sent)
	}
}

func TestUpdateInsideAnUpdateIsRefused(t *testing.T) {
	_, k := bank(t, memory(t))
	mustCreate(t, k, "b", 10)
	var inner, after error
	err := k.Update(t.Context(), "a", func(tx *entity.Tx, s *account) error {
		s.Balance++
		inner = k.Update(tx.Context(), "b", add(1))
		tx.After(func(ctx context.Context) { after = k.Update(ctx, "a", add(1)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if inner == nil || after == nil {
		t.Errorf("inner = %v, after = %v; want both refused at once: they could wait for each other", inner, after)
	}
}
