package agones_test

import (
	"fmt"
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

func TestAgonesIsAProvider(t *testing.T) {
	for _, clusters := range []bool{false, true} {
		t.Run(fmt.Sprintf("several clusters %v", clusters), func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Fixture {
				f := newFake(t, 1100, skirmish()) // a burst, and some more
				p := f.plugin(nil)
				p.Config.MultiCluster.Enabled = clusters
				broken := &faults{left: make(map[providertest.Fault]int)}
				f.trouble(func(w http.ResponseWriter, _ *http.Request) bool {
					switch {
					case broken.take(providertest.Unreachable):
						panic(http.ErrAbortHandler)
					case broken.take(providertest.Refused):
						w.WriteHeader(http.StatusForbidden)
						return true
					}
					return false
				}, func(http.ResponseWriter, []byte) bool {
					if broken.take(providertest.LostAnswer) {
						panic(http.ErrAbortHandler)
					}
					return false
				})
				logs := pragmatest.CaptureLogs(t)
				return providertest.Fixture{
					Provider: p, Logs: logs.String, Fault: broken.plan,
					Servers: func(id pragma.AllocationID) int {
						n := 0
						for _, s := range f.allocated() {
							if s.Labels["openpragma/allocation-id"] == id.String() {
								n++
							}
						}
						return n
					},
				}
			})
		})
	}
}
