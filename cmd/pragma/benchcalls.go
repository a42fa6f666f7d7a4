package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// benchCalls compares round trips over loopback: a bare echo server and a call
// that does nothing, on the same socket and HTTP libraries. Each server is a
// process of its own; the clients are raw ones of this process.
func benchCalls(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	fs := flags("bench calls")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	cores := fs.Int("cores", 1, "how many processors a server may use; 0: all")
	sockets := numbers{1, 16}
	fs.Var(&sockets, "sockets", "how many sockets, or HTTP connections, call at the same time, as a `list`")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	machine(stdout)
	on := strconv.Itoa(max(*cores, 0))
	stderr = &lockedWriter{w: stderr}
	bare, err := startChild(ctx, stderr, "-kind", "echo", "-cores", on)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	srv, err := startChild(ctx, stderr, "-cores", on)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	for _, n := range sockets {
		err := compareCalls(ctx, stdout, bare, srv, n, *duration)
		if err == nil {
			err = comparePosts(ctx, stdout, bare, srv, n, *duration)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lockedWriter is for several processes that write to one place.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements [io.Writer].
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// compareCalls measures both with n sockets, by turns, so that both see the same
// load of the machine.
func compareCalls(ctx context.Context, stdout io.Writer, bare, srv *child, n int, d time.Duration) error {
	bareSockets, err := dialAll(ctx, bare.addresses[gamePlayers], make([]string, n))
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
	bareRate, callRate, err := byTurns(ctx, d,
		func(d time.Duration) (rate, error) { return roundTrips(bareSockets, d) },
		func(d time.Duration) (rate, error) { return roundTrips(callSockets, d) })
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "calls, %s: no-op call %s round trips/s, bare echo %s round trips/s, ratio %s (aim 60 %%)\n",
		plural(n, "socket"), callRate, bareRate, ratio(callRate.perSecond(), bareRate.perSecond()))
	return nil
}

// comparePosts does the same with calls over plain HTTP, on connections that are
// kept.
func comparePosts(ctx context.Context, stdout io.Writer, bare, srv *child, n int, d time.Duration) error {
	accounts, err := logInAll(ctx, srv.addresses, n)
	if err != nil {
		return err
	}
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	defer hc.CloseIdleConnections()
	bareRate, callRate, err := byTurns(ctx, d,
		func(d time.Duration) (rate, error) {
			return posts(ctx, hc, bare.addresses[gamePlayers], make([]string, n), d)
		},
		func(d time.Duration) (rate, error) {
			return posts(ctx, hc, srv.addresses[gamePlayers], gameTokens(accounts), d)
		})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "calls, %s over HTTP: no-op call %s round trips/s, bare echo %s round trips/s, ratio %s\n",
		plural(n, "connection"), callRate, bareRate, ratio(callRate.perSecond(), bareRate.perSecond()))
	return nil
}

// byTurns measures two things for a time each, a fifth of it at a turn.
func byTurns(ctx context.Context, d time.Duration, a, b func(time.Duration) (rate, error)) (ofA, ofB rate, err error) {
	const turns = 5
	for range turns {
		for _, m := range []struct {
			measure func(time.Duration) (rate, error)
			rate    *rate
		}{{a, &ofA}, {b, &ofB}} {
			r, err := m.measure(d / turns)
			if err != nil {
				return ofA, ofB, errors.Join(err, context.Cause(ctx))
			}
			m.rate.add(r)
		}
	}
	return ofA, ofB, nil
}

// roundTrips has every socket send the same frame and wait for the answer, again
// and again.
func roundTrips(sockets []*rawSocket, d time.Duration) (rate, error) {
	frame, err := noOpCall()
	if err != nil {
		return rate{}, err
	}
	return repeat(len(sockets), d, func(i int) ([]byte, error) {
		if err := sockets[i].write(frame); err != nil {
			return nil, err
		}
		return sockets[i].read()
	})
}

// posts has one connection for each token send the same call, again and again.
func posts(ctx context.Context, hc *http.Client, address string, tokens []string, d time.Duration) (rate, error) {
	body, err := noOpCall()
	if err != nil {
		return rate{}, err
	}
	return repeat(len(tokens), d, func(i int) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/rpc", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+tokens[i])
		resp, err := hc.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	})
}

func noOpCall() ([]byte, error) {
	return wire.AppendRequest(nil, 7, "BenchRpc.NoOpV1Request", &noOpText{"as long as a usual call of a game client"})
}

// repeat has n callers make calls one after the other for a time.
func repeat(n int, d time.Duration, call func(i int) ([]byte, error)) (rate, error) {
	begin := time.Now()
	counts, err := each(n, n, func(i int) (made int, err error) {
		for made == 0 || time.Since(begin) < d {
			answer, err := call(i)
			if err != nil {
				return made, err
			}
			if bytes.Contains(answer, []byte(`"serviceError"`)) {
				return made, fmt.Errorf("no-op call refused: %s", answer)
			}
			made++
		}
		return made, nil
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
