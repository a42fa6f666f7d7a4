package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma/store"
)

func TestPartyVersionIsFoundInFrames(t *testing.T) {
	party := &wire.BroadcastParty{InviteCode: "ABCDEF", Version: 41, GameServerVersion: "7"}
	answer, err := wire.AppendResponse(nil, 3, "PartyRpc.UpdatePartyV1Response", &wire.PartyResponse{Party: party})
	if err != nil {
		t.Fatal(err)
	}
	told, err := wire.AppendNotification(nil, "PartyRpc.PartyDetailsV1Notification", &wire.PartyDetailsV1Notification{Party: party})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := wire.AppendNotification(nil, "PlayerSessionRpc.SessionChangedV1Notification", &wire.PlayerSessionChangedV1Notification{NewVersion: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  int64
		found bool
	}{
		{name: "of an answer", frame: wire.AppendFrame(nil, 5, answer), want: 41, found: true},
		{name: "of a notification", frame: wire.AppendFrame(nil, 6, told), want: 41, found: true},
		{name: "of something else", frame: wire.AppendFrame(nil, 7, changed)},
		{name: "of half a frame", frame: []byte(`{"version":"41`)},
		{name: "of no number", frame: []byte(`{"version":"next"}`)},
		{name: "of nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := partyVersion(c.frame); got != c.want || ok != c.found {
				t.Errorf("partyVersion() = %d, %v, want %d, %v", got, ok, c.want, c.found)
			}
		})
	}
}

// mustered returns a party on a server of its own.
func mustered(t *testing.T) *crew {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	srv := started(t)
	crews, err := muster(ctx, srv.addresses, 1, membersPerParty)
	t.Cleanup(func() {
		disband(crews)
		cancel()
	})
	if err != nil {
		t.Fatal(err)
	}
	return crews[0]
}

// started runs the server of the benchmarks in this process.
func started(t *testing.T) *running {
	t.Helper()
	server, err := benchBackend(store.Memory(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	srv, err := start(context.WithoutCancel(t.Context()), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return srv
}

func TestUpdateIsOverWhenEveryMemberKnows(t *testing.T) {
	c := mustered(t)
	for range 3 {
		before := time.Now()
		last, err := c.update(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if last.Before(before) {
			t.Errorf("the last receipt was %v before the update", before.Sub(last))
		}
		if n := len(c.receipts); n != 0 {
			t.Errorf("%d receipts are left over", n)
		}
	}
}

func TestUpdateFailsWhenAMemberIsGone(t *testing.T) {
	c := mustered(t)
	c.sockets[2].close()
	if _, err := c.update(t.Context()); err == nil {
		t.Error("update() = nil without a member")
	}
}

func TestUpdateFailsWhenItIsRefused(t *testing.T) {
	c := mustered(t)
	c.frame = []byte(`{"requestId":1,"type":"PartyRpc.NoSuchCallV1Request","payload":{}}`)
	if _, err := c.update(t.Context()); err == nil || !contains(err, "update refused") {
		t.Errorf("update() = %v, want a refusal", err)
	}
}

func TestUpdateNoticesVersionsThatDiffer(t *testing.T) {
	c := mustered(t)
	c.receipts <- receipt{version: 1000, at: time.Now()}
	if _, err := c.update(t.Context()); err == nil || !contains(err, "version 1000") {
		t.Errorf("update() = %v, want a complaint about version 1000", err)
	}
}

func TestUpdateStopsWithItsContext(t *testing.T) {
	c := mustered(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	c.sockets = append(c.sockets, c.sockets[0]) // one more than will ever report
	if _, err := c.update(ctx); !errors.Is(err, stopped) {
		t.Errorf("update() = %v, want %v", err, stopped)
	}
	c.sockets = c.sockets[:membersPerParty]
}

func TestSleepEndsOnTimeOrWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		due := time.Now().Add(time.Hour)
		if err := sleepUntil(t.Context(), due); err != nil || !time.Now().Equal(due) {
			t.Errorf("sleepUntil() = %v at %v, want nil at %v", err, time.Now(), due)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := sleepUntil(ctx, due.Add(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("sleepUntil() = %v, want the context's error", err)
		}
	})
}
