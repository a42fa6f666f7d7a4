// Package transfer moves the records of one store into another, whatever their
// drivers are, and looks whether a store is in order.
//
// [Export] writes all records of one moment into a file, [Import] creates them in
// another store exactly as they were: keys, revisions, tokens, timers and bodies.
// So a game can move from SQLite to a database server and back. [Check] reads
// everything and reports what cannot be right. The program pragma has a command
// for each (pragma store). All of them work on one record after the other and need
// little memory, however large the store is.
//
// # The file
//
// An export is text: one JSON object on each line.
//
//	{"format":"pragma-store-export","version":1,"id":"5f0c…","created":"2026-11-21T10:00:00Z"}
//	{"kind":"party","id":"6c1d…","rev":12,"token":"8a04…","due":1795255200000000,"json":{"members":["anna"]}}
//	{"kind":"signing-key","id":"development","rev":1,"token":"93fe…","base64":"LS0tLS1CRUdJTi…"}
//	{"end":{"records":2,"bytes":1690,"kinds":[{"kind":"party","records":1,"bytes":22,"sha256":"…"},…],"sha256":"…"}}
//
// Records come in key order: by kind, then by id, both as bytes. due is in
// microseconds since 1970 and missing where there is no timer; a token of zeros is
// missing as well. A body stands under json, byte for byte, if it is JSON that can
// stand there; otherwise under base64, and an empty one under neither. Every line
// is read back before it is written.
//
// The last line counts the records and bytes of bodies of each kind. Its sha256 is
// that of every byte before the line; each kind has one over its records
// ([Kind.Checksum]), which can be compared between stores. A file that was cut,
// edited, reordered or continued is refused before anything is imported.
//
// # Import
//
// An import goes through the file three times: to verify it, to create the
// records, and to compare every one of them with what the store then holds.
// Meanwhile the store has a mark ([store.ImportMark]), with which no server
// serves and which Export refuses. An import that was interrupted, by whatever,
// is repeated with the same file and goes on where it was. When all is compared the
// mark is removed. No server may have the store open meanwhile; what one wrote
// would be found by the comparison.
//
// # What is secret
//
// An export holds what the store holds, such as the accounts of players and the
// hashes of their codes. Keep it as you keep the database.
package transfer
