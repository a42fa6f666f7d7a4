package rules

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
)

// Plugin makes games by rules. The zero value makes games of two single players.
// Fields must not be changed once the server runs.
type Plugin struct {
	matchmaking.PoolDefaults

	// Config is what holds where the configuration says nothing. One without
	// teams means [DefaultConfig].
	Config Config

	sets    atomic.Pointer[Config] // the present one
	solvers sync.Pool              // of *solver
}

var (
	_ matchmaking.PoolPlugin = (*Plugin)(nil)
	_ pragma.Configurable    = (*Plugin)(nil)
)

// ratingName is what parties are found by in a view.
const ratingName = "rating"

// MountPlugin implements [pragma.Configurable].
func (p *Plugin) MountPlugin(m *pragma.PluginMount) error {
	live, err := pragma.PluginConfig(m, p.defaults())
	if err != nil {
		return err
	}
	c := live.Load()
	p.sets.Store(&c)
	live.OnChange(func(_, after Config) { p.sets.Store(&after) })
	return nil
}

func (p *Plugin) defaults() Config {
	if p.Config.Default.NumberOfTeams == 0 {
		c := DefaultConfig()
		c.QueueMember, c.Queues = p.Config.QueueMember, p.Config.Queues
		return c
	}
	return p.Config
}

func (p *Plugin) config() *Config {
	if c := p.sets.Load(); c != nil {
		return c
	}
	c := p.defaults()
	p.sets.CompareAndSwap(nil, &c)
	return p.sets.Load()
}

// Of returns the rules of a queue, and the name they have in [Config.Queues];
// that of the default rules is empty.
func (c *Config) Of(key matchmaking.QueueKey) (name string, r *Rules) {
	if c.QueueMember != "" {
		if m, err := membersOf(key.Ext); err == nil {
			if name, err := m.text(c.QueueMember); err == nil {
				if r, ok := c.Queues[name]; ok {
					return name, &r
				}
			}
		}
	}
	return "", &c.Default
}

// GetQueueName returns the name of the queue's rules, if they have one.
func (p *Plugin) GetQueueName(ctx context.Context, r *matchmaking.GetQueueNameRequest) string {
	if name, _ := p.config().Of(r.QueueKey); name != "" {
		return name
	}
	return p.PoolDefaults.GetQueueName(ctx, r)
}

// notes are what the plugin keeps with a party: its ticket, as the present rules
// read it.
type notes struct{ read atomic.Pointer[reading] }

type reading struct {
	config *Config
	ticket *Ticket
}

// Describe refuses a party that is larger than a team, and one whose rating or
// role cannot be read.
func (p *Plugin) Describe(_ context.Context, r *matchmaking.DescribeRequest) (*matchmaking.Attributes, error) {
	c := p.config()
	_, rules := c.Of(r.QueueKey)
	if n := len(r.Party.Players); n > rules.PlayersPerTeam {
		return nil, matchmaking.ErrPartyTooBig.With("the party has %d players, a team %d", n, rules.PlayersPerTeam)
	}
	t, err := rules.NewTicket(r.Party)
	if err != nil {
		return nil, matchmaking.ErrPlugin.Wrap(err)
	}
	known := new(notes)
	known.read.Store(&reading{c, t})
	a := &matchmaking.Attributes{Numbers: map[string]float64{ratingName: t.Rating}, Notes: known}
	if rules.PingMillis.Max > 0 && len(t.Pings) == 0 {
		a.Texts = map[string][]string{pingsText: {noPings}}
	}
	return a, nil
}

// ticket returns the ticket of a party. After a change of the rules it is read
// anew; what they cannot read any more is left out.
func (p *Plugin) ticket(c *Config, rules *Rules, party *matchmaking.Party) *Ticket {
	known, ok := party.Notes().(*notes)
	if !ok {
		return nil
	}
	if r := known.read.Load(); r != nil && r.config == c && (r.ticket == nil || r.ticket.party == party) {
		return r.ticket
	}
	t, err := rules.NewTicket(party)
	if err != nil {
		t = nil
	}
	known.read.Store(&reading{c, t})
	return t
}

// Propose looks for games for all who wait, or for those who are new.
func (p *Plugin) Propose(ctx context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
	c := p.config()
	_, rules := c.Of(r.QueueKey)
	ticketOf := func(party *matchmaking.Party) *Ticket { return p.ticket(c, rules, party) }
	if rules.fewNew(r) {
		return p.matchNew(ctx, rules, r, ticketOf), nil
	}
	parties := r.View.Parties()
	tickets := make([]*Ticket, 0, len(parties))
	for _, party := range parties {
		if t := ticketOf(party); t != nil {
			tickets = append(tickets, t)
		}
	}
	joins := rules.backfill(r, r.View.Games(), tickets)
	if joins != nil {
		joined := joined(joins)
		tickets = slices.DeleteFunc(tickets, func(t *Ticket) bool { return joined[t.party.ID] })
	}
	s := p.solver()
	defer p.release(s)
	o := Options{Now: r.Now, Stop: func() bool { return ctx.Err() != nil }}
	return append(joins, rules.propose(r.QueueKey, s.match(rules, tickets, o))...), nil
}

// joined returns the parties that proposals put into running games.
func joined(joins []matchmaking.Proposal) map[pragma.PartyID]bool {
	all := make(map[pragma.PartyID]bool)
	for _, p := range joins {
		for _, a := range p.Update.Players() {
			all[a.Player.PartyID] = true
		}
	}
	return all
}

// solver returns one whose memory may be used again, by release.
func (p *Plugin) solver() *solver {
	if s, ok := p.solvers.Get().(*solver); ok {
		return s
	}
	return new(solver)
}

func (p *Plugin) release(s *solver) {
	s.tickets = nil
	p.solvers.Put(s)
}

func (r *Rules) propose(key matchmaking.QueueKey, groups []Group) []matchmaking.Proposal {
	proposals := make([]matchmaking.Proposal, len(groups))
	for i, g := range groups {
		game := &matchmaking.NewGameInstance{GameServerZone: g.Zone}
		for j, t := range g.Tickets {
			game.AddParties([]*matchmaking.Party{t.party}, int64(g.Teams[j]))
		}
		if r.Backfill.OpenNewGames && len(game.Players()) < r.players() {
			game.ContinueMatchmaking(key)
		}
		proposals[i] = matchmaking.Proposal{New: game, Quality: g.Quality}
	}
	return proposals
}
