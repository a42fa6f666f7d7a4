package party_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

func TestEnteringMatchmakingShowsThePartyBeforeTheSessionChanges(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		w.together(robin, marian)
		marian.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_PlayerNotLeader")
		robin.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_PlayersNotReady")
		w.ready(robin, marian)
		s := robin.party("PartyRpc.EnterMatchmakingV1", nil)
		if !s.queued() || s.version() != "5" {
			t.Errorf("queued = %v, version = %s, want true, 5", s.queued(), s.version())
		}
		w.tells("enter", map[*player][]string{
			robin:  {"SessionChanged set[3] removed[]"},
			marian: {"PartyDetails robin*+ marian+ v5", "SessionChanged set[3] removed[]"},
		})
	})
}

func TestAQueuedPartyIsFrozen(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		s := w.together(robin, marian)
		w.ready(robin, marian)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		for call, payload := range map[string]m{
			"PartyRpc.SetReadyStateV1":                        {"ready": false},
			"PartyRpc.UpdatePartyV1":                          nil,
			"PartyRpc.UpdatePartyPlayerV1":                    nil,
			"PartyRpc.AssignPartyLeaderV1":                    {"playerId": marian.id},
			"PartyRpc.SetPreferredGameServerZonesV1":          nil,
			"PartyRpc.SetGameServerZoneToPingV1":              nil,
			"PartyRpc.DevelopmentOverrideGameServerVersionV1": nil,
		} {
			robin.refused(call, payload, "PartyService_InvalidState")
		}
		robin.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_PlayerInMatchmaking")
		robin.refused("PartyRpc.CreateV1", nil, "PartyService_PlayerInMatchmaking")
		will.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "PartyService_PlayerInMatchmaking")
		invite := robin.do("PartyRpc.SendInviteV1", m{"inviteePlayerId": will.id}) // invites work
		will.refused("PartyRpc.RespondToInviteV1", m{"inviteId": invite["inviteId"], "accepted": true}, "PartyService_PlayerInMatchmaking")
		robin.party("PartyRpc.CancelInviteV1", m{"inviteId": invite["inviteId"]})
	})
}

func TestTheWholePartyLeavesMatchmaking(t *testing.T) {
	tests := []struct {
		name string
		do   func(w *world, robin, marian, will *player)
		want map[string][]string
		hook string
	}{
		{"when a member leaves it", func(_ *world, _, marian, _ *player) { marian.do("MatchmakingRpc.LeaveMatchmakingV2", nil) }, map[string][]string{
			"robin":  {"SessionChanged set[] removed[3]", "PartyDetails robin*+ marian+ will+ v8"},
			"marian": {"SessionChanged set[] removed[3]"},
			"will":   {"SessionChanged set[] removed[3]", "PartyDetails robin*+ marian+ will+ v8"},
		}, "ReturnFromMatchmaking LEFT"},
		{"when a member leaves the party", func(_ *world, _, marian, _ *player) { marian.do("PartyRpc.LeaveV1", nil) }, map[string][]string{
			"robin":  {"SessionChanged set[] removed[3]", "PartyDetails robin*+ will+ v8"},
			"marian": {"SessionChanged set[] removed[3 2]"},
			"will":   {"SessionChanged set[] removed[3]", "PartyDetails robin*+ will+ v8"},
		}, "ReturnFromMatchmaking LEFT"},
		{"when a member is kicked", func(_ *world, robin, marian, _ *player) { robin.party("PartyRpc.KickV1", m{"playerId": marian.id}) }, map[string][]string{
			"robin":  {"SessionChanged set[] removed[3]"},
			"marian": {"Removed KICKED", "SessionChanged set[] removed[3 2]"},
			"will":   {"SessionChanged set[] removed[3]", "PartyDetails robin*+ will+ v8"},
		}, "ReturnFromMatchmaking LEFT"},
		{"when matching fails", func(w *world, robin, _, _ *player) { w.fail(w.entry(robin)) }, map[string][]string{
			"robin":  {"SessionChanged set[] removed[3]", "PartyDetails robin*+ marian+ will+ v8"},
			"marian": {"SessionChanged set[] removed[3]", "PartyDetails robin*+ marian+ will+ v8"},
			"will":   {"SessionChanged set[] removed[3]", "PartyDetails robin*+ marian+ will+ v8"},
		}, "ReturnFromMatchmaking FAILED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plugin := &recorder{}
			run(t, options{plugin: plugin}, func(w *world) {
				all := w.players("robin", "marian", "will")
				w.together(all...)
				w.ready(all...)
				all[0].party("PartyRpc.EnterMatchmakingV1", nil)
				for _, p := range all {
					p.told()
				}
				tt.do(w, all[0], all[1], all[2])
				for _, p := range all {
					if diff := cmp.Diff(tt.want[p.name], p.told()); diff != "" {
						t.Errorf("%s is told (-want +got):\n%s", p.name, diff)
					}
				}
				if got := plugin.count(tt.hook); got != 1 {
					t.Errorf("%s was called %d times, want 1", tt.hook, got)
				}
				for _, p := range all {
					if e := w.entry(p); e != nil {
						t.Errorf("%s still has ticket %v", p.name, e.TicketID)
					}
				}
				all[0].do("MatchmakingRpc.LeaveMatchmakingV2", nil) // again: no effect
				w.tells("again", map[*player][]string{all[2]: nil})
			})
		})
	}
}

