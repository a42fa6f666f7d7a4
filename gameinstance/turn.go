package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// turn is one change of an instance inside a transaction: hooks edit the working
// copy, the service edits the head and the roster, finish brings both together.
type turn struct {
	s    *Service
	tx   *entity.Tx
	cfg  Config
	now  time.Time
	h    *head // the transaction's
	inst *Instance
	ros  *roster // the transaction's, once it is to be changed

	creating    bool // the instance is new
	chained     bool // another turn went before in this transaction
	matched     bool // players come from matchmaking
	timer       bool // nobody asked for it: a time is over
	neverBegan  bool // there is no server for the initial players
	dirty       bool // the service has changed something that makes a new version
	rosterDirty bool

	known      map[pragma.PlayerID]PlayerToAdd
	removeExts map[pragma.PlayerID]ext.Value // ExtBackendRemovePlayer
	connected  []pragma.PlayerID             // are told where the server is
	unlinked   bool                          // all are told that it is gone
	endedBy    pragma.PartnerID              // the server that knows that it is over
	results    []PlayerGameResult            // of the report of the end
	requestExt ext.Value                     // ExtEndGameRequest of that
	reason     wire.GameInstanceTerminationReason
	final      State // of an instance that a hook terminates; empty: terminated

	queued    map[pragma.PlayerID]bool // come from matchmaking, and so may be in it
	enters    *QueuePlace              // matchmaking
	leaves    bool                     // matchmaking
	queueNews *pragma.Notification     // for the server, of entering or leaving
}

// begin starts a change of an instance that exists.
func (s *Service) begin(tx *entity.Tx, h *head) *turn {
	t := &turn{s: s, tx: tx, cfg: s.config.Load(), now: tx.Now(), h: h, reason: wire.GameInstanceTerminationPlugin}
	t.renew()
	return t
}

// creation starts an instance. Its head is new.
func (s *Service) creation(tx *entity.Tx, id pragma.GameInstanceID, h *head, version, zone string) (*turn, error) {
	if err := checkPlace(version, zone); err != nil {
		return nil, err
	}
	t := &turn{s: s, tx: tx, cfg: s.config.Load(), now: tx.Now(), h: h, creating: true, dirty: true, rosterDirty: true, reason: wire.GameInstanceTerminationPlugin}
	*h = head{
		ID: id, State: StateCreated, GameServerVersion: version, GameServerZone: zone,
		CreatedAt: t.now, LastAccess: t.now,
	}
	var err error
	if t.ros, err = s.rosters.New(tx, id.String()); err != nil {
		return nil, fmt.Errorf("create roster of game instance %s: %w", id, err)
	}
	t.renew()
	return t, nil
}

// maxPlaceRunes is the longest name of a client or server version, or of a zone
// (engine §0.4, wire §16.10).
const maxPlaceRunes = 64

func checkPlace(names ...string) error {
	for _, name := range names {
		if len([]rune(name)) > maxPlaceRunes {
			return pragma.ErrMalformed.With("a version or a game server zone has at most %d characters", maxPlaceRunes)
		}
	}
	return nil
}

// renew makes a working copy of the present state. The former one is dropped.
func (t *turn) renew() {
	t.inst = &Instance{
		head: *t.h, src: t, loaded: t.creating, known: t.known,
		dataBytes: t.h.DataBytes, dataEntries: t.h.DataEntries,
	}
}

// know completes what hooks say of these players.
func (t *turn) know(players ...PlayerToAdd) {
	if t.known == nil {
		t.known = make(map[pragma.PlayerID]PlayerToAdd)
	}
	for _, p := range players {
		t.known[p.PlayerID] = p
	}
	t.inst.known = t.known
}

// hook runs one hook of the plugin on the working copy.
func (t *turn) hook(name string, fn func(ctx context.Context) error) error {
	return t.hookOf("GameInstancePlugin."+name, fn)
}

func (t *turn) hookOf(name string, fn func(ctx context.Context) error) error {
	g := &guard{t: t}
	t.inst.src = g
	err := pragma.RunHook(t.tx.Context(), t.s.m, name, fn)
	g.close()
	if err != nil {
		return err // the hook may still be running: the working copy is not touched any more
	}
	t.inst.src = t
	return t.inst.err
}

// guard lets a hook read through the transaction while it runs, and no longer: a
// hook that overran may still be busy when the transaction has moved on.
type guard struct {
	mu sync.Mutex
	t  *turn // nil: closed
}

var errHookOver = errors.New("the hook's time is over")

func (g *guard) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.t = nil
}

func (g *guard) members() (list []member, err error) {
	err = g.do(func(t *turn) error { list, err = t.members(); return err })
	return list, err
}

func (g *guard) index() (ix *index, err error) {
	err = g.do(func(t *turn) error { ix, err = t.index(); return err })
	return ix, err
}

func (g *guard) entry(owner pragma.PlayerID, key string) (e *entry, err error) {
	err = g.do(func(t *turn) error { e, err = t.entry(owner, key); return err })
	return e, err
}

func (g *guard) admit(p PlayerToAdd, refusal *pragma.Error) (admitted PlayerToAdd, err error) {
	err = g.do(func(t *turn) error { admitted, err = t.admit(p, refusal); return err })
	return admitted, err
}

