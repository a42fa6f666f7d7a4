package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
)

const guildJoined = "GuildRpc.MemberJoinedV1Notification"

type guildMember struct {
	Name string `json:"name"`
}

func TestHandlersRunInOrderOnOneGoroutine(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		var got []string // no lock: one goroutine
		client.On(p, func(e client.PartyChanged) { got = append(got, fmt.Sprint("a", e.Party.Version)) })
		client.On(p, func(e client.PartyChanged) { got = append(got, fmt.Sprint("b", e.Party.Version)) })
		client.On(p, func(e client.Event) { got = append(got, fmt.Sprintf("%T", e)) })
		for v := 1; v <= 2; v++ {
			f.socket("game").notify(partyDetails, `{"party":`+party(partyA, v)+`}`)
		}
		synctest.Wait()
		want := []string{"a1", "b1", "client.PartyChanged", "a2", "b2", "client.PartyChanged"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestStoppedHandlerIsNotCalled(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		calls := 0
		stop := client.On(p, func(client.PartyChanged) { calls++ })
		f.socket("game").notify(partyDetails, `{"party":`+party(partyA, 1)+`}`)
		synctest.Wait()
		stop()
		stop() // again is fine
		f.socket("game").notify(partyDetails, `{"party":`+party(partyA, 2)+`}`)
		synctest.Wait()
		if calls != 1 {
			t.Errorf("%d calls, want 1", calls)
		}
	})
}

func TestHandlerMayMakeCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("PartyRpc.SetReadyStateV1", answer(`{"party":`+party(partyA, 2)+`}`))
		got := make(chan error, 1)
		client.On(p, func(e client.PartyChanged) {
			if e.Party.Version == 1 {
				_, err := p.Party.SetReady(t.Context(), true)
				got <- err
			}
		})
		f.socket("game").notify(partyDetails, `{"party":`+party(partyA, 1)+`}`)
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

func TestSlowHandlerLosesTheOldestEventsAndNoState(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player(func(o *client.Options) { o.EventQueue = 5 })
		var got []string
		client.On(p, func(e client.Event) {
			switch e := e.(type) {
			case client.PartyChanged:
				got = append(got, fmt.Sprint(e.Party.Version))
			case client.EventsLost:
				got = append(got, fmt.Sprint("lost ", e.Count))
			}
			time.Sleep(time.Second)
		})
		for v := 1; v <= 20; v++ {
			f.socket("game").notify(partyDetails, `{"party":`+party(partyA, v)+`}`)
			if v == 1 {
				synctest.Wait() // the handler has the first and is slow from here on
			}
		}
		synctest.Wait()
		if got := p.State().Party.Version; got != 20 {
			t.Errorf("state has version %d, want 20", got)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"1", "lost 14", "16", "17", "18", "19", "20"}, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestBlockedHandlerDoesNotStopAnswersAndHeartbeats(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player(func(o *client.Options) { o.EventQueue = 2 })
		block := make(chan struct{})
		client.On(p, func(client.PartyChanged) { <-block })
		for v := 1; v <= 50; v++ {
			f.socket("game").notify(partyDetails, `{"party":`+party(partyA, v)+`}`)
		}
		f.on("PartyRpc.LeaveV1", answer(`{}`))
		if err := p.Party.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Minute)
		if !p.State().Connected || len(f.all("UPGRADE game")) != 1 {
			t.Error("connection did not survive")
		}
		close(block)
	})
}

func TestOnEventMissesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		var got []string
		p := f.player(func(o *client.Options) {
			o.OnEvent = func(e client.Event) { got = append(got, fmt.Sprintf("%T", e)) }
		})
		p.Close()
		want := []string{"client.Connected", "client.Connected", "client.Disconnected", "client.Disconnected", "client.Ended"}
		seen := map[string]int{}
		for _, e := range got {
			seen[e]++
		}
		if seen[want[0]] != 2 || seen["client.Ended"] != 1 {
			t.Errorf("events = %q, want two Connected and one Ended", got)
		}
	})
}

