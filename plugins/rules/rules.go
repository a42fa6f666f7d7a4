package rules

import (
	"context"
	"slices"
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

	sets atomic.Pointer[Config] // the present one
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
	return &matchmaking.Attributes{Numbers: map[string]float64{ratingName: t.Rating}, Notes: known}, nil
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
	parties, fresh := r.View.Parties(), map[*matchmaking.Party]bool(nil)
	if !r.Full && len(parties) > smallPool && len(r.View.New()) < len(parties)/8 && len(r.View.NewGames()) == 0 {
		parties, fresh = aroundNew(r.View)
	}
	tickets := make([]*Ticket, 0, len(parties))
	var serve []int
	for _, party := range parties {
		t := p.ticket(c, rules, party)
		if t == nil {
			continue
		}
		if fresh[party] {
			serve = append(serve, len(tickets))
		}
		tickets = append(tickets, t)
	}
	joins, tickets := rules.backfill(r, tickets)
	if joins != nil {
		serve = nil // places have changed
	}
	o := Options{Now: r.Now, Serve: serve, Stop: func() bool { return ctx.Err() != nil }}
	return append(joins, propose(rules.Match(tickets, o))...), nil
}

// How a pass for those who are new is made cheap: in a large pool they meet only
// those who are near in rating.
const (
	smallPool  = 2000
	neighbours = 128 // on either side
)

// aroundNew returns the parties that are new and their neighbours, the oldest
// first, and which ones are new.
func aroundNew(v *matchmaking.View) (parties []*matchmaking.Party, fresh map[*matchmaking.Party]bool) {
	all := v.ByNumber(ratingName)
	fresh = make(map[*matchmaking.Party]bool)
	near := make(map[*matchmaking.Party]bool)
	for _, party := range v.New() {
		fresh[party] = true
		rating, _ := party.Number(ratingName)
		at, _ := slices.BinarySearchFunc(all, rating, func(p *matchmaking.Party, rating float64) int {
			n, _ := p.Number(ratingName)
			switch {
			case n < rating:
				return -1
			case n > rating:
				return 1
			}
			return 0
		})
		near[party] = true
		for _, o := range all[max(0, at-neighbours):min(len(all), at+neighbours)] {
			near[o] = true
		}
	}
	for party := range near {
		parties = append(parties, party)
	}
	slices.SortFunc(parties, func(a, b *matchmaking.Party) int {
		if c := a.EnteredAt.Compare(b.EnteredAt); c != 0 {
			return c
		}
		return a.TicketID.Compare(b.TicketID)
	})
	return parties, fresh
}

func propose(groups []Group) []matchmaking.Proposal {
	proposals := make([]matchmaking.Proposal, len(groups))
	for i, g := range groups {
		game := &matchmaking.NewGameInstance{GameServerZone: g.Zone}
		for j, t := range g.Tickets {
			game.AddParties([]*matchmaking.Party{t.party}, int64(g.Teams[j]))
		}
		proposals[i] = matchmaking.Proposal{New: game, Quality: g.Quality}
	}
	return proposals
}
