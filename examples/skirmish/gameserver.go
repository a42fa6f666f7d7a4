package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

const (
	// matchTime bounds a match, whatever happens.
	matchTime = 10 * time.Minute
	// joinTime is how long players have to reach the game's port.
	joinTime = time.Minute
	// defaultPatience is how long a game server goes on without its backend.
	defaultPatience = time.Minute
)

// runGameServer is the program that plugins/localprocess starts for each match.
// It links to its game instance, lets the players in, plays the rounds, and ends
// the game. A backend that goes away and comes back does not disturb it.
//
// SKIRMISH_PATIENCE is how long it waits for a backend that is away, and
// SKIRMISH_PACE makes each round last longer; both are durations such as 2s.
func runGameServer(ctx context.Context, args []string) error {
	opts, err := client.GameServerFromEnv(args)
	if err != nil {
		return err
	}
	patience, err := durationFromEnv("SKIRMISH_PATIENCE", defaultPatience)
	if err != nil {
		return err
	}
	pace, err := durationFromEnv("SKIRMISH_PACE", 0)
	if err != nil {
		return err
	}
	opts.Reconnect = client.Reconnect{
		Initial: 100 * time.Millisecond, Jitter: 100 * time.Millisecond, Max: 2 * time.Second, GiveUp: patience,
	}
	err = serveMatch(ctx, opts, pace)
	if ctx.Err() != nil { // the backend stops, and wants this to stop too
		return nil
	}
	return err
}

func durationFromEnv(name string, usual time.Duration) (time.Duration, error) {
	text := os.Getenv(name)
	if text == "" {
		return usual, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// serveMatch serves one match from connecting to the backend to its end.
func serveMatch(ctx context.Context, opts client.GameServerOptions, pace time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, stop := context.WithTimeoutCause(ctx, matchTime, errors.New("the match takes too long"))
	defer stop()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open the game's port: %w", err)
	}
	defer port.Close()
	backend, err := connect(ctx, opts)
	if err != nil {
		return fmt.Errorf("connect to the backend: %w", err)
	}
	defer backend.Close()
	m := &match{backend: backend, id: opts.GameInstanceID, pace: pace, port: port, came: make(chan struct{}, 1)}
	// A match is not played on when the backend has given it up, or is away for
	// too long.
	defer client.On(backend, func(e client.GameOver) { cancel(fmt.Errorf("the backend ended the game: %s", e.Reason)) })()
	defer client.On(backend, func(client.GameLost) { cancel(errors.New("the backend does not know the game any more")) })()
	defer client.On(backend, func(e client.Ended) { cancel(e.Err) })()
	defer client.On(backend, func(e client.PlayersAdded) { m.addMore(ctx, e.Players) })()
	return m.serve(ctx)
}

// connect reaches the backend, which may be starting again just now.
func connect(ctx context.Context, opts client.GameServerOptions) (backend *client.GameServer, err error) {
	ctx, stop := context.WithTimeoutCause(ctx, opts.Reconnect.GiveUp, client.ErrGaveUp)
	defer stop()
	err = insist(ctx, func() error {
		backend, err = client.NewGameServer(ctx, opts)
		return err
	})
	return backend, err
}

// retryPause lets the backend breathe.
const retryPause = 100 * time.Millisecond

// insist makes a call until the backend answers it. Only calls that may take
// effect twice are made this way: after a break nobody knows whether the last try
// did. A client that has given up reconnecting ends it, and so does ctx.
func insist(ctx context.Context, call func() error) error {
	for {
		err := call()
		if err == nil || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		case <-time.After(retryPause):
		}
	}
}

// passing reports whether the same call may work a moment later.
func passing(err error) bool {
	if refused, ok := errors.AsType[*pragma.Error](err); ok {
		return refused.Code == pragma.Unavailable || refused.Code == pragma.ResourceExhausted
	}
	return !errors.Is(err, client.ErrClosed)
}
