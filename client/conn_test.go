package client_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

func TestHeartbeatsStartAtOnceAndGoOnOnBothSockets(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.player()
		synctest.Wait()
		for _, host := range []string{"game", "social"} {
			if got := len(f.seen(host + " PlayerSessionRpc.HeartbeatV1")); got != 1 {
				t.Errorf("%s: %d heartbeats at once, want 1", host, got)
			}
		}
		time.Sleep(61 * time.Second)
		for _, host := range []string{"game", "social"} {
			if got := len(f.seen(host + " PlayerSessionRpc.HeartbeatV1")); got != 5 {
				t.Errorf("%s: %d heartbeats after a minute, want 5", host, got)
			}
		}
	})
}

func TestSilentServerIsCutAndReconnected(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sub := p.Subscribe()
		f.on("PlayerSessionRpc.HeartbeatV1", silent)
		start := time.Now()
		e, err := client.Await[client.Disconnected](t.Context(), sub, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(start), 45*time.Second; got != want {
			t.Errorf("%s cut after %v, want %v", e.Backend, got, want)
		}
	})
}

func TestPingsOfTheServerAreSignsOfLife(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("PlayerSessionRpc.HeartbeatV1", silent)
		for range 10 {
			time.Sleep(20 * time.Second)
			for _, host := range []string{"game", "social"} {
				if err := f.socket(host).ws.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !p.State().Connected {
			t.Error("cut in spite of pings")
		}
	})
}

func TestBrokenConnectionComesBackWithGrowingPauses(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player(func(o *client.Options) { o.Reconnect = client.Reconnect{Jitter: client.Never} })
		time.Sleep(time.Minute)
		f.refuseUpgrades("game", refuseWith(503))
		start := time.Now()
		f.socket("game").cut()
		time.Sleep(31 * time.Second) // tries after 1, 4, 9, 16 more seconds
		f.refuseUpgrades("game", nil)
		time.Sleep(30 * time.Second)
		if !p.State().Connected {
			t.Fatal("did not reconnect")
		}
		tries := f.all("UPGRADE game")[1:]
		want := []time.Duration{1, 5, 14, 30, 55}
		if len(tries) != len(want) {
			t.Fatalf("%d tries, want %d", len(tries), len(want))
		}
		for i, r := range tries {
			if got := r.at.Sub(start); got != want[i]*time.Second {
				t.Errorf("try %d after %v, want %v", i+1, got, want[i]*time.Second)
			}
			if got := r.head.Get("Pragma-Reconnect"); got != "new" {
				t.Errorf("try %d: reconnect header = %q, want new: the server keeps no frames", i+1, got)
			}
		}
	})
}

func TestPausesHaveAMaximumAndJitter(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.player(func(o *client.Options) {
			o.Reconnect = client.Reconnect{Max: 5 * time.Second, Jitter: 3 * time.Second, GiveUp: client.Never}
		})
		f.refuseUpgrades("game", refuseWith(503))
		f.refuseUpgrades("social", refuseWith(503))
		f.socket("game").cut()
		time.Sleep(10 * time.Minute)
		tries := f.all("UPGRADE game")
		different := false
		for i := 4; i < len(tries); i++ {
			pause := tries[i].at.Sub(tries[i-1].at)
			if pause < 5*time.Second || pause >= 8*time.Second {
				t.Errorf("pause %d = %v, want 5 s to 8 s", i, pause)
			}
			different = different || pause != tries[4].at.Sub(tries[3].at)
		}
		if !different {
			t.Error("all pauses are the same: no jitter")
		}
	})
}

func TestServerThatDropsAtOnceIsNotAskedEverySecond(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		f.player()
		for range 4 {
			f.socket("game").cut()
			time.Sleep(20 * time.Second)
			synctest.Wait()
		}
		if got := len(f.all("UPGRADE game")); got > 5 {
			t.Errorf("%d sockets, want at most 5", got)
		}
	})
}

func refuseWith(status int) func(w httpWriter, r *httpRequest) {
	return func(w httpWriter, _ *httpRequest) { w.WriteHeader(status) }
}

func TestClientGivesUpWhenAllConnectionsAreDownTooLong(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.refuseUpgrades("game", refuseWith(503))
		f.refuseUpgrades("social", refuseWith(503))
		f.socket("game").cut()
		time.Sleep(20 * time.Minute)
		if err := p.Err(); err != nil {
			t.Fatalf("over with one connection up: %v", err)
		}
		start := time.Now()
		f.socket("social").cut()
		<-p.Done()
		if got, want := time.Since(start), 300*time.Second; got != want {
			t.Errorf("gave up after %v, want %v", got, want)
		}
		if err := p.Err(); !errors.Is(err, client.ErrGaveUp) || !errors.Is(err, client.ErrClosed) {
			t.Errorf("Err() = %v, want ErrGaveUp and ErrClosed", err)
		}
	})
}

