package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// The examples talk to a scripted backend in memory. A program of yours leaves
// out Dial and names the address of its backend.

func ExampleLogIn() {
	backend := exampleBackend()
	defer backend.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	opts := client.Options{Game: "game:10000", Dial: backend.pipe.dial}
	player, err := client.LogIn(ctx, opts, client.Unsafe("robin", "Robin"))
	if err != nil {
		log.Fatal(err)
	}
	defer player.Close()

	party, err := player.Party.Create(ctx, client.CreateParty{Ext: ext.Of(map[string]string{"mode": "duel"})})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(player.DisplayName(), "waits with code", party.InviteCode)
	// Output: Robin#0042 waits with code ABC123
}

func ExamplePlayer_Wait() {
	backend := exampleBackend()
	defer backend.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	player, err := client.LogIn(ctx, client.Options{Game: "game:10000", Dial: backend.pipe.dial}, client.Unsafe("robin", "Robin"))
	if err != nil {
		log.Fatal(err)
	}
	defer player.Close()

	if _, err := player.Party.EnterMatchmaking(ctx); err != nil {
		log.Fatal(err)
	}
	state, err := player.Wait(ctx, func(s client.State) bool {
		return s.CurrentGame() != nil && s.CurrentGame().Host != nil
	})
	if err != nil {
		log.Fatal(err)
	}
	host := state.CurrentGame().Host
	fmt.Printf("play on %s:%d\n", host.Hostname, host.Port)
	// Output: play on arena.example:7777
}

func ExampleOn() {
	backend := exampleBackend()
	defer backend.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	player, err := client.LogIn(ctx, client.Options{Game: "game:10000", Dial: backend.pipe.dial}, client.Unsafe("robin", "Robin"))
	if err != nil {
		log.Fatal(err)
	}
	defer player.Close()

	ready := make(chan struct{})
	client.On(player, func(e client.GameJoined) { fmt.Println("joined a game of", len(e.Game.Players)) })
	client.On(player, func(e client.HostReady) { close(ready) })

	if _, err := player.Party.EnterMatchmaking(ctx); err != nil {
		log.Fatal(err)
	}
	<-ready
	// Output: joined a game of 1
}

func ExampleCall() {
	backend := exampleBackend()
	defer backend.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	player, err := client.LogIn(ctx, client.Options{Game: "game:10000", Dial: backend.pipe.dial}, client.Unsafe("robin", "Robin"))
	if err != nil {
		log.Fatal(err)
	}
	defer player.Close()

	type createGuild struct {
		Name string `json:"name"`
	}
	type guild struct {
		Members int `json:"members"`
	}
	g, err := client.Call[guild](ctx, player.GameConn(), "GuildRpc.CreateV1", &createGuild{Name: "Otters"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.Members, "member")

	errTaken := &pragma.Error{Reason: "GUILD_NAME_TAKEN", Title: true} // the server's own variable in a real program
	_, err = client.Call[guild](ctx, player.GameConn(), "GuildRpc.CreateV1", &createGuild{Name: "Bears"})
	fmt.Println(errors.Is(err, errTaken))
	// Output:
	// 1 member
	// true
}

func ExampleNewGameServer() {
	backend := exampleBackend()
	defer backend.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	opts, err := client.GameServerFromEnv([]string{ // os.Args[1:]
		"-PragmaPartnerBackendAddress=game:10100",
		"-PragmaPartnerSessionGameAuthToken=secret",
		"-PragmaGameInstanceId=" + gameA,
	})
	if err != nil {
		log.Fatal(err)
	}
	opts.Dial = backend.pipe.dial
	server, err := client.NewGameServer(ctx, opts)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	start, err := server.Link(ctx, opts.GameInstanceID)
	if err != nil {
		log.Fatal(err)
	}
	connect := client.ConnectPlayers{GameInstanceID: start.GameInstanceID, Hostname: "arena.example", Port: 7777}
	end := client.EndGame{GameInstanceID: start.GameInstanceID}
	for _, p := range start.Players {
		connect.Players = append(connect.Players, client.PlayerExt{PlayerID: p.PlayerID})
		end.Results = append(end.Results, client.PlayerExt{PlayerID: p.PlayerID, Ext: ext.Of(map[string]bool{"won": true})})
	}
	if err := server.ConnectPlayers(ctx, connect); err != nil {
		log.Fatal(err)
	}
	if err := server.EndGame(ctx, end); err != nil {
		log.Fatal(err)
	}
	fmt.Println("played with", start.Players[0].DisplayName)
	// Output: played with Robin#0042
}

func ExampleNewOperator() {
	backend := exampleBackend()
	defer backend.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	opts := client.OperatorOptions{Options: client.Options{Social: "social:11200", Dial: backend.pipe.dial}}
	operator, err := client.NewOperator(ctx, opts, client.Unsafe("test01", "Test"))
	if err != nil {
		log.Fatal(err)
	}
	defer operator.Close()

	_, tokens, err := operator.CreatePartnerToken(ctx, client.PartnerTokens{Name: "arena"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(tokens.Game) > 0, len(tokens.Social) > 0)
	// Output: true true
}

// exampleBackend plays a backend with one party, one game and a guild service.
func exampleBackend() *fake {
	f := startFake(nil)
	whole := `{"party":` + party(partyA, 1) + `}`
	f.on("PartyRpc.CreateV1", answer(whole))
	f.on("PartyRpc.EnterMatchmakingV1", func(c *fakeCall) {
		c.reply(whole)
		c.sock.notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+game(gameA, 1)+`}`)
		c.sock.notify("GameInstanceRpc.HostConnectionDetailsV1Notification",
			`{"connectionDetails":{"gameInstanceId":"`+gameA+`","hostname":"arena.example","port":7777,"connectionToken":"t"}}`)
	})
	f.on("GuildRpc.CreateV1", func(c *fakeCall) {
		if c.payload == `{"name":"Bears"}` {
			c.refuse("GUILD_NAME_TAKEN")
			return
		}
		c.reply(`{"members":1}`)
	})
	f.on("GameInstanceRpc.LinkV1", answer(gameStart))
	f.on("GameInstanceRpc.ConnectPlayersV1", answer(`{"enableKeepAlive":true,"keepAliveIntervalMillis":"10000"}`))
	f.on("GameInstanceRpc.EndGameV1", answer(`{}`))
	f.on("AccountRpc.CreatePartnerTokenV1", answer(`{"pragmaPartnerGameToken":"g","pragmaPartnerSocialToken":"s"}`))
	return f
}
