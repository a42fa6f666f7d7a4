//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// ledger notes what happens to one player, whatever his bot makes of it.
type ledger struct {
	mu     sync.Mutex
	joined map[pragma.GameInstanceID]int
	told   map[pragma.GameInstanceID][]string // how it ended for him
	lost   map[pragma.GameInstanceID]int
	bad    []string
	on     func(client.Event)
}

// The ends of a game for a player.
const (
	ended      = "ended"
	removed    = "removed"
	terminated = "terminated"
)

func newLedger(on func(client.Event)) *ledger {
	return &ledger{
		joined: make(map[pragma.GameInstanceID]int),
		told:   make(map[pragma.GameInstanceID][]string),
		lost:   make(map[pragma.GameInstanceID]int),
		on:     on,
	}
}

func (l *ledger) note(event client.Event) {
	l.on(event)
	l.mu.Lock()
	defer l.mu.Unlock()
	tell := func(id pragma.GameInstanceID, how string) { l.told[id] = append(l.told[id], how) }
	switch e := event.(type) {
	case client.GameJoined:
		l.joined[e.Game.ID]++
	case client.GameEnded:
		tell(e.GameInstanceID, ended)
	case client.RemovedFromGame:
		tell(e.GameInstanceID, removed)
	case client.GameTerminated:
		tell(e.GameInstanceID, terminated)
	case client.GameLost:
		l.lost[e.GameInstanceID]++
	case client.Ended, client.EventsLost, client.PartyLeft, client.MatchmakingFailed:
		l.bad = append(l.bad, fmt.Sprintf("%T%+v", e, e))
	}
}

