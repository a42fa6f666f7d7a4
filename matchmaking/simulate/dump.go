package simulate

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Dump is a queue at one moment: what a plugin would see of it. An operator takes
// one from a running server (pragma matchmaking dump).
//
// It has personal data: ids of players, parties and games, when they entered,
// their pings, which tell roughly where they are, and whatever a studio keeps in
// its exts. It has no names, no social ids and no addresses. [Dump.Anonymous]
// takes the ids out.
type Dump struct {
	// TakenAt is the moment.
	TakenAt time.Time
	// QueueName is what the plugin calls the queue, and Key what it is.
	QueueName string
	Key       matchmaking.QueueKey
	// Rules are what the plugin went by, as it says itself; perhaps empty.
	Rules ext.Value
	// Parties and Games are who waits, the oldest first.
	Parties []*matchmaking.Party
	Games   []*matchmaking.GameInstance
}

// Arrivals returns the parties of the dump, for [Run] with [Options.Begin] set to
// TakenAt: then all are there from the beginning, and have waited for as long as
// they had.
func (d *Dump) Arrivals() []Arrival {
	arrivals := make([]Arrival, len(d.Parties))
	for i, p := range d.Parties {
		arrivals[i].Party = p
	}
	return arrivals
}

// The file is lines of JSON: a head, and a line for each ticket.
const (
	dumpFormat  = "matchmaking-pool"
	dumpVersion = 1
)

type dumpHead struct {
	Format    string    `json:"format"`
	Version   int       `json:"version"`
	TakenAt   time.Time `json:"takenAt,omitzero"`
	QueueName string    `json:"queueName,omitzero"`
	QueueKey  dumpKey   `json:"queueKey,omitzero"`
	Rules     ext.Value `json:"rules,omitzero"`
}

type dumpKey struct {
	Ext               ext.Value `json:"extMatchmakingKey,omitzero"`
	GameServerVersion string    `json:"gameServerVersion,omitzero"`
}

type dumpTicket struct {
	TicketID          pragma.TicketID       `json:"ticketId,omitzero"`
	PartyID           pragma.PartyID        `json:"partyId,omitzero"`
	GameInstanceID    pragma.GameInstanceID `json:"gameInstanceId,omitzero"` // of a game, which has no party
	EnteredAt         time.Time             `json:"enteredAt,omitzero"`
	Zones             []string              `json:"preferredGameServerZones,omitempty"`
	GameServerVersion string                `json:"gameServerVersion,omitzero"` // a game's
	GameServerZone    string                `json:"gameServerZone,omitzero"`    // a game's
	Ext               ext.Value             `json:"ext,omitzero"`
	Players           []dumpPlayer          `json:"players"`
}

type dumpPlayer struct {
	PlayerID   pragma.PlayerID    `json:"playerId,omitzero"`
	PartyID    pragma.PartyID     `json:"partyId,omitzero"`    // in a game
	TeamNumber int64              `json:"teamNumber,omitzero"` // in a game
	Pings      map[string]float64 `json:"gameServerZoneToPing,omitempty"`
	Ext        ext.Value          `json:"ext,omitzero"`
}

// Write writes the dump as a file.
func (d *Dump) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(v any) error {
		text, err := json.Marshal(v, json.Deterministic(true))
		if err == nil {
			_, err = out.Write(append(text, '\n'))
		}
		return err
	}
	err := line(&dumpHead{dumpFormat, dumpVersion, d.TakenAt, d.QueueName, dumpKey{d.Key.Ext, d.Key.GameServerVersion}, d.Rules})
	for _, p := range d.Parties {
		err = errors.Join(err, line(lineOfParty(p)))
	}
	for _, g := range d.Games {
		err = errors.Join(err, line(lineOfGame(g)))
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("write dump: %w", err)
	}
	return nil
}

func lineOfParty(p *matchmaking.Party) *dumpTicket {
	t := &dumpTicket{TicketID: p.TicketID, PartyID: p.ID, EnteredAt: p.EnteredAt, Zones: p.PreferredGameServerZones, Ext: p.Ext}
	for _, player := range p.Players {
		line := dumpPlayer{PlayerID: player.ID, Ext: player.Ext}
		if len(player.GameServerZoneToPing) > 0 {
			line.Pings = make(map[string]float64, len(player.GameServerZoneToPing))
			for zone, ms := range player.GameServerZoneToPing {
				line.Pings[zone] = float64(ms)
			}
		}
		t.Players = append(t.Players, line)
	}
	return t
}

func lineOfGame(g *matchmaking.GameInstance) *dumpTicket {
	t := &dumpTicket{
		GameInstanceID: g.ID, EnteredAt: g.EnteredAt, Ext: g.Ext,
		GameServerVersion: g.GameServerVersion, GameServerZone: g.GameServerZone,
	}
	for _, p := range g.Players {
		t.Players = append(t.Players, dumpPlayer{PlayerID: p.ID, PartyID: p.PartyID, TeamNumber: p.TeamNumber, Ext: p.Ext})
	}
	return t
}

// maxLine is the longest line of a dump: a ticket with the largest exts.
const maxLine = 64 << 20

