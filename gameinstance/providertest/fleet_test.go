package providertest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/gameinstance/providertest"
	"github.com/openpragma/engine/pragma"
)

var (
	errFull  = errors.New("the fleet is full")
	errReach = errors.New("the fleet does not answer")
)

// fleet stands in for a studio's fleet: it starts servers by name, refuses the
// names that were stopped, and can be broken. A bug is a mistake that the suite has
// to find; empty: there is none.
type fleet struct {
	bug      string
	capacity int

	mu      sync.Mutex
	servers map[pragma.AllocationID]int
	stopped map[pragma.AllocationID]bool
	faults  map[providertest.Fault]int
	log     strings.Builder
}

func newFleet(bug string) *fleet {
	return &fleet{
		bug: bug, servers: make(map[pragma.AllocationID]int), stopped: make(map[pragma.AllocationID]bool),
		faults: make(map[providertest.Fault]int),
	}
}

func (f *fleet) breakNext(fault providertest.Fault, calls int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[fault] += calls
	return true
}

func (f *fleet) count(id pragma.AllocationID) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.servers[id]
}

func (f *fleet) logged() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.String()
}

// takes reports whether a call goes wrong in a way. f.mu is held.
func (f *fleet) takes(fault providertest.Fault) bool {
	if f.faults[fault] == 0 {
		return false
	}
	f.faults[fault]--
	return true
}

// call makes one call with an effect, or fails as planned.
func (f *fleet) call(effect func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.takes(providertest.Unreachable):
		return errReach
	case f.takes(providertest.Refused):
		return errFull
	}
	if err := effect(); err != nil {
		return err
	}
	if f.takes(providertest.LostAnswer) {
		return errReach
	}
	return nil
}

// start has a server run under a name.
func (f *fleet) start(id pragma.AllocationID) error {
	return f.call(func() error {
		running := 0
		for _, n := range f.servers {
			running += n
		}
		switch {
		case f.stopped[id]:
			return nil
		case f.servers[id] > 0:
			return nil
		case f.capacity > 0 && running >= f.capacity:
			return errFull
		}
		f.servers[id]++
		return nil
	})
}

func (f *fleet) stop(id pragma.AllocationID) error {
	return f.call(func() error {
		f.stopped[id] = true
		delete(f.servers, id)
		return nil
	})
}

// provider is the plugin of the fleet.
type provider struct {
	gameinstance.ProviderDefaults
	fleet *fleet

	mu     sync.Mutex
	closed bool
}

func (p *provider) StartAllocationForGameInstance(ctx context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if err := ctx.Err(); err != nil || closed {
		return pragma.ErrUnavailable.Wrap(err)
	}
	if _, err := r.ClientTokens(); err != nil {
		return err
	}
	return answer(p.fleet.start(r.AllocationID))
}

func (p *provider) EndAllocation(_ context.Context, r *gameinstance.EndAllocationRequest) error {
	if r.Reason == gameinstance.EndEnded {
		return nil // it ends by itself
	}
	return answer(p.fleet.stop(r.AllocationID))
}

func (p *provider) shutDown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// answer is what the service hears.
func answer(err error) error {
	if errors.Is(err, errReach) {
		return pragma.ErrUnavailable.Wrap(err)
	}
	return err
}

func fixture(bug string, capacity int) providertest.Fixture {
	f := newFleet(bug)
	f.capacity = capacity
	p := &provider{fleet: f}
	fix := providertest.Fixture{
		Provider: p, Servers: f.count, Fault: f.breakNext, Logs: f.logged, Shutdown: p.shutDown, Outlive: true, Capacity: capacity,
	}
	if bug != "" {
		fix.Provider, fix.Patience, fix.Burst = &broken{provider: p}, 50*time.Millisecond, 200
	}
	return fix
}

func TestAFleetIsAProvider(t *testing.T) {
	providertest.Run(t, func(*testing.T) providertest.Fixture { return fixture("", 0) })
}

func TestASmallFleetIsAProvider(t *testing.T) {
	providertest.Run(t, func(*testing.T) providertest.Fixture { return fixture("", 3) })
}

func TestAFixtureNeedsNoMoreThanServers(t *testing.T) {
	providertest.Run(t, func(*testing.T) providertest.Fixture {
		f := newFleet("")
		return providertest.Fixture{Provider: &provider{fleet: f}, Servers: f.count}
	})
}

// A studio's test of its own provider is this one function, with its t.
func ExampleRun() {
	test := func(t *testing.T) {
		providertest.Run(t, func(*testing.T) providertest.Fixture {
			fleet := newFleet("")
			return providertest.Fixture{Provider: &provider{fleet: fleet}, Servers: fleet.count, Fault: fleet.breakNext}
		})
	}
	fmt.Println(test != nil)
	// Output: true
}
