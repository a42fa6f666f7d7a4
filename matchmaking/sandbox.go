package matchmaking

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/pragma"
)

// Sandbox is one queue without a server: no store, no clock and no goroutines. It
// shows a plugin who waits and checks what comes back with the code of the
// service; only the commit is missing, which always succeeds here. Package
// matchmaking/simulate lets time pass in one; a test may do so step by step.
//
// Fields are set before the first call. One goroutine uses it at a time.
type Sandbox struct {
	// Plugin decides who plays with whom, or Pool does. Neither: [Defaults].
	Plugin Plugin
	Pool   PoolPlugin
	// Key is the queue.
	Key QueueKey

	pool    *pool
	waiting map[pragma.TicketID]*Party
	games   []*GameInstance
	added   []*Party // since the last pass
	fresh   bool     // somebody came, or a game changed, since the last pass

	// Of the present pass; changes of games are made at its end.
	result *Outcome
	now    time.Time
	opened []*NewGameInstance
	joined []joined
	count  uint64 // of games that were opened
}

// Outcome is what a pass in a [Sandbox] did.
type Outcome struct {
	// Matches are in the order in which they were made. Their parties have left.
	Matches []Match
	// Failed are parties that lost their place because a hook failed.
	Failed []*Party
	// Errors are hooks that failed, and results that cannot be made.
	Errors []error
}

// Match is parties that go into a game together.
type Match struct {
	// Parties are those that waited, and Players all their players with teams.
	Parties []*Party
	Players []Assignment
	// Zone is where the game is to run, or runs; empty if nobody said.
	Zone string
	// Game is the running game that they join; nil for a new one.
	Game *GameInstance
	// Quality is [Proposal.Quality]; zero if the plugin is a [Plugin].
	Quality float64
}

// Errors of a [Sandbox].
var (
	errBothPlugins = errors.New("matchmaking.Sandbox has both a Plugin and a Pool; it needs one of them")
	errInSandbox   = errors.New("a party or game with this id waits already")
	errNoPlayers   = errors.New("the party has no players")
)

// open makes the sandbox usable.
func (s *Sandbox) open() error {
	if s.pool != nil {
		return nil
	}
	if s.Plugin != nil && s.Pool != nil {
		return errBothPlugins
	}
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	s.pool, s.waiting = newPool(s.Key), make(map[pragma.TicketID]*Party)
	if s.Pool != nil {
		s.pool.view = newView()
	}
	return nil
}

// Enter lets a party wait. It sets the PartyID of the players; the party must be
// in no other sandbox or view. EnteredAt is the party's, now what the plugin is
// told. A match is a game that [Plugin.Initialize] wants at once. With an error,
// which a hook that panics becomes too, the party does not wait.
func (s *Sandbox) Enter(ctx context.Context, p *Party, now time.Time) (*Match, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	switch {
	case s.waiting[p.TicketID] != nil:
		return nil, errInSandbox
	case len(p.Players) == 0:
		return nil, errNoPlayers
	}
	p.in, p.entry, p.no, p.found = nil, nil, nil, nil
	m := NewMatchable(p)
	if s.Pool != nil {
		p.in = nil
		if err := s.describe(ctx, p, now); err != nil {
			return nil, err
		}
	} else {
		game, err := s.initialize(ctx, &InitializeRequest{s.Key, m, now})
		if err != nil {
			return nil, err
		}
		if game != nil {
			s.now = now
			return s.startNow(game, m)
		}
		p.notes, p.in = m.ext, nil
	}
	s.waiting[p.TicketID], s.fresh = p, true
	s.added = append(s.added, p)
	return nil, nil
}

func (s *Sandbox) describe(ctx context.Context, p *Party, now time.Time) error {
	return guarded(hookDescribe, func() error {
		a, err := s.Pool.Describe(ctx, &DescribeRequest{s.Key, p, now})
		if err != nil {
			return err
		}
		return p.describe(a)
	})
}

func (s *Sandbox) initialize(ctx context.Context, r *InitializeRequest) (game *NewGameInstance, err error) {
	err = guarded(hookInitialize, func() (err error) {
		game, err = s.Plugin.Initialize(ctx, r)
		return err
	})
	return game, err
}

// startNow is the game of a party that has only just entered.
func (s *Sandbox) startNow(game *NewGameInstance, m *Matchable) (*Match, error) {
	parties, err := game.check(m, nil)
	if err != nil {
		return nil, ErrPlugin.Wrap(fmt.Errorf("%s: %w", hookInitialize, err))
	}
	match := newMatch(game, parties)
	s.opened = append(s.opened, game)
	s.changeGames()
	return &match, nil
}

