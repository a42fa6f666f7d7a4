package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

// The game's own protocol, between the players' clients and the game server, is
// lines of text. The engine has no part in it.
//
//	client                    server
//	JOIN <player> <token>
//	                          WELCOME, or NO and why
//	                          DRAW
//	<number>                                          once a round
//	                          BYE

// answerTime is how long a client may take to say what is expected of it.
const answerTime = 5 * time.Second

// seat is a player who is connected to the game's own port.
type seat struct {
	conn net.Conn
	in   *bufio.Reader
	hits int
}

// letIn waits until every player has come and shown a connection token that the
// backend confirms. Who has not come in time is away, and draws nothing.
func (m *match) letIn(ctx context.Context, port net.Listener) error {
	stop := context.AfterFunc(ctx, func() { port.Close() })
	defer stop()
	if tcp, ok := port.(*net.TCPListener); ok {
		_ = tcp.SetDeadline(time.Now().Add(joinTime))
	}
	for len(m.seats) < len(m.players) {
		conn, err := port.Accept()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("wait for players: %w", err)
		}
		context.AfterFunc(ctx, func() { conn.Close() }) // at the end of the match at the latest
		if err := m.seatPlayer(ctx, conn); err != nil {
			fmt.Fprintln(conn, "NO", err)
			conn.Close()
		}
	}
	return nil
}

// seatPlayer gives a player who has shown his token a seat. Who comes again takes
// the seat over.
func (m *match) seatPlayer(ctx context.Context, conn net.Conn) error {
	_ = conn.SetDeadline(time.Now().Add(answerTime))
	in := bufio.NewReader(io.LimitReader(conn, 1<<16))
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	var name, token string
	if _, err := fmt.Sscanf(line, "JOIN %s %s\n", &name, &token); err != nil {
		return errors.New("say JOIN <player> <token>")
	}
	player, err := pragma.ParseID[pragma.PlayerID](name)
	if err != nil {
		return err
	}
	valid := false
	err = insist(ctx, func() error {
		valid, err = m.backend.VerifyPlayer(ctx, m.id, player, token)
		return err
	})
	if err != nil || !valid {
		return errors.New("the token is not yours")
	}
	m.seats[player] = &seat{conn: conn, in: in}
	_ = conn.SetDeadline(time.Now().Add(answerTime)) // the backend may have been away
	_, err = fmt.Fprintln(conn, "WELCOME")
	return err
}

// draw asks the player to draw. Who is away draws nothing.
func (s *seat) draw() int {
	if s == nil {
		return 0
	}
	_ = s.conn.SetDeadline(time.Now().Add(answerTime))
	if _, err := fmt.Fprintln(s.conn, "DRAW"); err != nil {
		return 0
	}
	var drawn int
	if _, err := fmt.Fscanln(s.in, &drawn); err != nil {
		s.conn.Close()
		return 0
	}
	return drawn
}

// leave says goodbye.
func (s *seat) leave() {
	fmt.Fprintln(s.conn, "BYE")
	s.conn.Close()
}

// playAt is the client's side: it joins, draws when asked, and returns nil when
// the game server says goodbye.
func playAt(ctx context.Context, host *client.Host, me pragma.PlayerID, draw func() int) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host.Hostname, fmt.Sprint(host.Port)))
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
	return errors.Join(errors.New("the game server went away"), lines.Err())
}
