package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/store"
)

// benchCalls compares round trips over loopback: a bare echo server and a call
// that does nothing, on the same socket library. Servers and raw sockets share
// this process in both cases.
func benchCalls(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench calls")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	sockets := numbers{1, 16}
	fs.Var(&sockets, "sockets", "how many sockets call at the same time, as a `list`")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	machine(stdout)
	bare, err := startEcho()
	if err != nil {
		return err
	}
	defer bare.stop()
	server, err := benchBackend(store.Memory(), stderr)
	if err != nil {
		return err
	}
	server.Game = append(server.Game, noOp{})
	srv, err := start(ctx, server)
	if err != nil {
		return err
	}
	for _, n := range sockets {
		if err = compareCalls(ctx, stdout, bare, srv, n, *duration); err != nil {
			break
		}
	}
	return errors.Join(err, srv.stop())
}

// compareCalls measures both with n sockets, by turns, so that both see the same
// load of the machine.
func compareCalls(ctx context.Context, stdout io.Writer, bare *echoServer, srv *running, n int, d time.Duration) error {
	const turns = 5
	bareSockets, err := dialAll(ctx, bare.address, make([]string, n))
	defer closeAll(bareSockets)
	if err != nil {
		return err
	}
	accounts, err := logInAll(ctx, srv.addresses, n)
	if err != nil {
		return err
	}
	callSockets, err := dialAll(ctx, srv.addresses[gamePlayers], gameTokens(accounts))
	defer closeAll(callSockets)
	if err != nil {
		return err
	}
	var bareRate, callRate rate
	for range turns {
		for _, m := range []struct {
			sockets []*rawSocket
			rate    *rate
		}{{bareSockets, &bareRate}, {callSockets, &callRate}} {
			r, err := roundTrips(m.sockets, d/turns)
			if err != nil {
				return errors.Join(err, context.Cause(ctx))
			}
			m.rate.add(r)
		}
	}
	fmt.Fprintf(stdout, "calls, %s: no-op call %s round trips/s, bare echo %s round trips/s, ratio %s (aim 60 %%)\n",
		plural(n, "socket"), callRate, bareRate, ratio(callRate.perSecond(), bareRate.perSecond()))
	return nil
}

// roundTrips has every socket send the same frame and wait for the answer, again
// and again.
func roundTrips(sockets []*rawSocket, d time.Duration) (rate, error) {
	frame, err := wire.AppendRequest(nil, 7, "BenchRpc.NoOpV1Request", &noOpText{"as long as a usual call of a game client"})
	if err != nil {
		return rate{}, err
	}
	begin := time.Now()
	counts, err := each(len(sockets), len(sockets), func(i int) (n int, err error) {
		for n == 0 || time.Since(begin) < d {
			if err := sockets[i].write(frame); err != nil {
				return n, err
			}
			answer, err := sockets[i].read()
			if err != nil {
				return n, err
			}
			if bytes.Contains(answer, []byte(`"serviceError"`)) {
				return n, fmt.Errorf("no-op call refused: %s", answer)
			}
			n++
		}
		return n, nil
	})
	return rate{sum(counts), time.Since(begin)}, err
}

func gameTokens(accounts []tokens) []string {
	game := make([]string, len(accounts))
	for i, a := range accounts {
		game[i] = a.game
	}
	return game
}

// noOp is a service with a call that returns its request.
type noOp struct{}

type noOpText struct {
	Text string `json:"text"`
}

// Name implements [pragma.Service].
func (noOp) Name() string { return "BenchRpc" }

// Mount implements [pragma.Service].
func (noOp) Mount(m *pragma.Mount) error {
	pragma.HandlePlayer(m, "NoOpV1", func(_ context.Context, _ *pragma.PlayerSession, req *noOpText) (*noOpText, error) {
		return req, nil
	})
	return nil
}
