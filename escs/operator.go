package escs

import (
	"context"
	"errors"
	"math"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// errNoSet is an operator's call about a set that is not there.
var errNoSet = &pragma.Error{Code: pragma.NotFound, Reason: ErrPartyNotFound.Reason, Title: true, Message: string(NoSet)}

// listSetsOperatorV1 reads all sets from the store and keeps no more than the page
// (escs E11).
func (s *Service) listSetsOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.ExternalMatchmakingListSetsOperatorV1Request) (*wire.ExternalMatchmakingListSetsOperatorV1Response, error) {
	start, end, err := req.Of(math.MaxInt)
	if err != nil {
		return nil, pragma.ErrMalformed.With("%v", err)
	}
	if !State(req.Filter.State).known() {
		return nil, pragma.ErrMalformed.With("filter.state: no such state")
	}
	resp := &wire.ExternalMatchmakingListSetsOperatorV1Response{}
	n := 0
	for item, err := range s.sets.List(ctx, req.Filter.SetID, "") { // ids that begin with it
		switch {
		case err != nil && item.ID == "":
			return nil, err
		case err != nil:
			s.m.Log().ErrorContext(ctx, "cannot read a set", "set", item.ID, "err", err)
		case item.State.matches(&req.Filter):
			if n++; start < n && n <= end {
				resp.Sets = append(resp.Sets, item.State.overview())
			}
		}
	}
	resp.Count = wire.Int64(n)
	return resp, nil
}

// known reports whether there is such a state; the empty one stands for all.
func (s State) known() bool {
	switch s {
	case "", Received, Queueing, Complete, Matchmaking, InMatch, Ended, ResultsSent, Expired, Unplayable, ResultsFailed:
		return true
	}
	return false
}

// matches reports whether a set is one of those an operator looks for.
func (st *set) matches(f *wire.EscsSetFilter) bool {
	switch {
	case f.SetID != "" && f.SetID != st.ID,
		f.TournamentID != "" && f.TournamentID != st.Start.TournamentID,
		f.State != "" && State(f.State) != st.State:
		return false
	case f.PlayerID == "":
		return true
	}
	for i := range st.Players {
		p := &st.Players[i]
		if ingameID(f.PlayerID) == ingameID(p.IngamePlayerID) || f.PlayerID == p.EscsPlayerID || ingameID(f.PlayerID) == p.PlayerID.String() {
			return true
		}
	}
	return false
}

func (st *set) overview() wire.OperatorSetOverview {
	return wire.OperatorSetOverview{
		SetID: st.ID, TournamentID: st.Start.TournamentID, MatchID: st.Start.MatchID, RoundID: st.Start.RoundID,
		State: string(st.State), PartyID: wire.UUID(st.PartyID), GameInstanceID: wire.UUID(st.GameInstanceID),
		Queued: wire.Int32(st.queued()), Required: wire.Int32(len(st.Players)),
		SetEndTimeUnix: wire.Int64(st.Start.SetEndTimeUnix), ReceivedTimestampMillis: wire.Int64(st.ReceivedAt.UnixMilli()),
		StartCount: wire.Int32(st.StartCount),
	}
}

// getSetOperatorV1 shows a set and what became of its results, without names.
func (s *Service) getSetOperatorV1(ctx context.Context, _ *pragma.OperatorSession, req *wire.ExternalMatchmakingGetSetOperatorV1Request) (*wire.ExternalMatchmakingGetSetOperatorV1Response, error) {
	if !isSetID(req.SetID) {
		return nil, errNoSet
	}
	st, err := s.readSet(ctx, req.SetID)
	if errors.Is(err, entity.ErrNotFound) {
		return nil, errNoSet
	}
	if err != nil {
		return nil, err
	}
	info := wire.OperatorSetInfo{Overview: st.overview(), Reason: st.Reason}
	for i := range st.Players {
		p := &st.Players[i]
		info.Players = append(info.Players, wire.OperatorSetPlayer{
			IngamePlayerID: p.IngamePlayerID, EscsPlayerID: p.EscsPlayerID, Team: wire.Int32(p.Team), State: string(p.State),
		})
	}
	if s.resultInfo != nil {
		r, err := s.resultInfo(ctx, st.ID, st.Start.RoundID)
		if err != nil {
			return nil, err
		}
		if r != nil {
			info.Result = &wire.OperatorSetResult{State: r.State, Attempts: wire.Int32(r.Attempts), LastError: r.LastError}
			if !r.NextAttempt.IsZero() {
				info.Result.NextAttemptTimestampMillis = wire.Int64(r.NextAttempt.UnixMilli())
			}
		}
	}
	return &wire.ExternalMatchmakingGetSetOperatorV1Response{Set: info}, nil
}
