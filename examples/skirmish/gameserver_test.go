//go:build unix

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
	"testing"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

// queueAll takes both parties into matchmaking, waits for their game server, and
// returns how their leaders reach it.
func (e *evening) queueAll(t *testing.T) (hosts []*client.Host) {
	t.Helper()
	for _, g := range e.groups {
		if err := g.leader.queue(e.ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range e.groups {
		state, err := g.leader.player.Wait(e.ctx, func(s client.State) bool {
			return s.CurrentGame() != nil && s.CurrentGame().Host != nil
		})
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, state.CurrentGame().Host)
	}
	if err := e.program().await(e.ctx, "game server started"); err != nil {
		t.Fatal(err)
	}
	return hosts
}

func TestGameServerEndsWhenItsBackendNeverReturns(t *testing.T) {
	t.Parallel()
	t.Run("while it waits for players", func(t *testing.T) {
		t.Parallel()
		e := startEvening(t, moment{stayDown: true}, "SKIRMISH_PATIENCE: 500ms")
		e.queueAll(t)
		e.killAt <- struct{}{}
		<-e.killed
		if err := e.awaitGameServers(e.ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("in the middle of the rounds", func(t *testing.T) {
		t.Parallel()
		inRounds := moment{fits: func(_ string, e client.Event) bool { return roundOf(e) == 2 }, stayDown: true}
		e := startEvening(t, inRounds, "SKIRMISH_PACE: 60ms, SKIRMISH_PATIENCE: 500ms")
		ctx, stop := context.WithCancel(e.ctx)
		playing := make(chan struct{})
		go func() {
			defer close(playing)
			_, _ = e.follow(ctx) // it ends with ctx
		}()
		e.queueAll(t)
		<-e.killed
		if err := e.awaitGameServers(e.ctx); err != nil {
			t.Error(err)
		}
		stop()
		<-playing
	})
}

func TestInterruptedServeStopsItsGameServers(t *testing.T) {
	t.Parallel()
	e := startEvening(t, moment{}, "")
	e.queueAll(t)
	if err := e.program().cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := e.program().wait(t); err != nil {
		t.Errorf("serve ends with %v", err)
	}
	for _, pid := range e.gameServers() {
		if alive(pid) {
			t.Errorf("game server %d outlives its interrupted backend", pid)
		}
	}
	for _, level := range []string{"level=WARN", "level=ERROR"} {
		if strings.Contains(e.log(), level) {
			t.Errorf("an ordinary stop is logged as %s:\n%s", level, e.log())
		}
	}
}

func TestDoorOfTheGameServerIsShutForStrangers(t *testing.T) {
	t.Parallel()
	e := startEvening(t, moment{}, "")
	hosts := e.queueAll(t)
	first, second := e.groups[0].leader.player.ID(), e.groups[1].leader.player.ID()
	for _, c := range []struct{ name, says, want string }{
		{"no join", "HELLO", "NO say JOIN"},
		{"no id", "JOIN ada " + hosts[0].Token, "NO "},
		{"no token", fmt.Sprintf("JOIN %s nothing", first), "NO the token is not yours"},
		{"token of another player", fmt.Sprintf("JOIN %s %s", second, hosts[0].Token), "NO the token is not yours"},
		{"his own token", fmt.Sprintf("JOIN %s %s", first, hosts[0].Token), "WELCOME"},
		{"the same again", fmt.Sprintf("JOIN %s %s", first, hosts[0].Token), "WELCOME"},
	} {
		conn, err := net.Dial("tcp", net.JoinHostPort(hosts[0].Hostname, fmt.Sprint(hosts[0].Port)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintln(conn, c.says)
		if got, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: the game server says %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	views, err := e.follow(e.ctx) // and those who are invited play
	if err != nil {
		t.Fatal(err)
	}
	e.check(t, views)
}

func TestCallIsRepeatedUntilItIsAnswered(t *testing.T) {
	lost := &client.CallError{Call: "X", Err: client.ErrOutcomeUnknown}
	for _, c := range []struct {
		name    string
		answers []error
		want    error
		calls   int
	}{
		{"answered at once", []error{nil}, nil, 1},
		{"lost, away, then answered", []error{lost, client.ErrDisconnected, nil}, nil, 3},
		{"backend that is starting", []error{io.EOF, pragma.ErrShuttingDown, pragma.ErrRateLimited, nil}, nil, 4},
		{"refused", []error{errRoundMissing}, errRoundMissing, 1},
		{"lost, then refused", []error{lost, errRoundMissing}, errRoundMissing, 2},
		{"client that gave up", []error{&client.EndError{Err: client.ErrGaveUp}}, client.ErrGaveUp, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			err := insist(t.Context(), func() error {
				calls++
				return c.answers[calls-1]
			})
			if !errors.Is(err, c.want) || calls != c.calls {
				t.Errorf("got %v after %d calls, want %v after %d", err, calls, c.want, c.calls)
			}
		})
	}
}

func TestCallIsNotRepeatedForEver(t *testing.T) {
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := insist(ctx, func() error {
		cancel(enough)
		return client.ErrDisconnected
	})
	if !errors.Is(err, enough) || !errors.Is(err, client.ErrDisconnected) {
		t.Errorf("got %v, want the end of the context and the last failure", err)
	}
}