func TestReconnectingCanBeSwitchedOff(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player(func(o *client.Options) { o.Reconnect.Initial = client.Never })
		f.socket("social").cut()
		<-p.Done()
		if err := p.Err(); !errors.Is(err, client.ErrGaveUp) {
			t.Errorf("Err() = %v, want ErrGaveUp", err)
		}
	})
}

func TestCloseFramesOfTheServerAreObeyed(t *testing.T) {
	tests := map[string]struct {
		code   websocket.StatusCode
		over   bool
		reason pragma.EndReason
	}{
		"normal":        {1000, true, pragma.EndAsRequested},
		"usurped":       {4001, true, pragma.EndUsurped},
		"kicked":        {4002, true, pragma.EndKicked},
		"expired":       {4003, true, pragma.EndExpired},
		"abuse":         {1008, true, ""},
		"too big":       {1009, true, ""},
		"going away":    {1001, false, ""},
		"server failed": {1011, false, ""},
		"restarting":    {1012, false, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				f.socket("game").close(tt.code)
				time.Sleep(10 * time.Second)
				err := p.Err()
				if !tt.over {
					if err != nil || !p.State().Connected {
						t.Errorf("Err() = %v, connected %v, want reconnected", err, p.State().Connected)
					}
					return
				}
				e, ok := errors.AsType[*client.EndError](err)
				if !ok || e.Reason != tt.reason {
					t.Errorf("Err() = %v, want reason %q", err, tt.reason)
				}
				if got := len(f.all("UPGRADE game")); got != 1 {
					t.Errorf("%d sockets, want 1", got)
				}
				<-f.socket("social").gone // the other socket closes too
				if got := websocket.CloseStatus(f.socket("social").err); got != 1000 {
					t.Errorf("other socket closed with %d, want 1000", got)
				}
			})
		})
	}
}

func TestTerminatedSessionEndsTheClientWithItsReason(t *testing.T) {
	for wireReason, want := range map[string]pragma.EndReason{
		"USURPED": pragma.EndUsurped, "KICKED": pragma.EndKicked, "EXPIRED": pragma.EndExpired,
		"CLUSTER_SHUTDOWN": pragma.EndClusterShutdown, "SOMETHING_NEW": "",
	} {
		t.Run(wireReason, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				f.socket("social").notify("PlayerSessionRpc.SessionTerminatedV1Notification", `{"playerSession":{},"reason":"`+wireReason+`"}`)
				<-p.Done()
				e, ok := errors.AsType[*client.EndError](p.Err())
				if !ok || e.Reason != want {
					t.Errorf("Err() = %v, want reason %q", p.Err(), want)
				}
			})
		})
	}
}

func TestRefusedTokenOnReconnectEndsTheClient(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.refuseUpgrades("game", refuseUpgrade("SessionService_TokenDoesNotMatchCurrentSession"))
		f.socket("game").cut()
		<-p.Done()
		if err := p.Err(); !errors.Is(err, pragma.ErrSessionReplaced) {
			t.Errorf("Err() = %v, want ErrSessionReplaced", err)
		}
	})
}

func TestCallInFlightAtABreakHasAnUnknownOutcome(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("PartyRpc.CreateV1", func(c *fakeCall) { c.sock.cut() })
		_, err := p.Party.Create(t.Context(), client.CreateParty{})
		if !errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("Create = %v, want ErrOutcomeUnknown", err)
		}
		if e, ok := errors.AsType[*client.CallError](err); !ok || e.Call != "PartyRpc.CreateV1" {
			t.Errorf("Create = %v, want a CallError with the call's name", err)
		}
	})
}

func TestCallWithoutAConnectionIsNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.socket("game").cut()
		synctest.Wait()
		err := p.Party.Leave(t.Context())
		if !errors.Is(err, client.ErrDisconnected) || errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("Leave = %v, want ErrDisconnected alone", err)
		}
		if err := p.WaitConnected(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.on("PartyRpc.LeaveV1", answer(`{}`))
		if err := p.Party.Leave(t.Context()); err != nil {
			t.Errorf("Leave after reconnect = %v", err)
		}
		if got := len(f.seen("game PartyRpc.LeaveV1")); got != 1 {
			t.Errorf("sent %d times, want once", got)
		}
	})
}

