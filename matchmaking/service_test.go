package matchmaking_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// duel matches any two.
type duel struct{ matchmaking.Defaults }

func (duel) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	game := &matchmaking.NewGameInstance{RequestExt: ext.Of(m{"map": "harbor"}), GameServerZone: "eu"}
	game.AddParties(r.Anchor.Parties(), 0)
	game.AddParties(r.Other.Parties(), 1)
	for _, p := range r.Other.Players() {
		game.SetExtBackendAddPlayer(p, ext.Of(m{"second": true}))
	}
	return game, nil
}

var (
	found   = []string{"SessionChanged set[1 4] removed[3]", "AddedToGame"}
	failed  = []string{"SessionChanged set[] removed[3]", "MatchmakingFailure UNSPECIFIED", "PartyDetails"}
	entered = []string{"SessionChanged set[3] removed[]"}
)

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTwoPartiesAreMatchedAtOnce(t *testing.T) {
	run(t, setup{plugin: duel{}}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		w.party("duel", robin, marian)
		w.party("duel", will)
		before := time.Now()
		robin.enter()
		expect(w.T, "the leader enters", robin.told(), entered)
		expect(w.T, "a member is taken along", marian.told(), append([]string{"PartyDetails"}, entered...))
		will.enter()
		expect(w.T, "the second leader", will.told(), append(slices.Clone(entered), found...))
		expect(w.T, "the first leader", robin.told(), found)
		expect(w.T, "the member", marian.told(), found)
		if !time.Now().Equal(before) {
			w.T.Errorf("it took %v: the last needed party waits for no timer", time.Since(before))
		}
		if parties, _ := w.queue.Index(); parties != 0 {
			w.T.Errorf("%d parties still wait", parties)
		}
		r := w.arena.created[0]
		if r.RequestExt.String() != `{"map":"harbor"}` || r.QueueKey.String() != `{"key":"duel"}` || r.GameInstance.GameServerZone() != "eu" {
			w.T.Errorf("created with %s, %s, %s", r.RequestExt, r.QueueKey, r.GameInstance.GameServerZone())
		}
		if len(r.PlayersAdded) != 3 || r.PlayersAdded[2].TeamNumber != 1 || r.PlayersAdded[2].Ext.String() != `{"second":true}` || r.PlayersAdded[2].DisplayName.DisplayName != "will" {
			w.T.Errorf("players added: %+v", r.PlayersAdded)
		}
		if len(r.Parties) != 2 || r.Parties[0].Ext.String() != `{"size":2}` {
			w.T.Errorf("parties: %+v", r.Parties)
		}
		will.do("GameInstanceRpc.LeaveV1", nil)
		will.told()
		expect(w.T, "the game is over", robin.told(), []string{"SessionChanged set[] removed[4 1]", "GameEnded", "PartyDetails"})
		robin.enter() // and again
	})
}

func TestDifferentKeysNeverMeet(t *testing.T) {
	run(t, setup{plugin: duel{}}, func(w *world) {
		all := w.queued("a", "robin")
		all = append(all, w.queued("b", "will")...)
		time.Sleep(10 * time.Second)
		for _, p := range all {
			expect(w.T, p.name, p.told(), nil)
			if parties, players, matchables := p.info(); parties != 1 || players != 1 || matchables != 1 {
				w.T.Errorf("info: %v parties, %v players, %v matchables, want 1 of each", parties, players, matchables)
			}
		}
		if _, queues := w.queue.Index(); queues != 2 {
			w.T.Errorf("%d queues, want 2", queues)
		}
		all[0].do("MatchmakingRpc.LeaveMatchmakingV2", nil)
		time.Sleep(10 * time.Second)
		if _, queues := w.queue.Index(); queues != 1 {
			w.T.Errorf("%d queues after one was left, want 1", queues)
		}
	})
}

func TestInfoIsForThoseWhoWait(t *testing.T) {
	run(t, setup{}, func(w *world) {
		robin := w.player("robin")
		robin.refused("MatchmakingRpc.GetMatchmakingInfoV2", "MatchmakingService_InfoNotAvailable")
		robin.refused("MatchmakingRpc.LeaveMatchmakingV2", "PartyService_NotInParty")
		w.party("a", robin)
		robin.do("MatchmakingRpc.LeaveMatchmakingV2", nil) // not in a queue: no error
		robin.enter()
		robin.do("MatchmakingRpc.GetMatchmakingInfoV1", nil) // the older name
	})
}

