package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/escs"
	"github.com/openpragma/engine/pragma"
)

func TestAPlayerQueuesForASet(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		events := p.Subscribe()
		f.on("ExternalMatchmakingRpc.QueueForMatchmakingV1", answer(`{"status":"QUEUED","setId":"s1","partyId":"`+robin+
			`","isLeader":true,"queued":1,"required":2,"setEndTimeUnix":"1900000000"}`))
		got, err := p.QueueForSet(t.Context(), "")
		want := &client.QueuedForSet{SetID: "s1", PartyID: id[pragma.PartyID](t, robin), IsLeader: true, Queued: 1, Required: 2, Ends: time.Unix(1900000000, 0)}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("QueueForSet() %v (-want +got):\n%s", err, diff)
		}
		f.socket("game").notify("ExternalMatchmakingRpc.PartyIsCompleteForMatchmakingV1Notification", `{"setId":"s1","partyId":"`+robin+`","leaderPlayerId":"`+robin+`"}`)
		complete, err := client.Await(t.Context(), events, func(client.TournamentPartyComplete) bool { return true })
		if err != nil || complete.SetID != "s1" || complete.LeaderID != p.ID() {
			t.Errorf("event = %+v, %v", complete, err)
		}
		f.on("ExternalMatchmakingRpc.QueueForMatchmakingV1", func(c *fakeCall) { c.refuse("ESCS_PARTY_NOT_FOUND") })
		if _, err := p.QueueForSet(t.Context(), "s2"); !errors.Is(err, escs.ErrPartyNotFound) {
			t.Errorf("QueueForSet() = %v, want ErrPartyNotFound", err)
		}
		if diff := cmp.Diff([]string{`{}`, `{"setId":"s2"}`}, f.seen("game ExternalMatchmakingRpc.QueueForMatchmakingV1")); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}
