package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

const (
	// balanceInterval is how often waiting games and servers are compared.
	balanceInterval = time.Second
	// maxBatch is how many servers one call of [Plugin.Add] starts.
	maxBatch = 16
	// rest is how long a server that is gone is remembered, and its tokens are
	// believed (engine §6.5).
	rest = 60 * time.Minute
)

// addCall is servers to start, on their way to the plugin.
type addCall struct {
	Pool    string                `json:"pool,omitzero"`
	Servers []pragma.AllocationID `json:"servers"`
}

// addResult is what came of it.
type addResult struct{ none bool }

func (s *Service) mountLanes(m *pragma.Mount) {
	s.adds = entity.NewLane(m, "fleet-add", entity.LaneOptions[addCall, addResult]{
		Deliver: s.add,
		Delivered: func(tx *entity.Tx, c *entity.Call[addCall], res addResult) error {
			if res.none {
				return s.giveUp(tx, c.Request.Servers)
			}
			return nil
		},
		Dead: func(tx *entity.Tx, c *entity.Call[addCall], _ error) error {
			if err := s.giveUp(tx, c.Request.Servers); err != nil {
				return err
			}
			return s.adds.Cancel(tx, c.Key) // it is logged; others are started instead
		},
	})
}

func (s *Service) wake() {
	select {
	case s.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

// balance compares waiting games with servers until ctx ends, on every node.
func (s *Service) balance(ctx context.Context) {
	tick := time.NewTicker(balanceInterval)
	defer tick.Stop()
	counts := time.NewTicker(countInterval)
	defer counts.Stop()
	err := s.count(ctx)
	var warned time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-counts.C:
			err = errors.Join(err, s.count(ctx))
		case <-tick.C:
			err = errors.Join(err, s.compareLine(ctx))
		case <-s.nudge:
		}
		err = errors.Join(err, s.addServers(ctx))
		if err != nil && ctx.Err() == nil && time.Since(warned) > warnInterval {
			s.m.Log().WarnContext(ctx, "cannot compare waiting games with servers", "err", err)
			warned = time.Now()
		}
		err = nil
	}
}

// warnInterval is how often it is said that something lasting is wrong.
const warnInterval = time.Minute

// compareLine brings the line up to date with the store, which other nodes
// change too.
func (s *Service) compareLine(ctx context.Context) error {
	done := s.line.compare()
	for item, err := range s.waits.List(ctx, "", "") {
		if item.ID == "" && err != nil {
			return err
		}
		id, bad := pragma.ParseID[pragma.AllocationID](item.ID)
		if bad != nil || err != nil {
			continue // not ours, or of a version that knows more
		}
		s.line.add(id, item.State)
	}
	done()
	return nil
}

// demand is what a pool needs and has.
type demand struct {
	policyID string // empty: the plugin knows
	wanted   bool   // by the configuration
	waiting  int    // games
	free     int    // games that its servers have room for
	servers  int    // that report and came by themselves
}

// addServers has servers started for every pool that has too few.
func (s *Service) addServers(ctx context.Context) error {
	if s.passive.Load() {
		return nil
	}
	pools := make(map[string]*demand)
	of := func(id string) *demand {
		if pools[id] == nil {
			pools[id] = &demand{}
		}
		return pools[id]
	}
	for id, n := range s.line.byPool() {
		of(id).waiting = n
	}
	for _, id := range s.config.Load().ServerPoolIDs {
		of(id).wanted = true
	}
	for item, err := range s.pools.List(ctx, "", "") {
		if err != nil {
			return err
		}
		of(poolName(item.ID)).policyID = item.State.PolicyID
	}
	if len(pools) == 0 {
		return nil
	}
	for item, err := range s.servers.List(ctx, "", "") {
		if err != nil {
			return err
		}
		if sv := item.State; sv.Seen && !sv.Gone {
			d := of(sv.Pool)
			d.free += sv.free()
			if !sv.Started {
				d.servers++
			}
		}
	}
	var failed error
	for _, id := range slices.Sorted(maps.Keys(pools)) {
		failed = errors.Join(failed, s.addTo(ctx, id, pools[id]))
	}
	return failed
}

// addTo decides, in a commit of the pool, how many servers are started.
func (s *Service) addTo(ctx context.Context, id string, d *demand) error {
	if d.waiting == 0 && d.policyID == "" && !d.wanted {
		return nil // only servers that came by themselves
	}
	if d.waiting > 0 || d.policyID == "" {
		p, err := s.poolByID(ctx, id)
		if err != nil {
			return fmt.Errorf("look up server pool %q: %w", id, err)
		}
		d.policyID = p.policyID()
	}
	cfg := s.config.Load()
	policy, err := cfg.policy(d.policyID)
	if err != nil {
		return fmt.Errorf("server pool %q: %w", id, err)
	}
	if d.waiting <= d.free && policy.MinCapacity == 0 {
		return nil
	}
	return s.pools.Upsert(ctx, poolKey(id), func(tx *entity.Tx, p *pool) error {
		p.PolicyID = d.policyID
		if n := d.missing(p, &policy); n > 0 {
			return s.order(tx, id, p, n)
		}
		return nil
	})
}

