package pragma

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/pragma/store"
)

// partnerTokens knows which partner tokens are revoked, and notes their use. The
// store decides; what is remembered here of a token saves asking it at each call,
// for a quarter of the minute within which a revoked token has to stop working.
// A node that is told of a revocation applies it at once, one that missed the
// message asks about the tokens of its open sockets as often as about any other.
// A revocation is never taken back, and the record of an allocation is there before
// its tokens and never comes back, so what is remembered only ever turns to revoked.
type partnerTokens struct {
	core *core
	db   store.Driver

	mu   sync.Mutex
	seen map[PartnerID]*seenPartner
}

// seenPartner is what is remembered of the tokens of one partner id.
type seenPartner struct {
	allocation AllocationID
	revoked    bool
	asked      time.Time // when the store was asked
	asking     bool
	used       time.Time
	noted      time.Time // when the use was last written down
}

const (
	// recheck is how old an answer of the store may be.
	recheck = 15 * time.Second
	// recheckLate is how old it may be while another call asks anew, or while the
	// store cannot be reached.
	recheckLate = 45 * time.Second
	// noteUse is how often the use of a token is written down by one node.
	noteUse = time.Minute
	// sweepExpired is how often records of expired tokens are looked for.
	sweepExpired = time.Hour
	// askTimeout ends a question to the store: with recheckLate it stays below a
	// minute.
	askTimeout = 5 * time.Second
	// maxSeen bounds what is remembered, and checkBatch what is asked at once.
	maxSeen    = 1 << 14
	checkBatch = 256
)

// revokedSubject is the bus subject that carries ids of revoked partners and of
// allocations that are over.
const revokedSubject = "partner.revoked"

// errRevoked is what the gateways answer to a revoked token.
func errRevoked() error { return ErrSessionReplaced.With("the partner token was revoked") }

func (c *core) newPartnerTokens(db store.Driver) (*partnerTokens, error) {
	t := &partnerTokens{core: c, db: db, seen: make(map[PartnerID]*seenPartner)}
	_, err := c.bus.Subscribe(revokedSubject, func(_ context.Context, data []byte) {
		if len(data) == len(PartnerID{}) {
			t.apply([16]byte(data))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", revokedSubject, err)
	}
	return t, nil
}

// check refuses a revoked token. It asks the store only if nobody has done so
// lately; without an answer, an older one is good for a while.
func (t *partnerTokens) check(ctx context.Context, p *PartnerSession) error {
	now := time.Now()
	t.mu.Lock()
	e := t.remember(p, now)
	age := now.Sub(e.asked)
	if e.revoked || age < recheck || e.asking && age < recheckLate {
		defer t.mu.Unlock()
		return e.verdict()
	}
	e.asking = true
	t.mu.Unlock()

	revoked, err := t.ask(ctx, []*PartnerSession{p})

	t.mu.Lock()
	defer t.mu.Unlock()
	e.asking = false
	switch {
	case err == nil:
		e.asked = now
		e.revoked = e.revoked || revoked[0]
	case age >= recheckLate:
		return ErrUnavailable.Wrap(fmt.Errorf("check partner token %s: %w", p.PartnerID, err))
	}
	return e.verdict()
}

func (e *seenPartner) verdict() error {
	if e.revoked {
		return errRevoked()
	}
	return nil
}

// remember returns what is known of a token that is being used. t.mu is held.
func (t *partnerTokens) remember(p *PartnerSession, now time.Time) *seenPartner {
	e := t.seen[p.PartnerID]
	if e == nil {
		if len(t.seen) >= maxSeen {
			t.makeRoom(now)
		}
		e = &seenPartner{allocation: p.AllocationID}
		t.seen[p.PartnerID] = e
	}
	e.used = now
	return e
}

// makeRoom forgets what is old, and if that is not enough, anything: the store
// will be asked again. t.mu is held.
func (t *partnerTokens) makeRoom(now time.Time) {
	for id, e := range t.seen {
		if !e.asking && now.Sub(e.asked) >= recheck {
			delete(t.seen, id)
		}
	}
	for id, e := range t.seen {
		if len(t.seen) < maxSeen*7/8 {
			return
		}
		if !e.asking {
			delete(t.seen, id)
		}
	}
}

// ask asks the store which of the tokens are revoked: by their own ids, or because
// no record of their allocation is left (ADR 14).
func (t *partnerTokens) ask(ctx context.Context, partners []*PartnerSession) (revoked []bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, min(askTimeout, t.core.requestTimeout()))
	defer cancel()
	kinds := t.core.allocationKinds
	keys := make([]store.Key, 0, (1+len(kinds))*len(partners))
	for _, p := range partners {
		keys = append(keys, partnerRevokedKey(p.PartnerID))
		for _, kind := range kinds {
			keys = append(keys, store.Key{Kind: kind, ID: p.AllocationID.String()})
		}
	}
	recs, err := t.db.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for i, p := range partners {
		r := recs[i*(1+len(kinds)):][:1+len(kinds)]
		allocated := slices.ContainsFunc(r[1:], func(r store.Record) bool { return r.Exists() })
		revoked = append(revoked, r[0].Exists() || !p.AllocationID.IsZero() && !allocated)
	}
	return revoked, nil
}

// batch is how many tokens are asked about at once.
func (t *partnerTokens) batch() int {
	return max(1, min(checkBatch, store.MaxBatchKeys/(1+len(t.core.allocationKinds))))
}

// apply believes tokens of a partner or an allocation no more: first it marks what
// is remembered, then it ends the sockets. One that is being opened is in one of
// the two or sees the mark, see admit.
func (t *partnerTokens) apply(id [16]byte) {
	t.mu.Lock()
	for partner, e := range t.seen {
		if partner == id || e.allocation == id {
			e.revoked = true
		}
	}
	t.mu.Unlock()
	for _, side := range t.core.sides {
		for _, sock := range side.sockets.partners() {
			if p := sock.who.partner; p.PartnerID == id || p.AllocationID == id {
				sock.terminate(EndKicked, Whereabouts{})
			}
		}
		side.sockets.forgetPartners(id)
	}
}

// admit looks once more at the token of a socket that others can find now. If it
// was revoked since it was checked, the socket is taken back.
func (t *partnerTokens) admit(sock *socket) error {
	p := sock.who.partner
	if p == nil {
		return nil
	}
	t.mu.Lock()
	e := t.seen[p.PartnerID]
	revoked := e != nil && e.revoked
	t.mu.Unlock()
	if !revoked {
		return nil
	}
	sock.gw.side.sockets.remove(sock, true)
	return errRevoked()
}

// partners returns the open sockets of partners.
func (s *sockets) partners() (all []*socket) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, socks := range s.others {
		for sock := range socks {
			if sock.who.partner != nil {
				all = append(all, sock)
			}
		}
	}
	return all
}

