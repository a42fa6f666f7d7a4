package pragma

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/pragma/store"
)

// ErrLoginPass refuses a log-in whose pass token of the log-in queue is missing,
// expired, not one, or used by another account. It is told with HTTP status 403
// (wire §16.8).
var ErrLoginPass = &Error{Code: PermissionDenied, Reason: "AccountService_Unauthorized", Message: "the log-in queue has not let this log-in in"}

// LoginPass is leave to log in, from [Mount.LoginPass]. The zero value is that of
// somebody who needs none.
type LoginPass struct {
	side   *side
	ticket string
	keep   time.Time // until when to remember who used it
}

// LoginPass checks the loginQueuePassToken of a player's log-in (wire §2.2). The
// account service of the Social backend calls it before it asks anybody else who
// the player is; the check asks nobody. Operators need no pass. The error is
// [ErrLoginPass].
//
// The queue is the one of the Game backend, on this node or any other of the
// cluster; LoginQueueServiceConfig.requireLoginQueuePassToken says whether a pass
// is needed: by default in production alone. Where none is needed the text is not
// looked at, because leaving it out would do as well.
func (m *Mount) LoginPass(text string) (LoginPass, error) {
	core := m.side.core
	if config := core.queue.config.Load(); !config.RequireLoginQueuePassToken {
		return LoginPass{}, nil
	}
	claims, err := core.tokens.keys.VerifyQueue(text, time.Now())
	result := "good"
	switch {
	case text == "":
		result, err = "missing", ErrLoginPass.With("the pass token of the log-in queue is missing")
	case errors.Is(err, token.ErrExpired):
		result, err = "expired", ErrLoginPass.With("the pass token of the log-in queue has expired").Wrap(err)
	case err != nil:
		result, err = "bad", ErrLoginPass.Wrap(err)
	case claims.IsAllowedIn != "true":
		result, err = "waiting", ErrLoginPass.With("this ticket of the log-in queue has not been let in yet")
	}
	core.metrics.queuePasses.WithLabelValues(result).Inc()
	if err != nil {
		return LoginPass{}, err
	}
	// After a restart the ticket can be let in once more for a while.
	life := time.Duration(claims.ExpiresAt-claims.IssuedAt) * time.Second
	return LoginPass{m.side, claims.TicketNumber, time.Unix(claims.ExpiresAt, 0).Add(life + ticketLife)}, nil
}

// passKind is the kind of the records of used passes, by ticket number.
const passKind = "login-pass"

// Use spends the pass for one account at an identity provider. That account may
// log in with the same pass again until it expires, so that an answer that was
// lost costs nobody his place; for another one the error is [ErrLoginPass]. Other
// errors are those of the store. Call it once it is certain who logs in. It is
// safe for concurrent use, on several nodes too.
func (p LoginPass) Use(ctx context.Context, provider, accountID string) error {
	if p.side == nil {
		return nil
	}
	mine := sha256.Sum256([]byte(provider + "\x00" + accountID))
	key := store.Key{Kind: passKind, ID: p.ticket}
	for {
		recs, err := p.side.store.Get(ctx, key)
		if err != nil {
			return fmt.Errorf("load login pass: %w", err)
		}
		switch {
		case recs[0].Exists() && string(recs[0].Body) == string(mine[:]):
			return nil
		case recs[0].Exists():
			p.side.core.metrics.queuePasses.WithLabelValues("used").Inc()
			return ErrLoginPass.With("another account has used this pass token of the log-in queue")
		}
		put := store.Put{Key: key, Due: p.keep, Body: mine[:]}
		err = store.Commit(ctx, p.side.store, &store.Batch{Puts: []store.Put{put}})
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("store login pass: %w", err)
		}
	}
}

// passSweep is how often used passes are looked at.
const passSweep = time.Minute

// forgetPasses deletes used passes that have expired, until ctx ends.
func (s *side) forgetPasses(ctx context.Context) {
	tick := time.NewTicker(passSweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.deletePasses(ctx); err != nil && ctx.Err() == nil {
			s.core.log.WarnContext(ctx, "cannot delete used passes of the log-in queue", "err", err)
		}
	}
}

func (s *side) deletePasses(ctx context.Context) error {
	for {
		now, err := s.store.Now(ctx)
		if err != nil {
			return err
		}
		due, err := s.store.Due(ctx, passKind, now, sweepBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		batch := &store.Batch{}
		for _, rec := range due {
			batch.Deletes = append(batch.Deletes, store.Check{Key: rec.Key, Expect: rec.Rev})
		}
		err = store.Commit(ctx, s.store, batch)
		if errors.Is(err, store.ErrConflict) { // another node was first
			return nil
		}
		if err != nil {
			return err
		}
	}
}
