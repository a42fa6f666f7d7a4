// Package friends keeps who is whose friend, and shows friends what they are doing.
//
// Players invite each other by name or by id, accept or decline, remove, block,
// and say whether strangers may invite them. Friends see each other's presence:
// online or away, and whatever the studio wants to show, its rich presence.
//
//	          invite                accept, or invite back
//	(nothing) -------> invited ------------------------------> friends
//	    ^                 |                                       |
//	    +-- cancel, decline, block ----------- remove, block -----+
//
// The service belongs on the Social backend. It asks the account service who
// somebody is:
//
//	accounts := &account.Service{}
//	social := []pragma.Service{accounts, &friends.Service{Accounts: accounts}}
//
// What a rich presence is, the studio says with a [PresencePlugin].
//
// # Guarantees
//
// A change of two lists is one commit. So whatever races, lists are symmetrical:
// a friend of mine has me as a friend, an invite I have sent is one that
// somebody has received, nobody is a friend and invited at once, and there is
// nothing between two of whom one blocks the other.
//
// Both are told of the change, the caller after his answer. The version of a list
// goes up by exactly one with each update its owner is told (wire §10). What
// updates do not show, the blocked accounts and whether invites are welcome,
// leaves the version alone. Within a node updates arrive in order; a client that
// finds a gap reads the list again.
//
// Whoever blocks, or wants no invites, is to others as one who does not exist:
// they hear InviteeNotFound.
//
// # Presence
//
// There is none before the first SetPresenceV1 of a session, and none after the
// session has ended: by log-out, or after the grace time of a broken connection
// (engine §13). It is kept in the store, with the session that set it, and is
// removed by whatever comes first: the end of that session, or a socket of a
// later one. So it is right after a restart of the server, on every node, and
// for a player who comes back within the grace time. Its version belongs to the
// account and goes up with every change, over sessions and restarts.
//
// An account has one presence, since it has one session. Friends that go offline
// are told twice, with the same version: a FriendUpdateV1 with Offline for
// clients of generation 94, and the PresenceRemoveV1 of later ones.
package friends
