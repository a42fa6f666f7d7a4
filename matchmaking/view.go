package matchmaking

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
	"unique"
)

// View is all that waits in one queue, as a [PoolPlugin] sees it. It does not
// change while a hook runs. Slices it returns are not to be changed, nor used
// after the hook has returned. Looking something up costs a search at most; the
// framework keeps the indexes up to date between the passes.
type View struct {
	age     ordered
	numbers map[string]*ordered
	texts   map[textKey]*ordered
	zones   map[string]*ordered
	sizes   map[int]*ordered
	players int
	games   []*GameInstance
	fresh   []*Party
	newGame []*GameInstance

	// home marks the parties that are in the view. Changes wait until flush.
	home           *Matchable
	added, dropped []*Party
}

type textKey struct{ name, text string }

func newView() *View {
	return &View{
		numbers: make(map[string]*ordered), texts: make(map[textKey]*ordered),
		zones: make(map[string]*ordered), sizes: make(map[int]*ordered), home: new(Matchable),
	}
}

// NewView returns a view of parties and games as the plugin describes them, for
// tests of a plugin and for simulations. It sets the PartyID of their players.
// All of it is new. A party that the plugin refuses is an error.
func NewView(ctx context.Context, plugin PoolPlugin, key QueueKey, parties []*Party, games ...*GameInstance) (*View, error) {
	v := newView()
	for _, p := range parties {
		p.in = nil
		for _, player := range p.Players {
			player.PartyID, player.party = p.ID, p
		}
		a, err := plugin.Describe(ctx, &DescribeRequest{key, p, p.EnteredAt})
		if err == nil {
			err = p.describe(a)
		}
		if err != nil {
			return nil, fmt.Errorf("describe party %s: %w", p.ID, err)
		}
	}
	v.add(parties)
	v.flush()
	v.games, v.newGame = games, games
	return v, nil
}

// Parties returns all who wait, the oldest first.
func (v *View) Parties() []*Party { return v.age.all() }

// PlayerCount returns the number of players of all parties.
func (v *View) PlayerCount() int { return v.players }

// New returns the parties that came to the queue, or back to it, since the last
// call of the hook, the oldest first.
func (v *View) New() []*Party { return slices.Clip(v.fresh) }

// ByNumber returns the parties that have a number of that name, the lowest first.
func (v *View) ByNumber(name string) []*Party { return v.numbers[name].all() }

// InRange returns the parties whose number of that name is from from to to, both
// included, the lowest first.
func (v *View) InRange(name string, from, to float64) []*Party {
	return v.numbers[name].between(from, to)
}

// WithText returns the parties that have a text under a name, the oldest first.
func (v *View) WithText(name, text string) []*Party { return v.texts[textKey{name, text}].all() }

// Zones returns the zones that any party has a ping for, in alphabetical order.
func (v *View) Zones() []string { return slices.Sorted(maps.Keys(v.zones)) }

// InZone returns the parties whose ping to a zone is at most the given one, in
// milliseconds, the nearest first.
func (v *View) InZone(zone string, maxPing int) []*Party {
	return v.zones[zone].between(math.Inf(-1), float64(maxPing))
}

// OfSize returns the parties with that many players, the oldest first.
func (v *View) OfSize(players int) []*Party { return v.sizes[players].all() }

// Games returns the running games that wait for players, the oldest first.
func (v *View) Games() []*GameInstance { return slices.Clip(v.games) }

// NewGames returns those of the games that are new, or have changed, since the
// last call of the hook.
func (v *View) NewGames() []*GameInstance { return slices.Clip(v.newGame) }

// MayJoin reports whether a game has not refused a party a short time ago. An
// update with such a party is refused.
func (v *View) MayJoin(g *GameInstance, p *Party) bool { return !p.refusedBy(g) }

// add and remove change the view with the next flush.
func (v *View) add(parties []*Party) { v.added = append(v.added, parties...) }

func (v *View) remove(parties []*Party) {
	for _, p := range parties {
		if p.in == v.home {
			p.in = nil
			v.dropped = append(v.dropped, p)
		}
	}
}

// flush makes the changes, and returns how many parties there are.
func (v *View) flush() int {
	changes := make(map[*ordered][]item)
	for _, p := range v.dropped {
		v.note(changes, p)
		v.players -= len(p.Players)
	}
	for o, items := range changes {
		o.drop(items)
	}
	clear(changes)
	for _, p := range v.added {
		p.in = v.home
		v.note(changes, p)
		v.players += len(p.Players)
	}
	for o, items := range changes {
		o.insert(items)
	}
	slices.SortStableFunc(v.added, func(a, b *Party) int { return a.EnteredAt.Compare(b.EnteredAt) })
	v.fresh, v.added, v.dropped = v.added, nil, nil
	v.prune()
	return len(v.age.keys)
}

