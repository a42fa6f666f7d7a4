// Package postgres keeps the records of one or several servers in PostgreSQL (14
// and later).
//
//	srv := &pragma.Server{Store: postgres.Open(postgres.Config{
//		HostPortSchema: "db.example.net:5432/skirmish",
//		Username:       "skirmish",
//		Password:       pragma.Secret(os.Getenv("DB_PASSWORD")),
//	})}
//
// The database must exist, and the first schema of the account's search path be
// empty or one of ours; its tables are created by the first Open. Several servers
// may share it: the database decides between them. One that is up to date needs
// only the rights to read and write rows.
//
// # Durability
//
// Commit answers after the server has answered. That keeps a commit through a
// crash only if the server writes its log for each of them, so Open looks at the
// server's settings first and refuses what is not safe, with every finding at
// once and what to do about it ([UnsafeError]). Config.AllowUnsafe accepts
// findings by name. Standbys must not be read: connect to the primary, and
// without a pooler between, since a server of ours keeps few connections.
//
// # How it writes
//
// A batch of one record is one statement that compares and sets, and commits by
// itself. While the connections for writing are busy, further batches wait and
// then share one transaction, up to 64 of them, in one round trip: a pipeline of
// statements that compare and set, all of which fail together if one finds
// another revision. Then, and only then, the group is decided anew in two round
// trips: the first locks its records in key order, the second writes and commits,
// and in between each conflict is given to its own batch. Nothing else happens
// inside a transaction, and nothing waits for more batches to come.
//
// A group that found a conflict leaves a line in the server's log, "invalid input
// syntax for type integer", with the words "a record has changed, which is tried
// again", or "duplicate key". Neither needs attention.
//
// Any error inside a transaction rolls it back. Deadlocks, serialization failures
// and records that changed meanwhile are tried again up to 12 times, a wait for
// somebody else's lock (2 s each) twice.
//
// # When something goes wrong
//
//   - The server cannot be reached, restarts, has no connection left, or a lock
//     is not given up: store.ErrUnavailable, nothing is applied. Connections are
//     made anew by the calls that follow.
//   - The connection fails after the commit was sent: store.ErrUnknown, which
//     store.Commit resolves by the token in the records.
//   - Disk full: store.ErrFull.
//   - The server became read-only, as after a failover: store.ErrUnavailable,
//     and the connection is given up so that the next one finds the new primary.
//   - Schema of another program, of a newer version, or changed afterwards: Open
//     says so and changes nothing.
//
// The schema is built by the numbered files in migrations, which are only ever
// added to. Their checksums are kept in the table migration.
package postgres
