package simulate

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Anonymous returns a copy whose ids of tickets, parties, players and games are
// numbers in the order of the dump, so that nobody can be looked up by them. Order
// and matches stay what they are. Of the exts of parties, players and games it
// keeps the named members at the top, or, if none is named, all: then the studio
// has to know that nothing in them tells who somebody is. The queue's key and
// rules, times and pings stay.
func (d *Dump) Anonymous(keep ...string) *Dump {
	a := &anonymizer{keep: keep, players: make(map[pragma.PlayerID]pragma.PlayerID), parties: make(map[pragma.PartyID]pragma.PartyID)}
	c := &Dump{TakenAt: d.TakenAt, QueueName: d.QueueName, Key: d.Key, Rules: d.Rules}
	for i, p := range d.Parties {
		c.Parties = append(c.Parties, a.party(p, number[pragma.TicketID](uint64(i)+1)))
	}
	for i, g := range d.Games {
		c.Games = append(c.Games, a.game(g, number[pragma.GameInstanceID](uint64(i)+1)))
	}
	return c
}

type anonymizer struct {
	keep    []string
	players map[pragma.PlayerID]pragma.PlayerID
	parties map[pragma.PartyID]pragma.PartyID
}

// numbered returns the number that stands for an id, a new one if need be.
func numbered[ID interface {
	comparable
	~[16]byte
}](known map[ID]ID, id ID) ID {
	if id == *new(ID) {
		return id
	}
	if _, ok := known[id]; !ok {
		known[id] = number[ID](uint64(len(known)) + 1)
	}
	return known[id]
}

func (a *anonymizer) party(p *matchmaking.Party, ticket pragma.TicketID) *matchmaking.Party {
	c := &matchmaking.Party{
		ID: numbered(a.parties, p.ID), TicketID: ticket, PreferredGameServerZones: p.PreferredGameServerZones,
		GameServerVersion: p.GameServerVersion, Ext: a.ext(p.Ext), EnteredAt: p.EnteredAt,
	}
	for _, player := range p.Players {
		c.Players = append(c.Players, &matchmaking.Player{
			ID: numbered(a.players, player.ID), PartyID: c.ID,
			GameServerZoneToPing: player.GameServerZoneToPing, Ext: a.ext(player.Ext),
		})
	}
	return c
}

func (a *anonymizer) game(g *matchmaking.GameInstance, id pragma.GameInstanceID) *matchmaking.GameInstance {
	c := &matchmaking.GameInstance{
		ID: id, EnteredAt: g.EnteredAt, Ext: a.ext(g.Ext),
		GameServerVersion: g.GameServerVersion, GameServerZone: g.GameServerZone,
	}
	for _, p := range g.Players {
		c.Players = append(c.Players, matchmaking.GamePlayer{
			ID: numbered(a.players, p.ID), PartyID: numbered(a.parties, p.PartyID), TeamNumber: p.TeamNumber, Ext: a.ext(p.Ext),
		})
	}
	return c
}

func (a *anonymizer) ext(v ext.Value) ext.Value {
	if len(a.keep) == 0 {
		return v
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(v.Bytes(), &members) != nil {
		return ext.Value{}
	}
	for name := range members {
		if !slices.Contains(a.keep, name) {
			delete(members, name)
		}
	}
	return ext.Of(members)
}
