package matchmaking

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
)

// pass is one pass over a pool. It calls the plugin, keeps the rules of engine
// §4.1 and hands over what came out of it. It does no I/O.
type pass struct {
	*pool
	ctx    context.Context
	plugin Plugin
	now    time.Time
	out    outcomes
	// calls is odd while a hook runs; it lets somebody else see that one hangs.
	calls *atomic.Uint64
	// shown is the game that a hook is shown now.
	shown *atomic.Pointer[GameInstance]

	pair     MatchPartiesRequest         // reused: there is one for each pair of matchables
	offered  MatchPartiesWithGameRequest // reused
	resulted bool                        // a game was made of, or got, parties of the present anchor
}

// outcomes takes what a pass decides, and guides it.
type outcomes interface {
	// next is asked before each anchor; false ends the pass. It may add parties
	// to the pool and remove some.
	next() bool
	// serving is told which parties are the anchor now.
	serving(parties []*Party)
	// match starts a game. False means that a party of it no longer waits; then
	// nothing happens.
	match(game *NewGameInstance, parties []*Party) bool
	// join adds players to a running game, or does nothing, like match.
	join(game *GameInstance, update *GameInstanceUpdate, parties []*Party) bool
	// fail takes parties out of matchmaking because a hook failed.
	fail(hook string, parties []*Party, err error)
	// failGame takes a game out of the queue because a hook failed.
	failGame(game *GameInstance)
	// refuse is told of a result that is dropped.
	refuse(hook string, err error)
}

// Names of hooks in logs.
const (
	hookMatchParties = "MatchmakingPlugin.MatchParties"
	hookMatchGame    = "MatchmakingPlugin.MatchPartiesWithGame"
	hookEndOfLoop    = "MatchmakingPlugin.EndOfLoop"
)

// full lets every matchable be the anchor once, and reports whether it came to
// the end. If it did not, the next full pass goes on where it stopped.
func (p *pass) full() bool {
	if !p.out.next() {
		return false
	}
	met(p.takeFresh())
	p.takeFreshGames()
	p.anchor, p.resume = p.resume, nil
	if p.anchor == nil {
		p.anchor = p.head
	}
	for p.anchor != nil && p.out.next() {
		if a := p.anchor; a != nil {
			p.anchor = a.next
			p.serve(a)
		}
	}
	p.anchor, p.resume = nil, p.anchor
	return p.resume == nil
}

// news lets those who are new meet the others at once: first as the others'
// others, then as the anchor. Games that are new, or have changed, are shown to
// all. It reports whether it came to the end.
func (p *pass) news() bool {
	if !p.out.next() {
		return false
	}
	if 2*len(p.fresh) >= p.size {
		return p.full()
	}
	fresh, games := p.takeFresh(), p.takeFreshGames()
	for p.anchor = p.head; p.anchor != nil && p.isNews(fresh, games) && p.out.next(); {
		if a := p.anchor; a != nil {
			p.anchor = a.next
			if !a.fresh { // the turn of those comes below
				p.meetNew(a, fresh, games)
			}
		}
	}
	met(fresh)
	finished := p.anchor == nil || !p.isNews(fresh, games)
	p.anchor = nil
	for _, f := range fresh {
		if finished = finished && p.out.next(); !finished {
			break
		}
		if f.queued {
			p.serve(f)
		}
	}
	return finished
}

// isNews reports whether any of those who are new still waits.
func (p *pass) isNews(fresh []*Matchable, games []*GameInstance) bool {
	return slices.ContainsFunc(fresh, func(m *Matchable) bool { return m.queued }) ||
		slices.ContainsFunc(games, func(g *GameInstance) bool { return g.queued })
}

// serve lets a matchable be the anchor.
func (p *pass) serve(a *Matchable) {
	p.out.serving(a.parties)
	p.resulted = false
	for p.other = p.head; p.other != nil; {
		o := p.other
		p.other = o.next
		if o != a && (p.ctx.Err() != nil || !p.meet(a, o)) {
			return
		}
	}
	if !p.resulted {
		p.finish(a)
	}
}

// meetNew lets a matchable be the anchor for those who are new.
func (p *pass) meetNew(a *Matchable, fresh []*Matchable, games []*GameInstance) {
	p.out.serving(a.parties)
	p.resulted = false
	for _, f := range fresh {
		if f.queued && (p.ctx.Err() != nil || !p.meet(a, f)) {
			return
		}
	}
	if !p.resulted {
		p.offer(a, games)
	}
}

// meet shows the anchor one other matchable, and reports whether the anchor is
// still there.
func (p *pass) meet(a, o *Matchable) bool {
	p.pair.Anchor, p.pair.Other = a, o
	game, err := p.callMatchParties()
	switch {
	case err != nil:
		p.drop(hookMatchParties, a, err)
	case game == nil:
		p.settle()
	default:
		p.start(hookMatchParties, game, a, o)
	}
	return a.queued
}

// finish shows an anchor without a result the games, and then lets the plugin
// decide at last.
func (p *pass) finish(a *Matchable) {
	if p.offer(a, p.games); p.resulted || !a.queued || p.ctx.Err() != nil {
		return
	}
	game, err := p.callEndOfLoop(&EndOfLoopRequest{p.key, a, p.now})
	switch {
	case err != nil:
		p.drop(hookEndOfLoop, a, err)
	case game == nil:
		p.settle()
	default:
		p.start(hookEndOfLoop, game, a, nil)
	}
}

// start hands a game over, if it is one.
func (p *pass) start(hook string, game *NewGameInstance, a, o *Matchable) {
	parties, err := game.check(a, o)
	if err != nil {
		p.journal.undo()
		p.out.refuse(hook, err)
		return
	}
	if !p.out.match(game, parties) {
		p.journal.undo()
		return
	}
	p.resulted = true
	p.settle()
	p.remove(parties)
}

// drop takes the anchor out of the queue because a hook failed. A hook that was
// told to stop has not failed.
func (p *pass) drop(hook string, a *Matchable, err error) {
	p.journal.undo()
	if p.ctx.Err() != nil {
		return
	}
	parties := a.parties
	p.remove(parties)
	p.out.fail(hook, parties, err)
}

func (p *pass) callMatchParties() (game *NewGameInstance, err error) {
	defer p.called(&err)
	p.calls.Add(1)
	return p.plugin.MatchParties(p.ctx, &p.pair)
}

func (p *pass) callEndOfLoop(r *EndOfLoopRequest) (game *NewGameInstance, err error) {
	defer p.called(&err)
	p.calls.Add(1)
	return p.plugin.EndOfLoop(p.ctx, r)
}

// called ends a call of a hook.
func (p *pass) called(err *error) {
	p.calls.Add(1)
	if v := recover(); v != nil {
		*err = &panicError{v, debug.Stack()}
	}
}

// panicError is a hook that panicked.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
