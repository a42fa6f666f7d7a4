package sqlstore

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/openpragma/engine/pragma/store"
)

// States of a job. Whoever moves it away from queued decides its fate: a
// writer, or the caller who no longer waits.
const (
	queued int32 = iota
	started
	abandoned
)

// Job is one batch on its way through a writer.
type Job struct {
	Token store.Token
	Steps []store.Step // in key order, at least one

	bytes int
	state atomic.Int32
	done  chan error // gets one answer if the job was started
}

func (j *Job) claim(as int32) bool { return j.state.CompareAndSwap(queued, as) }

// Limits bound a group of jobs. A single batch may have more bytes.
type Limits struct{ Jobs, Steps, Bytes int }

// Queue holds the batches that wait for a writer. A nil one is that of a database
// which was opened for reading: it refuses every batch.
type Queue struct {
	jobs    chan *Job
	limits  Limits
	closing chan struct{}
}

// NewQueue returns a queue for so many waiting batches.
func NewQueue(size int, limits Limits) *Queue {
	return &Queue{jobs: make(chan *Job, size), limits: limits, closing: make(chan struct{})}
}

// Close lets the writers finish what they have begun, and refuses the rest. It
// is called once.
func (q *Queue) Close() {
	if q != nil {
		close(q.closing)
	}
}

// Commit hands a batch to the writers and waits for its outcome, as
// store.Driver.Commit promises. A batch without steps is applied at once.
func (q *Queue) Commit(ctx context.Context, token store.Token, steps []store.Step) error {
	if q == nil {
		return fmt.Errorf("%w: database was opened for reading only", store.ErrUnavailable)
	}
	select {
	case <-q.closing: // even if the queue has room as well
		return Closed()
	default:
	}
	if len(steps) == 0 {
		return nil
	}
	j := &Job{Token: token, Steps: steps, done: make(chan error, 1)}
	for i := range steps {
		j.bytes += len(steps[i].Body)
	}
	select {
	case q.jobs <- j:
	case <-ctx.Done():
		return store.ContextError(ctx)
	case <-q.closing:
		return Closed()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.claim(abandoned) {
			return store.ContextError(ctx)
		}
	case <-q.closing:
		if j.claim(abandoned) {
			return Closed()
		}
	}
	return <-j.done
}

// Run has write decide groups of batches until the queue closes; jobs that still
// wait then are claimed by their callers. A group is the first job that comes
// and those that wait already. write leaves one result for each job; both slices
// are used again afterwards. Several goroutines may run at once.
func (q *Queue) Run(write func(group []*Job, results []error)) {
	var group []*Job
	var results []error
	for {
		select {
		case <-q.closing:
			return
		case j := <-q.jobs:
			// Who is about to commit does so first: under load a group then has many
			// batches rather than few, at half the cost of each (ADR 17). When nobody
			// else can run, this takes no time.
			runtime.Gosched()
			group = q.collect(j, group[:0])
			results = append(results[:0], make([]error, len(group))...)
			if len(group) > 0 {
				write(group, results)
			}
			for i, j := range group {
				j.done <- results[i]
				group[i] = nil
			}
		}
	}
}

// collect builds a group of the first job and those that wait already.
func (q *Queue) collect(first *Job, group []*Job) []*Job {
	bytes, steps := 0, 0
	add := func(j *Job) {
		if j.claim(started) {
			group = append(group, j)
			bytes += j.bytes
			steps += len(j.Steps)
		}
	}
	for add(first); len(group) < q.limits.Jobs && bytes < q.limits.Bytes && steps < q.limits.Steps; {
		select {
		case j := <-q.jobs:
			add(j)
		default:
			return group
		}
	}
	return group
}

// Closed returns the error of every method after Close.
func Closed() error { return fmt.Errorf("%w: database is closed", store.ErrUnavailable) }
