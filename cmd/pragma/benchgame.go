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
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// benchGame measures changes of the data of one game by its size: a player changes
// one public entry over a real socket, the server (a process of its own) commits to
// the embedded database, and every player hears of it. Then it measures how many
// games are made and ended.
func benchGame(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("bench game")
	duration := fs.Duration("duration", 5*time.Second, "how long each figure is measured")
	pace := fs.Duration("pace", 5*time.Millisecond, "one update each, at a fixed pace")
	players, entries := numbers{2, 100}, numbers{10, 1000}
	fs.Var(&players, "players", "how many players each game has, as a `list`")
	fs.Var(&entries, "entries", "how many entries its data has, as a `list` of the same length")
	makers := fs.Int("makers", 8, "how many players make games at the same time")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	if len(players) != len(entries) || *makers < 1 {
		return usageError{"pragma bench game: -players and -entries need equally many numbers, -makers at least 1"}
	}
	most := max(slices.Max(players), *makers)
	if err := allowFiles(most + 200); err != nil {
		return err
	}
	machine(stdout)
	return inTempDir(func(dir string) error {
		return withChild(ctx, stderr, filepath.Join(dir, "game.db"), func(srv *child) error {
			for i := range players {
				if err := benchOneGame(ctx, stdout, srv, players[i], entries[i], *duration, *pace); err != nil {
					return errors.Join(err, context.Cause(ctx))
				}
			}
			return errors.Join(benchManyGames(ctx, stdout, srv, *makers, *duration), context.Cause(ctx))
		})
	})
}

// match is one game and its players' sockets. The first made it and changes it.
type match struct {
	sockets []*rawSocket
	frame   []byte // the update
}

// gatherMatch makes a game of n players with so many entries.
func gatherMatch(ctx context.Context, a pragma.Addresses, n, entries int) (*match, error) {
	accounts, err := logInAll(ctx, a, n)
	if err != nil {
		return nil, err
	}
	sockets, err := dialAll(ctx, a[gamePlayers], gameTokens(accounts))
	g := &match{sockets: sockets}
	if err != nil {
		return g, err
	}
	var made wire.GameInstanceCreateV1Response
	create := &wire.GameInstanceCreateV1Request{RequestExt: ext.Of(benchGameRequest{Entries: entries})}
	if err := sockets[0].call("GameInstanceRpc.CreateV1", create, &made); err != nil {
		return g, err
	}
	for _, s := range sockets[1:] {
		join := &wire.GameInstanceJoinGameInstanceV1Request{GameInstanceID: made.GameInstanceID}
		if err := s.call("GameInstanceRpc.JoinGameInstanceV1", join, nil); err != nil {
			return g, err
		}
	}
	g.frame, err = wire.AppendRequest(nil, 7, "GameInstanceRpc.UpdateV1Request", &wire.GameInstanceUpdateV1Request{
		RequestExt: ext.Of(benchGameRequest{Text: "as long as a usual entry of a game"}),
	})
	if err == nil {
		err = g.settle()
	}
	return g, err
}

// settle makes one update with a mark and waits until everybody has it: all that
// came before is read then.
func (g *match) settle() error {
	frame, err := wire.AppendRequest(nil, 8, "GameInstanceRpc.UpdateV1Request", &wire.GameInstanceUpdateV1Request{
		RequestExt: ext.Of(benchGameRequest{Text: settled}),
	})
	if err == nil {
		err = g.sockets[0].write(frame)
	}
	for _, s := range g.sockets {
		for seen := false; err == nil && !seen; {
			var text []byte
			if text, err = s.read(); err == nil {
				seen = bytes.Contains(text, []byte(settled))
			}
		}
	}
	return err
}

// settled is the mark of an update that ends a phase.
const settled = "everything before this is read"

// update makes rounds updates, with a pace or one after the other's answer, and
// returns when each player but the first heard of each, since it was due.
func (g *match) update(rounds int, pace time.Duration) (late [][]time.Duration, took time.Duration, err error) {
	begin := time.Now()
	late, err = each(len(g.sockets), len(g.sockets), func(i int) ([]time.Duration, error) {
		if i == 0 {
			return nil, g.change(rounds, begin, pace)
		}
		return hearChanges(g.sockets[i], rounds, begin, pace)
	})
	return late[1:], time.Since(begin), err
}

