package matchmaking

import (
	"errors"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Party is a party that waits (engine §4.2). It is only to be read.
type Party struct {
	// ID is the party's.
	ID pragma.PartyID
	// TicketID names this stay in the queue.
	TicketID pragma.TicketID
	// Players are the members, in the order of joining the party.
	Players []*Player
	// PreferredGameServerZones are the zones the leader asked for, the best first.
	PreferredGameServerZones []string
	// GameServerVersion is that of the queue.
	GameServerVersion string
	// Ext is the ExtMatchmakingParty that the party plugin built.
	Ext ext.Value
	// EnteredAt is when the party entered; coming back to the queue after a
	// match that failed does not change it.
	EnteredAt time.Time

	in    *Matchable // where it is now
	entry *entry     // what the queue knows of it; nil outside of one
	no    []refusal  // games that did not take it lately
	notes ext.Value  // the Ext its matchable begins with
	found *found     // what a [View] finds it by
}

// Player is a player of a waiting party. It is only to be read.
type Player struct {
	// ID is the player's.
	ID pragma.PlayerID
	// PartyID is the party's.
	PartyID pragma.PartyID
	// SocialID and DisplayName are those of the account.
	SocialID    pragma.SocialID
	DisplayName pragma.DisplayName
	// ClientVersion is what the player's client said on joining the party.
	ClientVersion string
	// GameServerZoneToPing has milliseconds by zone, as measured by the client.
	GameServerZoneToPing map[string]int
	// Ext is the ExtMatchmakingPlayer that the party plugin built.
	Ext ext.Value

	party *Party
}

// Matchable is a container of parties that wait for the same game. It belongs to
// the hook it is given to, until the hook returns.
type Matchable struct {
	parties []*Party  // never changed in place, see remove
	players []*Player // flattened; nil until somebody asks
	count   int       // of players
	ext     ext.Value

	journal    *journal   // nil outside of a queue
	prev, next *Matchable // in the order of the queue
	queued     bool       // is in that order
	fresh      bool       // has not met the others yet
}

// NewMatchable returns a matchable of the parties, for tests of a plugin. It sets
// the PartyID of their players.
func NewMatchable(parties ...*Party) *Matchable {
	m := new(Matchable)
	for _, p := range parties {
		for _, player := range p.Players {
			player.PartyID, player.party = p.ID, p
		}
		m.append(p)
	}
	return m
}

// ID returns the ticket of the first party. It names the matchable while that
// party stays in it; it is zero for an empty one.
func (m *Matchable) ID() pragma.TicketID {
	if len(m.parties) == 0 {
		return pragma.TicketID{}
	}
	return m.parties[0].TicketID
}

// EnteredAt returns when the oldest party entered the queue; the zero time for an
// empty matchable.
func (m *Matchable) EnteredAt() time.Time {
	var oldest time.Time
	for _, p := range m.parties {
		if oldest.IsZero() || p.EnteredAt.Before(oldest) {
			oldest = p.EnteredAt
		}
	}
	return oldest
}

// Parties returns the parties, in the order in which they came to the matchable.
// The slice is not to be changed; later moves do not change it either.
func (m *Matchable) Parties() []*Party { return m.parties }

// Players returns the players of all parties, party by party. The slice is not
// to be changed; later moves do not change it either.
func (m *Matchable) Players() []*Player {
	if m.players != nil || len(m.parties) == 0 {
		return m.players
	}
	if len(m.parties) == 1 {
		m.players = m.parties[0].Players
		return m.players
	}
	m.players = make([]*Player, 0, m.count)
	for _, p := range m.parties {
		m.players = append(m.players, p.Players...)
	}
	return m.players
}

// PlayerCount returns the number of players of all parties.
func (m *Matchable) PlayerCount() int { return m.count }

// FindPlayer returns a player of one of the parties, or nil.
func (m *Matchable) FindPlayer(id pragma.PlayerID) *Player {
	for _, p := range m.parties {
		for _, player := range p.Players {
			if player.ID == id {
				return player
			}
		}
	}
	return nil
}

// Ext returns the ExtMatchable: the plugin's own notes on the matchable. It is
// empty at first, and again after a restart.
func (m *Matchable) Ext() ext.Value { return m.ext }

// SetExt replaces the notes.
func (m *Matchable) SetExt(v ext.Value) {
	m.journal.note(change{in: m, ext: m.ext})
	m.ext = v
}

var (
	errNotThere = errors.New("matchmaking: the party is not in the matchable it shall be taken from")
	errTwice    = errors.New("matchmaking: the party is named twice")
)

// TakePartiesFrom moves parties of other to the end of m. They stay there also if
// the hook makes no game of them; only an error of the hook moves them back. An
// emptied matchable leaves the queue. An error means that a party is not in
// other, or is named twice; then nothing was moved.
func (m *Matchable) TakePartiesFrom(other *Matchable, parties []*Party) error {
	for i, p := range parties {
		if p.in != other || m == other {
			return errNotThere
		}
		if slices.Contains(parties[:i], p) {
			return errTwice
		}
	}
	for _, p := range parties {
		m.journal.note(change{in: m, party: p, from: other, at: slices.Index(other.parties, p)})
		other.remove(p)
		m.append(p)
	}
	return nil
}

func (m *Matchable) append(p *Party) {
	m.parties = append(m.parties, p) // behind the end of every slice handed out
	m.taken(p)
}

func (m *Matchable) taken(p *Party) {
	m.players, p.in = nil, m
	m.count += len(p.Players)
}

// remove takes a party out. Slices that were handed out stay as they were.
func (m *Matchable) remove(p *Party) {
	i := slices.Index(m.parties, p)
	if i < 0 {
		return
	}
	p.in, m.players = nil, nil
	m.count -= len(p.Players)
	if len(m.parties) == 1 {
		m.parties = nil
		return
	}
	m.parties = slices.Concat(m.parties[:i], m.parties[i+1:])
}

func (m *Matchable) insert(i int, p *Party) {
	m.parties = slices.Insert(slices.Clone(m.parties), i, p)
	m.taken(p)
}

// journal has what one call of a hook did to matchables, so that it can be
// undone. A nil journal keeps nothing.
type journal struct{ changes []change }

// change is a party that came from another matchable, or, without a party, notes
// that were replaced.
type change struct {
	in    *Matchable
	party *Party
	from  *Matchable
	at    int
	ext   ext.Value // before
}

func (j *journal) note(c change) {
	if j != nil {
		j.changes = append(j.changes, c)
	}
}

// undo takes everything back.
func (j *journal) undo() {
	for _, c := range slices.Backward(j.changes) {
		if c.party == nil {
			c.in.ext = c.ext
			continue
		}
		c.in.remove(c.party)
		c.from.insert(c.at, c.party)
	}
	j.reset()
}

func (j *journal) reset() {
	clear(j.changes)
	j.changes = j.changes[:0]
}
