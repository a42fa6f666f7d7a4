package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// benchStart measures the way from nothing to the first match, as a studio sees
// it that starts its backend: a new process, a new database, a new signing key,
// four players with the client SDK in two parties of two, one queue.
func benchStart(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench start")
	runs := positive(5)
	fs.Var(&runs, "runs", "how `often` to start; the median counts")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	machine(stdout)
	ways := make([]way, int(runs))
	bare := make([]time.Duration, int(runs))
	for i := range ways {
		var err error
		if bare[i], err = bareStart(ctx, stderr); err != nil {
			return err
		}
		if ways[i], err = firstMatch(ctx, stderr); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	slices.SortFunc(ways, func(a, b way) int { return int(a.matched - b.matched) })
	w, raw := ways[(len(ways)-1)/2], percentile(bare, 50)
	fmt.Fprintf(stdout, "start, %s: first match after %s (gateways open after %s, players connected %s, queued %s), bare echo process after %s, ratio %.0f (aim 1,000 ms)\n",
		plural(len(ways), "run"), millis(w.matched), millis(w.open), millis(w.connected), millis(w.queued), millis(raw), float64(w.matched)/float64(raw))
	return nil
}

// way is when the stages of a start were reached, since its begin.
type way struct{ open, connected, queued, matched time.Duration }

// bareStart is how long a process that only echoes takes to listen.
func bareStart(ctx context.Context, stderr io.Writer) (time.Duration, error) {
	begin := time.Now()
	srv, err := startChild(ctx, stderr, "-kind", "echo")
	if err != nil {
		return 0, err
	}
	took := time.Since(begin)
	return took, srv.stop()
}

// firstMatch starts a backend from zero and follows it to its first match.
func firstMatch(ctx context.Context, stderr io.Writer) (w way, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("no match within a minute"))
	defer cancel()
	err = inTempDir(func(dir string) error {
		begin := time.Now()
		return withChild(ctx, stderr, filepath.Join(dir, "start.db"), func(srv *child) error {
			w.open = time.Since(begin)
			players, err := connect(ctx, srv.addresses, 4)
			defer func() {
				for _, p := range players {
					if p != nil {
						p.Close()
					}
				}
			}()
			if err != nil {
				return err
			}
			w.connected = time.Since(begin)
			return w.play(ctx, begin, players)
		})
	})
	return w, err
}

// connect logs players in, both their sockets included. Those who got in are
// returned with the error.
func connect(ctx context.Context, a pragma.Addresses, n int) ([]*client.Player, error) {
	opts := client.Options{Game: a[gamePlayers], Social: a[socialPlayers]}
	return each(n, n, func(i int) (*client.Player, error) {
		name := fmt.Sprintf("player-%d", i)
		return client.LogIn(ctx, opts, client.Unsafe(name, name))
	})
}

// play queues the players in parties of two and waits until all are matched.
func (w *way) play(ctx context.Context, begin time.Time, players []*client.Player) error {
	matches := make([]*client.Subscription, len(players))
	for i, p := range players {
		matches[i] = p.Subscribe()
	}
	pairs := slices.Collect(slices.Chunk(players, 2))
	_, err := each(len(pairs), len(pairs), func(i int) (struct{}, error) { return struct{}{}, queue(ctx, pairs[i]) })
	if err != nil {
		return err
	}
	w.queued = time.Since(begin)
	_, err = each(len(matches), len(matches), func(i int) (client.GameJoined, error) {
		return client.Await[client.GameJoined](ctx, matches[i], nil)
	})
	w.matched = time.Since(begin)
	return err
}

// queue makes a party of the players and has it enter matchmaking.
func queue(ctx context.Context, players []*client.Player) error {
	party, err := players[0].Party.Create(ctx, client.CreateParty{})
	if err != nil {
		return err
	}
	for _, p := range players[1:] {
		if _, err := p.Party.JoinWithInviteCode(ctx, party.InviteCode, ext.Value{}); err != nil {
			return err
		}
	}
	for _, p := range players {
		if _, err := p.Party.SetReady(ctx, true); err != nil {
			return err
		}
	}
	_, err = players[0].Party.EnterMatchmaking(ctx)
	return err
}
