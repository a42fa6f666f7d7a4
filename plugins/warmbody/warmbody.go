package warmbody

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
)

// Plugin fills teams with whoever waits. The zero value makes games of two
// single players. Fields must not be changed once the server runs.
type Plugin struct {
	matchmaking.Defaults

	// NumberOfTeams and PlayersPerTeam are used where the configuration says
	// nothing. Zero means 2 teams, of 1 player.
	NumberOfTeams, PlayersPerTeam int

	live   *pragma.Live[Config]
	shapes shapes
}

var (
	_ matchmaking.Plugin  = (*Plugin)(nil)
	_ pragma.Configurable = (*Plugin)(nil)
)

// Config is the plugin's entry in pluginConfigs. It changes live; parties that
// have become too large for a team are sent back.
type Config struct {
	// NumberOfTeams is how many teams a game has; at least 1.
	NumberOfTeams int `yaml:"numberOfTeams"`
	// PlayersPerTeam is how many players each of them has; at least 1.
	PlayersPerTeam int `yaml:"playersPerTeam"`
}

// maxPlayers bounds a game: its players are told in one commit.
const maxPlayers = 1000

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	if c.NumberOfTeams < 1 {
		errs = append(errs, conf.Fieldf("numberOfTeams", "want at least 1, got %d", c.NumberOfTeams))
	}
	if c.PlayersPerTeam < 1 {
		errs = append(errs, conf.Fieldf("playersPerTeam", "want at least 1, got %d", c.PlayersPerTeam))
	}
	if errs == nil && c.NumberOfTeams > maxPlayers/c.PlayersPerTeam {
		errs = append(errs, conf.Fieldf("numberOfTeams", "want at most %d players in a game", maxPlayers))
	}
	return errors.Join(errs...)
}

// MountPlugin implements [pragma.Configurable].
func (p *Plugin) MountPlugin(m *pragma.PluginMount) (err error) {
	p.live, err = pragma.PluginConfig(m, p.defaults())
	return err
}

func (p *Plugin) defaults() Config {
	return Config{cmp.Or(p.NumberOfTeams, 2), cmp.Or(p.PlayersPerTeam, 1)}
}

func (p *Plugin) config() Config {
	if p.live == nil {
		return p.defaults()
	}
	return p.live.Load()
}

// Initialize refuses a party that is larger than a team, and starts the game of
// one that fills it alone.
func (p *Plugin) Initialize(_ context.Context, r *matchmaking.InitializeRequest) (*matchmaking.NewGameInstance, error) {
	c := p.config()
	if err := c.admit(r.Matchable.Parties()); err != nil {
		return nil, err
	}
	return c.start(r.Matchable.Parties(), nil), nil
}

// MatchParties lets the anchor take what fits of the other's parties, and starts
// the game if that fills it.
func (p *Plugin) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	c := p.config()
	taken, full := p.choose(c, r.Anchor, r.Other)
	switch {
	case len(taken) == 0:
		return nil, nil
	case full:
		return c.start(r.Anchor.Parties(), taken), nil
	}
	return nil, r.Anchor.TakePartiesFrom(r.Other, taken)
}

// EndOfLoop only has work after the configuration has changed: the anchor may
// have become too large, or full.
func (p *Plugin) EndOfLoop(_ context.Context, r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
	c := p.config()
	if err := c.admit(r.Anchor.Parties()); err != nil {
		return nil, err
	}
	if r.Anchor.PlayerCount() < c.players() {
		return nil, nil
	}
	return c.start(c.first(r.Anchor.Parties()), nil), nil
}

// older reports whether a began to wait before b.
func older(a, b *matchmaking.Matchable) bool {
	x, y := a.EnteredAt(), b.EnteredAt()
	if x.Equal(y) {
		return a.ID().Compare(b.ID()) < 0
	}
	return x.Before(y)
}

func (c Config) players() int { return c.NumberOfTeams * c.PlayersPerTeam }

func (c Config) admit(parties []*matchmaking.Party) error {
	for _, party := range parties {
		if n := len(party.Players); n > c.PlayersPerTeam {
			return matchmaking.ErrPartyTooBig.With("the party has %d players, a team %d", n, c.PlayersPerTeam)
		}
	}
	return nil
}

// choose returns the parties of other that the anchor shall have, and whether
// they fill its game. It is called for very many pairs, of which most do not fit.
func (p *Plugin) choose(c Config, anchor, other *matchmaking.Matchable) (taken []*matchmaking.Party, full bool) {
	room := c.players() - anchor.PlayerCount()
	if room <= 0 {
		return nil, false
	}
	mine, theirs := anchor.Parties(), other.Parties()
	most := p.shapes.largest(c, mine)
	if !slices.ContainsFunc(theirs, func(p *matchmaking.Party) bool { return len(p.Players) <= most }) {
		return nil, false
	}
	if !older(anchor, other) && (other.PlayerCount() < room || !p.shapes.canFill(c, mine, theirs)) {
		return nil, false
	}
	if len(theirs) == 1 {
		return theirs, other.PlayerCount() == room
	}
	taken, left := c.take(mine, theirs, room)
	if left > 0 && len(taken) < len(theirs) { // the largest first may fill it
		if again, rest := c.take(mine, bySize(theirs), room); rest == 0 {
			return again, true
		}
	}
	return taken, left == 0
}

// take goes through parties in order and takes what fits beside mine. It returns
// how much room is left.
func (c Config) take(mine, parties []*matchmaking.Party, room int) (taken []*matchmaking.Party, left int) {
	packer := newPacker(c, mine)
	most := room // no larger party fits
	for _, party := range parties {
		n := len(party.Players)
		if n > min(room, most) {
			continue
		}
		if !packer.add(n) {
			most = n - 1
			continue
		}
		taken = append(taken, party)
		if room -= n; room == 0 {
			break
		}
	}
	return taken, room
}

// first returns the parties that fit into a game, in order.
func (c Config) first(parties []*matchmaking.Party) []*matchmaking.Party {
	taken, _ := c.take(nil, parties, c.players())
	return taken
}

// start returns the game of the parties if they fill it, or nil.
func (c Config) start(mine, taken []*matchmaking.Party) *matchmaking.NewGameInstance {
	parties := make([]*matchmaking.Party, 0, len(mine)+len(taken))
	parties = append(append(parties, mine...), taken...)
	n := 0
	for _, party := range parties {
		n += len(party.Players)
	}
	if n != c.players() {
		return nil
	}
	packer := newPacker(c, nil)
	for _, party := range parties {
		if !packer.add(len(party.Players)) {
			return nil
		}
	}
	game := &matchmaking.NewGameInstance{GameServerZone: zone(parties)}
	for i, team := range packer.teams() {
		game.AddParties(parties[i:i+1], int64(team))
	}
	return game
}
