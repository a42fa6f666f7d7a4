package gameinstance_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func ids(n int) []pragma.PlayerID {
	list := make([]pragma.PlayerID, n)
	for i := range list {
		list[i][15] = byte(i + 1)
	}
	return list
}

func is(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func TestTheZeroInstanceIsAnEmptyOne(t *testing.T) {
	var i gameinstance.Instance
	if n := i.PlayerCount(); n != 0 {
		t.Errorf("PlayerCount() = %d, want 0", n)
	}
	if _, there := i.Data().Get("score"); there {
		t.Error("there is data")
	}
	is(t, i.Data().Create("score", ext.Value{}, gameinstance.Public()), nil)
	equal(t, "keys", i.Data().Keys(), []string{"score"})
}

func TestPlayersOfAWorkingCopy(t *testing.T) {
	id := ids(4)
	red, blue := pragma.NewID[pragma.PartyID](), pragma.NewID[pragma.PartyID]()
	i := gameinstance.New(pragma.NewID[pragma.GameInstanceID](),
		gameinstance.PlayerToAdd{PlayerID: id[0], PartyID: red, TeamNumber: 1, ClientVersion: "1.2"},
		gameinstance.PlayerToAdd{PlayerID: id[1], PartyID: blue},
		gameinstance.PlayerToAdd{PlayerID: id[2], PartyID: red},
		gameinstance.PlayerToAdd{PlayerID: id[3]},
	)
	_, err := i.AddPlayer(gameinstance.PlayerToAdd{PlayerID: id[0]})
	is(t, err, gameinstance.ErrPlayerJoinFailed)
	_, err = i.AddPlayer(gameinstance.PlayerToAdd{})
	is(t, err, gameinstance.ErrPlayerJoinFailed)

	parties := i.Parties()
	equal(t, "parties", []int{len(parties), len(parties[0].Players), len(parties[1].Players)}, []int{2, 2, 1})
	p := i.Player(id[0])
	equal(t, "player", []any{p.TeamNumber(), p.PartyID(), p.ClientVersion()}, []any{int64(1), red, "1.2"})
	p.SetTeamNumber(2)
	equal(t, "team", i.Player(id[0]).TeamNumber(), int64(2))

	is(t, i.RemovePlayer(id[1], ext.Value{}), nil)
	is(t, i.RemovePlayer(id[1], ext.Value{}), gameinstance.ErrPlayerNotInGameInstance)
	equal(t, "players", i.PlayerCount(), 3)
	list := i.Players()
	list[0] = nil
	if i.Players()[0] == nil {
		t.Error("Players() shares its list")
	}
}

func TestDataStoreOperations(t *testing.T) {
	d := new(gameinstance.Instance).Data()
	one, two := ext.Of(m{"n": 1}), ext.Of(m{"n": 2})
	is(t, d.UpdateData("score", one), gameinstance.ErrDataStoreKeyNotFound)
	is(t, d.UpdateSync("score", gameinstance.Public()), gameinstance.ErrDataStoreKeyNotFound)
	if d.Delete("score") {
		t.Error("Delete() of nothing reports true")
	}
	is(t, d.Create("score", one, gameinstance.Hidden()), nil)
	is(t, d.Create("score", one, gameinstance.Hidden()), gameinstance.ErrDataStoreKeyExists)
	is(t, d.UpdateData("score", two), nil)
	is(t, d.UpdateSync("score", gameinstance.Team(3)), nil)
	got, there := d.Get("score")
	sync, _ := d.Sync("score")
	equal(t, "entry", []any{got.String(), there, sync.String()}, []any{`{"n":2}`, true, "team:3"})
	if !d.Delete("score") {
		t.Error("Delete() reports false")
	}
	is(t, d.Create("score", one, gameinstance.Hidden()), nil)
}

func TestDataStoreKeysAndSizesAreBounded(t *testing.T) {
	long := strings.Repeat("ж", gameinstance.MaxKeyRunes)
	for _, row := range []struct {
		name string
		key  string
		want error
	}{
		{"empty", "", pragma.ErrMalformed},
		{"longest", long, nil},
		{"too long", long + "x", pragma.ErrMalformed},
		{"not text", "\xff", pragma.ErrMalformed},
		{"with NUL", "a\x00b", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			is(t, new(gameinstance.Instance).Data().Create(row.key, ext.Value{}, gameinstance.Hidden()), row.want)
		})
	}
	d := new(gameinstance.Instance).Data()
	large := func(n int) ext.Value { return ext.Of(m{"x": strings.Repeat("x", n-8)}) }
	is(t, d.Create("a", large(gameinstance.MaxDataBytes), gameinstance.Hidden()), nil)
	is(t, d.Create("b", ext.Value{}, gameinstance.Hidden()), gameinstance.ErrDataStoreTooLarge)
	is(t, d.UpdateData("a", large(gameinstance.MaxDataBytes+1)), gameinstance.ErrDataStoreTooLarge)
	is(t, d.UpdateData("a", ext.Value{}), nil)
	is(t, d.Create("b", ext.Value{}, gameinstance.Hidden()), nil)
	if err := d.Create("c", ext.Of(func() {}), gameinstance.Hidden()); err == nil {
		t.Error("a value that cannot be encoded is accepted")
	}
}

