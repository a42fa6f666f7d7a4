package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// benchMatchmaking measures matchmaking end to end: players with sockets of their
// own wait alone for duels, on the embedded database. First pairs come one after
// the other, and then at a steady rate, for the way of the last needed player.
// Then all others enter while nobody is matched, for durable entries and the
// memory of a ticket; and then all are matched at once. That is repeated with
// everything in memory. Passes of plugins/rules come last. The server is a process
// of its own; the time of this one, which reads what everybody is told, is on the
// same processors.
func benchMatchmaking(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench matchmaking")
	q := queueing{players: 10_000, pairs: 200, loaded: 1_500}
	fs.Var(&q.players, "players", "how many `players` wait before they are matched at once")
	fs.Var(&q.pairs, "pairs", "how many `pairs` come one after the other")
	fs.Var(&q.loaded, "loaded", "how many `pairs` come at half load")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	q.players = (q.players + 1) / 2 * 2
	if err := allowFiles(int(q.players+2*(q.pairs+q.loaded)) + 200); err != nil {
		return err
	}
	machine(stdout)
	err := inTempDir(func(dir string) error {
		return q.measure(ctx, stdout, stderr, filepath.Join(dir, "queue.db"))
	})
	q.pairs, q.loaded = 0, 0
	if err == nil {
		err = q.measure(ctx, stdout, stderr, "")
	}
	if err != nil {
		return err
	}
	return passTimes(ctx, stdout)
}

// queueing is how many players do what.
type queueing struct{ players, pairs, loaded positive }

// measure starts a server; without a database it keeps everything in memory.
func (q *queueing) measure(ctx context.Context, stdout, stderr io.Writer, db string) error {
	name := "SQLite"
	if db == "" {
		name = "memory"
	}
	return withChild(ctx, stderr, db, func(srv *child) error {
		err := q.figures(ctx, stdout, srv, name)
		return errors.Join(err, context.Cause(ctx))
	}, "-duels")
}

func (q *queueing) figures(ctx context.Context, stdout io.Writer, srv *child, db string) error {
	n, pairs := int(q.players), int(q.pairs)
	sockets, err := lobbies(ctx, srv, n+2*int(q.pairs+q.loaded)+1)
	defer closeAll(sockets)
	if err != nil {
		return err
	}
	keeper := sockets[0]
	waiting, coming, steady := sockets[1:1+n], sockets[1+n:1+n+2*pairs], sockets[1+n+2*pairs:]
	if len(coming) > 0 {
		late, err := lastNeeded(coming)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "matchmaking, %s, %s one after the other: from the last needed player's call to both being told p50 %s, p99 %s\n",
			db, plural(pairs, "pair"), millis(percentile(late, 50)), millis(percentile(late, 99)))
	}
	if len(steady) > 0 {
		late, err := comeAndGo(steady, halfLoad)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "matchmaking, %s, %s entries/s, %s: from the last needed player's call to both being told p50 %s, p99 %s\n",
			db, thousands(halfLoad), plural(len(late), "game"), millis(percentile(late, 50)), millis(percentile(late, 99)))
	}
	if err := queueUp(stdout, srv, db, waiting, keeper); err != nil {
		return err
	}
	return matchAll(stdout, srv, db, waiting, keeper)
}

// lobbies opens sockets of players each of whom is ready in a party of his own.
func lobbies(ctx context.Context, srv *child, n int) ([]*rawSocket, error) {
	players, err := logInAll(ctx, srv.addresses, n)
	if err != nil {
		return nil, err
	}
	sockets, err := dialAll(ctx, srv.addresses[gamePlayers], gameTokens(players))
	if err != nil {
		return sockets, err
	}
	_, err = each(dialers, n, func(i int) (struct{}, error) {
		if err := sockets[i].call("PartyRpc.CreateV1", nil, nil); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, sockets[i].call("PartyRpc.SetReadyStateV1", &wire.PartySetReadyStateV1Request{Ready: true}, nil)
	})
	return sockets, err
}

const enterMatchmaking = "PartyRpc.EnterMatchmakingV1"

// lastNeeded has pairs enter, one pair after the other, and returns how long it
// took each time from the second one's call until both knew of their game.
func lastNeeded(sockets []*rawSocket) ([]time.Duration, error) {
	var late []time.Duration
	for pair := range slices.Chunk(sockets, 2) {
		if err := pair[0].call(enterMatchmaking, nil, nil); err != nil {
			return nil, err
		}
		begin := time.Now()
		if err := pair[1].call(enterMatchmaking, nil, nil); err != nil {
			return nil, err
		}
		for _, s := range pair {
			if _, err := s.added(); err != nil {
				return nil, err
			}
		}
		late = append(late, time.Since(begin))
	}
	return late, nil
}

// added reads until the player is told of his game, and returns its id.
func (s *rawSocket) added() (game string, err error) {
	for {
		text, err := s.read()
		if err != nil {
			return "", fmt.Errorf("wait for a game: %w", err)
		}
		if bytes.Contains(text, []byte("AddedToGameV1Notification")) {
			return gameIn(text)
		}
		if bytes.Contains(text, []byte("MatchmakingFailureV1Notification")) {
			return "", errors.New("matchmaking failed")
		}
	}
}

// queueUp has everybody enter while nobody is matched.
func queueUp(stdout io.Writer, srv *child, db string, sockets []*rawSocket, keeper *rawSocket) error {
	if err := keeper.call("BenchGateRpc.SetV1", &benchGateRequest{Open: false}, nil); err != nil {
		return err
	}
	before, err := srv.memory()
	if err != nil {
		return err
	}
	cpu, err := srv.cpu()
	if err != nil {
		return err
	}
	begin := time.Now()
	_, err = each(2*dialers, len(sockets), func(i int) (struct{}, error) {
		return struct{}{}, sockets[i].call(enterMatchmaking, nil, nil)
	})
	if err != nil {
		return err
	}
	took := time.Since(begin)
	after, err := srv.cpu()
	if err != nil {
		return err
	}
	full, err := srv.memory()
	if err != nil {
		return err
	}
	n := len(sockets)
	fmt.Fprintf(stdout, "matchmaking, %s, %s enter: %s entries/s (aim 5,000), CPU per entry: server %s; heap per waiting ticket %d bytes (aim 2,048), the cache of its records included\n",
		db, plural(n, "player"), rate{n, took}, micros(after-cpu, n), full.per(n, before).Heap)
	return nil
}

// matchAll opens the gate and waits until everybody is told.
func matchAll(stdout io.Writer, srv *child, db string, sockets []*rawSocket, keeper *rawSocket) error {
	server, err := srv.cpu()
	if err != nil {
		return err
	}
	own, begin := ownCPU(), time.Now()
	if err := keeper.call("BenchGateRpc.SetV1", &benchGateRequest{Open: true}, nil); err != nil {
		return err
	}
	told, err := each(len(sockets), len(sockets), func(i int) (time.Duration, error) {
		_, err := sockets[i].added()
		return time.Since(begin), err
	})
	if err != nil {
		return err
	}
	took, players := time.Since(begin), ownCPU()-own
	after, err := srv.cpu()
	if err != nil {
		return err
	}
	n := len(sockets) / 2
	fmt.Fprintf(stdout, "matchmaking, %s, %s matched at once: %s matches/s, half of them told after %s, all after %s (aim 1,000 ms for 10,000); CPU per match: server %s (aim 100 µs), players %s\n",
		db, plural(len(sockets), "player"), rate{n, took}, millis(percentile(told, 50)), millis(took), micros(after-server, n), micros(players, n))
	return nil
}
