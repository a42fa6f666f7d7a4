package party_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// operator is somebody at the operator gateway.
type operator struct{ *pragmatest.Raw }

func (w *world) operator(role string) *operator { return &operator{w.Operator(pragma.Game, role)} }

// try makes a call of PartyRpc, and returns the answer or why it was refused.
func (o *operator) try(call string, payload m) (m, string) {
	return o.Try("PartyRpc."+call+"OperatorV1", payload)
}

func (o *operator) do(call string, payload m) m {
	return o.Call("PartyRpc."+call+"OperatorV1", payload)
}

func TestOperatorsFindParties(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian, will := w.player("robin"), w.player("marian"), w.player("will")
		s := w.together(robin, marian)
		alone := will.create()
		w.ready(will)
		will.party("PartyRpc.EnterMatchmakingV1", nil)
		both := []string{s.id(), alone.id()}
		slices.Sort(both)
		viewer := w.operator(pragma.RoleViewer)
		tests := []struct {
			name  string
			query m
			want  []string
			count string
		}{
			{"all", m{}, both, "2"},
			{"by id", m{"filter": m{"partyId": alone.id()}}, []string{alone.id()}, "1"},
			{"by a member", m{"filter": m{"playerId": marian.id}}, []string{s.id()}, "1"},
			{"by code, as people type it", m{"filter": m{"inviteCode": " " + strings.ToLower(s.code())}}, []string{s.id()}, "1"},
			{"in matchmaking", m{"filter": m{"inMatchmaking": true}}, []string{alone.id()}, "1"},
			{"not in matchmaking", m{"filter": m{"inMatchmaking": false}}, []string{s.id()}, "1"},
			{"what contradicts itself", m{"filter": m{"partyId": s.id(), "playerId": will.id}}, nil, "0"},
			{"the second page", m{"pageIndex": 1, "pageSize": 1}, both[1:], "2"},
			{"behind the last page", m{"pageIndex": 2147483647, "pageSize": 500}, nil, "2"},
			{"an unknown player", m{"filter": m{"playerId": pragma.NewID[pragma.PlayerID]()}}, nil, "0"},
		}
		for _, tt := range tests {
			got := viewer.do("ListParties", tt.query)
			var ids []string
			for _, e := range got["parties"].([]any) {
				ids = append(ids, e.(m)["partyId"].(string))
			}
			if diff := cmp.Diff(tt.want, ids); diff != "" || got["count"] != tt.count {
				t.Errorf("%s: count %v, want %s; parties (-want +got):\n%s", tt.name, got["count"], tt.count, diff)
			}
		}
		for name, query := range map[string]m{
			"a negative page": {"pageIndex": -1}, "a negative size": {"pageSize": -1}, "a large size": {"pageSize": 501}, "no id": {"filter": m{"partyId": "robin"}},
		} {
			if _, refused := viewer.try("ListParties", query); refused != "Serialization_Error" {
				t.Errorf("%s: refused with %q, want Serialization_Error", name, refused)
			}
		}
	})
}

