package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/openpragma/engine/pragma"
)

// interrupted returns a context that an interrupt ends: until the very end, as a
// signal that comes while the program is ending must not make a failure of it.
func interrupted() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	return ctx
}

func run(ctx context.Context, args []string, out io.Writer) error {
	command := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	switch command {
	case "":
		return demo(ctx, args, out)
	case "serve":
		return serve(ctx, args, out)
	case "gameserver":
		return runGameServer(ctx, args)
	}
	return fmt.Errorf("unknown command %q: want none, serve or gameserver", command)
}

// demoConfig lets the demonstration run beside anything else on the machine, and
// has a game server count as dead soon.
const demoConfig = `
core:
  gatewayManager:
    social: {player: {address: "127.0.0.1:0"}, partner: {address: "127.0.0.1:0"}, operator: {enabled: false}}
    game:   {player: {address: "127.0.0.1:0"}, partner: {address: "127.0.0.1:0"}, operator: {enabled: false}}
game:
  serviceConfigs:
    GameInstanceServiceConfig: {keepAliveIntervalMillis: 500, keepAliveMissesLimit: 5}
`

// demo runs the backend, lets eight bots play an evening, and stops it.
func demo(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("skirmish", flag.ContinueOnError)
	config := flags.String("config", "", "a YAML `file` with configuration, such as another database")
	if stop, err := parse(flags, args, out); stop {
		return err
	}
	s := newStory(out)
	dir, err := os.MkdirTemp("", "skirmish")
	if err != nil {
		return fmt.Errorf("make a place for the database: %w", err)
	}
	defer os.RemoveAll(dir)
	cfg, where, err := demoConfiguration(*config)
	if err != nil {
		return err
	}
	warnings := slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelWarn}))
	srv, err := backend(cfg, filepath.Join(dir, "skirmish.db"), warnings)
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
		s.say("the backend is ready, its state is %s", where)
		err = tell(ctx, s, addresses)
	}
	stop()
	err = errors.Join(err, <-done)
	if err == nil {
		s.say("the backend has stopped; nothing and nobody was lost")
	}
	return err
}

// demoConfiguration returns the configuration of the demonstration with that of a
// file over it, and where the state is then.
func demoConfiguration(file string) (cfg *pragma.Config, where string, err error) {
	texts, where := []string{demoConfig}, "in SQLite"
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, "", err
		}
		texts, where = append(texts, string(text)), "where "+file+" says"
	}
	cfg, err = pragma.ParseConfig(texts...)
	return cfg, where, err
}

// serve runs the backend on the documented ports until it is interrupted.
func serve(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	file := flags.String("db", "skirmish.db", "the database `file`; made if it is not there")
	config := flags.String("config", "", "a YAML `file` with configuration")
	if stop, err := parse(flags, args, out); stop {
		return err
	}
	cfg := &pragma.Config{}
	if *config != "" {
		var err error
		if cfg, err = pragma.LoadConfig(*config); err != nil {
			return err
		}
	}
	srv, err := backend(cfg, *file, slog.New(slog.NewTextHandler(out, nil)))
	if err != nil {
		return err
	}
	srv.Ready = func(a pragma.Addresses) {
		for _, g := range pragma.Gateways() {
			if a[g] != "" {
				fmt.Fprintf(out, "%-16s http://%s\n", g, a[g])
			}
		}
	}
	return srv.Run(ctx)
}

// parse reads the flags of a command. stop means that there is nothing to do.
func parse(flags *flag.FlagSet, args []string, out io.Writer) (stop bool, err error) {
	flags.SetOutput(out)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return true, nil // it is printed
	case err != nil:
		return true, err
	case flags.NArg() > 0:
		return true, fmt.Errorf("%s does not know what to do with %q", flags.Name(), flags.Args())
	}
	return false, nil
}
