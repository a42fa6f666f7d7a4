package main

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma/ext"
)

// benchGames lets players make games with data, join, change an entry, and end the
// game by leaving it.
type benchGames struct{ gameinstance.Defaults }

type benchGameRequest struct {
	Entries int    `json:"entries,omitzero"`
	Text    string `json:"text,omitzero"`
}

type benchEntry struct {
	N    int    `json:"n"`
	Text string `json:"text,omitzero"`
}

func (benchGames) HandlePlayerCreateRequest(_ context.Context, r *gameinstance.PlayerCreateRequest) error {
	request, err := ext.As[benchGameRequest](r.RequestExt)
	if err != nil {
		return err
	}
	for n := range request.Entries {
		if err := r.GameInstance.Data().Create(benchKey(n), ext.Of(benchEntry{Text: "an entry"}), gameinstance.Public()); err != nil {
			return err
		}
	}
	_, err = r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
	return err
}

func benchKey(n int) string { return fmt.Sprint("entry ", n) }

func (benchGames) HandlePlayerJoinRequest(_ context.Context, r *gameinstance.PlayerJoinRequest) error {
	_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
	return err
}

func (benchGames) HandlePlayerUpdateRequest(_ context.Context, r *gameinstance.PlayerUpdateRequest) error {
	request, err := ext.As[benchGameRequest](r.RequestExt)
	if err != nil {
		return err
	}
	one := gameinstance.Key[benchEntry]{Name: benchKey(0)}
	return one.Update(r.GameInstance.Data(), func(e *benchEntry) { e.N, e.Text = e.N+1, request.Text })
}

func (benchGames) HandlePlayerLeaveRequest(_ context.Context, r *gameinstance.PlayerLeaveRequest) error {
	r.GameInstance.End(nil)
	return nil
}
