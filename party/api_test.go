package party_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func TestBackendCallsTellEverybody(t *testing.T) {
	plugin := &recorder{backend: func(q *party.BackendUpdateRequest) error {
		q.Party.SetExt(q.RequestExt)
		_, err := q.Party.SendInvite(q.Party.Players()[0].ID(), q.Party.Players()[0].ID())
		if !errors.Is(err, party.ErrAlreadyInParty) {
			return fmt.Errorf("inviting a member = %w, want ErrAlreadyInParty", err)
		}
		return nil
	}}
	run(t, options{plugin: plugin}, func(w *world) {
		ctx := w.T.Context()
		var api party.API = w.parties
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		s := w.together(robin, marian)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(api.Update(ctx, s.partyID(), ext.Of(m{"x": 1})))
		w.tells("update", map[*player][]string{robin: {"PartyDetails robin* marian v3"}, marian: {"PartyDetails robin* marian v3"}})
		must(api.AddPlayer(ctx, s.partyID(), party.PlayerToAdd{PlayerID: will.id}))
		w.tells("add", map[*player][]string{
			robin: {"PartyDetails robin* marian will v4"}, will: {"SessionChanged set[2] removed[]", "PartyDetails robin* marian will v4"},
		})
		must(api.RemovePlayer(ctx, s.partyID(), robin.id, party.GameClientsIncompatible))
		w.tells("remove", map[*player][]string{
			robin: {"Removed GAME_CLIENTS_INCOMPATIBLE_WITH_GAME_SERVER", "SessionChanged set[] removed[2]"},
		})
		if got, err := api.PartyOf(ctx, will.id); err != nil || got != s.partyID() {
			t.Errorf("PartyOf = %v, %v, want %v", got, err, s.partyID())
		}
		will.told()
		must(api.Close(ctx, s.partyID()))
		w.tells("close", map[*player][]string{will: {"Removed PARTY_CLOSED", "SessionChanged set[] removed[2]"}})
		for name, err := range map[string]error{
			"Update": api.Update(ctx, s.partyID(), ext.Value{}), "Close": api.Close(ctx, s.partyID()),
			"RemovePlayer": api.RemovePlayer(ctx, s.partyID(), will.id, party.Left),
			"AddPlayer":    api.AddPlayer(ctx, s.partyID(), party.PlayerToAdd{PlayerID: will.id}),
		} {
			if !errors.Is(err, party.ErrPartyNotFound) {
				t.Errorf("%s of a closed party = %v, want ErrPartyNotFound", name, err)
			}
		}
	})
}

func TestTheBackendNeedsToKnowOnlyAPlayersID(t *testing.T) {
	plugin := &recorder{add: func(q *party.AddPlayerRequest) error {
		q.PlayerToAdd.SetExt(q.RequestExt)
		q.PlayerToAdd.SetReady(q.Method == party.JoinBackend)
		return nil
	}}
	run(t, options{plugin: plugin}, func(w *world) {
		ctx := w.T.Context()
		robin, marian := w.player("robin"), w.player("marian")
		s := robin.create()
		marian.party("PartyRpc.CreateV1", m{"gameClientVersion": "1.2", "gameServerZoneToPing": m{"eu": 30}})
		request := ext.Of(m{"from": "guild"})
		if err := w.parties.AddPlayer(ctx, s.partyID(), party.PlayerToAdd{PlayerID: marian.id, RequestExt: request}); err != nil {
			t.Fatal(err)
		}
		p, err := w.parties.Party(ctx, s.partyID())
		if err != nil {
			t.Fatal(err)
		}
		got := p.Player(marian.id)
		if got == nil {
			t.Fatalf("the party has no marian: %+v", p)
		}
		if got.SocialID.IsZero() || got.DisplayName.DisplayName != "marian" || got.Leader || !got.Ready {
			t.Errorf("marian = %+v, want her account's id and name, ready and no leader", got)
		}
		if got.GameClientVersion != "1.2" || got.GameServerZoneToPing["eu"] != 30 {
			t.Errorf("client = %q %v, want what her last party knew", got.GameClientVersion, got.GameServerZoneToPing)
		}
		if diff := cmp.Diff(request.String(), got.Ext.String()); diff != "" {
			t.Errorf("ext (-want +got):\n%s", diff)
		}
		if p.Player(pragma.NewID[pragma.PlayerID]()) != nil {
			t.Error("the party has a stranger")
		}
	})
}

