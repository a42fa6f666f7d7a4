package client_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func TestOlderPartiesAreIgnored(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sock := f.socket("game")
		for _, version := range []int{3, 5, 4, 5, 2} {
			sock.notify(partyDetails, `{"party":`+party(partyA, version)+`}`)
		}
		synctest.Wait()
		if got := p.State().Party.Version; got != 5 {
			t.Errorf("version = %d, want 5", got)
		}
	})
}

func TestPartyIsWhatTheServerSent(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.socket("game").notify(partyDetails, `{"party":`+party(partyA, 3)+`}`)
		synctest.Wait()
		got := p.State().Party
		if got.ID.String() != partyA || got.InviteCode != "ABC123" || got.PreferredZones[0] != "eu" {
			t.Errorf("party = %+v", got)
		}
		if !got.Ext.Equal(ext.Of(map[string]string{"mode": "duel"})) {
			t.Errorf("ext = %s", got.Ext)
		}
		m, ok := got.Member(p.ID())
		if !ok || !m.Leader || !m.Ready || m.DisplayName.String() != "Robin#0042" {
			t.Errorf("member = %+v, %v", m, ok)
		}
	})
}

func TestAnswerAndNotificationsCountInTheirOrder(t *testing.T) {
	// The answer is followed at once by the news that the player was kicked. The
	// caller may look at the answer much later; the party must not come back.
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("PartyRpc.CreateV1", func(c *fakeCall) {
			c.reply(`{"party":` + party(partyA, 1) + `}`)
			c.sock.notify("PartyRpc.RemovedV1Notification", `{"partyId":"`+partyA+`","removalReason":"KICKED"}`)
			c.sock.notify(partyDetails, `{"party":`+party(partyA, 2)+`}`) // was on its way
		})
		sub := p.Subscribe()
		got, err := p.Party.Create(t.Context(), client.CreateParty{})
		if err != nil || got.Version != 1 {
			t.Fatalf("Create = %+v, %v", got, err)
		}
		left, err := client.Await[client.PartyLeft](t.Context(), sub, nil)
		if err != nil || left.Reason != client.RemovedKicked {
			t.Errorf("left = %+v, %v", left, err)
		}
		synctest.Wait()
		if party := p.State().Party; party != nil {
			t.Errorf("party = %+v, want none", party)
		}
	})
}

func TestNewsOfAPartyLeftBehindDoNotBringItBack(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sock := f.socket("game")
		sock.notify(partyDetails, `{"party":`+party(partyA, 9)+`}`)
		f.on("PartyRpc.JoinWithInviteCodeV1", answer(`{"party":`+party(partyB, 1)+`}`))
		if _, err := p.Party.JoinWithInviteCode(t.Context(), "ABC123", ext.Value{}); err != nil {
			t.Fatal(err)
		}
		sock.notify(partyDetails, `{"party":`+party(partyA, 10)+`}`)
		sock.notify(sessionChanged, attributes(5, `"2":"`+partyB+`"`, ""))
		synctest.Wait()
		if got := p.State().Party.ID.String(); got != partyB {
			t.Errorf("party = %s, want %s", got, partyB)
		}
		// Joining the first one again is an answer, which counts.
		f.on("PartyRpc.JoinWithInviteCodeV1", answer(`{"party":`+party(partyA, 11)+`}`))
		if _, err := p.Party.JoinWithInviteCode(t.Context(), "ABC123", ext.Value{}); err != nil {
			t.Fatal(err)
		}
		if got := p.State().Party.ID.String(); got != partyA {
			t.Errorf("party = %s, want %s", got, partyA)
		}
	})
}

func TestReturnToAPartyWithoutACallIsSynchronised(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sock := f.socket("game")
		sock.notify(partyDetails, `{"party":`+party(partyA, 3)+`}`)
		sock.notify("PartyRpc.RemovedV1Notification", `{"partyId":"`+partyA+`","removalReason":"LEFT"}`)
		f.on("MultiplayerRpc.SyncPartyV1", answer(`{"isInParty":true,"party":`+party(partyA, 6)+`}`))
		sock.notify(partyDetails, `{"party":`+party(partyA, 6)+`}`)
		sock.notify(sessionChanged, attributes(2, `"2":"`+partyA+`"`, ""))
		synctest.Wait()
		if got := p.State().Party; got == nil || got.Version != 6 {
			t.Errorf("party = %+v, want version 6", got)
		}
	})
}

