package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// order is the record of one request for a server, from the commit that made it
// until its tokens are revoked, by deleting it (ADR 14):
//
//	wanted ──the last instance is over──► unwanted ──60 minutes──► revoked, deleted
//	   ▲                                     │
//	   └── the server creates another game ──┘
//
// The provider is told whenever it becomes unwanted. While the provider may still
// be asked for the server, that waits for the answer: a start never follows an end.
type order struct {
	GameInstanceID pragma.GameInstanceID `json:"gameInstanceId"` // for which it was made
	// Starting says that the request is in the lane to the provider.
	Starting bool `json:"starting,omitzero"`
	// Wanted are the instances that need the server: the one it was asked for, and
	// those that it created or linked. It is not wanted any more without one.
	Wanted []pragma.GameInstanceID `json:"wanted,omitzero"`
	// Ends counts how often it has become unwanted, and End is why it last did.
	Ends int       `json:"ends,omitzero"`
	End  EndReason `json:"end,omitzero"`
	// Over is what its servers are told, and Knows is the one that knows already,
	// once GameInstanceID is not wanted any more.
	Over     wire.GameInstanceTerminationReason `json:"over,omitzero"`
	Knows    pragma.PartnerID                   `json:"knows,omitzero"`
	RevokeAt time.Time                          `json:"revokeAt,omitzero"`
}

// revokeAfter is how long the tokens of a server are good that nobody wants any
// more (engine §6.5).
const revokeAfter = 60 * time.Minute

func (o *order) due() time.Time {
	if o.Starting {
		return time.Time{}
	}
	return o.RevokeAt
}

// parting is why an instance does not need a server any more.
type parting struct {
	end   EndReason
	over  wire.GameInstanceTerminationReason
	knows pragma.PartnerID // the server that did it itself
}

// mountOrders prepares what is kept of allocations.
func (s *Service) mountOrders(m *pragma.Mount) {
	s.orders = entity.Of(m, "instance-allocation", entity.Options[order]{Due: (*order).due, OnDue: s.revoke})
	s.ends = entity.NewLane(m, "end-allocation", entity.LaneOptions[endCall, struct{}]{Deliver: s.endAllocation})
	m.AllocationTokens("instance-allocation")
	m.OnPartnerConnect(s.partnerConnected)
}

// order notes a new request for a server.
func (t *turn) order(id pragma.AllocationID) error {
	o, err := t.s.orders.New(t.tx, id.String())
	if err != nil {
		return fmt.Errorf("note allocation %s: %w", id, err)
	}
	*o = order{GameInstanceID: t.h.ID, Starting: true, Wanted: []pragma.GameInstanceID{t.h.ID}}
	return nil
}

// want notes that the instance needs a server that was allocated for another one,
// or once more.
func (t *turn) want(id pragma.AllocationID) error {
	o, err := t.s.orders.In(t.tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil // an older version made it
	}
	if err != nil {
		return fmt.Errorf("read allocation %s: %w", id, err)
	}
	if !slices.Contains(o.Wanted, t.h.ID) {
		o.Wanted, o.RevokeAt = append(o.Wanted, t.h.ID), time.Time{}
	}
	return nil
}

// part notes that the instance does not need a server any more, and has the
// provider told if nobody does.
func (t *turn) part(id pragma.AllocationID, p parting) error {
	if id.IsZero() {
		return nil
	}
	o, err := t.s.orders.In(t.tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read allocation %s: %w", id, err)
	}
	at := slices.Index(o.Wanted, t.h.ID)
	if at < 0 {
		return nil
	}
	o.Wanted = slices.Delete(o.Wanted, at, at+1)
	if t.h.ID == o.GameInstanceID {
		o.Over, o.Knows = p.over, p.knows
	}
	if len(o.Wanted) > 0 {
		return nil
	}
	o.End, o.RevokeAt = p.end, t.now.Add(revokeAfter)
	o.Ends++
	if o.Starting {
		return nil
	}
	return t.s.callEnd(t.tx, id, o)
}

// partAll is part for every allocation that has to do with the instance.
func (t *turn) partAll(p parting) error {
	if a := t.h.Allocation; a != nil {
		if err := t.part(a.ID, p); err != nil {
			return err
		}
	}
	return t.part(t.h.CreatedFor, p)
}

