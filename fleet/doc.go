// Package fleet hands games to servers that ask for work.
//
// A game server that polls reports, every second or so, how many games it can run
// and how many it does (engine §8, wire §7.6). The answer names the games it is to
// start, if there are any. Servers may be on a studio's own machines, started by
// hand, by a script or by a hoster; nobody has to know their addresses. A [Plugin]
// may start more of them when games wait.
//
//	games := &gameinstance.Service{Plugin: arena{}, Parties: parties}
//	servers := &fleet.Service{Games: games}
//	games.Provider = servers
//	// … Game: []pragma.Service{parties, games, servers, queue}
//
// # The life of a request
//
// A game instance asks for a server. The plugin selects a pool, and a record says
// that the game waits. The next server that reports room for it gets it, the
// oldest game first; the same commit deletes that record, so a game is handed out
// once, whichever node a server reports to and whatever fails in between. A game
// that has ended, or whose time to get a server is over, is not handed out. The
// server then links the game as any server does. If it does not, because it died
// or the answer was lost, the allocation times out as usual
// (gameServerAllocationTimeoutMillis): the game is not given to another server.
//
// FleetRpc.ReportCapacityV1 names a pool: its servers get games of that pool, and
// those of the pool with the empty id. MatchCapacityRpc.ReportCapacityV2, the older
// call, names version and zone: its servers get games that ask for exactly these
// or for none, and the version may have something more behind a dot (wire §16.10).
// So with [Defaults] every server that polls gets games that name no version.
//
// # The life of a server
//
// A server is known by the id it reports. One that nobody has heard of is logged
// and tracked. It counts as gone when missedHeartbeatsAllowed reports did not come,
// or half as many more, and is forgotten an hour later. A server is never given
// more games than it says it has room for; a game that it was given and does not
// count yet takes room until the game is linked or no longer waits.
//
// When games wait for which servers have no room, [Plugin.Add] is asked for more,
// within minCapacity and maxCapacity of the pool's [ManagementPolicy] and once for
// each server id, after the commit that wrote the ids down. A server that does not
// report within maxServerStartTimeMillis is given up, and its tokens are revoked;
// those of one that is gone are revoked an hour later. Nodes that compare at the
// same moment agree through the store: never more than maxCapacity are started, but
// one too many for the games there are may be when a game is taken meanwhile. A pool
// that servers were started for, or that serverPoolIds names, has its minCapacity from
// the start of the backend on.
//
// # Who may report
//
// An operator's partner token may report as any server, and act on any game. A
// token made for an allocation may report only as the server the fleet has started
// with it, and acts on the games that this server was given or has made itself
// (engine §6.5). Tokens that a provider made for one single game may not report.
package fleet