func TestSessionAttributesFollowTheirVersion(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sub := p.Subscribe()
		sock := f.socket("game")
		sock.notify(sessionChanged, attributes(2, `"2":"`+partyA+`"`, ""))
		sock.notify(sessionChanged, attributes(3, `"3":"`+ticketA+`"`, ""))
		sock.notify(sessionChanged, attributes(3, `"3":"`+gameB+`"`, ""))
		sock.notify(sessionChanged, attributes(2, "", "2,3"))
		synctest.Wait()
		s := p.State()
		if !s.InMatchmaking() || s.Session.TicketID.String() != ticketA || s.Session.PartyID.String() != partyA || s.Session.Version != 3 {
			t.Errorf("session = %+v", s.Session)
		}
		sock.notify(sessionChanged, attributes(4, `"4":"`+gameA+`","1":"`+shard+`"`, "3"))
		if _, err := client.Await[client.MatchmakingLeft](t.Context(), sub, nil); err != nil {
			t.Fatal(err)
		}
		s = p.State()
		want := client.SessionState{Version: 4, PartyID: id[pragma.PartyID](t, partyA), GameInstanceID: id[pragma.GameInstanceID](t, gameA), MayReconnect: true}
		if diff := cmp.Diff(want, s.Session); diff != "" {
			t.Errorf("session (-want +got):\n%s", diff)
		}
	})
}

func TestFirstSessionChangeAfterABreakHasEverything(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.socket("game").notify(sessionChanged, attributes(7, `"2":"`+partyA+`","3":"`+ticketA+`"`, ""))
		synctest.Wait()
		f.socket("game").cut()
		time.Sleep(5 * time.Second)
		// While away the player left the queue: attribute 3 is gone without being named.
		f.socket("game").notify(sessionChanged, attributes(8, `"2":"`+partyA+`"`, ""))
		synctest.Wait()
		if s := p.State(); s.InMatchmaking() || s.Session.PartyID.IsZero() {
			t.Errorf("session = %+v, want the party alone", s.Session)
		}
	})
}

func TestBreakKeepsTheStateAndSynchronisesIt(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.socket("game").notify(partyDetails, `{"party":`+party(partyA, 4)+`}`)
		f.socket("game").notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+game(gameA, 2)+`}`)
		synctest.Wait()
		f.on("MultiplayerRpc.SyncPartyV1", answer(`{"isInParty":true,"party":`+party(partyA, 6)+`}`))
		f.on("MultiplayerRpc.SyncGameInstanceV1", answer(`{"currentGameInstanceIds":["`+gameB+`"],"gameInstances":[`+game(gameB, 1)+`]}`))
		sub := p.Subscribe()
		f.socket("game").cut()
		synctest.Wait()
		if s := p.State(); s.Connected || s.Party.Version != 4 || len(s.Games) != 1 {
			t.Errorf("while away: %+v", s)
		}
		time.Sleep(5 * time.Second)
		s := p.State()
		if s.Party.Version != 6 || s.CurrentGame().ID.String() != gameB || len(s.Games) != 1 {
			t.Errorf("afterwards: %+v", s)
		}
		want := []string{`{"clientPartyId":"` + partyA + `","clientVersion":"4"}`}
		if diff := cmp.Diff(want, f.seen("game MultiplayerRpc.SyncPartyV1")); diff != "" {
			t.Errorf("SyncPartyV1 (-want +got):\n%s", diff)
		}
		want = []string{`{"clientGameInstances":[{"gameInstanceId":"` + gameA + `","clientVersion":"2"}]}`}
		if diff := cmp.Diff(want, f.seen("game MultiplayerRpc.SyncGameInstanceV1")); diff != "" {
			t.Errorf("SyncGameInstanceV1 (-want +got):\n%s", diff)
		}
		lost, err := client.Await[client.GameLost](t.Context(), sub, nil)
		if err != nil || lost.GameInstanceID.String() != gameA {
			t.Errorf("lost = %v, %v", lost, err)
		}
		joined, err := client.Await[client.GameJoined](t.Context(), sub, nil)
		if err != nil || joined.Game.ID.String() != gameB {
			t.Errorf("joined = %v, %v", joined, err)
		}
	})
}