// ReadDump reads a file. It forgives what can be forgiven: unknown members, empty
// lines, other spellings of names, missing ids and times. A line that is no
// ticket, or one that is there twice, is an error with its number.
func ReadDump(r io.Reader) (*Dump, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	d, n := (*Dump)(nil), 0
	reader := dumpReader{tickets: make(map[pragma.TicketID]bool), games: make(map[pragma.GameInstanceID]bool)}
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		var err error
		switch {
		case len(text) == 0:
		case d == nil:
			d, err = readHead(text)
			reader.Dump = d
		default:
			err = reader.ticket(text)
		}
		if err != nil {
			return nil, fmt.Errorf("read dump: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read dump: line %d: %w", n+1, err)
	}
	if d == nil {
		return nil, fmt.Errorf("read dump: %w", errNoDump)
	}
	d.fillIn()
	d.Sort()
	return d, nil
}

var (
	errNoDump    = errors.New("this is no dump of a matchmaking pool")
	errDumpTwice = errors.New("the same ticket or game again")
)

// relaxed reads names in any spelling.
func relaxed(text []byte, v any) error {
	return json.Unmarshal(text, v, json.MatchCaseInsensitiveNames(true))
}

func readHead(text []byte) (*Dump, error) {
	var h dumpHead
	if err := relaxed(text, &h); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDump, err)
	}
	if h.Format != dumpFormat {
		return nil, errNoDump
	}
	if h.Version > dumpVersion {
		return nil, fmt.Errorf("version %d of the format is newer than this program, which reads %d", h.Version, dumpVersion)
	}
	return &Dump{
		TakenAt: h.TakenAt, QueueName: h.QueueName, Rules: h.Rules,
		Key: matchmaking.QueueKey{Ext: h.QueueKey.Ext, GameServerVersion: h.QueueKey.GameServerVersion},
	}, nil
}

// dumpReader fills a dump.
type dumpReader struct {
	*Dump
	tickets map[pragma.TicketID]bool
	games   map[pragma.GameInstanceID]bool
	count   uint64 // of ids that were missing
}

func (d *dumpReader) ticket(text []byte) error {
	var t dumpTicket
	if err := relaxed(text, &t); err != nil {
		return err
	}
	for i := range t.Players {
		if t.Players[i].PlayerID.IsZero() {
			t.Players[i].PlayerID = missing[pragma.PlayerID](&d.count)
		}
	}
	if !t.GameInstanceID.IsZero() {
		if d.games[t.GameInstanceID] {
			return errDumpTwice
		}
		d.games[t.GameInstanceID] = true
		d.Games = append(d.Games, t.game())
		return nil
	}
	if t.TicketID.IsZero() {
		t.TicketID = missing[pragma.TicketID](&d.count)
	}
	if t.PartyID.IsZero() {
		t.PartyID = pragma.PartyID(t.TicketID)
	}
	if d.tickets[t.TicketID] {
		return errDumpTwice
	}
	d.tickets[t.TicketID] = true
	d.Parties = append(d.Parties, t.party(d.Key.GameServerVersion))
	return nil
}

// missing makes up an id.
func missing[ID ~[16]byte](count *uint64) ID {
	*count++
	id := [16]byte(number[ID](*count))
	id[0] = 0xfe
	return ID(id)
}

func (t *dumpTicket) party(version string) *matchmaking.Party {
	p := &matchmaking.Party{
		ID: t.PartyID, TicketID: t.TicketID, PreferredGameServerZones: t.Zones,
		GameServerVersion: version, Ext: t.Ext, EnteredAt: t.EnteredAt,
	}
	for _, from := range t.Players {
		player := &matchmaking.Player{ID: from.PlayerID, PartyID: t.PartyID, Ext: from.Ext}
		for zone, ms := range from.Pings {
			if player.GameServerZoneToPing == nil {
				player.GameServerZoneToPing = make(map[string]int, len(from.Pings))
			}
			player.GameServerZoneToPing[zone] = int(math.Round(min(max(ms, math.MinInt32), math.MaxInt32)))
		}
		p.Players = append(p.Players, player)
	}
	return p
}

func (t *dumpTicket) game() *matchmaking.GameInstance {
	g := &matchmaking.GameInstance{
		ID: t.GameInstanceID, EnteredAt: t.EnteredAt, Ext: t.Ext,
		GameServerVersion: t.GameServerVersion, GameServerZone: t.GameServerZone,
	}
	for _, p := range t.Players {
		g.Players = append(g.Players, matchmaking.GamePlayer{ID: p.PlayerID, PartyID: p.PartyID, TeamNumber: p.TeamNumber, Ext: p.Ext})
	}
	return g
}

// fillIn fills in the times that are missing.
func (d *Dump) fillIn() {
	if d.TakenAt.IsZero() {
		for _, p := range d.Parties {
			d.TakenAt = latest(d.TakenAt, p.EnteredAt)
		}
		for _, g := range d.Games {
			d.TakenAt = latest(d.TakenAt, g.EnteredAt)
		}
	}
	for _, p := range d.Parties {
		if p.EnteredAt.IsZero() {
			p.EnteredAt = d.TakenAt
		}
	}
	for _, g := range d.Games {
		if g.EnteredAt.IsZero() {
			g.EnteredAt = d.TakenAt
		}
	}
}

// Sort puts the oldest first; of those that entered at once, in the order of ids.
func (d *Dump) Sort() {
	slices.SortStableFunc(d.Parties, func(a, b *matchmaking.Party) int {
		return cmp.Or(a.EnteredAt.Compare(b.EnteredAt), a.TicketID.Compare(b.TicketID))
	})
	slices.SortStableFunc(d.Games, func(a, b *matchmaking.GameInstance) int {
		return cmp.Or(a.EnteredAt.Compare(b.EnteredAt), a.ID.Compare(b.ID))
	})
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
