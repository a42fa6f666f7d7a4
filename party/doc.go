// Package party keeps groups of players together between games.
//
// A party is where the game flow begins: players create one or join one, choose
// what they want to play, get ready, and enter matchmaking together. When the
// game is over they are back in the same party. Somebody who plays alone is a
// party of one.
//
//	(none) --create--> open --all ready, a leader enters--> in matchmaking
//	   ^                ^ \                                   |   |
//	   |                |  last player gone: closed           |   | matched
//	   |                +------------ left or failed ---------+   v
//	   +-- idle too long ------------ game over <----------- in a game
//
// What a party is beyond that, the studio says with a [Plugin]: embed [Defaults]
// and write the hooks that matter.
//
//	type lobby struct{ party.Defaults }
//
//	func (lobby) UpdateParty(ctx context.Context, r *party.UpdatePartyRequest) error {
//		if !r.RequestingPlayer.IsLeader() {
//			return party.ErrPlayerNotLeader
//		}
//		r.Party.SetExt(r.RequestExt)
//		return nil
//	}
//
//	parties := &party.Service{Plugin: lobby{}}
//
// # Guarantees
//
// A player is in at most one party, whatever races: the party and the player's
// slot (package slot) change in one commit. Every accepted change raises the
// party's version by one, is durable before it is answered, and is told to the
// other members; the caller has the answer (wire §7.2). A party with members has
// a leader. Requests for one party are served one after the other.
//
// # Visibility
//
// What a plugin stores with [Party.SetExt] and [Player.SetExt] stays on the
// server. Players see exactly what three hooks return: BuildExtBroadcastParty and
// BuildExtBroadcastPlayer for all members, BuildExtPrivatePlayer for its player
// only (engine §3.2).
//
// # Members who are gone
//
// A member whose connection breaks keeps his place for the grace time of his
// session, 60 s by default, and nobody is told. Then, or at once when he logs out,
// his party leaves matchmaking and he leaves his party, with [Disconnected]; the
// others see the party without him. During a game he stays, and leaves when it is
// over unless he is back (engine §1.1). Package docs/flows has the conversation.
//
// # From a studio's own services
//
// [API] is what they need of parties: read, update, close, add and remove players.
//
// # Game server versions
//
// With [Config.GameServerVersionCompatibility], or a [CompatibilityPlugin], a party
// has the best game server version that the clients of all its members support. It
// is computed anew with every change of the party. A party without one can do
// everything but enter matchmaking.
//
// The map may change while the server runs, or while it does not. Parties whose
// version is then gone need not be touched: at the start and after each change all
// parties are looked at. Those that wait in matchmaking on such a version leave it
// with the failure GAME_SERVER_VERSION_NO_LONGER_COMPATIBLE, and are not matched
// any more even before that; the others get another version. Where none fits, the
// members are told. [Service.Stranded] says beforehand who that would be.
package party
