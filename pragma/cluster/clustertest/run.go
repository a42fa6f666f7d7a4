package clustertest

import (
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/cluster"
)

// patience is how long the suite waits for what must come. It only passes when
// a test fails.
const patience = 10 * time.Second

// Open makes a cluster of its own for one test and returns a function that
// joins a node to it. Buses are closed by the suite; Open registers any other
// clean-up with t.
type Open func(t *testing.T) func(node string) cluster.Bus

// Run tests a driver. The subtests run one after the other.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, group := range [][]testCase{publishCases(), requestCases(), lifeCases(), loadCases()} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				join := open(t)
				c.run(t, func(node string) cluster.Bus {
					bus := join(node)
					t.Cleanup(func() { _ = bus.Close() })
					return bus
				})
			})
		}
	}
}

// joiner joins a node that is closed at the end of the test.
type joiner func(node string) cluster.Bus

// testCase is one sentence about buses.
type testCase struct {
	name string
	run  func(t *testing.T, join joiner)
}