// run looks after open sockets, notes the use of tokens and drops records of
// expired ones, until ctx ends.
func (t *partnerTokens) run(ctx context.Context) {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	var swept time.Time // when records were dropped
	for {
		err := errors.Join(t.recheckSockets(ctx), t.noteUses(ctx))
		if err == nil && time.Since(swept) >= sweepExpired {
			err = errors.Join(t.dropExpired(ctx, partnerTokenKind), t.dropExpired(ctx, partnerRevokedKind))
			swept = time.Now()
		}
		if err != nil && ctx.Err() == nil {
			t.core.log.WarnContext(ctx, "cannot look after partner tokens; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// recheckSockets ends the sockets of tokens that another node has revoked.
func (t *partnerTokens) recheckSockets(ctx context.Context) error {
	open := make(map[PartnerID]*PartnerSession)
	for _, side := range t.core.sides {
		for _, sock := range side.sockets.partners() {
			open[sock.who.partner.PartnerID] = sock.who.partner
		}
	}
	size := t.batch()
	batch := make([]*PartnerSession, 0, min(len(open), size))
	for id, p := range open {
		batch = append(batch, p)
		delete(open, id)
		if len(batch) < size && len(open) > 0 {
			continue
		}
		asked := time.Now()
		revoked, err := t.ask(ctx, batch)
		if err != nil {
			return fmt.Errorf("check partner tokens of open sockets: %w", err)
		}
		t.found(batch, revoked, asked)
		batch = batch[:0]
	}
	return nil
}

// found takes over what the store says of the tokens of open sockets, which are
// used by being connected.
func (t *partnerTokens) found(partners []*PartnerSession, revoked []bool, asked time.Time) {
	for i, p := range partners {
		t.mu.Lock()
		t.remember(p, asked).asked = asked
		t.mu.Unlock()
		if revoked[i] {
			t.apply(p.PartnerID)
		}
	}
}

// noteUses writes down when tokens were last used: at most once in noteUse for
// each, however often they are.
func (t *partnerTokens) noteUses(ctx context.Context) error {
	now := time.Now()
	due := make(map[PartnerID]time.Time)
	t.mu.Lock()
	for id, e := range t.seen {
		if e.used.After(e.noted) && now.Sub(e.noted) >= noteUse && !e.revoked {
			due[id] = e.used
			e.noted = now
		}
	}
	t.mu.Unlock()
	var errs []error
	for id, used := range due {
		if err := t.noteUse(ctx, id, used); err != nil {
			errs = append(errs, fmt.Errorf("note the use of partner token %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// noteUse writes down one use. Tokens without a record have none; a conflict means
// that another node has just written.
func (t *partnerTokens) noteUse(ctx context.Context, id PartnerID, used time.Time) error {
	recs, err := t.db.Get(ctx, partnerTokenKey(id))
	if err != nil || !recs[0].Exists() {
		return err
	}
	var r partnerTokenRecord
	if err := json.Unmarshal(recs[0].Body, &r); err != nil {
		return err
	}
	if !used.After(r.LastUsed) {
		return nil
	}
	r.LastUsed = used.UTC()
	body, err := json.Marshal(&r)
	if err != nil {
		return err
	}
	put := store.Put{Key: recs[0].Key, Expect: recs[0].Rev, Due: recs[0].Due, Body: body}
	if err := store.Commit(ctx, t.db, &store.Batch{Puts: []store.Put{put}}); !errors.Is(err, store.ErrConflict) {
		return err
	}
	return nil
}

// dropExpired deletes records that are of no more use.
func (t *partnerTokens) dropExpired(ctx context.Context, kind string) error {
	for {
		now, err := t.db.Now(ctx)
		if err != nil {
			return err
		}
		recs, err := t.db.Due(ctx, kind, now, checkBatch)
		if err != nil {
			return fmt.Errorf("list expired partner tokens: %w", err)
		}
		for _, rec := range recs {
			err := store.Commit(ctx, t.db, &store.Batch{Deletes: []store.Check{{Key: rec.Key, Expect: rec.Rev}}})
			if err != nil && !errors.Is(err, store.ErrConflict) {
				return fmt.Errorf("delete expired partner token: %w", err)
			}
		}
		if len(recs) < checkBatch {
			return nil
		}
	}
}