func TestTheBackendIsRefused(t *testing.T) {
	plugin := &recorder{add: func(q *party.AddPlayerRequest) error {
		if q.Method == party.JoinBackend && q.RequestExt.IsEmpty() {
			return errNoGuest
		}
		return nil
	}}
	run(t, options{plugin: plugin, config: "{maxPlayersPerParty: 2}"}, func(w *world) {
		ctx := w.T.Context()
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		solo, full, queued := robin.create(), w.together(marian, w.player("much")), w.together(will)
		w.ready(will)
		will.party("PartyRpc.EnterMatchmakingV1", nil)
		may := ext.Of(m{"may": true})
		for name, c := range map[string]struct {
			party  seen
			player party.PlayerToAdd
			want   error
		}{
			"nobody":            {solo, party.PlayerToAdd{RequestExt: may}, party.ErrPlayerNotFound},
			"a stranger":        {solo, party.PlayerToAdd{PlayerID: pragma.NewID[pragma.PlayerID](), RequestExt: may}, party.ErrPlayerNotFound},
			"a member":          {solo, party.PlayerToAdd{PlayerID: robin.id, RequestExt: may}, party.ErrAlreadyInParty},
			"a player in queue": {solo, party.PlayerToAdd{PlayerID: will.id, RequestExt: may}, party.ErrPlayerInMatchmaking},
			"a queued party":    {queued, party.PlayerToAdd{PlayerID: robin.id, RequestExt: may}, party.ErrPlayerInMatchmaking},
			"a full party":      {full, party.PlayerToAdd{PlayerID: robin.id, RequestExt: may}, party.ErrFull},
			"a long version":    {solo, party.PlayerToAdd{PlayerID: marian.id, GameClientVersion: strings.Repeat("1", 65), RequestExt: may}, pragma.ErrMalformed},
			"the plugin":        {solo, party.PlayerToAdd{PlayerID: marian.id}, errNoGuest},
		} {
			if err := w.parties.AddPlayer(ctx, c.party.partyID(), c.player); !errors.Is(err, c.want) {
				t.Errorf("%s: AddPlayer = %v, want %v", name, err, c.want)
			}
		}
		for _, p := range []*player{robin, marian} {
			if got := p.told(); len(got) > 0 && got[len(got)-1] != "SessionChanged set[2] removed[]" {
				t.Errorf("%s is told %q of refusals", p.name, got)
			}
		}
		if err := w.parties.RemovePlayer(ctx, solo.partyID(), marian.id, party.Left); !errors.Is(err, party.ErrPlayerNotFound) {
			t.Errorf("RemovePlayer of somebody else's member = %v, want ErrPlayerNotFound", err)
		}
	})
}

var errNoGuest = &pragma.Error{Code: pragma.PermissionDenied, Reason: "Guild_NoGuest", Title: true}

func TestTheBackendBringsBackAKickedPlayerAndReachesAQueuedParty(t *testing.T) {
	plugin := &recorder{
		backend: func(q *party.BackendUpdateRequest) error { q.Party.SetExt(q.RequestExt); return nil },
		init:    func(q *party.InitializePartyRequest) error { q.Party.AllowInvites(false); return nil },
	}
	run(t, options{plugin: plugin}, func(w *world) {
		ctx := w.T.Context()
		robin, marian := w.player("robin"), w.player("marian")
		s := robin.create()
		id := s.partyID()
		step := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		step("add", w.parties.AddPlayer(ctx, id, party.PlayerToAdd{PlayerID: marian.id}))
		robin.party("PartyRpc.KickV1", m{"playerId": marian.id})
		marian.refused("PartyRpc.JoinWithPartyIdV1", m{"partyId": s.id()}, "PartyService_PlayerIsKicked")
		step("add again", w.parties.AddPlayer(ctx, id, party.PlayerToAdd{PlayerID: marian.id}))
		w.ready(robin, marian)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		step("update", w.parties.Update(ctx, id, ext.Of(m{"season": 2})))
		p, err := w.parties.Party(ctx, id)
		step("read", err)
		if !p.InMatchmaking || p.Ext.String() != `{"season":2}` || p.InvitesAllowed {
			t.Errorf("party = %+v, want it in matchmaking with its new ext", p)
		}
		step("remove", w.parties.RemovePlayer(ctx, id, marian.id, "BECAUSE"))
		if p, err = w.parties.Party(ctx, id); err != nil || p.InMatchmaking || len(p.Players) != 1 {
			t.Errorf("party = %+v, %v, want robin alone and not in matchmaking", p, err)
		}
		if got := marian.last("PartyRpc.RemovedV1Notification")["removalReason"]; got != "REMOVAL_REASON_UNSPECIFIED" {
			t.Errorf("reason = %v", got)
		}
	})
}