func TestOperatorsSeeWhatIsHidden(t *testing.T) {
	plugin := &recorder{
		init: func(r *party.InitializePartyRequest) error { r.Party.SetExt(ext.Of(m{"streak": 3})); return nil },
		add:  func(r *party.AddPlayerRequest) error { r.PlayerToAdd.SetExt(ext.Of(m{"rating": 1510})); return nil },
	}
	run(t, options{plugin: plugin}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := robin.party("PartyRpc.CreateV1", m{"gameClientVersion": "1.4", "gameServerZoneToPing": m{"eu": 21}, "preferredGameServerZones": []string{"eu"}})
		robin.invite(marian)
		w.ready(robin)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		viewer := w.operator(pragma.RoleViewer)
		got := viewer.do("GetParty", m{"partyId": s.id()})["party"].(m)
		where, err := w.queue.slots.Read(w.T.Context(), robin.id)
		if err != nil {
			t.Fatal(err)
		}
		if got["ticketId"] != where.TicketID.String() || got["ext"].(m)["streak"] != 3.0 || len(got["invites"].([]any)) != 1 {
			t.Errorf("party = %v, want its ticket, hidden data and invite", got)
		}
		member := got["members"].([]any)[0].(m)
		delete(member, "socialId")
		delete(member, "displayName")
		want := m{
			"playerId": robin.id.String(), "isLeader": true, "isReady": true, "gameClientVersion": "1.4",
			"gameServerZoneToPing": m{"eu": 21.0}, "ext": m{"rating": 1510.0},
		}
		if diff := cmp.Diff(want, member); diff != "" {
			t.Errorf("member (-want +got):\n%s", diff)
		}
		game := w.match(w.entry(robin))
		got = viewer.do("GetParty", m{"partyId": s.id()})["party"].(m)
		if diff := cmp.Diff([]any{game.String()}, got["gameInstanceIds"]); diff != "" {
			t.Errorf("games (-want +got):\n%s", diff)
		}
		for _, id := range []any{pragma.NewID[pragma.PartyID](), ""} {
			if _, refused := viewer.try("GetParty", m{"partyId": id}); refused != "PartyService_PartyNotFound" {
				t.Errorf("party %q: refused with %q, want PartyService_PartyNotFound", id, refused)
			}
		}
	})
}

func TestOperatorsKickAndClose(t *testing.T) {
	run(t, options{}, func(w *world) {
		robin, marian := w.player("robin"), w.player("marian")
		s := w.together(robin, marian)
		w.ready(robin, marian)
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		w.tells("enter", map[*player][]string{robin: {"SessionChanged set[3] removed[]"}})
		marian.told()
		viewer, admin := w.operator(pragma.RoleViewer), w.operator(pragma.RoleAdmin)
		for call, payload := range map[string]m{"KickPlayer": {"partyId": s.id(), "playerId": robin.id}, "CloseParty": {"partyId": s.id()}} {
			if _, refused := viewer.try(call, payload); refused != "AccountService_Unauthorized" {
				t.Errorf("%s by a viewer: refused with %q", call, refused)
			}
		}
		got := admin.do("KickPlayer", m{"partyId": s.id(), "playerId": robin.id})
		w.tells("kick", map[*player][]string{
			robin:  {"Removed KICKED", "SessionChanged set[] removed[3 2]"},
			marian: {"SessionChanged set[] removed[3]", "PartyDetails marian*+ v6"},
		})
		if o := got["party"].(m)["overview"].(m); o["inMatchmaking"] != false || o["version"] != "6" || len(o["playerIds"].([]any)) != 1 {
			t.Errorf("answer = %v, want the party with marian alone", o)
		}
		robin.refused("PartyRpc.JoinWithInviteCodeV1", m{"inviteCode": s.code()}, "PartyService_PlayerIsKicked")
		for name, c := range map[string]struct {
			call    string
			payload m
			want    string
		}{
			"kick of a stranger":           {"KickPlayer", m{"partyId": s.id(), "playerId": robin.id}, "PartyService_PlayerNotFound"},
			"kick out of no party":         {"KickPlayer", m{"partyId": pragma.NewID[pragma.PartyID](), "playerId": robin.id}, "PartyService_PartyNotFound"},
			"close of no party":            {"CloseParty", m{"partyId": pragma.NewID[pragma.PartyID]()}, "PartyService_PartyNotFound"},
			"close without saying which":   {"CloseParty", m{}, "PartyService_PartyNotFound"},
			"kick without saying whom":     {"KickPlayer", m{"partyId": s.id()}, "PartyService_PlayerNotFound"},
			"kick of something that is no": {"KickPlayer", m{"partyId": s.id(), "playerId": "x"}, "Serialization_Error"},
		} {
			if _, refused := admin.try(c.call, c.payload); refused != c.want {
				t.Errorf("%s: refused with %q, want %q", name, refused, c.want)
			}
		}
		if got := admin.do("KickPlayer", m{"partyId": s.id(), "playerId": marian.id}); len(got) != 0 {
			t.Errorf("kick of the last = %v, want no party", got)
		}
		if _, err := w.parties.Party(w.T.Context(), s.partyID()); !errors.Is(err, party.ErrPartyNotFound) {
			t.Errorf("party without players: %v, want ErrPartyNotFound", err)
		}
		marian.told()
		s = w.together(robin, marian)
		admin.do("CloseParty", m{"partyId": s.id()})
		closed := []string{"Removed PARTY_CLOSED", "SessionChanged set[] removed[2]"}
		w.tells("close", map[*player][]string{robin: closed, marian: closed})
		for _, want := range []string{"kick player from party", "close party"} {
			if !strings.Contains(w.Logs(), want) {
				t.Errorf("the audit log does not mention %q", want)
			}
		}
	})
}

