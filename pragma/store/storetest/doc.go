// Package storetest defines the store port: a conformance suite that every
// driver passes, benchmarks, and a driver that injects faults.
//
// A driver's test file is a few lines:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			Open: func(t testing.TB) store.Opener {
//				return sqlite.File(filepath.Join(t.TempDir(), "test.db"))
//			},
//			Durable: true,
//		})
//	}
//
//	func BenchmarkStore(b *testing.B) { storetest.Bench(b, harness) }
//
// A bug found in one driver becomes a case here, for all of them.
//
// Tests of the packages above use [Faulty] to see what they do when commits
// conflict, end unknown or find no store.
package storetest