// await waits until the player knows that a game is over: the ledger may be a
// moment behind the bot.
func (l *ledger) await(ctx context.Context, game pragma.GameInstanceID) {
	for ctx.Err() == nil {
		l.mu.Lock()
		over := len(l.told[game]) > 0
		l.mu.Unlock()
		if over {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// evening is four players on a backend that may be killed.
type evening struct {
	*stand
	ctx     context.Context
	ledgers []*ledger
	groups  []*group
	parties map[string]pragma.PartyID
	tokens  map[string]client.Tokens
	games   map[pragma.GameInstanceID]bool // that were played

	killAt chan struct{} // gets one value when the backend is to be killed
	killed chan error    // gets one when it is back
}

// startEvening starts a backend, logs four players in and makes two parties.
// settings and limits are those of startStand.
func startEvening(t *testing.T, at moment, settings string, limits ...string) *evening {
	t.Helper()
	e := &evening{
		stand: startStand(t, settings, limits...), games: make(map[pragma.GameInstanceID]bool), ctx: within(t, testTime),
		parties: make(map[string]pragma.PartyID), tokens: make(map[string]client.Tokens),
		killAt: make(chan struct{}, 1), killed: make(chan error, 1),
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(e.log())
		}
	})
	var killer sync.WaitGroup
	t.Cleanup(killer.Wait)
	killer.Go(func() { e.killAndRestart(at) })
	var once sync.Once
	on := func(name string, event client.Event) {
		if at.fits != nil && at.fits(name, event) {
			once.Do(func() { e.killAt <- struct{}{} })
		}
	}
	bots := e.logInAll(t, on)
	if at.name == atLogIn {
		e.back(t)
	}
	for pair := range slices.Chunk(bots, 2) {
		g, err := gather(e.ctx, pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		e.groups = append(e.groups, g)
		for _, b := range g.bots() {
			e.parties[b.name], e.tokens[b.name] = b.player.State().Party.ID, b.player.Tokens()
		}
	}
	return e
}

// killAndRestart waits for the moment, kills whom it says, and starts the backend
// again.
func (e *evening) killAndRestart(at moment) {
	select {
	case <-e.killAt:
	case <-e.ctx.Done():
		return
	}
	if at.victims != theBackend {
		e.killGameServers()
	}
	if at.victims == gameServers {
		e.killed <- nil
		return
	}
	e.kill()
	if at.victims == both {
		e.killGameServers() // one may have been started meanwhile
	}
	if at.stayDown {
		e.killed <- nil
		return
	}
	e.killed <- e.start(e.ctx)
}

func (e *evening) logInAll(t *testing.T, on func(name string, event client.Event)) []*bot {
	t.Helper()
	e.ledgers = make([]*ledger, 4)
	bots, err := all([]int{0, 1, 2, 3}, func(n int) (b *bot, err error) {
		err = insist(e.ctx, func() error {
			l := newLedger(func(event client.Event) { on(names[n], event) }) // of the log-in that works
			opts := e.options()
			opts.OnEvent = l.note
			e.ledgers[n] = l
			b, err = logIn(e.ctx, opts, names[n])
			return err
		})
		return b, err
	})
	for _, b := range bots {
		if b != nil {
			t.Cleanup(b.player.Close)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return bots
}

// back waits until the backend was killed and is back, and all players too.
func (e *evening) back(t *testing.T) {
	t.Helper()
	select {
	case err := <-e.killed:
		if err != nil {
			t.Fatal(err)
		}
	case <-e.ctx.Done():
		t.Fatal("the moment to kill the backend never came")
	}
	for _, g := range e.groups {
		for _, b := range g.bots() {
			if err := b.player.WaitConnected(e.ctx); err != nil {
				t.Fatalf("%s does not come back: %v", b.name, err)
			}
		}
	}
}

// playMatch has both parties play against each other. between is called when one
// of them is queued.
func (e *evening) playMatch(t *testing.T, between func()) []*seen {
	t.Helper()
	var views []*seen
	var failed error
	following := make(chan struct{})
	go func() {
		defer close(following)
		views, failed = e.follow(e.ctx)
	}()
	for n, g := range e.groups {
		if n == 1 {
			between()
		}
		if err := g.leader.queue(e.ctx); err != nil {
			t.Fatal(err)
		}
	}
	<-following
	if failed != nil {
		t.Fatal(failed)
	}
	return views
}

// follow has all bots follow one match.
func (e *evening) follow(ctx context.Context) ([]*seen, error) {
	return all(players(e.groups), func(b *bot) (*seen, error) {
		return b.playMatch(ctx, func(*client.GameInstance) {}, func(*client.Host) {})
	})
}

// check fails the test if anything of a match was lost or came twice.
func (e *evening) check(t *testing.T, views []*seen) {
	t.Helper()
	for _, v := range views {
		e.checkPart(t, v, ended, views[0].game)
		if !v.told {
			t.Errorf("%s was not told the result", v.bot.name)
			continue
		}
		if s := v.result.Score; s.Round != rounds || s.Red+s.Blue != rounds {
			t.Errorf("%s was told %+v, want %d rounds, each counted once", v.bot.name, s, rounds)
		}
		if diff := cmp.Diff(v.result.Score, views[0].result.Score); diff != "" {
			t.Errorf("%s was told another score than others (-got +want):\n%s", v.bot.name, diff)
		}
	}
}

// checkPart fails the test unless a player was in a game once, left it once in the
// way he should, and was nowhere else.
func (e *evening) checkPart(t *testing.T, v *seen, how string, game pragma.GameInstanceID) {
	t.Helper()
	l := e.ledger(v.bot)
	l.await(e.ctx, v.game)
	l.mu.Lock()
	defer l.mu.Unlock()
	e.games[game] = true
	if v.game != game || l.joined[game] != 1 {
		t.Errorf("%s was in %v and joined %v %d times", v.bot.name, v.game, game, l.joined[game])
	}
	// Noticed and then told is possible: the answer that shows the end may
	// overtake the notification.
	if diff := cmp.Diff(l.told[game], []string{how}); diff != "" || l.lost[game] > 1 {
		t.Errorf("%s noticed the end %d times, want at most once, and was told (-got +want):\n%s", v.bot.name, l.lost[game], diff)
	}
	for id := range l.joined {
		if !e.games[id] {
			t.Errorf("%s was in game %v, which nobody played", v.bot.name, id)
		}
	}
	for _, bad := range l.bad {
		t.Errorf("%s: unexpected %s", v.bot.name, bad)
	}
	if v.hidden || len(v.plans) != 1 {
		t.Errorf("%s saw %v, hidden entry: %v; want his team's plan alone", v.bot.name, v.plans, v.hidden)
	}
}

func (e *evening) ledger(b *bot) *ledger { return e.ledgers[slices.Index(players(e.groups), b)] }

// checkHome fails the test unless every player is in his party, with all its
// members and nowhere else: by what his client knows and by what the backend says.
func (e *evening) checkHome(t *testing.T) {
	t.Helper()
	for _, g := range e.groups {
		for _, b := range g.bots() {
			state, err := b.player.Wait(e.ctx, func(s client.State) bool {
				return s.Connected && s.Session.GameInstanceID.IsZero() && s.Session.TicketID.IsZero() && len(s.Games) == 0
			})
			if err != nil {
				t.Fatalf("%s is not free: %v; %+v", b.name, err, state)
			}
			p, err := b.player.Party.Sync(e.ctx)
			if err != nil || p == nil {
				t.Fatalf("%s asks for his party and gets %v, %v", b.name, p, err)
			}
			games, err := b.player.Games.Sync(e.ctx)
			if err != nil || len(games) != 0 {
				t.Errorf("%s asks for his games and gets %v, %v", b.name, games, err)
			}
			if p.ID != e.parties[b.name] || state.Session.PartyID != p.ID || p.InviteCode != g.code || p.InMatchmaking {
				t.Errorf("%s is in party %+v, session %+v; want %v", b.name, p, state.Session, e.parties[b.name])
			}
			for _, mate := range g.bots() {
				if m, in := p.Member(mate.player.ID()); !in || !m.Ready {
					t.Errorf("%s is in the party of %s: %v, ready: %v", mate.name, b.name, in, m.Ready)
				}
			}
			if view, err := ext.As[lobbyView](p.Ext); err != nil || view.Mode != "duel" {
				t.Errorf("the party of %s says %+v, %v", b.name, view, err)
			}
			if got := b.player.Tokens(); got != e.tokens[b.name] {
				t.Errorf("%s has other tokens than before", b.name)
			}
		}
	}
}