func TestAnyMemberTakesThePartyOut(t *testing.T) {
	run(t, setup{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		w.party("a", robin, marian)
		robin.enter()
		robin.told()
		marian.told()
		marian.do("MatchmakingRpc.LeaveMatchmakingV2", nil)
		expect(w.T, "who left", marian.told(), []string{"SessionChanged set[] removed[3]"})
		if got := robin.told(); !slices.Contains(got, "SessionChanged set[] removed[3]") || slices.Contains(got, "MatchmakingFailure UNSPECIFIED") {
			w.T.Errorf("the other was told %v", got)
		}
		if parties, _ := w.queue.Index(); parties != 0 {
			w.T.Errorf("%d parties still wait", parties)
		}
		robin.enter()
	})
}

func TestTicketsSurviveARestart(t *testing.T) {
	for _, how := range []string{"restart", "kill"} {
		t.Run(how, func(t *testing.T) {
			run(t, setup{plugin: duel{}}, func(w *world) {
				robin := w.queued("a", "robin")[0]
				if how == "kill" {
					w.Kill()
					w.Start()
				} else {
					w.Restart()
				}
				robin.Connect()
				expect(w.T, "after the restart", robin.told(), []string{"SessionChanged set[2 3] removed[]", "PartyDetails"})
				robin.info()
				will := w.queued("a", "will")[0]
				expect(w.T, "the one who waited", robin.told(), found)
				will.do("GameInstanceRpc.LeaveV1", nil)
			})
		})
	}
}

// picky refuses, fails, starts at once or hangs, as the queue's name says.
type picky struct{ matchmaking.Defaults }

func mode(key matchmaking.QueueKey) string {
	k, _ := ext.As[struct{ Key string }](key.Ext)
	return k.Key
}

func (picky) Initialize(_ context.Context, r *matchmaking.InitializeRequest) (*matchmaking.NewGameInstance, error) {
	switch mode(r.QueueKey) {
	case "too big":
		return nil, matchmaking.ErrPartyTooBig
	case "at once", "never":
		game := new(matchmaking.NewGameInstance)
		game.AddParties(r.Matchable.Parties(), 2)
		return game, nil
	case "impossible":
		return new(matchmaking.NewGameInstance), nil
	case "notes":
		r.Matchable.SetExt(ext.Of(m{"seen": 0}))
	}
	return nil, nil
}

func (picky) MatchParties(ctx context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	switch mode(r.QueueKey) {
	case "error":
		return nil, errors.New("broken")
	case "panic":
		panic("broken")
	case "hang":
		<-ctx.Done()
		return nil, ctx.Err()
	case "sleep":
		time.Sleep(10 * time.Second) // whatever ctx says
		return duel{}.MatchParties(ctx, r)
	case "split":
		game := new(matchmaking.NewGameInstance)
		game.SetTeamByPlayers(r.Anchor.Players()[:1], 1)
		game.SetTeamByPlayers(r.Other.Players()[:1], 1)
		return game, nil
	case "good":
		return duel{}.MatchParties(ctx, r)
	}
	return nil, nil
}

func (picky) GetQueueName(_ context.Context, r *matchmaking.GetQueueNameRequest) string {
	if mode(r.QueueKey) == "panic" {
		panic("no name")
	}
	return mode(r.QueueKey)
}

func TestPluginsAreSound(t *testing.T) {
	pragmatest.CheckPlugin[matchmaking.Plugin](t, picky{})
	pragmatest.CheckPlugin[matchmaking.Plugin](t, duel{})
	pragmatest.CheckPlugin[matchmaking.Plugin](t, &script{})
}

func TestInitializeMayRefuse(t *testing.T) {
	run(t, setup{plugin: picky{}}, func(w *world) {
		for _, key := range []string{"too big", "impossible"} {
			robin := w.player("robin " + key)
			w.party(key, robin)
			robin.refused("PartyRpc.EnterMatchmakingV1", "PartyService_FailedToEnterMatchmaking")
			expect(w.T, "told", robin.told(), nil)
			robin.refused("MatchmakingRpc.GetMatchmakingInfoV2", "MatchmakingService_InfoNotAvailable")
		}
	})
}

