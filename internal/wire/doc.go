// Package wire holds the messages of the wire protocol as plain Go structs.
//
// It is the one place that knows how a message looks as JSON. The server's
// calls.go files turn these structs into domain values and back; the Go client
// does the same on its side. Nothing here decides anything.
//
// # Names
//
// A struct is called after service and RPC: PartyRpc.CreateV1Request is
// [PartyCreateV1Request]. Where the end of the service name and the start of the
// RPC name are the same words, they stand once: PartyRpc.PartyDetailsV1Notification
// is [PartyDetailsV1Notification]. Messages without members are all [Empty].
// Nested messages lose their prefix: Party_BroadcastParty is [BroadcastParty].
//
// # JSON
//
// Use [Marshal], [AppendJSON] and [Unmarshal] and nothing else, since the rules
// of wire §5 are their options. Written: camelCase names, 64-bit integers as
// text, enums by name, empty lists and maps as [] and {}; only unset messages
// and unset ids are left out, and what the specification marks with a question
// mark. Read: names in camelCase or snake_case, unknown members ignored, null as
// unset, numbers as numbers or text, enums by name or number, ids in any case.
// Refused: duplicate members, invalid UTF-8, more than [MaxDepth] levels.
//
// # Envelopes
//
// [ParseRequest] reads what a client sends. A server builds the body of an
// answer once, with [AppendResponse], [AppendNotification] or
// [AppendServiceError], and puts each connection's own number around it with
// [AppendFrame]; so a broadcast is encoded once. [ParseFrame] reads the result on
// the client's side.
//
// The files in docs/frames show every message as it travels. They are the
// tests' golden files and meant to be read by authors of other clients too.
package wire
