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

// Write adds what the backend has to say, so that lines do not mix.
func (s *story) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(text)
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

// tell plays two semi-finals at the same time, a custom game of those who lost,
// and a final, which has to be played twice.
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

	winners, losers, err := playRound(ctx, s, "semi-final", groups)
	if err != nil {
		return err
	}
	if len(winners) != 2 || len(losers) != 2 {
		return fmt.Errorf("%d groups won the semi-finals and %d lost them, want 2 and 2", len(winners), len(losers))
	}
	if err := playCustom(ctx, s, losers); err != nil {
		return fmt.Errorf("custom game: %w", err)
	}
	if err := playBroken(ctx, s, winners); err != nil {
		return fmt.Errorf("final that breaks off: %w", err)
	}
	champions, _, err := playRound(ctx, s, "final", winners)
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
