package escs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// Errors of sending results again. The values are not to be changed.
var (
	// ErrNoResults is a set without results: nobody knows it, its game has not
	// ended, or there was nothing to send.
	ErrNoResults = &pragma.Error{Code: pragma.NotFound, Reason: "ExternalMatchmakingService_ResultsNotFound", Message: "there are no results of this set and round"}
	// ErrResultsSent are results that the platform has: they are never sent twice.
	ErrResultsSent = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "ExternalMatchmakingService_ResultsAlreadySent", Message: "the platform has these results"}
)

// DeadResult is a set whose results were given up.
type DeadResult struct {
	SetID, RoundID string
	// Reason is EXPIRED, REFUSED or MAX_ATTEMPTS, LastError what was wrong with the
	// last attempt, Answer the body that refused them, shortened and without secrets.
	Reason, LastError, Answer string
	Attempts                  int
	Ended                     time.Time // when they were given up
}

// DeadResults yields the results that were given up and that
// [Service.ResendResults] can send again, until the set is forgotten
// (retainAfterEnd). It reads all results from the store.
func (s *Service) DeadResults(ctx context.Context) iter.Seq2[DeadResult, error] {
	return func(yield func(DeadResult, error) bool) {
		for item, err := range s.results.rows.List(ctx, "", "") {
			if err == nil && item.State.State != deliveryDead {
				continue
			}
			var d DeadResult
			if err == nil {
				row := item.State
				d = DeadResult{
					SetID: row.Delivery.SetID, RoundID: row.Delivery.RoundID, Reason: row.Reason,
					LastError: row.LastError, Answer: row.Answer, Attempts: row.Attempts, Ended: row.SettledAt,
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// ResendResults sends the results of a set again at once (escs E11): those that
// were given up, and those that wait. They get resultGraceAfterEnd from now on, the
// same body and the same idempotency key. An empty roundID means that of the set.
//
// [ErrResultsSent] are results that were taken, [ErrNoResults] a set that has none.
// If an attempt is under way, nothing is changed.
func (s *Service) ResendResults(ctx context.Context, setID, roundID string) error {
	if roundID == "" {
		st, err := s.readSet(ctx, setID)
		if err != nil && !errors.Is(err, entity.ErrNotFound) && !errors.Is(err, store.ErrBadKey) {
			return fmt.Errorf("read set %s: %w", setID, err)
		}
		if st != nil {
			roundID = cmp.Or(st.Start.RoundID, roundID)
		}
	}
	return s.results.again(ctx, rowID(setID, roundID))
}

func (r *results) again(ctx context.Context, id string) error {
	err := r.rows.Update(ctx, id, func(tx *entity.Tx, row *result) error {
		now := tx.Now()
		switch {
		case row.State == deliverySent:
			return ErrResultsSent
		case row.State == deliveryPending && row.Claimed != "" && row.Next.After(now):
			return nil
		}
		if now.After(row.End) {
			row.End = now
		}
		row.State, row.Reason, row.Answer, row.SettledAt = deliveryPending, "", "", time.Time{}
		row.Late, row.Failures, row.Owed, row.Paused, row.Claimed, row.Next = false, 0, true, false, "", now
		// Whoever asks has perhaps put things right at the other side.
		tx.After(func(context.Context) { r.accept() })
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return ErrNoResults
	}
	return err
}

func (s *Service) resendResultsOperatorV1(ctx context.Context, o *pragma.OperatorSession, req *wire.ExternalMatchmakingResendResultsOperatorV1Request) (*wire.Empty, error) {
	if req.SetID == "" {
		return nil, pragma.ErrMalformed.With("setId is missing")
	}
	if err := s.m.Audit(ctx, o, "send tournament results again", slog.String("setId", req.SetID), slog.String("roundId", req.RoundID)); err != nil {
		return nil, err
	}
	return &wire.Empty{}, s.ResendResults(ctx, req.SetID, req.RoundID)
}
