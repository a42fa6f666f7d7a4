package main

import (
	"context"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// seen is what one bot saw of a match.
type seen struct {
	bot    *bot
	game   pragma.GameInstanceID
	team   int
	score  score
	plans  map[string]string // of all teams he can see
	hidden bool              // whether the hidden entry ever reached him
	over   bool
	told   bool // the result
	result gameResult
	kicked string // why the game server removed him, if it did
	broken string // why the match broke off, if it did
	lost   bool   // he noticed that it was over before he was told, if he was
}

// free reports whether a bot is in no match any more.
func (s *seen) free(state client.State) bool {
	return s.over && state.CurrentGame() == nil && state.Session.GameInstanceID.IsZero()
}

// noServer is a match that never began.
const noServer = "no game server came up"

// farewell is how long a bot waits to be told why he is in a match no more.
const farewell = 2 * time.Second

// next takes the next event.
func (s *seen) next(ctx context.Context) error {
	wait := ctx
	if s.lost {
		var stop func()
		wait, stop = context.WithTimeout(ctx, farewell)
		defer stop()
	}
	event, err := s.bot.events.Next(wait)
	if err != nil && s.lost && ctx.Err() == nil {
		s.over = true
		return nil
	}
	if err != nil {
		return err
	}
	return s.follow(event)
}

// follow takes one event. Those about other matches come late and mean nothing.
func (s *seen) follow(event client.Event) (err error) {
	switch e := event.(type) {
	case client.GameUpdated:
		if e.GameInstanceID != s.game {
			return nil
		}
		for _, entry := range e.Changed {
			s.note(entry.Key, entry.Data)
		}
		if game := s.bot.player.State().Game(s.game); game != nil && e.Replaced {
			s.look(game)
		}
	case client.GameStartFailed:
		s.broken = noServer // the end follows
	case client.GameEnded:
		if e.GameInstanceID == s.game {
			s.over, s.told = true, s.broken == ""
			s.result, err = ext.As[gameResult](e.Ext)
		}
	case client.RemovedFromGame:
		if e.GameInstanceID == s.game {
			var why kicked
			why, err = ext.As[kicked](e.Ext)
			s.over, s.kicked = true, why.Reason
		}
	case client.GameTerminated:
		if e.GameInstanceID == s.game {
			s.over, s.broken = true, string(e.Reason)
		}
	case client.GameLost:
		s.lost = s.lost || e.GameInstanceID == s.game
	}
	return err
}

// enter notes what a bot sees of a match at first.
func (s *seen) enter(game *client.GameInstance) {
	me, _ := game.Player(s.bot.player.ID())
	s.game, s.team = game.ID, me.Team
	s.look(game)
}

// look notes what the bot can see of the data store.
func (s *seen) look(game *client.GameInstance) {
	for entry, data := range game.Entries() {
		s.note(entry.Key, data)
	}
}

func (s *seen) note(key string, data ext.Value) {
	switch key {
	case scoreEntry.Name:
		if now, err := ext.As[score](data); err == nil {
			s.score = now
		}
	case redPlan.Name, bluePlan.Name:
		if p, err := ext.As[plan](data); err == nil {
			s.plans[key] = p.Text
		}
	case secretEntry.Name:
		s.hidden = true
	}
}
