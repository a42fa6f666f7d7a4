package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// bot plays this game as a person would, through the client SDK.
type bot struct {
	name   string
	player *client.Player
	events *client.Subscription
	dice   *rand.Rand

	// What he does in a match, between matches to be changed: what he draws, and
	// what happens when a game server lets him in.
	draw     func(round int) int
	welcomed func()
}

func logIn(ctx context.Context, opts client.Options, name string) (*bot, error) {
	player, err := client.LogIn(ctx, opts, client.Unsafe(name, name))
	if err != nil {
		return nil, fmt.Errorf("log %s in: %w", name, err)
	}
	seed := uint64(name[0])<<8 | uint64(name[len(name)-1])
	b := &bot{name: name, player: player, events: player.Subscribe(), dice: rand.New(rand.NewPCG(seed, seed))}
	b.behave()
	return b, nil
}

// behave has the bot play as everybody does.
func (b *bot) behave() {
	b.draw = func(int) int { return b.roll() }
	b.welcomed = func() {}
}

func (b *bot) roll() int { return 1 + b.dice.IntN(sides) }

// queue takes the bot's party into matchmaking. When the answer is lost he asks
// again, and is then refused if the first time had worked.
func (b *bot) queue(ctx context.Context) error {
	tries := 0
	err := insist(ctx, func() error {
		tries++
		_, err := b.player.Party.EnterMatchmaking(ctx)
		return err
	})
	if tries > 1 && (errors.Is(err, party.ErrPlayerInMatchmaking) || errors.Is(err, party.ErrInvalidState) || errors.Is(err, party.ErrInvalidSession)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s enters matchmaking: %w", b.name, err)
	}
	return nil
}

// create makes a custom game.
func (b *bot) create(ctx context.Context) (pragma.GameInstanceID, error) {
	err := b.once(ctx, gameinstance.ErrCreateFailed, func() error {
		_, _, err := b.player.Games.Create(ctx, client.CreateGame{})
		return err
	})
	if err != nil {
		return pragma.GameInstanceID{}, fmt.Errorf("%s creates a game: %w", b.name, err)
	}
	return b.player.State().Session.GameInstanceID, nil
}

// join joins a custom game.
func (b *bot) join(ctx context.Context, id pragma.GameInstanceID) error {
	err := b.once(ctx, gameinstance.ErrPlayerJoinFailed, func() error {
		_, err := b.player.Games.Join(ctx, id, ext.Value{})
		return err
	})
	if err != nil {
		return fmt.Errorf("%s joins the game: %w", b.name, err)
	}
	return nil
}

// once makes a call that takes him into a game. When the answer is lost he asks
// again, and is then refused if the first time had worked. It returns when his
// session says that he is in.
func (b *bot) once(ctx context.Context, again error, call func() error) error {
	tries := 0
	err := insist(ctx, func() error {
		tries++
		return call()
	})
	if err != nil && !(tries > 1 && errors.Is(err, again)) {
		return err
	}
	_, err = b.player.Wait(ctx, func(s client.State) bool { return !s.Session.GameInstanceID.IsZero() })
	return err
}

// start asks for the game server of his custom game.
func (b *bot) start(ctx context.Context, id pragma.GameInstanceID) error {
	if err := insist(ctx, func() error { return b.player.Games.Update(ctx, id, ext.Value{}) }); err != nil {
		return fmt.Errorf("%s starts the game: %w", b.name, err)
	}
	return nil
}

// playMatch follows one match from being matched to being back in the party.
// Events say what happened; whatever may have been missed during a break is
// taken from the player's state, which is true in any case.
func (b *bot) playMatch(ctx context.Context, found func(*client.GameInstance), ready func(*client.Host)) (*seen, error) {
	s := &seen{bot: b, plans: make(map[string]string)}
	var played chan error // nil until he plays
	for {
		if err := s.next(ctx); err != nil {
			return nil, fmt.Errorf("%s follows a match: %w", b.name, err)
		}
		state := b.player.State()
		if game := state.CurrentGame(); game != nil && !s.over {
			if s.game.IsZero() {
				s.enter(game)
				found(game)
			}
			if game.Host != nil && played == nil {
				ready(game.Host)
				played = make(chan error, 1)
				go func() { played <- b.play(ctx, game.ID) }()
			}
		}
		if !s.free(state) {
			continue
		}
		if played != nil {
			if err := <-played; err != nil {
				return nil, fmt.Errorf("%s plays: %w", b.name, err)
			}
		}
		return s, nil
	}
}

// play plays at the game server, and comes again when the connection breaks,
// until the game is over.
func (b *bot) play(ctx context.Context, id pragma.GameInstanceID) error {
	for {
		game := b.player.State().Game(id)
		if game == nil {
			return nil
		}
		if game.Host != nil && playAt(ctx, game.Host, b.player.ID(), b.welcomed, b.draw) == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(retryPause):
		}
	}
}
