package party_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestHooksAreCalledInTheDocumentedOrder(t *testing.T) {
	plugin := &recorder{}
	run(t, options{plugin: plugin}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		var s seen
		steps := []struct {
			name string
			do   func()
			want []string
		}{
			{"create", func() { s = robin.create() }, []string{"InitializeParty", "OnAddPlayer CREATE"}},
			{"join by code", func() { marian.join(s.code()) }, []string{"OnAddPlayer INVITE_CODE"}},
			{"leave", func() { marian.do("PartyRpc.LeaveV1", nil) }, []string{"OnRemovePlayer LEFT"}},
			{"join by id", func() { marian.party("PartyRpc.JoinWithPartyIdV1", m{"partyId": s.id()}) }, []string{"OnAddPlayer PARTY_ID"}},
			{"kick", func() { robin.party("PartyRpc.KickV1", m{"playerId": marian.id}) }, []string{"OnRemovePlayer KICKED"}},
			{"invite", func() {
				marian.party("PartyRpc.RespondToInviteV1", m{"inviteId": robin.invite(marian), "accepted": true})
			}, []string{"HandlePlayerSendInviteRequest", "OnAddPlayer INVITE"}},
			{"move", func() { marian.create() }, []string{"InitializeParty", "OnAddPlayer CREATE", "OnRemovePlayer LEFT"}},
			{"ready", func() { robin.party("PartyRpc.SetReadyStateV1", m{"ready": true}) }, []string{"CanChangeReady"}},
			{"update party", func() { robin.party("PartyRpc.UpdatePartyV1", nil) }, []string{"UpdateParty"}},
			{"update player", func() { robin.party("PartyRpc.UpdatePartyPlayerV1", nil) }, []string{"UpdatePlayer"}},
			{"enter", func() { robin.party("PartyRpc.EnterMatchmakingV1", nil) }, []string{"HandlePlayerEnterMatchmakingRequest", "BuildMatchmakingKey"}},
			{"leave queue", func() { robin.do("MatchmakingRpc.LeaveMatchmakingV2", nil) }, []string{"ReturnFromMatchmaking LEFT"}},
		}
		for _, step := range steps {
			step.do()
			if diff := cmp.Diff(step.want, plugin.take()); diff != "" {
				t.Errorf("%s: hooks (-want +got):\n%s", step.name, diff)
			}
		}
	})
}

func TestARefusingHookChangesNothing(t *testing.T) {
	refusal := &pragma.Error{Code: pragma.FailedPrecondition, Reason: "Lobby_No", Title: true}
	plugin := &recorder{}
	run(t, options{plugin: plugin}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := robin.create()
		other := marian.create()
		robin.told()
		marian.told()
		plugin.add = func(q *party.AddPlayerRequest) error {
			q.Party.SetExt(ext.Of(m{"spoilt": true}))
			return refusal
		}
		plugin.updateParty = func(q *party.UpdatePartyRequest) error {
			q.Party.SetExt(ext.Of(m{"spoilt": true}))
			_ = q.Party.SetLeader(robin.id, false)
			return refusal
		}
		plugin.init = func(*party.InitializePartyRequest) error { return refusal }
		plugin.ready = func(q *party.CanChangeReadyRequest) (bool, error) {
			q.Party.SetExt(ext.Of(m{"spoilt": true}))
			return false, nil
		}
		marian.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "Lobby_No")
		marian.refused("PartyRpc.CreateV1", nil, "Lobby_No")
		robin.refused("PartyRpc.UpdatePartyV1", nil, "Lobby_No")
		if got := robin.party("PartyRpc.SetReadyStateV1", m{"ready": true}); got.members() != "robin*" || got.version() != "1" {
			t.Errorf("after a blocked ready state: %s v%s, want robin* v1", got.members(), got.version())
		}
		w.tells("refused", map[*player][]string{robin: nil, marian: nil})
		for _, want := range []seen{s, other} {
			got, err := w.parties.Party(w.T.Context(), want.partyID())
			if err != nil || got.Version != 1 || !got.Ext.IsEmpty() || len(got.Players) != 1 || !got.Players[0].Leader {
				t.Errorf("party = %+v, %v; want it untouched", got, err)
			}
		}
	})
}

