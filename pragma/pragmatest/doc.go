// Package pragmatest runs a whole server with its clients in memory and in
// virtual time.
//
//	func TestPartyExpires(t *testing.T) {
//		pragmatest.Run(t, &pragma.Server{Game: services()}, func(w *pragmatest.World) {
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
// store.
//
// Real sockets, disks and databases are tested outside.
package pragmatest
