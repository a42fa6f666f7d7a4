package entity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma"
)

// Defaults of [LaneOptions].
const (
	DefaultConcurrency = 8
	DefaultTimeout     = 10 * time.Second
	DefaultMinBackoff  = time.Second
	DefaultMaxBackoff  = 5 * time.Minute
	DefaultDeadline    = 24 * time.Hour
)

// LaneOptions say how the calls of a lane are made. Only Deliver is required.
type LaneOptions[Req, Res any] struct {
	// Deliver makes the call to the outside. It runs outside of any update, with
	// a context that ends after Timeout. It is called at least once: again after
	// an error, a panic or a crash, so the other side must recognise c.Key. An
	// error marked with [Permanent] ends the call, one marked with [RetryAfter]
	// sets the time of the next attempt, any other is repeated with a back-off.
	Deliver func(ctx context.Context, c *Call[Req]) (Res, error)
	// Delivered is called in the update that removes the call from the lane:
	// what it changes on tx is committed together with that. It may run again
	// after a conflict. An error counts as an error of Deliver.
	Delivered func(tx *Tx, c *Call[Req], res Res) error
	// Dead is called in the update that makes the call a dead letter; cause is
	// the last error. If it fails, the call stays in the lane and is tried again
	// when the time of its last attempt is over.
	Dead func(tx *Tx, c *Call[Req], cause error) error

	// Concurrency is how many calls of the lane run at a time on one node,
	// Timeout how long one attempt may take, MinBackoff and MaxBackoff the waits
	// after the first and after many failures, of which half is random, and
	// Deadline the age at which no further attempt is begun and the call becomes
	// a dead letter. Zero means the default.
	Concurrency int
	Timeout     time.Duration
	MinBackoff  time.Duration
	MaxBackoff  time.Duration
	Deadline    time.Duration
}

// Call is one call to the outside world, as Deliver sees it.
type Call[Req any] struct {
	// Key is the idempotency key: unique in the lane and the same in every attempt.
	Key string
	// Request is what to say.
	Request Req
	// Attempt counts from 1.
	Attempt int
	// Created is when the commit was made that decided the call.
	Created time.Time
}

// DeadLetter is a call that was given up.
type DeadLetter[Req any] struct {
	Call[Req]
	Error string // the last one
}

// Lane delivers one sort of call to the outside world. Lanes do not wait for
// each other. Make one with [NewLane] while mounting; the methods may be called
// by any number of goroutines, those with a [Tx] by the one that was given it.
type Lane[Req, Res any] struct {
	name   string
	host   host
	o      LaneOptions[Req, Res]
	calls  *Kind[callState]
	counts laneCounters
}

// callState is a call as it is stored. The request stays as it was written, so
// that a node of another version does not lose members of it.
type callState struct {
	Request jsontext.Value `json:"request"`
	Created time.Time      `json:"created"`
	Expires time.Time      `json:"expires"`
	Attempt int            `json:"attempt"`
	// Next is the time of the next attempt. While one runs, it is when the node
	// that makes it is believed to be dead.
	Next time.Time `json:"next"`
	// Claimed is the node that makes the present attempt; empty between attempts.
	Claimed string `json:"claimed,omitempty"`

	Dead  bool   `json:"dead,omitzero"`
	Error string `json:"error,omitempty"`
}

func (s *callState) due() time.Time {
	if s.Dead {
		return time.Time{}
	}
	return s.Next
}

// NewLane registers a lane. Call it while mounting. Its calls are records of
// kind "outbox/" and the name, which must never change; a name that is used
// twice stops the start. Delivery begins with the background work of the server
// and goes on after a restart.
func NewLane[Req, Res any](m *pragma.Mount, name string, o LaneOptions[Req, Res]) *Lane[Req, Res] {
	return newLane(engineOf(m), m, name, o)
}

func newLane[Req, Res any](e *engine, h host, name string, o LaneOptions[Req, Res]) *Lane[Req, Res] {
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.MinBackoff = cmp.Or(o.MinBackoff, DefaultMinBackoff)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, DefaultMaxBackoff)
	o.Deadline = cmp.Or(o.Deadline, DefaultDeadline)
	l := &Lane[Req, Res]{name: name, host: h, o: o, counts: e.metrics.lane(name)}
	l.calls = newKind(e, h, "outbox/"+name, (*callState).due)
	if o.Deliver == nil {
		h.Problem(fmt.Errorf("outbox lane %q has no Deliver", name))
		return l
	}
	timers := newSchedule(h, "outbox/"+name, o.Concurrency, l.attempt)
	l.calls.kind.timers = timers
	h.Go("outbox "+name, func(ctx context.Context) {
		l.reclaim(ctx)
		timers.run(ctx)
	})
	return l
}

// Call puts a call into the lane, with the commit of tx; it is made right after.
// The key names the call to the other side in every attempt. [ErrExists] means
// that a call with this key waits, runs or is a dead letter; a delivered call is
// forgotten, so a key should not be used for two things.
func (l *Lane[Req, Res]) Call(tx *Tx, key string, req Req) error {
	s, err := l.calls.New(tx, key)
	if err != nil {
		return err
	}
	if s.Request, err = json.Marshal(&req, json.Deterministic(true)); err != nil {
		return fmt.Errorf("encode call %s of outbox lane %s: %w", key, l.name, err)
	}
	s.Created = tx.Now()
	s.Next = s.Created
	s.Expires = s.Created.Add(l.o.Deadline)
	return nil
}

// Cancel takes a call or a dead letter out of the lane, with the commit of tx.
// An attempt that is under way is not stopped, but its result is thrown away.
// [ErrNotFound] means that there is no such call, such as one that was delivered.
func (l *Lane[Req, Res]) Cancel(tx *Tx, key string) error { return l.calls.Delete(tx, key) }

// DeadLetters yields the calls that were given up, in the order of their keys. It
// reads the whole lane, see [Kind.List].
func (l *Lane[Req, Res]) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter[Req], error] {
	return func(yield func(DeadLetter[Req], error) bool) {
		for item, err := range l.calls.List(ctx, "", "") {
			if err == nil && !item.State.Dead {
				continue
			}
			d := DeadLetter[Req]{Call: Call[Req]{Key: item.ID}}
			if err == nil {
				d.Error = item.State.Error
				err = item.State.open(&d.Created, &d.Attempt, &d.Request)
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// Retry lets a dead letter be delivered after all: its attempts and its deadline
// begin anew. [ErrNotFound] means that there is no dead letter with this key.
func (l *Lane[Req, Res]) Retry(ctx context.Context, key string) error {
	return l.calls.Update(ctx, key, func(tx *Tx, s *callState) error {
		if !s.Dead {
			return fmt.Errorf("call %s of outbox lane %s is no dead letter: %w", key, l.name, ErrNotFound)
		}
		s.Dead, s.Attempt = false, 0
		s.Next = tx.Now()
		s.Expires = s.Next.Add(l.o.Deadline)
		return nil
	})
}

// open decodes the parts of a call.
func (s *callState) open(created *time.Time, attempt *int, request any) error {
	*created, *attempt = s.Created, s.Attempt
	if err := json.Unmarshal(s.Request, request); err != nil {
		return fmt.Errorf("decode the request: %w", err)
	}
	return nil
}

func isPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}
