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

// benchParty measures durable party updates end to end: leaders update their
// parties over real sockets, the server (a process of its own) commits to the
// embedded database, and an update counts once every member knows of it. Members
// are raw sockets of this process that only look for the version in what comes.
func benchParty(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench party")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	writers := numbers{1, 8, 32}
	fs.Var(&writers, "writers", "how many parties update at the same time, as a `list`")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	most := slices.Max(writers)
	if err := allowFiles(most*membersPerParty + 200); err != nil {
		return err
	}
	machine(stdout)
	return inTempDir(func(dir string) error {
		return withChild(ctx, stderr, filepath.Join(dir, "party.db"), func(srv *child) error {
			crews, err := muster(ctx, srv.addresses, most, membersPerParty)
			defer disband(crews)
			if err != nil {
				return errors.Join(err, context.Cause(ctx))
			}
			for _, n := range writers {
				if err := updateParties(ctx, stdout, dir, srv, crews[:n], *duration); err != nil {
					return errors.Join(err, context.Cause(ctx))
				}
			}
			return nil
		})
	})
}

// updateParties measures the parties at full speed, with raw commits of as many
// writers before and after, so that both see the same load of the machine; then
// at half speed.
func updateParties(ctx context.Context, stdout io.Writer, dir string, srv *child, crews []*crew, d time.Duration) error {
	cpu := ownCPU()
	raw, err := rawCommits(ctx, dir, len(crews), d/2)
	if err != nil {
		return err
	}
	perCommit := micros(ownCPU()-cpu, raw.n)
	full, err := update(ctx, srv, crews, d, 0)
	if err != nil {
		return err
	}
	again, err := rawCommits(ctx, dir, len(crews), d/2)
	if err != nil {
		return err
	}
	raw.add(again)
	perSecond := full.rate.perSecond()
	fmt.Fprintf(stdout, "party, %s of %d: %s updates/s, %s deliveries/s, %s, raw commits %s/s, ratio %s (aim 25 %%); CPU per update: server %s, members %s, per raw commit %s\n",
		parties(len(crews)), membersPerParty, full.rate, thousands(perSecond*membersPerParty), full.latency(),
		raw, ratio(perSecond, raw.perSecond()), micros(full.server, full.rate.n), micros(full.members, full.rate.n), perCommit)
	half, err := update(ctx, srv, crews, d, time.Duration(2*float64(len(crews))/perSecond*float64(time.Second)))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "party, %s at half load: %s updates/s, %s (aim p99 10 ms)\n", parties(len(crews)), half.rate, half.latency())
	return nil
}

func parties(n int) string {
	if n == 1 {
		return "1 party"
	}
	return thousands(float64(n)) + " parties"
}

// updates are a number of updates and what they took.
type updates struct {
	rate            rate
	times           []time.Duration // from when it was due to its last member's receipt
	server, members time.Duration   // processor time of the two processes
	allocs          int64           // of the server
}

func (u *updates) latency() string {
	return fmt.Sprintf("p50 %s, p99 %s", millis(percentile(u.times, 50)), millis(percentile(u.times, 99)))
}

func micros(d time.Duration, n int) string {
	return fmt.Sprintf("%.0f µs", float64(d.Microseconds())/float64(max(n, 1)))
}

// update has every leader make updates for a time: the next as soon as everybody
// knows of the last, or with a pace one per interval.
func update(ctx context.Context, srv *child, crews []*crew, d, pace time.Duration) (u updates, err error) {
	server, err := srv.cpu()
	if err != nil {
		return u, err
	}
	allocs, err := srv.allocs()
	if err != nil {
		return u, err
	}
	members, begin := ownCPU(), time.Now()
	times, err := each(len(crews), len(crews), func(i int) ([]time.Duration, error) {
		due := begin.Add(pace * time.Duration(i) / time.Duration(len(crews))) // not all at the same moment
		return crews[i].updates(ctx, due, begin.Add(d), pace)
	})
	if err != nil {
		return u, err
	}
	u.times = slices.Concat(times...)
	u.rate = rate{len(u.times), time.Since(begin)}
	u.members = ownCPU() - members
	if u.server, err = srv.cpu(); err != nil {
		return u, err
	}
	u.allocs, err = srv.allocs()
	u.server, u.allocs = u.server-server, u.allocs-allocs
	return u, err
}
