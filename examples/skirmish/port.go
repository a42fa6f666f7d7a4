package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
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
//	                          DRAW <round>
//	<number>                                          once a round
//	                          BYE

// answerTime is how long a client may take to say what is expected of it.
const answerTime = 5 * time.Second

// seat is a player's connection to the game's own port. The nil one is of a player
// who is away.
type seat struct {
	conn net.Conn
	in   *bufio.Reader
}

// letIn gives seats to players who show a connection token that the backend
// confirms, until the match is over. It closes the port.
func (m *match) letIn(ctx context.Context) {
	defer context.AfterFunc(ctx, func() { m.port.Close() })()
	var guests sync.WaitGroup
	defer guests.Wait()
	for {
		conn, err := m.port.Accept()
		if err != nil {
			return
		}
		context.AfterFunc(ctx, func() { conn.Close() }) // at the end of the match at the latest
		guests.Go(func() {
			if err := m.seatPlayer(ctx, conn); err != nil {
				fmt.Fprintln(conn, "NO", err)
				conn.Close()
			}
		})
	}
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
	id, err := pragma.ParseID[pragma.PlayerID](name)
	if err != nil {
		return err
	}
	valid := false
	err = insist(ctx, func() error {
		valid, err = m.backend.VerifyPlayer(ctx, m.id, id, token)
		return err
	})
	if err != nil || !valid {
		return errors.New("the token is not yours")
	}
	_ = conn.SetDeadline(time.Now().Add(answerTime)) // the backend may have been away
	if !m.sitDown(id, &seat{conn: conn, in: in}) {
		return errors.New("you do not play here")
	}
	return nil
}

// sitDown welcomes a player of this match and gives him a seat.
func (m *match) sitDown(id pragma.PlayerID, s *seat) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.players {
		if p.PlayerID == id {
			fmt.Fprintln(s.conn, "WELCOME") // before he can be asked to draw
			p.seat = s
			select {
			case m.came <- struct{}{}:
			default:
			}
			return true
		}
	}
	return false
}

func (m *match) seatOf(p *player) *seat {
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.seat
}

// draw asks the player to draw. Who is away draws nothing.
func (s *seat) draw(round int) int {
	if s == nil {
		return 0
	}
	_ = s.conn.SetDeadline(time.Now().Add(answerTime))
	if _, err := fmt.Fprintln(s.conn, "DRAW", round); err != nil {
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
	if s == nil {
		return
	}
	fmt.Fprintln(s.conn, "BYE")
	s.conn.Close()
}

// playAt is the client's side: it joins, draws when asked, and returns nil when
// the game server says goodbye. welcomed is called when the server lets it in.
func playAt(ctx context.Context, host *client.Host, me pragma.PlayerID, welcomed func(), draw func(round int) int) error {
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
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "WELCOME":
			welcomed()
		case "DRAW":
			round, _ := strconv.Atoi(rest)
			fmt.Fprintln(conn, draw(round))
		case "BYE":
			return nil
		case "NO":
			return fmt.Errorf("the game server says: %s", rest)
		}
	}
	return errors.Join(errors.New("the game server went away"), lines.Err())
}
