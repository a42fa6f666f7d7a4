package party_test

import (
	"testing"
	"time"

	"github.com/openpragma/engine/party"
)

func TestCreateAnswersAndThenChangesTheSession(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin := w.player("robin")
		s := robin.party("PartyRpc.CreateV1", m{"preferredGameServerZones": []string{"eu"}, "gameServerZoneToPing": m{"eu": 20}})
		if got, want := s.members(), "robin*"; got != want {
			t.Errorf("members = %q, want %q", got, want)
		}
		if got := s.version(); got != "1" {
			t.Errorf("version = %s, want 1", got)
		}
		if got := s.m["preferredGameServerZones"].([]any); len(got) != 1 || got[0] != "eu" {
			t.Errorf("zones = %v, want [eu]", got)
		}
		w.tells("create", map[*player][]string{robin: {"SessionChanged set[2] removed[]"}})
	})
}

func TestOthersAreToldAndTheCallerIsAnswered(t *testing.T) {
	type step struct {
		name   string
		do     func(robin, marian *player)
		robin  []string
		marian []string
	}
	steps := []step{
		{"ready", func(robin, _ *player) { robin.party("PartyRpc.SetReadyStateV1", m{"ready": true}) },
			nil, []string{"PartyDetails robin*+ marian v3"}},
		{"player update", func(_, marian *player) { marian.party("PartyRpc.UpdatePartyPlayerV1", m{"requestExt": m{}}) },
			[]string{"PartyDetails robin*+ marian v4"}, nil},
		{"party update", func(_, marian *player) { marian.party("PartyRpc.UpdatePartySelectionsV1", m{"requestExt": m{}}) },
			[]string{"PartyDetails robin*+ marian v5"}, nil},
		{"zones", func(robin, _ *player) {
			robin.party("PartyRpc.SetPreferredGameServerZonesV1", m{"preferredGameServerZones": []string{"eu"}})
		}, nil, []string{"PartyDetails robin*+ marian v6"}},
		{"pings", func(_, marian *player) {
			marian.do("PartyRpc.SetGameServerZoneToPingV1", m{"gameServerZoneToPing": m{"eu": "31"}})
		}, []string{"PartyDetails robin*+ marian v7"}, nil},
		{"second leader", func(robin, marian *player) { robin.party("PartyRpc.AssignPartyLeaderV1", m{"playerId": marian.id}) },
			nil, []string{"PartyDetails robin*+ marian* v8"}},
		{"override", func(robin, _ *player) {
			robin.do("PartyRpc.DevelopmentOverrideGameServerVersionV1", m{"gameServerVersion": "dev"})
		}, nil, []string{"PartyDetails robin*+ marian* v9"}},
		{"leave", func(robin, _ *player) { robin.do("PartyRpc.LeaveV1", nil) },
			[]string{"SessionChanged set[] removed[2]"}, []string{"PartyDetails marian* v10"}},
	}
	run(t, options{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		w.together(robin, marian)
		for _, s := range steps {
			s.do(robin, marian)
			w.tells(s.name, map[*player][]string{robin: s.robin, marian: s.marian})
		}
	})
}

func TestJoiningIsToldToEverybodyInTheRightOrder(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		first := robin.create()
		robin.told()
		marian.join(" " + first.code() + " ")
		w.tells("join", map[*player][]string{
			robin:  {"PartyDetails robin* marian v2"},
			marian: {"SessionChanged set[2] removed[]"},
		})
		w.together(w.player("will"))
		second := robin.create()
		if second.id() == first.id() {
			t.Fatal("the new party has the id of the old one")
		}
		w.tells("move", map[*player][]string{
			robin:  {"Removed LEFT", "SessionChanged set[2] removed[]"},
			marian: {"PartyDetails marian* v3"},
		})
		robin.party("PartyRpc.JoinWithPartyIdV1", m{"partyId": first.id()})
		w.tells("move back", map[*player][]string{
			robin:  {"Removed LEFT", "SessionChanged set[2] removed[]"},
			marian: {"PartyDetails marian* robin v4"},
		})
		marian.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": second.code()}, "PartyService_InviteNotFound")
		marian.refused("PartyRpc.JoinWithPartyIdV1", m{"partyId": second.id()}, "PartyService_PartyNotFound")
		marian.refused("PartyRpc.JoinWithPartyIdV1", m{"partyId": first.id()}, "PartyService_AlreadyInParty")
	})
}

func TestAKickedPlayerNeedsAnInvite(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := w.together(robin, marian)
		marian.refused("PartyRpc.KickV1", m{"playerId": robin.id}, "PartyService_PlayerNotLeader")
		robin.refused("PartyRpc.KickV1", m{"playerId": robin.id}, "PartyService_CanNotKickSelf")
		robin.refused("PartyRpc.KickV1", m{"playerId": s.id()}, "PartyService_PlayerNotFound")
		robin.party("PartyRpc.KickV1", m{"playerId": marian.id})
		w.tells("kick", map[*player][]string{robin: nil, marian: {"Removed KICKED", "SessionChanged set[] removed[2]"}})
		marian.refused("PartyRpc.KickV1", m{"playerId": robin.id}, "PartyService_NotInParty")
		marian.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "PartyService_PlayerIsKicked")
		marian.refused("PartyRpc.JoinWithPartyIdV1", m{"partyId": s.id()}, "PartyService_PlayerIsKicked")
		invite := robin.do("PartyRpc.SendInviteV1", m{"inviteePlayerId": marian.id})
		marian.told()
		marian.party("PartyRpc.RespondToInviteV1", m{"inviteId": invite["inviteId"], "accepted": true})
		w.tells("accept", map[*player][]string{
			robin:  {"InviteResponse true", "PartyDetails robin* marian v5"},
			marian: {"SessionChanged set[2] removed[]"},
		})
		marian.do("PartyRpc.LeaveV1", nil)
		marian.join(s.code()) // the mark is gone
	})
}