func TestAnEventHookThatFailsLeavesNoTrace(t *testing.T) {
	for name, remove := range map[string]func(e *party.RemovePlayerEvent) error{
		"error": func(e *party.RemovePlayerEvent) error {
			e.Party.SetExt(ext.Of(m{"spoilt": true}))
			return errors.New("broken")
		},
		"panic": func(e *party.RemovePlayerEvent) error {
			e.Party.SetExt(ext.Of(m{"spoilt": true}))
			panic("broken")
		},
		"too slow": func(e *party.RemovePlayerEvent) error {
			time.Sleep(3 * time.Second)
			e.Party.SetExt(ext.Of(m{"spoilt": true}))
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var over atomic.Bool // the end of the test removes players too
			plugin := &recorder{remove: func(e *party.RemovePlayerEvent) error {
				if over.Load() {
					return nil
				}
				return remove(e)
			}}
			run(t, options{plugin: plugin}, func(w *world) {
				robin, marian := w.player("robin"), w.player("marian")
				s := w.together(robin, marian)
				marian.do("PartyRpc.LeaveV1", nil)
				time.Sleep(5 * time.Second)
				over.Store(true)
				w.tells("leave", map[*player][]string{robin: {"PartyDetails robin* v3"}})
				got, err := w.parties.Party(w.T.Context(), s.partyID())
				if err != nil || !got.Ext.IsEmpty() {
					t.Errorf("party = %+v, %v; want no trace of the hook", got, err)
				}
			})
		})
	}
}

func TestAPluginMayAppointTheNextLeader(t *testing.T) {
	plugin := &recorder{remove: func(e *party.RemovePlayerEvent) error {
		players := e.Party.Players()
		return e.Party.SetLeader(players[len(players)-1].ID(), true)
	}}
	run(t, options{plugin: plugin}, func(w *world) {
		all := w.players("robin", "marian", "will", "tuck")
		w.together(all...)
		all[0].do("PartyRpc.LeaveV1", nil)
		w.tells("leave", map[*player][]string{all[1]: {"PartyDetails marian will tuck* v5"}})
	})
}

func TestEveryMemberSeesExactlyTheProjection(t *testing.T) {
	plugin := &recorder{
		init: func(q *party.InitializePartyRequest) error {
			q.Party.SetExt(ext.Of(m{"map": "harbor", "secret": "PARTYSECRET"}))
			return nil
		},
		add: func(q *party.AddPlayerRequest) error {
			q.PlayerToAdd.SetExt(ext.Of(m{"skin": q.PlayerToAdd.DisplayName().DisplayName, "rating": "PLAYERSECRET"}))
			return nil
		},
		showParty: func(q *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
			all, err := ext.As[m](q.Party.Ext())
			return ext.Of(m{"map": all["map"]}), err
		},
		showPlayer: func(q *party.BuildExtBroadcastPlayerRequest) (ext.Value, error) {
			all, err := ext.As[m](q.Player.Ext())
			return ext.Of(m{"skin": all["skin"]}), err
		},
		showPrivate: func(q *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
			if q.Player.IsLeader() {
				return ext.Value{}, nil
			}
			return ext.Of(m{"only": q.Player.DisplayName().DisplayName}), nil
		},
	}
	check := func(t *testing.T, p *player, got m, private m) {
		t.Helper()
		if diff := cmp.Diff(m{"map": "harbor"}, got["extBroadcastParty"]); diff != "" {
			t.Errorf("%s: party ext (-want +got):\n%s", p.name, diff)
		}
		if diff := cmp.Diff(private, got["extPrivatePlayer"]); diff != "" {
			t.Errorf("%s: private ext (-want +got):\n%s", p.name, diff)
		}
		for _, e := range got["partyMembers"].([]any) {
			member := e.(m)
			if diff := cmp.Diff(m{"skin": member["displayName"].(m)["displayName"]}, member["ext"]); diff != "" {
				t.Errorf("%s: member ext (-want +got):\n%s", p.name, diff)
			}
		}
		if text := fmt.Sprint(got); strings.Contains(text, "SECRET") {
			t.Errorf("%s sees a secret: %s", p.name, text)
		}
	}
	run(t, options{plugin: plugin}, func(w *world) {
		all := w.players("robin", "marian", "will")
		w.together(all...)
		got := all[0].party("PartyRpc.UpdatePartyV1", nil)
		check(t, all[0], got.m, m{})
		for _, p := range all[1:] {
			details := p.last("PartyRpc.PartyDetailsV1Notification")
			check(t, p, details["party"].(m), m{"only": p.name})
			check(t, p, p.do("MultiplayerRpc.InitializePartyV1", nil)["party"].(m), m{"only": p.name})
		}
	})
}

