package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma/ext"
)

// bot plays this game as a person would, through the client SDK.
type bot struct {
	name   string
	player *client.Player
	events *client.Subscription
	dice   *rand.Rand
}

func logIn(ctx context.Context, opts client.Options, name string) (*bot, error) {
	player, err := client.LogIn(ctx, opts, client.Unsafe(name, name))
	if err != nil {
		return nil, fmt.Errorf("log %s in: %w", name, err)
	}
	seed := uint64(name[0])<<8 | uint64(name[len(name)-1])
	return &bot{name: name, player: player, events: player.Subscribe(), dice: rand.New(rand.NewPCG(seed, seed))}, nil
}

// seen is what one bot saw of a match.
type seen struct {
	bot    *bot
	team   int
	host   *client.Host
	score  score
	plans  []string // of all teams he can see
	hidden bool     // whether the hidden entry ever reached him
	result gameResult
}

// playMatch follows one match from being matched to being back in the party.
func (b *bot) playMatch(ctx context.Context, found func(*client.GameInstance), ready func(*client.Host)) (*seen, error) {
	s := &seen{bot: b}
	played := make(chan error, 1)
	playing, ended := false, false
	for {
		event, err := b.events.Next(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s waits for the match: %w", b.name, err)
		}
		switch e := event.(type) {
		case client.GameJoined:
			me, _ := e.Game.Player(b.player.ID())
			s.team = me.Team
			s.look(e.Game)
			found(e.Game)
		case client.HostReady:
			s.host, playing = e.Host, true
			ready(e.Host)
			go func() { played <- playAt(ctx, e.Host, b.player.ID(), func() int { return 1 + b.dice.IntN(6) }) }()
		case client.GameUpdated:
			if game := b.player.State().Game(e.GameInstanceID); game != nil {
				s.look(game)
			}
		case client.GameStartFailed:
			return nil, fmt.Errorf("%s: no game server came up", b.name)
		case client.GameTerminated:
			return nil, fmt.Errorf("%s: the match broke off: %s", b.name, e.Reason)
		case client.GameEnded:
			ended = true
			if s.result, err = ext.As[gameResult](e.Ext); err != nil {
				return nil, fmt.Errorf("%s reads the result: %w", b.name, err)
			}
		case client.PartyChanged:
			if !ended {
				continue // before the match
			}
			if playing {
				if err := <-played; err != nil {
					return nil, fmt.Errorf("%s plays: %w", b.name, err)
				}
			}
			return s, nil
		}
	}
}

// look notes what the bot can see of the data store.
func (s *seen) look(game *client.GameInstance) {
	if v, ok := game.Data("score"); ok {
		if now, err := ext.As[score](v); err == nil {
			s.score = now
		}
	}
	s.plans = nil
	for _, team := range []int{red, blue} {
		if v, ok := game.Data("plan-" + teamName(team)); ok {
			if p, err := ext.As[plan](v); err == nil {
				s.plans = append(s.plans, p.Text)
			}
		}
	}
	if _, ok := game.Data("secret"); ok {
		s.hidden = true
	}
}
