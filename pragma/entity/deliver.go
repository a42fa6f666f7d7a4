package entity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

const (
	// leaseMargin is how long after the end of an attempt its result may be
	// committed before another node makes the next one.
	leaseMargin = 10 * time.Second
	// settleTimeout bounds that commit, also when the server stops meanwhile.
	settleTimeout = 5 * time.Second
)

// attempt makes one attempt of a call that is due: it claims the call by moving
// its due time behind the attempt, makes the call, and commits what came of it.
// Only failures of the store are returned; the lane has its own back-off for others.
func (l *Lane[Req, Res]) attempt(ctx context.Context, key string) error {
	c, failed, err := l.claim(ctx, key)
	if c == nil || err != nil {
		return err
	}
	if failed == nil {
		var res Res
		if res, failed = l.deliver(ctx, c); failed == nil {
			failed = l.delivered(ctx, c, res)
		}
	}
	if failed == nil {
		l.counts.delivered.Inc()
		return nil
	}
	l.counts.failed.Inc()
	return l.retry(ctx, c, failed)
}

// reclaim makes the calls due that this node was making when it died. Nobody
// makes them now, so nobody has to wait for the end of their leases.
func (l *Lane[Req, Res]) reclaim(ctx context.Context) {
	for call, err := range l.calls.List(ctx, "", "") {
		if err == nil && call.State.Claimed == l.host.Node() {
			err = l.calls.Update(ctx, call.ID, func(tx *Tx, s *callState) error {
				if s.Claimed == l.host.Node() {
					s.Next, s.Claimed = tx.Now(), ""
				}
				return nil
			})
		}
		if err != nil && ctx.Err() == nil {
			l.host.Log().WarnContext(ctx, "a call waits for the end of its lease", "lane", l.name, "err", err)
		}
	}
}

// claim commits that an attempt begins. It returns nil if the call is not due
// any more, and a failure if the attempt need not be made.
func (l *Lane[Req, Res]) claim(ctx context.Context, key string) (c *Call[Req], failed, err error) {
	err = l.calls.Update(ctx, key, func(tx *Tx, s *callState) error {
		c, failed = nil, nil
		now := tx.Now()
		if s.Dead || s.Next.After(now) {
			return nil
		}
		s.Attempt++
		s.Next, s.Claimed = now.Add(l.o.Timeout+leaseMargin), l.host.Node()
		c = &Call[Req]{Key: key}
		if err := s.open(&c.Created, &c.Attempt, &c.Request); err != nil {
			failed = Permanent(err)
		} else if now.After(s.Expires) {
			failed = Permanent(fmt.Errorf("%w after %d attempts, the last one: %s", errLate, s.Attempt-1, s.Error))
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil, nil
	}
	return c, failed, err
}

// deliver calls Deliver and survives its panics.
func (l *Lane[Req, Res]) deliver(ctx context.Context, c *Call[Req]) (res Res, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.o.Timeout, fmt.Errorf("call took longer than %v", l.o.Timeout))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = recovered(l.host, l.key(c), p)
		}
	}()
	return l.o.Deliver(ctx, c)
}

// delivered commits the result of a call and removes it.
func (l *Lane[Req, Res]) delivered(ctx context.Context, c *Call[Req], res Res) error {
	err := l.settle(ctx, c, func(tx *Tx, s *callState) error {
		if l.o.Delivered != nil {
			if err := l.o.Delivered(tx, c, res); err != nil {
				return err
			}
		}
		err := l.calls.Delete(tx, c.Key)
		if errors.Is(err, ErrNotFound) { // Delivered cancelled it
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("take the result of call %s: %w", l.key(c), err)
	}
	return nil
}

// retry commits that an attempt failed: the time of the next one, or that there
// is none.
func (l *Lane[Req, Res]) retry(ctx context.Context, c *Call[Req], failed error) error {
	stopping := ctx.Err() != nil
	wait := l.wait(c, failed)
	var dead, ours bool
	err := l.settle(ctx, c, func(tx *Tx, s *callState) error {
		dead, ours = false, s.Attempt == c.Attempt
		if !ours { // another attempt has begun since
			return nil
		}
		now := tx.Now()
		s.Error = failed.Error()
		s.Next = now.Add(wait)
		switch {
		case isPermanent(failed) || s.Next.After(s.Expires) && !stopping:
			dead, s.Dead = true, true
		case stopping: // not the fault of the other side
			s.Next = now
			s.Attempt--
		}
		if dead && l.o.Dead != nil {
			return l.o.Dead(tx, c, failed)
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("settle call %s: %w", l.key(c), err)
	case dead:
		l.counts.dead.Inc()
		l.host.Log().ErrorContext(ctx, "outbox call given up", "lane", l.name, "key", c.Key, "attempt", c.Attempt, "err", failed)
	case ours && !stopping:
		l.host.Log().WarnContext(ctx, "outbox call failed", "lane", l.name, "key", c.Key, "attempt", c.Attempt, "retryIn", wait, "err", failed)
	}
	return nil
}

// settle updates the call after an attempt, also when the server stops. A call
// that is gone or dead is left alone: it was cancelled, or another node was faster.
func (l *Lane[Req, Res]) settle(ctx context.Context, c *Call[Req], fn func(tx *Tx, s *callState) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	err := l.calls.Upsert(ctx, c.Key, func(tx *Tx, s *callState) error {
		if s.Attempt == 0 || s.Dead {
			return nil
		}
		s.Claimed = ""
		return fn(tx, s)
	})
	return err
}

// wait returns the time between a failed attempt and the next one.
func (l *Lane[Req, Res]) wait(c *Call[Req], failed error) time.Duration {
	if asked, ok := errors.AsType[*retryAfterError](failed); ok {
		return max(asked.after, 0)
	}
	return backoff(c.Attempt, l.o.MinBackoff, l.o.MaxBackoff)
}

func (l *Lane[Req, Res]) key(c *Call[Req]) store.Key {
	return store.Key{Kind: l.calls.kind.name, ID: c.Key}
}
