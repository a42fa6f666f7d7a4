package warmbody

import (
	"cmp"
	"slices"

	"github.com/openpragma/engine/matchmaking"
)

// packer finds out whether parties fit into teams.
type packer struct {
	Config
	room   int // in all teams
	sizes  []int
	solo   bool  // all sizes are 1
	free   []int // by team
	placed []int // team by party, in the order of sizes
}

// newPacker returns a packer with parties that are known to fit.
func newPacker(c Config, parties []*matchmaking.Party) *packer {
	p := &packer{Config: c, room: c.players(), solo: true}
	p.sizes = make([]int, 0, len(parties)+1)
	for _, party := range parties {
		n := len(party.Players)
		p.sizes = append(p.sizes, n)
		p.room -= n
		p.solo = p.solo && n == 1
	}
	return p
}

// add adds a party of n players if all still fit.
func (p *packer) add(n int) bool {
	if n > p.room || n > p.PlayersPerTeam {
		return false
	}
	p.sizes = append(p.sizes, n)
	solo := p.solo && n == 1
	if !solo && p.NumberOfTeams > 1 && !p.pack() {
		p.sizes = p.sizes[:len(p.sizes)-1]
		return false
	}
	p.room -= n
	p.solo = solo
	return true
}

// teams returns the team of each party, from 0.
func (p *packer) teams() []int {
	p.pack()
	return p.placed
}

// maxSteps bounds the search. Up to about ten parties it is complete; beyond,
// a game that would just about fit may be missed.
const maxSteps = 2000

// pack places every party: in order where each first fits, or else the largest
// first, or else by search.
func (p *packer) pack() bool {
	p.placed = slices.Grow(p.placed[:0], len(p.sizes))[:len(p.sizes)]
	order := make([]int, len(p.sizes))
	for i := range order {
		order[i] = i
	}
	p.reset()
	if p.firstFit(order) {
		return true
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.sizes[b], p.sizes[a]) })
	p.reset()
	if p.firstFit(order) {
		return true
	}
	p.reset()
	steps := maxSteps
	return p.search(order, &steps)
}

func (p *packer) reset() {
	if p.free == nil {
		p.free = make([]int, p.NumberOfTeams)
	}
	for i := range p.free {
		p.free[i] = p.PlayersPerTeam
	}
}

func (p *packer) firstFit(order []int) bool {
	for _, i := range order {
		team := slices.IndexFunc(p.free, func(free int) bool { return free >= p.sizes[i] })
		if team < 0 {
			return false
		}
		p.free[team] -= p.sizes[i]
		p.placed[i] = team
	}
	return true
}

// search tries every team for the first party of order, then goes on with the
// rest. Teams with the same room are the same.
func (p *packer) search(order []int, steps *int) bool {
	if len(order) == 0 {
		return true
	}
	i := order[0]
	for team, free := range p.free {
		if free < p.sizes[i] || slices.Contains(p.free[:team], free) {
			continue
		}
		if *steps--; *steps < 0 {
			return false
		}
		p.free[team], p.placed[i] = free-p.sizes[i], team
		if p.search(order[1:], steps) {
			return true
		}
		p.free[team] = free
	}
	return false
}

func bySize(parties []*matchmaking.Party) []*matchmaking.Party {
	sorted := slices.Clone(parties)
	slices.SortStableFunc(sorted, func(a, b *matchmaking.Party) int { return cmp.Compare(len(b.Players), len(a.Players)) })
	return sorted
}