func (g *guard) do(fn func(t *turn) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.t == nil {
		return errHookOver
	}
	return fn(g.t)
}

// roster returns the roster to change.
func (t *turn) roster() (*roster, error) {
	if t.ros != nil {
		return t.ros, nil
	}
	r, err := t.s.rosters.In(t.tx, t.h.ID.String())
	if err != nil {
		return nil, fmt.Errorf("read roster of game instance %s: %w", t.h.ID, err)
	}
	t.ros = r
	return r, nil
}

// members implements source. The list is not to be changed.
func (t *turn) members() ([]member, error) {
	if t.ros != nil {
		return slices.Clone(t.ros.Players), nil
	}
	if cached, ok := t.s.recent.get(t.h.ID, t.h.RosterVersion); ok && !t.chained {
		return cached, nil
	}
	r, err := t.s.rosters.In(t.tx, t.h.ID.String())
	if err != nil {
		return nil, fmt.Errorf("read roster of game instance %s: %w", t.h.ID, err)
	}
	list := slices.Clone(r.Players)
	if !t.chained {
		t.s.recent.put(t.h.ID, t.h.RosterVersion, list)
	}
	return list, nil
}

// member returns a player to change, or nil.
func (t *turn) member(id pragma.PlayerID) (*member, error) {
	r, err := t.roster()
	if err != nil {
		return nil, err
	}
	return r.find(id), nil
}

// index implements source. What it returns is only to be read.
func (t *turn) index() (*index, error) {
	if t.creating && t.h.DataEntries == 0 {
		return &index{}, nil // there is none to read: the instance is new
	}
	return t.indexToChange()
}

func (t *turn) indexToChange() (*index, error) {
	ix, err := t.s.indexes.InOrNew(t.tx, t.h.ID.String())
	if err != nil {
		return nil, fmt.Errorf("read data index of game instance %s: %w", t.h.ID, err)
	}
	return ix, nil
}

// entry implements source.
func (t *turn) entry(owner pragma.PlayerID, key string) (*entry, error) {
	e, err := t.s.entries.In(t.tx, entryID(t.h.ID, owner, key))
	if errors.Is(err, entity.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read data of game instance %s: %w", t.h.ID, err)
	}
	found := *e
	return &found, nil
}

// admit implements source.
func (t *turn) admit(p PlayerToAdd, refusal *pragma.Error) (PlayerToAdd, error) {
	where, err := t.s.slots.Edit(t.tx, p.PlayerID)
	switch {
	case err != nil:
		return p, fmt.Errorf("read slot of player %s: %w", p.PlayerID, err)
	case where.InGame() && !t.s.slots.ManyGames():
		return p, refusal.With("the player is in a game")
	case !where.TicketID.IsZero() && !t.matched && !t.queued[p.PlayerID]:
		return p, refusal.With("the player is in matchmaking")
	}
	if p.PartyID.IsZero() {
		p.PartyID = where.PartyID
	}
	return t.name(p, refusal)
}

// name completes what others see of a player of whom only the id is known.
func (t *turn) name(p PlayerToAdd, refusal *pragma.Error) (PlayerToAdd, error) {
	if !p.SocialID.IsZero() {
		return p, nil
	}
	if t.s.Accounts == nil {
		return t.nameBySession(p)
	}
	found, err := t.s.Accounts.ProfileOfPlayer(t.tx.Context(), p.PlayerID)
	if errors.Is(err, account.ErrNotFound) {
		return p, refusal.With("there is no such player")
	}
	if err != nil {
		return p, fmt.Errorf("look up player %s: %w", p.PlayerID, err)
	}
	p.SocialID, p.DisplayName = found.SocialID, found.DisplayName
	return p, nil
}

// nameBySession is name without accounts: by what the player's latest log-in said.
func (t *turn) nameBySession(p PlayerToAdd) (PlayerToAdd, error) {
	session, err := t.s.m.LatestSession(t.tx.Context(), p.PlayerID)
	if err != nil {
		return p, fmt.Errorf("look up player %s: %w", p.PlayerID, err)
	}
	if session != nil {
		p.SocialID, p.DisplayName = session.SocialID, session.DisplayName
	}
	return p, nil
}

// touch notes that the instance is in use, not more often than it matters.
func (t *turn) touch(changed bool) {
	if changed || t.now.Sub(t.h.LastAccess) >= t.cfg.accessGrain() {
		t.h.LastAccess = t.now
	}
	t.h.StaleBy = t.cfg.staleAt(t.h.LastAccess)
}

// owners lists whose data stores there are: the instance's and the players'.
func owners(members []member) []pragma.PlayerID {
	list := make([]pragma.PlayerID, 1, len(members)+1)
	for i := range members {
		list = append(list, members[i].PlayerID)
	}
	return list
}

// cellsOf lists what a hook has looked at in a data store, in the order of keys.
func cellsOf(d *DataStore) []touched {
	var list []touched
	for _, key := range slices.Sorted(maps.Keys(d.cells)) {
		if c := d.cells[key]; c.base != c.now {
			list = append(list, touched{owner: d.owner, key: key, before: c.base, after: c.now})
		}
	}
	return list
}