// change makes the updates and reads what the player himself is sent.
func (g *match) change(rounds int, begin time.Time, pace time.Duration) error {
	s := g.sockets[0]
	told := 0
	for round := range rounds {
		time.Sleep(time.Until(begin.Add(pace * time.Duration(round))))
		if err := s.write(g.frame); err != nil {
			return err
		}
		for answered := false; !answered; {
			text, err := s.read()
			if err != nil {
				return err
			}
			switch {
			case bytes.Contains(text, []byte(`"serviceError"`)):
				return fmt.Errorf("update refused: %s", text)
			case bytes.Contains(text, []byte(`"response"`)):
				answered = true
			default:
				told++
			}
		}
	}
	for ; told < rounds; told++ {
		if _, err := s.read(); err != nil {
			return err
		}
	}
	return nil
}

// hearChanges reads a player's notifications. Without a pace there is no due time.
func hearChanges(s *rawSocket, rounds int, begin time.Time, pace time.Duration) ([]time.Duration, error) {
	late := make([]time.Duration, rounds)
	for round := range rounds {
		text, err := s.read()
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(text, []byte("GameInstanceUpdatedV1Notification")) {
			return nil, fmt.Errorf("unexpected frame %s", text)
		}
		late[round] = time.Since(begin.Add(pace * time.Duration(round)))
	}
	return late, nil
}

func benchOneGame(ctx context.Context, stdout io.Writer, srv *child, n, entries int, d, pace time.Duration) error {
	g, err := gatherMatch(ctx, srv.addresses, n, entries)
	if g != nil {
		defer closeAll(g.sockets)
	}
	if err != nil {
		return err
	}
	rounds := max(2, int(d/pace))
	before, err := srv.cpu()
	if err != nil {
		return err
	}
	late, _, err := g.update(rounds, pace)
	if err != nil {
		return err
	}
	after, err := srv.cpu()
	if err != nil {
		return err
	}
	_, took, err := g.update(rounds, 0)
	if err != nil {
		return err
	}
	end, err := srv.cpu()
	if err != nil {
		return err
	}
	var first, last []time.Duration // a queue that grows shows in the last
	for _, times := range late {
		first, last = append(first, times[:rounds/2]...), append(last, times[rounds/2:]...)
	}
	all := slices.Concat(late...)
	fmt.Fprintf(stdout, "game of %s and %s, one update each %v: heard p50 %s, p99 %s (first half p50 %s, second %s), CPU per update %s\n",
		plural(n, "player"), thousands(float64(entries))+" entries", pace, millis(percentile(all, 50)), millis(percentile(all, 99)),
		millis(percentile(first, 50)), millis(percentile(last, 50)), micros(after-before, rounds))
	sustained := rate{rounds, took}
	fmt.Fprintf(stdout, "game of %s and %s, one after the other: %s updates/s heard by all, CPU per update %s\n",
		plural(n, "player"), thousands(float64(entries))+" entries", sustained, micros(end-after, rounds))
	return g.sockets[0].call("GameInstanceRpc.LeaveV1", &wire.GameInstanceLeaveV1Request{}, nil) // which ends the game
}

// benchManyGames has players make a game each and end it, again and again.
func benchManyGames(ctx context.Context, stdout io.Writer, srv *child, n int, d time.Duration) error {
	accounts, err := logInAll(ctx, srv.addresses, n)
	if err != nil {
		return err
	}
	sockets, err := dialAll(ctx, srv.addresses[gamePlayers], gameTokens(accounts))
	defer closeAll(sockets)
	if err != nil {
		return err
	}
	begin := time.Now()
	counts, err := each(n, n, func(i int) (count int, err error) {
		create := &wire.GameInstanceCreateV1Request{RequestExt: ext.Of(benchGameRequest{Entries: 10})}
		for count == 0 || time.Since(begin) < d {
			if err := sockets[i].call("GameInstanceRpc.CreateV1", create, nil); err != nil {
				return count, err
			}
			if err := sockets[i].call("GameInstanceRpc.LeaveV1", &wire.GameInstanceLeaveV1Request{}, nil); err != nil {
				return count, err
			}
			count++
		}
		return count, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "games with 10 entries, %s make and end them: %s/s\n", plural(n, "player"), rate{sum(counts), time.Since(begin)})
	return nil
}