func TestLeadersAreAppointedAsConfigured(t *testing.T) {
	for name, tt := range map[string]struct{ config, want string }{
		"a leader is added":       {"{enableTransferPartyLeader: false}", "robin* marian*"},
		"the lead is handed over": {"{enableTransferPartyLeader: true}", "robin marian*"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{config: tt.config}, func(w *world) {
				robin, marian := w.player("robin"), w.player("marian")
				w.together(robin, marian)
				robin.refused("PartyRpc.AssignPartyLeaderV1", m{"playerId": robin.id}, "PartyService_PlayerIsLeader")
				robin.refused("PartyRpc.AssignPartyLeaderV1", m{"playerId": w.player("will").id}, "PartyService_NotInParty")
				marian.refused("PartyRpc.AssignPartyLeaderV1", m{"playerId": robin.id}, "PartyService_PlayerNotLeader")
				if got := robin.party("PartyRpc.AssignPartyLeaderV1", m{"playerId": marian.id}).members(); got != tt.want {
					t.Errorf("members = %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestAPartyThatNobodyTouchesExpires(t *testing.T) {
	plugin := &recorder{}
	run(t, options{plugin: plugin}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := w.together(robin, marian)
		time.Sleep(23 * time.Hour)
		robin.do("MultiplayerRpc.InitializePartyV1", nil) // a look counts
		time.Sleep(23 * time.Hour)
		if got := robin.told(); got != nil {
			t.Fatalf("told %v before the time was over", got)
		}
		w.Restart() // timers survive
		robin.LogIn()
		marian.LogIn()
		robin.told()
		marian.told()
		time.Sleep(2 * time.Hour)
		want := []string{"Removed EXPIRED", "SessionChanged set[] removed[2]"}
		w.tells("expiry", map[*player][]string{robin: want, marian: want})
		robin.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "PartyService_InviteNotFound")
		if got := plugin.count("OnPartyExpired"); got != 1 {
			t.Errorf("OnPartyExpired was called %d times, want 1", got)
		}
	})
}

func TestExpiryCanBeSwitchedOff(t *testing.T) {
	for name, config := range map[string]string{
		"disabled": "{enableStalePartyExpiration: false}",
		"no time":  "{stalePartyExpirationMinutes: 0}",
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{config: config}, func(w *world) {
				robin := w.player("robin")
				robin.create()
				robin.told()
				time.Sleep(26 * time.Hour)
				w.tells("much later", map[*player][]string{robin: nil})
			})
		})
	}
}

func TestAClosedPartyKeepsItsCodeForADay(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin := w.player("robin")
		s := robin.create()
		robin.do("PartyRpc.LeaveV1", nil)
		robin.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "PartyService_InviteNotFound")
		if _, err := w.parties.Party(w.T.Context(), s.partyID()); err != party.ErrPartyNotFound {
			t.Errorf("Party = %v, want ErrPartyNotFound", err)
		}
		time.Sleep(25 * time.Hour) // the code's own timer fires without a complaint
	})
}

func TestGuessingCodesIsSlow(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := marian.create()
		for range 10 {
			robin.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": "nocode"}, "PartyService_InviteNotFound")
		}
		robin.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "SessionService_RateLimited")
		time.Sleep(time.Minute)
		robin.join(s.code())
	})
}

func TestInitializeAndSyncTellTheWholeTruth(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		if got := robin.do("MultiplayerRpc.InitializePartyV1", nil); got["isInParty"] != false || got["party"] != nil {
			t.Errorf("Initialize without a party = %v", got)
		}
		s := w.together(robin, marian)
		invite := robin.do("PartyRpc.SendInviteV1", m{"inviteePlayerId": w.player("will").id})
		if invite["inviteId"] == "" {
			t.Error("SendInvite answered without an id")
		}
		got := marian.do("MultiplayerRpc.SyncPartyV1", m{"clientPartyId": "", "clientVersion": "0"})
		if got["isInParty"] != true || (seen{got["party"].(m)}).id() != s.id() || got["isInMatchmaking"] != false {
			t.Errorf("Sync = %v", got)
		}
		if invites := (got["party"].(m))["invites"].([]any); len(invites) != 1 {
			t.Errorf("invites = %v, want one", invites)
		}
		marian.Cut()
		marian.Connect()
		w.tells("reconnect", map[*player][]string{marian: {"SessionChanged set[2] removed[]", "PartyDetails robin* marian v3"}})
	})
}
