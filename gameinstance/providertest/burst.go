package providertest

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

func burstCases() []testCase {
	return []testCase{
		{"a burst with faults loses, doubles and leaks nothing", burst},
		{"a provider that is shut down is unavailable", shutdown},
	}
}

// burst starts very many servers at a time while calls go wrong, and ends them.
func burst(s *suite) {
	n := s.room(s.Burst)
	if testing.Short() {
		n = min(n, 100)
	}
	ids := make([]pragma.AllocationID, n)
	for i := range ids {
		ids[i] = newID()
	}
	refused := make(map[pragma.AllocationID]bool)
	var mu sync.Mutex
	s.each(ids, func(id pragma.AllocationID) {
		if err := s.start(id); err != nil && repeatable(err) {
			s.Errorf("StartAllocationForGameInstance() = %v after %d tries", err, maxTries)
		} else if err != nil { // it may have run before, and be known to run
			mu.Lock()
			defer mu.Unlock()
			refused[id] = true
		}
	})
	lost, doubled := 0, 0
	for _, id := range ids {
		switch servers := s.Servers(id); {
		case servers > 1:
			doubled++
		case servers == 0 && !refused[id]:
			lost++
		}
	}
	if lost+doubled > 0 {
		s.Errorf("of %d allocations %d have no server and %d have several", n, lost, doubled)
	}
	if s.Fault == nil && len(refused) > 0 {
		s.Errorf("%d starts were refused without a fault", len(refused))
	}
	s.each(ids, func(id pragma.AllocationID) {
		if err := s.end(id, gameinstance.EndTerminated); err != nil {
			s.Errorf("EndAllocation() = %v after %d tries", err, maxTries)
		}
	})
	for _, id := range ids {
		if s.gone(id); s.Failed() {
			return
		}
	}
}

// callers is how many calls the service has under way at most, and a few nodes of
// it.
const callers = 32

// each calls fn for every id, while every tenth call goes wrong.
func (s *suite) each(ids []pragma.AllocationID, fn func(id pragma.AllocationID)) {
	work := make(chan pragma.AllocationID)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for id := range work {
				fn(id)
			}
		})
	}
	rng := rand.New(rand.NewPCG(1, 1)) // the same faults in every run
	for _, id := range ids {
		if s.Fault != nil && rng.IntN(10) == 0 {
			s.Fault(Fault(1+rng.IntN(2)), 1) // a refusal would be final
		}
		work <- id
	}
	close(work)
	wg.Wait()
}

func shutdown(s *suite) {
	if s.Shutdown == nil {
		s.Skip("the fixture has no shutdown")
	}
	id, other := newID(), newID()
	s.mustStart(id)
	s.Shutdown()
	if s.Outlive {
		s.servers(id, 1)
	} else {
		s.gone(id)
	}
	if err := s.try(s.Context(), other); !repeatable(err) {
		s.Errorf("StartAllocationForGameInstance() = %v after the shutdown, want ErrUnavailable", err)
	}
	s.servers(other, 0)
	s.Shutdown()
}
