package escs

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// ResultRow is the outbox row of a result.
type ResultRow = result

// PutSet writes a set as it is while its game runs. Players are those of the
// start, in order; a zero one is unknown here.
func (s *Service) PutSet(ctx context.Context, start *SetStart, game pragma.GameInstanceID, players ...pragma.PlayerID) error {
	return s.sets.Create(ctx, start.SetID, func(tx *entity.Tx, st *set) error {
		*st = set{
			ID: start.SetID, Start: *start, EndTime: start.EndTime(), State: InMatch, ChangedAt: tx.Now(),
			GameInstanceID: game, ReceivedAt: tx.Now(), StartCount: 1,
		}
		for i, team := range start.Participants {
			for _, p := range team.Players {
				own := setPlayer{IngamePlayerID: p.IngamePlayerID, EscsPlayerID: p.PlayerID, Team: int64(i + 1), State: PlayerInMatch}
				if len(players) > 0 {
					own.PlayerID, players = players[0], players[1:]
				}
				st.Players = append(st.Players, own)
			}
		}
		g, err := s.games.New(tx, game.String())
		if err == nil {
			g.SetID = start.SetID
		}
		return err
	})
}

// SetState returns where a set is, and why.
func (s *Service) SetState(ctx context.Context, id string) (State, string, error) {
	st, err := s.readSet(ctx, id)
	if err != nil {
		return "", "", err
	}
	return st.State, st.Reason, nil
}

// Relink notes that a set has another game.
func (s *Service) Relink(ctx context.Context, id string, game pragma.GameInstanceID) error {
	return s.sets.Update(ctx, id, func(_ *entity.Tx, st *set) error {
		st.GameInstanceID = game
		return nil
	})
}

// Row returns the outbox row of a set's results, or [entity.ErrNotFound].
func (s *Service) Row(ctx context.Context, setID, roundID string) (*ResultRow, error) {
	return read[result](ctx, s, rowKind, rowID(setID, roundID))
}

// DropSet removes a set with its results, as the cleaner does.
func (s *Service) DropSet(ctx context.Context, setID, roundID string) error {
	return s.sets.Update(ctx, setID, func(tx *entity.Tx, _ *set) error {
		if err := s.dropResult(tx, setID, roundID); err != nil {
			return err
		}
		return s.sets.Delete(tx, setID)
	})
}

// ResultInfo returns what operators are told of a result.
func (s *Service) ResultInfo(ctx context.Context, setID, roundID string) (*resultInfo, error) {
	return s.resultInfo(ctx, setID, roundID)
}

// RowID returns the id of a row.
var RowID = rowID

// NoteFailure notes that an attempt of this process has failed.
func (s *Service) NoteFailure(ctx context.Context, setID, roundID string, attempt int) error {
	c := &claim{id: rowID(setID, roundID), attempt: attempt, cfg: s.cfg.Load()}
	return s.results.note(ctx, c, verdict{outcome: outcomeAgain, text: "old"})
}