func TestADryRunNamesThePartiesThatAMapStrands(t *testing.T) {
	run(t, options{config: versions}, func(w *world) {
		robin, marian, will, tuck := w.player("robin"), w.player("marian"), w.player("will"), w.player("tuck")
		for _, c := range []struct {
			*player
			version string
		}{{robin, "c1"}, {marian, "c2"}, {will, "c9"}, {tuck, "c3"}} {
			c.createWith(c.version)
			w.ready(c.player)
		}
		robin.party("PartyRpc.EnterMatchmakingV1", nil)
		marian.party("PartyRpc.EnterMatchmakingV1", nil)
		viewer := w.operator(pragma.RoleViewer)
		names := map[string]string{robin.id.String(): "robin", marian.id.String(): "marian", will.id.String(): "will", tuck.id.String(): "tuck"}
		check := func(supported m, page m) (lines []string, got m) {
			query := m{"gameServerVersionCompatibility": supported}
			for k, v := range page {
				query[k] = v
			}
			got = viewer.do("CheckGameServerVersions", query)
			for _, e := range got["parties"].([]any) {
				p := e.(m)
				lines = append(lines, fmt.Sprintf("%s next %q none %v leaves %v already %v unsupported %d",
					names[p["party"].(m)["playerIds"].([]any)[0].(string)], p["nextGameServerVersion"], p["noCommonVersion"],
					p["leavesMatchmaking"], p["strandedAlready"], len(p["unsupportedPlayerIds"].([]any))))
			}
			slices.Sort(lines)
			return lines, got
		}
		got, all := check(m{"5": m{"serverVersion": "s5", "clientVersions": m{"1": "c2", "2": "c3"}}}, nil)
		want := []string{
			`marian next "s5" none false leaves true already false unsupported 0`,
			`robin next "" none true leaves true already false unsupported 1`,
			`will next "" none true leaves false already true unsupported 1`,
		}
		if diff := cmp.Diff(want, got); diff != "" || all["count"] != "3" || all["checked"] != "4" {
			t.Errorf("count %v of %v, want 3 of 4; stranded (-want +got):\n%s", all["count"], all["checked"], diff)
		}
		if got, _ := check(m{}, nil); len(got) != 2 { // versions out of use: both leave, will is fine
			t.Errorf("no versions: %q, want robin and marian", got)
		}
		if got, all := check(m{"5": m{"serverVersion": "s5", "clientVersions": m{"1": "c"}}}, m{"pageIndex": 1, "pageSize": 3}); len(got) != 1 || all["count"] != "4" {
			t.Errorf("second page: %q of %v, want one of 4", got, all["count"])
		}
		for name, query := range map[string]m{
			"a key that is no number": {"gameServerVersionCompatibility": m{"x": m{"serverVersion": "s", "clientVersions": m{"1": "c"}}}},
			"no client version":       {"gameServerVersionCompatibility": m{"1": m{"serverVersion": "s"}}},
			"a negative page":         {"pageIndex": -1},
			"a large page":            {"pageSize": 501},
		} {
			if _, refused := viewer.try("CheckGameServerVersions", query); refused != "Serialization_Error" {
				t.Errorf("%s: refused with %q", name, refused)
			}
		}
		time.Sleep(time.Minute)
		w.tells("nothing is changed", map[*player][]string{will: nil, tuck: nil})
		if !(seen{robin.do("MultiplayerRpc.InitializePartyV1", nil)["party"].(m)}).queued() {
			t.Error("a dry run took robin out of matchmaking")
		}
	})
}
