package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestPluginsHaveNoMisspeltHooks(t *testing.T) {
	pragmatest.CheckPlugin[party.Plugin](t, lobby{})
	pragmatest.CheckPlugin[gameinstance.Plugin](t, arena{})
}

// newMatch returns a match of red against blue, without a server.
func newMatch(t *testing.T) (match *gameinstance.Instance, inRed, inBlue pragma.PlayerID) {
	t.Helper()
	inRed, inBlue = pragma.NewID[pragma.PlayerID](), pragma.NewID[pragma.PlayerID]()
	match = gameinstance.New(pragma.NewID[pragma.GameInstanceID](),
		gameinstance.PlayerToAdd{PlayerID: inRed, TeamNumber: red},
		gameinstance.PlayerToAdd{PlayerID: inBlue, TeamNumber: blue},
	)
	err := arena{}.HandleBackendCreateByMatchmakingRequest(t.Context(), &gameinstance.BackendCreateByMatchmakingRequest{GameInstance: match})
	if err != nil {
		t.Fatal(err)
	}
	return match, inRed, inBlue
}

func TestNewMatchAsksForServerAndTellsItTheSecret(t *testing.T) {
	match, _, _ := newMatch(t)
	if _, asked := match.Allocating(); !asked {
		t.Error("nobody asked for a game server")
	}
	v, err := arena{}.BuildExtGameStart(t.Context(), &gameinstance.BuildExtGameStartRequest{GameInstance: match})
	if err != nil {
		t.Fatal(err)
	}
	start, err := ext.As[gameStart](v)
	s, _ := secretEntry.Get(match.Data())
	if want := (gameStart{Seed: s.Seed, Rounds: rounds}); err != nil || start != want {
		t.Errorf("the server is told %+v, %v; want %+v", start, err, want)
	}
}

func TestRoundReportedAgainCountsOnce(t *testing.T) {
	match, _, _ := newMatch(t)
	for _, report := range []struct {
		name string
		sent roundPlayed
		want score
		err  error
	}{
		{"first round", roundPlayed{Round: 1, Winner: red}, score{Round: 1, Red: 1}, nil},
		{"first round again", roundPlayed{Round: 1, Winner: red}, score{Round: 1, Red: 1}, nil},
		{"second round", roundPlayed{Round: 2, Winner: blue}, score{Round: 2, Red: 1, Blue: 1}, nil},
		{"first round, very late", roundPlayed{Round: 1, Winner: blue}, score{Round: 2, Red: 1, Blue: 1}, nil},
		{"fourth round before the third", roundPlayed{Round: 4, Winner: red}, score{Round: 2, Red: 1, Blue: 1}, errRoundMissing},
		{"third round", roundPlayed{Round: 3, Winner: blue}, score{Round: 3, Red: 1, Blue: 2}, nil},
	} {
		err := arena{}.HandleBackendUpdateRequest(t.Context(), &gameinstance.BackendUpdateRequest{
			GameInstance: match, RequestExt: ext.Of(report.sent),
		})
		if !errors.Is(err, report.err) {
			t.Errorf("%s: got error %v, want %v", report.name, err, report.err)
		}
		got, err := scoreEntry.Get(match.Data())
		if err != nil || got != report.want {
			t.Errorf("%s: score is %+v, %v; want %+v", report.name, got, err, report.want)
		}
	}
}

