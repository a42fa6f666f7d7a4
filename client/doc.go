// Package client connects game clients, game servers and operators to a backend.
//
// It is the Go SDK of the wire protocol: for games and game servers written in
// Go, for bots, tests and load tests. A game client is a [Player], a trusted
// server that runs games a [GameServer], administration an [Operator].
//
// # The life of a client
//
// [LogIn] reads /v1/info, waits in the log-in queue, exchanges [Credentials] for
// tokens, opens a socket to the social and one to the game backend, and asks for
// the party and the games the player is in. From then on heartbeats, token
// refreshes and reconnects happen by themselves (wire §2, §6). The client is over
// when it is closed or logged out, when the server ends the session (a later
// log-in elsewhere, an operator, expiry), when a token is refused, or when all
// connections were down for [Reconnect.GiveUp]. Then Done is closed and Err is an
// [EndError] with the reason.
//
// A [GameServer] lives in the same way with the partner tokens it was started
// with; it keeps up with the games it has linked, also across a crash of the
// backend. An [Operator] has no connection: its calls go over HTTP.
//
// # State and events
//
// [Player.State] is what the player knows now: session, party, invites, games
// with the visible part of their data store. [Player.Wait] waits until it meets a
// condition. Within a connection the state never goes backwards: of each thing
// only higher versions count, and an answer and a notification count in the order
// in which the server sent them (wire §10, §16.3). A missing update of a game is
// noticed and the game synchronised. During a break the state stays as it was;
// after it everything is synchronised, and what the new connection says first
// replaces what was known, unless the server still has what was missed: then that
// follows as if there had been no break ([Connected] says so).
//
// Events say what happened. [On] calls handlers one after the other on one
// goroutine of the client; [Player.Subscribe] gives a queue to read from, which
// [Await] makes convenient in tests. Nobody who is slow stops the connection: the
// queues are bounded, the oldest event makes room, [EventsLost] tells, and the
// state is true in any case.
//
// # What is retried and what is not
//
// Connections are: a break leads to reconnecting with growing pauses. A clean
// close by the server does not, since it means the end of the session; only codes
// that say "not now" (1001, 1011 to 1014) count as a break. Refreshes and
// synchronisations are repeated too.
//
// Calls are not. A call is sent at most once, and its error says what became of it:
//
//   - a [pragma.Error] is the server's refusal: nothing was changed. Compare it
//     with [errors.Is] to the same variables as in the server.
//   - [ErrDisconnected], [ErrBusy] and [ErrClosed] alone mean that it was not sent, or
//     that the server says it never arrived.
//   - [ErrOutcomeUnknown] means that it was sent and no answer came in time. It may
//     have taken effect. Wait with [Player.WaitConnected], look at the state, decide.
//     After a short break the answer usually comes on the next connection.
//
// A log-in is tried once; repeating it is up to the caller.
//
// # Concurrency
//
// All methods of all types may be called by several goroutines at once, except
// for a [Subscription], which belongs to one. Contexts bound a single call; when
// one ends, the connection stays. A client runs one goroutine for each
// connection, one more for each while it writes, and one for handlers if there are any.
// Close waits for all of them, so handlers must not call it.
//
// # Many clients in one process
//
// Give all of them the same [Options.HTTPClient], and leave out handlers that are
// not needed: events without a reader cost nothing.
package client
