package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

// playRound plays a round of matches and returns who won and who lost.
func playRound(ctx context.Context, s *story, name string, groups []*group) (winners, losers []*group, err error) {
	views, err := playMatches(ctx, s, name, groups)
	if err != nil {
		return nil, nil, err
	}
	return conclude(s, name, groups, views)
}

// playMatches queues all groups, follows their matches to the end, and returns
// what everybody saw, in the order of the groups.
func playMatches(ctx context.Context, s *story, name string, groups []*group) ([]*seen, error) {
	queued := time.Now()
	w := &watch{story: s, name: name, queued: queued}
	following := make(chan struct{})
	var views []*seen
	var failed error
	go func() {
		defer close(following)
		views, failed = all(players(groups), func(b *bot) (*seen, error) { return b.playMatch(ctx, w.found, w.ready) })
	}()
	for _, g := range groups {
		if err := g.leader.queue(ctx); err != nil {
			return nil, err
		}
	}
	<-following
	return views, failed
}

func players(groups []*group) (list []*bot) {
	for _, g := range groups {
		list = append(list, g.bots()...)
	}
	return list
}

// watch tells once per match what every player of it is told. A match without a
// name is a custom one.
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
	if w.name == "" {
		return // it was not looked for
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

// conclude checks what everybody saw of a round, and tells it.
func conclude(s *story, name string, groups []*group, views []*seen) (winners, losers []*group, err error) {
	if err := checkViews(views); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := checkHome(groups); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	for n, g := range groups {
		v := views[2*n] // the leader's
		s.say("  %s (%s) saw %d:%d after %d rounds and only their own plan, %q: %s; back in party %s",
			g, teamName(v.team), v.score.Red, v.score.Blue, v.score.Round, v.plans["plan-"+teamName(v.team)], outcome(v.result), g.code)
		if v.result.Won {
			winners = append(winners, g)
		} else {
			losers = append(losers, g)
		}
	}
	if len(winners) == 0 {
		return nil, nil, errors.New("nobody won")
	}
	return winners, losers, nil
}

// checkViews checks that all players of a match saw the same public truth and
// nothing else.
func checkViews(views []*seen) error {
	for _, v := range views {
		if v.broken != "" || !v.told {
			return fmt.Errorf("%s was not told the result: %s", v.bot.name, v.broken)
		}
		if v.hidden || len(v.plans) != 1 {
			return fmt.Errorf("%s saw %d plans and the hidden entry: %v; want his team's plan alone", v.bot.name, len(v.plans), v.hidden)
		}
		if v.score != v.result.Score || v.score.Round != rounds {
			return fmt.Errorf("%s saw %+v, but the result says %+v", v.bot.name, v.score, v.result.Score)
		}
	}
	return nil
}

// checkHome checks that everybody is back in his party.
func checkHome(groups []*group) error {
	for _, g := range groups {
		for _, b := range g.bots() {
			if p := b.player.State().Party; p == nil || p.InviteCode != g.code || len(p.Members) != 2 {
				return fmt.Errorf("%s is not back in party %s", b.name, g.code)
			}
		}
	}
	return nil
}

func outcome(r gameResult) string {
	if r.Won {
		return "won"
	}
	return "lost"
}
