package party

import (
	"maps"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// maxText is the greatest length of versions and zones (engine §0.4).
const maxText = 64

// state is a party as it is stored, and its rules. It does no I/O: what follows
// from a change outside the party, the service does.
type state struct {
	ID                        pragma.PartyID `json:"partyId"`
	Version                   int64          `json:"version"`
	InviteCode                string         `json:"inviteCode"`
	MaxPlayerCount            int            `json:"maxPlayerCount"`
	DisableMaxPlayerCount     bool           `json:"disableMaxPlayerCount,omitzero"`
	GameServerVersion         string         `json:"gameServerVersion,omitzero"`
	NoCommonVersion           bool           `json:"noCommonVersion,omitzero"`
	OverrideGameServerVersion string         `json:"overrideGameServerVersion,omitzero"`
	PreferredGameServerZones  []string       `json:"preferredGameServerZones,omitzero"`
	InvitesRefused            bool           `json:"invitesRefused,omitzero"`
	// Ticket is the queue entry; set while the party is in matchmaking.
	Ticket  pragma.TicketID   `json:"ticketId,omitzero"`
	Members []*PlayerInfo     `json:"members"` // in the order of joining
	Invites []Invite          `json:"invites,omitzero"`
	Sent    []sentInvite      `json:"sentInvites,omitzero"`
	Kicked  []pragma.PlayerID `json:"kicked,omitzero"`
	Ext     ext.Value         `json:"ext,omitzero"`
	// Attached is what services attach, by their names. The map never changes.
	Attached map[string]ext.Value `json:"attached,omitzero"`

	CreatedAt  time.Time `json:"createdAt"`
	LastAccess time.Time `json:"lastAccess"`

	// events is what this change did to invites, in order.
	events []inviteEvent
}

// PlayerInfo is a member of a party as it is stored: plain data.
type PlayerInfo struct {
	PlayerID             pragma.PlayerID    `json:"playerId"`
	SocialID             pragma.SocialID    `json:"socialId"`
	DisplayName          pragma.DisplayName `json:"displayName"`
	GameClientVersion    string             `json:"gameClientVersion,omitzero"`
	GameServerZoneToPing map[string]int     `json:"gameServerZoneToPing,omitzero"` // milliseconds
	Leader               bool               `json:"leader,omitzero"`
	Ready                bool               `json:"ready,omitzero"`
	Inventory            []Item             `json:"inventory,omitzero"`
	Ext                  ext.Value          `json:"ext,omitzero"`
}

// clone returns a copy that shares nothing that changes.
func (st *state) clone() *state {
	c := *st
	c.PreferredGameServerZones = slices.Clone(st.PreferredGameServerZones)
	c.Members = make([]*PlayerInfo, len(st.Members))
	for i, m := range st.Members {
		c.Members[i] = m.clone()
	}
	c.Invites, c.Sent = slices.Clone(st.Invites), slices.Clone(st.Sent)
	c.Kicked, c.events = slices.Clone(st.Kicked), slices.Clone(st.events)
	return &c
}

func (m *PlayerInfo) clone() *PlayerInfo {
	c := *m
	c.GameServerZoneToPing, c.Inventory = maps.Clone(m.GameServerZoneToPing), slices.Clone(m.Inventory)
	return &c
}

// find returns a member, or nil.
func (st *state) find(id pragma.PlayerID) *PlayerInfo {
	for _, m := range st.Members {
		if m.PlayerID == id {
			return m
		}
	}
	return nil
}

func (st *state) ids() []pragma.PlayerID {
	ids := make([]pragma.PlayerID, len(st.Members))
	for i, m := range st.Members {
		ids[i] = m.PlayerID
	}
	return ids
}

func (st *state) queued() bool { return !st.Ticket.IsZero() }

func (st *state) full() bool {
	return !st.DisableMaxPlayerCount && len(st.Members) >= st.MaxPlayerCount
}

// admit says whether a player may come in this way.
func (st *state) admit(id pragma.PlayerID, how JoinMethod) error {
	switch {
	case st.find(id) != nil:
		return ErrAlreadyInParty
	case st.queued():
		return ErrPlayerInMatchmaking
	case how == JoinInviteCode && st.InvitesRefused:
		return ErrInviteNotFound
	case (how == JoinInviteCode || how == JoinPartyID) && slices.Contains(st.Kicked, id):
		return ErrPlayerIsKicked
	case st.full():
		return ErrFull
	}
	return nil
}

// add makes a player a member; he is not ready. An invite or the backend takes
// the mark of a kick from him.
func (st *state) add(m *PlayerInfo, how JoinMethod) {
	if how == JoinInvite || how == JoinBackend {
		st.Kicked = without(st.Kicked, m.PlayerID)
	}
	st.Members = append(st.Members, m)
}

// remove takes a member out and returns him; nil if he is none.
func (st *state) remove(id pragma.PlayerID) *PlayerInfo {
	i := slices.IndexFunc(st.Members, func(m *PlayerInfo) bool { return m.PlayerID == id })
	if i < 0 {
		return nil
	}
	m := st.Members[i]
	st.Members = slices.Delete(st.Members, i, i+1)
	return m
}

// succeed sees that there is a leader: pick chooses one of n if there is none.
func (st *state) succeed(pick func(n int) int) {
	if len(st.Members) == 0 || slices.ContainsFunc(st.Members, func(m *PlayerInfo) bool { return m.Leader }) {
		return
	}
	st.Members[pick(len(st.Members))].Leader = true
}

// mayKick says whether by may kick whom.
func (st *state) mayKick(by *PlayerInfo, whom pragma.PlayerID) error {
	switch {
	case !by.Leader:
		return ErrPlayerNotLeader
	case by.PlayerID == whom:
		return ErrCanNotKickSelf
	case st.find(whom) == nil:
		return ErrPlayerNotFound
	}
	return nil
}

// ban marks a player as kicked.
func (st *state) ban(id pragma.PlayerID) {
	st.Kicked = append(without(st.Kicked, id), id)
}

// assignLeader makes another member leader, in place of by or beside him.
func (st *state) assignLeader(by *PlayerInfo, to pragma.PlayerID, transfer bool) error {
	next := st.find(to)
	switch {
	case !by.Leader:
		return ErrPlayerNotLeader
	case next == nil:
		return ErrNotInParty
	case next.Leader:
		return ErrPlayerIsLeader
	case st.queued():
		return ErrInvalidState
	}
	next.Leader = true
	by.Leader = !transfer
	return nil
}

// setZones sets the party's preferred zones.
func (st *state) setZones(by *PlayerInfo, zones []string) error {
	switch {
	case !by.Leader:
		return ErrPlayerNotLeader
	case st.queued():
		return ErrInvalidState
	}
	st.PreferredGameServerZones = slices.Clone(zones)
	return nil
}

// mayQueue says whether by may take the party into matchmaking, as far as the
// party knows.
func (st *state) mayQueue(by *PlayerInfo) error {
	switch {
	case !by.Leader:
		return ErrPlayerNotLeader
	case st.queued():
		return ErrPlayerInMatchmaking
	case slices.ContainsFunc(st.Members, func(m *PlayerInfo) bool { return !m.Ready }):
		return ErrPlayersNotReady
	}
	return nil
}

// due is when the party wants to be looked at: an invite ends, or the party is
// stale; zero if never. That it is stale is seen on the next multiple of grain, so
// that the timer need not be moved with every change.
func (st *state) due(staleAfter, grain time.Duration) time.Time {
	var due time.Time
	if staleAfter > 0 {
		due = st.LastAccess.Add(staleAfter + grain - 1).Truncate(grain)
	}
	for _, inv := range st.Invites {
		if !inv.ExpiresAt.IsZero() && (due.IsZero() || inv.ExpiresAt.Before(due)) {
			due = inv.ExpiresAt
		}
	}
	return due
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(list, func(e T) bool { return e == x })
}
