package main

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// arena is what a match is in this game. Its data store has a score that
// everybody sees, a plan that only one team sees, and a secret that only the
// game server gets. custom.go has what players may do to it.
type arena struct{ gameinstance.Defaults }

var _ gameinstance.Plugin = arena{}

// The entries of the data store: name, type and who sees it, written once.
var (
	scoreEntry  = gameinstance.Key[score]{Name: "score", Sync: gameinstance.Public()}
	redPlan     = gameinstance.Key[plan]{Name: "plan-red", Sync: gameinstance.Team(red)}
	bluePlan    = gameinstance.Key[plan]{Name: "plan-blue", Sync: gameinstance.Team(blue)}
	secretEntry = gameinstance.Key[secret]{Name: "secret"} // hidden
)

const rounds = 5

// errRoundMissing is a report that leaves a round out.
var errRoundMissing = &pragma.Error{
	Code: pragma.FailedPrecondition, Reason: "Skirmish_RoundMissing", Title: true, Message: "a round is missing",
}

// HandleBackendCreateByMatchmakingRequest prepares a match and asks for a server.
func (arena) HandleBackendCreateByMatchmakingRequest(_ context.Context, r *gameinstance.BackendCreateByMatchmakingRequest) error {
	r.GameInstance.AllocateGameServer(ext.Value{})
	return prepare(r.GameInstance.Data())
}

// prepare fills the data store of a match.
func prepare(data *gameinstance.DataStore) error {
	return errors.Join(
		scoreEntry.Create(data, score{}),
		redPlan.Create(data, plan{"hold the bridge"}),
		bluePlan.Create(data, plan{"go round by the river"}),
		secretEntry.Create(data, secret{Seed: rand.Uint64() >> 12}), // 52 bits: exact in every client's numbers
	)
}

// BuildExtGameStart tells the game server what it needs.
func (arena) BuildExtGameStart(_ context.Context, r *gameinstance.BuildExtGameStartRequest) (ext.Value, error) {
	s, err := secretEntry.Get(r.GameInstance.Data())
	return ext.Of(gameStart{Seed: s.Seed, Rounds: rounds}), err
}

// HandleBackendUpdateRequest counts a round that the game server reports. A
// server that lost the answer reports it again; it counts once.
func (arena) HandleBackendUpdateRequest(_ context.Context, r *gameinstance.BackendUpdateRequest) error {
	round, err := ext.As[roundPlayed](r.RequestExt)
	if err != nil {
		return err
	}
	counted, err := scoreEntry.Get(r.GameInstance.Data())
	switch {
	case err != nil:
		return err
	case round.Round <= counted.Round:
		return nil
	case round.Round != counted.Round+1:
		return errRoundMissing.With("round %d was reported after round %d", round.Round, counted.Round)
	}
	return scoreEntry.Update(r.GameInstance.Data(), func(s *score) {
		s.Round++
		if round.Winner == red {
			s.Red++
		} else {
			s.Blue++
		}
	})
}

// OnEndGame ends the match and tells every player how it went for him.
func (arena) OnEndGame(_ context.Context, r *gameinstance.EndGameRequest) error {
	final, err := scoreEntry.Get(r.GameInstance.Data())
	if err != nil {
		return err
	}
	hits := make(map[pragma.PlayerID]int)
	for _, result := range r.PlayerGameResults {
		p, err := ext.As[playerResult](result.Ext)
		if err != nil {
			return err
		}
		hits[result.PlayerID] = p.Hits
	}
	ends := make(map[pragma.PlayerID]ext.Value)
	for _, p := range r.GameInstance.Players() {
		won := (p.TeamNumber() == red) == (final.Red > final.Blue)
		ends[p.ID()] = ext.Of(gameResult{Won: won, Hits: hits[p.ID()], Score: final})
	}
	r.GameInstance.End(ends)
	return nil
}