// answered notes that the provider will not be asked any more. An allocation that
// has meanwhile become unwanted is ended now.
func (s *Service) answered(tx *entity.Tx, id pragma.AllocationID, none bool) error {
	o, err := s.orders.In(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read allocation %s: %w", id, err)
	}
	o.Starting = false
	switch {
	case none: // there is no server, and never was
		return s.forgetOrder(tx, id)
	case len(o.Wanted) == 0:
		return s.callEnd(tx, id, o)
	}
	return nil
}

// endCall is the news for a provider that an allocation is over.
type endCall struct {
	AllocationID   pragma.AllocationID   `json:"allocationId"`
	GameInstanceID pragma.GameInstanceID `json:"gameInstanceId"`
	Reason         EndReason             `json:"reason"`
}

func (s *Service) callEnd(tx *entity.Tx, id pragma.AllocationID, o *order) error {
	switch s.Provider.(type) {
	case *DefaultProvider, ProviderDefaults: // do nothing
		return nil
	}
	key := id.String() + "/" + strconv.Itoa(o.Ends)
	return s.ends.Call(tx, key, endCall{AllocationID: id, GameInstanceID: o.GameInstanceID, Reason: o.End})
}

// endAllocation calls the provider, until it says that it knows.
func (s *Service) endAllocation(ctx context.Context, c *entity.Call[endCall]) (struct{}, error) {
	return struct{}{}, s.Provider.EndAllocation(ctx, &EndAllocationRequest{
		AllocationID: c.Request.AllocationID, GameInstanceID: c.Request.GameInstanceID, Reason: c.Request.Reason,
	})
}

// revoke makes the tokens of an allocation worthless: they are good as long as its
// record is there (ADR 14).
func (s *Service) revoke(tx *entity.Tx, id string, _ *order) error {
	allocation, err := pragma.ParseID[pragma.AllocationID](id)
	if err != nil {
		return fmt.Errorf("revoke the tokens of allocation %q: %w", id, err)
	}
	return s.forgetOrder(tx, allocation)
}

func (s *Service) forgetOrder(tx *entity.Tx, id pragma.AllocationID) error {
	tx.After(func(ctx context.Context) { s.m.EndAllocationTokens(ctx, id) })
	return s.orders.Delete(tx, id.String())
}

// partnerConnected tells a server that its instance does not wait for it.
func (s *Service) partnerConnected(ctx context.Context, who *pragma.PartnerSession) error {
	if who.AllocationID.IsZero() {
		return nil
	}
	o, err := s.orders.Read(ctx, who.AllocationID.String())
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	reason := o.Over
	switch {
	case slices.Contains(o.Wanted, o.GameInstanceID):
		lost, err := s.lostRace(ctx, o.GameInstanceID, who)
		if err != nil || !lost {
			return err
		}
		reason = wire.GameInstanceTerminationAllocationFailed
	case o.Knows == who.PartnerID:
		return nil
	}
	s.m.NotifyPartner(ctx, s.overNotice(o.GameInstanceID, reason), who.PartnerID)
	return nil
}

// lostRace reports whether another server has linked the instance.
func (s *Service) lostRace(ctx context.Context, id pragma.GameInstanceID, who *pragma.PartnerSession) (bool, error) {
	h, err := s.heads.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return !h.Server.IsZero() && h.Server != who.PartnerID, nil
}

// overNotice tells a server that it has nothing to do with an instance any more.
func (s *Service) overNotice(id pragma.GameInstanceID, reason wire.GameInstanceTerminationReason) *pragma.Notification {
	return s.notices.over.Of(&wire.GameInstanceOverPartnerV1Notification{GameInstanceID: wire.UUID(id), Reason: reason})
}

// tellServers tells the linked server that it is not wanted any more, or, when
// there is none, all that were started for the allocation.
func (t *turn) tellServers(reason wire.GameInstanceTerminationReason) {
	n := t.s.overNotice(t.h.ID, reason)
	switch a := t.h.Allocation; {
	case !t.h.Server.IsZero():
		t.tx.NotifyPartner(n, t.h.Server)
	case a != nil:
		t.tx.After(func(ctx context.Context) { t.s.m.NotifyAllocation(ctx, n, a.ID) })
	}
}
