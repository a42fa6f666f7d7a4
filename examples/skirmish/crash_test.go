//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma/ext"
)

// long reports whether there is time for many rounds.
func long() bool { return os.Getenv("PRAGMA_LONG") != "" }

// A moment is when somebody is killed: at the first event that fits. A nil one
// is a moment that the test chooses.
type moment struct {
	name     string
	victims  victims
	after    time.Duration
	usual    bool // tried even when there is not much time, where not all are
	fits     func(name string, event client.Event) bool
	stayDown bool // it is not started again
}

// victims say who is killed.
type victims int

const (
	theBackend victims = iota
	gameServers
	both
)

const (
	atLogIn = "while players log in"
	inQueue = "while a party is queued"
)

// pace makes rounds long enough for a backend to come back in the middle.
const pace = "SKIRMISH_PACE: 60ms, SKIRMISH_PATIENCE: 10s"

func moments() []moment {
	return []moment{
		{name: "between match and server", fits: is[client.GameJoined]},
		{name: atLogIn, fits: is[client.Connected]},
		{name: inQueue, fits: is[client.MatchmakingEntered]},
		{name: "when the server is ready", fits: is[client.HostReady]},
		{name: "in the middle of the rounds", fits: func(_ string, e client.Event) bool { return roundOf(e) == 2 }},
		{name: "after the last round", fits: func(_ string, e client.Event) bool { return roundOf(e) == rounds }},
		{name: "right after the end", fits: is[client.GameEnded]},
	}
}

func is[E client.Event](_ string, event client.Event) bool {
	_, ok := event.(E)
	return ok
}

func roundOf(event client.Event) int {
	if e, ok := event.(client.GameUpdated); ok {
		for _, entry := range e.Changed {
			if entry.Key == scoreEntry.Name {
				s, _ := ext.As[score](entry.Data)
				return s.Round
			}
		}
	}
	return 0
}

func TestKilledBackendLosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, at := range moments() {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			repeat := 1
			if long() {
				repeat = 10
			}
			for range repeat {
				survive(t, at)
			}
		})
	}
}

// survive plays a match during which the backend is killed, and another one.
func survive(t *testing.T, at moment) {
	t.Helper()
	e := startEvening(t, at, pace)
	queued := at.name == inQueue
	views := e.playMatch(t, func() {
		if !queued {
			return
		}
		before := e.groups[0].leader.player.State().Session.TicketID
		e.back(t)
		for _, b := range e.groups[0].bots() {
			p, err := b.player.Party.Sync(e.ctx)
			if err != nil || p == nil || !p.InMatchmaking {
				t.Errorf("%s waits in matchmaking no more: %+v, %v", b.name, p, err)
			}
			if got := b.player.State().Session.TicketID; got != before && !before.IsZero() {
				t.Errorf("%s has ticket %v, before it was %v", b.name, got, before)
			}
		}
	})
	if at.name != atLogIn && !queued {
		e.back(t)
	}
	e.check(t, views)
	e.checkHome(t)

	again := e.playMatch(t, func() {})
	e.check(t, again)
	if again[0].game == views[0].game {
		t.Error("both matches were the same game")
	}
	e.checkHome(t)
	e.check(t, views) // nothing about the first one came late
	if err := e.awaitGameServers(e.ctx); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(e.log()) {
		if strings.Contains(line, "level=ERROR") {
			t.Errorf("the backend complains: %s", line)
		}
		if strings.Contains(line, "level=WARN") {
			t.Logf("the backend warns: %s", line)
		}
	}
}

func TestBackendKilledAtAnyMomentLosesNothing(t *testing.T) {
	t.Parallel()
	repeat := 3
	if long() {
		repeat = 100
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	for n := range repeat {
		delay := time.Duration(dice.Int64N(int64(500 * time.Millisecond)))
		t.Run(fmt.Sprintf("kill %d after %v", n, delay), func(t *testing.T) {
			t.Parallel()
			e := startEvening(t, moment{name: "by the clock"}, pace)
			time.AfterFunc(delay, func() { e.killAt <- struct{}{} })
			views := e.playMatch(t, func() {})
			e.back(t)
			e.check(t, views)
			e.checkHome(t)
			again := e.playMatch(t, func() {})
			e.check(t, again)
			e.checkHome(t)
			e.check(t, views)
			if err := e.awaitGameServers(e.ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
