package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// server connects a game server and closes it at the end of the test.
func (f *fake) server() *client.GameServer {
	f.t.Helper()
	s, err := client.NewGameServer(f.t.Context(), client.GameServerOptions{
		Options: f.options(),
		Tokens:  client.Tokens{Game: "game-token", Social: "social-token"},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(s.Close)
	return s
}

const gameStart = `{"gameStart":{"gameInstanceId":"` + gameA + `","ext":{"map":"harbor"},"isInMatchmaking":true,
	"players":[{"playerId":"` + robin + `","displayName":{"displayName":"Robin","discriminator":"0042"},"partyId":"` + partyA + `","teamNumber":"1","clientVersion":"1.2.3","ext":{}}]}}`

func TestGameServerConnectsToBothPartnerSockets(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.server()
		time.Sleep(31 * time.Second)
		for _, host := range []string{"game", "social"} {
			if got, want := f.all("UPGRADE " + host)[0].head.Get("Authorization"), "Bearer "+host+"-token"; got != want {
				t.Errorf("%s: Authorization = %q, want %q", host, got, want)
			}
			if got := len(f.seen(host + " PartnerSessionRpc.HeartbeatPartnerV1")); got != 3 {
				t.Errorf("%s: %d heartbeats, want 3", host, got)
			}
		}
	})
}

