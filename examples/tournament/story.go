package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/pragma"
)

// story tells what happens, with the time since the start.
type story struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

// Write adds what the backend has to say, so that lines do not mix.
func (s *story) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(text)
}

func (s *story) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%7.3fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

var names = []string{"ada", "ben", "cora", "dan", "eve", "finn", "gwen", "hugo"}

const (
	usual = time.Minute     // how long a set may take
	brief = 3 * time.Second // one whose end is to be seen
	away  = time.Second     // how long the platform is away, at least
)

// tell is the evening: three rounds of sets.
func tell(ctx context.Context, s *story, platform *escstest.ESCS, a pragma.Addresses) error {
	tokens, err := allow(ctx, a)
	if err != nil {
		return fmt.Errorf("make tokens for the platform: %w", err)
	}
	c := &cup{
		story: s, platform: platform, token: tokens.Social,
		social: a[pragma.Gateway{Backend: pragma.Social, Type: pragma.Partner}],
		sender: &escstest.Sender{
			Address: a[pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}], Token: tokens.Game, Secret: secret,
		},
	}
	players, err := c.gather(ctx, client.Options{
		Game:   a[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}],
		Social: a[pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}],
	})
	for _, e := range players {
		if e != nil {
			defer e.player.Close()
		}
	}
	if err != nil {
		return err
	}
	s.say("%d players have linked their accounts by one-time codes", len(players))
	champion, err := c.bracket(ctx, players)
	if err != nil {
		return err
	}
	s.say("%s has won the cup", champion.name)
	return c.ledger()
}

// gather logs the players in and links their accounts.
func (c *cup) gather(ctx context.Context, opts client.Options) ([]*entrant, error) {
	return all(names, func(i int, name string) (*entrant, error) {
		b, err := logIn(ctx, opts, name)
		if err != nil {
			return nil, err
		}
		e, err := c.link(ctx, b, i)
		if err != nil {
			b.player.Close()
		}
		return e, err
	})
}

// bracket plays the rounds: in the first one somebody does not come and the platform
// is away for a while, in the second one a game ends late, in the third one an
// answer of the platform is lost.
func (c *cup) bracket(ctx context.Context, players []*entrant) (*entrant, error) {
	hugo := players[len(players)-1]
	hugo.absent = true
	c.platform.Always(escstest.Status(503))
	c.say("the platform goes away: it refuses results")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	back := make(chan error, 1)
	go func() { back <- c.stayAway(ctx, len(players)/2-1) }()
	four, err := c.round(ctx, "quarter-final", players, func(f *fixture) {
		if f.pair[1] == hugo {
			f.ends = brief
		}
	})
	if err != nil {
		stop()
	}
	if err = errors.Join(err, <-back); err != nil {
		return nil, err
	}
	two, err := c.round(ctx, "semi-final", four, func(f *fixture) {
		if f.pair[1] == four[len(four)-1] {
			f.ends, f.mode = brief, goldenBout
		}
	})
	if err != nil {
		return nil, err
	}
	c.platform.Script(escstest.LoseAnswer())
	one, err := c.round(ctx, "final", two, func(*fixture) {})
	if err != nil {
		return nil, err
	}
	return one[0], nil
}

// stayAway has the platform come back a while after it has refused the results of
// so many sets.
func (c *cup) stayAway(ctx context.Context, sets int) error {
	for refused := make(map[string]bool); len(refused) < sets; {
		for _, r := range c.platform.Requests() {
			refused[r.Key] = true
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	if err := sleep(ctx, away); err != nil {
		return err
	}
	c.say("the platform is back")
	c.platform.Recover()
	return nil
}

// round plays the sets of one round at the same time, and returns the winners.
func (c *cup) round(ctx context.Context, name string, players []*entrant, change func(*fixture)) ([]*entrant, error) {
	var sets []fixture
	for i := 0; i < len(players); i += 2 {
		f := fixture{name: name, pair: [2]*entrant{players[i], players[i+1]}, mode: "best of five", ends: usual}
		if len(players) > 2 {
			f.name = fmt.Sprintf("%s %d", name, i/2+1)
		}
		change(&f)
		c.enter(&f)
		c.say("%s: %s against %s", f.name, f.pair[0].name, f.pair[1].name)
		sets = append(sets, f)
	}
	return all(sets, func(_ int, f fixture) (*entrant, error) { return c.play(ctx, f) })
}

// ledger lists what the platform has received, set by set. It fails if that is not
// as it should be.
func (c *cup) ledger() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.out, "\nWhat the platform has received:")
	requests := make([][]string, len(c.started))
	for _, r := range c.platform.Requests() {
		if r.Result != nil {
			n := number(r.Result.SetID)
			requests[n] = append(requests[n], became(r))
		}
	}
	for n, f := range c.started {
		if requests[n] == nil {
			requests[n] = []string{"nothing: there was no game"}
		}
		fmt.Fprintf(c.out, "  %-16s %s\n", f.name, strings.Join(shorten(requests[n]), ", "))
	}
	if wrong := c.platform.Violations(); wrong != nil {
		return fmt.Errorf("the backend has sent what it should not: %s", strings.Join(wrong, "; "))
	}
	fmt.Fprintf(c.out, "%d results of %d sets; none was sent again after it was confirmed\n", len(c.platform.Results()), len(c.started))
	return nil
}

// became says what became of a request.
func became(r escstest.Request) string {
	switch {
	case r.Duplicate:
		return "sent again and recognised"
	case r.Accepted && !r.Told:
		return "taken, but the answer got lost"
	case r.Accepted:
		return "taken"
	}
	return fmt.Sprintf("refused with %d", r.Status)
}

// shorten writes what is repeated once.
func shorten(list []string) []string {
	var short []string
	for i := 0; i < len(list); {
		n := i
		for n < len(list) && list[n] == list[i] {
			n++
		}
		if text := list[i]; n-i > 1 {
			short = append(short, fmt.Sprintf("%d times %s", n-i, text))
		} else {
			short = append(short, text)
		}
		i = n
	}
	return short
}

// all runs fn for every item at the same time and returns the results in order.
func all[In, Out any](items []In, fn func(int, In) (Out, error)) ([]Out, error) {
	results, errs := make([]Out, len(items)), make([]error, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		wg.Go(func() { results[i], errs[i] = fn(i, item) })
	}
	wg.Wait()
	return results, errors.Join(errs...)
}
