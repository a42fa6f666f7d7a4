// Package inventory keeps what players own: stacks of things that are all alike,
// and single items with data of their own.
//
// Mount a [Service] on the Game backend and say what kinds of items there are:
//
//	items := &inventory.Service{Catalog: inventory.Catalog{
//		Stackables: []inventory.StackableSpec{{CatalogID: "gold", Limit: 1_000_000}},
//		Instanced:  []inventory.InstancedSpec{{CatalogID: "sword", Tags: []string{"weapon"}}},
//	}}
//
//	Game: []pragma.Service{items, &party.Service{Inventory: items}, &logindata.Service{Inventory: items}},
//
// The same catalog, or more of it, may stand in the configuration; see [Config].
// Players read their inventory. Game servers and other partners, operators and
// the studio's own code change it: the first two by the calls of wire §7.8, the
// last by [Service.Apply] and, in a commit of its own entities, [Service.ApplyIn].
// Three plugins take part in changes: [InstancedItemPlugin],
// [StackableItemPlugin], [RewardSelectorPlugin].
//
// # One request
//
// All operations of one request happen or none, in the order of the fields of
// [Operations]. Each sees what those before it did. The request is refused if
// a kind is unknown, an item is missing, a stack would be less than empty or
// more than its limit, or a plugin says no. A request with an idempotency key
// changes something once, however often it comes (within
// [Config.IdempotencyKeyDays]); later ones answer with nothing.
//
// # Two parts and their versions
//
// Kinds with a tag of [Config.HiddenItemTags], and kinds that are no longer in
// the catalog, are hidden: the player is never told of such items. So an
// inventory has two parts, each with a version that grows by one with every
// change of it and never goes back. A change of the visible part is pushed to the
// player as a segment that leads from one version to the next. A client that
// missed one notices by the version, and reads everything again.
//
// # Cost and bounds
//
// An inventory is one small record and pages of about 64 items, found by a hash
// of their id. A change writes the first and the pages it touches; reading costs
// all pages. [Config] bounds items, bytes and operations: 10,000 items of 2 MiB
// together and 1,000 operations with an answer of about 1 MiB, unless it says
// otherwise. What goes beyond is refused before anything is changed.
//
// # Another store of items
//
// A studio that keeps items elsewhere implements [Provider]. Catalog lookups,
// player checks, audit and notifications stay with the service; plugins, limits
// and versions are then the provider's.
package inventory