func TestAGameFromMatchToReturn(t *testing.T) {
	plugin := &recorder{fromGame: func(e *party.ReturnFromGameInstanceEvent) error {
		for _, p := range e.Players {
			p.SetReady(false)
		}
		return nil
	}}
	run(t, options{plugin: plugin}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := w.together(robin, marian)
		w.ready(robin, marian)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		robin.told()
		marian.told()
		entry := w.entry(robin)
		game := w.match(entry)
		matched := []string{"SessionChanged set[1 4] removed[3]"}
		w.tells("match", map[*player][]string{robin: matched, marian: matched})
		err := w.queue.tickets.Upsert(w.T.Context(), "again", func(tx *entity.Tx, _ *struct{ N int }) error {
			return w.parties.EnterGame(tx, entry.PartyID, entry.TicketID, game)
		})
		if !errors.Is(err, party.ErrInvalidState) {
			t.Errorf("matching a party twice = %v, want ErrInvalidState", err)
		}
		robin.refused("PartyRpc.EnterMatchmakingV1", nil, "PartyService_InvalidSession")
		robin.party("PartyRpc.UpdatePartyV1", nil) // all else works
		marian.told()
		w.endGame(game, s.partyID(), robin.id, marian.id)
		over := []string{"SessionChanged set[] removed[4 1]", "GameEnded", "PartyDetails robin* marian v7"}
		w.tells("game over", map[*player][]string{robin: over, marian: over})
		w.ready(robin, marian)
		robin.party("PartyRpc.EnterMatchmakingV1", nil) // play again
	})
}

func TestWhatMatchmakingIsToldOfAParty(t *testing.T) {
	plugin := &recorder{key: func(q *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
		return ext.Of(map[string]int{"size": q.Party.PlayerCount()}), nil
	}}
	run(t, options{plugin: plugin, config: `{gameServerVersionCompatibility: {"1": {serverVersion: s1, clientVersions: {"1": c1}}}}`}, func(w *world) {
		robin := w.player("robin")
		s := robin.party("PartyRpc.CreateV1", m{"gameClientVersion": "c1", "preferredGameServerZones": []string{"eu"}, "gameServerZoneToPing": m{"eu": 20}})
		w.ready(robin)
		robin.party("PartyRpc.StartMatchmakingV1", m{"partyId": s.id()})
		e := w.entry(robin)
		want := &party.QueueEntry{
			TicketID: e.TicketID, PartyID: s.partyID(), Key: ext.Of(map[string]int{"size": 1}), GameServerVersion: "s1",
			PreferredGameServerZones: []string{"eu"},
			Players: []party.QueuePlayer{{
				PlayerID: robin.id, SocialID: e.Players[0].SocialID, DisplayName: e.Players[0].DisplayName,
				ClientVersion: "c1", GameServerZoneToPing: map[string]int{"eu": 20},
			}},
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
		if e.TicketID.IsZero() || e.Players[0].DisplayName.DisplayName != "robin" {
			t.Errorf("entry = %+v, want a ticket and a name", e)
		}
	})
}

func TestMatchmakingMayRefuse(t *testing.T) {
	tests := []struct {
		name    string
		plugin  *recorder
		refuse  error
		noQueue bool
		want    string
	}{
		{"the queue refuses", nil, &pragma.Error{Code: pragma.FailedPrecondition, Reason: "MatchmakingService_PartyTooBig"}, false, "PartyService_FailedToEnterMatchmaking"},
		{"the queue breaks", nil, errors.New("broken"), false, "PartyService_FailedToEnterMatchmaking"},
		{"there is no queue", nil, nil, true, "PartyService_FailedToEnterMatchmaking"},
		{"the studio refuses", &recorder{enter: func(*party.PlayerEnterMatchmakingRequest) error {
			return &pragma.Error{Code: pragma.PermissionDenied, Reason: "Lobby_NotTonight", Title: true}
		}}, nil, false, "Lobby_NotTonight"},
		{"the key cannot be built", &recorder{key: func(*party.BuildMatchmakingKeyRequest) (ext.Value, error) {
			return ext.Value{}, errors.New("broken")
		}}, nil, false, "UNKNOWN_ERROR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options{noQueue: tt.noQueue}
			if tt.plugin != nil {
				o.plugin = tt.plugin
			}
			run(t, o, func(w *world) {
				w.queue.refuse = tt.refuse
				robin, marian := w.player("robin"), w.player("marian")
				w.together(robin, marian)
				w.ready(robin, marian)
				robin.refused("PartyRpc.EnterMatchmakingV1", nil, tt.want)
				w.tells("refused", map[*player][]string{robin: nil, marian: nil})
				if got := (seen{marian.do("MultiplayerRpc.SyncPartyV1", nil)["party"].(m)}); got.queued() || got.version() != "4" {
					t.Errorf("the party has changed: queued = %v, version = %s", got.queued(), got.version())
				}
			})
		})
	}
}

