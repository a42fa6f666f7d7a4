package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

const linkV1 = "game GameInstanceRpc.LinkV1"

// startOf is the answer to LinkV1 with players.
func startOf(inMatchmaking bool, players ...string) string {
	list := make([]string, len(players))
	for n, p := range players {
		list[n] = `{"playerId":"` + p + `","teamNumber":"1"}`
	}
	return fmt.Sprintf(`{"gameStart":{"gameInstanceId":%q,"isInMatchmaking":%v,"players":[%s]}}`, gameA, inMatchmaking, strings.Join(list, ","))
}

// linked connects a game server that has linked a game of robin's.
func (f *fake) linked() (*client.GameServer, *client.Subscription) {
	f.t.Helper()
	s := f.server()
	f.on("GameInstanceRpc.LinkV1", answer(startOf(false, robin)))
	sub := s.Subscribe()
	if _, err := s.Link(f.t.Context(), mustID(gameA)); err != nil {
		f.t.Fatal(err)
	}
	return s, sub
}

// crash breaks the connection; the fake never goes on with one.
func (f *fake) crash() {
	f.t.Helper()
	f.socket("game").cut()
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

// aboutGames returns the events that are not about connections.
func aboutGames(t *testing.T, sub *client.Subscription) []client.Event {
	t.Helper()
	synctest.Wait()
	now, cancel := context.WithCancel(t.Context())
	cancel() // what waits is taken, nothing is waited for
	var list []client.Event
	for {
		e, err := sub.Next(now)
		if err != nil {
			return list
		}
		switch e.(type) {
		case client.Connected, client.Disconnected, client.Ended:
		default:
			list = append(list, e)
		}
	}
}

func TestWhatAGameServerMissedInABreakIsAnnouncedAfterwards(t *testing.T) {
	gameID := mustID(gameA)
	kims := client.PlayersAdded{GameInstanceID: gameID, Players: []client.GameServerPlayer{{PlayerID: id[pragma.PlayerID](t, kim), Team: 1}}}
	for name, c := range map[string]struct {
		before func(f *fake, s *client.GameServer)
		after  func(*fakeCall)
		want   []client.Event
	}{
		"nothing has happened":    {nil, answer(startOf(false, robin)), nil},
		"a player came":           {nil, answer(startOf(false, robin, kim)), []client.Event{kims}},
		"the only player left":    {nil, answer(startOf(false)), nil},
		"it waits for players":    {nil, answer(startOf(true, robin)), []client.Event{client.BackfillStarted{GameInstanceID: gameID}}},
		"it is over":              {nil, func(c *fakeCall) { c.refuse("GameInstanceService_UnknownGameInstanceId") }, []client.Event{client.GameLost{GameInstanceID: gameID}}},
		"another server has come": {nil, func(c *fakeCall) { c.refuse("GameInstanceService_AlreadyLinked") }, []client.Event{client.GameLost{GameInstanceID: gameID}}},
		"a player was announced before": {func(f *fake, _ *client.GameServer) {
			f.socket("game").notify("GameInstanceRpc.AddPlayersV1Notification", `{"gameInstanceId":"`+gameA+`","gameServerPlayers":[{"playerId":"`+kim+`","teamNumber":"1"}]}`)
		}, answer(startOf(false, robin, kim)), []client.Event{kims}},
		"a player whom the server removed came back": {func(f *fake, s *client.GameServer) {
			f.on("GameInstanceRpc.RemovePlayersV2", answer(`{}`))
			err := s.RemovePlayers(f.t.Context(), client.RemovePlayers{GameInstanceID: gameID, Players: []client.PlayerExt{{PlayerID: id[pragma.PlayerID](t, robin)}}})
			if err != nil {
				f.t.Error(err)
			}
		}, answer(startOf(false, robin)), []client.Event{
			client.PlayersAdded{GameInstanceID: gameID, Players: []client.GameServerPlayer{{PlayerID: id[pragma.PlayerID](t, robin), Team: 1}}},
		}},
		"it waits for players no more": {func(f *fake, _ *client.GameServer) {
			f.socket("game").notify("GameInstanceRpc.GameInstanceEnteredMatchmakingV1Notification", `{"gameInstanceId":"`+gameA+`"}`)
		}, answer(startOf(false, robin)), []client.Event{client.BackfillStarted{GameInstanceID: gameID}, client.BackfillStopped{GameInstanceID: gameID}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				s, sub := f.linked()
				if c.before != nil {
					c.before(f, s)
				}
				synctest.Wait()
				f.on("GameInstanceRpc.LinkV1", c.after)
				f.crash()
				if got := len(f.seen(linkV1)); got != 2 {
					t.Errorf("the game was asked for %d times, want 2", got)
				}
				f.crash() // it is not announced again
				if diff := cmp.Diff(aboutGames(t, sub), c.want, compareExt); diff != "" {
					t.Errorf("events (-got +want):\n%s", diff)
				}
			})
		})
	}
}

