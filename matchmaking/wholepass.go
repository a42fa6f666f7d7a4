package matchmaking

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
)

// Names of hooks in logs and metrics.
const (
	hookDescribe = "PoolPlugin.Describe"
	hookPropose  = "PoolPlugin.Propose"
)

// Why a proposal is refused, beside what is wrong with any game.
var (
	errNoProposal   = errors.New("the proposal has neither New alone, nor Game and Update alone")
	errProposed     = errors.New("a party is in an earlier proposal of the same call")
	errNoSuchGame   = errors.New("the game does not wait in this queue, or is in an earlier proposal of the same call")
	errRefusedParty = errors.New("the game has refused a party of the update a short time ago")
	errBadNumber    = errors.New("a number of the party is not finite")
)

// wholePass is one pass of a [PoolPlugin] over a pool.
type wholePass struct {
	*pool
	out   outcomes
	taken map[*Party]bool // by earlier proposals
	gone  map[*GameInstance]bool
}

// check returns the parties of a proposal if it can be made.
func (w *wholePass) check(p *Proposal) ([]*Party, error) {
	fresh, joins := p.New != nil, p.Game != nil && p.Update != nil
	if fresh == joins || fresh && (p.Game != nil || p.Update != nil) {
		return nil, errNoProposal
	}
	r := w.rosterOf(p)
	for i := range r.members {
		if player := r.members[i].Player; player != nil && w.taken[player.party] {
			return nil, errProposed
		}
	}
	if fresh {
		return p.New.check(w.view.home, nil)
	}
	if w.gone[p.Game] || !slices.Contains(w.view.games, p.Game) {
		return nil, errNoSuchGame
	}
	parties, err := r.check(w.view.home, nil)
	if err == nil && slices.ContainsFunc(parties, func(party *Party) bool { return party.refusedBy(p.Game) }) {
		err = errRefusedParty
	}
	return parties, err
}

func (w *wholePass) rosterOf(p *Proposal) *roster {
	if p.New != nil {
		return &p.New.roster
	}
	return &p.Update.roster
}

// take hands a proposal over, and reports why not if it cannot be made. One that
// comes too late is dropped without a word.
func (w *wholePass) take(p *Proposal) (ok bool, err error) {
	parties, err := w.check(p)
	if err != nil {
		return false, err
	}
	if p.New != nil {
		ok = w.out.match(p.New, parties)
	} else if ok = w.out.join(p.Game, p.Update, parties); ok {
		w.gone[p.Game] = true
		w.removeGame(p.Game)
	}
	if ok {
		for _, party := range parties {
			w.taken[party] = true
		}
	}
	return ok, nil
}

// Check says for each proposal why the framework would refuse it, and nil if it
// would not. It is for tests and simulations.
func (v *View) Check(proposals []Proposal) []error {
	w := newWholePass(&pool{view: v}, nil)
	errs := make([]error, len(proposals))
	for i := range proposals {
		parties, err := w.check(&proposals[i])
		errs[i] = err
		for _, party := range parties {
			w.taken[party] = err == nil || w.taken[party]
		}
		if g := proposals[i].Game; g != nil && err == nil {
			w.gone[g] = true
		}
	}
	return errs
}

// show brings the view up to date for a pass, and reports whether anybody waits.
func (p *pool) show() bool {
	p.size = p.view.flush()
	p.view.games, p.view.newGame = p.games, p.takeFreshGames()
	return p.size > 0
}

// takeAll hands proposals over, one by one, until ctx ends. tell hears of each: it
// was taken, came too late, or cannot be made.
func (w *wholePass) takeAll(ctx context.Context, proposals []Proposal, tell func(p *Proposal, ok bool, err error)) {
	for i := range proposals {
		if ctx.Err() != nil {
			break
		}
		ok, err := w.take(&proposals[i])
		tell(&proposals[i], ok, err)
	}
	for party := range w.taken {
		w.view.remove([]*Party{party})
	}
}

func newWholePass(p *pool, out outcomes) *wholePass {
	return &wholePass{pool: p, out: out, taken: make(map[*Party]bool), gone: make(map[*GameInstance]bool)}
}

// whole makes a pass of the pool plugin.
func (r *run) whole(full bool) {
	if !r.next() {
		return
	}
	p := r.pool
	if !p.show() {
		return
	}
	proposals, err := r.propose(&ProposeRequest{p.key, p.view, full, r.now(r.ctx)})
	if err != nil {
		if r.ctx.Err() == nil {
			r.failPropose(err)
		}
		return
	}
	refused := 0
	newWholePass(p, r).takeAll(r.ctx, proposals, func(proposal *Proposal, ok bool, err error) {
		switch {
		case err != nil:
			if refused++; refused <= maxReported {
				r.refuse(hookPropose, err)
			} else {
				r.count(resultRefused)
			}
		case ok && !math.IsNaN(proposal.Quality):
			r.metrics.quality.WithLabelValues(r.name).Observe(proposal.Quality)
		}
	})
	if refused > maxReported {
		r.m.Log().ErrorContext(r.ctx, "more proposals of the same pass cannot be made", "hook", hookPropose, "queue", r.name, "refused", refused)
	}
}

// maxReported is how many refused proposals of one pass are logged one by one.
const maxReported = 3

func (r *run) failPropose(err error) {
	attrs := []any{"hook", hookPropose, "queue", r.name, "err", err}
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	r.m.Log().ErrorContext(r.ctx, "matchmaking hook failed; all wait on", attrs...)
	r.count(resultFailed)
}

// propose calls the hook, with the rest of the budget.
func (r *run) propose(req *ProposeRequest) (proposals []Proposal, err error) {
	ctx, cancel := context.WithDeadline(r.ctx, r.until)
	defer cancel()
	defer func() {
		r.calls.Add(1)
		if v := recover(); v != nil {
			proposals, err = nil, &panicError{v, debug.Stack()}
		}
	}()
	r.calls.Add(1)
	return r.Pool.Propose(ctx, req)
}
