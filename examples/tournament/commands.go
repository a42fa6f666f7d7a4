package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/pragma"
)

// interrupted returns a context that an interrupt ends.
func interrupted() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	return ctx
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 0:
		return demo(ctx, out)
	case args[0] == "gameserver":
		return runGameServer(ctx, args[1:])
	}
	return fmt.Errorf("unknown command %q: want none or gameserver", args[0])
}

// What platform and backend know of each other. In a real configuration secrets
// come from the environment or from files.
const (
	gameID, secret                   = "skirmish", "game-secret-of-the-evening"
	applicationID, applicationSecret = "platform", "application-secret-of-the-evening"
)

// demoConfig lets the evening run beside anything else on the machine. Results are
// sent again soon, since nobody wants to wait.
const demoConfig = `
core:
  gatewayManager:
    social: {player: {address: "127.0.0.1:0"}, partner: {address: "127.0.0.1:0"}, operator: {address: "127.0.0.1:0"}}
    game:   {player: {address: "127.0.0.1:0"}, partner: {address: "127.0.0.1:0"}, operator: {enabled: false}}
social:
  serviceConfigs:
    AuthCodeServiceConfig: {authCodeApplicationId: %q, authCodeApplicationSecret: %q}
game:
  serviceConfigs:
    EscsConfig:
      {url: %q, gameId: %q, secret: %q, resultRetryMin: 100ms, resultRetryMax: 300ms}
`

// demo runs the platform and the backend, and lets eight bots play an evening.
func demo(ctx context.Context, out io.Writer) error {
	s := &story{out: out, began: time.Now()}
	dir, err := os.MkdirTemp("", "tournament")
	if err != nil {
		return fmt.Errorf("make a place for the database: %w", err)
	}
	defer os.RemoveAll(dir)
	platform, err := escstest.Start(escstest.Options{GameID: gameID, Secret: secret})
	if err != nil {
		return err
	}
	defer platform.Close()
	cfg, err := pragma.ParseConfig(fmt.Sprintf(demoConfig, applicationID, applicationSecret, platform.URL, gameID, secret))
	if err != nil {
		return err
	}
	problems := slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelError}))
	srv, err := backend(cfg, filepath.Join(dir, "tournament.db"), problems)
	if err != nil {
		return err
	}
	ready := make(chan pragma.Addresses, 1)
	srv.Ready = func(a pragma.Addresses) { ready <- a }
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case addresses := <-ready:
		s.say("the backend and the tournament platform are ready")
		err = tell(ctx, s, platform, addresses)
	}
	stop()
	return errors.Join(err, <-done)
}
