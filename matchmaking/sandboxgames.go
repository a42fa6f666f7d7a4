package matchmaking

import (
	"encoding/binary"
	"slices"

	"github.com/openpragma/engine/pragma"
)

// joined is what a pass in a sandbox does to a running game.
type joined struct {
	game   *GameInstance
	update *GameInstanceUpdate
}

// EnterGame lets a running game wait for players. It is not to be changed
// afterwards. When parties join it, a changed copy takes its place, in which the
// ExtMatchmakingGamePlayer of those who came is their ExtMatchmakingPlayer: what
// a studio's game would say of them is not known here.
func (s *Sandbox) EnterGame(g *GameInstance) error {
	if err := s.open(); err != nil {
		return err
	}
	if slices.ContainsFunc(s.games, func(o *GameInstance) bool { return o.ID == g.ID }) {
		return errInSandbox
	}
	s.addGame(g)
	s.pool.setGames(s.games)
	return nil
}

// addGame puts a game behind those that entered before it.
func (s *Sandbox) addGame(g *GameInstance) {
	g.met, g.queued, g.entry = false, false, &gameEntry{game: g}
	s.games = append(slices.Clone(s.games), g)
	slices.SortStableFunc(s.games, func(a, b *GameInstance) int { return a.EnteredAt.Compare(b.EnteredAt) })
	s.fresh = true
}

func (s *Sandbox) dropGame(g *GameInstance) {
	s.games = slices.DeleteFunc(slices.Clone(s.games), func(o *GameInstance) bool { return o == g })
}

// changeGames brings the games in line with the matches of a pass.
func (s *Sandbox) changeGames() {
	for _, j := range s.joined {
		s.dropGame(j.game)
		if !j.update.stop {
			s.addGame(j.game.with(j.update.roster.members))
		}
	}
	for _, n := range s.opened {
		if n.queue == nil || n.queue.id() != s.Key.id() {
			continue
		}
		s.count++
		g := &GameInstance{ID: gameNumber(s.count), EnteredAt: s.now, GameServerVersion: s.Key.GameServerVersion, GameServerZone: n.GameServerZone}
		s.addGame(g.with(n.roster.members))
	}
	s.joined, s.opened = nil, nil
	s.pool.setGames(s.games)
}

// gameNumber is the id of a game that a sandbox makes.
func gameNumber(n uint64) (id pragma.GameInstanceID) {
	id[0] = 0xff
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// with returns a copy of the game with more players.
func (g *GameInstance) with(members []Assignment) *GameInstance {
	c := &GameInstance{
		ID: g.ID, Players: slices.Clone(g.Players), Ext: g.Ext, EnteredAt: g.EnteredAt,
		GameServerVersion: g.GameServerVersion, GameServerZone: g.GameServerZone,
	}
	for _, a := range members {
		c.Players = append(c.Players, GamePlayer{ID: a.Player.ID, PartyID: a.Player.PartyID, TeamNumber: a.TeamNumber, Ext: a.Player.Ext})
	}
	c.Parties = partiesOf(c.Players)
	return c
}
