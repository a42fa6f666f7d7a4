// Package clustertest has the suite that every driver of package cluster
// passes.
//
// [Run] is the definition of a bus: a driver's test opens its bus and calls it.
//
//	func TestHubIsABus(t *testing.T) {
//		clustertest.Run(t, func(*testing.T) func(string) cluster.Bus {
//			return cluster.NewHub().Node
//		})
//	}
//
// The suite waits for what shall arrive, since a driver may deliver later, and
// proves that something did not arrive by a message behind it. It needs a bus
// without faults.
package clustertest
