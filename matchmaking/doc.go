// Package matchmaking brings waiting parties together and starts their games.
//
// A party that enters matchmaking gets a ticket and waits in a queue. The
// party plugin's key and the game server version decide which one; parties of
// different queues never meet. What belongs together is said by a [Plugin]:
// embed [Defaults] and write the hooks that matter.
//
//	type duel struct{ matchmaking.Defaults }
//
//	func (duel) MatchParties(ctx context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
//		game := new(matchmaking.NewGameInstance)
//		game.AddParties(r.Anchor.Parties(), 0)
//		game.AddParties(r.Other.Parties(), 1)
//		return game, nil
//	}
//
//	queue := &matchmaking.Service{Plugin: duel{}, Parties: parties, Games: games}
//
// # The loop
//
// Each party begins as a [Matchable] of its own. A pass takes every matchable
// of a queue as the anchor, the oldest first, shows it every other one
// (MatchParties), then every waiting game (MatchPartiesWithGame), and then asks
// once more (EndOfLoop). A hook may return a game, move parties from one
// matchable to another, which lasts, or do nothing. A full pass starts
// matchmakingDelayMillis after the end of the one before it. Parties that enter
// in between are not made to wait for that: at once they meet the others as
// their others, and then all others as the anchor.
//
//	enters --ticket--> waiting --a hook returned a game--> game starts
//	                   ^  |  \                              |
//	   open, in party  |  |   +-- conflict, game refused <--+ (old entry time)
//	                   |  +-- left by a member
//	                   +----- a hook failed, queueTimeoutSeconds: MatchmakingFailure
//
// # Running games
//
// A running game waits for more players when its server or the studio's code
// says so, or from its start with [NewGameInstance.ContinueMatchmaking]. What a
// plugin sees of it, a [GameInstance], is what a gameinstance.MatchmakingPlugin
// has built; it changes in the commit that changes the game. A game that is new
// or has changed is shown to all who wait at once, as if it came with the next
// pass. A [GameInstanceUpdate] adds whole parties:
//
//	func (duel) MatchPartiesWithGame(ctx context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
//		if len(r.Game.Players)+r.Anchor.PlayerCount() > 8 {
//			return nil, nil
//		}
//		more := new(matchmaking.GameInstanceUpdate)
//		more.AddParties(r.Anchor.Parties(), 0)
//		return more, nil
//	}
//
// The game instance plugin's HandleBackendAddPlayersRequest adds the players, all
// of them, or refuses. Then the parties wait on with their old entry time, and
// that game and those parties are not brought together again for a second, and
// longer each time, unless the game changes. Until an update is committed the
// game is shown to nobody else.
//
// # Whole queues
//
// A matchmaker that wants to see all who wait, rather than two at a time, is a
// [PoolPlugin], in the field Pool of the service instead of Plugin. It says by
// what a party is to be found, and gets a [View] of the queue: all parties by age,
// number, text, zone and size, kept up to date between the calls. It returns
// proposals, which are the same games and updates; those that cannot be made are
// refused one by one. A pass is made at once when something is new, and
// matchmakingDelayMillis after each full pass. plugins/rules is one that needs no
// code.
//
// # Looking into queues
//
// Operators list queues and tickets, take a ticket out, get all that a queue has,
// and ask why a party waits: the PoolPlugin answers with its Explain hook; of a
// Plugin only facts are told. "pragma matchmaking" has commands for it. A queue
// without a server, for tests of a plugin step by step, is a [Sandbox]; package
// matchmaking/simulate lets hours pass in one and reports waiting times and the
// quality of games. docs/matchmaking.md shows how to tune rules with them.
//
// # Guarantees
//
// Tickets are durable: a restart of the server changes nothing for those who
// wait, except that every party is a matchable of its own again. A match is one
// commit for all its players: tickets, parties, places of players and the game.
// Whatever races with it, a ticket is matched at most once, and a party is never
// split. Players are added to a game only as the hook saw it: if it has changed
// since, the match is not made, and the hook sees the game again. So a game never
// gets more than the plugin allows. What a hook returns is checked first; a result that names somebody
// twice, a stranger, or a part of a party is logged and dropped.
//
// Every party that leaves a queue is told why, once: by AddedToGame, by the
// change of its session when one of its members left, or by MatchmakingFailure
// (wire §9).
//
// Queues do not wait for each other. A hook that panics, or that takes longer
// than pluginTimeoutMillis, costs its anchor the place in the queue and holds up
// nobody in other queues.
package matchmaking
