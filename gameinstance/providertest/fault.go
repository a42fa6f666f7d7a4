package providertest

import (
	"errors"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

func faultCases() []testCase {
	return []testCase{
		{"a refusal is an error", refusal},
		{"beyond the capacity starts are refused", beyondCapacity},
		{"out of reach is unavailable", unreachable},
		{"a lost answer leads to no second server", lostAnswer},
		{"an end after a lost answer stops the server", endAfterLostAnswer},
		{"an end out of reach is repeated", endUnreachable},
		{"an end whose answer is lost may be repeated", endLostAnswer},
	}
}

// refused checks that a start was refused for good.
func (s *suite) refused(id pragma.AllocationID, err error) {
	s.Helper()
	if err == nil || repeatable(err) || errors.Is(err, gameinstance.ErrNoServerNeeded) {
		s.Errorf("StartAllocationForGameInstance() = %v, want an error that is final", err)
	}
	s.servers(id, 0)
}

func refusal(s *suite) {
	s.fault(Refused, 1)
	id := newID()
	s.refused(id, s.start(id))
	s.mustEnd(id) // is told after a refusal too
	s.mustStart(newID())
}

func beyondCapacity(s *suite) {
	if s.Capacity == 0 {
		s.Skip("the fixture has room for all")
	}
	ids := make([]pragma.AllocationID, s.Capacity)
	for i := range ids {
		ids[i] = newID()
		s.mustStart(ids[i])
	}
	last := newID()
	s.refused(last, s.start(last))
	s.mustStart(ids[0]) // again, which needs no room
	s.mustEnd(ids[0])
	s.gone(ids[0])
	s.mustStart(newID())
}

func unreachable(s *suite) {
	s.fault(Unreachable, 1)
	id := newID()
	err := s.try(s.Context(), id)
	if err != nil && !repeatable(err) {
		s.Errorf("StartAllocationForGameInstance() = %v, want ErrUnavailable", err)
	}
	if err == nil { // the provider has repeated it by itself
		s.servers(id, 1)
	}
	s.mustStart(id)
}

func lostAnswer(s *suite) {
	s.fault(LostAnswer, 1)
	id := newID()
	if err := s.try(s.Context(), id); err != nil && !repeatable(err) {
		s.Errorf("StartAllocationForGameInstance() = %v, want ErrUnavailable", err)
	}
	s.mustStart(id)
	s.mustEnd(id)
	s.gone(id)
}

func endAfterLostAnswer(s *suite) {
	s.fault(LostAnswer, 1)
	id := newID()
	_ = s.try(s.Context(), id)
	s.mustEnd(id)
	s.gone(id)
}

func endUnreachable(s *suite) {
	id := newID()
	s.mustStart(id)
	s.fault(Unreachable, 1)
	s.mustEnd(id) // an error is repeated, but nil is the last word
	s.gone(id)
}

func endLostAnswer(s *suite) {
	id := newID()
	s.mustStart(id)
	s.fault(LostAnswer, 1)
	s.mustEnd(id)
	s.gone(id)
}
