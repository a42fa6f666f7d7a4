// Package cluster carries messages between the nodes of one backend.
//
// A [Bus] has two ways to talk. Publish tells every subscriber of a subject
// and expects nothing. Request asks one of the servers of a subject and waits
// for its answer. Both are at most once: a message may be lost when a node or
// the network fails, and the bus never keeps one for later. So nothing may be
// true because of a message. The store decides; a message only says that it is
// worth looking, and a node that missed it must find out in another way.
//
// # Driver in one process
//
// [NewLocal] is the bus of a server that runs alone, and [Hub] joins several
// nodes of one process, for tests. Both call the handlers in the goroutine of
// the publisher, one after the other, before Publish returns. This was chosen
// over a queue per subscriber because the order is then plain, nothing is
// dropped under load, a slow handler slows its cause and nobody else, and no
// goroutine is left to be stopped. The price are two rules for handlers, which
// are good for every driver:
//
//   - Return quickly. Hand long work to a queue with a bound.
//   - Never publish while holding a lock that a handler may take.
//
// A handler may publish, request, subscribe and close subscriptions. One that
// publishes to its own subject calls itself, and must know when to stop.
//
// # Faults
//
// [Faulty] wraps a bus and loses, doubles, delays and reorders what is sent
// through it, from a seed: a test that passes on it relies on no message.
// Package clustertest has the suite that every driver passes.
package cluster