func TestEndTellsEveryPlayerHowItWentForHim(t *testing.T) {
	match, inRed, inBlue := newMatch(t)
	final := score{Round: 5, Red: 2, Blue: 3}
	if err := scoreEntry.Update(match.Data(), func(s *score) { *s = final }); err != nil {
		t.Fatal(err)
	}
	err := arena{}.OnEndGame(t.Context(), &gameinstance.EndGameRequest{
		GameInstance: match,
		PlayerGameResults: []gameinstance.PlayerGameResult{
			{PlayerID: inRed, Ext: ext.Of(playerResult{Hits: 2})},
			{PlayerID: inBlue, Ext: ext.Of(playerResult{Hits: 3})},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	told, over := match.Ending()
	if !over {
		t.Fatal("the match is not over")
	}
	got := make(map[pragma.PlayerID]gameResult)
	for id, v := range told {
		if got[id], err = ext.As[gameResult](v); err != nil {
			t.Fatal(err)
		}
	}
	want := map[pragma.PlayerID]gameResult{
		inRed:  {Won: false, Hits: 2, Score: final},
		inBlue: {Won: true, Hits: 3, Score: final},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("players are told (-got +want):\n%s", diff)
	}
}

// newCustom returns a custom game, and its host.
func newCustom(t *testing.T) (game *gameinstance.Instance, host pragma.PlayerID) {
	t.Helper()
	game, host = gameinstance.New(pragma.NewID[pragma.GameInstanceID]()), pragma.NewID[pragma.PlayerID]()
	err := arena{}.HandlePlayerCreateRequest(t.Context(), &gameinstance.PlayerCreateRequest{GameInstance: game, RequestingPlayerID: host})
	if err != nil {
		t.Fatal(err)
	}
	return game, host
}

func join(t *testing.T, game *gameinstance.Instance) (pragma.PlayerID, error) {
	t.Helper()
	id := pragma.NewID[pragma.PlayerID]()
	return id, arena{}.HandlePlayerJoinRequest(t.Context(), &gameinstance.PlayerJoinRequest{GameInstance: game, RequestingPlayerID: id})
}

func TestCustomGameTakesFourInTwoTeams(t *testing.T) {
	game, host := newCustom(t)
	var teams []int64
	for range seats - 1 {
		if _, err := join(t, game); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := join(t, game); !errors.Is(err, errNotOpen) {
		t.Errorf("a fifth player gets %v, want %v", err, errNotOpen)
	}
	for _, p := range game.Players() {
		teams = append(teams, p.TeamNumber())
	}
	if diff := cmp.Diff(teams, []int64{red, blue, red, blue}); diff != "" || game.Players()[0].ID() != host {
		t.Errorf("teams (-got +want):\n%s", diff)
	}
	if _, asked := game.Allocating(); asked {
		t.Error("a game server is asked for before the host starts the game")
	}
}

func TestMatchOfMatchmakingIsNotOpen(t *testing.T) {
	match, inRed, _ := newMatch(t)
	if _, err := join(t, match); !errors.Is(err, errNotOpen) {
		t.Errorf("a player who joins gets %v, want %v", err, errNotOpen)
	}
	err := arena{}.HandlePlayerUpdateRequest(t.Context(), &gameinstance.PlayerUpdateRequest{GameInstance: match, RequestingPlayer: match.Player(inRed)})
	if !errors.Is(err, errNotHost) {
		t.Errorf("a player who starts it gets %v, want %v", err, errNotHost)
	}
}

func TestOnlyTheHostStartsACustomGame(t *testing.T) {
	game, host := newCustom(t)
	guest, err := join(t, game)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		who  pragma.PlayerID
		err  error
		want bool
	}{{"a guest", guest, errNotHost, false}, {"the host", host, nil, true}, {"the host again", host, nil, true}} {
		err := arena{}.HandlePlayerUpdateRequest(t.Context(), &gameinstance.PlayerUpdateRequest{GameInstance: game, RequestingPlayer: game.Player(c.who)})
		if _, asked := game.Allocating(); !errors.Is(err, c.err) || asked != c.want {
			t.Errorf("%s starts it: %v, a server is asked for: %v; want %v, %v", c.name, err, asked, c.err, c.want)
		}
	}
}

func TestRemovedPlayerFreesHisSeat(t *testing.T) {
	game, _ := newCustom(t)
	guest, err := join(t, game)
	if err != nil {
		t.Fatal(err)
	}
	remove := &gameinstance.BackendRemovePlayersRequest{
		GameInstance: game, PlayersToRemove: []gameinstance.PlayerToRemove{{PlayerID: guest, Ext: ext.Of(kicked{"cheats"})}},
	}
	if err := (arena{}).HandleBackendRemovePlayersRequest(t.Context(), remove); err != nil || game.Player(guest) != nil {
		t.Errorf("removing a player: %v, he is there: %v", err, game.Player(guest) != nil)
	}
	if err := (arena{}).HandleBackendRemovePlayersRequest(t.Context(), remove); !errors.Is(err, gameinstance.ErrPlayerNotInGameInstance) {
		t.Errorf("removing him again: %v", err)
	}
}

func TestLeaderChoosesTheModeAndTheModeTheQueue(t *testing.T) {
	leader := party.NewPlayer(party.PlayerInfo{PlayerID: pragma.NewID[pragma.PlayerID](), Leader: true})
	mate := party.NewPlayer(party.PlayerInfo{PlayerID: pragma.NewID[pragma.PlayerID]()})
	p := party.NewParty(pragma.NewID[pragma.PartyID](), leader, mate)
	if err := (lobby{}).InitializeParty(t.Context(), &party.InitializePartyRequest{Party: p}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		who  *party.Player
		wish lobbyRequest
		err  error
	}{
		{"leader, a mode there is", leader, lobbyRequest{Mode: "duel"}, nil},
		{"leader, a mode there is not", leader, lobbyRequest{Mode: "chess"}, errUnknownMode},
		{"another member", mate, lobbyRequest{Mode: "duel"}, party.ErrPlayerNotLeader},
	} {
		err := lobby{}.UpdateParty(t.Context(), &party.UpdatePartyRequest{Party: p, RequestingPlayer: c.who, RequestExt: ext.Of(c.wish)})
		if !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.err)
		}
	}
	v, err := lobby{}.BuildExtBroadcastParty(t.Context(), &party.BuildExtBroadcastPartyRequest{Party: p})
	if view, _ := ext.As[lobbyView](v); err != nil || view.Mode != "duel" {
		t.Errorf("members see %+v, %v", view, err)
	}
	v, err = lobby{}.BuildMatchmakingKey(t.Context(), &party.BuildMatchmakingKeyRequest{Party: p})
	if key, _ := ext.As[queueKey](v); err != nil || key.Mode != "duel" {
		t.Errorf("the queue is that of %+v, %v", key, err)
	}
}