func TestPartyThatIsGoneAfterABreakIsForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.socket("game").notify(partyDetails, `{"party":`+party(partyA, 4)+`}`)
		synctest.Wait()
		f.socket("game").cut()
		if _, err := p.Wait(t.Context(), func(s client.State) bool { return s.Connected && s.Party == nil }); err != nil {
			t.Error(err)
		}
	})
}

func TestGameUpdatesApplyByTheirVersions(t *testing.T) {
	tests := map[string]struct {
		previous, version int
		want              int // version afterwards; a synchronisation brings 50
	}{
		"the next":                 {5, 6, 6},
		"several at once":          {4, 9, 9},
		"since long before":        {0, 6, 6},
		"the same again":           {4, 5, 5},
		"an older one":             {2, 3, 5},
		"a gap":                    {6, 7, 50},
		"a gap over several":       {20, 30, 50},
		"beyond what is seen here": {5, 1 << 40, 1 << 40},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				f.on("MultiplayerRpc.SyncGameInstanceV1", answer(`{"currentGameInstanceIds":["`+gameA+`"],"gameInstances":[`+game(gameA, 50)+`]}`))
				f.socket("game").notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+game(gameA, 5)+`}`)
				f.socket("game").notify(gameUpdated, updated(gameA, tt.previous, tt.version))
				synctest.Wait()
				g := p.State().CurrentGame()
				if g.Version != int64(tt.want) {
					t.Errorf("version = %d, want %d", g.Version, tt.want)
				}
				if got, _ := g.Data("round"); got.String() != fmt.Sprintf(`{"n":%d}`, tt.want) {
					t.Errorf("entry = %s, want that of version %d", got, tt.want)
				}
			})
		})
	}
}

func TestManyUpdatesAfterAGapAskOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		asked := make(chan *fakeCall, 10)
		f.on("MultiplayerRpc.SyncGameInstanceV1", func(c *fakeCall) { asked <- c })
		sock := f.socket("game")
		sock.notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+game(gameA, 5)+`}`)
		for v := 10; v < 20; v++ {
			sock.notify(gameUpdated, updated(gameA, v-1, v))
		}
		synctest.Wait()
		if len(asked) != 1 {
			t.Fatalf("asked %d times, want once", len(asked))
		}
		(<-asked).reply(`{"currentGameInstanceIds":["` + gameA + `"],"gameInstances":[` + game(gameA, 19) + `]}`)
		sock.notify(gameUpdated, updated(gameA, 19, 20))
		synctest.Wait()
		if got := p.State().CurrentGame().Version; got != 20 {
			t.Errorf("version = %d, want 20", got)
		}
	})
}

func TestRefusedSynchronisationIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		tries := 0
		f.on("MultiplayerRpc.SyncGameInstanceV1", func(c *fakeCall) {
			if tries++; tries < 4 {
				c.refuse("SessionService_RateLimited")
				return
			}
			c.reply(`{"currentGameInstanceIds":["` + gameA + `"],"gameInstances":[` + game(gameA, 3) + `]}`)
		})
		start := time.Now()
		f.socket("game").notify(gameUpdated, updated(gameA, 2, 3))
		if _, err := p.Wait(t.Context(), func(s client.State) bool { return len(s.Games) == 1 }); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(start), 14*time.Second; got != want {
			t.Errorf("took %v, want %v (1, 4 and 9 s)", got, want)
		}
	})
}

