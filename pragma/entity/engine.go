package entity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openpragma/engine/internal/keylock"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

const (
	// maxTries is how often an update runs while others keep being faster.
	maxTries = 4
	// maxWaiting is how many updates wait for one entity: a full game instance
	// whose players all call at once, and some.
	maxWaiting = 256
	// cacheBytes is the memory for committed states, per backend.
	cacheBytes = 64 << 20
)

// host is what the engine needs of the server; a *pragma.Mount has it.
type host interface {
	Store() store.Driver
	Log() *slog.Logger
	Node() string
	Go(name string, fn func(ctx context.Context))
	Problem(err error)
	NotifyPlayers(ctx context.Context, n *pragma.Notification, to ...pragma.PlayerID)
	NotifyAccounts(ctx context.Context, n *pragma.Notification, to ...pragma.SocialID)
	NotifyPartner(ctx context.Context, n *pragma.Notification, to pragma.PartnerID)
}

var _ host = (*pragma.Mount)(nil)

// engine is what all kinds of one backend share.
type engine struct {
	host    host // of the first service; only for what is the same for all
	locks   keylock.Map[store.Key]
	telling telling
	cache   *cache
	metrics *metrics
	kinds   map[string]bool // written while mounting only
}

func newEngine(h host, r prometheus.Registerer) *engine {
	m, err := newMetrics(r)
	if err != nil {
		h.Problem(fmt.Errorf("entity metrics: %w", err))
	}
	return &engine{host: h, cache: newCache(cacheBytes), metrics: m, kinds: make(map[string]bool)}
}

func engineOf(m *pragma.Mount) *engine {
	return pragma.Shared(m, func(m *pragma.Mount) *engine {
		labels := prometheus.Labels{"backend": string(m.Backend())}
		return newEngine(m, prometheus.WrapRegistererWith(labels, m.Metrics()))
	})
}

// kind is the part of a Kind that does not depend on its type.
type kind struct {
	engine *engine
	host   host // of the service that registered it
	name   string
	zero   []byte // the encoded zero state
	decode func(body []byte) (any, error)
	encode func(doc any) ([]byte, error)
	due    func(doc any) time.Time // nil: no timers
	timers *schedule               // nil: nobody waits for them
	counts kindCounters
}

func (e *engine) register(k *kind) {
	if err := store.ValidateKind(k.name); err != nil {
		k.host.Problem(fmt.Errorf("entity kind: %w", err))
	}
	if e.kinds[k.name] {
		k.host.Problem(fmt.Errorf("entity kind %q is registered twice", k.name))
	}
	e.kinds[k.name] = true
}

// rule says what an update wants of its entity.
type rule int

const (
	mustExist rule = iota
	mustBeNew
	either
)

// update runs fn in transactions on one entity until one is committed, refused,
// or four have met conflicts.
func (e *engine) update(ctx context.Context, k *kind, id string, r rule, fn func(tx *Tx, doc any) error) error {
	key := store.Key{Kind: k.name, ID: id}
	if ctx.Value(txKey{}) != nil {
		return fmt.Errorf("update %s: %w", key, errNested)
	}
	if err := e.locks.Lock(ctx, key, maxWaiting); errors.Is(err, keylock.ErrBusy) {
		k.counts.refusals.Inc()
		return pragma.ErrUnavailable.Wrap(fmt.Errorf("wait for %s: %w", key, err))
	} else if err != nil {
		return fmt.Errorf("wait for %s: %w", key, store.ContextError(ctx))
	}
	defer e.locks.Unlock(key)
	if err := e.telling.wait(ctx, key); err != nil {
		return fmt.Errorf("wait for %s: %w", key, err)
	}
	for try := 1; ; try++ {
		tx := newTx(ctx, e, k)
		tx.again = try > 1
		stale, err := tx.run(id, r, fn)
		tx.ended = true
		if !stale {
			return err
		}
		k.counts.conflicts.Inc()
		if try == maxTries {
			return pragma.ErrUnavailable.Wrap(fmt.Errorf("update %s: %d tries: %w", key, try, err))
		}
		if err := sleep(ctx, rand.N(time.Millisecond<<try).Truncate(time.Microsecond)); err != nil {
			return fmt.Errorf("update %s again: %w", key, err)
		}
	}
}

// read returns the newest committed record of an entity, from the cache if it is
// there.
func (e *engine) read(ctx context.Context, key store.Key) (entry, error) {
	if found, ok := e.cache.get(key); ok {
		return found, nil
	}
	stamp := e.cache.begin(key, false)
	recs, err := e.host.Store().Get(ctx, key)
	if err != nil {
		e.cache.end(key, stamp, false, nil)
		return entry{}, fmt.Errorf("read %s: %w", key, err)
	}
	found := entry{rev: recs[0].Rev, due: recs[0].Due, body: recs[0].Body}
	if found.rev == 0 {
		e.cache.end(key, stamp, false, nil)
		return found, nil
	}
	e.cache.end(key, stamp, false, &found)
	return found, nil
}

// recovered turns a panic of somebody else's code into an error and logs it.
func recovered(h host, key store.Key, p any) error {
	h.Log().Error("entity code panicked", "entity", key.String(), "panic", p, slog.String("stack", string(debug.Stack())))
	return pragma.ErrInternal.Wrap(fmt.Errorf("panic in an update of %s: %v", key, p))
}

// sleep waits for d, or less if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return store.ContextError(ctx)
	}
}
