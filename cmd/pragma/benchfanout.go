package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// benchFanOut measures how long a notification to many players takes from the
// call that causes it to each of them. One player calls at a fixed pace; the
// server is a process of its own.
func benchFanOut(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	fs := flags("bench fanout")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	pace := fs.Duration("pace", 20*time.Millisecond, "one notification each")
	receivers := numbers{4, 100, 1000}
	fs.Var(&receivers, "receivers", "how many players get each notification, as a `list`")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	if err := allowFiles(slices.Max(receivers) + 200); err != nil {
		return err
	}
	machine(stdout)
	for _, n := range receivers {
		srv, err := startChild(ctx, stderr)
		if err != nil {
			return err
		}
		err = fanOut(ctx, stdout, srv, n, *duration, *pace)
		if err = errors.Join(err, srv.stop()); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	return nil
}

func fanOut(ctx context.Context, stdout io.Writer, srv *child, n int, d, pace time.Duration) error {
	accounts, err := logInAll(ctx, srv.addresses, n+1)
	if err != nil {
		return err
	}
	sockets, err := dialAll(ctx, srv.addresses[gamePlayers], gameTokens(accounts))
	defer closeAll(sockets)
	if err != nil {
		return err
	}
	caller, receivers := sockets[n], sockets[:n]
	for _, s := range receivers {
		if err := s.call("BenchRpc.JoinV1", nil, nil); err != nil {
			return err
		}
	}
	rounds := max(1, int(d/pace))
	begin := time.Now()
	sending := make(chan error, 1)
	go func() { sending <- tellAll(caller, rounds, begin, pace) }() // ends with its socket at the latest
	late, err := each(n, n, func(i int) ([]time.Duration, error) {
		return hear(receivers[i], rounds, begin, pace)
	})
	if err = errors.Join(err, <-sending); err != nil {
		return err
	}
	all := slices.Concat(late...)
	fmt.Fprintf(stdout, "fan-out to %s, one each %v: p50 %s, p99 %s, the last %s\n", plural(n, "player"), pace,
		millis(percentile(all, 50)), millis(percentile(all, 99)), millis(percentile(all, 100)))
	return nil
}

// tellAll makes the calls, each when it is due.
func tellAll(s *rawSocket, rounds int, begin time.Time, pace time.Duration) error {
	frame, err := wire.AppendRequest(nil, 7, "BenchRpc.TellAllV1Request", &noOpText{"as long as a usual notification of a game"})
	if err != nil {
		return err
	}
	for round := range rounds {
		time.Sleep(time.Until(begin.Add(pace * time.Duration(round))))
		if err := s.write(frame); err != nil {
			return err
		}
		if _, err := s.read(); err != nil {
			return err
		}
	}
	return nil
}

// hear reads the notifications and returns how long each took since it was due.
func hear(s *rawSocket, rounds int, begin time.Time, pace time.Duration) ([]time.Duration, error) {
	late := make([]time.Duration, rounds)
	for round := range rounds {
		frame, err := s.read()
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(frame, []byte("ToldV1Notification")) {
			return nil, fmt.Errorf("unexpected frame %s", frame)
		}
		late[round] = time.Since(begin.Add(pace * time.Duration(round)))
	}
	return late, nil
}