// guarded calls a hook.
func guarded(hook string, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", hook, err)
		}
	}()
	return fn()
}

// Leave takes a party out of the queue, and reports whether it was there.
func (s *Sandbox) Leave(p *Party) bool {
	if s.waiting[p.TicketID] != p {
		return false
	}
	delete(s.waiting, p.TicketID)
	if i := slices.Index(s.added, p); i >= 0 {
		s.added = slices.Delete(s.added, i, i+1)
	} else {
		s.pool.remove([]*Party{p})
	}
	return true
}

// Waiting returns how many parties wait.
func (s *Sandbox) Waiting() int { return len(s.waiting) }

// Games returns the running games that wait, the oldest first.
func (s *Sandbox) Games() []*GameInstance { return slices.Clone(s.games) }

// Fresh reports whether somebody came, or a game changed, since the last pass: a
// service would make one at once.
func (s *Sandbox) Fresh() bool { return s.fresh }

// Pass makes a pass at a time: a full one, or one for those who are new. Nobody
// who waits, nothing done. An error is a sandbox with two plugins, or the cause of
// ctx if that has ended.
func (s *Sandbox) Pass(ctx context.Context, now time.Time, full bool) (*Outcome, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	s.result, s.now, s.fresh = new(Outcome), now, false
	s.pool.add(s.added)
	s.added = nil
	switch {
	case len(s.waiting) == 0:
	case s.Pool != nil:
		s.whole(ctx, full)
	default:
		p := &pass{pool: s.pool, ctx: ctx, plugin: s.Plugin, now: now, out: (*sandboxRun)(s), calls: new(atomic.Uint64), shown: new(atomic.Pointer[GameInstance])}
		p.pair.QueueKey, p.pair.Now = s.Key, now
		if full {
			p.full()
		} else {
			p.news()
		}
	}
	s.changeGames()
	return s.result, context.Cause(ctx)
}

// whole makes a pass of the pool plugin.
func (s *Sandbox) whole(ctx context.Context, full bool) {
	if !s.pool.show() {
		return
	}
	var proposals []Proposal
	err := guarded(hookPropose, func() (err error) {
		proposals, err = s.Pool.Propose(ctx, &ProposeRequest{s.Key, s.pool.view, full, s.now})
		return err
	})
	if err != nil {
		s.result.Errors = append(s.result.Errors, err)
		return
	}
	newWholePass(s.pool, (*sandboxRun)(s)).takeAll(ctx, proposals, func(p *Proposal, ok bool, err error) {
		switch {
		case err != nil:
			s.result.Errors = append(s.result.Errors, fmt.Errorf("%s: %w", hookPropose, err))
		case ok:
			s.result.Matches[len(s.result.Matches)-1].Quality = p.Quality
		}
	})
}

// sandboxRun is a sandbox as its passes see it.
type sandboxRun Sandbox

var _ outcomes = (*sandboxRun)(nil)

func (s *sandboxRun) next() bool { return true }

func (s *sandboxRun) serving([]*Party) {}

func (s *sandboxRun) match(game *NewGameInstance, parties []*Party) bool {
	s.left(parties)
	s.result.Matches = append(s.result.Matches, newMatch(game, parties))
	s.opened = append(s.opened, game)
	return true
}

func newMatch(game *NewGameInstance, parties []*Party) Match {
	return Match{Parties: parties, Players: game.Players(), Zone: game.GameServerZone}
}

func (s *sandboxRun) join(g *GameInstance, update *GameInstanceUpdate, parties []*Party) bool {
	s.left(parties)
	s.result.Matches = append(s.result.Matches, Match{Parties: parties, Players: update.Players(), Zone: g.GameServerZone, Game: g})
	s.joined = append(s.joined, joined{g, update})
	return true
}

func (s *sandboxRun) fail(hook string, parties []*Party, err error) {
	s.left(parties)
	s.result.Failed = append(s.result.Failed, parties...)
	s.result.Errors = append(s.result.Errors, fmt.Errorf("%s: %w", hook, err))
}

func (s *sandboxRun) failGame(g *GameInstance) { (*Sandbox)(s).dropGame(g) }

func (s *sandboxRun) refuse(hook string, err error) {
	s.result.Errors = append(s.result.Errors, fmt.Errorf("%s: %w", hook, err))
}

func (s *sandboxRun) left(parties []*Party) {
	for _, p := range parties {
		delete(s.waiting, p.TicketID)
	}
}
