package simulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
)

// Options say what is simulated. One of Plugin and Pool is needed; the zero value
// of all others is right.
type Options struct {
	// Name is the heading in a report.
	Name string
	// Plugin or Pool decides who plays with whom, as in [matchmaking.Service].
	Plugin matchmaking.Plugin
	Pool   matchmaking.PoolPlugin
	// Key is the queue.
	Key matchmaking.QueueKey
	// Config says how often full passes are made, and when a party has waited for
	// too long. Zero means [matchmaking.DefaultConfig]. The budget of a pass has
	// no effect: passes take no time here.
	Config matchmaking.Config
	// Begin is when the simulation begins. Parties that entered before, or at that
	// time, are there already. Zero means with the first arrival.
	Begin time.Time
	// Drain is how long the simulation goes on after the last arrival while
	// somebody waits. Zero means 10 minutes.
	Drain time.Duration
	// Ratings says how well the players of a party play, in their order, for the
	// report. Nil: that is not known. [Member] makes one.
	Ratings func(p *matchmaking.Party) []float64
	// OnMatch is told of every match, in order. It may keep what it is given.
	OnMatch func(m *Match)
}

// DefaultDrain is what a zero [Options.Drain] means.
const DefaultDrain = 10 * time.Minute

// Arrival is a party that enters the queue.
type Arrival struct {
	// Party is who, and its EnteredAt when. Each has a TicketID of its own.
	Party *matchmaking.Party
	// Patience is how long it waits before it leaves. Zero: for ever.
	Patience time.Duration
}

// Match is a match at its time.
type Match struct {
	// At is when it was made.
	At time.Time
	matchmaking.Match
}

// Run lets parties arrive in a queue in virtual time, and games wait from the
// beginning, and reports how long who waited for what. It reads no clock and
// starts no goroutine: the same arguments give the same report, as far as the
// plugin only computes. Arrivals may be in any order; they are copied, so that
// they can be used for another run.
//
// An error is a plugin that is missing, two tickets with one id, or the cause of
// ctx if that ends first. What a hook does wrong is in the report.
func Run(ctx context.Context, o Options, arrivals []Arrival, games ...*matchmaking.GameInstance) (*Report, error) {
	r, err := newRun(o, arrivals, games)
	if err != nil {
		return nil, err
	}
	for r.step() {
		if err := r.moment(ctx); err != nil {
			return nil, err
		}
	}
	return r.tally.report(r), nil
}

// run is a simulation under way.
type run struct {
	Options
	box      *matchmaking.Sandbox
	arrivals []Arrival // that are still to come, in order
	exits    exits
	now, end time.Time
	nextFull time.Time // zero: nobody waits
	tally    *tally
}

func newRun(o Options, arrivals []Arrival, games []*matchmaking.GameInstance) (*run, error) {
	if (o.Plugin == nil) == (o.Pool == nil) {
		return nil, errors.New("simulate: give a Plugin or a Pool, not both")
	}
	if o.Config == (matchmaking.Config{}) {
		o.Config = matchmaking.DefaultConfig()
	}
	if err := o.Config.Validate(); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	r := &run{Options: o, box: &matchmaking.Sandbox{Plugin: o.Plugin, Pool: o.Pool, Key: o.Key}, arrivals: copied(arrivals)}
	if r.Drain == 0 {
		r.Drain = DefaultDrain
	}
	if r.Begin.IsZero() && len(r.arrivals) > 0 {
		r.Begin = r.arrivals[0].Party.EnteredAt
	}
	r.now, r.end = r.Begin, r.Begin
	if n := len(r.arrivals); n > 0 && r.arrivals[n-1].Party.EnteredAt.After(r.end) {
		r.end = r.arrivals[n-1].Party.EnteredAt
	}
	r.tally = newTally(o.Ratings, r.Begin, r.end)
	r.end = r.end.Add(r.Drain)
	seen := make(map[pragma.TicketID]bool, len(r.arrivals))
	for _, a := range r.arrivals {
		if seen[a.Party.TicketID] {
			return nil, fmt.Errorf("simulate: ticket %s arrives twice", a.Party.TicketID)
		}
		seen[a.Party.TicketID] = true
	}
	for _, g := range games {
		again := *g
		if err := r.box.EnterGame(&again); err != nil {
			return nil, fmt.Errorf("simulate: game %s: %w", g.ID, err)
		}
	}
	return r, nil
}

