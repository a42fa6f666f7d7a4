//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
)

// customMoments are those of a custom game in which names[0] is the host and the
// last comes late.
func customMoments() []moment {
	host, late := names[0], names[3]
	return []moment{
		{name: "when it is made", usual: true, fits: func(name string, e client.Event) bool { return name == host && is[client.GameJoined](name, e) }},
		{name: "when a friend has joined", fits: func(name string, e client.Event) bool {
			u, ok := e.(client.GameUpdated)
			return ok && name == host && len(u.PlayersAdded) > 0
		}},
		{name: "when its server is ready", fits: is[client.HostReady]},
		{name: "when the late one has joined", fits: func(name string, e client.Event) bool { return name == late && is[client.GameJoined](name, e) }},
		{name: "when the late one is sent to the server", usual: true, fits: func(name string, e client.Event) bool { return name == late && is[client.HostReady](name, e) }},
		{name: "when one is removed", usual: true, fits: func(name string, e client.Event) bool {
			u, ok := e.(client.GameUpdated)
			return ok && name == host && len(u.PlayersRemoved) > 0
		}},
		{name: "after the last round", fits: func(_ string, e client.Event) bool { return roundOf(e) == rounds }},
		{name: "right after the end", fits: is[client.GameEnded]},
	}
}

func TestKilledBackendLosesNothingOfACustomGame(t *testing.T) {
	t.Parallel()
	for _, at := range customMoments() {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			repeat := 1
			switch {
			case long():
				repeat = 10
			case !at.usual:
				t.Skip("PRAGMA_LONG is not set")
			}
			for range repeat {
				e := startEvening(t, at, pace)
				e.surviveCustom(t)
			}
		})
	}
}

func TestBackendKilledAtAnyMomentOfACustomGameLosesNothing(t *testing.T) {
	t.Parallel()
	repeat := 1
	if long() {
		repeat = 100
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	for n := range repeat {
		delay := time.Duration(dice.Int64N(int64(700 * time.Millisecond)))
		t.Run(fmt.Sprintf("kill %d after %v", n, delay), func(t *testing.T) {
			t.Parallel()
			e := startEvening(t, moment{name: "by the clock"}, pace)
			time.AfterFunc(delay, func() { e.killAt <- struct{}{} })
			e.surviveCustom(t)
		})
	}
}

// surviveCustom plays a custom game during which the backend is killed, and a
// match afterwards.
func (e *evening) surviveCustom(t *testing.T) {
	t.Helper()
	views := e.playCustom(t)
	e.back(t)
	stayed, cheat := []*seen{views[0], views[1], views[3]}, views[2]
	e.check(t, stayed)
	e.checkRemoved(t, cheat, stayed[0])
	e.checkHome(t)
	again := e.playMatch(t, func() {})
	e.check(t, again)
	e.checkHome(t)
	e.check(t, stayed) // nothing about the first one came late
	if err := e.awaitGameServers(e.ctx); err != nil {
		t.Error(err)
	}
}

// playCustom has the four play a custom game, and behave again.
func (e *evening) playCustom(t *testing.T) []*seen {
	t.Helper()
	bots := players(e.groups)
	c := &cast{host: bots[0], guest: bots[1], cheat: bots[2], late: bots[3]}
	game, err := c.host.create(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	played := c.rehearse(e.ctx, game, func(int) {})
	views, err := c.play(e.ctx, game, &watch{story: newStory(t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	if *played == 0 {
		t.Error("the late one did not play")
	}
	for _, b := range bots {
		b.behave()
	}
	return views
}

// checkRemoved fails the test unless the cheat was removed, once. The reason comes
// in a notification that a crash may swallow; then he has noticed.
func (e *evening) checkRemoved(t *testing.T, v *seen, other *seen) {
	t.Helper()
	if v.told || v.broken != "" {
		t.Errorf("%s was told another end than that he was removed: %+v", v.bot.name, v)
	}
	if v.kicked == "" && v.lost {
		t.Logf("%s was not told why he was removed", v.bot.name)
		return
	}
	if v.kicked != "drew 7 with a die of 6 sides" {
		t.Errorf("%s was removed because he %q", v.bot.name, v.kicked)
	}
	e.checkPart(t, v, removed, other.game)
}
