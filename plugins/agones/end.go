package agones

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
)

// EndAllocation implements [gameinstance.ProviderPlugin]: a server that still runs
// gets the annotation that says so. Nothing is done for a server whose game has
// ended well: it knows. [pragma.ErrUnavailable] and [ErrRefused] have it repeated.
func (p *Plugin) EndAllocation(ctx context.Context, r *gameinstance.EndAllocationRequest) error {
	p.over.add(r.AllocationID)
	if r.Reason == gameinstance.EndEnded || r.Reason == gameinstance.EndUnlinked {
		return nil
	}
	a, err := p.allocator()
	if err != nil {
		return err
	}
	ctx, cancel := outbound.Within(ctx, millis(a.cfg.TimeoutMillis))
	defer cancel()
	id := r.AllocationID.String()
	server, err := p.ask(ctx, a, a.cfg.request([]stateSelector{a.cfg.own(id)}, metadata{
		Labels: map[string]string{a.cfg.AllocationLabel: id},
		Annotations: map[string]string{
			a.cfg.Tell.EndedAllocationID: id,
			a.cfg.Tell.GameToken:         "", // nobody needs to read them any more
			a.cfg.Tell.SocialToken:       "",
		},
	}))
	if err != nil {
		return fmt.Errorf("end allocation %s: %w", id, err)
	}
	if server != nil {
		p.logger().InfoContext(ctx, "game server told that nobody wants it", "gameInstanceId", r.GameInstanceID, "allocationId", id, "reason", r.Reason, "server", server)
	}
	return nil
}

const (
	// rememberEnd is for how long nothing is started for an allocation that is over.
	rememberEnd = time.Hour
	// maxEnds bounds how many are remembered. What is forgotten too early costs a
	// server that may not link.
	maxEnds = 100_000
)

// ends remembers allocations that are over. The zero value is ready to use.
type ends struct {
	mu    sync.Mutex
	list  []ended // in the order of their time
	known map[pragma.AllocationID]bool
}

type ended struct {
	id pragma.AllocationID
	at time.Time
}

func (e *ends) add(id pragma.AllocationID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.known == nil {
		e.known = make(map[pragma.AllocationID]bool)
	}
	if e.known[id] {
		return
	}
	for len(e.list) > 0 && (len(e.list) >= maxEnds || now.Sub(e.list[0].at) > rememberEnd) {
		delete(e.known, e.list[0].id)
		e.list = e.list[1:]
	}
	e.list = append(e.list, ended{id, now})
	e.known[id] = true
}

func (e *ends) has(id pragma.AllocationID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known[id]
}