func TestABuildHookThatFailsShowsTheEmptyMessage(t *testing.T) {
	plugin := &recorder{
		showParty: func(*party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
			return ext.Of(m{"a": 1}), errors.New("broken")
		},
		showPlayer: func(*party.BuildExtBroadcastPlayerRequest) (ext.Value, error) { return ext.Of([]int{1}), nil }, // no object
		showPrivate: func(q *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
			q.Player.SetExt(ext.Of(m{"spoilt": true})) // panics: it must not
			return ext.Value{}, nil
		},
	}
	run(t, options{plugin: plugin}, func(w *world) {
		robin := w.player("robin")
		s := robin.create()
		if diff := cmp.Diff([]any{m{}, m{}, m{}}, []any{s.m["extBroadcastParty"], s.m["extPrivatePlayer"], s.m["partyMembers"].([]any)[0].(m)["ext"]}); diff != "" {
			t.Errorf("ext (-want +got):\n%s", diff)
		}
		if got := strings.Count(w.Logs(), "broadcast hook failed"); got != 3 {
			t.Errorf("%d failures were logged, want 3", got)
		}
	})
}

func TestInitializePartyDecidesTheLimit(t *testing.T) {
	plugin := &recorder{init: func(q *party.InitializePartyRequest) error {
		want, err := ext.As[struct{ Size int }](q.RequestExt)
		q.Party.SetMaxPlayerCount(want.Size, want.Size > 0)
		return err
	}}
	run(t, options{plugin: plugin, config: "{maxPlayersPerParty: 1}"}, func(w *world) {
		all := w.players("a", "b", "c")
		s := all[0].party("PartyRpc.CreateV1", m{"createRequestExt": m{"size": "2"}})
		all[1].join(s.code())
		all[2].refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "PartyService_PartyFull")
		all[0].refused("PartyRpc.CreateV1", m{"createRequestExt": m{"size": "many"}}, "Serialization_Error")
		s = all[0].party("PartyRpc.CreateV1", m{"createRequestExt": m{}}) // no limit
		all[1].join(s.code())
		all[2].join(s.code())
	})
}

func TestInvitesCanBeForbidden(t *testing.T) {
	plugin := &recorder{init: func(q *party.InitializePartyRequest) error { q.Party.AllowInvites(false); return nil }}
	run(t, options{plugin: plugin}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := robin.create()
		robin.refused("PartyRpc.SendInviteV1", m{"inviteePlayerId": marian.id}, "PartyService_InviteNotFound")
		marian.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "PartyService_InviteNotFound")
		marian.party("PartyRpc.JoinWithPartyIdV1", m{"partyId": s.id()})
	})
}

// bag is an inventory.
type bag struct {
	items []party.Item
	err   error
}

func (b *bag) Items(context.Context, pragma.PlayerID) ([]party.Item, error) { return b.items, b.err }

func TestTheInventorySnapshotIsFilteredAndRefreshed(t *testing.T) {
	var inside []party.Item
	owned := &bag{items: []party.Item{{CatalogID: "hat", Tags: []string{"skin"}}, {CatalogID: "gold", Amount: 7, Tags: []string{"money"}}}}
	plugin := &recorder{
		add:      func(q *party.AddPlayerRequest) error { inside = q.PlayerToAdd.Inventory(); return nil },
		fromGame: func(e *party.ReturnFromGameInstanceEvent) error { inside = e.Players[0].Inventory(); return nil },
	}
	run(t, options{plugin: plugin, inventory: owned, config: `{inventoryTagsToInclude: {"1": skin}}`}, func(w *world) {
		robin := w.player("robin")
		owned.err = errors.New("down")
		robin.refused("PartyRpc.CreateV1", nil, "InventoryService_GetError")
		owned.err = nil
		s := robin.create()
		if diff := cmp.Diff(owned.items[:1], inside); diff != "" {
			t.Errorf("snapshot (-want +got):\n%s", diff)
		}
		w.ready(robin)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		game := w.match(w.entry(robin))
		owned.items = []party.Item{{CatalogID: "cape", Tags: []string{"new", "skin"}}}
		w.endGame(game, s.partyID(), robin.id)
		if diff := cmp.Diff(owned.items, inside); diff != "" {
			t.Errorf("snapshot after the game (-want +got):\n%s", diff)
		}
	})
}

func TestCheckPluginFindsAMisspeltHook(t *testing.T) {
	pragmatest.CheckPlugin[party.Plugin](t, &recorder{})
	if err := pragma.CheckHooks[party.Plugin](misspelt{}); err == nil {
		t.Error("CheckHooks = nil, want an error that names OnAddPlayers")
	}
}

type misspelt struct{ party.Defaults }

func (misspelt) OnAddPlayers() {}
