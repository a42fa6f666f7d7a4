package client

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// CapacityPolling says as what a game server asks for games (engine §8.2).
type CapacityPolling struct {
	// ServerID names the server; it must be the one it was started with, or one
	// that no other server has.
	ServerID string
	// ServerPoolID is the pool it belongs to.
	ServerPoolID string
	// Timeout is how long to wait for the first game; zero means for ever.
	// Afterwards the polling ends with [CapacityTimedOut].
	Timeout time.Duration
	// MaxGameInstanceCount is how many games the server can run at a time. Zero
	// means 1.
	MaxGameInstanceCount int
}

// Errors of capacity polling.
var (
	// ErrPolling is a second start of what runs already.
	ErrPolling = errors.New("capacity polling runs already")
	// ErrNotPolling is a change of what does not run.
	ErrNotPolling = errors.New("capacity polling does not run")
)

// polling is the state of capacity polling. The mutex of the game server guards it.
type polling struct {
	CapacityPolling
	used   int
	got    bool          // a game has come
	period time.Duration // as the backend wished last
	flight int           // reports without an answer
	again  bool          // something changed since the last report was sent
	next   *task
	giveUp *task
}

// firstPeriod is the pause between reports that were not answered, before the
// backend has named one.
const firstPeriod = time.Second

// StartReportCapacityPolling begins to ask the fleet for games (wire §7.6): at
// once, and then as often as the backend wishes. Each game comes as a
// [GameAllocated], counts as used from then on, and is to be taken over with
// [GameServer.Link]. Reports that fail are logged and repeated. It ends with
// [GameServer.StopReportCapacityPolling], with the client, or with the timeout.
func (s *GameServer) StartReportCapacityPolling(p CapacityPolling) error {
	p.MaxGameInstanceCount = cmp.Or(p.MaxGameInstanceCount, 1)
	if p.ServerID == "" || p.MaxGameInstanceCount < 0 || p.Timeout < 0 {
		return errors.New("capacity polling needs a ServerID, and no number below 0")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polls != nil {
		return ErrPolling
	}
	k := &polling{CapacityPolling: p, period: firstPeriod}
	s.polls = k
	if p.Timeout > 0 {
		k.giveUp = s.after(p.Timeout, func() { s.pollingTimedOut(k) })
	}
	s.reportCapacity(k)
	return nil
}

// StopReportCapacityPolling ends the polling. A report may be under way: the
// games it brings still come as [GameAllocated].
func (s *GameServer) StopReportCapacityPolling() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopPolling()
}

func (s *GameServer) stopPolling() {
	if k := s.polls; k != nil {
		k.next.stop()
		k.giveUp.stop()
		s.polls = nil
	}
}

// ReportFreedCapacity says that so many games no longer need their place, and
// reports it at once. Call it when a game is over.
func (s *GameServer) ReportFreedCapacity(games int) error {
	if games < 0 {
		return fmt.Errorf("%d games cannot be freed", games)
	}
	return s.changeCapacity(func(k *polling) { k.used = max(0, k.used-games) })
}

// UpdateMaxGameInstanceCount changes how many games the server can run at a time,
// and reports it at once. Zero lets it run out: what runs goes on.
func (s *GameServer) UpdateMaxGameInstanceCount(games int) error {
	if games < 0 {
		return fmt.Errorf("%d games cannot be run", games)
	}
	return s.changeCapacity(func(k *polling) { k.MaxGameInstanceCount = games })
}

func (s *GameServer) changeCapacity(change func(k *polling)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.polls
	if k == nil {
		return ErrNotPolling
	}
	change(k)
	if k.flight > 0 {
		k.again = true // its answer may bring games: count them first
		return nil
	}
	s.reportCapacity(k)
	return nil
}

// reportCapacity sends a report, and plans one for the case that this one stays
// unanswered. s.mu is held.
func (s *GameServer) reportCapacity(k *polling) {
	k.again = false
	req := &wire.FleetReportCapacityV1Request{
		ServerID: k.ServerID, ServerPoolID: k.ServerPoolID,
		TotalCapacity: wire.Int32(k.MaxGameInstanceCount), UsedCapacity: wire.Int32(k.used),
	}
	err := s.game.post("FleetRpc.ReportCapacityV1", req, func(f *wire.Frame, err error) { s.capacityReported(k, f, err) })
	if err != nil {
		s.log.Debug("no capacity reported", "err", err)
		s.planReport(k, k.period)
		return
	}
	k.flight++
	s.planReport(k, max(k.period, s.opts.CallTimeout))
}

func (s *GameServer) planReport(k *polling, wait time.Duration) {
	k.next.stop()
	k.next = s.after(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.polls == k {
			s.reportCapacity(k)
		}
	})
}

// capacityReported takes the answer to a report.
func (s *GameServer) capacityReported(k *polling, f *wire.Frame, err error) {
	var resp wire.FleetReportCapacityV1Response
	if err == nil {
		err = f.Decode(&resp)
	}
	if err != nil && s.Err() == nil {
		s.log.Warn("capacity report failed", "err", err)
	}
	s.mu.Lock()
	k.flight--
	k.used += len(resp.GameInstanceIDs)
	if len(resp.GameInstanceIDs) > 0 {
		k.giveUp.stop()
		k.got = true
	}
	if d := time.Duration(resp.NextHeartbeatPeriodMillis) * time.Millisecond; d > 0 {
		k.period = d
	}
	switch {
	case s.polls != k:
	case k.again && k.flight == 0 && err == nil:
		s.reportCapacity(k)
	default:
		s.planReport(k, k.period)
	}
	s.mu.Unlock()
	for _, id := range resp.GameInstanceIDs {
		s.hub.publish(GameAllocated{pragma.GameInstanceID(id)})
	}
}

func (s *GameServer) pollingTimedOut(k *polling) {
	s.mu.Lock()
	over := s.polls == k && !k.got
	if over {
		s.stopPolling()
	}
	s.mu.Unlock()
	if over {
		s.hub.publish(CapacityTimedOut{})
	}
}
