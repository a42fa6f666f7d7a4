package flows_test

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// tournamentConfig is what sets need.
const tournamentConfig = `game: {serviceConfigs: {EscsConfig: {url: "https://cup.test/results", gameId: duel, secret: not-a-secret}}}`

// tournamentBackend is backend with matches of a tournament platform besides its own.
func tournamentBackend() *pragma.Server {
	srv := backend()
	sets := &escs.Service{Accounts: srv.Social[0].(*account.Service), Transformer: escs.TransformerOf(scores), Transport: content{}}
	for _, s := range srv.Game {
		switch s := s.(type) {
		case *party.Service:
			s.Plugin = &escs.ExternalMatchmakingPartyPlugin{}
			sets.Parties = s
		case *gameinstance.Service:
			s.Jobs = []gameinstance.Job{sets.ResultsJob()}
			sets.Games = s
		case *matchmaking.Service:
			s.Plugin = &escs.ExternalMatchmakingFillPartyPlugin{Inner: &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 1}}
			sets.Queue = s
		}
	}
	srv.Game = append(srv.Game, sets)
	return srv
}

// scores says what the platform is told of a player.
func scores(_ context.Context, msg *points, _ *escs.TransformRequest) (map[string]float64, error) {
	return map[string]float64{"points": float64(msg.Points)}, nil
}

// content is a platform that takes all results.
type content struct{}

// RoundTrip implements [http.RoundTripper].
func (content) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"result":{}}`)),
	}, nil
}
