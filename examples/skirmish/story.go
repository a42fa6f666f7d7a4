package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// story tells what happens, with the time since the start.
type story struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func newStory(out io.Writer) *story { return &story{out: out, start: time.Now()} }

func (s *story) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%7.3fs  %s\n", time.Since(s.start).Seconds(), fmt.Sprintf(format, args...))
}

// group is two bots who play together.
type group struct {
	leader, mate *bot
	code         string
}

func (g *group) String() string { return g.leader.name + " and " + g.mate.name }

func (g *group) bots() []*bot { return []*bot{g.leader, g.mate} }

var names = []string{"ada", "ben", "cora", "dan", "eve", "finn", "gwen", "hugo"}

// tell plays two semi-finals at the same time and a final.
func tell(ctx context.Context, s *story, addresses pragma.Addresses) error {
	opts := client.Options{
		Game:   addresses[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}],
		Social: addresses[pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}],
	}
	bots, err := all(names, func(name string) (*bot, error) { return logIn(ctx, opts, name) })
	for _, b := range bots {
		if b != nil {
			defer b.player.Close()
		}
	}
	if err != nil {
		return err
	}
	s.say("%d players are logged in, each with a socket to both backends", len(bots))

	pairs := slices.Collect(slices.Chunk(bots, 2))
	groups, err := all(pairs, func(pair []*bot) (*group, error) { return gather(ctx, pair[0], pair[1]) })
	if err != nil {
		return err
	}
	for _, g := range groups {
		s.say("party %s: %s, all ready", g.code, g)
	}

	winners, err := playRound(ctx, s, "semi-final", groups)
	if err != nil {
		return err
	}
	if len(winners) != 2 {
		return fmt.Errorf("%d groups won the semi-finals, want 2", len(winners))
	}
	champions, err := playRound(ctx, s, "final", winners)
	if err != nil {
		return err
	}
	s.say("%s have won", champions[0])
	return nil
}

// gather makes a party of two: one creates it, the other joins by its code.
func gather(ctx context.Context, leader, mate *bot) (*group, error) {
	p, err := leader.player.Party.Create(ctx, client.CreateParty{})
	if err != nil {
		return nil, fmt.Errorf("%s creates a party: %w", leader.name, err)
	}
	if _, err := mate.player.Party.JoinWithInviteCode(ctx, strings.ToLower(p.InviteCode), ext.Value{}); err != nil {
		return nil, fmt.Errorf("%s joins by code: %w", mate.name, err)
	}
	if _, err := leader.player.Party.Update(ctx, ext.Of(lobbyRequest{Mode: "duel"})); err != nil {
		return nil, fmt.Errorf("%s chooses the mode: %w", leader.name, err)
	}
	for _, b := range []*bot{leader, mate} {
		if _, err := b.player.Party.SetReady(ctx, true); err != nil {
			return nil, fmt.Errorf("%s gets ready: %w", b.name, err)
		}
	}
	return &group{leader: leader, mate: mate, code: p.InviteCode}, nil
}

// playRound queues all groups, follows their matches to the end, and returns
// those who won.
func playRound(ctx context.Context, s *story, name string, groups []*group) ([]*group, error) {
	var players []*bot
	for _, g := range groups {
		players = append(players, g.bots()...)
	}
	queued := time.Now()
	w := &watch{story: s, name: name, queued: queued}
	following := make(chan struct{})
	var views []*seen
	var failed error
	go func() {
		defer close(following)
		views, failed = all(players, func(b *bot) (*seen, error) { return b.playMatch(ctx, w.found, w.ready) })
	}()
	for _, g := range groups {
		if err := g.leader.queue(ctx); err != nil {
			return nil, err
		}
	}
	<-following
	if failed != nil {
		return nil, failed
	}
	return conclude(s, name, groups, views)
}

// watch tells once per match what every player of it is told.
type watch struct {
	story  *story
	name   string
	queued time.Time

	mu    sync.Mutex
	games map[pragma.GameInstanceID]bool
	hosts map[pragma.GameInstanceID]bool
}

func (w *watch) found(g *client.GameInstance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.games == nil {
		w.games, w.hosts = make(map[pragma.GameInstanceID]bool), make(map[pragma.GameInstanceID]bool)
	}
	if w.games[g.ID] {
		return
	}
	w.games[g.ID] = true
	teams := [2][]string{}
	for _, p := range g.Players {
		teams[p.Team] = append(teams[p.Team], p.DisplayName.DisplayName)
	}
	w.story.say("%s found after %d ms: %s against %s", w.name, time.Since(w.queued).Milliseconds(),
		strings.Join(teams[red], "+"), strings.Join(teams[blue], "+"))
}

func (w *watch) ready(h *client.Host) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.hosts[h.GameInstanceID] {
		w.hosts[h.GameInstanceID] = true
		w.story.say("  its server is ready after %d ms, on port %d; tokens are checked at the door",
			time.Since(w.queued).Milliseconds(), h.Port)
	}
}

// conclude checks that all players of a match saw the same public truth and
// nothing else, and tells it.
func conclude(s *story, name string, groups []*group, views []*seen) ([]*group, error) {
	byBot := make(map[*bot]*seen)
	for _, v := range views {
		byBot[v.bot] = v
		if !v.told {
			return nil, fmt.Errorf("%s was not told the result of the %s", v.bot.name, name)
		}
		if v.hidden || len(v.plans) != 1 {
			return nil, fmt.Errorf("%s saw %d plans and the hidden entry: %v; want his team's plan alone", v.bot.name, len(v.plans), v.hidden)
		}
		if v.score != v.result.Score {
			return nil, fmt.Errorf("%s saw %+v, but the result says %+v", v.bot.name, v.score, v.result.Score)
		}
	}
	var winners []*group
	for _, g := range groups {
		v := byBot[g.leader]
		s.say("  %s (%s) saw %d:%d after %d rounds and only their own plan, %q: %s; back in party %s",
			g, teamName(v.team), v.score.Red, v.score.Blue, v.score.Round, v.plans["plan-"+teamName(v.team)], outcome(v.result), g.code)
		if v.result.Won {
			winners = append(winners, g)
		}
		for _, b := range g.bots() {
			if p := b.player.State().Party; p == nil || p.InviteCode != g.code || len(p.Members) != 2 {
				return nil, fmt.Errorf("%s is not back in party %s after the %s", b.name, g.code, name)
			}
		}
	}
	if len(winners) == 0 {
		return nil, errors.New("nobody won")
	}
	return winners, nil
}

func outcome(r gameResult) string {
	if r.Won {
		return "won"
	}
	return "lost"
}

// all runs fn for every item at the same time and returns the results in order.
func all[In, Out any](items []In, fn func(In) (Out, error)) ([]Out, error) {
	results, errs := make([]Out, len(items)), make([]error, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		wg.Go(func() { results[i], errs[i] = fn(item) })
	}
	wg.Wait()
	return results, errors.Join(errs...)
}
