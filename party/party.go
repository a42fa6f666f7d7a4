package party

import (
	"maps"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Party is a party as a plugin sees it: a working copy inside a hook, valid
// until the hook returns. Changes are told to the members. A Party is not safe
// for concurrent use.
type Party struct {
	st     *state
	cfg    *Config
	now    time.Time
	frozen bool // for hooks that must not change anything
}

// NewParty returns a party outside any server, for tests of plugins. The first
// player is its leader if no other is.
func NewParty(id pragma.PartyID, players ...*Player) *Party {
	cfg := DefaultConfig(pragma.Development)
	now := time.Now()
	st := &state{ID: id, Version: 1, MaxPlayerCount: cfg.MaxPlayersPerParty, CreatedAt: now, LastAccess: now}
	for _, p := range players {
		st.Members = append(st.Members, p.m)
	}
	st.succeed(func(int) int { return 0 })
	return &Party{st: st, cfg: &cfg, now: now}
}

// edit returns the state to change.
func (p *Party) edit() *state {
	if p.frozen {
		panic("party: a Build hook must not change the party")
	}
	return p.st
}

// ID returns the party's id.
func (p *Party) ID() pragma.PartyID { return p.st.ID }

// Version returns the version before this change; the first is 1.
func (p *Party) Version() int64 { return p.st.Version }

// InviteCode returns the code by which players join. It never changes.
func (p *Party) InviteCode() string { return p.st.InviteCode }

// InMatchmaking reports whether the party is in a queue.
func (p *Party) InMatchmaking() bool { return p.st.queued() }

// CreatedAt returns when the party was created.
func (p *Party) CreatedAt() time.Time { return p.st.CreatedAt }

// LastAccess returns when a player or the backend last touched the party before
// this change; from then on it is counted when it expires.
func (p *Party) LastAccess() time.Time { return p.st.LastAccess }

// GameServerVersion returns the version that fits all members, as of the last
// join or leave. It is empty when versions are not in use, and false when no
// version fits.
func (p *Party) GameServerVersion() (string, bool) {
	return p.st.GameServerVersion, !p.st.NoCommonVersion
}

// OverrideGameServerVersion returns the version that is used unchecked, if any.
func (p *Party) OverrideGameServerVersion() string { return p.st.OverrideGameServerVersion }

// SetOverrideGameServerVersion has a version used unchecked; empty: no longer.
func (p *Party) SetOverrideGameServerVersion(version string) {
	p.edit().OverrideGameServerVersion = version
}

// PreferredGameServerZones returns the zones the party can play in.
func (p *Party) PreferredGameServerZones() []string {
	return slices.Clone(p.st.PreferredGameServerZones)
}

// SetPreferredGameServerZones replaces the zones.
func (p *Party) SetPreferredGameServerZones(zones []string) {
	p.edit().PreferredGameServerZones = slices.Clone(zones)
}

// MaxPlayerCount returns how many players fit, and whether that counts.
func (p *Party) MaxPlayerCount() (n int, limited bool) {
	return p.st.MaxPlayerCount, !p.st.DisableMaxPlayerCount
}

// SetMaxPlayerCount sets the limit of this party, at least 1; whoever is in
// already stays. limited false lifts it.
func (p *Party) SetMaxPlayerCount(n int, limited bool) {
	st := p.edit()
	st.MaxPlayerCount, st.DisableMaxPlayerCount = max(n, 1), !limited
}

// Ext returns the studio's data of the party. It stays on the server.
func (p *Party) Ext() ext.Value { return p.st.Ext }

// SetExt replaces the studio's data of the party.
func (p *Party) SetExt(v ext.Value) { p.edit().Ext = v }

// Players returns the members in the order of joining.
func (p *Party) Players() []*Player {
	all := make([]*Player, len(p.st.Members))
	for i, m := range p.st.Members {
		all[i] = &Player{m, p.frozen}
	}
	return all
}

// Player returns a member, or nil.
func (p *Party) Player(id pragma.PlayerID) *Player {
	if m := p.st.find(id); m != nil {
		return &Player{m, p.frozen}
	}
	return nil
}

// PlayerCount returns how many members there are.
func (p *Party) PlayerCount() int { return len(p.st.Members) }

// SetLeader makes a member leader, or no longer. If nobody is left to lead, the
// engine chooses one at random. It returns [ErrPlayerNotFound] for others.
func (p *Party) SetLeader(id pragma.PlayerID, leader bool) error {
	m := p.edit().find(id)
	if m == nil {
		return ErrPlayerNotFound
	}
	m.Leader = leader
	return nil
}

// Invites returns the open invites, the oldest first.
func (p *Party) Invites() []Invite { return slices.Clone(p.st.Invites) }

// InvitesAllowed reports what [Party.AllowInvites] said.
func (p *Party) InvitesAllowed() bool { return !p.st.InvitesRefused }

// AllowInvites says whether players may be invited and may join by code; they
// may unless a plugin forbids it. Open invites stay valid.
func (p *Party) AllowInvites(allow bool) { p.edit().InvitesRefused = !allow }

// SendInvite invites a player. The errors are [ErrNotInParty] for an inviter who
// is no member, [ErrAlreadyInParty], [ErrInviteNotFound] when invites are not
// allowed, [ErrRepeatInviteTooSoon] and [ErrTooManyInvites].
func (p *Party) SendInvite(inviter, invitee pragma.PlayerID) (pragma.InviteID, error) {
	st := p.edit()
	from := st.find(inviter)
	if from == nil {
		return pragma.InviteID{}, ErrNotInParty
	}
	inv := Invite{
		InviteID:        pragma.NewID[pragma.InviteID](),
		InviterPlayerID: inviter,
		InviterName:     from.DisplayName,
		InviteePlayerID: invitee,
	}
	return inv.InviteID, st.send(inv, p.now, p.cfg)
}

// CancelInvite takes an open invite back, whoever sent it, or returns
// [ErrInviteNotFound].
func (p *Party) CancelInvite(id pragma.InviteID) error {
	if !p.edit().end(id, inviteCanceled) {
		return ErrInviteNotFound
	}
	return nil
}

// Snapshot returns the party as plain data.
func (p *Party) Snapshot() ReadOnlyParty { return p.st.readOnly() }

// ReadOnlyParty is a copy of a party for reading (engine §3.2).
type ReadOnlyParty struct {
	PartyID                   pragma.PartyID
	Version                   int64
	InviteCode                string
	MaxPlayerCount            int
	DisableMaxPlayerCount     bool
	GameServerVersion         string
	NoCommonVersion           bool // no game server version fits all members
	OverrideGameServerVersion string
	PreferredGameServerZones  []string
	InvitesAllowed            bool
	InMatchmaking             bool
	Players                   []PlayerInfo // in the order of joining
	Invites                   []Invite
	Ext                       ext.Value
	CreatedAt, LastAccess     time.Time
}

// Player returns a member, or nil.
func (p *ReadOnlyParty) Player(id pragma.PlayerID) *PlayerInfo {
	for i := range p.Players {
		if p.Players[i].PlayerID == id {
			return &p.Players[i]
		}
	}
	return nil
}

func (st *state) readOnly() ReadOnlyParty {
	c := st.clone()
	r := ReadOnlyParty{
		PartyID: c.ID, Version: c.Version, InviteCode: c.InviteCode,
		MaxPlayerCount: c.MaxPlayerCount, DisableMaxPlayerCount: c.DisableMaxPlayerCount,
		GameServerVersion: c.GameServerVersion, NoCommonVersion: c.NoCommonVersion,
		OverrideGameServerVersion: c.OverrideGameServerVersion, PreferredGameServerZones: c.PreferredGameServerZones,
		InvitesAllowed: !c.InvitesRefused, InMatchmaking: c.queued(),
		Invites: c.Invites, Ext: c.Ext, CreatedAt: c.CreatedAt, LastAccess: c.LastAccess,
	}
	for _, m := range c.Members {
		r.Players = append(r.Players, *m)
	}
	return r
}

// Player is a member of a party as a plugin sees it; see [Party].
type Player struct {
	m      *PlayerInfo
	frozen bool
}

// NewPlayer returns a player outside any server, for tests of plugins.
func NewPlayer(info PlayerInfo) *Player { return &Player{m: info.clone()} }

func (p *Player) edit() *PlayerInfo {
	if p.frozen {
		panic("party: a Build hook must not change a player")
	}
	return p.m
}

// ID returns the player's id.
func (p *Player) ID() pragma.PlayerID { return p.m.PlayerID }

// SocialID returns the id of the human behind the player.
func (p *Player) SocialID() pragma.SocialID { return p.m.SocialID }

// DisplayName returns the name the player had when he joined.
func (p *Player) DisplayName() pragma.DisplayName { return p.m.DisplayName }

// GameClientVersion returns what the player's client says it is.
func (p *Player) GameClientVersion() string { return p.m.GameClientVersion }

// GameServerZoneToPing returns the pings the client measured, in milliseconds.
func (p *Player) GameServerZoneToPing() map[string]int { return maps.Clone(p.m.GameServerZoneToPing) }

// IsLeader reports whether the player leads the party; there may be several.
func (p *Player) IsLeader() bool { return p.m.Leader }

// IsReady reports whether the player is ready to play.
func (p *Player) IsReady() bool { return p.m.Ready }

// SetReady sets whether the player is ready. The engine does so only when the
// player asks.
func (p *Player) SetReady(ready bool) { p.edit().Ready = ready }

// Inventory returns what the player owned when he joined or came back from a
// game, as far as the configuration includes it.
func (p *Player) Inventory() []Item { return slices.Clone(p.m.Inventory) }

// Ext returns the studio's data of the player. It stays on the server.
func (p *Player) Ext() ext.Value { return p.m.Ext }

// SetExt replaces the studio's data of the player.
func (p *Player) SetExt(v ext.Value) { p.edit().Ext = v }