// copied returns parties that no plugin has seen, in the order of entry.
func copied(arrivals []Arrival) []Arrival {
	all := make([]Arrival, len(arrivals))
	for i, a := range arrivals {
		p := &matchmaking.Party{
			ID: a.Party.ID, TicketID: a.Party.TicketID, PreferredGameServerZones: a.Party.PreferredGameServerZones,
			GameServerVersion: a.Party.GameServerVersion, Ext: a.Party.Ext, EnteredAt: a.Party.EnteredAt,
		}
		for _, from := range a.Party.Players {
			p.Players = append(p.Players, &matchmaking.Player{
				ID: from.ID, PartyID: p.ID, SocialID: from.SocialID, DisplayName: from.DisplayName,
				ClientVersion: from.ClientVersion, GameServerZoneToPing: maps.Clone(from.GameServerZoneToPing), Ext: from.Ext,
			})
		}
		all[i] = Arrival{p, a.Patience}
	}
	slices.SortStableFunc(all, func(a, b Arrival) int {
		return cmp.Or(a.Party.EnteredAt.Compare(b.Party.EnteredAt), a.Party.TicketID.Compare(b.Party.TicketID))
	})
	return all
}

// step goes to the next moment at which something happens, and reports false at
// the end.
func (r *run) step() bool {
	next, found := time.Time{}, false
	consider := func(t time.Time) {
		if !found || t.Before(next) {
			next, found = t, true
		}
	}
	if len(r.arrivals) > 0 {
		consider(r.arrivals[0].Party.EnteredAt)
	}
	if len(r.exits) > 0 {
		consider(r.exits[0].at)
	}
	if !r.nextFull.IsZero() {
		consider(r.nextFull)
	}
	if !found || next.After(r.end) || len(r.arrivals) == 0 && r.box.Waiting() == 0 {
		return false
	}
	if next.After(r.now) {
		r.now = next
	}
	return true
}

// moment does all that happens now, in the order of a service: who comes and goes,
// a pass for those who are new, a full pass.
func (r *run) moment(ctx context.Context) error {
	for len(r.arrivals) > 0 && !r.arrivals[0].Party.EnteredAt.After(r.now) {
		if err := r.enter(ctx, r.arrivals[0]); err != nil {
			return err
		}
		r.arrivals = r.arrivals[1:]
	}
	for len(r.exits) > 0 && !r.exits[0].at.After(r.now) {
		e := r.exits.pop()
		if r.box.Leave(e.party) {
			r.tally.leave(e.party, e.why)
		}
	}
	if r.nextFull.IsZero() && r.box.Waiting()+len(r.box.Games()) > 0 {
		r.nextFull = r.now.Add(r.delay())
	}
	if err := r.news(ctx); err != nil {
		return err
	}
	if !r.nextFull.IsZero() && !r.nextFull.After(r.now) {
		if err := r.pass(ctx, true); err != nil {
			return err
		}
		if err := r.news(ctx); err != nil {
			return err
		}
		r.nextFull = r.now.Add(r.delay())
	}
	if r.box.Waiting()+len(r.box.Games()) == 0 {
		r.nextFull = time.Time{} // a service ends the loop of such a queue
	}
	return nil
}

func (r *run) delay() time.Duration {
	return time.Duration(r.Config.MatchmakingDelayMillis) * time.Millisecond
}

func (r *run) enter(ctx context.Context, a Arrival) error {
	p := a.Party
	r.tally.arrive(p)
	match, err := r.box.Enter(ctx, p, r.now)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		r.tally.refuse(p, err)
	case match != nil:
		r.made(*match)
	default:
		if a.Patience > 0 {
			r.exits.push(exit{p.EnteredAt.Add(a.Patience), p, lostPatience})
		}
		if s := r.Config.QueueTimeoutSeconds; s > 0 {
			r.exits.push(exit{p.EnteredAt.Add(time.Duration(s) * time.Second), p, timedOut})
		}
	}
	return nil
}

// news makes passes until nothing is new.
func (r *run) news(ctx context.Context) error {
	for range maxNews {
		if !r.box.Fresh() || r.box.Waiting() == 0 {
			return nil
		}
		if err := r.pass(ctx, false); err != nil {
			return err
		}
	}
	return nil
}

// maxNews is how many passes may follow each other at one moment: each join of a
// game is followed by another. The full pass goes on with what is left.
const maxNews = 1000

func (r *run) pass(ctx context.Context, full bool) error {
	out, err := r.box.Pass(ctx, r.now, full)
	if err != nil {
		return err
	}
	r.tally.passes++
	for _, m := range out.Matches {
		r.made(m)
	}
	for _, p := range out.Failed {
		r.tally.leave(p, hookFailed)
	}
	for _, err := range out.Errors {
		r.tally.fault(err)
	}
	return nil
}

func (r *run) made(m matchmaking.Match) {
	match := &Match{r.now, m}
	r.tally.match(match)
	if r.OnMatch != nil {
		r.OnMatch(match)
	}
}

// exit is a party that leaves if nothing has become of it.
type exit struct {
	at    time.Time
	party *matchmaking.Party
	why   reason
}

// exits has the next one first.
type exits []exit

func (x *exits) push(e exit) {
	at, _ := slices.BinarySearchFunc(*x, e, func(a, b exit) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return -1 // behind those of the same time
	})
	*x = slices.Insert(*x, at, e)
}

func (x *exits) pop() exit {
	e := (*x)[0]
	*x = (*x)[1:]
	return e
}
