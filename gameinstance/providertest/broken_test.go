package providertest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/gameinstance/providertest"
	"github.com/openpragma/engine/pragma"
)

// broken is a provider with the mistake that its fleet names.
type broken struct{ *provider }

func (b *broken) StartAllocationForGameInstance(ctx context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	f, id := b.fleet, r.AllocationID
	switch f.bug {
	case "starts nothing":
		return nil
	case "starts two":
		return f.call(func() error { f.servers[id] = 2; return nil })
	case "starts anew each time":
		return answer(f.call(func() error { f.servers[id]++; return nil }))
	case "looks and then starts":
		if f.count(id) > 0 {
			return nil
		}
		time.Sleep(time.Millisecond) // others look too
		return answer(f.call(func() error { f.servers[id]++; return nil }))
	case "logs the tokens":
		tokens, _ := r.ClientTokens()
		f.mu.Lock()
		fmt.Fprintln(&f.log, "starting with", tokens.SocialToken)
		f.mu.Unlock()
	case "starts without tokens":
		if _, err := r.ClientTokens(); err != nil {
			return f.start(id)
		}
	case "refuses when cancelled":
		if ctx.Err() != nil {
			return errors.New("cancelled")
		}
	case "hides refusals":
		_ = f.start(id)
		return nil
	case "is never full":
		return f.call(func() error { f.servers[id] = 1; return nil })
	case "takes refusals for an outage":
		if f.start(id) != nil {
			return pragma.ErrUnavailable
		}
		return nil
	case "takes outages for a refusal":
		return f.start(id)
	case "takes outages for success":
		if err := f.start(id); err != nil && !errors.Is(err, errReach) {
			return err
		}
		return nil
	case "forgets what was lost":
		err := f.start(id)
		if errors.Is(err, errReach) && f.count(id) > 0 {
			f.mu.Lock()
			f.servers[id]++
			f.mu.Unlock()
		}
		return answer(err)
	case "starts what has ended":
		f.mu.Lock()
		delete(f.stopped, id)
		f.mu.Unlock()
	case "starts when shut down":
		return answer(f.start(id))
	}
	return b.provider.StartAllocationForGameInstance(ctx, r)
}

func (b *broken) EndAllocation(ctx context.Context, r *gameinstance.EndAllocationRequest) error {
	f, id := b.fleet, r.AllocationID
	switch f.bug {
	case "ends nothing":
		return nil
	case "ends only what it knows":
		if f.count(id) == 0 {
			return errors.New("unknown")
		}
	case "ends everything":
		return answer(f.call(func() error { clear(f.servers); f.stopped[id] = true; return nil }))
	case "tries once":
		_ = f.stop(id)
		return nil
	case "ends known reasons only":
		if r.Reason == "A_LATER_REASON" {
			return nil
		}
	case "ends what has answered only":
		if f.count(id) == 0 {
			return nil
		}
	case "takes the first end for the only one":
		f.mu.Lock()
		again := f.stopped[id]
		f.stopped[id] = true
		f.mu.Unlock()
		if again || r.Reason == gameinstance.EndEnded {
			return nil
		}
	case "fails for ever after an outage":
		if f.stop(id) != nil {
			f.breakNext(providertest.Unreachable, 1000)
			return pragma.ErrUnavailable
		}
		return nil
	}
	return b.provider.EndAllocation(ctx, r)
}

// mistakes are bugs and cases of the suite that find them.
var mistakes = []struct{ bug, finds string }{
	{"starts nothing", "a start runs one server"},
	{"starts two", "a start runs one server"},
	{"starts anew each time", "a repeated start runs no second server"},
	{"looks and then starts", "starts of one allocation at the same time run one server"},
	{"starts nothing", "allocations have a server each"},
	{"logs the tokens", "tokens are not logged"},
	{"starts without tokens", "without tokens nothing starts"},
	{"refuses when cancelled", "a cancelled start is known or can be repeated"},
	{"hides refusals", "a refusal is an error"},
	{"takes refusals for an outage", "a refusal is an error"},
	{"is never full", "beyond the capacity starts are refused"},
	{"takes outages for a refusal", "out of reach is unavailable"},
	{"takes outages for success", "out of reach is unavailable"},
	{"forgets what was lost", "a lost answer leads to no second server"},
	{"ends nothing", "an end after a lost answer stops the server"},
	{"tries once", "an end out of reach is repeated"},
	{"fails for ever after an outage", "an end whose answer is lost may be repeated"},
	{"ends nothing", "an end stops the server"},
	{"ends known reasons only", "an end stops the server"},
	{"ends everything", "an end stops no other server"},
	{"ends only what it knows", "an end may be repeated"},
	{"ends only what it knows", "ends may come at the same time"},
	{"ends only what it knows", "an end of something unknown is fine"},
	{"ends what has answered only", "a start that comes after the end starts nothing"},
	{"starts what has ended", "a start that comes after the end starts nothing"},
	{"starts what has ended", "a start that comes again after the end starts nothing"},
	{"ends nothing", "an end during a start leaves nothing"},
	{"takes the first end for the only one", "an end that may wait is followed by one that does not"},
	{"starts anew each time", "a burst with faults loses, doubles and leaks nothing"},
	{"takes outages for success", "a burst with faults loses, doubles and leaks nothing"},
	{"tries once", "a burst with faults loses, doubles and leaks nothing"},
	{"starts when shut down", "a provider that is shut down is unavailable"},
}

// TestBrokenProvider is run by TestTheSuiteFindsMistakes, in a process of its own
// in which it fails.
func TestBrokenProvider(t *testing.T) {
	bug := os.Getenv("PROVIDERTEST_BUG")
	if bug == "" {
		t.Skip("runs by TestTheSuiteFindsMistakes")
	}
	providertest.Run(t, func(*testing.T) providertest.Fixture {
		capacity := 0
		if bug == "is never full" {
			capacity = 3
		}
		return fixture(bug, capacity)
	})
}

func TestTheSuiteFindsMistakes(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	outputs := make(map[string]string)
	for _, m := range mistakes {
		if _, ran := outputs[m.bug]; ran {
			continue
		}
		cmd := exec.CommandContext(t.Context(), self, "-test.run", "^TestBrokenProvider$", "-test.v", "-test.short")
		cmd.Env = append(os.Environ(), "PROVIDERTEST_BUG="+m.bug)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("the suite finds nothing in a provider that %s", m.bug)
		}
		outputs[m.bug] = string(out)
	}
	for _, m := range mistakes {
		name := strings.ReplaceAll(m.finds, " ", "_")
		if !strings.Contains(outputs[m.bug], "--- FAIL: TestBrokenProvider/"+name+" ") {
			t.Errorf("the case %q does not fail with a provider that %s:\n%s", m.finds, m.bug, outputs[m.bug])
		}
	}
}

// TestEveryCaseHasAMistake keeps the table complete.
func TestEveryCaseHasAMistake(t *testing.T) {
	named := make(map[string]bool)
	for _, m := range mistakes {
		named[m.finds] = true
	}
	providertest.Run(t, func(t *testing.T) providertest.Fixture {
		_, name, _ := strings.Cut(t.Name(), "/")
		if !named[strings.ReplaceAll(name, "_", " ")] {
			t.Errorf("no mistake in the table is found by this case")
		}
		return fixture("", 0)
	})
}
