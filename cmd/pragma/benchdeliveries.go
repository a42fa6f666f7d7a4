package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"
)

// benchDeliveries measures how many sockets a server on few processors tells of
// party updates. All sockets are in parties of four whose leaders update them at
// full speed; a delivery is the answer or the notification that one member gets.
// The server commits to the embedded database, and then to memory: the difference
// is what durability costs.
func benchDeliveries(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench deliveries")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	sockets := numbers{500}
	fs.Var(&sockets, "sockets", "how many sockets there are, as a `list`")
	cores := fs.Int("cores", 1, "on how many processors the server runs; 0: on all")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	machine(stdout)
	for _, n := range sockets {
		parties := max(1, n/membersPerParty)
		if err := allowFiles(parties*membersPerParty + 200); err != nil {
			return err
		}
		err := inTempDir(func(dir string) error {
			return errors.Join(
				deliver(ctx, stdout, stderr, "SQLite", filepath.Join(dir, "party.db"), parties, *cores, *duration),
				deliver(ctx, stdout, stderr, "memory", "", parties, *cores, *duration),
			)
		})
		if err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	return nil
}

func deliver(ctx context.Context, stdout, stderr io.Writer, store, db string, n, cores int, d time.Duration) error {
	return withChild(ctx, stderr, db, func(srv *child) error {
		crews, err := muster(ctx, srv.addresses, n, membersPerParty)
		defer disband(crews)
		if err != nil {
			return err
		}
		u, err := update(ctx, srv, crews, d, 0)
		if err != nil {
			return err
		}
		deliveries := u.rate.n * membersPerParty
		busy := ratio(u.server.Seconds(), u.rate.time.Seconds())
		fmt.Fprintf(stdout, "deliveries, %s, %s: %s deliveries/s (aim 70,000), %s updates/s, %s (aim p99 14 ms); server: %s of a processor, %s per delivery, so %s deliveries/s of a whole one\n",
			plural(n*membersPerParty, "socket"), store, rate{deliveries, u.rate.time}, u.rate, u.latency(), busy, micros(u.server, deliveries),
			rate{deliveries, u.server})
		return nil
	}, "-cores", strconv.Itoa(cores))
}