func TestAGameIsAskedForAgainWithTheCallItWasTakenOverWith(t *testing.T) {
	start := startOf(false, robin)
	for name, c := range map[string]struct {
		take func(t *testing.T, s *client.GameServer) error
		want map[string]int // calls in the end
	}{
		"linked by the older name": {func(t *testing.T, s *client.GameServer) error {
			_, err := s.GetGameStartData(t.Context(), mustID(gameA))
			return err
		}, map[string]int{"GetGameStartDataV1": 2}},
		"created": {func(t *testing.T, s *client.GameServer) error {
			_, err := s.Create(t.Context(), client.CreateInstance{})
			return err
		}, map[string]int{"CreateGameInstancePartnerV1": 1, "LinkV1": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				s := f.server()
				f.on("GameInstanceRpc.LinkV1", answer(start))
				f.on("GameInstanceRpc.GetGameStartDataV1", answer(start))
				f.on("GameInstanceRpc.CreateGameInstancePartnerV1", answer(`{"gameInstanceId":"`+gameA+`",`+start[1:]))
				if err := c.take(t, s); err != nil {
					t.Fatal(err)
				}
				f.crash()
				for _, call := range []string{"LinkV1", "GetGameStartDataV1", "CreateGameInstancePartnerV1"} {
					if got := len(f.seen("game GameInstanceRpc." + call)); got != c.want[call] {
						t.Errorf("%s was called %d times, want %d", call, got, c.want[call])
					}
				}
			})
		})
	}
}

func TestGameThatIsLeftToAnotherServerIsNotAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.on("GameInstanceRpc.CreateGameInstancePartnerV1", answer(`{"gameInstanceId":"`+gameA+`"}`))
		if _, err := s.Create(t.Context(), client.CreateInstance{SkipLink: true}); err != nil {
			t.Fatal(err)
		}
		f.crash()
		if got := len(f.seen(linkV1)); got != 0 {
			t.Errorf("the game was asked for %d times", got)
		}
	})
}

func TestGameThatTheServerIsDoneWithIsNeitherTakenBackNorMissed(t *testing.T) {
	gameID := mustID(gameA)
	calls := map[string]func(*testing.T, *client.GameServer) error{
		"EndGameV1": func(t *testing.T, s *client.GameServer) error {
			return s.EndGame(t.Context(), client.EndGame{GameInstanceID: gameID})
		},
		"UnlinkV1": func(t *testing.T, s *client.GameServer) error { return s.Unlink(t.Context(), gameID, ext.Value{}) },
	}
	for name, end := range calls {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				s, sub := f.linked()
				f.connected(s)
				unknown := func(c *fakeCall) { c.refuse("GameInstanceService_UnknownGameInstanceId") }
				f.on("GameInstanceRpc.GameKeepAliveV1", unknown)
				f.on("GameInstanceRpc.LinkV1", unknown)
				f.on("GameInstanceRpc."+name, func(c *fakeCall) { c.sock.cut() }) // done, but not said
				if err := end(t, s); !errors.Is(err, client.ErrOutcomeUnknown) {
					t.Fatalf("got %v, want an unknown outcome", err)
				}
				if err := end(t, s); !errors.Is(err, client.ErrDisconnected) {
					t.Fatalf("got %v, want no connection", err)
				}
				f.on("GameInstanceRpc."+name, answer(`{}`))
				time.Sleep(20 * time.Second)
				if err := end(t, s); err != nil {
					t.Error(err)
				}
				if got := len(f.seen(linkV1)); got != 1 {
					t.Errorf("the game was asked for %d times, want once, at first", got)
				}
				if got := aboutGames(t, sub); len(got) != 0 {
					t.Errorf("events %v, want none", got)
				}
			})
		})
	}
}

func TestGameWhoseEndIsRefusedGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s, sub := f.linked()
		f.on("GameInstanceRpc.EndGameV1", func(c *fakeCall) { c.refuse("Skirmish_RoundMissing") })
		if err := s.EndGame(t.Context(), client.EndGame{GameInstanceID: mustID(gameA)}); err == nil {
			t.Fatal("the end is not refused")
		}
		f.on("GameInstanceRpc.LinkV1", answer(startOf(false, robin, kim)))
		f.crash()
		if got := aboutGames(t, sub); len(got) != 1 {
			t.Errorf("events %v, want the player who came", got)
		}
	})
}

func TestBusyBackendIsAskedAgainForAGame(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		_, sub := f.linked()
		f.on("GameInstanceRpc.LinkV1", func(c *fakeCall) { c.refuse("GameInstanceService_InternalError") })
		f.socket("game").cut()
		time.Sleep(10 * time.Second)
		f.on("GameInstanceRpc.LinkV1", answer(startOf(false, robin, kim)))
		time.Sleep(2 * time.Second)
		if got := aboutGames(t, sub); len(got) != 1 {
			t.Errorf("events %v, want the player who came", got)
		}
	})
}

func TestLostGameIsToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s, sub := f.linked()
		f.connected(s)
		unknown := func(c *fakeCall) { c.refuse("GameInstanceService_UnknownGameInstanceId") }
		f.on("GameInstanceRpc.GameKeepAliveV1", unknown)
		f.on("GameInstanceRpc.LinkV1", unknown)
		f.crash()
		want := []client.Event{client.GameLost{GameInstanceID: mustID(gameA)}}
		if diff := cmp.Diff(aboutGames(t, sub), want); diff != "" {
			t.Errorf("events (-got +want):\n%s", diff)
		}
	})
}
