package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// match is one game on its server.
type match struct {
	backend *client.GameServer
	id      pragma.GameInstanceID
	pace    time.Duration
	port    net.Listener
	came    chan struct{} // has a token after somebody took his seat

	mu      sync.Mutex // guards the list and its players' seats
	players []*player
}

// player is one of those whom the backend sends to this match.
type player struct {
	client.GameServerPlayer
	seat *seat // nil until he comes
	hits int
}

// sides is how many a die has.
const sides = 6

// serve takes the match over, plays it and ends it.
func (m *match) serve(ctx context.Context) error {
	var start *client.GameStart
	err := insist(ctx, func() (err error) {
		start, err = m.backend.Link(ctx, m.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	rules, err := ext.As[gameStart](start.Ext)
	if err != nil {
		return err
	}
	m.add(start.Players)
	if err := insist(ctx, func() error { return m.backend.ConnectPlayers(ctx, m.way(start.Players)) }); err != nil {
		return fmt.Errorf("connect players: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	var door sync.WaitGroup
	door.Go(func() { m.letIn(ctx) })
	defer door.Wait()
	defer stop()
	if err := m.awaitPlayers(ctx); err != nil {
		return err
	}
	if err := m.play(ctx, rules); err != nil {
		return err
	}
	return m.finish(ctx)
}

// add notes players, each once.
func (m *match) add(sent []client.GameServerPlayer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range sent {
		if !slices.ContainsFunc(m.players, func(o *player) bool { return o.PlayerID == p.PlayerID }) {
			m.players = append(m.players, &player{GameServerPlayer: p})
		}
	}
}

func (m *match) list() []*player {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.players)
}

// way says how players reach this server.
func (m *match) way(players []client.GameServerPlayer) client.ConnectPlayers {
	r := client.ConnectPlayers{GameInstanceID: m.id, Hostname: "127.0.0.1", Port: m.port.Addr().(*net.TCPAddr).Port}
	for _, p := range players {
		r.Players = append(r.Players, client.PlayerExt{PlayerID: p.PlayerID, Ext: ext.Of(serverInfo{PID: os.Getpid()})})
	}
	return r
}

// addMore lets players in who came later. That one of them has gone again is no
// reason to end the match.
func (m *match) addMore(ctx context.Context, sent []client.GameServerPlayer) {
	m.add(sent)
	if err := insist(ctx, func() error { return m.backend.ConnectMorePlayers(ctx, m.way(sent)) }); err != nil {
		fmt.Fprintln(os.Stderr, "connect more players:", err)
	}
}

// awaitPlayers waits until every player has come. Who has not come in time is
// away, and draws nothing.
func (m *match) awaitPlayers(ctx context.Context) error {
	late := time.After(joinTime)
	for slices.ContainsFunc(m.list(), func(p *player) bool { return m.seatOf(p) == nil }) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late:
			return nil
		case <-m.came:
		}
	}
	return nil
}

// play plays the rounds. In each, every player draws once; the team with the
// higher sum hits.
func (m *match) play(ctx context.Context, rules gameStart) error {
	dice := rand.New(rand.NewPCG(rules.Seed, 0))
	for round := 1; round <= rules.Rounds; round++ {
		var sums [2]int
		for _, p := range m.list() {
			drawn := m.seatOf(p).draw(round)
			if drawn > sides {
				if err := m.kick(ctx, p, fmt.Sprintf("drew %d with a die of %d sides", drawn, sides)); err != nil {
					return err
				}
				continue
			}
			sums[p.Team] += drawn + dice.IntN(sides)
		}
		winner := red
		if sums[blue] > sums[red] {
			winner = blue
		}
		for _, p := range m.list() {
			if p.Team == winner && m.seatOf(p) != nil {
				p.hits++
			}
		}
		report := ext.Of(roundPlayed{Round: round, Winner: winner})
		if err := insist(ctx, func() error { return m.backend.Update(ctx, m.id, report) }); err != nil {
			return fmt.Errorf("report round %d: %w", round, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(m.pace):
		}
	}
	return nil
}

// kick removes a player and tells him why. When the answer is lost and it is asked
// again, he is gone already.
func (m *match) kick(ctx context.Context, p *player, reason string) error {
	r := client.RemovePlayers{GameInstanceID: m.id, Players: []client.PlayerExt{{PlayerID: p.PlayerID, Ext: ext.Of(kicked{reason})}}}
	err := insist(ctx, func() error { return m.backend.RemovePlayers(ctx, r) })
	if err != nil && !errors.Is(err, gameinstance.ErrPlayerNotInGameInstance) {
		return fmt.Errorf("kick a player: %w", err)
	}
	m.seatOf(p).leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.players = slices.DeleteFunc(m.players, func(o *player) bool { return o == p })
	return nil
}

// finish ends the game and tells the players' clients that the port is closing.
func (m *match) finish(ctx context.Context) error {
	end := client.EndGame{GameInstanceID: m.id}
	for _, p := range m.list() {
		end.Results = append(end.Results, client.PlayerExt{PlayerID: p.PlayerID, Ext: ext.Of(playerResult{Hits: p.hits})})
	}
	if err := insist(ctx, func() error { return m.backend.EndGame(ctx, end) }); err != nil {
		return fmt.Errorf("end the game: %w", err)
	}
	for _, p := range m.list() {
		m.seatOf(p).leave()
	}
	return nil
}
