package gameinstance_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// startFailed is what players hear when their game gets no server.
var startFailed = []string{"Session-4-1", "GameInstanceStartFailureV1", "GameEndedV1", "PartyDetailsV1"}

// terminated is what players hear when their game breaks off.
var terminated = []string{"Session-4-1", "GameInstanceTerminationV1", "PartyDetailsV1"}

func TestNoServerLinksInTime(t *testing.T) {
	run(t, options{config: "gameServerAllocationTimeoutMillis: 30000"}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		w.inParty("red", ada)
		id := w.match(ada)
		server := w.allocated()
		ada.quiet()
		time.Sleep(70 * time.Second) // and the grace of a backend that has just started
		equal(t, "ada hears", ada.heard(), startFailed)
		server.refused("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()}, "GameInstanceService_UnknownGameInstanceId")
	})
}

func TestTheProviderRefuses(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.provider.answer = func(int) error { return errors.New("no capacity") }
		ada := w.player("ada")
		w.inParty("red", ada)
		w.match(ada)
		time.Sleep(time.Second)
		equal(t, "ada hears", ada.heard(), append([]string{"Session+1+4-3", "AddedToGameV1"}, startFailed...))
		equal(t, "calls", len(w.provider.requests()), 1)
	})
}

func TestABusyProviderIsAskedAgainWithTheSameID(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.provider.answer = func(attempt int) error {
			if attempt < 3 {
				return fmt.Errorf("fleet: %w", pragma.ErrUnavailable)
			}
			return nil
		}
		id := w.match(w.player("ada"))
		time.Sleep(30 * time.Second)
		asked := w.provider.requests()
		equal(t, "calls", len(asked), 3)
		if asked[0].AllocationID != asked[2].AllocationID {
			t.Error("a repeated call has another allocation id")
		}
		equal(t, "state", w.state(id), gameinstance.StateAllocating)
	})
}

func TestAPluginTriesAnotherZone(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.provider.answer = func(attempt int) error {
			if attempt == 1 {
				return errors.New("no capacity")
			}
			return nil
		}
		var cause string
		w.plug.noServer = func(r *gameinstance.GameServerAllocationFailedRequest) error {
			cause = r.Cause
			r.GameInstance.SetGameServerZone("us")
			r.GameInstance.AllocateGameServer(ext.Value{})
			return nil
		}
		ada := w.player("ada")
		id := w.match(ada)
		time.Sleep(time.Second)
		asked := w.provider.requests()
		equal(t, "calls", len(asked), 2)
		equal(t, "zone", asked[1].GameServerZone, "us")
		equal(t, "cause", cause, gameinstance.CauseProviderError)
		w.allocated().play(id, ada)
		equal(t, "state", w.state(id), gameinstance.StateRunning)
	})
}

func TestAServerDoesNotConnectItsPlayers(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		w.inParty("red", ada)
		id := w.match(ada)
		server := w.allocated()
		server.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
		ada.quiet()
		time.Sleep(61 * time.Second)
		equal(t, "ada hears", ada.heard(), terminated)
		equal(t, "server hears", server.last("GameInstanceOverPartnerV1")["reason"], any("CONNECT_PLAYERS_TIMEOUT"))
	})
}

func TestAServerFallsSilent(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		w.inParty("red", ada)
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		keepAlive(server, id, 5*time.Minute)
		equal(t, "state while it calls", w.state(id), gameinstance.StateRunning)
		ada.quiet()
		time.Sleep(61 * time.Second)
		equal(t, "ada hears", ada.heard(), terminated)
		equal(t, "server hears", server.last("GameInstanceOverPartnerV1")["reason"], any("KEEP_ALIVE_FAILED"))
	})
}

func TestAnOpenSocketIsALifeSignUntilTheServerCallsItself(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		w.inParty("red", ada)
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		time.Sleep(10 * time.Minute)
		equal(t, "state while its socket is open", w.state(id), gameinstance.StateRunning)
		server.do("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": id.String()})
		ada.quiet()
		time.Sleep(61 * time.Second)
		equal(t, "ada hears after one call", ada.heard(), terminated)
	})
}

