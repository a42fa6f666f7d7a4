// Package entity keeps durable things that change one step at a time: parties,
// players, and whatever a studio's own services are about.
//
// A [Kind] is one sort of entity with a state type; every entity of it is one
// record in the store, as JSON. A service registers its kinds while mounting and
// changes entities with [Kind.Update]:
//
//	type guild struct {
//		Name    string            `json:"name"`
//		Members []pragma.PlayerID `json:"members"`
//	}
//
//	guilds := entity.Of[guild](m, "guild", entity.Options[guild]{})
//
//	err := guilds.Update(ctx, id, func(tx *entity.Tx, g *guild) error {
//		if len(g.Members) >= 50 {
//			return errFull
//		}
//		g.Members = append(g.Members, player)
//		tx.NotifyPlayers(joined.Of(&Joined{player}), g.Members...)
//		return nil
//	})
//
// # The life of an update
//
// Wait until no other update of this entity runs in the process. Load the newest
// state. Give the function a private copy. Encode what it made of the copy, and
// of the copies of other entities that it asked tx for ([Kind.In], [Kind.New]).
// Commit everything that changed, on the condition that every entity it looked
// at still is as it was. If one is not, forget what was cached and begin again,
// at most four times. After the commit, do what was asked of tx, in order: send
// notifications, call what was left with [Tx.After]. Let the next update begin.
// An update that has something to send waits, before its commit, until what
// others send of the same entities is sent.
//
// # Guarantees
//
//   - When Update returns nil, the change is durable. When it returns an error,
//     nothing happened; only after [store.ErrUnknown] it may have.
//   - All entities of one update change together or not at all. None of the
//     states it was decided on was outdated, and that includes refusals and
//     entities that did not exist.
//   - Only the updated entity is locked, never two, so there are no deadlocks.
//     Where it matters for speed, update the entity that is asked for most.
//   - Effects happen only after a certain commit, once, and those of one entity
//     in the order of its changes. They are lost when the process dies or the
//     outcome stays unknown; clients converge with their next sync.
//   - Any number of nodes may work on one store. What [Kind.Read] returns may
//     then be behind the commits of other nodes; an update never is.
//   - A kind belongs to the backend whose service registered it: two backends
//     of one server are to each other as two nodes are.
//   - JSON members of a state that this version of the program does not know
//     are kept, on the top level always, deeper where a struct embeds [Unknown].
//     A state that is no struct, or encodes itself, must care for that itself.
//
// # Timers
//
// A timer is a function of the state: [Options].Due says when an entity wants to
// be called, and the answer is stored with every commit. So timers survive a
// restart, move with the state, and end with the entity. They fire on whichever
// node finds them first, as an ordinary update.
//
// # Calls to the outside
//
// A function of an update may run several times, so it must not call anybody. A
// [Lane] does that: [Lane.Call] writes the call in the commit that decided it,
// and after that the lane makes it, at least once and always with the same key,
// until it is delivered or becomes a dead letter. Both ends are updates too.
package entity
