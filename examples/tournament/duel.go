package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// duelResult is what the game server reports of a player, and what he is told.
type duelResult struct {
	Points int `json:"points"`
}

// scores says what the platform is told of a player. "points" is the identifier of a
// score type that the publisher has made there.
func scores(_ context.Context, msg *duelResult, _ *escs.TransformRequest) (map[string]float64, error) {
	return map[string]float64{"points": float64(msg.Points)}, nil
}

// duel is what a game is: its server decides everything, and at the end each
// player is told his points.
type duel struct{ gameinstance.Defaults }

var _ gameinstance.Plugin = duel{}

// OnEndGame passes on what the game server says.
func (duel) OnEndGame(_ context.Context, r *gameinstance.EndGameRequest) error {
	told := make(map[pragma.PlayerID]ext.Value)
	for _, result := range r.PlayerGameResults {
		told[result.PlayerID] = result.Ext
	}
	r.GameInstance.End(told)
	return nil
}

const (
	// bouts is how many a duel has, boutTime how long each takes.
	bouts    = 5
	boutTime = 20 * time.Millisecond
	// overtime is how long a duel lasts beyond the end of its set, if the set asks
	// for that. It is there to show what becomes of a late result.
	overtime = 300 * time.Millisecond
	// goldenBout is what a set says that asks for it. The publisher's own words for a
	// game mode arrive here.
	goldenBout = "golden bout"
	// patience bounds everything that a game server does.
	patience = time.Minute
)

// runGameServer is the program that plugins/localprocess starts for each duel.
func runGameServer(ctx context.Context, args []string) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	opts, err := client.GameServerFromEnv(args)
	if err != nil {
		return err
	}
	server, err := client.NewGameServer(ctx, opts)
	if err != nil {
		return fmt.Errorf("connect to the backend: %w", err)
	}
	defer server.Close()
	start, err := server.Link(ctx, opts.GameInstanceID)
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	set, err := escs.SetInfo(start.Ext)
	if err != nil {
		return err
	}
	// In a game with more to it, players would come to this address.
	way := client.ConnectPlayers{GameInstanceID: start.GameInstanceID, Hostname: "127.0.0.1", Port: 1}
	for _, p := range start.Players {
		way.Players = append(way.Players, client.PlayerExt{PlayerID: p.PlayerID})
	}
	if err := server.ConnectPlayers(ctx, way); err != nil {
		return fmt.Errorf("connect players: %w", err)
	}
	end := client.EndGame{GameInstanceID: start.GameInstanceID}
	for i, points := range fence(set) {
		end.Results = append(end.Results, client.PlayerExt{PlayerID: start.Players[i].PlayerID, Ext: ext.Of(duelResult{points})})
	}
	return server.EndGame(ctx, end)
}

// fence plays a duel, and returns the points of both. Somebody always wins.
func fence(set *escs.SetStart) [2]int {
	var points [2]int
	for range bouts { // an odd number
		time.Sleep(boutTime)
		points[rand.IntN(2)]++
	}
	if set != nil && set.GlobalMetadata == goldenBout {
		time.Sleep(time.Until(time.Unix(set.SetEndTimeUnix, 0).Add(overtime)))
		points[rand.IntN(2)] += bouts
	}
	return points
}
