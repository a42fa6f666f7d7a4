package store_test

import (
	"testing"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

func memoryHarness() storetest.Harness {
	return storetest.Harness{Open: func(testing.TB) store.Opener { return store.Memory() }}
}

func TestMemoryKeepsThePromisesOfThePort(t *testing.T) { storetest.Run(t, memoryHarness()) }

func BenchmarkMemory(b *testing.B) { storetest.Bench(b, memoryHarness()) }