func TestCallAfterTheEndFails(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		p.Close()
		if err := p.Party.Leave(t.Context()); !errors.Is(err, client.ErrClosed) || errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("Leave = %v, want ErrClosed alone", err)
		}
		if err := p.WaitConnected(t.Context()); !errors.Is(err, client.ErrClosed) {
			t.Errorf("WaitConnected = %v, want ErrClosed", err)
		}
	})
}

func TestUnansweredCallEndsWithItsContextAndLeavesTheConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		late := make(chan *fakeCall, 1)
		f.on("PartyRpc.CreateV1", func(c *fakeCall) { late <- c })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.Party.Create(ctx, client.CreateParty{})
		if !errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Create = %v, want ErrOutcomeUnknown and the context's error", err)
		}
		(<-late).reply(`{"party":` + party(partyA, 1) + `}`)
		synctest.Wait()
		s := p.State()
		if !s.Connected || s.Party == nil {
			t.Errorf("connected %v, party %v: the late answer should still count", s.Connected, s.Party)
		}
	})
}

func TestCallTimeoutBoundsCallsWithoutADeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player(func(o *client.Options) { o.CallTimeout = 3 * time.Second })
		f.on("PartyRpc.LeaveV1", silent)
		start := time.Now()
		err := p.Party.Leave(t.Context())
		if !errors.Is(err, client.ErrOutcomeUnknown) || time.Since(start) != 3*time.Second {
			t.Errorf("Leave = %v after %v, want ErrOutcomeUnknown after 3s", err, time.Since(start))
		}
	})
}

func TestCallsInFlightAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player(func(o *client.Options) { o.MaxInFlight, o.Heartbeat = 3, client.Never })
		f.on("Some.CallV1", silent)
		for range 3 {
			go func() { _, _ = client.Call[struct{}](t.Context(), p.GameConn(), "Some.CallV1", nil) }()
		}
		synctest.Wait()
		if _, err := client.Call[struct{}](t.Context(), p.GameConn(), "Some.CallV1", nil); !errors.Is(err, client.ErrBusy) {
			t.Errorf("Call = %v, want ErrBusy", err)
		}
	})
}

func TestAnswersMayComeInAnyOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		var first *fakeCall
		f.on("Some.EchoV1", func(c *fakeCall) {
			if first == nil {
				first = c
				return
			}
			c.reply(c.payload)
			first.reply(first.payload)
		})
		type number struct {
			N int `json:"n"`
		}
		results := make(chan [2]int, 2)
		for i := range 2 {
			go func() {
				got, err := client.Call[number](t.Context(), p.GameConn(), "Some.EchoV1", &number{i + 1})
				if err != nil {
					t.Error(err)
					got = &number{}
				}
				results <- [2]int{i + 1, got.N}
			}()
		}
		for range 2 {
			if r := <-results; r[0] != r[1] {
				t.Errorf("call %d got the answer of %d", r[0], r[1])
			}
		}
	})
}

func TestRefusalIsTheServersError(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		errFull := &pragma.Error{Reason: "PartyService_PartyFull"}
		f.on("PartyRpc.JoinWithInviteCodeV1", func(c *fakeCall) { c.refuse("PartyService_PartyFull") })
		_, err := p.Party.JoinWithInviteCode(t.Context(), "ABC123", extOf(nil))
		if !errors.Is(err, errFull) {
			t.Fatalf("Join = %v, want the refusal", err)
		}
		e, _ := errors.AsType[*pragma.Error](err)
		if e.Message != "no luck" || e.Code != pragma.FailedPrecondition || e.Title {
			t.Errorf("refusal = %+v", e)
		}
		if c, _ := errors.AsType[*client.CallError](err); c.TraceID != "trace-1" {
			t.Errorf("trace = %q, want trace-1", c.TraceID)
		}
		f.on("Some.CallV1", func(c *fakeCall) { c.refuse("STUDIO_SAYS_NO") })
		_, err = client.Call[struct{}](t.Context(), p.GameConn(), "Some.CallV1", nil)
		if !errors.Is(err, &pragma.Error{Reason: "STUDIO_SAYS_NO", Title: true}) {
			t.Errorf("Call = %v, want the title's error", err)
		}
	})
}