func TestGameUpdateChangesEntriesPlayersAndHost(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sock := f.socket("game")
		sock.notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{"from":"queue"},"gameInstance":`+game(gameA, 1)+`}`)
		sock.notify("GameInstanceRpc.HostConnectionDetailsV1Notification",
			`{"connectionDetails":{"gameInstanceId":"`+gameA+`","extConnectionDetails":{"k":1},"hostname":"h","port":7777,"connectionToken":"secret"}}`)
		synctest.Wait()
		before := p.State().CurrentGame()
		if before.Host == nil || before.Host.Port != 7777 || before.Host.Token != "secret" {
			t.Fatalf("host = %+v", before.Host)
		}
		sock.notify(gameUpdated, `{"gameInstanceId":"`+gameA+`","previousVersion":"1","version":"2",
			"changed":[{"scope":"PLAYER","playerId":"`+kim+`","key":"score","data":{"points":3}}],
			"removed":[{"scope":"INSTANCE","key":"round"}],
			"playersAdded":[{"playerId":"`+kim+`","teamNumber":"2"}],"playersRemoved":["`+robin+`"],
			"hostConnectionDetailsPresent":true}`)
		synctest.Wait()
		after := p.State().CurrentGame()
		score, ok := after.PlayerData(id[pragma.PlayerID](t, kim), "score")
		if !ok || score.String() != `{"points":3}` {
			t.Errorf("score = %s, %v", score, ok)
		}
		if _, ok := after.Data("round"); ok {
			t.Error("removed entry is still there")
		}
		if k, ok := after.Player(id[pragma.PlayerID](t, kim)); !ok || k.Team != 2 || len(after.Players) != 1 {
			t.Errorf("players = %+v", after.Players)
		}
		if after.Host == nil {
			t.Error("host is gone, though it is present and unchanged")
		}
		if _, ok := before.Data("round"); !ok || len(before.Players) != 1 || before.Version != 1 {
			t.Errorf("an earlier snapshot changed: %+v", before)
		}
		sock.notify(gameUpdated, updated(gameA, 2, 3))
		synctest.Wait()
		if h := p.State().CurrentGame().Host; h != nil {
			t.Errorf("host after unlink = %+v, want none", h)
		}
	})
}

func TestGamesEndInSeveralWays(t *testing.T) {
	tests := map[string]struct {
		typ, payload string
		want         client.Event
	}{
		"ended": {"GameEndedV1Notification", `{"gameInstanceId":"` + gameA + `","ext":{"won":true}}`,
			client.GameEnded{GameInstanceID: mustID(gameA), Ext: ext.Of(map[string]bool{"won": true})}},
		"removed": {"RemovedFromGameV1Notification", `{"gameInstanceId":"` + gameA + `","ext":{}}`,
			client.RemovedFromGame{GameInstanceID: mustID(gameA)}},
		"terminated": {"GameInstanceTerminationV1Notification", `{"gameInstanceId":"` + gameA + `","reason":"KEEP_ALIVE_FAILED"}`,
			client.GameTerminated{GameInstanceID: mustID(gameA), Reason: client.GameEndKeepAliveFailed}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				sub := p.Subscribe()
				sock := f.socket("game")
				sock.notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+game(gameA, 1)+`}`)
				sock.notify("GameInstanceRpc."+tt.typ, tt.payload)
				sock.notify(gameUpdated, updated(gameA, 1, 2)) // was on its way
				synctest.Wait()
				if games := p.State().Games; len(games) != 0 {
					t.Errorf("games = %v, want none", games)
				}
				if got := len(f.seen("game MultiplayerRpc.SyncGameInstanceV1")); got != 0 {
					t.Errorf("asked %d times about a game that is over", got)
				}
				_, _ = sub.Next(t.Context()) // GameJoined
				got, err := sub.Next(t.Context())
				if diff := cmp.Diff(tt.want, got, cmp.Comparer(ext.Value.Equal)); diff != "" || err != nil {
					t.Errorf("event (-want +got): %v\n%s", err, diff)
				}
				sock.notify("GameInstanceRpc."+tt.typ, tt.payload) // told again after a crash
				sock.notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+game(gameA, 3)+`}`)
				if e, err := sub.Next(t.Context()); err != nil || fmt.Sprintf("%T", e) != "client.GameJoined" {
					t.Errorf("after the same news again and another game: %T, %v, want GameJoined", e, err)
				}
				sock.notify("GameInstanceRpc."+tt.typ, tt.payload)
				if e, err := sub.Next(t.Context()); err != nil || fmt.Sprintf("%T", e) != fmt.Sprintf("%T", tt.want) {
					t.Errorf("at the end of that: %T, %v, want %T", e, err, tt.want)
				}
			})
		})
	}
}

func TestAddedToGameWithoutStateIsSynchronised(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("MultiplayerRpc.SyncGameInstanceV1", answer(`{"currentGameInstanceIds":["`+gameA+`"],"gameInstances":[`+game(gameA, 4)+`]}`))
		f.socket("game").notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{}}`)
		synctest.Wait()
		if g := p.State().Game(mustID(gameA)); g == nil || g.Version != 4 {
			t.Errorf("game = %+v, want version 4", g)
		}
	})
}

