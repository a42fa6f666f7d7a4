package gameinstance_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// link is the payload of a server that links an instance.
func link(id pragma.GameInstanceID) m { return m{"gameInstanceId": id.String()} }

const (
	linkV1  = "GameInstanceRpc.LinkV1"
	unknown = "GameInstanceService_UnknownGameInstanceId"
)

// with is a server with the tokens of one request to the provider.
func (w *world) with(r *gameinstance.StartAllocationForGameInstanceRequest) *peer {
	w.T.Helper()
	tokens, err := r.ClientTokens()
	if err != nil {
		w.T.Fatal(err)
	}
	p := &peer{w: w, gw: pragma.Partner, name: "server", token: tokens.GameToken}
	p.connect()
	return p
}

// overs returns the reasons of the notifications that games are over.
func (p *peer) overs() []string {
	var all []string
	for _, f := range p.news() {
		if nameOf(f) == "GameInstanceOverPartnerV1" {
			all = append(all, f.Notification.Payload["reason"].(string))
		}
	}
	return all
}

func TestTheProviderIsToldOfEveryEnd(t *testing.T) {
	ends := func(game func(w *world, id pragma.GameInstanceID, server *peer, ada *peer)) func(w *world, id pragma.GameInstanceID, server *peer, ada *peer) {
		return func(w *world, id pragma.GameInstanceID, server *peer, ada *peer) {
			server.play(id, ada)
			game(w, id, server, ada)
		}
	}
	for _, row := range []struct {
		name string
		want gameinstance.EndReason
		do   func(w *world, id pragma.GameInstanceID, server *peer, ada *peer)
	}{
		{"nobody links in time", gameinstance.EndTimedOut, func(*world, pragma.GameInstanceID, *peer, *peer) {
			time.Sleep(3 * time.Minute)
		}},
		{"the players are not connected in time", gameinstance.EndNotConnected, func(_ *world, id pragma.GameInstanceID, server *peer, _ *peer) {
			server.do(linkV1, link(id))
			time.Sleep(62 * time.Second)
		}},
		{"the server reports the end", gameinstance.EndEnded, ends(func(_ *world, id pragma.GameInstanceID, server *peer, _ *peer) {
			server.do("GameInstanceRpc.EndGameV1", link(id))
			server.do("GameInstanceRpc.EndGameV1", link(id))
		})},
		{"ended before a server links", gameinstance.EndEnded, func(w *world, id pragma.GameInstanceID, _ *peer, _ *peer) {
			_ = w.games.End(w.T.Context(), id, ext.Value{}, nil)
		}},
		{"the server unlinks", gameinstance.EndUnlinked, ends(func(_ *world, id pragma.GameInstanceID, server *peer, _ *peer) {
			server.do("GameInstanceRpc.UnlinkV1", link(id))
		})},
		{"the server falls silent", gameinstance.EndDisconnected, ends(func(_ *world, _ pragma.GameInstanceID, server *peer, _ *peer) {
			server.Cut()
			time.Sleep(62 * time.Second)
		})},
		{"the game is broken off", gameinstance.EndTerminated, ends(func(w *world, id pragma.GameInstanceID, _ *peer, _ *peer) {
			w.plug.update = func(r *gameinstance.BackendUpdateRequest) error { r.GameInstance.Terminate(); return nil }
			_ = w.games.Update(w.T.Context(), id, ext.Value{})
		})},
		{"nobody uses the game", gameinstance.EndExpired, ends(func(*world, pragma.GameInstanceID, *peer, *peer) {
			time.Sleep(25 * time.Hour)
		})},
		{"another server links", gameinstance.EndReplaced, func(w *world, id pragma.GameInstanceID, _ *peer, ada *peer) {
			w.server().play(id, ada)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, options{config: "enableKeepAlive: " + fmt.Sprint(row.want != gameinstance.EndExpired)}, func(t *testing.T, w *world) {
				ada := w.player("ada")
				id := w.match(ada)
				row.do(w, id, w.allocated(), ada)
				time.Sleep(time.Second)
				asked, ended := w.provider.requests(), w.provider.endings()
				if len(asked) != 1 || len(ended) != 1 {
					t.Fatalf("%d starts and %d ends, want one of each", len(asked), len(ended))
				}
				want := &gameinstance.EndAllocationRequest{AllocationID: asked[0].AllocationID, GameInstanceID: id, Reason: row.want}
				equal(t, "end", ended[0], want)
			})
		})
	}
}

