// Command pragma is the development server and the tool box of the engine:
//
//	pragma serve            run a backend with the default plugins
//	pragma config check     find every mistake in configuration files
//	pragma matchmaking      dump a queue, explain why a party waits, simulate rules
//	pragma store            migrate, check, export, import and back up databases
//	pragma bench            measure the figures the documentation states
//	pragma version
//
// Games of serve wait for game servers that ask for them (wire §7.6), with the
// partner tokens that an operator makes; with -no-game-servers they run without.
// A studio runs its own main instead of serve; see examples/hello.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = context.Cause(ctx) // the signal says more
	}
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "pragma:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		os.Exit(2)
	}
	os.Exit(1)
}

// run is the whole program. It returns when the command is done or ctx has
// ended, and leaves nothing running.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	err := group{"pragma", commands()}.run(ctx, args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil // the help is printed
	}
	return err
}

func commands() []command {
	return []command{
		{name: "serve", short: "run a backend with the default plugins", run: serve},
		{name: "config", short: "check configuration files", run: group{"pragma config", []command{
			{name: "check", args: "file.yml…", short: "find every mistake in the files", run: configCheck},
		}}.run},
		{name: "matchmaking", short: "look into queues, and try rules", run: group{"pragma matchmaking", matchmakingCommands()}.run},
		{name: "store", short: "migrate, check, export, import and back up databases", run: group{"pragma store", storeCommands()}.run},
		{name: "bench", short: "measure this machine and this build", run: group{"pragma bench", benchmarks()}.run},
		{name: "version", short: "print version, revision and Go release", run: printVersion},
	}
}

func benchmarks() []command {
	return []command{
		{name: "calls", short: "calls over a socket against a bare echo", run: benchCalls},
		{name: "fanout", short: "a notification to many players", run: benchFanOut},
		{name: "idle", short: "memory of an idle authenticated socket", run: benchIdle},
		{name: "store", short: "commits of the embedded database", run: benchStore},
		{name: "party", short: "durable party updates end to end", run: benchParty},
		{name: "deliveries", short: "party updates to many sockets, on one processor", run: benchDeliveries},
		{name: "creates", short: "durable creates of parties", run: benchCreates},
		{name: "members", short: "what each further member of a party costs", run: benchMembers},
		{name: "game", short: "the data of a game by its size, and games made and ended", run: benchGame},
		{name: "matchmaking", short: "players who wait, are matched at once and are told", run: benchMatchmaking},
		{name: "start", short: "from nothing to the first match", run: benchStart},
		{name: benchServerName, short: "the server process of the other benchmarks", run: benchServer, hidden: true},
	}
}
