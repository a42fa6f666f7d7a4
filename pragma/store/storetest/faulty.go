package storetest

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// Fault is what goes wrong with one commit.
type Fault int

const (
	// None lets the commit pass.
	None Fault = iota
	// Conflict refuses it as if somebody else had been faster. Nothing is
	// applied.
	Conflict
	// UnknownBefore does not apply it and returns store.ErrUnknown.
	UnknownBefore
	// UnknownAfter applies it, if it can be, and returns store.ErrUnknown.
	UnknownAfter
	// Unavailable does not apply it and returns store.ErrUnavailable.
	Unavailable
	// Full does not apply it and returns store.ErrFull.
	Full
)

// Faults says how often a [FaultyDriver] goes wrong, as probabilities from 0
// to 1. The zero value never does.
type Faults struct {
	// Seed makes the sequence of faults repeatable, as far as the order of
	// commits is. Only the one given to Faulty counts.
	Seed uint64

	// Probabilities of a commit, tried in this order.
	Conflict      float64
	UnknownBefore float64
	UnknownAfter  float64
	Unavailable   float64
	Full          float64

	// Read is the probability that Get, List or Due returns store.ErrUnavailable.
	Read float64

	// Latency is the greatest delay of any call; each takes a random part of it,
	// with time.Sleep, so that it costs nothing in a synctest bubble.
	Latency time.Duration
}

// FaultyDriver passes calls on to another driver, except when it does not.
type FaultyDriver struct {
	next store.Driver

	mu       sync.Mutex
	rng      *rand.Rand
	faults   Faults
	planned  []Fault
	injected map[Fault]int
}

var _ store.Driver = (*FaultyDriver)(nil)

// Faulty returns a driver that works like d but goes wrong as told. Closing it
// closes d.
func Faulty(d store.Driver, f Faults) *FaultyDriver {
	return &FaultyDriver{
		next:     d,
		rng:      rand.New(rand.NewPCG(f.Seed, f.Seed)),
		faults:   f,
		injected: make(map[Fault]int),
	}
}

// FaultyOpener is [Faulty] for an opener.
func FaultyOpener(open store.Opener, f Faults) store.Opener {
	return func(ctx context.Context) (store.Driver, error) {
		d, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return Faulty(d, f), nil
	}
}

// Set changes the probabilities; the zero value ends all random faults.
func (f *FaultyDriver) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// Next plans what happens to the next commits, one each, before chance decides
// again. Retries of store.Commit count as commits.
func (f *FaultyDriver) Next(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.planned = append(f.planned, faults...)
}

// Injected returns how many commits met the fault so far.
func (f *FaultyDriver) Injected(fault Fault) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.injected[fault]
}

// Commit implements store.Driver.
func (f *FaultyDriver) Commit(ctx context.Context, b *store.Batch) error {
	if err := store.ContextError(ctx); err != nil {
		return err
	}
	steps, err := b.Steps()
	if err != nil {
		return err
	}
	f.delay()
	fault, pick := f.draw()
	switch fault {
	case Conflict:
		if len(steps) == 0 {
			return f.next.Commit(ctx, b)
		}
		s := steps[pick%len(steps)]
		return &store.ConflictError{Key: s.Key, Have: s.Expect + 1, Expect: s.Expect}
	case UnknownBefore:
		return fmt.Errorf("%w: injected before the commit", store.ErrUnknown)
	case UnknownAfter:
		_ = f.next.Commit(ctx, b) // nobody learns what became of it
		return fmt.Errorf("%w: injected after the commit", store.ErrUnknown)
	case Unavailable:
		return errInjected()
	case Full:
		return fmt.Errorf("%w: injected", store.ErrFull)
	}
	return f.next.Commit(ctx, b)
}

// Get implements store.Driver.
func (f *FaultyDriver) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if f.badRead() {
		return nil, errInjected()
	}
	return f.next.Get(ctx, keys...)
}

// List implements store.Driver. A fault comes before the first record.
func (f *FaultyDriver) List(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if f.badRead() {
			yield(store.Record{}, errInjected())
			return
		}
		f.next.List(ctx, q)(yield)
	}
}

// Due implements store.Driver.
func (f *FaultyDriver) Due(ctx context.Context, kind string, before time.Time, limit int) ([]store.Record, error) {
	if f.badRead() {
		return nil, errInjected()
	}
	return f.next.Due(ctx, kind, before, limit)
}

// Now implements store.Driver, without faults.
func (f *FaultyDriver) Now(ctx context.Context) (time.Time, error) { return f.next.Now(ctx) }

// Close implements store.Driver, without faults.
func (f *FaultyDriver) Close() error { return f.next.Close() }

func errInjected() error { return fmt.Errorf("%w: injected", store.ErrUnavailable) }

// draw decides about one commit. pick chooses the record of a conflict.
func (f *FaultyDriver) draw() (fault Fault, pick int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pick = f.rng.IntN(store.MaxBatchKeys)
	if len(f.planned) > 0 {
		fault, f.planned = f.planned[0], f.planned[1:]
	} else {
		fault = f.chance()
	}
	f.injected[fault]++
	return fault, pick
}

func (f *FaultyDriver) chance() Fault {
	x := f.rng.Float64()
	for _, c := range []struct {
		fault Fault
		p     float64
	}{
		{Conflict, f.faults.Conflict},
		{UnknownBefore, f.faults.UnknownBefore},
		{UnknownAfter, f.faults.UnknownAfter},
		{Unavailable, f.faults.Unavailable},
		{Full, f.faults.Full},
	} {
		if x < c.p {
			return c.fault
		}
		x -= c.p
	}
	return None
}

func (f *FaultyDriver) badRead() bool {
	f.delay()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.Float64() < f.faults.Read
}

func (f *FaultyDriver) delay() {
	f.mu.Lock()
	var d time.Duration
	if f.faults.Latency > 0 {
		d = time.Duration(f.rng.Int64N(int64(f.faults.Latency) + 1))
	}
	f.mu.Unlock()
	if d > 0 {
		time.Sleep(d)
	}
}