func TestTypedKeys(t *testing.T) {
	type score struct{ Kills int }
	key := gameinstance.Key[score]{Name: "score", Sync: gameinstance.Public()}
	d := new(gameinstance.Instance).Data()
	_, err := key.Get(d)
	is(t, err, gameinstance.ErrDataStoreKeyNotFound)
	is(t, key.Update(d, func(s *score) { s.Kills++ }), nil)
	is(t, key.Update(d, func(s *score) { s.Kills++ }), nil)
	got, err := key.Get(d)
	equal(t, "score", got, score{2})
	is(t, err, nil)
	sync, _ := d.Sync("score")
	equal(t, "visibility", sync.String(), "public")
	is(t, key.Create(d, score{}), gameinstance.ErrDataStoreKeyExists)
	is(t, key.Set(d, score{9}), nil)
	is(t, d.UpdateData("score", ext.Of(m{"Kills": []int{1}})), nil)
	if _, err := key.Get(d); err == nil {
		t.Error("Get() of something else succeeds")
	}
	if err := key.Update(d, func(*score) {}); err == nil {
		t.Error("Update() of something else succeeds")
	}
}

func TestAfterTheEndNothingHappens(t *testing.T) {
	id := ids(2)
	i := gameinstance.New(pragma.GameInstanceID{1}, gameinstance.PlayerToAdd{PlayerID: id[0]})
	i.End(map[pragma.PlayerID]ext.Value{id[0]: {}})
	i.Terminate()
	i.AllocateGameServer(ext.Value{})
	is(t, i.RemovePlayer(id[0], ext.Value{}), nil)
	is(t, i.Data().Create("late", ext.Value{}, gameinstance.Public()), nil)
	_, err := i.AddPlayer(gameinstance.PlayerToAdd{PlayerID: id[1]})
	is(t, err, gameinstance.ErrPlayerJoinFailed)
	ending, ended := i.Ending()
	_, allocating := i.Allocating()
	equal(t, "what happens", []any{len(ending), ended, i.Terminating(), allocating, i.PlayerCount(), len(i.Data().Keys())}, []any{1, true, false, false, 1, 0})
}

func TestDefaultsAct(t *testing.T) {
	var d gameinstance.Defaults
	id := ids(2)
	ctx := t.Context()
	i := gameinstance.New(pragma.GameInstanceID{1})
	players := []gameinstance.PlayerToAdd{{PlayerID: id[0]}, {PlayerID: id[1]}}
	is(t, d.HandleBackendCreateRequest(ctx, &gameinstance.BackendCreateRequest{GameInstance: i, PlayersToAdd: players}), nil)
	_, allocating := i.Allocating()
	equal(t, "players and server", []any{i.PlayerCount(), allocating}, []any{2, true})
	is(t, d.HandleBackendAddPlayersRequest(ctx, &gameinstance.BackendAddPlayersRequest{GameInstance: i, PlayersToAdd: players[:1]}), gameinstance.ErrPlayerJoinFailed)
	remove := []gameinstance.PlayerToRemove{{PlayerID: id[0]}, {PlayerID: pragma.PlayerID{9}}}
	is(t, d.HandleBackendRemovePlayersRequest(ctx, &gameinstance.BackendRemovePlayersRequest{GameInstance: i, PlayersToRemove: remove}), gameinstance.ErrPlayerNotInGameInstance)
	is(t, d.HandlePlayerCreateRequest(ctx, nil), gameinstance.ErrCreateFailed)
	is(t, d.HandlePlayerJoinRequest(ctx, nil), gameinstance.ErrPlayerJoinFailed)
	is(t, d.HandlePlayerLeaveRequest(ctx, nil), gameinstance.ErrLeaveFailed)
	is(t, d.OnEndGame(ctx, &gameinstance.EndGameRequest{GameInstance: i}), nil)
	ending, ended := i.Ending()
	equal(t, "ended", []any{len(ending), ended}, []any{1, true})
	for name, hook := range map[string]func(i *gameinstance.Instance) error{
		"connect": func(i *gameinstance.Instance) error {
			return d.OnGameServerFailedToConnectInitialPlayers(ctx, &gameinstance.GameServerFailedToConnectInitialPlayersRequest{GameInstance: i})
		},
		"disconnected": func(i *gameinstance.Instance) error {
			return d.OnGameServerDisconnected(ctx, &gameinstance.GameServerDisconnectedRequest{GameInstance: i})
		},
		"expired": func(i *gameinstance.Instance) error {
			return d.OnGameInstanceExpired(ctx, &gameinstance.GameInstanceExpiredRequest{GameInstance: i})
		},
	} {
		i := new(gameinstance.Instance)
		if err := hook(i); err != nil || !i.Terminating() {
			t.Errorf("%s: error %v, terminating %v, want nil and true", name, err, i.Terminating())
		}
	}
}

func TestPlayerSyncAsText(t *testing.T) {
	player, party := pragma.NewID[pragma.PlayerID](), pragma.NewID[pragma.PartyID]()
	for _, want := range []gameinstance.PlayerSync{
		gameinstance.Hidden(), gameinstance.Public(), gameinstance.Team(-4), gameinstance.Party(party), gameinstance.Player(player),
	} {
		text, err := want.MarshalText()
		var got gameinstance.PlayerSync
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Errorf("%s reads as %v, %v", text, got, err)
		}
		is(t, err, nil)
	}
	var s gameinstance.PlayerSync
	for _, text := range []string{"", "everybody", "team:x", "player:x", "party:"} {
		if err := s.UnmarshalText([]byte(text)); err == nil && text != "party:" {
			t.Errorf("%q reads as %v, want an error", text, s)
		}
	}
}
