// Package pragma runs a game backend: gateways, sessions, calls, configuration.
//
// A backend is a [Server] literal with services in it:
//
//	srv := &pragma.Server{
//		Config: cfg,                        // from pragma.LoadConfig("common.yml")
//		Store:  sqlite.File("skirmish.db"), // nil keeps state in memory
//		Social: []pragma.Service{&account.Service{}},
//		Game:   []pragma.Service{parties, games, queue},
//	}
//	err := srv.Run(ctx)
//
// # Services
//
// Everything a backend can do is a [Service]: ours and a studio's own plug in
// through the same two methods. While it mounts, a service registers typed calls
// with [HandlePlayer], [HandlePartner] and [HandleOperator], notifications with
// [PlayerNotice] and [PartnerNotice], and its configuration with
// [ServiceConfig]. What it keeps belongs into entities (package entity): there a
// change is one conditional commit, and clients are told only after it.
//
// # Life of a server
//
// [Server.Run] reads the configuration, opens the store, mounts the services in
// order, runs their start functions, opens the gateways and serves until its
// context ends. Then it finishes the calls in flight, cuts the sockets so that
// clients reconnect, stops the background work and closes the store. All
// problems of a start are reported together.
//
// # Life of a call
//
// A frame is read, checked and routed by its type to the one handler that is
// registered for it on this gateway. Calls of one connection run one after the
// other, in the order in which they arrive; heartbeats do not wait for them. The
// answer leaves before any notification that the call causes for the same
// connection. An error becomes a serviceError: see [Error].
//
// # Life of a session
//
// A player has one live session per backend. A later log-in takes it over; a
// broken connection leaves it detached for a grace time, in which the same
// log-in may come back; log-out and a clean close end it. Services that care
// use [Mount.OnConnect] and [Mount.OnSessionEnd]. Sessions are durable: after a
// restart players come back as after a broken connection.
package pragma