func TestInitializeMayStartAtOnce(t *testing.T) {
	run(t, setup{plugin: picky{}}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		w.party("at once", robin, marian)
		robin.enter()
		for _, p := range []*player{robin, marian} {
			got := p.told()
			if n := len(got); n < 2 || !slices.Equal(slices.Sorted(slices.Values(got[n-2:])), slices.Sorted(slices.Values(found))) {
				w.T.Errorf("%s was told %v, want %v at the end", p.name, got, found)
			}
		}
		w.arena.setRefuse(errors.New("no"))
		will := w.player("will")
		w.party("never", will)
		will.refused("PartyRpc.EnterMatchmakingV1", "PartyService_FailedToEnterMatchmaking")
		w.arena.setRefuse(nil)
		will.enter()
	})
}

func TestAFailingHookSendsTheAnchorBack(t *testing.T) {
	for _, key := range []string{"error", "panic"} {
		t.Run(key, func(t *testing.T) {
			run(t, setup{plugin: picky{}}, func(w *world) {
				all := w.queued(key, "robin", "will")
				expect(w.T, "the anchor", all[0].told(), failed)
				expect(w.T, "the other", all[1].told(), nil)
				if parties, _, _ := all[1].info(); parties != 1 {
					w.T.Errorf("%v parties wait, want 1", parties)
				}
				all[0].refused("MatchmakingRpc.GetMatchmakingInfoV2", "MatchmakingService_InfoNotAvailable")
				if !strings.Contains(w.Logs(), "broken") {
					w.T.Error("the log does not say why")
				}
			})
		})
	}
}

func TestAHookThatHangsHoldsUpOnlyItsQueue(t *testing.T) {
	run(t, setup{plugin: picky{}}, func(w *world) {
		stuck := w.queued("hang", "robin", "will", "john")
		good := w.queued("good", "marian", "tuck")
		expect(w.T, "another queue", good[0].told(), found)
		time.Sleep(3 * time.Second)
		expect(w.T, "the anchor", stuck[0].told(), failed)
		expect(w.T, "the others", stuck[2].told(), nil)
		time.Sleep(3 * time.Second)
		expect(w.T, "the next anchor", stuck[1].told(), failed)
		time.Sleep(time.Minute)
		expect(w.T, "the last one has nobody to meet", stuck[2].told(), nil)
	})
}

func TestTheResultOfAHookThatHungIsThrownAway(t *testing.T) {
	run(t, setup{plugin: picky{}}, func(w *world) {
		all := w.queued("sleep", "robin", "will")
		time.Sleep(time.Minute)
		expect(w.T, "the anchor", all[0].told(), failed)
		expect(w.T, "the other", all[1].told(), nil)
		if n := w.arena.calls(); n != 0 {
			w.T.Errorf("%d games were created", n)
		}
	})
}

func TestStoppingTheServerCostsNobodyHisPlace(t *testing.T) {
	run(t, setup{plugin: picky{}}, func(w *world) {
		all := w.queued("hang", "robin", "will")
		w.Restart() // while the hook runs
		for _, p := range all {
			p.Connect()
			p.info()
		}
	})
}

func TestLeavingRacesWithAMatch(t *testing.T) {
	run(t, setup{plugin: duel{}}, func(w *world) {
		robin, will := w.player("robin"), w.player("will")
		w.party("a", robin)
		w.party("a", will)
		for range 30 {
			time.Sleep(time.Second) // for the rate limit
			robin.enter()
			robin.told()
			will.Request("PartyRpc.EnterMatchmakingV1", m{})
			robin.Request("MatchmakingRpc.LeaveMatchmakingV2", m{})
			synctest.Wait()
			robin.Answer()
			will.Answer()
			r, v := robin.told(), will.told()
			if slices.Contains(r, "AddedToGame") != slices.Contains(v, "AddedToGame") {
				w.T.Fatalf("robin was told %v, will %v", r, v)
			}
			if slices.Contains(r, "AddedToGame") {
				robin.do("GameInstanceRpc.LeaveV1", nil)
			} else {
				expect(w.T, "robin left", r, []string{"SessionChanged set[] removed[3]"})
				expect(w.T, "will waits", v, entered)
				will.do("MatchmakingRpc.LeaveMatchmakingV2", nil)
			}
			robin.told()
			will.told()
		}
	})
}

