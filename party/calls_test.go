package party_test

import (
	"testing"

	"github.com/openpragma/engine/pragma"
)

// ownPartyCalls are the calls that are about the caller's own party, with a
// payload that is refused for no other reason.
func ownPartyCalls(will *player) map[string]m {
	return map[string]m{
		"PartyRpc.AssignPartyLeaderV1":                    {"playerId": will.id},
		"PartyRpc.CancelInviteV1":                         {"inviteId": pragma.NewID[pragma.InviteID]()},
		"PartyRpc.DevelopmentOverrideGameServerVersionV1": {"gameServerVersion": "mine"},
		"PartyRpc.EnterMatchmakingV1":                     {},
		"PartyRpc.KickV1":                                 {"playerId": will.id},
		"PartyRpc.LeaveV1":                                {},
		"PartyRpc.SendInviteV1":                           {"inviteePlayerId": will.id},
		"PartyRpc.SetGameServerZoneToPingV1":              {"gameServerZoneToPing": m{"eu": 1}},
		"PartyRpc.SetPreferredGameServerZonesV1":          {"preferredGameServerZones": []string{"eu"}},
		"PartyRpc.SetReadyStateV1":                        {"ready": true},
		"PartyRpc.StartMatchmakingV1":                     {},
		"PartyRpc.UpdatePartyPlayerV1":                    {},
		"PartyRpc.UpdatePartySelectionsV1":                {},
		"PartyRpc.UpdatePartyV1":                          {},
	}
}

func TestACallThatNamesAnotherPartyIsRefused(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		for call, payload := range ownPartyCalls(will) {
			will.refused(call, payload, "PartyService_NotInParty")
		}
		own, other := w.together(robin, marian), will.create()
		w.ready(robin, marian)
		for call, payload := range ownPartyCalls(will) {
			payload["partyId"] = other.id()
			robin.refused(call, payload, "PartyService_NotInParty")
		}
		w.tells("refusals", map[*player][]string{robin: nil, marian: nil})
		robin.do("PartyRpc.SetGameServerZoneToPingV1", m{"partyId": own.id()})
		robin.party("PartyRpc.KickV1", m{"playerId": marian.id, "partyId": ""})
		robin.do("PartyRpc.LeaveV1", m{"partyId": own.id()})
	})
}

// The answers of these calls have no room for the party, and nobody is notified
// of his own call (wire §7.2): the next answer shows the version that has grown.
func TestACallerIsNotNotifiedOfHisOwnCall(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		w.together(robin, marian)
		w.ready(robin, marian)
		w.tells("before", map[*player][]string{robin: nil, marian: nil})
		for _, step := range []struct {
			call    string
			payload m
			answer  int // members of the payload
			robin   []string
			marian  []string
		}{
			{"PartyRpc.SendInviteV1", m{"inviteePlayerId": will.id}, 1, nil, []string{"PartyDetails robin*+ marian+ v5"}},
			{"PartyRpc.SetGameServerZoneToPingV1", m{"gameServerZoneToPing": m{"eu": 9}}, 0, nil, []string{"PartyDetails robin*+ marian+ v6"}},
			{"PartyRpc.DevelopmentOverrideGameServerVersionV1", m{"gameServerVersion": "x"}, 0, nil, []string{"PartyDetails robin*+ marian+ v7"}},
			{"PartyRpc.EnterMatchmakingV1", nil, 1, []string{"SessionChanged set[3] removed[]"}, []string{"PartyDetails robin*+ marian+ v8", "SessionChanged set[3] removed[]"}},
			{"MatchmakingRpc.LeaveMatchmakingV2", nil, 0, []string{"SessionChanged set[] removed[3]"}, []string{"SessionChanged set[] removed[3]", "PartyDetails robin*+ marian+ v9"}},
		} {
			if got := robin.do(step.call, step.payload); len(got) != step.answer {
				t.Errorf("%s answered %v, want %d members", step.call, got, step.answer)
			}
			w.tells(step.call, map[*player][]string{robin: step.robin, marian: step.marian})
		}
		if got := (seen{robin.do("MultiplayerRpc.SyncPartyV1", m{"clientVersion": "4"})["party"].(m)}); got.version() != "9" {
			t.Errorf("version after all that = %s, want 9", got.version())
		}
	})
}
