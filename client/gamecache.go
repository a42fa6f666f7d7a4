package client

import (
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// gameEntry is a game in the cache. The instance is changed in place until
// somebody got a pointer to it; then the next change goes into a copy.
type gameEntry struct {
	game   *GameInstance
	shared bool
	news   news
}

// news says whether there was a [GameJoined] for a game.
type news int

const (
	announced news = iota
	coming         // its notification is on the way
	missing        // it was, when the connection broke
)

func (e *gameEntry) share() *GameInstance {
	e.shared = true
	return e.game
}

func (e *gameEntry) change() *GameInstance {
	if e.shared {
		e.game, e.shared = e.game.clone(), false
	}
	return e.game
}

func (c *cache) gameEntry(id pragma.GameInstanceID) *gameEntry {
	for i := range c.games {
		if c.games[i].game.ID == id {
			return &c.games[i]
		}
	}
	return nil
}

// putGame takes a whole game, and reports whether the player was not in it before.
func (c *cache) putGame(w *wire.BroadcastGameInstance) (entry *gameEntry, joined bool) {
	next := gameOf(w)
	c.overGames.remove(next.ID)
	entry = c.gameEntry(next.ID)
	if entry == nil {
		c.games = append(c.games, gameEntry{game: next})
		return &c.games[len(c.games)-1], true
	}
	if c.gamesStale || next.Version > entry.game.Version {
		if next.Host == nil && next.Version == entry.game.Version {
			next.Host = entry.game.Host
		}
		*entry = gameEntry{game: next, news: entry.news}
	}
	return entry, false
}

// gameAnswered takes the game in the answer to CreateV1 or JoinGameInstanceV1.
// The event is left to AddedToGameV1Notification, which follows.
func (c *cache) gameAnswered(w *wire.BroadcastGameInstance) {
	if w == nil {
		return
	}
	if entry, joined := c.putGame(w); joined {
		entry.news = coming
	}
}

// addedToGame takes AddedToGameV1Notification.
func (c *cache) addedToGame(n *wire.GameInstanceAddedToGameV1Notification) {
	c.endedGames.remove(pragma.GameInstanceID(n.GameInstanceID))
	if n.GameInstance == nil { // a server of generation 94 or 339
		c.overGames.remove(pragma.GameInstanceID(n.GameInstanceID))
		c.needGames = true
		c.note(GameJoined{Game: &GameInstance{ID: pragma.GameInstanceID(n.GameInstanceID)}, Ext: n.Ext})
		return
	}
	entry, _ := c.putGame(n.GameInstance)
	entry.news = announced
	c.note(GameJoined{Game: entry.share(), Ext: n.Ext})
}

// gameUpdated takes GameInstanceUpdatedV1Notification (wire §16.3).
func (c *cache) gameUpdated(n *wire.GameInstanceUpdatedV1Notification) {
	id := pragma.GameInstanceID(n.GameInstanceID)
	entry := c.gameEntry(id)
	switch {
	case entry == nil:
		c.needGames = c.needGames || !c.overGames.has(id)
		return
	case entry.game.Version >= int64(n.Version):
		return
	case entry.game.Version < int64(n.PreviousVersion):
		c.needGames = true
		return
	}
	e := GameUpdated{
		GameInstanceID: id,
		Version:        int64(n.Version),
		Changed:        each(n.Changed, entryOf),
		Removed:        each(n.Removed, keyOf),
		PlayersAdded:   each(n.PlayersAdded, gamePlayerOf),
		PlayersRemoved: each(n.PlayersRemoved, func(id *wire.UUID) pragma.PlayerID { return pragma.PlayerID(*id) }),
	}
	g := entry.change()
	g.apply(&e)
	switch {
	case !n.HostConnectionDetailsPresent:
		g.Host = nil
	case n.HostConnectionDetails != nil:
		g.Host = hostOf(n.HostConnectionDetails)
	}
	c.note(e)
}

// apply changes g, which must not be shared.
func (g *GameInstance) apply(e *GameUpdated) {
	g.Version = e.Version
	for _, entry := range e.Changed {
		g.data[entry.DataKey] = entry.Data
	}
	for _, key := range e.Removed {
		delete(g.data, key)
	}
	for _, id := range e.PlayersRemoved {
		g.Players = slices.DeleteFunc(g.Players, func(p GamePlayer) bool { return p.PlayerID == id })
	}
	for _, added := range e.PlayersAdded {
		i := slices.IndexFunc(g.Players, func(p GamePlayer) bool { return p.PlayerID == added.PlayerID })
		if i >= 0 {
			g.Players[i] = added
		} else {
			g.Players = append(g.Players, added)
		}
	}
}

// hostDetails takes HostConnectionDetailsV1Notification, its twin after a
// reconnect, and the answer to GetHostConnectionDetailsV1.
func (c *cache) hostDetails(w *wire.HostConnectionDetails) *Host {
	host := hostOf(w)
	if host.GameInstanceID.IsZero() {
		return host // no server is ready
	}
	if entry := c.gameEntry(host.GameInstanceID); entry != nil {
		entry.change().Host = host
	}
	return host
}

// gameOver takes the end of a game, or of the player's part in it.
func (c *cache) gameOver(id wire.UUID) {
	c.dropGames(func(g pragma.GameInstanceID) bool { return g == pragma.GameInstanceID(id) })
	c.overGames.add(pragma.GameInstanceID(id))
}

func (c *cache) dropGames(gone func(pragma.GameInstanceID) bool) {
	c.games = slices.DeleteFunc(c.games, func(e gameEntry) bool {
		if gone(e.game.ID) {
			c.overGames.add(e.game.ID)
			return true
		}
		return false
	})
}

// gamesInitialized takes the answer to InitializeGameInstanceV1.
func (c *cache) gamesInitialized(r *wire.MultiplayerInitializeGameInstanceV1Response) {
	current := each(r.GameInstances, func(g *wire.BroadcastGameInstance) wire.UUID { return g.GameInstanceID })
	c.gamesSynced(&wire.MultiplayerSyncGameInstanceV1Response{
		CurrentGameInstanceIDs: current,
		GameInstances:          r.GameInstances,
	})
}

// gamesSynced takes the answer to SyncGameInstanceV1, which is the whole truth.
func (c *cache) gamesSynced(r *wire.MultiplayerSyncGameInstanceV1Response) {
	c.needGames = false
	c.dropGames(func(id pragma.GameInstanceID) bool {
		gone := !slices.Contains(r.CurrentGameInstanceIDs, wire.UUID(id))
		if gone {
			c.note(GameLost{id})
		}
		return gone
	})
	for i := range r.GameInstances {
		id := pragma.GameInstanceID(r.GameInstances[i].GameInstanceID)
		before := c.gameEntry(id)
		var old *GameInstance
		if before != nil {
			old = before.game
		}
		entry, joined := c.putGame(&r.GameInstances[i])
		switch {
		case joined:
			c.note(GameJoined{Game: entry.share()})
		case entry.game != old:
			c.note(GameUpdated{GameInstanceID: id, Version: entry.game.Version, Replaced: true})
		}
	}
	for i := range c.games {
		if entry := &c.games[i]; entry.news == missing {
			entry.news = announced
			c.note(GameJoined{Game: entry.share()})
		}
	}
	c.gamesStale = false
}

// known returns what SyncGameInstanceV1 is to be told.
func (c *cache) known() []wire.ClientGameInstance {
	out := make([]wire.ClientGameInstance, len(c.games))
	for i, e := range c.games {
		out[i] = wire.ClientGameInstance{
			GameInstanceID: wire.UUID(e.game.ID),
			ClientVersion:  wire.Int64(e.game.Version),
		}
	}
	return out
}
