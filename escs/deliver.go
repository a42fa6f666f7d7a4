package escs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

const (
	// claimMargin is how long after the end of an attempt its outcome may be noted
	// before somebody else makes the next one; noteTime is less than that.
	claimMargin = 10 * time.Second
	noteTime    = 8 * time.Second
	// inlineTimeout bounds an attempt of the job that ends a game, which has 30 s.
	inlineTimeout = 15 * time.Second
	// noteTry bounds one try to note an outcome.
	noteTry = 3 * time.Second
)

// claim is an attempt that was committed and has to be made.
type claim struct {
	id       string
	attempt  int
	delivery Delivery
	parts    []string // taken already
	cfg      *Config
	timeout  time.Duration
}

// deliver makes what a result that is due waits for. It is the Work of the rows.
func (r *results) deliver(ctx context.Context, id string) error {
	for ctx.Err() == nil {
		if v, ok := r.unnotedOf(id); ok {
			if err := r.note(ctx, &claim{id: id, cfg: r.s.cfg.Load()}, v); err != nil {
				return err
			}
			continue
		}
		c, err := r.claim(ctx, id)
		if c == nil || err != nil {
			return err
		}
		if err := r.carry(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// claim commits that an attempt begins. It returns nil if there is none to make.
func (r *results) claim(ctx context.Context, id string) (c *claim, err error) {
	var ended *result
	var paused bool
	err = r.rows.Update(ctx, id, func(tx *entity.Tx, row *result) error {
		c, ended, paused = nil, nil, false
		now := tx.Now()
		if due := row.due(); due.IsZero() || due.After(now) {
			return nil
		}
		cfg := r.s.cfg.Load()
		if reason := row.over(cfg, now); reason != "" {
			if err := r.die(tx, row, reason); err != nil {
				return err
			}
			ended = row.copy()
			return r.forgetOrphan(tx, id, row)
		}
		c = r.begin(row, id, cfg, now)
		paused = row.Paused
		return nil
	})
	switch {
	case errors.Is(err, entity.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("claim results %s: %w", id, err)
	case ended != nil:
		r.tellDead(ctx, ended)
	case paused:
		r.lookAgain()
	}
	return c, nil
}

// begin claims an attempt in a working copy. It returns nil, and has the result
// wait, while the credentials are refused.
func (r *results) begin(row *result, id string, cfg *Config, now time.Time) *claim {
	if r.isRefused(cfg.access()) {
		row.pause()
		return nil
	}
	row.Attempts++
	row.Next, row.Claimed = now.Add(cfg.ResultRequestTimeout+claimMargin), r.process
	return &claim{
		id: id, attempt: row.Attempts, delivery: row.Delivery, parts: slices.Clone(row.Parts),
		cfg: cfg, timeout: cfg.ResultRequestTimeout,
	}
}

// pause has the result wait for other credentials. See lookAgain for what has to
// follow the commit.
func (row *result) pause() { row.Paused, row.Next, row.Claimed = true, time.Time{}, "" }

// carry makes a claimed attempt and notes what became of it.
func (r *results) carry(ctx context.Context, c *claim) error {
	v := r.send(ctx, c)
	r.metrics.attempts.WithLabelValues(string(v.outcome)).Inc()
	return r.note(ctx, c, v)
}

// send makes one request, that of the first submission that was not taken yet.
func (r *results) send(ctx context.Context, c *claim) verdict {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %v", c.timeout))
	defer cancel()
	list, err := r.encode(ctx, c)
	if err != nil {
		return r.broken(ctx, c, "", fmt.Errorf("encode: %w", err))
	}
	next := slices.IndexFunc(list, func(sub Submission) bool { return !slices.Contains(c.parts, sub.Part) })
	if next < 0 {
		return verdict{outcome: outcomeTaken, last: true}
	}
	sub := &list[next]
	req, err := c.request(ctx, sub)
	if err != nil {
		return r.broken(ctx, c, sub.Part, err)
	}
	answer, err := call(r.client, req)
	if err != nil {
		return r.broken(ctx, c, sub.Part, err)
	}
	v := judge(answer, c.cfg.AlreadyHasResultCodes)
	v.part = sub.Part
	v.last = !slices.ContainsFunc(list[next+1:], func(sub Submission) bool { return !slices.Contains(c.parts, sub.Part) })
	v.text, v.answer = hide(v.text, c.cfg.Secret, keptError), hide(v.answer, c.cfg.Secret, keptAnswer)
	return v
}

// broken is the verdict on an attempt without an answer.
func (r *results) broken(ctx context.Context, c *claim, part string, err error) verdict {
	v := verdict{outcome: outcomeAgain, part: part, text: hide(err.Error(), c.cfg.Secret, keptError)}
	if errors.Is(context.Cause(ctx), context.Canceled) {
		v.outcome = outcomeStopped
	}
	return v
}

// encode asks the encoder, and checks what it returns.
func (r *results) encode(ctx context.Context, c *claim) ([]Submission, error) {
	var list []Submission
	err := pragma.RunHook(ctx, r.m, "EncodeResults", func(ctx context.Context) error {
		made, err := r.encoder.EncodeResults(ctx, &EncodeResultsRequest{
			Delivery: &c.delivery, GameID: c.cfg.GameID, Secret: c.cfg.Secret,
		})
		list = made
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > MaxSubmissions {
		return nil, fmt.Errorf("the encoder made %d submissions, want 1 to %d", len(list), MaxSubmissions)
	}
	seen := make(map[string]bool, len(list))
	for _, sub := range list {
		if seen[sub.Part] || sub.Part == "" && len(list) > 1 {
			return nil, fmt.Errorf("the encoder made several submissions of which one has the part %q that another has, or none", sub.Part)
		}
		seen[sub.Part] = true
	}
	return list, nil
}

// request makes the HTTP request of a submission.
func (c *claim) request(ctx context.Context, sub *Submission) (*http.Request, error) {
	method, to := cmp.Or(sub.Method, http.MethodPost), cmp.Or(sub.URL, c.cfg.URL)
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(sub.Body))
	if err != nil {
		return nil, withoutAddress(ctx, err)
	}
	for name, values := range sub.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	key := c.delivery.key()
	if sub.Part != "" {
		key += ":" + sub.Part
	}
	for name, value := range map[string]string{"Content-Type": "application/json", headerIdempotencyKey: key} {
		if req.Header.Get(name) == "" {
			req.Header.Set(name, value)
		}
	}
	return req, nil
}

// note commits the outcome of an attempt. It tries for as long as the claim lasts,
// also when the server stops; a success that could not be noted by then is
// remembered, so that this process does not send again.
func (r *results) note(ctx context.Context, c *claim, v verdict) error {
	if v.outcome == outcomeUnauthorized && r.refuse(c.cfg.access()) {
		r.m.Log().ErrorContext(ctx, "the tournament platform refuses our credentials; results wait until the configuration is changed",
			slog.String("gameId", c.cfg.GameID), slog.String("answer", v.text))
	}
	noteCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	wait := 50 * time.Millisecond
	for {
		var ended *result
		err := r.tryNote(noteCtx, c, v, &ended)
		if err == nil {
			r.forget(c.id)
			if v.outcome == outcomeUnauthorized {
				r.lookAgain()
			}
			r.tell(ctx, c, v, ended)
			return nil
		}
		sleep(noteCtx, wait)
		wait = min(2*wait, time.Second)
		if noteCtx.Err() != nil {
			if v.outcome == outcomeTaken {
				r.remember(c.id, v)
			}
			return fmt.Errorf("note what became of results %s: %w", c.id, err)
		}
	}
}

func (r *results) tryNote(ctx context.Context, c *claim, v verdict, ended **result) error {
	ctx, cancel := context.WithTimeout(ctx, noteTry)
	defer cancel()
	err := r.rows.Update(ctx, c.id, func(tx *entity.Tx, row *result) error {
		*ended = nil
		before := row.State
		if err := r.settle(tx, row, c, v); err != nil {
			return err
		}
		if row.State != before {
			*ended = row.copy()
		}
		return r.forgetOrphan(tx, c.id, row)
	})
	if errors.Is(err, entity.ErrNotFound) { // removed with its set
		return nil
	}
	return err
}

// settle puts the outcome of an attempt into the row.
func (r *results) settle(tx *entity.Tx, row *result, c *claim, v verdict) error {
	now := tx.Now()
	if v.outcome == outcomeTaken { // whoever else is sending: it is there
		return r.settleTaken(tx, row, v, now)
	}
	if row.State != deliveryPending || row.Attempts != c.attempt || row.Claimed != r.process {
		return nil // another attempt has begun since, or ended it
	}
	row.Claimed = ""
	if v.outcome == outcomeStopped { // nobody's fault
		row.Next = now
		return nil
	}
	row.LastError = v.text
	if v.outcome == outcomeUnauthorized {
		row.pause()
		return nil
	}
	row.Owed = false
	row.Failures++
	if v.outcome == outcomeRefused {
		row.Answer = v.answer
		return r.die(tx, row, reasonRefused)
	}
	cfg := r.s.cfg.Load()
	if reason := row.over(cfg, now); reason != "" {
		return r.die(tx, row, reason)
	}
	row.Next = now.Add(backoff(row.Failures, cfg))
	if v.asked {
		row.Next = now.Add(v.wait)
	}
	deadline := row.End.Add(cfg.ResultGraceAfterEnd)
	last := deadline.Add(-cfg.ResultRequestTimeout) // an attempt that begins then ends in time
	switch {
	case !row.Next.After(deadline):
	case v.asked || !now.Before(last):
		row.Next = deadline.Add(time.Second) // which is too late: it ends there
	default:
		row.Next = last
	}
	return nil
}

func (r *results) settleTaken(tx *entity.Tx, row *result, v verdict, now time.Time) error {
	if row.State == deliverySent {
		return nil
	}
	if !slices.Contains(row.Parts, v.part) && v.part != "" {
		row.Parts = append(row.Parts, v.part)
	}
	row.LastError, row.Answer, row.Paused, row.Claimed = "", "", false, ""
	if !v.last {
		row.State, row.Reason, row.Next = deliveryPending, "", now
		return nil
	}
	row.State, row.Reason, row.Next, row.SettledAt = deliverySent, "", time.Time{}, now
	return r.s.markResult(tx, row.Delivery.SetID, ResultsSent, "")
}

// die makes a result a dead letter.
func (r *results) die(tx *entity.Tx, row *result, reason string) error {
	row.State, row.Reason, row.Next, row.Claimed, row.SettledAt = deliveryDead, reason, time.Time{}, "", tx.Now()
	return r.s.markResult(tx, row.Delivery.SetID, ResultsFailed, reason)
}

// tell logs what became of an attempt, after it was noted.
func (r *results) tell(ctx context.Context, c *claim, v verdict, ended *result) {
	set := slog.String("setId", c.delivery.SetID)
	switch {
	case ended != nil && ended.State == deliveryDead:
		r.tellDead(ctx, ended)
	case ended != nil && ended.State == deliverySent:
		r.m.Log().InfoContext(ctx, "results sent", slog.String("setId", ended.Delivery.SetID),
			slog.String("roundId", ended.Delivery.RoundID), slog.Int("attempts", ended.Attempts))
	case v.outcome == outcomeAgain:
		r.m.Log().WarnContext(ctx, "results not sent; there will be another attempt", set, slog.Int("attempt", c.attempt), slog.String("err", v.text))
	}
}

// tellDead is the alarm: somebody has to look, and perhaps to send again.
func (r *results) tellDead(ctx context.Context, row *result) {
	r.metrics.dead.WithLabelValues(row.Reason).Inc()
	r.m.Log().ErrorContext(ctx, "results given up; an operator can send them again",
		slog.String("setId", row.Delivery.SetID), slog.String("roundId", row.Delivery.RoundID),
		slog.String("reason", row.Reason), slog.Int("attempts", row.Attempts), slog.String("err", row.LastError))
}

// backoff returns how long to wait after the n-th failure: at random up to a bound
// that doubles. Whole milliseconds are what every store can tell apart.
func backoff(n int, cfg *Config) time.Duration {
	bound := cfg.ResultRetryMin
	for ; n > 1 && bound < cfg.ResultRetryMax; n-- {
		bound *= 2
	}
	bound = min(bound, cfg.ResultRetryMax)
	return rand.N(bound + 1).Truncate(time.Millisecond)
}

func (r *results) unnotedOf(id string) (verdict, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.unnoted[id]
	return v, ok
}

func (r *results) remember(id string, v verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.unnoted) < maxUnnoted {
		r.unnoted[id] = v
	}
}

func (r *results) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.unnoted, id)
}
