package providertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Fault is what goes wrong with a call of the provider to what is behind it.
type Fault int

// What can go wrong.
const (
	// Unreachable is a call that does not get through.
	Unreachable Fault = iota + 1
	// LostAnswer is a call that has its effect, and whose answer is lost.
	LostAnswer
	// Refused is a call that is refused for good, such as by a full fleet.
	Refused
)

// Fixture is a provider and what the suite must see behind it. Provider and
// Servers are required.
type Fixture struct {
	// Provider is to be tested. It is mounted, if it must be, and ready for calls.
	Provider gameinstance.ProviderPlugin
	// Servers counts the servers that run for an allocation, or were asked for and
	// will run. It is called often, and by several goroutines.
	Servers func(id pragma.AllocationID) int
	// Fault has the next calls of the provider go wrong in this way, starts and
	// ends alike, and returns whether that is possible. Each one makes up for one
	// call. Nil: no call can go wrong. It is called by several goroutines.
	Fault func(f Fault, calls int) bool
	// Capacity is how many servers can run, beyond which starts are refused. Zero:
	// more than Burst.
	Capacity int
	// Logs returns what the provider has logged so far, whatever its level, and
	// what its servers were printing where it ends up in logs. Nil: that tokens
	// stay out of it is not tested.
	Logs func() string
	// Shutdown does what happens to a provider when the backend stops, and returns
	// when that is done. Nil: nothing happens.
	Shutdown func()
	// Outlive says that servers go on after Shutdown.
	Outlive bool
	// Burst is how many servers are started at a time at most; zero: 1,000.
	Burst int
	// Patience is how long the suite waits for what must come, such as the end of a
	// server; zero: 10 seconds. It only passes when a test fails.
	Patience time.Duration
}

// Run tests a provider. Each subtest has a fixture of its own, from open, which
// registers its clean-up with t. What a fixture cannot do is skipped. The subtests
// run one after the other.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Helper()
	for _, group := range [][]testCase{startCases(), faultCases(), endCases(), burstCases()} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				f := open(t)
				if f.Burst == 0 {
					f.Burst = 1000
				}
				if f.Patience == 0 {
					f.Patience = 10 * time.Second
				}
				c.run(&suite{T: t, Fixture: f})
			})
		}
	}
}

// testCase is one sentence about providers.
type testCase struct {
	name string
	run  func(s *suite)
}

// suite is one test with its fixture.
type suite struct {
	*testing.T
	Fixture
}

// Tokens are long, as real ones are, and name their kind.
const (
	gameToken   = "providertest.game-token.0123456789abcdefghijklmnopqrstuvwxyz-secret"
	socialToken = "providertest.social-token.0123456789abcdefghijklmnopqrstuvwxyz-secret"
)

func newID() pragma.AllocationID { return pragma.NewID[pragma.AllocationID]() }

// game is the instance of an allocation: always the same, as it is in a server.
func game(id pragma.AllocationID) pragma.GameInstanceID {
	g := pragma.GameInstanceID(id)
	g[15] ^= 0xff
	return g
}

func request(id pragma.AllocationID) *gameinstance.StartAllocationForGameInstanceRequest {
	return &gameinstance.StartAllocationForGameInstanceRequest{
		GameInstanceID: game(id), AllocationID: id, Ext: ext.Of(map[string]string{"map": "harbor"}),
		GameServerVersion: "1.2.3", GameServerZone: "eu", BackendAddress: "127.0.0.1:10100",
		ClientTokens: func() (gameinstance.PartnerClientTokens, error) {
			unique := newID().String() // every try has tokens of its own
			return gameinstance.PartnerClientTokens{GameToken: gameToken + unique, SocialToken: socialToken + unique}, nil
		},
	}
}

// try makes one call to start a server.
func (s *suite) try(ctx context.Context, id pragma.AllocationID) error {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	return s.Provider.StartAllocationForGameInstance(ctx, request(id))
}

// repeatable reports whether the service would repeat the call.
func repeatable(err error) bool {
	return errors.Is(err, pragma.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// maxTries is how often a call is repeated.
const maxTries = 20

// start starts a server, and repeats calls as the service does.
func (s *suite) start(id pragma.AllocationID) error {
	var err error
	for range maxTries {
		if err = s.try(s.Context(), id); !repeatable(err) {
			return err
		}
	}
	return err
}

// mustStart starts one server.
func (s *suite) mustStart(id pragma.AllocationID) {
	s.Helper()
	if err := s.start(id); err != nil {
		s.Fatalf("StartAllocationForGameInstance() = %v, want nil", err)
	}
	s.servers(id, 1)
}

// end tells an end, until the provider knows it.
func (s *suite) end(id pragma.AllocationID, reason gameinstance.EndReason) error {
	var err error
	for range maxTries {
		if err = s.endOnce(id, reason); err == nil {
			return nil
		}
	}
	return err
}

func (s *suite) endOnce(id pragma.AllocationID, reason gameinstance.EndReason) error {
	ctx, cancel := context.WithTimeout(s.Context(), s.Patience)
	defer cancel()
	return s.Provider.EndAllocation(ctx, &gameinstance.EndAllocationRequest{AllocationID: id, GameInstanceID: game(id), Reason: reason})
}

func (s *suite) mustEnd(id pragma.AllocationID) {
	s.Helper()
	if err := s.end(id, gameinstance.EndTerminated); err != nil {
		s.Fatalf("EndAllocation() = %v, want nil", err)
	}
}

// servers checks how many servers there are for an allocation.
func (s *suite) servers(id pragma.AllocationID, want int) {
	s.Helper()
	if got := s.Servers(id); got != want {
		s.Errorf("%d servers for the allocation, want %d", got, want)
	}
}

// gone waits until there is no server for an allocation any more.
func (s *suite) gone(id pragma.AllocationID) {
	s.Helper()
	limit := time.Now().Add(s.Patience)
	for s.Servers(id) != 0 {
		if time.Now().After(limit) {
			s.Errorf("%d servers are left of an allocation that is over, want none", s.Servers(id))
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// fault plans faults, or skips the test.
func (s *suite) fault(f Fault, calls int) {
	s.Helper()
	if s.Fault == nil || !s.Fault(f, calls) {
		s.Skip("the fixture has no such fault")
	}
}