func TestARefusedAllocationIsEndedToo(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.provider.answer = func(int) error { return errors.New("no capacity") }
		w.match(w.player("ada"))
		time.Sleep(time.Second)
		equal(t, "calls", w.provider.log(), []string{"start 1", "end 1 ALLOCATION_REFUSED"})
	})
}

func TestAnEndIsRepeatedUntilTheProviderKnows(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.provider.endAnswer = func(attempt int) error {
			if attempt < 3 {
				return errors.New("any error")
			}
			return nil
		}
		id := w.match(w.player("ada"))
		synctest.Wait()
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 10)
		w.Kill()
		w.Start()
		time.Sleep(time.Minute)
		equal(t, "calls", w.provider.log(), []string{"start 1", "end 1 ENDED", "end 1 ENDED", "end 1 ENDED"})
	})
}

func TestAnEndWaitsForAStartThatIsUnderWay(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		hang := make(chan struct{})
		w.provider.answer = func(int) error { <-hang; return nil }
		id := w.match(w.player("ada"))
		synctest.Wait()
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		equal(t, "calls while it starts", w.provider.log(), []string{"start 1"})
		close(hang)
		time.Sleep(time.Second)
		equal(t, "calls", w.provider.log(), []string{"start 1", "end 1 ENDED"})
	})
}

func TestAStartIsNotRepeatedAfterTheEnd(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprint("kill=", kill), func(t *testing.T) {
			run(t, options{}, func(t *testing.T, w *world) {
				w.provider.answer = func(int) error { return pragma.ErrUnavailable }
				id := w.match(w.player("ada"))
				time.Sleep(10 * time.Second)
				before := w.provider.log()
				if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
					t.Fatal(err)
				}
				if kill {
					w.Kill()
					w.Start()
				}
				time.Sleep(time.Minute)
				equal(t, "calls", w.provider.log(), append(before, "end 1 ENDED"))
			})
		})
	}
}

func TestGamesWithoutServersHaveNoEnds(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.provider.answer = func(int) error { return gameinstance.ErrNoServerNeeded }
		id := w.match(w.player("ada"))
		synctest.Wait()
		equal(t, "state", w.state(id), gameinstance.StateRunning)
		if err := w.games.End(t.Context(), id, ext.Value{}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		equal(t, "calls", w.provider.log(), []string{"start 1"})
	})
}

func TestAServerThatNobodyWantsIsToldToStop(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		id := w.match(w.player("ada"))
		early := w.allocated()
		time.Sleep(3 * time.Minute)
		equal(t, "a server that was there", early.overs(), []string{"ALLOCATION_FAILED"})
		w.Kill()
		w.Start()
		late := w.with(w.provider.requests()[0])
		equal(t, "a server that comes later", late.overs(), []string{"ALLOCATION_FAILED"})
		late.refused(linkV1, link(id), unknown)
	})
}

func TestAServerThatLosesTheRaceIsToldToStop(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.provider.answer = func(attempt int) error {
			if attempt == 1 {
				return pragma.ErrUnavailable // and yet it has started a server
			}
			return nil
		}
		ada := w.player("ada")
		id := w.match(ada)
		time.Sleep(5 * time.Second)
		first := w.allocated()
		first.play(id, ada)
		second := w.with(w.provider.requests()[0])
		equal(t, "the second hears", second.overs(), []string{"ALLOCATION_FAILED"})
		second.refused(linkV1, link(id), "GameInstanceService_AlreadyLinked")
		first.connect()
		equal(t, "the first hears", first.overs(), []string(nil))
		first.do("GameInstanceRpc.EndGameV1", link(id))
		first.connect()
		equal(t, "the first hears of its own end", first.overs(), []string(nil))
		second.connect()
		equal(t, "the second hears after the end", second.overs(), []string{"ENDED"})
		equal(t, "calls", w.provider.log(), []string{"start 1", "start 1", "end 1 ENDED"})
	})
}

func TestAServerIsReplacedByOneWithAnotherToken(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		mine := w.allocated()
		other := w.server()
		other.play(id, ada)
		equal(t, "the allocated server hears", mine.overs(), []string{"ALLOCATION_FAILED"})
		mine.refused(linkV1, link(id), unknown)
		other.do("GameInstanceRpc.EndGameV1", link(id))
		time.Sleep(time.Second)
		equal(t, "calls", w.provider.log(), []string{"start 1", "end 1 REPLACED"})
	})
}

