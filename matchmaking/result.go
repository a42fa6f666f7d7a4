package matchmaking

import (
	"fmt"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// NewGameInstance is a game that a hook wants to start (engine §4.2). Fill in the
// fields, name the players by their parties and return it. A party is in the
// game with all its players or not at all.
type NewGameInstance struct {
	// RequestExt is handed to the game instance plugin's
	// HandleBackendCreateByMatchmakingRequest (ExtBackendCreateRequest).
	RequestExt ext.Value
	// GameServerZone is where the game shall run; empty if that is all the same.
	GameServerZone string

	roster roster
	queue  *QueueKey
}

// AddParties puts all players of the parties into the game, on one team. For
// players who are in it already it sets the team.
func (n *NewGameInstance) AddParties(parties []*Party, teamNumber int64) {
	n.roster.addParties(parties, teamNumber)
}

// SetTeamByPlayers sets the team of players, and puts those into the game who are
// not in it yet.
func (n *NewGameInstance) SetTeamByPlayers(players []*Player, teamNumber int64) {
	n.roster.setTeam(players, teamNumber)
}

// SetExtBackendAddPlayer sets the ExtBackendAddPlayer that the game instance
// plugin gets for a player; the last one counts. It has no effect for players who
// are not in the game in the end.
func (n *NewGameInstance) SetExtBackendAddPlayer(p *Player, v ext.Value) { n.roster.setExt(p, v) }

// ContinueMatchmaking puts the new game into a queue with the commit that makes
// it, so that more parties can join it, even before it has a server. The key may
// be another than that of the queue the parties waited in.
func (n *NewGameInstance) ContinueMatchmaking(key QueueKey) { n.queue = &key }

// check returns the parties in the game if it can be made of the two matchables.
func (n *NewGameInstance) check(a, b *Matchable) ([]*Party, error) {
	if n.queue != nil && n.queue.Ext.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errBadKey, n.queue.Ext.Err())
	}
	return n.roster.check(a, b)
}

// Players returns who is in the game so far, in the order of naming.
func (n *NewGameInstance) Players() []Assignment { return slices.Clone(n.roster.members) }

// GameInstanceUpdate adds parties to a running game (engine §4.2). The game stays
// in the queue unless StopMatchmaking is called.
type GameInstanceUpdate struct {
	// RequestExt is handed to the game instance plugin's
	// HandleBackendAddPlayersRequest (ExtBackendAddPlayersRequest).
	RequestExt ext.Value

	roster roster
	stop   bool
}

// AddParties is [NewGameInstance.AddParties].
func (u *GameInstanceUpdate) AddParties(parties []*Party, teamNumber int64) {
	u.roster.addParties(parties, teamNumber)
}

// SetTeamByPlayers is [NewGameInstance.SetTeamByPlayers].
func (u *GameInstanceUpdate) SetTeamByPlayers(players []*Player, teamNumber int64) {
	u.roster.setTeam(players, teamNumber)
}

// SetExtBackendAddPlayer is [NewGameInstance.SetExtBackendAddPlayer].
func (u *GameInstanceUpdate) SetExtBackendAddPlayer(p *Player, v ext.Value) { u.roster.setExt(p, v) }

// StopMatchmaking takes the game out of the queue with this update.
func (u *GameInstanceUpdate) StopMatchmaking() { u.stop = true }

// MarkedToContinueMatchmaking reports whether the game stays in the queue.
func (u *GameInstanceUpdate) MarkedToContinueMatchmaking() bool { return !u.stop }

// Players returns who is added so far, in the order of naming.
func (u *GameInstanceUpdate) Players() []Assignment { return slices.Clone(u.roster.members) }

// Assignment is a player's place in a game.
type Assignment struct {
	Player     *Player
	TeamNumber int64
	Ext        ext.Value // ExtBackendAddPlayer
}

// GameInstance is a running game that waits for more players (engine §4.2). It
// is only to be read.
type GameInstance struct {
	// ID is the game's.
	ID pragma.GameInstanceID
	// Parties are the parties in the game; one whose players have all left is
	// not listed.
	Parties []GameParty
	// Players are the players in the game.
	Players []GamePlayer
	// Ext is the ExtMatchmakingGameInstance.
	Ext ext.Value
	// GameServerVersion and GameServerZone are where it runs.
	GameServerVersion, GameServerZone string
	// EnteredAt is when it entered the queue.
	EnteredAt time.Time

	ticket   pragma.TicketID
	revision int64      // of the ticket's content
	entry    *gameEntry // what the queue knows of it; nil outside of one
	queued   bool       // is in the pool; the pool's
	met      bool       // was shown to all who waited then; the pool's
}

// GameParty is a party in a running game.
type GameParty struct {
	ID      pragma.PartyID
	Players []pragma.PlayerID
}

// GamePlayer is a player in a running game.
type GamePlayer struct {
	ID         pragma.PlayerID
	PartyID    pragma.PartyID // zero if he came without one
	TeamNumber int64
	Ext        ext.Value // ExtMatchmakingGamePlayer
}

// roster is who shall be in a game.
type roster struct {
	members []Assignment
	exts    []Assignment // for players who were not in it yet
}

func (r *roster) addParties(parties []*Party, team int64) {
	for _, p := range parties {
		r.setTeam(p.Players, team)
	}
}

func (r *roster) setTeam(players []*Player, team int64) {
	r.members = slices.Grow(r.members, len(players))
	for _, p := range players {
		if m := r.find(p); m != nil {
			m.TeamNumber = team
			continue
		}
		a := Assignment{Player: p, TeamNumber: team}
		for i := range r.exts {
			if r.exts[i].Player == p {
				a.Ext = r.exts[i].Ext
			}
		}
		r.members = append(r.members, a)
	}
}

func (r *roster) setExt(p *Player, v ext.Value) {
	if m := r.find(p); m != nil {
		m.Ext = v
		return
	}
	r.exts = append(r.exts, Assignment{Player: p, Ext: v})
}

// check returns the parties in the game if it can be made of the two matchables,
// of which the second may be nil.
func (r *roster) check(a, b *Matchable) ([]*Party, error) {
	if len(r.members) == 0 {
		return nil, errNobody
	}
	var parties []*Party
	whole := 0
	for i := range r.members {
		p := r.members[i].Player
		if p == nil || p.party == nil || p.party.in == nil || p.party.in != a && p.party.in != b {
			return nil, errOutsider
		}
		for j := range i {
			if r.members[j].Player.ID == p.ID {
				return nil, errPlayerTwice
			}
		}
		if !slices.Contains(parties, p.party) {
			parties = append(parties, p.party)
			whole += len(p.party.Players)
		}
	}
	if whole != len(r.members) {
		return nil, errSplit
	}
	return parties, nil
}

// find looks from the end: players of a party who are named twice were named
// just before, mostly.
func (r *roster) find(p *Player) *Assignment {
	for i := len(r.members) - 1; i >= 0; i-- {
		if r.members[i].Player == p {
			return &r.members[i]
		}
	}
	return nil
}
