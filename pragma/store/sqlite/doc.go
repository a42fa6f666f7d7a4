// Package sqlite keeps a server's records in one SQLite file, with nothing to
// install.
//
//	srv := &pragma.Server{Store: sqlite.File("skirmish.db")}
//
// The file is created if it is missing; its directory must exist. Beside it lie
// two files of SQLite (-wal and -shm) while it is open, and a lock file (.lock)
// that stays. The lock refuses a second process, or a second Open in the same
// one: two servers never share a file. Use MySQL or PostgreSQL for several nodes.
// The file must be on a local disk, since neither locks nor shared memory are
// reliable on network file systems.
//
// # Durability
//
// A commit is answered after it was synced to disk (WAL, synchronous=FULL), so it
// survives the end of the process and the loss of power, if the disk keeps its
// promises. One goroutine writes: it takes up to 256 waiting batches into one
// transaction, one that has to be undone under a savepoint, and answers all after
// the one sync. It never waits for more batches to come; the group is what
// gathered while the group before it was written, and what goroutines that are
// ready to run add to it. A conflict, or an error that concerns one batch, does
// not touch the others of its group.
//
// Reading uses connections of its own and waits for no writer.
//
// # Beside a server
//
// [Options.Backup] copies the database of a server that runs, in another process
// too. [Options.OpenReadOnly] reads it there, for exports and reports. Neither
// takes the lock, and neither keeps the server from committing.
//
// # When something goes wrong
//
//   - Disk full: Commit returns store.ErrFull, nothing is applied, reading goes
//     on, and commits succeed again as soon as there is room.
//   - Damaged file, failed read or write: store.ErrUnavailable with the cause.
//     An error of the disk during the final sync is store.ErrUnknown, which
//     store.Commit resolves.
//   - Wrong path, no permission, not a database, database of another program,
//     or of a newer version of this one: Open says so and changes nothing.
//
// The schema is built by the numbered files in migrations, which are only ever
// added to. Their checksums are kept in the database; a file that was changed
// after it was applied is refused.
package sqlite
