package gameinstance_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Score is what a player has achieved.
type Score struct{ Kills int }

// score is an entry of a player's data store that everybody sees.
var score = gameinstance.Key[Score]{Name: "score", Sync: gameinstance.Public()}

// arena lets at most eight players in, and gives each a score.
type arena struct{ gameinstance.Defaults }

func (arena) HandlePlayerJoinRequest(_ context.Context, r *gameinstance.PlayerJoinRequest) error {
	if r.GameInstance.PlayerCount() == 8 {
		return gameinstance.ErrPlayerJoinFailed.With("the arena is full")
	}
	p, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{PlayerID: r.RequestingPlayerID})
	if err != nil {
		return err
	}
	return score.Create(p.Data(), Score{})
}

// A plugin can be tested without a server: hooks work on plain values.
func ExamplePlugin() {
	i := gameinstance.New(pragma.NewID[pragma.GameInstanceID]())
	robin := pragma.NewID[pragma.PlayerID]()
	err := arena{}.HandlePlayerJoinRequest(context.Background(), &gameinstance.PlayerJoinRequest{
		GameInstance: i, RequestingPlayerID: robin,
	})
	data, _ := i.Player(robin).Data().Get("score")
	fmt.Println(err, i.PlayerCount(), data)
	// Output: <nil> 1 {"Kills":0}
}

// A key has the name, the type and the visibility of an entry.
func ExampleKey() {
	i := gameinstance.New(pragma.NewID[pragma.GameInstanceID]())
	err := score.Update(i.Data(), func(s *Score) { s.Kills++ })
	got, _ := score.Get(i.Data())
	sync, _ := i.Data().Sync("score")
	fmt.Println(err, got.Kills, sync)
	// Output: <nil> 1 public
}

// An entry of a data store is shown to whom its PlayerSync says.
func ExampleDataStore() {
	d := gameinstance.New(pragma.NewID[pragma.GameInstanceID]()).Data()
	fmt.Println(d.Create("plan", ext.Of(map[string]string{"text": "hold the bridge"}), gameinstance.Team(1)))
	fmt.Println(d.UpdateSync("plan", gameinstance.Public()))
	fmt.Println(d.UpdateData("map", ext.Value{}))
	// Output:
	// <nil>
	// <nil>
	// GameInstanceService_DataStoreKeyNotFound: the data store has no key "map"
}

// cloud starts servers somewhere else.
type cloud struct {
	gameinstance.ProviderDefaults
	rent func(key string, environment map[string]string) error
}

func (c cloud) StartAllocationForGameInstance(_ context.Context, r *gameinstance.StartAllocationForGameInstanceRequest) error {
	tokens, err := r.ClientTokens()
	if err != nil {
		return err
	}
	// The allocation id makes a repeated request recognisable.
	return c.rent(r.AllocationID.String(), map[string]string{
		"PRAGMA_GAME_INSTANCE_ID":        r.GameInstanceID.String(),
		"PRAGMA_PARTNER_BACKEND_ADDRESS": r.BackendAddress,
		"PRAGMA_PARTNER_GAME_TOKEN":      tokens.GameToken,
		"PRAGMA_PARTNER_SOCIAL_TOKEN":    tokens.SocialToken,
	})
}

// A provider passes on what a game server needs to connect.
func ExampleProviderPlugin() {
	var p gameinstance.ProviderPlugin = cloud{rent: func(_ string, environment map[string]string) error {
		fmt.Println(len(environment), "variables")
		return nil
	}}
	err := p.StartAllocationForGameInstance(context.Background(), &gameinstance.StartAllocationForGameInstanceRequest{
		ClientTokens: func() (gameinstance.PartnerClientTokens, error) { return gameinstance.PartnerClientTokens{}, nil },
	})
	fmt.Println(err)
	// Output:
	// 4 variables
	// <nil>
}

// A service is a literal in a list. Studio code may use it directly.
func ExampleService() {
	games := &gameinstance.Service{Plugin: arena{}}
	srv := &pragma.Server{Game: []pragma.Service{games}}
	fmt.Println(srv.Game[0].Name())
	// Output: GameInstanceRpc
}

// ladder counts the kills of players who stayed to the end.
type ladder struct{ kills map[pragma.PlayerID]int }

func (l *ladder) OnGameInstanceEnded(_ context.Context, r *gameinstance.GameInstanceEndedRequest) error {
	for _, p := range r.Players {
		if p.LeftEarly || p.Result == nil {
			continue
		}
		score, err := ext.As[Score](p.Result.Ext)
		if err != nil {
			return fmt.Errorf("result of %s: %w", p.PlayerID, err)
		}
		l.kills[p.PlayerID] = score.Kills
	}
	return nil
}

// A job gets the results of every game, after its end is committed.
func ExampleJob() {
	robin := pragma.NewID[pragma.PlayerID]()
	job := &ladder{kills: make(map[pragma.PlayerID]int)}
	games := &gameinstance.Service{Jobs: []gameinstance.Job{{Name: "ladder", Run: job}}}
	err := games.Jobs[0].Run.OnGameInstanceEnded(context.Background(), &gameinstance.GameInstanceEndedRequest{
		Players: []gameinstance.EndedPlayer{{PlayerID: robin, Result: &gameinstance.PlayerGameResult{PlayerID: robin, Ext: ext.Of(Score{Kills: 3})}}},
	})
	fmt.Println(err, job.kills[robin])
	// Output: <nil> 3
}
