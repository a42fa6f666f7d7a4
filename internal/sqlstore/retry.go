package sqlstore

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/openpragma/engine/pragma/store"
)

// Outcome is what an error means for the batches it met.
type Outcome int

// The outcomes of an error.
const (
	Final   Outcome = iota // not applied, and another try would end the same
	Again                  // not applied; a transaction of somebody else was in the way
	Waited                 // like Again, after having waited for a lock
	Renewed                // not applied; the connection is gone
	Unknown                // perhaps applied
)

// ErrRaced says that a record changed between two statements of one attempt.
var ErrRaced = errors.New("a record changed meanwhile")

// How often a batch, or a group of them, is tried. Waiting for a lock takes
// seconds each time.
const (
	maxAttempts = 12
	maxWaits    = 2
)

// Attempt applies a group of batches once. It clears results and fills in the
// conflicts; an error is the outcome of the whole group.
type Attempt func(group []*Job, results []error) (Outcome, error)

// Group applies batches together, as often as it makes sense, and leaves a
// result for each. final turns an error into one of the port.
func Group(group []*Job, results []error, attempt Attempt, final func(Outcome, error) error) {
	o, err := try(group, results, attempt)
	if err == nil {
		return
	}
	if len(group) == 1 || o == Unknown || o == Renewed {
		for i := range group {
			results[i] = final(o, err)
		}
		return
	}
	// Nothing was applied. One of them may be the reason: each gets its own try.
	// Those that need a row which another one waited for in vain do not wait too.
	blocked := make(map[store.Key]bool)
	var wait error
	for i, j := range group {
		results[i] = nil
		if j.meets(blocked) {
			results[i] = wait
			continue
		}
		o, err := try(group[i:i+1], results[i:i+1], attempt)
		if err == nil {
			continue
		}
		results[i] = final(o, err)
		if o == Waited {
			wait = results[i]
			for s := range j.Steps {
				blocked[j.Steps[s].Key] = true
			}
		}
	}
}

func (j *Job) meets(blocked map[store.Key]bool) bool {
	for i := range j.Steps {
		if blocked[j.Steps[i].Key] {
			return true
		}
	}
	return false
}

// try applies the group and fills in the conflicts, as often as it makes sense.
// An error is the outcome of the whole group.
func try(group []*Job, results []error, attempt Attempt) (Outcome, error) {
	waits := 0
	for n := 1; ; n++ {
		o, err := attempt(group, results)
		if err == nil {
			return Final, nil
		}
		if o == Waited {
			waits++
		}
		stop := o == Final || o == Unknown || n == maxAttempts || waits == maxWaits ||
			o == Waited && len(group) > 1 || o == Renewed && n > 2
		if stop {
			return o, err
		}
		if o == Again {
			time.Sleep(rand.N(time.Millisecond << min(n, 6)))
		}
	}
}
