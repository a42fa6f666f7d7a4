//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openpragma/engine/client"
)

// limits have the death of a game server noticed soon: it may take three seconds to
// link, three to connect players, and say nothing for three and a half.
var limits = []string{
	"gameServerAllocationTimeoutMillis: 3000", "connectPlayersTimeoutMillis: 3000", "keepAliveIntervalMillis: 700", "keepAliveMissesLimit: 5",
}

// deaths are moments at which game servers die. The zero one is as soon as one was
// started.
func deaths() []moment {
	return []moment{
		{name: "before it links", usual: true},
		{name: "when it is ready", fits: is[client.HostReady]},
		{name: "in the middle of the rounds", usual: true, fits: func(_ string, e client.Event) bool { return roundOf(e) == 2 }},
		{name: "after the last round", fits: func(_ string, e client.Event) bool { return roundOf(e) == rounds }},
	}
}

func TestDeadGameServerLosesNoPlayer(t *testing.T) {
	t.Parallel()
	for _, at := range deaths() {
		for _, c := range []struct {
			name    string
			backend bool
		}{{"alone", false}, {"with its backend", true}} {
			t.Run(at.name+" "+c.name, func(t *testing.T) {
				t.Parallel()
				repeat := 1
				switch {
				case long():
					repeat = 10
				case !at.usual || c.backend != (at.fits == nil):
					t.Skip("PRAGMA_LONG is not set") // they wait for time-outs
				}
				for range repeat {
					outlive(t, at, c.backend)
				}
			})
		}
	}
}

func TestGameServerThatDiesAtAnyMomentLosesNoPlayer(t *testing.T) {
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
		backend := n%2 == 1
		t.Run(fmt.Sprintf("death %d after %v, backend %v", n, delay, backend), func(t *testing.T) {
			t.Parallel()
			outlive(t, moment{name: "by the clock", after: delay}, backend)
		})
	}
}

// outlive plays a match whose game server is killed, with or without the backend,
// and another one.
func outlive(t *testing.T, at moment, backend bool) {
	t.Helper()
	at.victims = gameServers
	if backend {
		at.victims = both
	}
	e := startEvening(t, at, pace, limits...)
	switch {
	case at.after > 0:
		time.AfterFunc(at.after, func() { e.killAt <- struct{}{} })
	case at.fits == nil:
		go func() {
			if e.program().await(e.ctx, "game server started") == nil {
				e.killAt <- struct{}{}
			}
		}()
	}
	views := e.playMatch(t, func() {})
	e.back(t)
	e.checkOutlived(t, views)
	e.checkHome(t)
	again := e.playMatch(t, func() {})
	e.check(t, again)
	e.checkHome(t)
	if err := e.awaitGameServers(e.ctx); err != nil {
		t.Error(err)
	}
}

// checkOutlived fails the test unless all players were told the same end of a match
// whose server was killed: the result, if it was early enough, or that the match
// broke off.
func (e *evening) checkOutlived(t *testing.T, views []*seen) {
	t.Helper()
	if views[0].told {
		e.check(t, views)
		return
	}
	for _, v := range views {
		how := terminated
		if v.broken == noServer {
			how = ended // and nothing more
		}
		if v.told || v.broken == "" || v.broken != views[0].broken {
			t.Errorf("%s was told %q (result: %v), others %q", v.bot.name, v.broken, v.told, views[0].broken)
		}
		e.checkPart(t, v, how, views[0].game)
	}
}
