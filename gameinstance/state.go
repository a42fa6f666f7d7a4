package gameinstance

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// State says how far an instance is (engine §5.1).
type State string

// States of an instance.
const (
	StateCreated    State = "CREATED"    // without server
	StateAllocating State = "ALLOCATING" // a server was asked for
	StateLinked     State = "LINKED"     // a server is there and prepares
	StateRunning    State = "RUNNING"    // players were sent to it
	StateEnded      State = "ENDED"
	StateTerminated State = "TERMINATED"
	StateExpired    State = "EXPIRED"
)

func (s State) wire() wire.GameInstanceState {
	for n := wire.GameInstanceStateCreated; n <= wire.GameInstanceStateExpired; n++ {
		if n.String() == string(s) {
			return n
		}
	}
	return wire.GameInstanceStateUnknown
}

// head is the record by which an instance is locked: what every change needs,
// and the timers. Players and data are records of their own, so that a change
// writes no more than what it changes.
type head struct {
	ID      pragma.GameInstanceID `json:"id"`
	Version int64                 `json:"version"`
	State   State                 `json:"state"`

	GameServerVersion string           `json:"gameServerVersion,omitzero"`
	GameServerZone    string           `json:"gameServerZone,omitzero"`
	InMatchmaking     bool             `json:"inMatchmaking,omitzero"`
	Ticket            pragma.TicketID  `json:"ticketId,omitzero"` // while in matchmaking
	CreatedAt         time.Time        `json:"createdAt"`
	CreatedBy         pragma.PartnerID `json:"createdBy,omitzero"` // the server that did
	// CreatedFor is the allocation of that server.
	CreatedFor pragma.AllocationID `json:"createdFor,omitzero"`
	Allocation *allocation         `json:"allocation,omitzero"`
	Server     pragma.PartnerID    `json:"server,omitzero"`     // the linked one
	ServerName string              `json:"serverName,omitzero"` // what its token says
	// CallsAlive says that the server sends keep-alives. Until it does, its open
	// socket counts as one (engine §5.1).
	CallsAlive bool                               `json:"callsAlive,omitzero"`
	Host       *host                              `json:"host,omitzero"`
	QueueKey   ext.Value                          `json:"queueKey,omitzero"`
	Reason     wire.GameInstanceTerminationReason `json:"reason,omitzero"` // why it is over

	// RosterVersion is the version with which the roster last changed.
	RosterVersion int64 `json:"rosterVersion,omitzero"`
	DataBytes     int   `json:"dataBytes,omitzero"`
	DataEntries   int   `json:"dataEntries,omitzero"`
	// Seen has the last version that somebody was able to see: all ("") and those
	// who saw more, by team ("t:1") or one by one ("u:" and the id).
	Seen map[string]int64 `json:"seen,omitzero"`

	LastAccess time.Time `json:"lastAccess"`
	// The timers; zero: not running.
	AllocateBy time.Time `json:"allocateBy,omitzero"`
	ConnectBy  time.Time `json:"connectBy,omitzero"`
	MoreBy     time.Time `json:"moreBy,omitzero"`
	AliveBy    time.Time `json:"aliveBy,omitzero"`
	AbsoluteBy time.Time `json:"absoluteBy,omitzero"`
	StaleBy    time.Time `json:"staleBy,omitzero"`
	PurgeAt    time.Time `json:"purgeAt,omitzero"` // of an instance that is over
}

// allocation is the request for a server.
type allocation struct {
	ID pragma.AllocationID `json:"id"`
	// Failed says that the provider refused.
	Failed bool `json:"failed,omitzero"`
	// Partner is the polling server that was given the instance, if its token is
	// for an allocation of its own.
	Partner pragma.PartnerID `json:"partner,omitzero"`
}

// host is where players reach the server.
type host struct {
	Hostname string `json:"hostname"`
	Port     int32  `json:"port"`
}

// isOver reports whether the instance has ended in some way.
func (h *head) isOver() bool {
	return h.State == StateEnded || h.State == StateTerminated || h.State == StateExpired
}

// each returns the timers.
func (h *head) each() [7]*time.Time {
	return [...]*time.Time{&h.AllocateBy, &h.ConnectBy, &h.MoreBy, &h.AliveBy, &h.AbsoluteBy, &h.StaleBy, &h.PurgeAt}
}

// timers returns when each of them runs out.
func (h *head) timers() (all [7]time.Time) {
	for i, t := range h.each() {
		all[i] = *t
	}
	return all
}

// due returns when the next timer of an instance runs out.
func (h *head) due() time.Time {
	var first time.Time
	for _, t := range h.each() {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = *t
		}
	}
	return first
}

// stopTimers stops everything that waits for a server.
func (h *head) stopTimers() {
	h.AllocateBy, h.ConnectBy, h.MoreBy, h.AliveBy, h.AbsoluteBy = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
}

// unlink forgets the server.
func (h *head) unlink() {
	h.State, h.Server, h.ServerName, h.CallsAlive, h.Host, h.Allocation = StateCreated, pragma.PartnerID{}, "", false, nil, nil
	h.stopTimers()
}

// roster is the record of who is in an instance. It changes when players come,
// go or are connected.
type roster struct {
	Players []member       `json:"players"`
	Left    []leaver       `json:"left,omitzero"` // before the end
	Parties []MatchedParty `json:"parties,omitzero"`
	// Start is what the linked server was told (ExtGameStart).
	Start ext.Value `json:"start,omitzero"`
}

