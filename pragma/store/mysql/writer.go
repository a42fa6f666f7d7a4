package mysql

import (
	"context"
	"database/sql/driver"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// Limits of one group. A single batch may have more bytes.
const (
	maxGroup      = 64
	maxGroupSteps = store.MaxBatchKeys
	maxGroupBytes = 16 << 20
)

// How often a batch, or a group of them, is tried. Waiting for a lock takes
// seconds each time.
const (
	maxAttempts = 12
	maxWaits    = 2
)

// States of a job. Whoever moves it away from queued decides its fate: a
// writer, or the caller who no longer waits.
const (
	queued int32 = iota
	started
	abandoned
)

// job is one batch on its way through a writer.
type job struct {
	token store.Token
	steps []store.Step
	bytes int
	state atomic.Int32
	done  chan error // gets one answer if the job was started
}

func (j *job) claim(as int32) bool { return j.state.CompareAndSwap(queued, as) }

// writers share one queue; each has a connection that only it uses.
type writers struct {
	connector *connector
	queue     chan *job
	closing   chan struct{} // closed by the database: finish and stop
}

func newWriters(k *connector, queue int) *writers {
	return &writers{connector: k, queue: make(chan *job, queue), closing: make(chan struct{})}
}

// commit hands a batch to the writers and waits for its outcome.
func (w *writers) commit(ctx context.Context, token store.Token, steps []store.Step) error {
	j := &job{token: token, steps: steps, done: make(chan error, 1)}
	for i := range steps {
		j.bytes += len(steps[i].Body)
	}
	select {
	case <-w.closing: // even if the queue has room as well
		return errClosed()
	default:
	}
	if len(steps) == 0 {
		return nil
	}
	select {
	case w.queue <- j:
	case <-ctx.Done():
		return store.ContextError(ctx)
	case <-w.closing:
		return errClosed()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.claim(abandoned) {
			return store.ContextError(ctx)
		}
	case <-w.closing:
		if j.claim(abandoned) {
			return errClosed()
		}
	}
	return <-j.done
}

// run writes groups until the database closes. Jobs that still wait then are
// claimed by their callers.
func (w *writers) run() {
	l := &writer{writers: w}
	defer l.disconnect()
	for {
		select {
		case <-w.closing:
			return
		case j := <-w.queue:
			l.collect(j)
			l.writeGroup()
			for i, j := range l.group {
				j.done <- l.results[i]
				l.group[i] = nil
			}
		}
	}
}

// writer is one goroutine that writes.
type writer struct {
	*writers
	conn    *conn // nil until it is needed, and after a failure
	group   []*job
	results []error
}

// collect builds a group of the first job and those that wait already.
func (w *writer) collect(first *job) {
	w.group = w.group[:0]
	bytes, steps := 0, 0
	add := func(j *job) {
		if j.claim(started) {
			w.group = append(w.group, j)
			bytes += j.bytes
			steps += len(j.steps)
		}
	}
	for add(first); len(w.group) < maxGroup && bytes < maxGroupBytes && steps < maxGroupSteps; {
		select {
		case j := <-w.queue:
			add(j)
		default:
			return
		}
	}
}

// writeGroup leaves one result for each job of the group.
func (w *writer) writeGroup() {
	w.results = append(w.results[:0], make([]error, len(w.group))...)
	if len(w.group) == 0 {
		return
	}
	o, err := w.try(w.group, w.results)
	if err == nil {
		return
	}
	if len(w.group) == 1 || o == unknown || o == renewed {
		for i := range w.group {
			w.results[i] = portError("commit", o, err)
		}
		return
	}
	// Nothing was applied. One of them may be the reason: each gets its own try.
	// Those that need a row which another one waited for in vain do not wait too.
	blocked := make(map[store.Key]bool)
	var wait error
	for i, j := range w.group {
		w.results[i] = nil
		if meets(j, blocked) {
			w.results[i] = wait
			continue
		}
		o, err := w.try(w.group[i:i+1], w.results[i:i+1])
		if err == nil {
			continue
		}
		w.results[i] = portError("commit", o, err)
		if o == waited {
			wait = w.results[i]
			for s := range j.steps {
				blocked[j.steps[s].Key] = true
			}
		}
	}
}

func meets(j *job, blocked map[store.Key]bool) bool {
	for i := range j.steps {
		if blocked[j.steps[i].Key] {
			return true
		}
	}
	return false
}

// try applies the group and fills in the conflicts, as often as it makes sense.
// An error is the outcome of the whole group.
func (w *writer) try(group []*job, results []error) (outcome, error) {
	waits := 0
	for attempt := 1; ; attempt++ {
		o, err := w.attempt(group, results)
		if err == nil {
			return final, nil
		}
		if o == waited {
			waits++
		}
		stop := o == final || o == unknown || attempt == maxAttempts || waits == maxWaits ||
			o == waited && len(group) > 1 || o == renewed && attempt > 2
		if stop {
			return o, err
		}
		if o == again {
			time.Sleep(rand.N(time.Millisecond << min(attempt, 6)))
		}
	}
}

// attempt applies the group once.
func (w *writer) attempt(group []*job, results []error) (outcome, error) {
	clear(results)
	if err := w.connect(); err != nil {
		return renewed, err
	}
	var p phase
	var err error
	if len(group) == 1 && len(group[0].steps) == 1 {
		p, err = w.single(group[0], results)
	} else {
		p, err = w.transaction(group, results)
	}
	if err == nil {
		return final, nil
	}
	o := judge(p, err)
	if o == unknown || broken(err) {
		w.disconnect()
	}
	return o, err
}

// connect opens the connection if there is none that works.
func (w *writer) connect() error {
	if w.conn != nil && !w.conn.alive() {
		w.disconnect()
	}
	if w.conn != nil {
		return nil
	}
	c, err := w.connector.open(context.Background())
	if err != nil {
		return err
	}
	w.conn = c
	return nil
}

// disconnect closes the connection; the server rolls back what is open.
func (w *writer) disconnect() {
	if w.conn != nil {
		w.conn.close()
		w.conn = nil
	}
}

// exec and query ignore the caller's context: once begun, a commit goes on. The
// connection has a time limit for every answer.
func (w *writer) exec(query string, args ...driver.Value) ([]int64, error) {
	return w.conn.exec(context.Background(), query, args...)
}

func (w *writer) query(query string, each func([]driver.Value) error, args ...driver.Value) error {
	return w.conn.query(context.Background(), query, each, args...)
}
