package matchmaking_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// moody is a duel whose hooks fail now and then.
type moody struct {
	duel
	mu  sync.Mutex
	rng *rand.Rand
}

func (p *moody) MatchParties(ctx context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.rng.IntN(8) {
	case 0:
		return nil, errors.New("bad mood")
	case 1:
		return nil, nil
	case 2:
		return nil, r.Anchor.TakePartiesFrom(r.Other, r.Other.Parties())
	}
	return p.duel.MatchParties(ctx, r)
}

// EndOfLoop starts the games of those who were brought together.
func (p *moody) EndOfLoop(_ context.Context, r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
	if len(r.Anchor.Parties()) < 2 {
		return nil, nil
	}
	game := new(matchmaking.NewGameInstance)
	game.AddParties(r.Anchor.Parties(), 0)
	return game, nil
}

// Without commits of unknown outcome players are told everything, so what they
// were told must add up. After an unknown outcome a player learns the truth when
// he connects again; then only the truth must add up.
var (
	passing = storetest.Faults{Conflict: 0.1, Unavailable: 0.03, Full: 0.01}
	unknown = storetest.Faults{Conflict: 0.1, Unavailable: 0.03, UnknownBefore: 0.03, UnknownAfter: 0.03}
)

func TestNobodyIsLostWhateverHappens(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for _, c := range []struct {
		name   string
		faults storetest.Faults
		strict bool
	}{{"passing faults", passing, true}, {"unknown outcomes", unknown, false}} {
		for seed := range seeds {
			c.faults.Seed = seed
			t.Run(fmt.Sprintf("%s, seed %d", c.name, seed), func(t *testing.T) {
				chaos(t, seed, setup{plugin: &moody{rng: rand.New(rand.NewPCG(seed, 8))}}, c.faults, c.strict)
			})
			t.Run(fmt.Sprintf("%s, seed %d, pool plugin", c.name, seed), func(t *testing.T) {
				chaos(t, seed, setup{pool: moodyPairs(rand.New(rand.NewPCG(seed, 8)))}, c.faults, c.strict)
			})
		}
	}
}

func chaos(t *testing.T, seed uint64, o setup, faults storetest.Faults, strict bool) {
	rng := rand.New(rand.NewPCG(seed, 7))
	var db *storetest.FaultyDriver
	open := store.Memory()
	o.store = func(ctx context.Context) (store.Driver, error) {
		d, err := open(ctx)
		db = storetest.Faulty(d, storetest.Faults{Seed: seed})
		return db, err
	}
	run(t, o, func(w *world) {
		c := &crowd{world: w, rng: rng, strict: strict}
		for i := range 6 {
			group := []*player{w.player(fmt.Sprintf("leader%d", i))}
			for j := range i % 3 {
				group = append(group, w.player(fmt.Sprintf("friend%d%d", i, j)))
			}
			w.party([]string{"a", "b"}[i%2], group...)
			c.add(group)
		}
		for range 150 {
			db.Set(faults)
			c.step()
			db.Set(storetest.Faults{})
			if rng.IntN(50) == 0 {
				w.Restart()
				c.reconnect()
			}
		}
		w.arena.setRefuse(nil)
		time.Sleep(5 * time.Minute)
		c.settle()
	})
}

// crowd is players who come and go, and what they believe.
type crowd struct {
	*world
	rng    *rand.Rand
	strict bool
	groups [][]*player
	belief map[*player]*belief
}

// belief is what a client knows from notifications. Coming back it is lost until
// the first message with everything in it. That one may stand for a change that
// was on its way, and be followed by what came with the change.
type belief struct{ queued, inGame, added, greeted, lost bool }

func (c *crowd) add(group []*player) {
	if c.belief == nil {
		c.belief = make(map[*player]*belief)
	}
	c.groups = append(c.groups, group)
	for _, p := range group {
		c.belief[p] = &belief{}
	}
}

