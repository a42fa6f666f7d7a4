package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// benchCreates measures durable creates of parties over real sockets: players
// who are in no party create one each, then all leave, which is not counted, and
// so on.
func benchCreates(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench creates")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	players := numbers{8, 64, 256}
	fs.Var(&players, "players", "how many players create at the same time, as a `list`")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	most := slices.Max(players)
	if err := allowFiles(most + 200); err != nil {
		return err
	}
	machine(stdout)
	return inTempDir(func(dir string) error {
		return withChild(ctx, stderr, filepath.Join(dir, "party.db"), func(srv *child) error {
			accounts, err := logInAll(ctx, srv.addresses, most)
			if err != nil {
				return errors.Join(err, context.Cause(ctx))
			}
			sockets, err := dialAll(ctx, srv.addresses[gamePlayers], gameTokens(accounts))
			defer closeAll(sockets)
			for _, n := range players {
				if err == nil {
					err = createParties(ctx, stdout, srv, sockets[:n], *duration)
				}
			}
			if err != nil {
				return errors.Join(err, context.Cause(ctx))
			}
			return nil
		})
	})
}

// createParties creates and leaves by turns until the time has passed for creates
// alone.
func createParties(ctx context.Context, stdout io.Writer, srv *child, sockets []*rawSocket, d time.Duration) error {
	var creates rate
	var server time.Duration
	var times []time.Duration
	for creates.time < d {
		if err := ctx.Err(); err != nil {
			return err
		}
		cpu, err := srv.cpu()
		if err != nil {
			return err
		}
		begin := time.Now()
		took, err := each(len(sockets), len(sockets), func(i int) (time.Duration, error) {
			start := time.Now()
			err := sockets[i].call("PartyRpc.CreateV1", nil, nil)
			return time.Since(start), err
		})
		if err != nil {
			return err
		}
		creates.add(rate{len(sockets), time.Since(begin)})
		after, err := srv.cpu()
		if err != nil {
			return err
		}
		server += after - cpu
		times = append(times, took...)
		_, err = each(len(sockets), len(sockets), func(i int) (struct{}, error) {
			return struct{}{}, sockets[i].call("PartyRpc.LeaveV1", nil, nil)
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "creates, %s: %s creates/s (aim 8,000), p50 %s, p99 %s; CPU per create: server %s\n",
		plural(len(sockets), "player"), creates, millis(percentile(times, 50)), millis(percentile(times, 99)), micros(server, creates.n))
	return nil
}
