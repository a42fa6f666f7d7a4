package escs

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// How often a change is begun again that ran into others each time, besides the
// tries of package entity, and the longest wait before the second try.
const (
	maxTries = 12
	tryPause = 10 * time.Millisecond
)

func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }

// again runs a change until it does not run into others, for as long as the caller
// has time: many players of one set come at once, on several nodes.
func again(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if !isConflict(err) || n >= maxTries {
			return err
		}
		if !pause(ctx, time.Duration(n)*tryPause) {
			return err
		}
	}
}

// pause waits for a random part of d, and reports false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(rand.N(d) + 1)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
