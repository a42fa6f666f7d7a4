package providertest

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

func startCases() []testCase {
	return []testCase{
		{"a start runs one server", startRuns},
		{"a repeated start runs no second server", startRepeated},
		{"starts of one allocation at the same time run one server", startsAtOnce},
		{"allocations have a server each", startsOfMany},
		{"tokens are not logged", tokensAreNotLogged},
		{"without tokens nothing starts", startWithoutTokens},
		{"a cancelled start is known or can be repeated", startCancelled},
	}
}

func startRuns(s *suite) { s.mustStart(newID()) }

func startRepeated(s *suite) {
	id := newID()
	for range 3 {
		s.mustStart(id)
	}
}

// crowd is how many callers a test has at the same time.
const crowd = 16

func startsAtOnce(s *suite) {
	id := newID()
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(func() {
			if err := s.start(id); err != nil {
				s.Errorf("StartAllocationForGameInstance() = %v, want nil", err)
			}
		})
	}
	wg.Wait()
	s.servers(id, 1)
}

func startsOfMany(s *suite) {
	ids := make([]pragma.AllocationID, s.room(crowd))
	var wg sync.WaitGroup
	for i := range ids {
		ids[i] = newID()
		wg.Go(func() {
			if err := s.start(ids[i]); err != nil {
				s.Errorf("StartAllocationForGameInstance() = %v, want nil", err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		s.servers(id, 1)
	}
}

// room is want, or less if so many servers cannot run.
func (s *suite) room(want int) int {
	if s.Capacity > 0 {
		return min(want, s.Capacity)
	}
	return want
}

func tokensAreNotLogged(s *suite) {
	if s.Logs == nil {
		s.Skip("the fixture has no logs")
	}
	id := newID()
	if s.Fault != nil {
		s.Fault(Unreachable, 1)
	}
	s.mustStart(id)
	s.mustStart(id)
	s.mustEnd(id)
	s.gone(id)
	if s.Fault != nil && s.Fault(Refused, 1) {
		_ = s.start(newID())
	}
	if s.Shutdown != nil {
		s.Shutdown()
	}
	if logs := s.Logs(); strings.Contains(logs, gameToken) || strings.Contains(logs, socialToken) {
		s.Errorf("a token is in the log:\n%s", logs)
	}
}

func startWithoutTokens(s *suite) {
	r := request(newID())
	failed := errors.New("no key to sign with")
	asked := false
	r.ClientTokens = func() (gameinstance.PartnerClientTokens, error) {
		asked = true
		return gameinstance.PartnerClientTokens{}, failed
	}
	err := s.Provider.StartAllocationForGameInstance(s.Context(), r)
	if !asked {
		s.Skip("the provider asks for no tokens")
	}
	if err == nil {
		s.Error("StartAllocationForGameInstance() = nil without tokens, want an error")
	}
	s.servers(r.AllocationID, 0)
}

func startCancelled(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	id := newID()
	if err := s.try(ctx, id); err != nil && !repeatable(err) {
		s.Errorf("StartAllocationForGameInstance() = %v with a context that has ended, want nil, the context's error or ErrUnavailable", err)
	}
	s.mustStart(id)
	s.mustEnd(id)
	s.gone(id)
}