func TestTokensAreRevokedAnHourAfterTheLastGame(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		server.do("GameInstanceRpc.EndGameV1", link(id))
		time.Sleep(59 * time.Minute)
		again := server.do("GameInstanceRpc.CreateGameInstancePartnerV1", m{})["gameInstanceId"]
		time.Sleep(50 * time.Second) // its first players come
		server.do("GameInstanceRpc.ConnectPlayersV1", m{"gameInstanceId": again, "hostname": "play.example", "port": 7777})
		time.Sleep(2 * time.Hour)
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": again})
		time.Sleep(time.Second)
		equal(t, "calls", w.provider.log(), []string{"start 1", "end 1 ENDED", "end 1 ENDED"})
		w.Kill()
		time.Sleep(59 * time.Minute)
		w.Start()
		server.connect()
		server.refused("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": again}, unknown)
		time.Sleep(2 * time.Minute)
		var heard []string
		for f := range server.frames { // until the socket is closed
			heard = append(heard, nameOf(f))
		}
		equal(t, "the end of its socket", heard, []string{"PartnerSessionTerminatedV1"})
	})
}

func TestAServerWithTwoGamesIsWantedUntilBothAreOver(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
		ada := w.player("ada")
		first := w.match(ada)
		server := w.allocated()
		server.play(first, ada)
		second := server.do("GameInstanceRpc.CreateGameInstancePartnerV1", m{})["gameInstanceId"]
		server.do("GameInstanceRpc.EndGameV1", link(first))
		time.Sleep(30 * time.Second)
		equal(t, "calls with one game left", w.provider.log(), []string{"start 1"})
		server.do("GameInstanceRpc.UnlinkV1", m{"gameInstanceId": second})
		time.Sleep(time.Second)
		equal(t, "calls", w.provider.log(), []string{"start 1", "end 1 UNLINKED"})
		server.do(linkV1, m{"gameInstanceId": second}) // it is its own
		server.do("GameInstanceRpc.EndGameV1", m{"gameInstanceId": second})
		time.Sleep(time.Second)
		equal(t, "calls in the end", w.provider.log(), []string{"start 1", "end 1 UNLINKED", "end 1 ENDED"})
	})
}

func TestAGameThatAServerCreatesForLaterCounts(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
		ada := w.player("ada")
		first := w.match(ada)
		server := w.allocated()
		server.play(first, ada)
		second := server.do("GameInstanceRpc.CreateGameInstancePartnerV1", m{"skipLink": true})["gameInstanceId"]
		server.do("GameInstanceRpc.EndGameV1", link(first))
		time.Sleep(2 * time.Hour)
		equal(t, "calls", w.provider.log(), []string{"start 1"})
		server.do(linkV1, m{"gameInstanceId": second})
	})
}

// TestEveryAllocationEndsWhateverHappens kills the backend at random moments while
// the provider is in a random mood.
func TestEveryAllocationEndsWhateverHappens(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			run(t, options{config: "gameServerAllocationTimeoutMillis: 20000"}, func(t *testing.T, w *world) {
				rng := rand.New(rand.NewPCG(seed, 1))
				moods := rand.New(rand.NewPCG(seed, 2))
				mood := func(int) error { // the provider is locked
					return []error{nil, nil, pragma.ErrUnavailable, errors.New("no capacity")}[moods.IntN(4)]
				}
				w.provider.endAnswer = mood
				w.provider.answer = func(int) error {
					w.provider.mu.Lock()
					defer w.provider.mu.Unlock()
					return mood(0)
				}
				for range 12 {
					id, err := w.tryMatch()
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Duration(rng.IntN(3)) * time.Second)
					switch rng.IntN(4) {
					case 0:
						w.Kill()
						w.Start()
					case 1:
						_ = w.games.End(t.Context(), id, ext.Value{}, nil)
					case 2:
						_ = w.games.End(t.Context(), id, ext.Value{}, nil)
						w.Kill()
						w.Start()
					}
				}
				time.Sleep(3 * time.Minute)
				last := make(map[string]string)
				for _, call := range w.provider.log() {
					what, id, _ := strings.Cut(call, " ")
					id, _, _ = strings.Cut(id, " ")
					if what == "start" && last[id] == "end" {
						t.Errorf("allocation %s was started after its end", id)
					}
					last[id] = what
				}
				for id, what := range last {
					if what != "end" {
						t.Errorf("allocation %s was never ended", id)
					}
				}
				if len(last) < 6 {
					t.Errorf("%d allocations were started, which proves little", len(last))
				}
			})
		})
	}
}

// endings returns what the provider was told of ends.
func (p *provider) endings() []*gameinstance.EndAllocationRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ended)
}

// log returns the calls of the provider, in order, with a number for each
// allocation.
func (p *provider) log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}
