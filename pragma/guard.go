package pragma

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// guard runs code of a service or a plugin that must not hold up or break the
// server: it gets a context that ends after limit, is left behind when it
// overruns, and its panic is logged and becomes an internal error. The error of
// an overrun is the cause of the context's end: late, or that of ctx.
func guard(ctx context.Context, log *slog.Logger, what string, limit time.Duration, late error, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				log.ErrorContext(ctx, "panic", "in", what, "panic", p, stack())
				done <- ErrInternal.Wrap(fmt.Errorf("%s panicked: %v", what, p))
			}
		}()
		done <- fn(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func stack() slog.Attr { return slog.String("stack", string(debug.Stack())) }
