package webhook_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/openpragma/engine/gameinstance/providertest"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// faults are what goes wrong with the next calls.
type faults struct {
	mu   sync.Mutex
	left map[providertest.Fault]int
}

func (f *faults) plan(fault providertest.Fault, calls int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left[fault] += calls
	return true
}

func (f *faults) take(fault providertest.Fault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left[fault] == 0 {
		return false
	}
	f.left[fault]--
	return true
}

func TestTheFleetIsAProvider(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Fixture {
		f := newFleet(t)
		broken := &faults{left: make(map[providertest.Fault]int)}
		f.instead = func(w http.ResponseWriter) bool {
			switch {
			case broken.take(providertest.Unreachable):
				panic(http.ErrAbortHandler)
			case broken.take(providertest.Refused):
				w.WriteHeader(http.StatusConflict)
				return true
			}
			return false
		}
		f.trouble(func(http.ResponseWriter) bool {
			if broken.take(providertest.LostAnswer) {
				panic(http.ErrAbortHandler)
			}
			return false
		})
		logs := pragmatest.CaptureLogs(t)
		return providertest.Fixture{
			Provider: f.plugin(t, nil), Logs: logs.String, Fault: broken.plan,
			Servers: func(id pragma.AllocationID) int {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.running[id]
			},
		}
	})
}