func (c *crowd) step() {
	group := c.groups[c.rng.IntN(len(c.groups))]
	anybody := group[c.rng.IntN(len(group))]
	switch c.rng.IntN(8) {
	case 0, 1, 2, 3:
		group[0].Try("PartyRpc.EnterMatchmakingV1", nil)
	case 4:
		anybody.Try("MatchmakingRpc.LeaveMatchmakingV2", nil)
	case 5:
		anybody.Try("GameInstanceRpc.LeaveV1", nil)
	case 6:
		time.Sleep(time.Duration(c.rng.IntN(4000)) * time.Millisecond)
	case 7:
		var err error
		if c.rng.IntN(3) == 0 {
			err = errors.New("no servers left")
		}
		c.arena.setRefuse(err)
	}
	c.listen()
}

// listen has everybody believe what he was told.
func (c *crowd) listen() {
	for _, group := range c.groups {
		for _, p := range group {
			for _, note := range p.told() {
				c.hear(p, note)
			}
		}
	}
}

func (c *crowd) hear(p *player, note string) {
	b := c.belief[p]
	wrong := func(what string) {
		if c.strict {
			c.T.Errorf("%s: %s: %s", p.name, note, what)
		}
	}
	set, removed, _ := strings.Cut(note, " removed")
	switch {
	case strings.HasPrefix(note, "SessionChanged") && strings.Contains(set, "2"): // all of it: nobody changes his party here
		inGame := strings.Contains(set, "4")
		*b = belief{queued: strings.Contains(set, "3"), inGame: inGame, greeted: inGame}
	case b.lost:
	case strings.HasPrefix(note, "SessionChanged"):
		if strings.Contains(set, "3") {
			if b.queued {
				wrong("queued twice")
			}
			b.queued = true
		}
		if strings.Contains(removed, "3") {
			if !b.queued {
				wrong("left a queue he was not in")
			}
			b.queued = false
		}
		if strings.Contains(set, "4") {
			if b.inGame {
				wrong("in two games")
			}
			b.inGame, b.added = true, true
		}
		if strings.Contains(removed, "4") {
			b.inGame = false
		}
	case note == "AddedToGame":
		if !b.added && !b.greeted {
			wrong("added without a change of the session")
		}
		b.added, b.greeted = false, false
	case strings.HasPrefix(note, "MatchmakingFailure") && b.queued:
		wrong("failed but still queued")
	}
}

// reconnect has everybody come back and forget what he believed.
func (c *crowd) reconnect() {
	for _, group := range c.groups {
		for _, p := range group {
			p.Cut()
			p.Connect()
			*c.belief[p] = belief{lost: true}
		}
	}
	c.listen()
}

// settle checks that everybody is where he believes to be, and nowhere else.
func (c *crowd) settle() {
	c.T.Helper()
	c.listen()
	if !c.strict {
		c.reconnect()
	}
	parties := 0
	for _, group := range c.groups {
		first := *c.belief[group[0]]
		for _, p := range group {
			b := *c.belief[p]
			if b.queued && b.inGame || b.added || b.lost {
				c.T.Errorf("%s believes %+v", p.name, b)
			}
			if b.queued != first.queued {
				c.T.Errorf("%s believes %+v, the leader %+v", p.name, b, first)
			}
			if _, refused := p.Try("MatchmakingRpc.GetMatchmakingInfoV2", nil); (refused == nil) != b.queued {
				c.T.Errorf("%s believes %+v, but asking for the queue gives %v", p.name, b, refused)
			}
		}
		if first.queued {
			parties++
		}
	}
	stored, err := c.queue.Stored(c.T.Context())
	if err != nil {
		c.T.Fatal(err)
	}
	if indexed, _ := c.queue.Index(); len(stored) != parties || indexed != parties {
		c.T.Errorf("%d parties wait, %d tickets are stored, %d are in memory", parties, len(stored), indexed)
	}
	if parties > 2 {
		c.T.Errorf("%d parties wait in two queues that match any two", parties)
	}
}
