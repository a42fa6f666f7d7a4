package fleet

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// report notes what a server says and gives it games, in one commit.
func (s *Service) report(ctx context.Context, who *pragma.PartnerSession, r *report) (*wire.FleetReportCapacityV1Response, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	known, err := s.known(ctx, who, r)
	if err != nil {
		return nil, err
	}
	cfg := s.config.Load()
	policy, err := cfg.policy(known.PolicyID)
	if err != nil {
		return nil, err
	}
	v := &visit{s: s, who: who, r: r, pool: known.Pool, policyID: known.PolicyID, policy: policy}
	err = s.servers.Upsert(ctx, r.serverID, v.run)
	v.settle(err)
	if err != nil {
		return nil, err
	}
	resp := &wire.FleetReportCapacityV1Response{NextHeartbeatPeriodMillis: wire.Int64(policy.ServerHeartbeatPeriodMillis)}
	for _, g := range v.given {
		resp.GameInstanceIDs = append(resp.GameInstanceIDs, wire.UUID(g.GameInstanceID))
	}
	return resp, nil
}

// known returns the pool and the policy of the server that reports. The plugin
// is asked about servers it does not know, and about those that moved.
func (s *Service) known(ctx context.Context, who *pragma.PartnerSession, r *report) (*server, error) {
	sv, err := s.servers.Read(ctx, r.serverID)
	switch {
	case errors.Is(err, entity.ErrNotFound):
		if !who.AllocationID.IsZero() {
			return nil, ErrServerNotRequested
		}
		sv = nil
	case err != nil:
		return nil, err
	case sv.Started, sv.Seen && sv.stays(r):
		return sv, nil
	}
	var p ServerPool
	if r.older {
		p, err = s.selectPool(ctx, &SelectServerPoolRequest{GameServerVersion: r.version, GameServerZone: r.zone})
	} else {
		p, err = s.poolByID(ctx, r.pool)
	}
	if err != nil {
		return nil, err
	}
	return &server{Pool: p.ServerPoolID, PolicyID: p.policyID()}, nil
}

// stays reports whether a server is where it was with its last report.
func (s *server) stays(r *report) bool {
	if r.older {
		return s.Version == r.version && s.Zone == r.zone
	}
	return s.Pool == r.pool && s.Version == "" && s.Zone == ""
}

// visit is one report on its way through the store.
type visit struct {
	s              *Service
	who            *pragma.PartnerSession
	r              *report
	pool, policyID string
	policy         ManagementPolicy

	claimed []pragma.AllocationID // of the line, in the order of their age
	// What the last run decided.
	given []given
	over  []pragma.AllocationID // they do not wait, or no longer
}

// run is the update of the server's record. It may run again.
func (v *visit) run(tx *entity.Tx, sv *server) error {
	v.given, v.over = nil, nil
	if err := v.admit(sv); err != nil {
		return err
	}
	if err := v.note(tx, sv); err != nil {
		return err
	}
	if err := v.release(tx, sv); err != nil {
		return err
	}
	return v.hand(tx, sv)
}

// admit refuses tokens that may not report as this server: one that was made for
// an allocation is for the started server with that id, and only the first pair
// of tokens that came with it counts (engine §6.5).
func (v *visit) admit(sv *server) error {
	id := v.who.AllocationID
	switch {
	case id.IsZero(): // an operator vouches for it
		return nil
	case !sv.Started || id.String() != v.r.serverID, !sv.Partner.IsZero() && sv.Partner != v.who.PartnerID:
		return ErrServerNotRequested
	}
	sv.Partner = v.who.PartnerID
	return nil
}

// note brings the record up to date. What is not news is written only now and
// then, so that most reports need no commit.
func (v *visit) note(tx *entity.Tx, sv *server) error {
	r := v.r
	if !sv.Seen || sv.Gone {
		if err := v.appears(tx, sv); err != nil {
			return err
		}
	}
	if !sv.Started {
		sv.Pool, sv.PolicyID = v.pool, v.policyID
	}
	sv.Version, sv.Zone, sv.Total, sv.Used = r.version, r.zone, r.total, r.used
	if silence := v.policy.silence(); sv.NextAt.Before(tx.Now().Add(silence)) {
		sv.NextAt = tx.Now().Add(silence + silence/2)
	}
	return nil
}

// appears notes a server that is new, or back.
func (v *visit) appears(tx *entity.Tx, sv *server) error {
	back, started := sv.Gone, sv.Started
	sv.Seen, sv.Gone, sv.NextAt = true, false, tx.Now()
	if started {
		p, err := v.s.pools.InOrNew(tx, sv.Pool)
		if err != nil {
			return err
		}
		p.note(v.r.serverID, true)
	}
	log := v.s.m.Log().With("serverId", v.r.serverID, "pool", v.pool, "version", v.r.version, "zone", v.r.zone)
	tx.After(func(ctx context.Context) {
		switch {
		case back:
			log.InfoContext(ctx, "game server is back")
		case started:
			log.InfoContext(ctx, "game server reports for the first time")
		default:
			log.InfoContext(ctx, "unknown game server reports; it is tracked from now on")
		}
	})
	return nil
}

// release forgets games that the server counts by now, or that no longer wait
// for it: they are linked, or over.
func (v *visit) release(tx *entity.Tx, sv *server) error {
	sv.acknowledge()
	var failed error
	sv.forgetGiven(func(g given) bool {
		awaits, err := v.s.Games.AwaitsServer(tx, g.GameInstanceID, g.AllocationID)
		failed = errors.Join(failed, err)
		return err == nil && !awaits
	})
	return failed
}

// hand gives the server the oldest games that fit, as many as it has room for.
func (v *visit) hand(tx *entity.Tx, sv *server) error {
	fits := *v.r
	if sv.Started && !fits.older {
		fits.pool = sv.Pool
	}
	room := min(sv.free(), maxPerReport)
	for i := 0; len(v.given) < room; i++ {
		if i == len(v.claimed) {
			id, ok := v.s.line.claim(fits.fits)
			if !ok {
				break
			}
			v.claimed = append(v.claimed, id)
		}
		if err := v.take(tx, v.claimed[i]); err != nil {
			return err
		}
	}
	if len(v.given) > 0 {
		sv.Given, sv.Base = append(sv.Given, v.given...), sv.Used
	}
	return nil
}

// maxPerReport bounds the commit of one report. A server with more room gets
// more with its next one.
const maxPerReport = 64

// take gives a game to the server, unless it no longer waits.
func (v *visit) take(tx *entity.Tx, id pragma.AllocationID) error {
	w, err := v.s.waits.In(tx, id.String())
	if errors.Is(err, entity.ErrNotFound) { // somebody else was faster
		v.over = append(v.over, id)
		return nil
	}
	if err != nil {
		return err
	}
	game := w.GameInstanceID
	assigned, err := v.s.Games.AssignServer(tx, game, id, v.who)
	if err != nil {
		return err
	}
	if assigned {
		v.given = append(v.given, given{game, id})
		return v.s.waits.Delete(tx, id.String())
	}
	if awaits, err := v.s.Games.AwaitsServer(tx, game, id); awaits || err != nil {
		return err // its time is over, but nobody has said so yet
	}
	v.over = append(v.over, id)
	return v.s.waits.Delete(tx, id.String())
}

// settle brings the line up to date when the commit is done, or not.
func (v *visit) settle(err error) {
	if err == nil {
		for _, g := range v.given {
			v.s.line.remove(g.AllocationID)
		}
		v.s.line.remove(v.over...)
	}
	v.s.line.release(v.claimed)
}
