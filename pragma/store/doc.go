// Package store keeps versioned records: the port behind every durable thing
// the server does, with an in-memory driver.
//
// A [Record] is named by a [Key] (kind and id) and counts its commits in Rev. A
// [Batch] says what should become of some records and which revisions they must
// still have; [Commit] applies all of it or nothing. Uniqueness is therefore a
// key, safety is a revision, and a timer is the Due of a record. Nothing else in
// the server is a record of truth.
//
// # Life cycle
//
// The program chooses an [Opener] (sqlite.File for one machine, nil or [Memory]
// for tests) and the server opens it once, shares the [Driver] between all its
// goroutines, and closes it last. After Close every method returns
// [ErrUnavailable].
//
// # Guarantees
//
//   - A batch is applied completely or not at all. When Commit returns nil it is
//     durable, as far as the driver keeps anything after the process ends.
//   - A batch is applied only if every revision it names is the current one. Of
//     any number of concurrent batches that expect the same revision of one
//     record, at most one succeeds.
//   - A refused batch never affects another one, even if the driver writes both
//     to disk together.
//   - An answer is definite unless it is [ErrUnknown], and Commit resolves that
//     one whenever it can: every put leaves the batch's [Token] in its record.
//   - A read that begins after a commit was answered sees that commit.
//   - Keys are compared byte for byte. Case and trailing spaces matter.
//
// Revisions restart at 1 when a deleted record is created again. An id should
// therefore not be used twice while somebody may still hold the old record's
// revision; random ids take care of that.
//
// # Moving
//
// A driver that has [Snapshotter] and [Importer] can be exported from and imported
// into, see package transfer. Ours have both.
//
// # Example
//
//	b := &store.Batch{
//		Puts:   []store.Put{{Key: party, Expect: 7, Body: body}},
//		Checks: []store.Check{{Key: leader, Expect: 3}},
//	}
//	switch err := store.Commit(ctx, d, b); {
//	case errors.Is(err, store.ErrConflict):
//		// somebody was faster: load again, decide again
//	case err != nil:
//		return err
//	}
//
// Drivers are tested by package storetest, which is the definition of this port.
package store
