package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unique"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Ticket is a party that waits, as rules see it. It is never changed.
type Ticket struct {
	// ID names it.
	ID pragma.TicketID
	// EnteredAt is when it began to wait.
	EnteredAt time.Time
	// Players are the members.
	Players []Player
	// Rating is the mean of the players' ratings.
	Rating float64
	// Pings are the worst of any player, in the zones that all players with
	// pings know, by the name of the zone.
	Pings []Ping
	// Prefers are the zones the party asked for, the best first.
	Prefers []string

	party *matchmaking.Party
}

// Player is a player of a party that waits.
type Player struct {
	Rating float64
	Role   string
}

// Ping is how far a zone is.
type Ping struct {
	Zone   string
	Millis int
}

// NewTicket reads what the rules need to know of a party. An error means that
// its ext has a member of another type than the rules expect.
func (r *Rules) NewTicket(p *matchmaking.Party) (*Ticket, error) {
	t := &Ticket{
		ID: p.TicketID, EnteredAt: p.EnteredAt, Prefers: p.PreferredGameServerZones,
		Players: make([]Player, len(p.Players)), party: p,
	}
	shared, err := r.partyRating(p.Ext)
	if err != nil {
		return nil, fmt.Errorf("ExtMatchmakingParty: %w", err)
	}
	for i, from := range p.Players {
		player := &t.Players[i]
		player.Rating = shared
		if err := r.readPlayer(from.Ext, player); err != nil {
			return nil, fmt.Errorf("ExtMatchmakingPlayer of %s: %w", from.ID, err)
		}
		t.Rating += player.Rating / float64(len(p.Players))
	}
	t.Pings = worst(p.Players)
	return t, nil
}

func (r *Rules) partyRating(v ext.Value) (float64, error) {
	if r.Rating.From != FromParty || r.Rating.Member == "" {
		return r.Rating.Default, nil
	}
	members, err := membersOf(v)
	if err != nil {
		return 0, err
	}
	return members.number(r.Rating.Member, r.Rating.Default)
}

func (r *Rules) readPlayer(v ext.Value, player *Player) error {
	rated := r.Rating.From != FromParty && r.Rating.Member != ""
	if !rated && r.Roles.Member == "" {
		return nil
	}
	members, err := membersOf(v)
	if err == nil && rated {
		player.Rating, err = members.number(r.Rating.Member, r.Rating.Default)
	}
	if err == nil && r.Roles.Member != "" {
		player.Role, err = members.text(r.Roles.Member)
	}
	return err
}

// members are those of an ext.
type members map[string]jsontext.Value

func membersOf(v ext.Value) (members, error) {
	if v.IsEmpty() {
		return nil, v.Err()
	}
	var m members
	return m, json.Unmarshal(v.Bytes(), &m)
}

// number accepts texts too: large whole numbers travel as such.
func (m members) number(name string, absent float64) (float64, error) {
	v, ok := m[name]
	if !ok || v.Kind() == 'n' {
		return absent, nil
	}
	text := string(v)
	if v.Kind() == '"' {
		if err := json.Unmarshal(v, &text); err != nil {
			return 0, err
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0, fmt.Errorf("member %q: want a number, got %s", name, v)
	}
	return n, nil
}

func (m members) text(name string) (string, error) {
	v, ok := m[name]
	if !ok || v.Kind() == 'n' {
		return "", nil
	}
	if v.Kind() != '"' {
		return "", fmt.Errorf("member %q: want a text, got %s", name, v)
	}
	var text string
	err := json.Unmarshal(v, &text)
	return unique.Make(text).Value(), err
}

// worst returns the worst pings, in the zones that all players with pings know.
func worst(players []*matchmaking.Player) []Ping {
	var all map[string]int
	for _, p := range players {
		if len(p.GameServerZoneToPing) == 0 {
			continue
		}
		if all == nil {
			all = maps.Clone(p.GameServerZoneToPing)
			continue
		}
		for zone, ms := range all {
			other, ok := p.GameServerZoneToPing[zone]
			if all[zone] = max(ms, other); !ok {
				delete(all, zone)
			}
		}
	}
	pings := make([]Ping, 0, len(all))
	for _, zone := range slices.Sorted(maps.Keys(all)) {
		pings = append(pings, Ping{unique.Make(zone).Value(), all[zone]})
	}
	return pings
}

// ping returns the milliseconds to a zone. Somebody without pings is near to all.
func (t *Ticket) ping(zone string) (int, bool) {
	for _, p := range t.Pings {
		if p.Zone == zone {
			return p.Millis, true
		}
	}
	return 0, len(t.Pings) == 0
}