func TestServersMayBeWatchedClosely(t *testing.T) {
	run(t, options{config: "keepAliveIntervalMillis: 100, keepAliveMissesLimit: 3"}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		for range 30 {
			server.do("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": id.String()})
			time.Sleep(100 * time.Millisecond)
		}
		equal(t, "state while it calls in time", w.state(id), gameinstance.StateRunning)
		ada.quiet()
		time.Sleep(time.Second)
		equal(t, "ada hears when it does not", ada.heard(), terminated[:2])
	})
}

func TestAPluginGoesOnWithoutServer(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.gone = func(r *gameinstance.GameServerDisconnectedRequest) error {
			r.GameInstance.AllocateGameServer(ext.Value{})
			return r.GameInstance.Data().Create("note", ext.Of(m{"text": "server lost"}), gameinstance.Public())
		}
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		server.Cut()
		ada.quiet()
		time.Sleep(61 * time.Second)
		update := ada.last("GameInstanceUpdatedV1")
		equal(t, "host", update["hostConnectionDetailsPresent"], any(false))
		equal(t, "changed", len(update["changed"].([]any)), 1)
		w.allocated().play(id, ada)
		equal(t, "state", w.state(id), gameinstance.StateRunning)
	})
}

func TestAFailureHookThatFailsIsReplacedByItsDefault(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.noServer = func(r *gameinstance.GameServerAllocationFailedRequest) error {
			_ = r.GameInstance.Data().Create("never", ext.Value{}, gameinstance.Public())
			panic("a mistake")
		}
		w.provider.answer = func(int) error { return errors.New("no capacity") }
		ada := w.player("ada")
		w.inParty("red", ada)
		w.match(ada)
		time.Sleep(time.Second)
		equal(t, "ada hears", ada.heard(), append([]string{"Session+1+4-3", "AddedToGameV1"}, startFailed...))
	})
}

func TestAGameLastsTooLong(t *testing.T) {
	run(t, options{config: "enableAbsoluteTimeout: true, absoluteTimeoutMillis: 600000"}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		keepAlive(server, id, 9*time.Minute)
		equal(t, "state before", w.state(id), gameinstance.StateRunning)
		time.Sleep(40 * time.Second)
		server.do("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": id.String()})
		time.Sleep(21 * time.Second)
		equal(t, "reason", ada.last("GameInstanceTerminationV1")["reason"], any("ABSOLUTE_TIMEOUT_ELAPSED"))
	})
}

func TestAGameThatNobodyUsesExpires(t *testing.T) {
	run(t, options{config: "staleGameInstanceExpirationMinutes: 60"}, func(t *testing.T, w *world) {
		w.plug.create = func(r *gameinstance.BackendCreateRequest) error {
			_, err := r.GameInstance.AddPlayer(r.PlayersToAdd[0])
			return err
		}
		ada := w.player("ada")
		id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{PlayersToAdd: toAdd(ada)})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil) // counts as use
		time.Sleep(59 * time.Minute)
		if got := w.games.Update(t.Context(), id, ext.Value{}); got != nil {
			t.Fatalf("the instance is gone too early: %v", got)
		}
		ada.quiet()
		time.Sleep(65 * time.Minute)
		equal(t, "ada hears", ada.heard(), []string{"Session-4-1", "GameInstanceTerminationV1"})
	})
}

func TestExpirationCanBeSwitchedOff(t *testing.T) {
	run(t, options{config: "enableStaleGameInstanceExpiration: false"}, func(t *testing.T, w *world) {
		w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
		id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(26 * time.Hour)
		equal(t, "state", w.state(id), gameinstance.StateCreated)
	})
}

