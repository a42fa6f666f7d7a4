package cluster

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxLate is how many messages of one [Faulty] wait at a time. One more is
// dropped and counted.
const maxLate = 1024

// Faults says how often things go wrong, each as a probability from 0 to 1. The
// zero value is a bus without faults.
type Faults struct {
	Drop    float64 // a message is lost; a request or its answer is lost
	Double  float64 // a message arrives twice; a request is served twice
	Delay   float64 // a message or request waits up to MaxDelay
	Reorder float64 // a message arrives after the next one, or after MaxDelay

	// MaxDelay is the longest wait. Zero is 100 ms.
	MaxDelay time.Duration
}

// Faulty is a [Bus] that spoils what this node sends. What others send to it is
// spoilt if their bus is faulty too. The same seed and the same order of calls
// give the same faults. Time is that of package time, so it works in a
// testing/synctest bubble. It is meant for tests.
type Faulty struct {
	bus     Bus
	closed  chan struct{}
	wg      sync.WaitGroup // late messages
	dropped atomic.Uint64

	mu      sync.Mutex // guards what follows; not held while sending
	leaving bool
	rng     *rand.Rand
	faults  Faults
	waiting int
	held    []*late // sent by the next Publish, if their time does not come first
}

var _ Bus = (*Faulty)(nil)

// late is a message that is sent after its Publish returned.
type late struct {
	ctx     context.Context
	subject string
	data    []byte
	taken   bool // guarded by Faulty.mu
}

// fate is what happens to one message or request.
type fate struct {
	drop, dropAnswer, double, reorder bool
	delay                             time.Duration // 0: none
	hold                              time.Duration // how long a reordered message waits at most
}

// NewFaulty wraps bus, which it owns from then on.
func NewFaulty(bus Bus, seed uint64, faults Faults) *Faulty {
	return &Faulty{
		bus:    bus,
		closed: make(chan struct{}),
		rng:    rand.New(rand.NewPCG(seed, 0)),
		faults: faults,
	}
}

// SetFaults replaces the faults for what is sent from now on: Faults{Drop: 1}
// cuts this node's sending off, Faults{} heals it.
func (f *Faulty) SetFaults(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// Publish is that of [Bus], spoilt.
func (f *Faulty) Publish(ctx context.Context, subject string, data []byte) error {
	if err := f.check(ctx, subject, data); err != nil {
		return err
	}
	w := f.draw()
	if w.drop {
		f.dropped.Add(1)
		return nil
	}
	before := f.takeHeld()
	err := f.publishOnce(ctx, subject, data, w)
	if err == nil && w.double {
		err = f.publishOnce(ctx, subject, data, fate{delay: w.delay})
	}
	for _, l := range before {
		f.send(l)
	}
	return err
}

func (f *Faulty) publishOnce(ctx context.Context, subject string, data []byte, w fate) error {
	wait := w.delay
	if w.reorder {
		wait = w.hold
	}
	if wait == 0 {
		return f.bus.Publish(ctx, subject, data)
	}
	f.sendLater(&late{
		ctx:     context.WithoutCancel(ctx),
		subject: subject,
		data:    bytes.Clone(data),
	}, wait, w.reorder)
	return nil
}

// Request is that of [Bus], spoilt. A lost one ends with its context.
func (f *Faulty) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := f.check(ctx, subject, data); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, RequestTimeout)
		defer cancel()
	}
	w := f.draw()
	if w.delay > 0 && !f.sleep(ctx, w.delay) {
		return nil, f.cause(ctx)
	}
	if w.drop {
		return nil, f.lose(ctx)
	}
	if w.double {
		_, _ = f.bus.Request(ctx, subject, data) // the second answer counts
	}
	answer, err := f.bus.Request(ctx, subject, data)
	if w.dropAnswer && err == nil {
		return nil, f.lose(ctx)
	}
	return answer, err
}

// Subscribe is that of the wrapped bus.
func (f *Faulty) Subscribe(subject string, fn Handler) (Subscription, error) {
	return f.bus.Subscribe(subject, fn)
}

// Serve is that of the wrapped bus.
func (f *Faulty) Serve(subject string, fn Server) (Subscription, error) {
	return f.bus.Serve(subject, fn)
}

// Status is that of the wrapped bus; Dropped includes what the faults lost.
func (f *Faulty) Status() Status {
	s := f.bus.Status()
	s.Dropped += f.dropped.Load()
	return s
}

// Close loses the messages that wait, waits for those on their way and closes
// the wrapped bus. It must not be called from a handler.
func (f *Faulty) Close() error {
	f.mu.Lock()
	first := !f.leaving
	f.leaving = true
	f.mu.Unlock()
	if first {
		close(f.closed)
	}
	f.wg.Wait()
	return f.bus.Close()
}

// draw takes the same number of random numbers every time, so that changing
// one probability does not move the other faults of a seed.
func (f *Faulty) draw() fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	longest := f.faults.MaxDelay
	if longest <= 0 {
		longest = 100 * time.Millisecond
	}
	var n [6]float64
	for i := range n {
		n[i] = f.rng.Float64()
	}
	w := fate{
		drop:       n[0] < f.faults.Drop,
		dropAnswer: n[1] < f.faults.Drop,
		double:     n[2] < f.faults.Double,
		reorder:    n[3] < f.faults.Reorder,
		hold:       longest,
	}
	if n[4] < f.faults.Delay {
		w.delay = max(1, time.Duration(n[5]*float64(longest)))
	}
	return w
}

// sendLater sends l after the wait, or with the next Publish if hold is set.
func (f *Faulty) sendLater(l *late, wait time.Duration, hold bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaving || f.waiting == maxLate {
		f.dropped.Add(1)
		return
	}
	f.waiting++
	if hold {
		f.held = append(f.held, l)
	}
	f.wg.Go(func() {
		awake := f.sleep(l.ctx, wait)
		switch {
		case !f.take(l):
		case awake:
			f.send(l)
		default:
			f.dropped.Add(1)
		}
	})
}

// take claims l for the caller. It is called once by the goroutine of l.
func (f *Faulty) take(l *late) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting--
	if i := slices.Index(f.held, l); i >= 0 {
		f.held = slices.Delete(f.held, i, i+1)
	}
	mine := !l.taken
	l.taken = true
	return mine
}

// takeHeld claims all messages that wait for the next Publish.
func (f *Faulty) takeHeld() []*late {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := f.held
	f.held = nil
	for _, l := range held {
		l.taken = true
	}
	return held
}

func (f *Faulty) send(l *late) {
	if f.bus.Publish(l.ctx, l.subject, l.data) != nil {
		f.dropped.Add(1) // its publisher was told that it is on its way
	}
}

// sleep reports whether d passed before ctx or the bus ended.
func (f *Faulty) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-f.closed:
	}
	return false
}

// lose waits until the requester gives up.
func (f *Faulty) lose(ctx context.Context) error {
	f.dropped.Add(1)
	select {
	case <-ctx.Done():
	case <-f.closed:
	}
	return f.cause(ctx)
}

func (f *Faulty) cause(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return ErrClosed
}

func (f *Faulty) check(ctx context.Context, subject string, data []byte) error {
	select {
	case <-f.closed:
		return ErrClosed
	default:
	}
	if err := CheckMessage(subject, data); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
