package gameinstance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// allocationCall is a request for a server on its way to the provider. Its key in
// the lane is the allocation id.
type allocationCall struct {
	GameInstanceID    pragma.GameInstanceID `json:"gameInstanceId"`
	Ext               ext.Value             `json:"ext,omitzero"`
	GameServerVersion string                `json:"gameServerVersion,omitzero"`
	GameServerZone    string                `json:"gameServerZone,omitzero"`
}

// allocationResult is what came of it. A server that is under way is no result:
// it links.
type allocationResult struct {
	Failed   bool
	NoServer bool // none is needed
}

// allocationDeadline is after how long a call is no longer repeated whose
// outcome is unknown; the allocation has timed out long before.
const allocationDeadline = time.Hour

// allocationBackoff is the longest wait before a busy provider is asked again:
// players wait for its answer, and so does the end of an allocation that nobody
// wants any more.
const allocationBackoff = 30 * time.Second

// allocationConcurrency lets a burst of games through a provider that takes a
// while to answer each.
const allocationConcurrency = 64

func (s *Service) mountLane(m *pragma.Mount) {
	s.lane = entity.NewLane(m, "allocate", entity.LaneOptions[allocationCall, allocationResult]{
		Deliver:   s.startAllocation,
		Delivered: s.allocationStarted,
		Dead: func(tx *entity.Tx, c *entity.Call[allocationCall], _ error) error {
			return s.allocationStarted(tx, c, allocationResult{Failed: true})
		},
		Concurrency: allocationConcurrency,
		Deadline:    allocationDeadline,
		MaxBackoff:  allocationBackoff,
	})
}

// writeAllocation asks for a server, once the commit is done.
func (t *turn) writeAllocation(c *changes) error {
	if !c.alloc {
		return nil
	}
	h := t.h
	h.Allocation = &allocation{ID: pragma.NewID[pragma.AllocationID]()}
	if err := t.order(h.Allocation.ID); err != nil {
		return err
	}
	h.State = StateAllocating
	h.AllocateBy = t.now.Add(millis(t.cfg.GameServerAllocationTimeoutMillis))
	return t.s.lane.Call(t.tx, h.Allocation.ID.String(), allocationCall{
		GameInstanceID: h.ID, Ext: *t.inst.allocate,
		GameServerVersion: h.GameServerVersion, GameServerZone: h.GameServerZone,
	})
}

// startAllocation calls the provider. What the provider answers is final; only a
// call without an answer is repeated.
func (s *Service) startAllocation(ctx context.Context, c *entity.Call[allocationCall]) (allocationResult, error) {
	id, err := pragma.ParseID[pragma.AllocationID](c.Key)
	if err != nil {
		return allocationResult{}, entity.Permanent(err)
	}
	waiting, err := s.waitsFor(ctx, c.Request.GameInstanceID, id)
	if err != nil || !waiting {
		return allocationResult{}, err
	}
	err = s.Provider.StartAllocationForGameInstance(ctx, &StartAllocationForGameInstanceRequest{
		GameInstanceID: c.Request.GameInstanceID, AllocationID: id, Ext: c.Request.Ext,
		GameServerVersion: c.Request.GameServerVersion, GameServerZone: c.Request.GameServerZone,
		Requested:      c.Created,
		ClientTokens:   sync.OnceValues(func() (PartnerClientTokens, error) { return s.clientTokens(id) }),
		BackendAddress: cmp.Or(s.BackendAddress, s.m.Address(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner})),
	})
	switch {
	case err == nil:
		return allocationResult{}, nil
	case errors.Is(err, ErrNoServerNeeded):
		return allocationResult{NoServer: true}, nil
	case ctx.Err() != nil, errors.Is(err, pragma.ErrUnavailable):
		return allocationResult{}, err
	}
	s.m.Log().WarnContext(ctx, "game server allocation refused", "gameInstanceId", c.Request.GameInstanceID, "allocationId", id, "err", err)
	return allocationResult{Failed: true}, nil
}

// waitsFor reports whether an instance still waits for this allocation.
func (s *Service) waitsFor(ctx context.Context, game pragma.GameInstanceID, id pragma.AllocationID) (bool, error) {
	h, err := s.heads.Read(ctx, game.String())
	if errors.Is(err, entity.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return h.waitsFor(id), nil
}

func (h *head) waitsFor(id pragma.AllocationID) bool {
	return h.State == StateAllocating && h.Allocation != nil && h.Allocation.ID == id
}

// clientTokens makes the pair of tokens of one server. They are for this
// allocation only. Every pair has a partner id of its own: should a repeated call
// have started a second server, only the first one to link is accepted.
func (s *Service) clientTokens(id pragma.AllocationID) (PartnerClientTokens, error) {
	who := &pragma.PartnerSession{
		PartnerID: pragma.NewID[pragma.PartnerID](), Name: "game server", GameShardID: s.m.ShardID(), AllocationID: id,
	}
	var tokens PartnerClientTokens
	var err error
	if tokens.GameToken, err = s.m.SignPartnerToken(pragma.Game, who, 0); err != nil {
		return PartnerClientTokens{}, fmt.Errorf("sign game token: %w", err)
	}
	if tokens.SocialToken, err = s.m.SignPartnerToken(pragma.Social, who, 0); err != nil {
		return PartnerClientTokens{}, fmt.Errorf("sign social token: %w", err)
	}
	return tokens, nil
}

// allocationStarted notes what the provider answered. The consequences of a
// failure are those of a timer: hooks run in updates of the instance only.
func (s *Service) allocationStarted(tx *entity.Tx, c *entity.Call[allocationCall], res allocationResult) error {
	id, err := pragma.ParseID[pragma.AllocationID](c.Key)
	if err != nil {
		return nil // a dead letter that no instance waits for
	}
	if err := s.answered(tx, id, res.NoServer); err != nil || !res.Failed && !res.NoServer {
		return err
	}
	h, err := s.heads.In(tx, c.Request.GameInstanceID.String())
	if errors.Is(err, entity.ErrNotFound) || err == nil && !h.waitsFor(id) {
		return nil
	}
	if err != nil {
		return err
	}
	h.Version++
	if res.NoServer {
		h.State, h.AllocateBy = StateRunning, time.Time{}
		return nil
	}
	h.Allocation.Failed, h.AllocateBy = true, tx.Now()
	return nil
}