// member is a player of an instance.
type member struct {
	PlayerID      pragma.PlayerID    `json:"playerId"`
	SocialID      pragma.SocialID    `json:"socialId,omitzero"`
	DisplayName   pragma.DisplayName `json:"displayName,omitzero"`
	PartyID       pragma.PartyID     `json:"partyId,omitzero"`
	TeamNumber    int64              `json:"teamNumber,omitzero"`
	ClientVersion string             `json:"clientVersion,omitzero"`

	// Told says that the linked server knows of the player, and ServerExt what it
	// was told (ExtGameServerPlayer).
	Told      bool      `json:"told,omitzero"`
	ServerExt ext.Value `json:"serverExt,omitzero"`
	// ConnectBy is when the server must have connected a player who came later.
	ConnectBy time.Time `json:"connectBy,omitzero"`
	// Connected says that the server expects the player, ConnectionExt what he is
	// told for that, and Tokens how he proves himself, the newest first.
	Connected     bool              `json:"connected,omitzero"`
	ConnectionExt ext.Value         `json:"connectionExt,omitzero"`
	Tokens        []connectionToken `json:"tokens,omitzero"`

	entity.Unknown
}

// leaver is a player who left before the end.
type leaver struct {
	PlayerID   pragma.PlayerID `json:"playerId"`
	PartyID    pragma.PartyID  `json:"partyId,omitzero"`
	TeamNumber int64           `json:"teamNumber,omitzero"`
	RemoveExt  ext.Value       `json:"removeExt,omitzero"` // ExtBackendRemovePlayer
}

func (r *roster) find(id pragma.PlayerID) *member {
	for i := range r.Players {
		if r.Players[i].PlayerID == id {
			return &r.Players[i]
		}
	}
	return nil
}

// joined adds a player.
func (r *roster) joined(m member) {
	r.Left = slices.DeleteFunc(r.Left, func(l leaver) bool { return l.PlayerID == m.PlayerID })
	r.Players = append(r.Players, m)
}

// maxLeavers bounds the memory of a game that goes on for ever.
const maxLeavers = 1024

// left notes that a player has left. The first ones are forgotten when there are
// very many.
func (r *roster) left(l leaver) {
	if n := len(r.Left) - maxLeavers + 1; n > 0 {
		r.Left = slices.Delete(r.Left, 0, n)
	}
	r.Left = append(r.Left, l)
}

// removeBytes is how large the exts of those who left are.
func (r *roster) removeBytes() int {
	sum := 0
	for i := range r.Left {
		sum += r.Left[i].RemoveExt.Len()
	}
	return sum
}

// knows reports whether a player is, or was, in the instance.
func (r *roster) knows(id pragma.PlayerID) bool {
	return r.find(id) != nil || slices.ContainsFunc(r.Left, func(l leaver) bool { return l.PlayerID == id })
}

// unlink forgets what only the server that is gone was concerned with.
func (r *roster) unlink() {
	r.Start = ext.Value{}
	for i := range r.Players {
		m := &r.Players[i]
		m.Told, m.ServerExt, m.ConnectBy = false, ext.Value{}, time.Time{}
		m.Connected, m.ConnectionExt, m.Tokens = false, ext.Value{}, nil
	}
}

// moreBy returns when the first player who came later must be connected.
func (r *roster) moreBy() time.Time {
	var first time.Time
	for i := range r.Players {
		if t := r.Players[i].ConnectBy; !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// index is the record of which entries the data stores have and who sees them.
// It does not change when data changes.
type index struct {
	Stores map[string]map[string]PlayerSync `json:"stores,omitzero"` // by owner and key
}

func (x *index) of(owner pragma.PlayerID) map[string]PlayerSync { return x.Stores[ownerName(owner)] }

// put notes an entry; sync nil: that it is gone.
func (x *index) put(owner pragma.PlayerID, key string, sync *PlayerSync) {
	name := ownerName(owner)
	if sync == nil {
		delete(x.Stores[name], key)
		if len(x.Stores[name]) == 0 {
			delete(x.Stores, name)
		}
		return
	}
	if x.Stores == nil {
		x.Stores = make(map[string]map[string]PlayerSync)
	}
	if x.Stores[name] == nil {
		x.Stores[name] = make(map[string]PlayerSync)
	}
	x.Stores[name][key] = *sync
}

// ownerName is how a data store is called in records.
func ownerName(owner pragma.PlayerID) string {
	if owner.IsZero() {
		return "i"
	}
	return owner.String()
}

// maxPlainKey is the longest key, in bytes, that is part of its record's id: ids
// have at most 128.
const maxPlainKey = 48

// entryID is the id of an entry's record. Different entries have different ids:
// what cannot stand in an id as it is has its hash there, behind another sign.
func entryID(instance pragma.GameInstanceID, owner pragma.PlayerID, key string) string {
	prefix := instance.String() + "/" + ownerName(owner)
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(key) <= maxPlainKey && !strings.ContainsFunc(key, unprintable) {
		return prefix + "/" + key
	}
	sum := sha256.Sum256([]byte(key))
	return prefix + "#" + base64.RawURLEncoding.EncodeToString(sum[:])
}