func TestMalformedFramesAreDroppedAndTheTruthIsAskedFor(t *testing.T) {
	frames := map[string]string{
		"not JSON":              `{"sequenceNumber":`,
		"a list":                `[]`,
		"duplicate members":     `{"notification":{"type":"a","type":"b"}}`,
		"payload does not fit":  `{"sequenceNumber":9,"notification":{"type":"` + partyDetails + `","payload":{"party":[]}}}`,
		"too deep":              `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
		"attribute is no id":    `{"sequenceNumber":9,"notification":{"type":"` + sessionChanged + `","payload":{"newVersion":9,"attributesSet":{"2":"x"}}}}`,
		"version is not a text": `{"sequenceNumber":9,"notification":{"type":"` + gameUpdated + `","payload":{"version":{}}}}`,
	}
	for name, text := range frames {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				f.on("MultiplayerRpc.SyncPartyV1", answer(`{"isInParty":true,"party":`+party(partyA, 2)+`}`))
				f.socket("game").raw(websocket.MessageText, text)
				synctest.Wait()
				s := p.State()
				if !s.Connected || s.Party == nil {
					t.Errorf("connected %v, party %v, want the party from a synchronisation", s.Connected, s.Party)
				}
			})
		})
	}
}

func TestHarmlessNonsenseIsIgnored(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sock := f.socket("game")
		sock.raw(websocket.MessageBinary, "\x00\x01")
		sock.raw(websocket.MessageText, `{}`)
		sock.raw(websocket.MessageText, `{"sequenceNumber":1,"response":{"requestId":987654321,"type":"A.BV1Response","payload":{}}}`)
		sock.raw(websocket.MessageText, `{"sequenceNumber":2,"unknown":{}}`)
		synctest.Wait()
		if !p.State().Connected || len(f.all("UPGRADE game")) != 1 {
			t.Error("connection did not survive")
		}
	})
}

func TestAnswerThatDoesNotFitFailsItsCall(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("Some.CallV1", answer(`{"n":"many"}`))
		_, err := client.Call[struct {
			N int `json:"n"`
		}](t.Context(), p.GameConn(), "Some.CallV1", nil)
		if e, ok := errors.AsType[*client.CallError](err); !ok || !strings.Contains(e.Error(), "/n") {
			t.Errorf("Call = %v, want a decoding error with its place", err)
		}
	})
}

func TestLogOutTellsBothBackendsAndClosesCleanly(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		if err := p.LogOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"game", "social"} {
			if got := len(f.seen(host + " PlayerSessionRpc.RequestLogoutV1")); got != 1 {
				t.Errorf("%s: %d log-outs, want 1", host, got)
			}
			<-f.socket(host).gone
			if got := websocket.CloseStatus(f.socket(host).err); got != 1000 {
				t.Errorf("%s closed with %d, want 1000", host, got)
			}
		}
		if err := p.Err(); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Err() = %v, want ErrClosed", err)
		}
	})
}

func TestLogOutIsFineWhenTheServerClosesFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("PlayerSessionRpc.RequestLogoutV1", func(c *fakeCall) { go c.sock.close(1000) })
		if err := p.LogOut(t.Context()); err != nil {
			t.Errorf("LogOut = %v", err)
		}
	})
}

func TestAbortLeavesTheSessionToItsGraceTime(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		p.Abort()
		<-f.socket("game").gone
		if got := websocket.CloseStatus(f.socket("game").err); got != -1 {
			t.Errorf("closed with %d, want no close frame", got)
		}
	})
}

func TestCloseEndsCallsAndWaiters(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("PartyRpc.LeaveV1", silent)
		errs := make(chan error, 2)
		go func() { errs <- p.Party.Leave(t.Context()) }()
		go func() {
			_, err := p.Wait(t.Context(), func(client.State) bool { return false })
			errs <- err
		}()
		synctest.Wait()
		p.Close()
		p.Close() // again is fine
		for range 2 {
			if err := <-errs; !errors.Is(err, client.ErrClosed) {
				t.Errorf("error = %v, want ErrClosed", err)
			}
		}
	})
}

func TestCloseWhileReconnectingDoesNotWaitForIt(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.refuseUpgrades("game", func(_ httpWriter, r *httpRequest) { <-r.Context().Done() })
		f.socket("game").cut()
		time.Sleep(3 * time.Second)
		start := time.Now()
		p.Close()
		if got := time.Since(start); got > time.Second {
			t.Errorf("Close took %v", got)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("Some.EchoV1", func(c *fakeCall) { c.reply(c.payload) })
		done := make(chan struct{})
		for i := range 8 {
			go func() {
				defer func() { done <- struct{}{} }()
				for n := range 50 {
					text := strconv.Itoa(i*100 + n)
					got, err := client.Call[map[string]string](t.Context(), p.GameConn(), "Some.EchoV1", map[string]string{"n": text})
					switch {
					case errors.Is(err, client.ErrDisconnected), errors.Is(err, client.ErrOutcomeUnknown):
						time.Sleep(time.Second)
					case err != nil:
						t.Error(err)
					case (*got)["n"] != text:
						t.Errorf("got %v, want %s", *got, text)
					}
					_ = p.State()
				}
			}()
		}
		f.socket("game").cut()
		for range 8 {
			<-done
		}
	})
}
