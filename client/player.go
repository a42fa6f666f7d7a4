package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Player is a logged-in player with a connection to both backends. [LogIn] and
// [Resume] make one; close it when done. Its methods may be called by several
// goroutines at once.
type Player struct {
	*session

	// Party has the calls of parties and matchmaking.
	Party *PartyCalls
	// Games has the calls of games.
	Games *GameCalls

	game   *Conn
	social *Conn
	id     *claims
	ready  chan struct{} // closed when the first synchronisation is over
	syncs  int           // answers that ready waits for; guarded by mu

	mu         sync.Mutex // guards what follows
	cache      cache
	partySync  syncing
	gamesSync  syncing
	pings      map[string]time.Duration
	tokens     Tokens
	refreshDue bool // as soon as there is a connection
	refusals   int  // failed refreshes in a row
}

var (
	_ Client = (*Player)(nil)
	_ role   = (*Player)(nil)
)

func newPlayer(opts Options) *Player {
	p := &Player{session: newSession(opts), ready: make(chan struct{}), syncs: 2, pings: opts.ZonePings}
	p.Party = &PartyCalls{p}
	p.Games = &GameCalls{p}
	p.role = p
	return p
}

// start opens the sockets and waits for the present state.
func (p *Player) start(ctx context.Context, where *places, tokens Tokens) error {
	id, err := readClaims(tokens.Game)
	if err != nil {
		return fmt.Errorf("game token: %w", err)
	}
	p.id = id
	p.tokens = tokens
	p.cache.broken()
	const beat = "PlayerSessionRpc.HeartbeatV1"
	p.game = &Conn{session: p.session, backend: pragma.Game, url: socketURL(where.game), heartbeat: beat, token: tokens.Game}
	p.social = &Conn{session: p.session, backend: pragma.Social, url: socketURL(where.social), heartbeat: beat, token: tokens.Social}
	p.conns = []*Conn{p.game, p.social}
	if err := p.connect(ctx); err != nil {
		return err
	}
	p.refreshAfter(id.refreshIn())
	select {
	case <-p.ready:
		return nil
	case <-p.done:
		return p.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ID returns the player's id on this game shard.
func (p *Player) ID() pragma.PlayerID { return pragma.PlayerID(p.id.PlayerID) }

// SocialID returns the id of the player's account.
func (p *Player) SocialID() pragma.SocialID { return pragma.SocialID(p.id.SocialID) }

// SessionID returns the id of the log-in.
func (p *Player) SessionID() pragma.SessionID { return pragma.SessionID(p.id.SessionID) }

// DisplayName returns the name at log-in.
func (p *Player) DisplayName() pragma.DisplayName { return p.id.name() }

// GameConn returns the connection to the game backend, for [Call].
func (p *Player) GameConn() *Conn { return p.game }

// SocialConn returns the connection to the social backend, for [Call].
func (p *Player) SocialConn() *Conn { return p.social }

// Tokens returns the present tokens. They change with each refresh.
func (p *Player) Tokens() Tokens {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens
}

// State returns what the player knows now.
func (p *Player) State() State {
	connected := p.game.Connected() && p.social.Connected()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.cache.snapshot()
	s.Connected = connected
	return s
}

// Wait waits until the state meets a condition, which is tested now and after
// each change, and returns that state. A state that lasts only for a moment may
// be missed; use [Await] for events. The error is ctx's, or an [EndError] when
// the player is over.
func (p *Player) Wait(ctx context.Context, met func(State) bool) (State, error) {
	var s State
	err := p.until(ctx, func() bool {
		s = p.State()
		return met(s)
	})
	if err != nil {
		return s, fmt.Errorf("wait for state: %w", err)
	}
	return s, nil
}

// LogOut ends the session at the server (wire §7.1) and closes the player as
// Close does. The error says that the server did not confirm; the player is
// closed all the same.
func (p *Player) LogOut(ctx context.Context) error {
	var errs []error
	for _, c := range p.conns {
		errs = append(errs, do(ctx, c, "PlayerSessionRpc.RequestLogoutV1", nil, nil))
	}
	over := p.Err()
	p.Close()
	if e, ok := errors.AsType[*EndError](over); ok && e.Reason == pragma.EndAsRequested {
		return nil // the server was quicker to close than to answer
	}
	return errors.Join(errs...)
}

// apply changes the cache, publishes what that causes and asks for what is missing.
func (p *Player) apply(change func(*cache)) {
	p.mu.Lock()
	change(&p.cache)
	events := p.cache.events
	p.cache.events = nil
	p.hub.publish(events...) // under the lock: events in the order of the changes
	p.mu.Unlock()
	p.wake()
	p.fill()
}

func (p *Player) connected(c *Conn, again, resumed bool) {
	switch {
	case c == p.social:
		p.resumeRefresh()
	case resumed: // what was missed follows
		p.fill()
	case again:
		p.apply(func(k *cache) {
			k.broken()
			k.needParty, k.needGames = true, true
		})
	default:
		p.initialize()
	}
}

func (p *Player) confused(c *Conn) {
	if c == p.game {
		p.apply(func(k *cache) { k.needParty, k.needGames = true, true })
	}
}

// zonePings returns the pings to send with calls.
func (p *Player) zonePings() map[string]wire.Int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return pingsOf(p.pings)
}

func (p *Player) setZonePings(pings map[string]time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pings = maps.Clone(pings)
}