func TestWhoIsGoneLeavesByTheRule(t *testing.T) {
	const grace = 62 * time.Second // and the second in which it is noticed
	setUp := func(w *world) (robin, marian *player, s seen) {
		robin, marian = w.player("robin"), w.player("marian")
		s = w.together(robin, marian)
		w.ready(robin, marian)
		return robin, marian, s
	}
	t.Run("in a party", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			robin, marian, _ := setUp(w)
			robin.Cut()
			time.Sleep(50 * time.Second)
			w.tells("in the grace time", map[*player][]string{marian: nil})
			time.Sleep(grace)
			w.tells("after it", map[*player][]string{marian: {"PartyDetails marian*+ v5"}})
		})
	})
	t.Run("back in time", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			robin, marian, _ := setUp(w)
			robin.Cut()
			time.Sleep(50 * time.Second)
			robin.Connect()
			time.Sleep(grace)
			w.tells("later", map[*player][]string{marian: nil})
		})
	})
	t.Run("logged out", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			robin, marian, _ := setUp(w)
			robin.do("PlayerSessionRpc.RequestLogoutV1", nil)
			time.Sleep(time.Second)
			w.tells("at once", map[*player][]string{marian: {"PartyDetails marian*+ v5"}})
		})
	})
	t.Run("queued", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			robin, marian, _ := setUp(w)
			robin.party("PartyRpc.EnterMatchmakingV1", nil)
			marian.told()
			robin.Cut()
			time.Sleep(grace)
			w.tells("later", map[*player][]string{marian: {"SessionChanged set[] removed[3]", "PartyDetails marian*+ v6"}})
		})
	})
	t.Run("in a game", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			robin, marian, s := setUp(w)
			robin.party("PartyRpc.EnterMatchmakingV1", nil)
			game := w.match(w.entry(robin))
			marian.told()
			robin.Cut()
			time.Sleep(grace)
			w.tells("during the game", map[*player][]string{marian: nil})
			w.endGame(game, s.partyID(), robin.id, marian.id)
			w.tells("game over", map[*player][]string{marian: {"SessionChanged set[] removed[4 1]", "GameEnded", "PartyDetails marian*+ v6"}})
		})
	})
	t.Run("matched while away", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			robin, marian, s := setUp(w)
			robin.party("PartyRpc.EnterMatchmakingV1", nil)
			marian.told()
			robin.Cut()
			time.Sleep(50 * time.Second)
			game := w.match(w.entry(marian))
			time.Sleep(grace)
			w.tells("in the game", map[*player][]string{marian: {"SessionChanged set[1 4] removed[3]"}})
			robin.LogIn() // to the game that has begun without him
			w.tells("back", map[*player][]string{robin: {"SessionChanged set[1 2 4] removed[]", "PartyDetails robin*+ marian+ v5"}, marian: nil})
			w.endGame(game, s.partyID(), robin.id, marian.id)
			w.tells("game over", map[*player][]string{marian: {"SessionChanged set[] removed[4 1]", "GameEnded", "PartyDetails robin*+ marian+ v6"}})
		})
	})
	t.Run("alone", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			robin := w.player("robin")
			s := robin.create()
			robin.Cut()
			time.Sleep(grace)
			if _, err := w.parties.Party(w.T.Context(), s.partyID()); !errors.Is(err, party.ErrPartyNotFound) {
				t.Errorf("Party = %v, want ErrPartyNotFound", err)
			}
		})
	})
}