// missing returns how many servers to start.
func (d *demand) missing(p *pool, policy *ManagementPolicy) int {
	all := len(p.Started) + d.servers
	games := d.waiting - d.free - p.starting()*policy.GamesPerServer
	n := max(0, (games+policy.GamesPerServer-1)/policy.GamesPerServer)
	n = max(n, policy.MinCapacity-all)
	return max(0, min(n, policy.MaxCapacity-all, maxBatch))
}

// order writes down servers that are to be started, and the call that does it.
func (s *Service) order(tx *entity.Tx, id string, p *pool, n int) error {
	cfg := s.config.Load()
	policy, err := cfg.policy(p.PolicyID)
	if err != nil {
		return err
	}
	batch := pragma.NewID[pragma.AllocationID]().String()
	c := addCall{Pool: id}
	for range n {
		name := pragma.NewID[pragma.AllocationID]()
		sv, err := s.servers.New(tx, name.String())
		if err != nil {
			return err
		}
		*sv = server{
			Pool: id, PolicyID: p.PolicyID, Started: true, Batch: batch,
			NextAt: tx.Now().Add(millis(policy.MaxServerStartTimeMillis)),
		}
		p.note(name.String(), false)
		c.Servers = append(c.Servers, name)
	}
	return s.adds.Call(tx, batch, c)
}

// add has the plugin start servers.
func (s *Service) add(ctx context.Context, c *entity.Call[addCall]) (addResult, error) {
	p, err := s.poolByID(ctx, c.Request.Pool)
	if err != nil {
		return addResult{}, err
	}
	r := &AddRequest{ServerPool: p, BackendAddress: s.address()}
	for _, id := range c.Request.Servers {
		r.Allocations = append(r.Allocations, GameServerAllocation{
			ServerID:     id.String(),
			ClientTokens: sync.OnceValues(func() (gameinstance.PartnerClientTokens, error) { return s.clientTokens(id) }),
		})
	}
	err = s.Plugin.Add(ctx, r)
	if errors.Is(err, ErrServersComeByThemselves) {
		s.passive.Store(true)
		return addResult{none: true}, nil
	}
	return addResult{}, err
}

// giveUp forgets started servers that have not reported.
func (s *Service) giveUp(tx *entity.Tx, ids []pragma.AllocationID) error {
	for _, id := range ids {
		sv, err := s.servers.In(tx, id.String())
		if errors.Is(err, entity.ErrNotFound) || err == nil && sv.Seen {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.forget(tx, id.String(), sv); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes the record of a server, which ends its tokens (ADR 14).
func (s *Service) forget(tx *entity.Tx, id string, sv *server) error {
	if !sv.Started {
		return s.servers.Delete(tx, id)
	}
	if err := s.leave(tx, id, sv); err != nil {
		return err
	}
	if allocation, err := pragma.ParseID[pragma.AllocationID](id); err == nil {
		tx.After(func(ctx context.Context) { s.m.EndAllocationTokens(ctx, allocation) })
	}
	return s.servers.Delete(tx, id)
}

// leave takes a started server out of its pool.
func (s *Service) leave(tx *entity.Tx, id string, sv *server) error {
	p, err := s.pools.In(tx, poolKey(sv.Pool))
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	delete(p.Started, id)
	return nil
}

// silent is called when a server has been silent for too long.
func (s *Service) silent(tx *entity.Tx, id string, sv *server) error {
	log := s.m.Log().With("serverId", id, "pool", sv.Pool)
	switch {
	case sv.Gone:
		return s.forget(tx, id, sv)
	case s.grace(tx, sv):
		return nil
	case !sv.Seen:
		tx.After(func(ctx context.Context) { log.WarnContext(ctx, "game server did not start in time; it is given up") })
		if err := s.adds.Cancel(tx, sv.Batch); err != nil && !errors.Is(err, entity.ErrNotFound) {
			return err
		}
		return s.forget(tx, id, sv)
	}
	tx.After(func(ctx context.Context) {
		log.WarnContext(ctx, "game server is gone: its reports do not come any more", "gamesGiven", len(sv.Given))
		s.wake()
	})
	sv.Gone, sv.NextAt = true, tx.Now().Add(rest)
	if sv.Started {
		return s.leave(tx, id, sv)
	}
	return nil
}

// grace gives servers time that could not report because this backend did not run.
func (s *Service) grace(tx *entity.Tx, sv *server) bool {
	cfg := s.config.Load()
	policy, err := cfg.policy(sv.PolicyID)
	if err != nil {
		policy = DefaultPolicy()
	}
	until := s.begun.Add(policy.silence())
	if !until.After(tx.Now()) {
		return false
	}
	sv.NextAt = until
	return true
}

// poolKey is the id of a pool's record: ids of records are not empty.
func poolKey(id string) string { return "/" + id }

func poolName(key string) string { return key[1:] }
