package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// cast is who plays in a custom game of four: one makes it, one comes late, and
// one cheats until the game server removes him.
type cast struct{ host, guest, cheat, late *bot }

func (c *cast) bots() []*bot { return []*bot{c.host, c.guest, c.cheat, c.late} }

// rehearse tells the bots what to do. comesLate is called when the late one has
// a seat. It returns how often he has drawn in the end.
func (c *cast) rehearse(ctx context.Context, game pragma.GameInstanceID, comesLate func(round int)) (played *int) {
	seated := make(chan struct{})
	c.late.welcomed = sync.OnceFunc(func() { close(seated) })
	c.host.draw = func(round int) int {
		if round == 2 { // he takes his time: his friend is on his way
			if c.late.join(ctx, game) == nil {
				select {
				case <-seated:
					comesLate(round)
				case <-ctx.Done():
				}
			}
		}
		return c.host.roll()
	}
	c.cheat.draw = func(round int) int {
		if round == 4 {
			return sides + 1
		}
		return c.cheat.roll()
	}
	played = new(int)
	c.late.draw = func(int) int {
		*played++
		return c.late.roll()
	}
	return played
}

// play plays the game: two join, the host starts it, and everybody follows it. The
// views are in the order of bots.
func (c *cast) play(ctx context.Context, game pragma.GameInstanceID, w *watch) (views []*seen, err error) {
	following := make(chan struct{})
	var failed error
	go func() {
		defer close(following)
		views, failed = all(c.bots(), func(b *bot) (*seen, error) { return b.playMatch(ctx, w.found, w.ready) })
	}()
	for _, b := range []*bot{c.guest, c.cheat} {
		if err := b.join(ctx, game); err != nil {
			return nil, err
		}
	}
	if err := c.host.start(ctx, game); err != nil {
		return nil, err
	}
	<-following
	return views, failed
}

// playCustom plays a custom game of two groups.
func playCustom(ctx context.Context, s *story, groups []*group) error {
	bots := players(groups)
	c := &cast{host: bots[0], guest: bots[1], cheat: bots[2], late: bots[3]}
	for _, b := range bots {
		defer b.behave()
	}
	started := time.Now()
	game, err := c.host.create(ctx)
	if err != nil {
		return err
	}
	s.say("%s makes a custom game, %s and %s join it", c.host.name, c.guest.name, c.cheat.name)
	played := c.rehearse(ctx, game, func(round int) { s.say("  %s comes late, in round %d, and is let in", c.late.name, round) })
	views, err := c.play(ctx, game, &watch{story: s, queued: started})
	if err != nil {
		return err
	}
	out := views[2]
	if out.kicked == "" {
		return fmt.Errorf("%s was not removed", c.cheat.name)
	}
	if *played == 0 {
		return fmt.Errorf("%s came late and did not play", c.late.name)
	}
	stayed := []*seen{views[0], views[1], views[3]}
	if err := checkViews(stayed); err != nil {
		return err
	}
	s.say("  %s was removed: %s", c.cheat.name, out.kicked)
	for _, v := range stayed {
		s.say("  %s (%s) saw %d:%d: %s", v.bot.name, teamName(v.team), v.score.Red, v.score.Blue, outcome(v.result))
	}
	s.say("  all four are back in their parties")
	return checkHome(groups)
}

// playBroken plays a match whose game server dies in the middle.
func playBroken(ctx context.Context, s *story, groups []*group) error {
	killer := groups[0].leader
	defer killer.behave()
	var died time.Time
	var failed error
	killer.draw = func(round int) int {
		if round == 3 {
			died, failed = time.Now(), killServer(killer.player.State().CurrentGame())
			s.say("  its server is killed in round %d", round)
		}
		return killer.roll()
	}
	views, err := playMatches(ctx, s, "final", groups)
	if err != nil || failed != nil {
		return errors.Join(err, failed)
	}
	for _, v := range views {
		if v.broken != string(client.GameEndKeepAliveFailed) {
			return fmt.Errorf("%s was told %q of the end of his match", v.bot.name, v.broken)
		}
	}
	s.say("  after %.1f s without a sign of life all are told, are back in their parties, and play again", time.Since(died).Seconds())
	return checkHome(groups)
}

// killServer kills the server of a game, which has told its players what process
// it is.
func killServer(game *client.GameInstance) error {
	if game == nil || game.Host == nil {
		return errors.New("there is no game server to kill")
	}
	info, err := ext.As[serverInfo](game.Host.Ext)
	if err != nil {
		return err
	}
	process, err := os.FindProcess(info.PID)
	if err != nil {
		return err
	}
	return process.Kill()
}
