// Package dbtest starts database servers for tests, and cuts connections to them.
//
// A test package that uses it runs its tests through [Servers.Main]:
//
//	var servers dbtest.Servers
//
//	func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }
//
// [Servers.MariaDB] and [Servers.Postgres] return the one server of their kind
// that all tests of the binary share; it is started by the first test that asks,
// and each test makes a schema of its own in it. A test that kills or freezes its
// server, or needs other settings, gets one for itself from [NewMariaDB] or
// [NewPostgres]. Servers listen on a free port of the loopback address, run as
// another account where they refuse root, and end with the test binary, even if
// that is killed. Their files are in a directory of their own that ends with them:
// in memory if /dev/shm has 2 GiB to spare, TMPDIR is not set and it is no
// benchmark.
//
// Where the server is not installed a test is skipped with one line; with
// CI=true it fails, so that no suite goes missing unnoticed.
//
// [Proxy] stands between a driver and its server, and cuts a connection after a
// given number of bytes; [SweepCuts] does that at every step of a commit. [Load]
// counts while a server is killed, and knows what the store must hold then.
package dbtest
