package party_test

import (
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
)

func (p *player) invite(to *player) string {
	p.w.T.Helper()
	return p.do("PartyRpc.SendInviteV1", m{"inviteePlayerId": to.id})["inviteId"].(string)
}

func TestInvitesAreSeenByTheWholeParty(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		w.together(robin, marian)
		id := marian.invite(will)
		w.tells("invite", map[*player][]string{
			robin: {"PartyDetails robin* marian v3"}, marian: nil, will: {"InviteReceived marian"},
		})
		received := will.do("PartyRpc.GetReceivedInvitesV1", nil)["invites"].([]any)
		if len(received) != 1 || received[0].(m)["inviteId"] != id {
			t.Fatalf("received = %v, want the invite %s", received, id)
		}
		if got := received[0].(m)["inviteeInfo"].(m)["displayName"].(m)["displayName"]; got != "will" {
			t.Errorf("invitee = %v, want will", got)
		}
		marian.do("PartyRpc.LeaveV1", nil) // the invite stays valid
		robin.told()
		s := will.party("PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": true})
		if got := s.members(); got != "robin* will" {
			t.Errorf("members = %q, want %q", got, "robin* will")
		}
		w.tells("accept", map[*player][]string{
			robin: {"InviteResponse true", "PartyDetails robin* will v5"},
			will:  {"SessionChanged set[2] removed[]"},
		})
		if got := will.do("PartyRpc.GetReceivedInvitesV1", nil)["invites"].([]any); len(got) != 0 {
			t.Errorf("received after accepting = %v, want none", got)
		}
	})
}

func TestAnInviteEndsOnce(t *testing.T) {
	tests := []struct {
		name string
		end  func(robin, will *player, id string)
		will []string
	}{
		{"declined", func(_, will *player, id string) {
			if got := will.do("PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": false}); got["party"] != nil {
				t.Errorf("declining answered with a party")
			}
		}, nil},
		{"canceled", func(robin, _ *player, id string) { robin.party("PartyRpc.CancelInviteV1", m{"inviteId": id}) }, []string{"InviteCanceled CANCELED"}},
		{"replaced", func(robin, will *player, _ string) {
			time.Sleep(10 * time.Second)
			robin.invite(will)
		}, []string{"InviteCanceled REPLACED", "InviteReceived robin"}},
		{"expired", func(robin, _ *player, _ string) {
			time.Sleep(2 * time.Minute)
			robin.told()
		}, []string{"InviteCanceled EXPIRED"}},
		{"closed", func(robin, _ *player, _ string) { robin.do("PartyRpc.LeaveV1", nil) }, []string{"InviteCanceled PARTY_CLOSED"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, options{config: "{inviteExpirationMinutes: 1}"}, func(w *world) {
				robin, will := w.player("robin"), w.player("will")
				robin.create()
				id := robin.invite(will)
				will.told()
				tt.end(robin, will, id)
				w.tells(tt.name, map[*player][]string{will: tt.will})
				will.refused("PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": true}, "PartyService_InviteNotFound")
			})
		})
	}
}

func TestDecliningIsToldToTheParty(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		w.together(robin, marian)
		id := robin.invite(will)
		marian.told()
		will.do("PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": false})
		want := []string{"InviteResponse false", "PartyDetails robin* marian v4"}
		w.tells("decline", map[*player][]string{robin: want, marian: want, will: {"InviteReceived robin"}})
	})
}

func TestInvitesAreRefused(t *testing.T) {
	run(t, options{config: "{maxOpenInvitesPerParty: 2, maxPlayersPerParty: 2}"}, func(w *world) {
		robin, marian, will, tuck := w.player("robin"), w.player("marian"), w.player("will"), w.player("tuck")
		robin.refused("PartyRpc.SendInviteV1", m{"inviteePlayerId": marian.id}, "PartyService_NotInParty")
		w.together(robin, marian)
		robin.refused("PartyRpc.SendInviteV1", m{"inviteePlayerId": pragma.NewID[pragma.PlayerID]()}, "PartyService_PlayerNotFound")
		robin.refused("PartyRpc.SendInviteV1", nil, "PartyService_PlayerNotFound")
		robin.refused("PartyRpc.SendInviteV1", m{"inviteePlayerId": robin.id}, "PartyService_AlreadyInParty")
		robin.refused("PartyRpc.SendInviteV1", m{"inviteePlayerId": marian.id}, "PartyService_AlreadyInParty")
		id := robin.invite(will)
		robin.refused("PartyRpc.SendInviteV1", m{"inviteePlayerId": will.id}, "PartyService_RepeatInviteTooSoon")
		marian.refused("PartyRpc.CancelInviteV1", m{"inviteId": id}, "PartyService_InviteNotFound")
		tuck.refused("PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": true}, "PartyService_InviteNotFound")
		will.refused("PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": true}, "PartyService_PartyFull")
		marian.invite(will) // another sender may
		robin.refused("PartyRpc.SendInviteV1", m{"inviteePlayerId": tuck.id}, "PartyService_TooManyInvites")
		marian.do("PartyRpc.LeaveV1", nil)
		will.party("PartyRpc.RespondToInviteV1", m{"inviteId": id, "accepted": true}) // the invite stayed
	})
}