func TestAnImpossibleGameIsDropped(t *testing.T) {
	run(t, setup{plugin: picky{}}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		w.party("split", robin, marian)
		robin.enter()
		will := w.queued("split", "will")[0]
		robin.told()
		time.Sleep(5 * time.Second)
		expect(w.T, "told", robin.told(), nil)
		if parties, _, _ := will.info(); parties != 2 {
			w.T.Errorf("%v parties wait, want 2", parties)
		}
		if w.arena.calls() != 0 {
			w.T.Error("a game was created")
		}
	})
}

func TestARefusedGameSendsEverybodyBackToTheQueue(t *testing.T) {
	run(t, setup{plugin: duel{}}, func(w *world) {
		w.arena.setRefuse(errors.New("no servers left"))
		all := w.queued("a", "robin", "will")
		time.Sleep(time.Minute)
		expect(w.T, "told", all[0].told(), nil)
		if n := w.arena.calls(); n < 3 || n > 8 {
			w.T.Errorf("%d attempts in a minute, want a few", n)
		}
		w.arena.setRefuse(nil)
		time.Sleep(time.Minute)
		expect(w.T, "told in the end", all[0].told(), found)
	})
}

func TestAPartyThatWaitsTooLongIsSentBack(t *testing.T) {
	const config = "game: {serviceConfigs: {MatchmakingConfig: {queueTimeoutSeconds: 60}}}"
	run(t, setup{config: config}, func(w *world) {
		robin := w.queued("a", "robin")[0]
		time.Sleep(59 * time.Second)
		expect(w.T, "before", robin.told(), nil)
		time.Sleep(2 * time.Second)
		expect(w.T, "after", robin.told(), failed)
		time.Sleep(10 * time.Second)
		robin.enter()
	})
}

func TestATicketLostFromMemoryIsFoundAgain(t *testing.T) {
	run(t, setup{plugin: duel{}}, func(w *world) {
		robin := w.queued("a", "robin")[0]
		ids := w.tickets()
		w.queue.Forget(ids[0])
		will := w.queued("a", "will")[0]
		expect(w.T, "while it is lost", robin.told(), nil)
		time.Sleep(matchmaking.ReconcileEvery)
		expect(w.T, "afterwards", robin.told(), found)
		expect(w.T, "the other", will.told(), found)
	})
}

// tickets lists what is in the store.
func (w *world) tickets() []pragma.TicketID {
	w.T.Helper()
	ids, err := w.queue.Stored(w.T.Context())
	if err != nil {
		w.T.Fatal(err)
	}
	return ids
}

func TestCommitsThatFailAreMadeLater(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault storetest.Fault
	}{
		{"conflict", storetest.Conflict},
		{"unknown, not applied", storetest.UnknownBefore},
		{"unknown, applied", storetest.UnknownAfter},
		{"unavailable", storetest.Unavailable},
		{"full", storetest.Full},
	} {
		t.Run(c.name, func(t *testing.T) {
			var db *storetest.FaultyDriver
			open := func(context.Context) (store.Driver, error) {
				db = storetest.Faulty(store.NewMemory(), storetest.Faults{})
				return db, nil
			}
			run(t, setup{plugin: &late{after: start}, store: open}, func(w *world) {
				plugin := w.queue.Plugin.(*late)
				plugin.after = time.Now().Add(30 * time.Second)
				all := w.queued("a", "robin", "will")
				time.Sleep(29 * time.Second)
				db.Next(c.fault, c.fault)
				time.Sleep(time.Minute)
				for _, p := range all {
					p.Cut()
					p.Connect() // after an unknown outcome this is how to learn
					if got := p.told(); len(got) == 0 || got[0] != "SessionChanged set[1 2 4] removed[]" {
						w.T.Errorf("%s is not in a game: %v", p.name, got)
					}
				}
				if got := len(w.tickets()); got != 0 {
					w.T.Errorf("%d tickets are left", got)
				}
			})
		})
	}
}

// late matches nobody before a time.
type late struct {
	duel
	after time.Time
}

func (l *late) MatchParties(ctx context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	if r.Now.Before(l.after) {
		return nil, nil
	}
	return l.duel.MatchParties(ctx, r)
}

func TestAServiceWithoutItsLinksDoesNotStart(t *testing.T) {
	srv := &pragma.Server{Game: []pragma.Service{&party.Service{}, &gameinstance.Service{}, &matchmaking.Service{}}}
	err := srv.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Parties and Games") {
		t.Errorf("Run() = %v, want an error that names the fields", err)
	}
}
