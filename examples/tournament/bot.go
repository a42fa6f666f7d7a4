package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/pragma/ext"
)

// bot is a player with the game's client, which has the platform's plugin in it.
type bot struct {
	name   string
	player *client.Player
}

func logIn(ctx context.Context, opts client.Options, name string) (*bot, error) {
	player, err := client.LogIn(ctx, opts, client.Unsafe(name, name))
	if err != nil {
		return nil, fmt.Errorf("log %s in: %w", name, err)
	}
	return &bot{name: name, player: player}, nil
}

// playSet is what the client does when the platform's plugin says that a set has
// started. It returns the points, or errOver when the set was over before there was
// a game.
func (b *bot) playSet(ctx context.Context, setID string) (points int, err error) {
	events := b.player.Subscribe() // before anything can happen
	defer events.Close()
	queued, err := b.queue(ctx, setID)
	if err != nil {
		return 0, fmt.Errorf("%s queues for %s: %w", b.name, setID, err)
	}
	if err := b.gather(ctx, events, queued); err != nil {
		return 0, fmt.Errorf("%s waits for the others of %s: %w", b.name, setID, err)
	}
	ended, err := client.Await(ctx, events, func(client.GameEnded) bool { return true })
	if err != nil {
		return 0, fmt.Errorf("%s plays %s: %w", b.name, setID, err)
	}
	result, err := ext.As[duelResult](ended.Ext)
	return result.Points, err
}

// queue asks for the party of the set. The platform tells clients and backend at the
// same time, so the backend may hear of the set a moment later.
func (b *bot) queue(ctx context.Context, setID string) (*client.QueuedForSet, error) {
	for pause := 20 * time.Millisecond; ; pause *= 2 { // a real client begins with a second
		queued, err := b.player.QueueForSet(ctx, setID)
		if !errors.Is(err, escs.ErrPartyNotFound) {
			return queued, err
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// errOver is a set whose time was over.
var errOver = errors.New("the set is over")

// gather waits until everybody is there and ready. Then the leader enters
// matchmaking. Whoever waits in vain leaves the party.
func (b *bot) gather(ctx context.Context, events *client.Subscription, queued *client.QueuedForSet) error {
	until, stop := context.WithDeadline(ctx, queued.Ends)
	defer stop()
	complete, err := client.Await(until, events, func(e client.TournamentPartyComplete) bool { return e.SetID == queued.SetID })
	if until.Err() != nil && ctx.Err() == nil {
		return errors.Join(errOver, b.player.Party.Leave(ctx))
	}
	if err != nil {
		return err
	}
	if _, err := b.player.Party.SetReady(ctx, true); err != nil {
		return err
	}
	if complete.LeaderID != b.player.ID() {
		return nil
	}
	if _, err := b.player.Wait(ctx, func(s client.State) bool { return allReady(s.Party) }); err != nil {
		return err
	}
	_, err = b.player.Party.EnterMatchmaking(ctx)
	return err
}

func allReady(p *client.Party) bool {
	return p != nil && !slices.ContainsFunc(p.Members, func(m client.PartyMember) bool { return !m.Ready })
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
