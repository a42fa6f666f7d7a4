package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/openpragma/engine/pragma"
)

// memory is what a process uses, in bytes.
type memory struct {
	Resident int64 `json:"resident"`
	Heap     int64 `json:"heap"`   // live objects
	Stacks   int64 `json:"stacks"` // of goroutines
}

// ownMemory collects garbage, gives memory back to the system, and measures.
func ownMemory() (memory, error) {
	for range 2 { // the second collection frees what finalizers and pools held
		runtime.GC()
	}
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	resident, err := residentBytes()
	return memory{resident, int64(stats.HeapAlloc), int64(stats.StackInuse)}, err
}

// per returns the growth since before, for each of n sockets.
func (m memory) per(n int, before memory) memory {
	share := func(after, before int64) int64 { return (after - before) / int64(n) }
	return memory{share(m.Resident, before.Resident), share(m.Heap, before.Heap), share(m.Stacks, before.Stacks)}
}

// String returns the parts in kilobytes of 1024 bytes.
func (m memory) String() string {
	kb := func(bytes int64) float64 { return float64(bytes) / 1024 }
	return fmt.Sprintf("%.1f KB resident (heap %.1f, stacks %.1f)", kb(m.Resident), kb(m.Heap), kb(m.Stacks))
}

// benchIdle measures the memory of sockets on which nothing happens. The server
// is a process of its own; the sockets are raw ones of this process, each of a
// player of his own, and has sent one heartbeat.
func benchIdle(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench idle")
	duration := fs.Duration("duration", 5*time.Second, "how long to wait at most until the server is quiet")
	sockets := positive(5000)
	fs.Var(&sockets, "sockets", "how many `sockets` to open")
	both := fs.Bool("social", false, "open half of them on the social gateway")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	n := int(sockets)
	if err := allowFiles(n + 200); err != nil {
		return err
	}
	machine(stdout)
	bare, err := idleEcho(ctx, stderr, n, *duration)
	if err != nil {
		return err
	}
	served, err := idleBackend(ctx, stderr, n, *both, *duration)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "idle, %s: %s each, bare echo %s each, ratio %s (aim 20 KB)\n",
		plural(n, "socket"), served, bare, ratio(float64(served.Resident), float64(bare.Resident)))
	return nil
}

// idleEcho measures sockets of a bare echo server.
func idleEcho(ctx context.Context, stderr io.Writer, n int, d time.Duration) (_ memory, err error) {
	srv, err := startChild(ctx, stderr, "-kind", "echo")
	if err != nil {
		return memory{}, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	return idleCost(ctx, srv, d, []door{{srv.addresses[gamePlayers], make([]string, n)}}, func(s *rawSocket) error {
		if err := s.write([]byte(`{"requestId":1,"type":"PlayerSessionRpc.HeartbeatV1Request","payload":{}}`)); err != nil {
			return err
		}
		_, err := s.read()
		return err
	})
}

// idleBackend measures sockets of players. The players log in at a process that
// ends before the measurement, so that the memory of the log-ins is not mixed
// with that of the sockets.
func idleBackend(ctx context.Context, stderr io.Writer, n int, both bool, d time.Duration) (cost memory, err error) {
	social := 0
	if both {
		social = n / 2
	}
	err = inTempDir(func(dir string) error {
		db := filepath.Join(dir, "idle.db")
		var players []tokens
		err := withChild(ctx, stderr, db, func(srv *child) (err error) {
			players, err = logInAll(ctx, srv.addresses, n-social)
			return err
		})
		if err != nil {
			return err
		}
		return withChild(ctx, stderr, db, func(srv *child) (err error) {
			cost, err = idleCost(ctx, srv, d, doorsOf(srv.addresses, players, social), func(s *rawSocket) error {
				return s.call("PlayerSessionRpc.HeartbeatV1", nil, nil)
			})
			return err
		})
	})
	return cost, err
}

// door is an address and the tokens of those who enter there.
type door struct {
	address string
	tokens  []string
}

// doorsOf gives every player a socket on the game gateway and the first of them
// one on the social gateway.
func doorsOf(a pragma.Addresses, players []tokens, social int) []door {
	game, other := door{address: a[gamePlayers]}, door{address: a[socialPlayers]}
	for i, p := range players {
		game.tokens = append(game.tokens, p.game)
		if i < social {
			other.tokens = append(other.tokens, p.social)
		}
	}
	return []door{game, other}
}

// idleCost opens the sockets, uses each once, waits until the server is quiet,
// and returns what each costs it.
func idleCost(ctx context.Context, srv *child, d time.Duration, doors []door, use func(*rawSocket) error) (memory, error) {
	before, err := srv.memory()
	if err != nil {
		return memory{}, err
	}
	var sockets []*rawSocket
	var reading sync.WaitGroup
	defer func() {
		closeAll(sockets)
		reading.Wait()
	}()
	for _, door := range doors {
		opened, err := dialAll(ctx, door.address, door.tokens)
		sockets = append(sockets, opened...)
		if err != nil {
			return memory{}, errors.Join(err, context.Cause(ctx))
		}
	}
	if _, err := each(dialers, len(sockets), func(i int) (struct{}, error) { return struct{}{}, use(sockets[i]) }); err != nil {
		return memory{}, errors.Join(err, context.Cause(ctx))
	}
	for _, s := range sockets { // answers pings
		reading.Go(func() {
			for err := error(nil); err == nil; _, err = s.read() {
			}
		})
	}
	after, err := quiet(ctx, srv, d)
	return after.per(len(sockets), before), err
}

// quiet measures until two measurements in a row are nearly the same, or until
// the time is over, and returns the last one.
func quiet(ctx context.Context, srv *child, d time.Duration) (memory, error) {
	last, err := srv.memory()
	for deadline := time.Now().Add(d); err == nil && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case <-time.After(min(d, 500*time.Millisecond)):
		}
		var next memory
		next, err = srv.memory()
		settled := max(next.Resident-last.Resident, last.Resident-next.Resident) < last.Resident/200
		last = next
		if settled {
			break
		}
	}
	return last, err
}
