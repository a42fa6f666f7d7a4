package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// runGameServer is the program that plugins/localprocess starts for each match.
// It links to its game instance, lets the players in, plays the rounds, and
// ends the game.
func runGameServer(ctx context.Context, args []string) error {
	opts, err := client.GameServerFromEnv(args)
	if err != nil {
		return err
	}
	backend, err := client.NewGameServer(ctx, opts)
	if err != nil {
		return fmt.Errorf("connect to the backend: %w", err)
	}
	defer backend.Close()
	start, err := backend.Link(ctx, opts.GameInstanceID)
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	rules, err := ext.As[gameStart](start.Ext)
	if err != nil {
		return fmt.Errorf("read the start data: %w", err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open the game's port: %w", err)
	}
	defer port.Close()
	m := &match{backend: backend, id: start.GameInstanceID, rules: rules, players: start.Players, seats: make(map[pragma.PlayerID]*seat)}
	stop := context.AfterFunc(ctx, func() { port.Close() })
	defer stop()
	// A game the backend has given up is not played on.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer client.On(backend, func(over client.GameOver) { cancel(fmt.Errorf("the backend ended the game: %s", over.Reason)) })()

	err = backend.ConnectPlayers(ctx, client.ConnectPlayers{
		GameInstanceID: m.id, Hostname: "127.0.0.1", Port: port.Addr().(*net.TCPAddr).Port, Players: m.everybody(),
	})
	if err != nil {
		return fmt.Errorf("connect players: %w", err)
	}
	if err := m.letIn(ctx, port); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return m.play(ctx)
}

// match is one game on its server.
type match struct {
	backend *client.GameServer
	id      pragma.GameInstanceID
	rules   gameStart
	players []client.GameServerPlayer

	mu    sync.Mutex
	seats map[pragma.PlayerID]*seat
}

// seat is a player who is connected to the game's own port.
type seat struct {
	conn net.Conn
	in   *bufio.Reader
	hits int
}

func (m *match) everybody() []client.PlayerExt {
	list := make([]client.PlayerExt, len(m.players))
	for i, p := range m.players {
		list[i] = client.PlayerExt{PlayerID: p.PlayerID}
	}
	return list
}

// joinTime is how long players have to reach the game's port.
const joinTime = 20 * time.Second

// letIn waits until every player has come and shown a connection token that the
// backend confirms. The game's own protocol is lines: "JOIN <player> <token>".
func (m *match) letIn(ctx context.Context, port net.Listener) error {
	if tcp, ok := port.(*net.TCPListener); ok {
		_ = tcp.SetDeadline(time.Now().Add(joinTime))
	}
	for len(m.seats) < len(m.players) {
		conn, err := port.Accept()
		if err != nil {
			return fmt.Errorf("wait for players, %d of %d are here: %w", len(m.seats), len(m.players), err)
		}
		in := bufio.NewReader(conn)
		line, err := in.ReadString('\n')
		var player, token string
		if err == nil {
			_, err = fmt.Sscanf(line, "JOIN %s %s", &player, &token)
		}
		id, idErr := pragma.ParseID[pragma.PlayerID](player)
		if err != nil || idErr != nil {
			fmt.Fprintln(conn, "NO say JOIN <player> <token>")
			conn.Close()
			continue
		}
		if ok, err := m.backend.VerifyPlayer(ctx, m.id, id, token); err != nil || !ok {
			fmt.Fprintln(conn, "NO the token is not yours")
			conn.Close()
			continue
		}
		m.seats[id] = &seat{conn: conn, in: in}
		fmt.Fprintln(conn, "WELCOME")
	}
	return nil
}

// play plays the rounds. In each, every player draws once, "DRAW" answered by a
// number; the team with the higher sum hits.
func (m *match) play(ctx context.Context) error {
	dice := rand.New(rand.NewPCG(m.rules.Seed, 0))
	for range m.rules.Rounds {
		var sums [2]int
		for _, p := range m.players {
			s := m.seats[p.PlayerID]
			if _, err := fmt.Fprintln(s.conn, "DRAW"); err != nil {
				return fmt.Errorf("ask %s to draw: %w", p.DisplayName.DisplayName, err)
			}
			var drawn int
			if _, err := fmt.Fscanln(s.in, &drawn); err != nil {
				return fmt.Errorf("read what %s drew: %w", p.DisplayName.DisplayName, err)
			}
			sums[p.Team] += drawn + dice.IntN(6)
		}
		winner := red
		if sums[blue] > sums[red] {
			winner = blue
		}
		for _, p := range m.players {
			if p.Team == winner {
				m.seats[p.PlayerID].hits++
			}
		}
		if err := m.backend.Update(ctx, m.id, ext.Of(roundPlayed{Winner: winner})); err != nil {
			return fmt.Errorf("report a round: %w", err)
		}
	}
	return m.finish(ctx)
}

// finish ends the game and tells the players' clients that the port is closing.
func (m *match) finish(ctx context.Context) error {
	var results []client.PlayerExt
	for _, p := range m.players {
		results = append(results, client.PlayerExt{PlayerID: p.PlayerID, Ext: ext.Of(playerResult{Hits: m.seats[p.PlayerID].hits})})
	}
	if err := m.backend.EndGame(ctx, client.EndGame{GameInstanceID: m.id, Results: results}); err != nil {
		return fmt.Errorf("end the game: %w", err)
	}
	for _, s := range m.seats {
		fmt.Fprintln(s.conn, "BYE")
		s.conn.Close()
	}
	return nil
}

// playAt is the client's side of the game's port: it joins, draws when asked,
// and returns when the game is over.
func playAt(ctx context.Context, host *client.Host, me pragma.PlayerID, draw func() int) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", fmt.Sprintf("%s:%d", host.Hostname, host.Port))
	if err != nil {
		return fmt.Errorf("reach the game server: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	fmt.Fprintf(conn, "JOIN %s %s\n", me, host.Token)
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "DRAW":
			fmt.Fprintln(conn, draw())
		case line == "BYE":
			return nil
		case strings.HasPrefix(line, "NO"):
			return fmt.Errorf("the game server says: %s", line)
		}
	}
	return errors.Join(errors.New("the game server went away"), lines.Err(), os.ErrClosed)
}