// note adds a party to the changes of all indexes it belongs to.
func (v *View) note(changes map[*ordered][]item, p *Party) {
	change := func(o *ordered, key float64) { changes[o] = append(changes[o], item{key, p}) }
	age := float64(p.EnteredAt.UnixMicro())
	change(&v.age, age)
	change(indexOf(v.sizes, len(p.Players)), age)
	if p.found == nil {
		return
	}
	for _, n := range p.found.numbers {
		change(indexOf(v.numbers, n.name), n.value)
	}
	for i, t := range p.found.texts {
		if !slices.Contains(p.found.texts[:i], t) {
			change(indexOf(v.texts, t), age)
		}
	}
	for _, z := range p.found.pings {
		change(indexOf(v.zones, z.name), z.value)
	}
}

func indexOf[K comparable](m map[K]*ordered, key K) *ordered {
	o := m[key]
	if o == nil {
		o = new(ordered)
		m[key] = o
	}
	return o
}

// prune forgets indexes that nobody is in.
func (v *View) prune() {
	empty := func(o *ordered) bool { return len(o.keys) == 0 }
	maps.DeleteFunc(v.numbers, func(_ string, o *ordered) bool { return empty(o) })
	maps.DeleteFunc(v.texts, func(_ textKey, o *ordered) bool { return empty(o) })
	maps.DeleteFunc(v.zones, func(_ string, o *ordered) bool { return empty(o) })
	maps.DeleteFunc(v.sizes, func(_ int, o *ordered) bool { return empty(o) })
}

// found is what a party is found by, small.
type found struct {
	numbers []named
	texts   []textKey
	pings   []named
	notes   any
}

type named struct {
	name  string
	value float64
}

// Number returns the number that the plugin described the party with.
func (p *Party) Number(name string) (float64, bool) {
	if p.found == nil {
		return 0, false
	}
	return lookUp(p.found.numbers, name)
}

// Texts returns the texts of that name that the plugin described the party with.
func (p *Party) Texts(name string) []string {
	var texts []string
	if p.found != nil {
		for _, t := range p.found.texts {
			if t.name == name {
				texts = append(texts, t.text)
			}
		}
	}
	return texts
}

// Ping returns the party's milliseconds to a zone.
func (p *Party) Ping(zone string) (int, bool) {
	if p.found == nil {
		return 0, false
	}
	ms, ok := lookUp(p.found.pings, zone)
	return int(ms), ok
}

// Notes returns the [Attributes.Notes] of the party.
func (p *Party) Notes() any {
	if p.found == nil {
		return nil
	}
	return p.found.notes
}

func lookUp(list []named, name string) (float64, bool) {
	for _, n := range list {
		if n.name == name {
			return n.value, true
		}
	}
	return 0, false
}

// describe sets what the party is found by.
func (p *Party) describe(a *Attributes) error {
	if a == nil {
		a = new(Attributes)
	}
	f := &found{notes: a.Notes}
	for _, name := range slices.Sorted(maps.Keys(a.Numbers)) {
		n := a.Numbers[name]
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%w: %q is %v", errBadNumber, name, n)
		}
		f.numbers = append(f.numbers, named{shared(name), n})
	}
	for _, name := range slices.Sorted(maps.Keys(a.Texts)) {
		for _, text := range a.Texts[name] {
			f.texts = append(f.texts, textKey{shared(name), shared(text)})
		}
	}
	pings := a.Pings
	if pings == nil {
		pings = worstPings(p.Players)
	}
	f.pings = make([]named, 0, len(pings))
	for _, zone := range slices.Sorted(maps.Keys(pings)) {
		f.pings = append(f.pings, named{shared(zone), float64(pings[zone])})
	}
	f.numbers, f.texts = slices.Clip(f.numbers), slices.Clip(f.texts)
	p.found = f
	return nil
}

// shared returns the one copy of a text that all parties have.
func shared(text string) string { return unique.Make(text).Value() }

// worstPings are in the zones that all players with pings know.
func worstPings(players []*Player) map[string]int {
	var worst map[string]int
	for _, player := range players {
		pings := player.GameServerZoneToPing
		if len(pings) == 0 {
			continue
		}
		if worst == nil {
			worst = maps.Clone(pings)
			continue
		}
		for zone, ping := range worst {
			if ms, ok := pings[zone]; ok {
				worst[zone] = max(ping, ms)
			} else {
				delete(worst, zone)
			}
		}
	}
	return worst
}

func (p *Party) refusedBy(g *GameInstance) bool {
	for _, r := range p.no {
		if r.game == g.entry && r.revision == g.revision && time.Now().Before(r.till) {
			return true
		}
	}
	return false
}
