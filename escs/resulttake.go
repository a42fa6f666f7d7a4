package escs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

const (
	// transformers is how many players are asked about at a time, and transformTime
	// how long all of them together may take, of the 30 s that a job has.
	transformers  = 128
	transformTime = 12 * time.Second
	// maxScores is how many scores a player has at most, maxScoreName how long their
	// names are, in bytes.
	maxScores    = 256
	maxScoreName = 256
	// maxDelivery is how large results are at most, so that they fit into a record.
	maxDelivery = 768 << 10
)

// take writes the results of a game to the outbox and makes the first attempt.
func (r *results) take(ctx context.Context, st *set, end *gameinstance.GameInstanceEndedRequest) error {
	scores, err := r.transform(ctx, st, end)
	if err != nil {
		return err
	}
	if len(scores) == 0 {
		r.m.Log().ErrorContext(ctx, "a set ends without a single score; nothing is sent", "setId", st.ID)
		return r.fail(ctx, st, reasonNoMetrics)
	}
	d := Delivery{
		ID: rand.Text(), TournamentID: st.Start.TournamentID, MatchID: st.Start.MatchID,
		SetID: st.ID, RoundID: st.Start.RoundID, Results: scores,
	}
	hash, size, err := d.hash()
	if err != nil {
		return err
	}
	if size > maxDelivery {
		r.m.Log().ErrorContext(ctx, "the results of a set are too large; nothing is sent", "setId", st.ID, "bytes", size)
		return r.fail(ctx, st, reasonTooLarge)
	}
	c, err := r.create(ctx, st, &result{
		Delivery: d, Hash: hash, State: deliveryPending, End: st.EndTime, Late: end.EndedAt.After(st.EndTime),
	})
	if c == nil || err != nil {
		return err
	}
	c.timeout = min(c.timeout, inlineTimeout)
	if err := r.carry(ctx, c); err != nil {
		r.m.Log().WarnContext(ctx, "the first attempt to send results is not noted yet", "setId", st.ID, "err", err)
		return nil // the row has it
	}
	return nil
}

// fail notes that there will be no results.
func (r *results) fail(ctx context.Context, st *set, reason string) error {
	r.metrics.dead.WithLabelValues(reason).Inc()
	err := r.s.sets.Update(ctx, st.ID, func(tx *entity.Tx, _ *set) error {
		return r.s.markResult(tx, st.ID, ResultsFailed, reason)
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil
	}
	return err
}

// create writes the row, unless there is one (escs F20), and claims the first
// attempt in the same commit if it is to be made right now.
func (r *results) create(ctx context.Context, st *set, first *result) (c *claim, err error) {
	id := rowID(first.Delivery.SetID, first.Delivery.RoundID)
	var other, ended, paused bool
	err = r.rows.Upsert(ctx, id, func(tx *entity.Tx, row *result) error {
		c, other, ended, paused = nil, false, false, false
		if row.State != "" {
			other = row.Hash != first.Hash
			return nil
		}
		*row = *first
		row.CreatedAt = tx.Now()
		row.Next = row.CreatedAt
		cfg := r.s.cfg.Load()
		if reason := row.over(cfg, row.CreatedAt); reason != "" {
			ended = true
			if err := r.die(tx, row, reason); err != nil {
				return err
			}
			*first = *row
			return nil
		}
		if cfg.InlineFirstAttempt {
			c = r.begin(row, id, cfg, row.CreatedAt)
			paused = row.Paused
		}
		return r.s.markResult(tx, st.ID, Ended, "")
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("write the results of set %s: %w", st.ID, err)
	case ended:
		r.tellDead(ctx, first)
	case paused:
		r.lookAgain()
	case other:
		r.m.Log().WarnContext(ctx, "a set has other results than it had before; the first ones count", "setId", st.ID)
	}
	return c, nil
}

// transform asks for the scores of everybody. Players without any are left out.
func (r *results) transform(ctx context.Context, st *set, end *gameinstance.GameInstanceEndedRequest) ([]PlayerScores, error) {
	limited, cancel := context.WithTimeoutCause(ctx, transformTime, errors.New("the players of the set took too long together"))
	defer cancel()
	penalty := r.s.cfg.Load().AbsentPlayers == PenalizeAbsent
	made := make([]map[string]float64, len(st.Players))
	slots := make(chan struct{}, transformers)
	var wg sync.WaitGroup
	for i := range st.Players {
		req := request(st, &st.Players[i], end.Players)
		if req.Absent && (!penalty || req.PlayerID.IsZero()) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			made[i] = r.transformOne(limited, req)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil { // the server stops: nobody is to be left out for that
		return nil, err
	}
	var list []PlayerScores
	for i, scores := range made {
		if p := &st.Players[i]; len(scores) > 0 {
			list = append(list, PlayerScores{PlayerID: p.EscsPlayerID, IngamePlayerID: p.IngamePlayerID, Scores: scores})
		}
	}
	return list, nil
}

// request is what the transformer is asked about a player: what the report of the
// end says of him, or else what came with his removal (escs F25).
func request(st *set, p *setPlayer, ended []gameinstance.EndedPlayer) *TransformRequest {
	req := &TransformRequest{PlayerID: p.PlayerID, SetID: st.ID, Absent: true}
	best := 0
	for i := range ended {
		e := &ended[i]
		if e.PlayerID != p.PlayerID || p.PlayerID.IsZero() {
			continue
		}
		rank := 1
		switch {
		case e.Result != nil:
			rank = 4
		case e.LeftEarly && !e.RemoveExt.IsEmpty():
			rank = 3
		case !e.LeftEarly:
			rank = 2
		}
		if rank < best { // of two removals the later one counts
			continue
		}
		best = rank
		req.LeftEarly, req.Absent = e.LeftEarly, rank < 3
		switch rank {
		case 4:
			req.Ext = e.Result.Ext
		case 3:
			req.Ext = e.RemoveExt
		}
	}
	return req
}

// transformOne returns the scores of a player that can be sent.
func (r *results) transformOne(ctx context.Context, req *TransformRequest) map[string]float64 {
	who := []any{slog.String("setId", req.SetID), slog.String("playerId", req.PlayerID.String())}
	var scores map[string]float64
	err := pragma.RunHook(ctx, r.m, "Transform", func(ctx context.Context) error {
		own := *req
		made, err := r.s.Transformer.Transform(ctx, &own)
		scores = maps.Clone(made)
		return err
	})
	if err != nil {
		r.metrics.left.WithLabelValues("player").Inc()
		r.m.Log().ErrorContext(ctx, "a player is left out of the results: the transformer failed", append(who, slog.Any("err", err))...)
		return nil
	}
	bad := 0
	maps.DeleteFunc(scores, func(name string, score float64) bool {
		drop := name == "" || len(name) > maxScoreName || !utf8.ValidString(name) || math.IsNaN(score) || math.IsInf(score, 0)
		if drop {
			bad++
		}
		return drop
	})
	if len(scores) > maxScores {
		names := slices.Sorted(maps.Keys(scores))
		for _, name := range names[maxScores:] {
			delete(scores, name)
			bad++
		}
	}
	if bad > 0 {
		r.metrics.left.WithLabelValues("score").Add(float64(bad))
		r.m.Log().WarnContext(ctx, "scores of a player are left out: they have no name or are no numbers", append(who, slog.Int("scores", bad))...)
	}
	if len(scores) == 0 {
		r.metrics.left.WithLabelValues("player").Inc()
		r.m.Log().WarnContext(ctx, "a player is left out of the results: he has no scores", who...)
	}
	return scores
}
