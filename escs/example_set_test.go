package escs_test

import (
	"context"
	"fmt"
	"time"

	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
)

// fragCounter is a transformer of a game that counts kills.
type fragCounter struct{}

func (fragCounter) Transform(_ context.Context, r *escs.TransformRequest) (map[string]float64, error) {
	end, err := ext.As[struct{ Kills int }](r.Ext)
	return map[string]float64{"kills": float64(end.Kills)}, err
}

// A game with tournaments: the plugins of this package stand around its own.
func ExampleService() {
	accounts := &account.Service{}
	parties := &party.Service{Plugin: &escs.ExternalMatchmakingPartyPlugin{Inner: party.Defaults{}}}
	tournaments := &escs.Service{Accounts: accounts, Transformer: fragCounter{}}
	games := &gameinstance.Service{Parties: parties, Jobs: []gameinstance.Job{tournaments.ResultsJob()}}
	queue := &matchmaking.Service{
		Plugin:  &escs.ExternalMatchmakingFillPartyPlugin{Inner: matchmaking.Defaults{}},
		Parties: parties, Games: games,
	}
	tournaments.Parties, tournaments.Queue, tournaments.Games = parties, queue, games
	config, err := pragma.ParseConfig(`
game:
  serviceConfigs:
    EscsConfig: {url: "https://results.example.com", secret: "s3cret", gameId: "5f158727c9e95137883b8b96"}
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &pragma.Server{
		Config: config,
		Social: []pragma.Service{accounts},
		Game:   []pragma.Service{parties, games, queue, tournaments},
	}
	fmt.Println(srv.Check())
	// Output: <nil>
}

// Whoever has the ExtMatchmakingParty of a party has the set.
func ExampleSetInfo() {
	partyExt := ext.Of(map[string]any{
		"mode": "duel", // the game's own
		"escsMatchmakingInfo": map[string]any{
			"setId": "5f158727c9e95137883b8b96", "setEndTimeUnix": "1767322800", "globalMetadata": "best of one",
		},
	})
	set, err := escs.SetInfo(partyExt)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.SetID, set.GlobalMetadata)
	fmt.Println(set.EndTime().Format(time.RFC3339))
	// Output:
	// 5f158727c9e95137883b8b96 best of one
	// 2026-01-02T03:00:00Z
}

// tournamentArena lets games of sets have a map of their own.
type tournamentArena struct{ gameinstance.Defaults }

func (a tournamentArena) HandleBackendCreateByMatchmakingRequest(ctx context.Context, r *gameinstance.BackendCreateByMatchmakingRequest) error {
	if set := escs.SetOfGame(r.Parties); set != nil {
		fmt.Println("tournament", set.TournamentID, "on the arena map")
	} else {
		fmt.Println("an ordinary game")
	}
	return nil
}

func ExampleSetOfGame() {
	info := ext.Of(escs.ExtMatchmakingParty{EscsMatchmakingInfo: &escs.SetStart{SetID: "s1", TournamentID: "t1"}})
	for _, parties := range [][]gameinstance.MatchedParty{{{Ext: info}}, {{}}} {
		r := &gameinstance.BackendCreateByMatchmakingRequest{Parties: parties}
		if err := (tournamentArena{}).HandleBackendCreateByMatchmakingRequest(context.Background(), r); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// tournament t1 on the arena map
	// an ordinary game
}

// A client, or a test, learns why a player was refused.
func ExampleReasonOf() {
	err := error(escs.ErrPartyNotFound.WithDetail("ExternalMatchmakingRpc.ReasonApplicationError", ext.Of(map[string]string{"reason": "NO_SET"})))
	if escs.ReasonOf(err) == escs.NoSet {
		fmt.Println("try again in a moment")
	}
	// Output: try again in a moment
}
