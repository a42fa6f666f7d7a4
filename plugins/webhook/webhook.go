package webhook

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// ErrRefused is an allocation that the fleet does not want to make.
var ErrRefused = errors.New("webhook: the fleet refuses")

// Plugin asks a studio's own fleet for game servers. The zero value is ready to
// use in a server whose configuration says the rest. Fields must not be changed
// once the server runs; a Plugin must not be copied then.
type Plugin struct {
	gameinstance.ProviderDefaults

	// Config is what the configuration starts from. Nil means [DefaultConfig].
	Config *Config
	// Transport carries the calls. Nil means one that takes the proxy of the
	// environment and bounds its connections.
	Transport http.RoundTripper

	live *pragma.Live[Config]
	log  *slog.Logger

	once   sync.Once
	client *http.Client
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

// MountPlugin implements [pragma.Configurable]. The fleet may be away when the
// server starts.
func (p *Plugin) MountPlugin(m *pragma.PluginMount) error {
	live, err := pragma.PluginConfig(m, p.base())
	if err != nil {
		return err
	}
	cfg := live.Load()
	if err := cfg.Validate(); err != nil { // without a section nobody else asks
		return err
	}
	p.live, p.log = live, m.Log()
	m.Go("fleet", func(ctx context.Context) {
		<-ctx.Done()
		p.Close()
	})
	return nil
}

// config returns the present configuration: of the server, or the field's.
func (p *Plugin) config() (*Config, error) {
	if p.live != nil {
		cfg := p.live.Load()
		return &cfg, nil
	}
	cfg := p.base()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("webhook: configuration: %w", err)
	}
	return &cfg, nil
}

func (p *Plugin) http() *http.Client {
	p.once.Do(func() { p.client = outbound.NewClient(p.Transport) })
	return p.client
}

// Close gives idle connections back. A server does it when it stops; only who
// uses a Plugin without one has to call it.
func (p *Plugin) Close() { p.http().CloseIdleConnections() }

// StartAllocationForGameInstance implements [gameinstance.ProviderPlugin]. It
// returns [gameinstance.ErrNoServerNeeded] if the fleet says so,
// [pragma.ErrUnavailable] when it is worth trying again, and [ErrRefused].
func (p *Plugin) StartAllocationForGameInstance(ctx context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	tokens, err := r.ClientTokens()
	if err != nil {
		return fmt.Errorf("make tokens for allocation %s: %w", r.AllocationID, err)
	}
	answer, err := p.tell(ctx, &Call{
		Type: Start, AllocationID: r.AllocationID, GameInstanceID: r.GameInstanceID, Ext: r.Ext,
		GameServerVersion: r.GameServerVersion, GameServerZone: r.GameServerZone,
		BackendAddress: r.BackendAddress, GameToken: tokens.GameToken, SocialToken: tokens.SocialToken,
	})
	if err != nil {
		return err
	}
	if answer.NoServerNeeded {
		return gameinstance.ErrNoServerNeeded
	}
	return nil
}

// EndAllocation implements [gameinstance.ProviderPlugin]: it tells the fleet. An
// error has it repeated. A fleet that answers 404 or 410 does not know the
// allocation, or not any more, which is as good.
func (p *Plugin) EndAllocation(ctx context.Context, r *gameinstance.EndAllocationRequest) error {
	_, err := p.tell(ctx, &Call{Type: End, AllocationID: r.AllocationID, GameInstanceID: r.GameInstanceID, Reason: r.Reason})
	return err
}

// tell makes one call.
func (p *Plugin) tell(ctx context.Context, c *Call) (Answer, error) {
	cfg, err := p.config()
	if err != nil {
		return Answer{}, err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return Answer{}, fmt.Errorf("webhook: encode call %s: %w", c.IdempotencyKey(), err)
	}
	ctx, cancel := outbound.Within(ctx, cfg.timeout())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cfg.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(HeaderIdempotencyKey, c.IdempotencyKey())
	sign(req.Header, cfg.Keys, time.Now(), body)
	answer, err := outbound.Do(p.http(), req)
	if err != nil {
		return Answer{}, pragma.ErrUnavailable.With("webhook: no answer from the fleet: %v", err).Wrap(err)
	}
	return p.read(ctx, c, answer)
}

// read says what an answer means.
func (p *Plugin) read(ctx context.Context, c *Call, a *outbound.Answer) (said Answer, err error) {
	switch {
	case a.Status >= 200 && a.Status < 300:
		if len(bytes.TrimSpace(a.Body)) > 0 && json.Unmarshal(a.Body, &said) != nil {
			cmp.Or(p.log, slog.Default()).WarnContext(ctx, "the fleet says something that is no JSON object; it counts as a yes", "call", c)
			return Answer{}, nil
		}
		return said, nil
	case c.Type == End && (a.Status == http.StatusNotFound || a.Status == http.StatusGone):
		return Answer{}, nil
	case a.Status >= 500, a.Status == http.StatusTooManyRequests, a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly:
		err := pragma.ErrUnavailable.With("webhook: the fleet cannot do it now: status %d", a.Status)
		if wait, ok := a.RetryAfter(); ok {
			return Answer{}, entity.RetryAfter(err, min(wait, maxRetryAfter))
		}
		return Answer{}, err
	}
	return Answer{}, fmt.Errorf("%w: status %d", ErrRefused, a.Status)
}

// maxRetryAfter is the longest wait a fleet can ask for. With more, the allocation
// would be over before the next attempt.
const maxRetryAfter = time.Minute
