package gameinstance

import (
	"fmt"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Instance is a game instance as a plugin sees it: a working copy, valid until
// the hook returns. Players and data are read from the store when they are first
// asked for; should that fail, the hook sees nothing there and the whole request
// fails afterwards. The zero Instance is an empty one outside any server, for
// tests of plugins. An Instance is not safe for concurrent use.
type Instance struct {
	head    head   // as it was, with the changes of version and zone
	src     source // nil: nothing is stored
	loaded  bool   // players are read
	players []*GamePlayer
	data    DataStore

	known    map[pragma.PlayerID]PlayerToAdd // what the request says of players
	refusal  *pragma.Error                   // what AddPlayer returns; nil: ErrPlayerJoinFailed
	linking  bool                            // a server is there already: none is to be allocated
	removed  []removal
	allocate *ext.Value
	over     *ending
	err      error // the first failure to read

	startFailed            bool // players are told that the start failed
	dataBytes, dataEntries int
}

// source is what a working copy reads as it is needed.
type source interface {
	members() ([]member, error)
	index() (*index, error)
	entry(owner pragma.PlayerID, key string) (*entry, error) // nil: there is none
	// admit checks that a player may join and completes what is known of him.
	admit(p PlayerToAdd, refusal *pragma.Error) (PlayerToAdd, error)
}

// removal is a player who leaves the instance with this commit.
type removal struct {
	player     *GamePlayer
	ext        ext.Value
	terminated bool // he is told that the game is over, not that he was removed
}

// ending says how an instance is over.
type ending struct {
	terminated bool
	exts       map[pragma.PlayerID]ext.Value // who is told of the end, and what
}

// New returns an instance with players outside any server, for tests of plugins.
func New(id pragma.GameInstanceID, players ...PlayerToAdd) *Instance {
	now := time.Now()
	i := &Instance{head: head{ID: id, Version: 1, State: StateCreated, CreatedAt: now, LastAccess: now}}
	for _, p := range players {
		_, _ = i.AddPlayer(p) // a second one with the same id is left out
	}
	return i
}

// ID returns the instance's id.
func (i *Instance) ID() pragma.GameInstanceID { return i.head.ID }

// Version returns the version before this change; the first is 1.
func (i *Instance) Version() int64 { return i.head.Version }

// State returns how far the instance is.
func (i *Instance) State() State { return i.head.State }

// CreatedAt returns when the instance was created.
func (i *Instance) CreatedAt() time.Time { return i.head.CreatedAt }

// LastAccess returns when the instance was last used, to about a minute.
func (i *Instance) LastAccess() time.Time { return i.head.LastAccess }

// IsInMatchmaking reports whether the instance waits for more players.
func (i *Instance) IsInMatchmaking() bool { return i.head.InMatchmaking }

// Hostname returns where players reach the game server; empty while none is ready.
func (i *Instance) Hostname() string {
	if i.head.Host == nil {
		return ""
	}
	return i.head.Host.Hostname
}

// Port returns the port to [Instance.Hostname]; 0 while no server is ready.
func (i *Instance) Port() int {
	if i.head.Host == nil {
		return 0
	}
	return int(i.head.Host.Port)
}

// GameServerVersion returns the version of server the game needs; empty: any.
func (i *Instance) GameServerVersion() string { return i.head.GameServerVersion }

// GameServerZone returns where the server should run; empty: anywhere.
func (i *Instance) GameServerZone() string { return i.head.GameServerZone }

// SetGameServerVersion changes what version of server the game needs. It has no
// effect once a server was asked for.
func (i *Instance) SetGameServerVersion(version string) {
	if i.head.Allocation == nil && i.allocate == nil && i.over == nil {
		i.head.GameServerVersion = version
	}
}

// SetGameServerZone changes where the server should run. It has no effect once a
// server was asked for.
func (i *Instance) SetGameServerZone(zone string) {
	if i.head.Allocation == nil && i.allocate == nil && i.over == nil {
		i.head.GameServerZone = zone
	}
}

// Data returns the instance's own data store.
func (i *Instance) Data() *DataStore {
	i.data.inst = i
	return &i.data
}

// Players returns the players in the order of joining.
func (i *Instance) Players() []*GamePlayer { return slices.Clone(i.present()) }

// PlayerCount returns how many players there are.
func (i *Instance) PlayerCount() int { return len(i.present()) }

// Player returns a player, or nil.
func (i *Instance) Player(id pragma.PlayerID) *GamePlayer {
	for _, p := range i.present() {
		if p.m.PlayerID == id {
			return p
		}
	}
	return nil
}

// Parties returns the players by party, in the order in which the parties'
// first players joined. Players without a party are not in it.
func (i *Instance) Parties() []GameParty {
	var parties []GameParty
	for _, p := range i.present() {
		if p.m.PartyID.IsZero() {
			continue
		}
		at := slices.IndexFunc(parties, func(g GameParty) bool { return g.PartyID == p.m.PartyID })
		if at < 0 {
			at = len(parties)
			parties = append(parties, GameParty{PartyID: p.m.PartyID})
		}
		parties[at].Players = append(parties[at].Players, p)
	}
	return parties
}

// GameParty is the players of one party in an instance.
type GameParty struct {
	PartyID pragma.PartyID
	Players []*GamePlayer
}

// AddPlayer adds a player. It refuses one who is in a game already, unless
// several are allowed, or in matchmaking, with [ErrPlayerJoinFailed], or
// [ErrCreateFailed] while a player creates the instance.
func (i *Instance) AddPlayer(p PlayerToAdd) (*GamePlayer, error) {
	refusal := i.refusal
	if refusal == nil {
		refusal = ErrPlayerJoinFailed
	}
	switch {
	case i.over != nil:
		return nil, refusal.With("the game instance is over")
	case p.PlayerID.IsZero():
		return nil, refusal.With("a player to add has no id")
	case i.Player(p.PlayerID) != nil:
		return nil, refusal.With("the player is in the game instance already")
	case i.wasHere(p.PlayerID):
		return nil, refusal.With("the player has just been removed")
	}
	p = complete(p, i.known[p.PlayerID])
	if i.src != nil {
		var err error
		if p, err = i.src.admit(p, refusal); err != nil {
			return nil, err
		}
	}
	g := &GamePlayer{
		inst: i, added: true, team: p.TeamNumber,
		m: &member{
			PlayerID: p.PlayerID, SocialID: p.SocialID, DisplayName: p.DisplayName,
			PartyID: p.PartyID, ClientVersion: p.ClientVersion,
		},
	}
	g.data = DataStore{inst: i, owner: p.PlayerID, fresh: true}
	i.players = append(i.present(), g)
	return g, nil
}

// complete fills in what a hook did not say of a player, from the request.
func complete(p, known PlayerToAdd) PlayerToAdd {
	if p.PartyID.IsZero() {
		p.PartyID = known.PartyID
	}
	if p.TeamNumber == 0 {
		p.TeamNumber = known.TeamNumber
	}
	if p.ClientVersion == "" {
		p.ClientVersion = known.ClientVersion
	}
	if p.SocialID.IsZero() {
		p.SocialID = known.SocialID
	}
	if p.DisplayName == (pragma.DisplayName{}) {
		p.DisplayName = known.DisplayName
	}
	return p
}

func (i *Instance) addAll(players []PlayerToAdd) error {
	for _, p := range players {
		if _, err := i.AddPlayer(p); err != nil {
			return err
		}
	}
	return nil
}

// RemovePlayer removes a player and his data, and tells him v
// (ExtRemovedFromGame). He returns to his party. It returns
// [ErrPlayerNotInGameInstance] for others.
func (i *Instance) RemovePlayer(id pragma.PlayerID, v ext.Value) error {
	return i.remove(id, removal{ext: v})
}

func (i *Instance) remove(id pragma.PlayerID, r removal) error {
	if i.over != nil {
		return nil
	}
	at := slices.IndexFunc(i.present(), func(p *GamePlayer) bool { return p.m.PlayerID == id })
	if at < 0 {
		return ErrPlayerNotInGameInstance
	}
	r.player = i.players[at]
	i.players = slices.Delete(i.players, at, at+1)
	i.forget(r.player)
	if !r.player.added {
		i.removed = append(i.removed, r)
	}
	return nil
}

// forget deletes a player's data.
func (i *Instance) forget(p *GamePlayer) {
	for _, key := range p.data.Keys() {
		p.data.Delete(key)
	}
}

// wasHere reports whether a player was removed in this working copy.
func (i *Instance) wasHere(id pragma.PlayerID) bool {
	return slices.ContainsFunc(i.removed, func(r removal) bool { return r.player.m.PlayerID == id })
}

// AllocateGameServer asks for a game server; v is for the provider. It has no
// effect on an instance that has one or has asked for one.
func (i *Instance) AllocateGameServer(v ext.Value) {
	if i.over == nil && i.allocate == nil && i.head.Allocation == nil && i.head.Server.IsZero() && !i.linking {
		i.allocate = &v
	}
}

// Allocating returns what the hook asked the provider for, and whether it did.
func (i *Instance) Allocating() (ext.Value, bool) {
	if i.allocate == nil {
		return ext.Value{}, false
	}
	return *i.allocate, true
}

// Ending returns what players are told of the end, and whether the hook has
// ended the instance.
func (i *Instance) Ending() (map[pragma.PlayerID]ext.Value, bool) {
	if i.over == nil || i.over.terminated {
		return nil, false
	}
	return i.over.exts, true
}

// Terminating reports whether the hook has terminated the instance.
func (i *Instance) Terminating() bool { return i.over != nil && i.over.terminated }

// End ends the instance. The players in exts are told what it holds for them;
// all players leave and return to their parties. Those who are not in exts are not
// told that the game is over, only that their session has changed, so name every
// player whose client shall know. Whatever the hook does to the instance
// afterwards has no effect.
func (i *Instance) End(exts map[pragma.PlayerID]ext.Value) {
	if i.over == nil {
		i.over = &ending{exts: exts}
	}
}

func (i *Instance) endForAll() {
	exts := make(map[pragma.PlayerID]ext.Value)
	for _, p := range i.present() {
		exts[p.m.PlayerID] = ext.Value{}
	}
	i.End(exts)
}

// Terminate breaks the instance off, for games that went wrong: every player is
// told, and returns to his party. Whatever the hook does to the instance
// afterwards has no effect.
func (i *Instance) Terminate() {
	if i.over == nil {
		i.over = &ending{terminated: true}
	}
}

// present reads the players when it is first called.
func (i *Instance) present() []*GamePlayer {
	if i.loaded || i.src == nil {
		return i.players
	}
	i.loaded = true
	members, err := i.src.members()
	if err != nil {
		i.fail(err)
		return nil
	}
	all := make([]GamePlayer, len(members))
	i.players = make([]*GamePlayer, len(members))
	for n := range members {
		m := &members[n]
		all[n] = GamePlayer{inst: i, m: m, team: m.TeamNumber}
		all[n].data = DataStore{inst: i, owner: m.PlayerID}
		i.players[n] = &all[n]
	}
	return i.players
}

func (i *Instance) fail(err error) {
	if i.err == nil {
		i.err = fmt.Errorf("read game instance %s: %w", i.head.ID, err)
	}
}

// GamePlayer is a player of an [Instance].
type GamePlayer struct {
	inst  *Instance
	m     *member // shared, not to be changed
	team  int64
	added bool // with this commit
	data  DataStore
}

// ID returns the player's id.
func (p *GamePlayer) ID() pragma.PlayerID { return p.m.PlayerID }

// SocialID returns the human behind the player, zero if the backend was not told.
func (p *GamePlayer) SocialID() pragma.SocialID { return p.m.SocialID }

// DisplayName returns the player's name, empty if the backend was not told.
func (p *GamePlayer) DisplayName() pragma.DisplayName { return p.m.DisplayName }

// PartyID returns the party to which the player returns, zero if none.
func (p *GamePlayer) PartyID() pragma.PartyID { return p.m.PartyID }

// ClientVersion returns the version of the player's client, as the client said.
func (p *GamePlayer) ClientVersion() string { return p.m.ClientVersion }

// TeamNumber returns the player's team.
func (p *GamePlayer) TeamNumber() int64 { return p.team }

// SetTeamNumber moves the player to another team. He gets what that team may see,
// and loses what only his former one may.
func (p *GamePlayer) SetTeamNumber(n int64) {
	if p.inst.over == nil {
		p.team = n
	}
}

// Data returns the player's own data store. It is deleted when he is removed.
func (p *GamePlayer) Data() *DataStore { return &p.data }