func TestAPluginKeepsAnExpiredInstance(t *testing.T) {
	run(t, options{config: "staleGameInstanceExpirationMinutes: 60"}, func(t *testing.T, w *world) {
		var asked atomic.Int32
		w.plug.create = func(*gameinstance.BackendCreateRequest) error { return nil }
		w.plug.expired = func(r *gameinstance.GameInstanceExpiredRequest) error {
			if asked.Add(1) == 2 {
				r.GameInstance.Terminate()
			}
			return nil
		}
		id, err := w.games.Create(t.Context(), &gameinstance.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(62 * time.Minute)
		equal(t, "asked", asked.Load(), int32(1))
		time.Sleep(62 * time.Minute)
		equal(t, "asked later", asked.Load(), int32(2))
		if err := w.games.Update(t.Context(), id, ext.Value{}); !errors.Is(err, gameinstance.ErrUnknownGameInstanceID) {
			t.Errorf("Update() = %v, want %v", err, gameinstance.ErrUnknownGameInstanceID)
		}
	})
}

func TestTimersAndStateSurviveAKill(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		w.plug.matched = func(r *gameinstance.BackendCreateByMatchmakingRequest) error {
			r.GameInstance.AllocateGameServer(ext.Value{})
			return r.GameInstance.Data().Create("round", ext.Of(m{"n": 1}), gameinstance.Public())
		}
		ada := w.player("ada")
		w.inParty("red", ada)
		id := w.match(ada)
		server := w.allocated()
		server.play(id, ada)
		token := ada.last("HostConnectionDetailsV1")["connectionDetails"].(m)["connectionToken"]
		w.Kill()
		time.Sleep(10 * time.Minute) // longer than a silent server is waited for
		w.Start()
		ada.token, _ = w.Tokens("ada")
		ada.connect()
		equal(t, "ada hears", ada.heard(), []string{"Session+1+2+4", "GameInstanceReconnectV1"})
		got := ada.do("MultiplayerRpc.InitializeGameInstanceV1", nil)["gameInstances"].([]any)[0].(m)
		equal(t, "data", got["data"].([]any)[0].(m)["data"], any(m{"n": 1.}))
		equal(t, "token", got["hostConnectionDetails"].(m)["connectionToken"], token)
		server.connect()
		time.Sleep(50 * time.Second)
		server.do("GameInstanceRpc.GameKeepAliveV1", m{"gameInstanceId": id.String()})
		time.Sleep(50 * time.Second)
		equal(t, "state", w.state(id), gameinstance.StateRunning)
		time.Sleep(11 * time.Second)
		equal(t, "ada hears in the end", ada.heard(), terminated)
	})
}

func TestAnAllocationSurvivesAKill(t *testing.T) {
	run(t, options{}, func(t *testing.T, w *world) {
		hang := make(chan struct{})
		w.provider.answer = func(attempt int) error {
			if attempt == 1 {
				<-hang // the process dies before the answer is noted
			}
			return nil
		}
		ada := w.player("ada")
		id := w.match(ada)
		synctest.Wait()
		time.AfterFunc(time.Second, func() { close(hang) })
		w.Kill()
		w.Start()
		time.Sleep(time.Minute)
		asked := w.provider.requests()
		equal(t, "calls", len(asked), 2)
		if asked[0].AllocationID != asked[1].AllocationID {
			t.Error("the repeated call has another allocation id")
		}
		one, err := asked[0].ClientTokens()
		if err != nil {
			t.Fatal(err)
		}
		first := &peer{w: w, gw: pragma.Partner, name: "first", token: one.GameToken}
		first.connect()
		first.do("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()})
		w.allocated().refused("GameInstanceRpc.LinkV1", m{"gameInstanceId": id.String()}, "GameInstanceService_AlreadyLinked")
	})
}

func TestGamesWithoutServersNeedNone(t *testing.T) {
	plugins := "GameInstanceService.gameServerProviderPlugin: {config: {disabled: true}}"
	service := func(s *gameinstance.Service) { s.Provider = nil }
	run(t, options{plugins: plugins, service: service}, func(t *testing.T, w *world) {
		id := w.match(w.player("ada"))
		time.Sleep(time.Hour)
		equal(t, "state", w.state(id), gameinstance.StateRunning)
	})
}

func TestTheDefaultProviderWaitsForAServer(t *testing.T) {
	run(t, options{service: func(s *gameinstance.Service) { s.Provider = nil }}, func(t *testing.T, w *world) {
		ada := w.player("ada")
		id := w.match(ada)
		w.server().play(id, ada)
		equal(t, "state", w.state(id), gameinstance.StateRunning)
	})
}
