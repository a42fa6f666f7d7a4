package escs_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/escs/escstest"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// MatchResult is what the studio's game server says of a player at the end of a
// game (ExtPlayerGameResult).
type MatchResult struct {
	Kills  int `json:"kills"`
	Deaths int `json:"deaths"`
}

// A transformer takes the studio's own message. The keys are the identifiers of
// the score types that the tournament was given.
func ExampleTransformerOf() {
	transformer := escs.TransformerOf(func(_ context.Context, m *MatchResult, r *escs.TransformRequest) (map[string]float64, error) {
		if r.Absent {
			return map[string]float64{"kills": -1}, nil // worse than anybody who plays
		}
		return map[string]float64{"kills": float64(m.Kills), "ratio": float64(m.Kills) / float64(max(m.Deaths, 1))}, nil
	})
	for _, r := range []*escs.TransformRequest{
		{Ext: ext.Of(MatchResult{Kills: 9, Deaths: 4})},
		{Absent: true},
	} {
		scores, err := transformer.Transform(context.Background(), r)
		fmt.Println(scores, err)
	}
	// Output:
	// map[kills:9 ratio:2.25] <nil>
	// map[kills:-1] <nil>
}

// signed adds a header to the documented form.
type signed struct{ escs.DefaultEncoder }

func (s signed) EncodeResults(ctx context.Context, r *escs.EncodeResultsRequest) ([]escs.Submission, error) {
	list, err := s.DefaultEncoder.EncodeResults(ctx, r)
	for i := range list {
		list[i].Header = map[string][]string{"Escs-Game-Secret-Key": {r.Secret.Reveal()}}
	}
	return list, err
}

// An encoder writes what the platform wants to read. The secret comes with each
// request, and is stored nowhere.
func ExampleResultEncoder() {
	list, err := signed{}.EncodeResults(context.Background(), &escs.EncodeResultsRequest{
		Delivery: &escs.Delivery{
			ID: "d1", TournamentID: "t", MatchID: "m", SetID: "s", RoundID: "r",
			Results: []escs.PlayerScores{{PlayerID: "e1", IngamePlayerID: "g1", Scores: map[string]float64{"kills": 9}}},
		},
		GameID: "g", Secret: "hush",
	})
	fmt.Println(string(list[0].Body), err)
	fmt.Println(list[0].Header)
	// Output:
	// {"id":"d1","params":{"context":{"type":"BY_GAME_SECRET_KEY","gameId":"g","secretKey":"hush"},"tournamentId":"t","matchId":"m","setId":"s","roundId":"r","results":[{"playerId":"e1","ingamePlayerId":"g1","scores":{"kills":9}}]}} <nil>
	// map[Escs-Game-Secret-Key:[hush]]
}

// A trusted game server vouches for what a player of a single-player round says.
func ExampleConfirmGameServer() {
	platform, err := escstest.Start(escstest.Options{Secret: "hush"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer platform.Close()
	err = escs.ConfirmGameServer(context.Background(), &escs.GameServerConfirmation{
		Platform: platform.BaseURL, Secret: pragma.Secret("hush"), TournamentID: "cup", RoundID: "r1", Valid: true, Score: 1200,
	})
	for _, c := range platform.Confirmations() {
		fmt.Println(c.TournamentID, c.RoundID, c.IsValid, *c.Score, err)
	}
	// Output:
	// cup r1 true 1200 <nil>
}
