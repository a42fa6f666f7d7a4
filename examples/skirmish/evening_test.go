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
	ended  map[pragma.GameInstanceID]int
	lost   map[pragma.GameInstanceID]int
	bad    []string
	on     func(client.Event)
}

func newLedger(on func(client.Event)) *ledger {
	return &ledger{
		joined: make(map[pragma.GameInstanceID]int),
		ended:  make(map[pragma.GameInstanceID]int),
		lost:   make(map[pragma.GameInstanceID]int),
		on:     on,
	}
}

func (l *ledger) note(event client.Event) {
	l.on(event)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := event.(type) {
	case client.GameJoined:
		l.joined[e.Game.ID]++
	case client.GameEnded:
		l.ended[e.GameInstanceID]++
	case client.GameLost:
		l.lost[e.GameInstanceID]++
	case client.Ended, client.EventsLost, client.PartyLeft, client.GameTerminated, client.GameStartFailed,
		client.RemovedFromGame, client.MatchmakingFailed:
		l.bad = append(l.bad, fmt.Sprintf("%T%+v", e, e))
	}
}

// await waits until the player knows that a game is over: the ledger may be a
// moment behind the bot.
func (l *ledger) await(ctx context.Context, game pragma.GameInstanceID) {
	for ctx.Err() == nil {
		l.mu.Lock()
		over := l.ended[game] > 0
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

	killAt chan struct{} // gets one value when the backend is to be killed
	killed chan error    // gets one when it is back
}

// startEvening starts a backend, logs four players in and makes two parties.
// settings are those of startStand.
func startEvening(t *testing.T, at moment, settings string) *evening {
	t.Helper()
	e := &evening{
		stand: startStand(t, settings), ctx: within(t, testTime),
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
	killer.Go(func() { e.killAndRestart(at.stayDown) })
	var once sync.Once
	on := func(event client.Event) {
		if at.fits != nil && at.fits(event) {
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

// killAndRestart waits for the moment, kills the backend and starts it again.
func (e *evening) killAndRestart(stayDown bool) {
	select {
	case <-e.killAt:
	case <-e.ctx.Done():
		return
	}
	e.kill()
	if stayDown {
		e.killed <- nil
		return
	}
	e.killed <- e.start(e.ctx)
}

func (e *evening) logInAll(t *testing.T, on func(client.Event)) []*bot {
	t.Helper()
	e.ledgers = make([]*ledger, 4)
	bots, err := all([]int{0, 1, 2, 3}, func(n int) (b *bot, err error) {
		err = insist(e.ctx, func() error {
			l := newLedger(on) // of the log-in that works
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
	var bots []*bot
	for _, g := range e.groups {
		bots = append(bots, g.bots()...)
	}
	return all(bots, func(b *bot) (*seen, error) {
		return b.playMatch(ctx, func(*client.GameInstance) {}, func(*client.Host) {})
	})
}

// check fails the test if anything of a match was lost or came twice.
func (e *evening) check(t *testing.T, views []*seen) {
	t.Helper()
	var final *score
	for n, v := range views {
		l := e.ledgers[n]
		l.await(e.ctx, v.game)
		l.mu.Lock()
		if v.game != views[0].game || l.joined[v.game] != 1 {
			t.Errorf("%s joined %v %d times, %s was in %v", v.bot.name, v.game, l.joined[v.game], views[0].bot.name, views[0].game)
		}
		// Noticed and then told is possible: the answer that shows the end may
		// overtake the notification.
		if told, noticed := l.ended[v.game], l.lost[v.game]; told != 1 || noticed > 1 {
			t.Errorf("%s was told the end %d times and noticed it %d times, want once, and at most once", v.bot.name, told, noticed)
		}
		for _, bad := range l.bad {
			t.Errorf("%s: unexpected %s", v.bot.name, bad)
		}
		l.mu.Unlock()
		if v.hidden || len(v.plans) != 1 {
			t.Errorf("%s saw %v, hidden entry: %v; want his team's plan alone", v.bot.name, v.plans, v.hidden)
		}
		if !v.told {
			t.Errorf("%s was not told the result", v.bot.name)
			continue
		}
		if s := v.result.Score; s.Round != rounds || s.Red+s.Blue != rounds {
			t.Errorf("%s was told %+v, want %d rounds, each counted once", v.bot.name, s, rounds)
		}
		if final == nil {
			final = &v.result.Score
		}
		if diff := cmp.Diff(v.result.Score, *final); diff != "" {
			t.Errorf("%s was told another score than others (-got +want):\n%s", v.bot.name, diff)
		}
	}
}

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
