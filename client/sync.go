package client

import (
	"errors"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
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
	p.ask(&p.partySync, "MultiplayerRpc.InitializePartyV1", nil, func(f *wire.Frame) error {
		return applied(p, f, (*cache).partySynced)
	})
	p.ask(&p.gamesSync, "MultiplayerRpc.InitializeGameInstanceV1", nil, func(f *wire.Frame) error {
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
	p.ask(&p.partySync, "MultiplayerRpc.SyncPartyV1", req, func(f *wire.Frame) error {
		return applied(p, f, (*cache).partySynced)
	})
}

// syncGames asks for the games that the cache lacks or holds in another version.
func (p *Player) syncGames() {
	p.mu.Lock()
	req := &wire.MultiplayerSyncGameInstanceV1Request{ClientGameInstances: p.cache.known()}
	p.mu.Unlock()
	p.ask(&p.gamesSync, "MultiplayerRpc.SyncGameInstanceV1", req, func(f *wire.Frame) error {
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
		if err == nil {
			err = take(f)
		}
		p.asked(kind, name, err)
		p.fill()
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
	kind.busy = false
	switch {
	case errors.Is(err, ErrDisconnected): // the next socket may have missed nothing else
		*p.need(kind), kind.tries = true, 0
		return
	case err == nil, isBreak(err):
		kind.tries = 0
		return
	case errors.Is(err, pragma.ErrUnknownType):
		p.log.Debug("server has no such state", "call", name)
		*p.need(kind) = false
		return
	}
	p.log.Warn("cannot synchronise", "call", name, "err", err)
	*p.need(kind) = true
	kind.tries++
	kind.busy = true
	pause := min(time.Duration(kind.tries*kind.tries)*time.Second, maxSyncPause)
	p.after(pause, func() {
		p.mu.Lock()
		kind.busy = false
		p.mu.Unlock()
		p.fill()
	})
}

// need returns the cache's flag for what a kind brings. p.mu is held.
func (p *Player) need(kind *syncing) *bool {
	if kind == &p.partySync {
		return &p.cache.needParty
	}
	return &p.cache.needGames
}

// fill asks for what the cache lacks.
func (p *Player) fill() {
	p.mu.Lock()
	needParty, needGames := p.cache.needParty, p.cache.needGames
	p.mu.Unlock()
	if needParty {
		p.syncParty()
	}
	if needGames {
		p.syncGames()
	}
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
