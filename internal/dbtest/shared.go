package dbtest

// ofProcess are the servers of this test binary. A server belongs to the process
// as a temporary directory does, and ends with it: handing it over would take a
// TestMain in every package whose tests may be run on a database.
var ofProcess = newServers()

func newServers() *Servers { return &Servers{settings: []string{"fsync=off"}} }

// Process returns servers that all tests of this binary share without a
// [Servers] of their own. They end with the binary. They do not wait for a disk:
// whoever uses them tests what is above a store. PostgreSQL says so (fsync).
func Process() *Servers { return ofProcess }
