// Package pragmatest runs a whole server with its clients in memory and in
// virtual time.
//
//	func TestPartyExpires(t *testing.T) {
//		build := func() *pragma.Server { return &pragma.Server{Game: services()} }
//		pragmatest.Run(t, build, func(w *pragmatest.World) {
//			robin := w.LogIn("robin")
//			…
//			time.Sleep(24 * time.Hour) // passes at once
//		})
//	}
//
// [Run] puts everything into a testing/synctest bubble: real gateways, real
// frames, real HTTP, but over pipes instead of TCP, and with a clock that moves
// only when everybody waits. A test fails if a goroutine is left behind.
// [World.Restart] and [World.Kill] end the server and start it again on the same
// store. [World.LogIn] and [World.GameServer] connect real clients; [World.Raw]
// opens a bare socket for tests of the wire itself, and [World.Peer] one for
// tests of what a player is told.
//
// Real sockets, disks and databases are tested outside.
package pragmatest
