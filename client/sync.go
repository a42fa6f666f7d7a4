package client

import (
	"errors"
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// syncing is the state of one kind of synchronisation. At most one call is under
// way; what needs another one meanwhile is found when its answer is applied.
type syncing struct {
	busy  bool // a call is under way, or waits for its next try
	tries int
}

// maxSyncPause bounds the pause after refused synchronisations.
const maxSyncPause = 30 * time.Second

// initialize asks for the state at log-in (wire §16.2). A server without these
// calls has no parties or games to tell of.
func (p *Player) initialize() {
	p.ask(&p.party, "MultiplayerRpc.InitializePartyV1", nil, func(f *wire.Frame) error {
		return applied(p, f, (*cache).partySynced)
	})
	p.ask(&p.games, "MultiplayerRpc.InitializeGameInstanceV1", nil, func(f *wire.Frame) error {
		return applied(p, f, (*cache).gamesInitialized)
	})
}

// syncParty asks for the whole truth about party and invites.
func (p *Player) syncParty() {
	p.mu.Lock()
	req := &wire.MultiplayerSyncPartyV1Request{}
	if party := p.cache.party; party != nil {
		req.ClientPartyID, req.ClientVersion = wire.UUID(party.ID), wire.Int64(party.Version)
	}
	p.mu.Unlock()
	p.ask(&p.party, "MultiplayerRpc.SyncPartyV1", req, func(f *wire.Frame) error {
		return applied(p, f, (*cache).partySynced)
	})
}

// syncGames asks for the games that the cache lacks or holds in another version.
func (p *Player) syncGames() {
	p.mu.Lock()
	req := &wire.MultiplayerSyncGameInstanceV1Request{ClientGameInstances: p.cache.known()}
	p.mu.Unlock()
	p.ask(&p.games, "MultiplayerRpc.SyncGameInstanceV1", req, func(f *wire.Frame) error {
		return applied(p, f, (*cache).gamesSynced)
	})
}

// applied decodes an answer and applies it.
func applied[T any](p *Player, f *wire.Frame, change func(*cache, *T)) error {
	payload := new(T)
	if err := f.Decode(payload); err != nil {
		return err
	}
	p.apply(func(c *cache) { change(c, payload) })
	return nil
}

// ask sends a synchronising call unless one of its kind is under way.
func (p *Player) ask(kind *syncing, name string, req any, take func(*wire.Frame) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kind.busy {
		return
	}
	kind.busy = true
	err := p.game.post(name, req, func(f *wire.Frame, err error) {
		p.mu.Lock()
		kind.busy = false
		p.mu.Unlock()
		if err == nil {
			err = take(f)
		}
		p.asked(kind, name, err)
	})
	if err != nil {
		kind.busy = false // without a socket; the next one asks again
	}
}

// asked looks at the result of a synchronising call: a refusal is tried again
// after a pause, a break by the next socket.
func (p *Player) asked(kind *syncing, name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.firstSync()
	switch {
	case err == nil:
		kind.tries = 0
		return
	case errors.Is(err, ErrOutcomeUnknown):
		return
	}
	if !p.needs(kind) { // the first try, which may be all there is
		p.log.Debug("no state at log-in", "call", name, "err", err)
		return
	}
	p.log.Warn("cannot synchronise", "call", name, "err", err)
	kind.tries++
	kind.busy = true
	pause := min(time.Duration(kind.tries*kind.tries)*time.Second, maxSyncPause)
	p.after(pause, func() {
		p.mu.Lock()
		kind.busy = false
		p.mu.Unlock()
		p.apply(func(*cache) {}) // asks for what is needed
	})
}

// needs reports whether the cache lacks what a kind brings. p.mu is held.
func (p *Player) needs(kind *syncing) bool {
	if kind == &p.party {
		return p.cache.needParty
	}
	return p.cache.needGames
}

// firstSync counts the answers that the log-in waits for. p.mu is held.
func (p *Player) firstSync() {
	if p.syncs == 0 {
		return
	}
	if p.syncs--; p.syncs == 0 {
		close(p.ready)
	}
}
