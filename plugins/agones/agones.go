package agones

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
)

// Plugin takes game servers from Agones. The zero value is ready to use in a
// server whose configuration says the rest. Fields must not be changed once the
// server runs; a Plugin must not be copied then.
type Plugin struct {
	gameinstance.ProviderDefaults

	// Config is what the configuration starts from. Nil means [DefaultConfig].
	Config *Config
	// Adjust, if set, is called before every request and may change what is asked
	// for, such as by the ext of the allocation. An error fails the allocation,
	// except [pragma.ErrUnavailable], which has it repeated. It runs at least once
	// per allocation and should do the same each time; calls run at the same time.
	Adjust func(ctx context.Context, a *Allocation) error

	log  *slog.Logger
	over ends

	mu  sync.Mutex
	now *allocator // of the last good configuration
}

var (
	_ gameinstance.ProviderPlugin = (*Plugin)(nil)
	_ pragma.Configurable         = (*Plugin)(nil)
)

func (p *Plugin) base() Config {
	if p.Config != nil {
		return *p.Config
	}
	return DefaultConfig()
}

// MountPlugin implements [pragma.Configurable]. Without readable certificates the
// server does not start; the allocator itself may be away.
func (p *Plugin) MountPlugin(m *pragma.PluginMount) error {
	live, err := pragma.PluginConfig(m, p.base())
	if err != nil {
		return err
	}
	p.log = m.Log()
	cfg := live.Load()
	if err := cfg.Validate(); err != nil { // without a section nobody else asks
		return err
	}
	if err := p.use(&cfg); err != nil {
		return err
	}
	live.OnChange(func(_, cfg Config) {
		if err := p.use(&cfg); err != nil {
			p.log.Error("configuration of the allocator not used; the last good one stays", "err", err)
		}
	})
	m.Go("allocator", func(ctx context.Context) {
		<-ctx.Done()
		p.Close()
	})
	return nil
}

// use goes over to a configuration, if its files can be read.
func (p *Plugin) use(cfg *Config) error {
	next, err := connect(cfg)
	if err != nil {
		return err
	}
	p.mu.Lock()
	before := p.now
	p.now = next
	p.mu.Unlock()
	if before != nil {
		before.close()
	}
	return nil
}

// allocator returns the present one. Without a server it is made at first use.
func (p *Plugin) allocator() (*allocator, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		cfg := p.base()
		if err := cfg.Validate(); err != nil {
			return nil, fmt.Errorf("agones: configuration: %w", err)
		}
		a, err := connect(&cfg)
		if err != nil {
			return nil, err
		}
		p.now = a
	}
	return p.now, nil
}

// Close gives idle connections back. A server does it when it stops; only who
// uses a Plugin without one has to call it.
func (p *Plugin) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		p.now.close()
	}
}

// StartAllocationForGameInstance implements [gameinstance.ProviderPlugin]. It
// returns [pragma.ErrUnavailable] while it is worth trying again, then
// [ErrNoGameServer]; [ErrRefused]; or an error that says which version or zone
// cannot be a label. Nothing is started for an allocation that is over, as far as
// this process remembers.
func (p *Plugin) StartAllocationForGameInstance(ctx context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	a, err := p.allocator()
	if err != nil {
		return err
	}
	if p.over.has(r.AllocationID) {
		return fmt.Errorf("agones: allocation %s is over", r.AllocationID)
	}
	wanted := build(&a.cfg, r)
	if p.Adjust != nil {
		if err := p.Adjust(ctx, wanted); err != nil {
			return err
		}
	}
	if err := wanted.check(&a.cfg); err != nil {
		return err
	}
	tokens, err := r.ClientTokens()
	if err != nil {
		return fmt.Errorf("make tokens for allocation %s: %w", r.AllocationID, err)
	}
	ctx, cancel := outbound.Within(ctx, millis(a.cfg.TimeoutMillis))
	defer cancel()
	server, err := p.allocate(ctx, a, wanted.encode(&a.cfg, tokens))
	if err != nil {
		return err
	}
	if server == nil {
		return a.cfg.none(r.Requested)
	}
	p.logger().InfoContext(ctx, "game server allocated", "gameInstanceId", r.GameInstanceID, "allocationId", r.AllocationID, "server", server)
	return nil
}

// allocate finds the server of an earlier attempt, or takes a new one. One request
// does both, in this order, except over several clusters: there the first cluster
// would take a new one without asking the others.
func (p *Plugin) allocate(ctx context.Context, a *allocator, q *allocationRequest) (*gameServer, error) {
	if a.cfg.MultiCluster.Enabled {
		if server, err := p.ask(ctx, a, q.again()); server != nil || err != nil {
			return server, err
		}
	}
	return p.ask(ctx, a, q)
}

// ask sends one request. An error of the network says that the outcome is
// unknown.
func (p *Plugin) ask(ctx context.Context, a *allocator, q *allocationRequest) (*gameServer, error) {
	body, err := json.Marshal(q, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("agones: encode request: %w", err)
	}
	url := strings.TrimRight(a.cfg.URL, "/") + "/gameserverallocation"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("agones: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	answer, err := outbound.Do(a.http(p.logger()), req)
	if err != nil {
		a.lookAgain()
		return nil, pragma.ErrUnavailable.With("agones: no answer from the allocator: %v", err).Wrap(err)
	}
	return a.cfg.read(answer)
}

func (p *Plugin) logger() *slog.Logger { return cmp.Or(p.log, slog.Default()) }