func TestGameServerWithoutASocialTokenUsesOneSocket(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s, err := client.NewGameServer(t.Context(), client.GameServerOptions{Options: f.options(), Tokens: client.Tokens{Game: "x"}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.SocialConn() != nil || len(f.all("UPGRADE social")) != 0 {
			t.Error("connected to the social backend")
		}
		if err := s.WaitConnected(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestGameServerNeedsAToken(t *testing.T) {
	if _, err := client.NewGameServer(t.Context(), client.GameServerOptions{Options: client.Options{Game: "game"}}); err == nil {
		t.Error("NewGameServer without a token succeeds")
	}
}

func TestGameServerCallsSendTheDocumentedRequests(t *testing.T) {
	gameID, robinID := mustID(gameA), id[pragma.PlayerID](t, robin)
	won := ext.Of(map[string]bool{"won": true})
	players := []client.PlayerExt{{PlayerID: robinID, Ext: won}}
	type server = client.GameServer
	start := &client.GameStart{
		GameInstanceID: gameID,
		Ext:            ext.Of(map[string]string{"map": "harbor"}),
		InMatchmaking:  true,
		Players: []client.GameServerPlayer{{PlayerID: robinID, DisplayName: pragma.DisplayName{DisplayName: "Robin", Discriminator: "0042"},
			PartyID: id[pragma.PartyID](t, partyA), Team: 1, ClientVersion: "1.2.3"}},
	}
	check := func(got *client.GameStart, err error) error {
		if diff := cmp.Diff(start, got, compareExt); err == nil && diff != "" {
			t.Errorf("game start (-want +got):\n%s", diff)
		}
		return err
	}
	tests := map[string]struct {
		do              func(context.Context, *server) error
		request, answer string
	}{
		"LinkV1": {func(ctx context.Context, s *server) error { return check(s.Link(ctx, gameID)) },
			`{"gameInstanceId":"` + gameA + `"}`, gameStart},
		"GetGameStartDataV1": {func(ctx context.Context, s *server) error { return check(s.GetGameStartData(ctx, gameID)) },
			`{"gameInstanceId":"` + gameA + `"}`, gameStart},
		"CreateGameInstancePartnerV1": {func(ctx context.Context, s *server) error {
			return check(s.Create(ctx, client.CreateInstance{Ext: won, Zone: "eu", GameServerVersion: "v1",
				Players: []client.PlayerToAdd{{PlayerID: robinID, Team: 1}}}))
		}, `{"requestExt":{"won":true},"playersToAdd":[{"playerId":"` + robin + `","ext":{},"teamNumber":"1"}],"gameServerVersion":"v1","gameServerZone":"eu","skipLink":false}`,
			`{"gameInstanceId":"` + gameA + `",` + gameStart[1:]},
		"ConnectPlayersV1": {func(ctx context.Context, s *server) error {
			return s.ConnectPlayers(ctx, client.ConnectPlayers{GameInstanceID: gameID, Hostname: "h", Port: 7777, Players: players})
		}, `{"gameInstanceId":"` + gameA + `","hostname":"h","port":7777,"playerConnectionDetails":[{"playerId":"` + robin + `","extPlayerConnectionDetails":{"won":true}}]}`,
			`{"enableKeepAlive":false,"keepAliveIntervalMillis":"0"}`},
		"ConnectMorePlayersV1": {func(ctx context.Context, s *server) error {
			return s.ConnectMorePlayers(ctx, client.ConnectPlayers{GameInstanceID: gameID})
		}, `{"gameInstanceId":"` + gameA + `","hostname":"","port":0,"playerConnectionDetails":[]}`, `{}`},
		"VerifyPlayerPartnerV1": {func(ctx context.Context, s *server) error {
			ok, err := s.VerifyPlayer(ctx, gameID, robinID, "secret")
			if err == nil && !ok {
				t.Error("VerifyPlayer = false, want true")
			}
			return err
		}, `{"gameInstanceId":"` + gameA + `","playerId":"` + robin + `","connectionToken":"secret"}`, `{"isValid":true}`},
		"UpdateGameInstanceV1": {func(ctx context.Context, s *server) error { return s.Update(ctx, gameID, won) },
			`{"gameInstanceId":"` + gameA + `","requestExt":{"won":true}}`, `{}`},
		"RemovePlayersV2": {func(ctx context.Context, s *server) error {
			return s.RemovePlayers(ctx, client.RemovePlayers{GameInstanceID: gameID, Players: players})
		}, `{"gameInstanceId":"` + gameA + `","players":[{"playerId":"` + robin + `","ext":{"won":true}}],"ext":{}}`, `{}`},
		"EndGameV1": {func(ctx context.Context, s *server) error {
			return s.EndGame(ctx, client.EndGame{GameInstanceID: gameID, Results: players})
		}, `{"gameInstanceId":"` + gameA + `","playerGameResults":[{"playerId":"` + robin + `","ext":{"won":true}}],"ext":{}}`, `{}`},
		"EnterMatchmakingV1": {func(ctx context.Context, s *server) error { return s.EnterMatchmaking(ctx, gameID) },
			`{"gameInstanceId":"` + gameA + `"}`, `{}`},
		"LeaveMatchmakingV1": {func(ctx context.Context, s *server) error { return s.LeaveMatchmaking(ctx, gameID) },
			`{"gameInstanceId":"` + gameA + `"}`, `{}`},
		"UnlinkV1": {func(ctx context.Context, s *server) error { return s.Unlink(ctx, gameID, won) },
			`{"gameInstanceId":"` + gameA + `","requestExt":{"won":true}}`, `{}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				s := f.server()
				f.on("GameInstanceRpc."+name, answer(tt.answer))
				if err := tt.do(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{tt.request}, f.seen("game GameInstanceRpc."+name)); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
				f.on("GameInstanceRpc."+name, func(c *fakeCall) { c.refuse("GameInstanceService_UnknownGameInstanceId") })
				if err := tt.do(t.Context(), s); !errors.Is(err, &pragma.Error{Reason: "GameInstanceService_UnknownGameInstanceId"}) {
					t.Errorf("refused call = %v", err)
				}
			})
		})
	}
}

func TestCapacityIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.on("FleetRpc.ReportCapacityV1", answer(`{"nextHeartbeatPeriodMillis":"1500","gameInstanceIds":["`+gameA+`"]}`))
		ids, next, err := s.ReportCapacity(t.Context(), client.Capacity{ServerID: "s", ServerPoolID: "p", Total: 2, Used: 1})
		if err != nil || len(ids) != 1 || ids[0] != mustID(gameA) || next != 1500*time.Millisecond {
			t.Errorf("ReportCapacity = %v, %v, %v", ids, next, err)
		}
	})
}

// connected connects players and lets the backend want signs of life.
func (f *fake) connected(s *client.GameServer) {
	f.t.Helper()
	f.on("GameInstanceRpc.ConnectPlayersV1", answer(`{"enableKeepAlive":true,"keepAliveIntervalMillis":"10000"}`))
	if err := s.ConnectPlayers(f.t.Context(), client.ConnectPlayers{GameInstanceID: mustID(gameA)}); err != nil {
		f.t.Fatal(err)
	}
}

func TestSignsOfLifeFollowTheBackendsWish(t *testing.T) {
	const alive = "game GameInstanceRpc.GameKeepAliveV1"
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.on("GameInstanceRpc.GameKeepAliveV1", answer(`{"enableKeepAlive":true,"keepAliveIntervalMillis":"10000"}`))
		f.connected(s)
		time.Sleep(35 * time.Second)
		if got := len(f.seen(alive)); got != 3 {
			t.Errorf("%d signs of life, want 3", got)
		}
		f.on("GameInstanceRpc.GameKeepAliveV1", answer(`{"enableKeepAlive":true,"keepAliveIntervalMillis":"1000"}`))
		time.Sleep(10*time.Second + time.Second/2)
		if got := len(f.seen(alive)); got != 9 {
			t.Errorf("%d signs of life, want 9: the interval became shorter", got)
		}
		f.on("GameInstanceRpc.GameKeepAliveV1", answer(`{"enableKeepAlive":false}`))
		time.Sleep(time.Minute)
		if got := len(f.seen(alive)); got != 10 {
			t.Errorf("%d signs of life, want 10: the backend wants no more", got)
		}
	})
}

func TestSignsOfLifeEnd(t *testing.T) {
	over := `{"gameInstanceId":"` + gameA + `","reason":"OPERATOR"}`
	ends := map[string]func(*testing.T, *fake, *client.GameServer) error{
		"with the game": func(t *testing.T, f *fake, s *client.GameServer) error {
			return s.EndGame(t.Context(), client.EndGame{GameInstanceID: mustID(gameA)})
		},
		"with the link": func(t *testing.T, f *fake, s *client.GameServer) error {
			return s.Unlink(t.Context(), mustID(gameA), ext.Value{})
		},
		"when the game is over": func(t *testing.T, f *fake, s *client.GameServer) error {
			sub := s.Subscribe()
			f.socket("game").notify("GameInstanceRpc.GameInstanceOverPartnerV1Notification", over)
			e, err := client.Await[client.GameOver](t.Context(), sub, nil)
			if e.Reason != client.GameEndOperator {
				t.Errorf("reason = %s", e.Reason)
			}
			return err
		},
		"when the backend does not know the game": func(t *testing.T, f *fake, s *client.GameServer) error {
			sub := s.Subscribe()
			f.on("GameInstanceRpc.GameKeepAliveV1", func(c *fakeCall) { c.refuse("GameInstanceService_UnknownGameInstanceId") })
			_, err := client.Await[client.GameLost](t.Context(), sub, nil)
			return err
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				s := f.server()
				for _, call := range []string{"EndGameV1", "UnlinkV1"} {
					f.on("GameInstanceRpc."+call, answer(`{}`))
				}
				f.connected(s)
				if err := end(t, f, s); err != nil {
					t.Fatal(err)
				}
				before := len(f.seen("game GameInstanceRpc.GameKeepAliveV1"))
				time.Sleep(time.Minute)
				if got := len(f.seen("game GameInstanceRpc.GameKeepAliveV1")); got != before {
					t.Errorf("%d signs of life after the end", got-before)
				}
			})
		})
	}
}

func TestSignsOfLifeSurviveBreaksAndRefusals(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.connected(s)
		f.on("GameInstanceRpc.GameKeepAliveV1", func(c *fakeCall) { c.refuse("Service_OperatingError") })
		time.Sleep(12 * time.Second)
		f.socket("game").cut()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		// One refused at 10 s, one at once after the break.
		if got := len(f.seen("game GameInstanceRpc.GameKeepAliveV1")); got != 2 {
			t.Errorf("%d signs of life, want 2", got)
		}
		time.Sleep(20 * time.Second)
		if got := len(f.seen("game GameInstanceRpc.GameKeepAliveV1")); got < 3 {
			t.Errorf("%d signs of life, want them to go on", got)
		}
	})
}

func TestNotificationsToGameServersBecomeEvents(t *testing.T) {
	gameID, robinID := mustID(gameA), id[pragma.PlayerID](t, robin)
	tests := map[string]struct {
		payload string
		want    client.Event
	}{
		"AddPlayersV1Notification": {`{"gameInstanceId":"` + gameA + `","gameServerPlayers":[{"playerId":"` + robin + `","teamNumber":"2"}]}`,
			client.PlayersAdded{GameInstanceID: gameID, Players: []client.GameServerPlayer{{PlayerID: robinID, Team: 2}}}},
		"PlayerDeclinedReconnectV1Notification": {`{"gameInstanceId":"` + gameA + `","playerId":"` + robin + `"}`,
			client.PlayerDeclined{GameInstanceID: gameID, PlayerID: robinID}},
		"GameInstanceOverPartnerV1Notification": {`{"gameInstanceId":"` + gameA + `","reason":"EXPIRED"}`,
			client.GameOver{GameInstanceID: gameID, Reason: client.GameEndExpired}},
		"GameInstanceEnteredMatchmakingV1Notification": {`{"gameInstanceId":"` + gameA + `"}`, client.BackfillStarted{GameInstanceID: gameID}},
		"GameInstanceLeftMatchmakingV1Notification":    {`{"gameInstanceId":"` + gameA + `"}`, client.BackfillStopped{GameInstanceID: gameID}},
	}
	for typ, tt := range tests {
		t.Run(typ, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				s := f.server()
				sub := s.Subscribe()
				f.socket("game").notify("GameInstanceRpc."+typ, `[]`) // dropped
				f.socket("game").notify("GameInstanceRpc."+typ, tt.payload)
				got, err := sub.Next(t.Context())
				if diff := cmp.Diff(tt.want, got, compareExt); diff != "" || err != nil {
					t.Errorf("event (-want +got): %v\n%s", err, diff)
				}
			})
		})
	}
}

func TestTerminatedPartnerSessionEndsTheServer(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		s := f.server()
		f.socket("game").notify("PartnerSessionRpc.PartnerSessionTerminatedV1Notification", `{"partnerSession":{},"reason":"KICKED"}`)
		<-s.Done()
		if e, ok := errors.AsType[*client.EndError](s.Err()); !ok || e.Reason != pragma.EndKicked {
			t.Errorf("Err() = %v, want KICKED", s.Err())
		}
	})
}

func TestGameServerReadsWhatItsStarterHandedOver(t *testing.T) {
	environment := map[string]string{
		"PRAGMA_PARTNER_BACKEND_ADDRESS": "env:1",
		"PRAGMA_PARTNER_GAME_TOKEN":      "env-game",
		"PRAGMA_PARTNER_SOCIAL_TOKEN":    "env-social",
		"PRAGMA_GAME_INSTANCE_ID":        gameB,
	}
	type want struct {
		address, game, social string
		id                    pragma.GameInstanceID
		err                   bool
	}
	tests := map[string]struct {
		env  map[string]string
		args []string
		want want
	}{
		"environment alone": {environment, nil, want{"env:1", "env-game", "env-social", mustID(gameB), false}},
		"options come first": {environment, []string{"-log", "-PragmaPartnerBackendAddress=arg:2", "--PragmaPartnerSessionGameAuthToken=a=b", "PragmaPartnerSessionSocialAuthToken=not-an-option"},
			want{"arg:2", "a=b", "env-social", mustID(gameB), false}},
		"all options": {nil, []string{"-PragmaPartnerBackendAddress=arg:2", "-PragmaPartnerSessionGameAuthToken=g", "-PragmaPartnerSessionSocialAuthToken=s", "-PragmaGameInstanceId=" + gameA},
			want{"arg:2", "g", "s", mustID(gameA), false}},
		"token alone":  {nil, []string{"-PragmaPartnerSessionGameAuthToken=g"}, want{client.DefaultPartnerAddress, "g", "", pragma.GameInstanceID{}, false}},
		"nothing":      {nil, nil, want{client.DefaultPartnerAddress, "", "", pragma.GameInstanceID{}, true}},
		"id is no id":  {nil, []string{"-PragmaPartnerSessionGameAuthToken=g", "-PragmaGameInstanceId=x"}, want{client.DefaultPartnerAddress, "g", "", pragma.GameInstanceID{}, true}},
		"empty option": {environment, []string{"-PragmaPartnerBackendAddress="}, want{"env:1", "env-game", "env-social", mustID(gameB), false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for key := range environment {
				t.Setenv(key, tt.env[key])
			}
			opts, err := client.GameServerFromEnv(tt.args)
			got := want{opts.Game, opts.Tokens.Game, opts.Tokens.Social, opts.GameInstanceID, err != nil}
			if got != tt.want {
				t.Errorf("got %+v (%v), want %+v", got, err, tt.want)
			}
		})
	}
}

func TestServerThatAsksForGamesIsToldWhoItIs(t *testing.T) {
	t.Setenv("PRAGMA_SERVER_ID", "from-env")
	t.Setenv("PRAGMA_SERVER_POOL_ID", "pool")
	for id, args := range map[string][]string{
		"from-env":  nil,
		"from-args": {"-PragmaServerId=from-args"},
	} {
		opts, err := client.GameServerFromEnv(append(args, "-PragmaPartnerSessionGameAuthToken=g"))
		if err != nil || opts.ServerID != id || opts.ServerPoolID != "pool" {
			t.Errorf("%v: server %q of pool %q, %v", args, opts.ServerID, opts.ServerPoolID, err)
		}
	}
}