func TestSubscriptionEndsWithTheReason(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sub := p.Subscribe()
		f.socket("game").notify("PlayerSessionRpc.SessionTerminatedV1Notification", `{"playerSession":{},"reason":"KICKED"}`)
		ended, err := client.Await[client.Ended](t.Context(), sub, nil)
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := errors.AsType[*client.EndError](ended.Err); !ok || e.Reason != pragma.EndKicked {
			t.Errorf("Ended = %v, want KICKED", ended.Err)
		}
		for range 2 {
			if _, err := sub.Next(t.Context()); !errors.Is(err, client.ErrClosed) {
				t.Errorf("Next = %v, want ErrClosed", err)
			}
		}
		if _, err := p.Subscribe().Next(t.Context()); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Next of a late subscription = %v, want ErrClosed", err)
		}
	})
}

func TestNextStopsWithItsContextAndWithClose(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		sub := p.Subscribe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Await[client.GameEnded](ctx, sub, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Await = %v, want the context's error", err)
		}
		time.AfterFunc(time.Second, sub.Close)
		if _, err := sub.Next(t.Context()); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Next = %v, want ErrClosed", err)
		}
	})
}

func TestNotificationsOfAStudioAreTyped(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		var got []string
		client.OnNotification(p, pragma.Social, guildJoined, func(m *guildMember) { got = append(got, m.Name) })
		f.socket("social").notify(guildJoined, `{"name":"kim","more":1}`)
		f.socket("social").notify(guildJoined, `{"name":{}}`) // logged and dropped
		f.socket("game").notify(guildJoined, `{"name":"other backend"}`)
		f.socket("social").notify("GuildRpc.OtherV1Notification", `{"name":"other type"}`)
		synctest.Wait()
		if diff := cmp.Diff([]string{"kim"}, got); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	})
}

func TestNotificationsBecomeEvents(t *testing.T) {
	invite, party := id[pragma.InviteID](t, gameB), id[pragma.PartyID](t, partyA)
	tests := map[string]struct {
		payload string
		want    client.Event
	}{
		"MatchmakingRpc.MatchmakingFailureV1Notification": {
			`{"reason":"GAME_SERVER_VERSION_NO_LONGER_COMPATIBLE"}`,
			client.MatchmakingFailed{Reason: "GAME_SERVER_VERSION_NO_LONGER_COMPATIBLE"}},
		"PartyRpc.InviteResponseV1Notification": {
			`{"inviteId":"` + gameB + `","accepted":true}`,
			client.InviteAnswered{InviteID: invite, Accepted: true}},
		"PartyRpc.InviteCanceledV1Notification": {
			`{"inviteId":"` + gameB + `","partyId":"` + partyA + `","reason":"REPLACED"}`,
			client.InviteCanceled{InviteID: invite, PartyID: party, Reason: "REPLACED"}},
		"PartyRpc.PartyClientVersionMismatchV1Notification": {`{}`, client.ClientVersionMismatch{}},
		"PartyRpc.GameClientNotSupportedV1Notification":     {`{}`, client.ClientNotSupported{}},
		"GameInstanceRpc.GameInstanceStartFailureV1Notification": {
			`{}`, client.GameStartFailed{}},
		"GameInstanceRpc.GameInstanceReconnectV1Notification": {
			`{"hostConnectionDetails":{"gameInstanceId":"` + gameA + `","hostname":"h","port":1,"connectionToken":"t"}}`,
			client.HostReady{Host: &client.Host{GameInstanceID: mustID(gameA), Hostname: "h", Port: 1, Token: "t"}, Again: true}},
		"PartyRpc.RemovedV1Notification": {
			`{"partyId":"` + partyA + `","removalReason":"PARTY_CLOSED"}`,
			client.PartyLeft{PartyID: party, Reason: client.RemovedPartyClosed}},
	}
	for typ, tt := range tests {
		t.Run(typ, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				p := f.player()
				sub := p.Subscribe()
				f.socket("game").notify(typ, tt.payload)
				got, err := sub.Next(t.Context())
				if diff := cmp.Diff(tt.want, got, compareExt); diff != "" || err != nil {
					t.Errorf("event (-want +got): %v\n%s", err, diff)
				}
			})
		})
	}
}
