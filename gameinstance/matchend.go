package gameinstance

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// matchEndV4 is the end of a game as older servers report it (engine §12, wire
// §16.5). It is EndGameV1 in other words, and may be repeated like that.
func (s *Service) matchEndV4(ctx context.Context, who *pragma.PartnerSession, req *wire.MatchLifecycleMatchEndV4Request) (*wire.Empty, error) {
	id := req.MatchID
	if id == (wire.UUID{}) {
		id = req.MatchEnd.MatchID
	}
	if inner := req.MatchEnd.MatchID; inner != (wire.UUID{}) && inner != id {
		return nil, pragma.ErrMalformed.With("matchId and matchEnd.matchId name different games")
	}
	end := &wire.GameInstanceEndGameV1Request{
		GameInstanceID:    id,
		PlayerGameResults: make([]wire.PlayerGameResult, len(req.MatchEnd.PlayerMatchEnds)),
		Ext:               req.MatchEnd.Ext,
	}
	for i, p := range req.MatchEnd.PlayerMatchEnds {
		end.PlayerGameResults[i] = wire.PlayerGameResult(p)
	}
	resp, err := s.endGameV1(ctx, who, end)
	if err == nil {
		s.logMetrics(ctx, pragma.GameInstanceID(id), req.MatchMetrics)
	}
	return resp, err
}

const (
	// maxMatchMetrics is how many figures of one game are logged, and
	// maxMetricName how many bytes of their names.
	maxMatchMetrics = 64
	maxMetricName   = 64
)

// logMetrics logs the figures that a server sends with the end of a game. A
// repeated end logs them again.
func (s *Service) logMetrics(ctx context.Context, id pragma.GameInstanceID, metrics []wire.MatchMetric) {
	if len(metrics) == 0 {
		return
	}
	attrs := make([]slog.Attr, 0, min(len(metrics), maxMatchMetrics))
	for _, m := range metrics[:cap(attrs)] {
		name := cmp.Or(m.Name, "unnamed")
		name = strings.ToValidUTF8(name[:min(len(name), maxMetricName)], "")
		attrs = append(attrs, slog.Float64(name, m.Value))
	}
	s.m.Log().LogAttrs(ctx, slog.LevelInfo, "match metrics",
		slog.String("gameInstanceId", id.String()), slog.Int("count", len(metrics)),
		slog.Attr{Key: "metrics", Value: slog.GroupValue(attrs...)})
}