func TestGameOfAnAnswerIsAnnouncedOnce(t *testing.T) {
	inOne := `{"isInGameInstance":true,"currentGameInstanceIds":["` + gameA + `"],"gameInstances":[]}`
	added := `{"gameInstanceId":"` + gameA + `","ext":{},"gameInstance":` + game(gameA, 1) + `}`
	for name, then := range map[string]func(f *fake){
		"by its notification":                 func(f *fake) { f.socket("game").notify(addedToGame, added) },
		"after a break that swallowed it":     func(f *fake) { f.crash() },
		"by its notification, before a break": func(f *fake) { f.socket("game").notify(addedToGame, added); synctest.Wait(); f.crash() },
		"after two breaks":                    func(f *fake) { f.crash(); f.crash() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				sub := p.Subscribe()
				f.on("MultiplayerRpc.SyncGameInstanceV1", answer(inOne))
				f.on("GameInstanceRpc.JoinGameInstanceV1", answer(`{"gameInstance":`+game(gameA, 1)+`}`))
				if _, err := p.Games.Join(t.Context(), mustID(gameA), ext.Value{}); err != nil {
					t.Fatal(err)
				}
				then(f)
				joined := 0
				for _, e := range aboutGames(t, sub) {
					if e, ok := e.(client.GameJoined); ok && e.Game.ID == mustID(gameA) {
						joined++
					}
				}
				if joined != 1 {
					t.Errorf("the game was announced %d times, want once", joined)
				}
			})
		})
	}
}

func TestInvitesComeAndGo(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sock := f.socket("game")
		for _, invite := range []string{gameA, gameB, gameA} {
			sock.notify("PartyRpc.InviteReceivedV1Notification",
				`{"inviteId":"`+invite+`","partyId":"`+partyA+`","inviterInfo":{"playerId":"`+kim+`","displayName":{"displayName":"Kim","discriminator":"0001"}}}`)
		}
		synctest.Wait()
		if got := p.State().Invites; len(got) != 2 || got[0].InviterName.String() != "Kim#0001" {
			t.Fatalf("invites = %+v, want two", got)
		}
		sock.notify("PartyRpc.InviteCanceledV1Notification", `{"inviteId":"`+gameA+`","partyId":"`+partyA+`","reason":"EXPIRED"}`)
		f.on("PartyRpc.RespondToInviteV1", answer(`{}`))
		if err := p.Party.DeclineInvite(t.Context(), id[pragma.InviteID](t, gameB)); err != nil {
			t.Fatal(err)
		}
		if got := p.State().Invites; len(got) != 0 {
			t.Errorf("invites = %+v, want none", got)
		}
	})
}

// TestCachesConverge plays a server with one game that it changes at random.
// Notifications get lost and doubled and the connection breaks. Within a
// connection the player never sees a version go back, and in the end he sees
// what the server has.
func TestCachesConverge(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) { converge(t, f, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func converge(t *testing.T, f *fake, r *rand.Rand) {
	version := 1
	truth := make(chan int, 1)
	truth <- version
	f.on("MultiplayerRpc.SyncGameInstanceV1", func(c *fakeCall) {
		v := <-truth
		truth <- v
		c.reply(`{"currentGameInstanceIds":["` + gameA + `"],"gameInstances":[` + game(gameA, v) + `]}`)
	})
	p := f.player()
	f.socket("game").notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+game(gameA, 1)+`}`)
	var last int64
	for range 200 {
		version = <-truth + 1
		truth <- version
		switch n := r.IntN(20); {
		case n == 0:
			f.socket("game").cut()
			time.Sleep(10 * time.Minute)
			last = 0
		case n < 5: // lost
		case n < 8:
			f.socket("game").notify(gameUpdated, updated(gameA, version-1, version))
			fallthrough
		default:
			f.socket("game").notify(gameUpdated, updated(gameA, version-1, version))
		}
		synctest.Wait()
		g := p.State().CurrentGame()
		if g.Version < last {
			t.Fatalf("version went from %d back to %d", last, g.Version)
		}
		last = g.Version
	}
	<-truth
	truth <- version + 1
	f.socket("game").notify(gameUpdated, updated(gameA, version, version+1))
	synctest.Wait()
	if got := p.State().CurrentGame().Version; got != int64(version+1) {
		t.Errorf("version = %d in the end, want %d", got, version+1)
	}
}
