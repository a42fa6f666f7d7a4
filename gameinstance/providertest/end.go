package providertest

import (
	"sync"

	"github.com/openpragma/engine/gameinstance"
)

func endCases() []testCase {
	return []testCase{
		{"an end stops the server", endStops},
		{"an end stops no other server", endStopsNoOther},
		{"an end may be repeated", endRepeated},
		{"ends may come at the same time", endsAtOnce},
		{"an end of something unknown is fine", endOfUnknown},
		{"a start that comes after the end starts nothing", startAfterEnd},
		{"a start that comes again after the end starts nothing", startAgainAfterEnd},
		{"an end during a start leaves nothing", endDuringStart},
		{"an end that may wait is followed by one that does not", endThatMayWait},
	}
}

func endStops(s *suite) {
	for _, reason := range []gameinstance.EndReason{
		gameinstance.EndTimedOut, gameinstance.EndRefused, gameinstance.EndNotConnected,
		gameinstance.EndDisconnected, gameinstance.EndTerminated, gameinstance.EndExpired, "A_LATER_REASON",
	} {
		id := newID()
		s.mustStart(id)
		if err := s.end(id, reason); err != nil {
			s.Errorf("EndAllocation(%s) = %v, want nil", reason, err)
		}
		s.gone(id)
	}
}

func endStopsNoOther(s *suite) {
	if s.room(2) < 2 {
		s.Skip("there is room for one server only")
	}
	id, other := newID(), newID()
	s.mustStart(id)
	s.mustStart(other)
	s.mustEnd(id)
	s.gone(id)
	s.servers(other, 1)
}

func endRepeated(s *suite) {
	id := newID()
	s.mustStart(id)
	for range 3 {
		s.mustEnd(id)
	}
	s.gone(id)
	s.mustEnd(id)
}

func endsAtOnce(s *suite) {
	id := newID()
	s.mustStart(id)
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(func() {
			if err := s.end(id, gameinstance.EndTerminated); err != nil {
				s.Errorf("EndAllocation() = %v, want nil", err)
			}
		})
	}
	wg.Wait()
	s.gone(id)
}

func endOfUnknown(s *suite) {
	s.mustEnd(newID())
	for _, reason := range []gameinstance.EndReason{gameinstance.EndEnded, gameinstance.EndReplaced} {
		if err := s.end(newID(), reason); err != nil {
			s.Errorf("EndAllocation(%s) = %v, want nil", reason, err)
		}
	}
}

// startAfterEnd is a start that was lost on its way, and arrives when all is over.
func startAfterEnd(s *suite) {
	id := newID()
	s.mustEnd(id)
	_ = s.start(id) // nobody hears the answer
	s.gone(id)
}

func startAgainAfterEnd(s *suite) {
	id := newID()
	s.mustStart(id)
	s.mustEnd(id)
	_ = s.start(id)
	s.gone(id)
}

// endDuringStart is an end that arrives while a start is under way, and is told
// again after it.
func endDuringStart(s *suite) {
	for range crowd {
		id := newID()
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.try(s.Context(), id) })
		wg.Go(func() { _ = s.endOnce(id, gameinstance.EndTimedOut) })
		wg.Wait()
		s.mustEnd(id)
		s.gone(id)
	}
}

func endThatMayWait(s *suite) {
	id := newID()
	s.mustStart(id)
	for range 2 {
		if err := s.end(id, gameinstance.EndEnded); err != nil {
			s.Errorf("EndAllocation(%s) = %v, want nil", gameinstance.EndEnded, err)
		}
	}
	s.mustEnd(id) // the server has created another game, which has failed
	s.gone(id)
}
