package matchmaking

import (
	"slices"
	"time"
)

// offer shows an anchor games until it is gone.
func (p *pass) offer(a *Matchable, games []*GameInstance) {
	for _, g := range games {
		if p.ctx.Err() != nil || !a.queued {
			return
		}
		if g.queued && !a.refusedBy(g) {
			p.meetGame(a, g)
		}
	}
}

// meetGame shows an anchor one game.
func (p *pass) meetGame(a *Matchable, g *GameInstance) {
	p.offered = MatchPartiesWithGameRequest{p.key, a, g, p.now}
	update, err := p.callMatchGame()
	switch {
	case err != nil:
		if p.ctx.Err() == nil {
			p.removeGame(g)
			p.out.failGame(g)
		}
		p.drop(hookMatchGame, a, err)
	case update == nil:
		p.settle()
	default:
		p.join(a, g, update)
	}
}

// join hands an update of a game over, if it is one. Until it is committed the
// game is shown to nobody else.
func (p *pass) join(a *Matchable, g *GameInstance, update *GameInstanceUpdate) {
	parties, err := update.roster.check(a, nil)
	if err != nil {
		p.journal.undo()
		p.out.refuse(hookMatchGame, err)
		return
	}
	if !p.out.join(g, update, parties) {
		p.journal.undo()
		return
	}
	p.resulted = true
	p.settle()
	p.remove(parties)
	p.removeGame(g)
}

func (p *pass) callMatchGame() (update *GameInstanceUpdate, err error) {
	defer p.called(&err)
	p.shown.Store(p.offered.Game)
	defer p.shown.Store(nil)
	p.calls.Add(1)
	return p.plugin.MatchPartiesWithGame(p.ctx, &p.offered)
}

// setGames replaces the games of the pool.
func (p *pool) setGames(games []*GameInstance) {
	for _, g := range p.games {
		g.queued = false
	}
	for _, g := range games {
		g.queued = true
	}
	p.games = games
}

// removeGame takes a game out of the pool. Lists that were handed out stay as
// they were.
func (p *pool) removeGame(g *GameInstance) {
	g.queued = false
	p.games = slices.DeleteFunc(slices.Clone(p.games), func(o *GameInstance) bool { return o == g })
}

// takeFreshGames returns the games that those who wait have not been shown.
func (p *pool) takeFreshGames() []*GameInstance {
	var fresh []*GameInstance
	for _, g := range p.games {
		if !g.met {
			g.met = true
			fresh = append(fresh, g)
		}
	}
	return fresh
}

// A refusal is a game whose plugin did not take a party. The two are not brought
// together again for a while, unless the game changes.
type refusal struct {
	game *gameEntry
	// revision is that of the game which was refused.
	revision int64
	till     time.Time // local time
}

// maxRefusals is how many of them a party remembers.
const maxRefusals = 16

func (m *Matchable) refusedBy(g *GameInstance) bool {
	for _, p := range m.parties {
		if p.refusedBy(g) {
			return true
		}
	}
	return false
}
