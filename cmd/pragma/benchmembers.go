package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// benchMembers measures what a party update costs the server by the number of
// members who are told of it: processor time and allocations.
func benchMembers(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench members")
	duration := fs.Duration("duration", 3*time.Second, "how long each figure is measured")
	parties := fs.Int("parties", 16, "how many parties update at the same time")
	members := numbers{1, 2, 4, 8, 16}
	fs.Var(&members, "members", "how many members a party has, as a `list` that grows")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	machine(stdout)
	var first, last cost
	for _, n := range members {
		if err := allowFiles(n**parties + 200); err != nil {
			return err
		}
		c, err := updateCost(ctx, stderr, *parties, n, *duration)
		if err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		fmt.Fprintf(stdout, "members, %s: %s updates/s; per update: server %.0f µs, %.0f allocations\n", plural(n, "member"), c.rate, c.micros, c.allocs)
		if first.members == 0 {
			first = c
		}
		last = c
	}
	if more := float64(last.members - first.members); more > 0 {
		fmt.Fprintf(stdout, "members, each further one: %.1f µs, %.1f allocations\n", (last.micros-first.micros)/more, (last.allocs-first.allocs)/more)
	}
	return nil
}

// cost is what one update costs the server.
type cost struct {
	members        int
	rate           rate
	micros, allocs float64
}

func updateCost(ctx context.Context, stderr io.Writer, parties, members int, d time.Duration) (c cost, err error) {
	err = inTempDir(func(dir string) error {
		return withChild(ctx, stderr, filepath.Join(dir, "party.db"), func(srv *child) error {
			crews, err := muster(ctx, srv.addresses, parties, members)
			defer disband(crews)
			if err != nil {
				return err
			}
			u, err := update(ctx, srv, crews, d, 0)
			n := float64(max(u.rate.n, 1))
			c = cost{members, u.rate, float64(u.server.Microseconds()) / n, float64(u.allocs) / n}
			return err
		})
	})
	return c, err
}
