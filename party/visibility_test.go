package party_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma/ext"
)

// showcase has data of all three visibilities for parties and players. What
// clients send goes into all of them, marked by whom it is for.
type showcase struct{ party.Defaults }

type exhibit struct {
	All    string `json:"all,omitzero"`    // marked ALL
	Self   string `json:"self,omitzero"`   // marked SELF, with the player's name
	Hidden string `json:"hidden,omitzero"` // marked HIDDEN
}

func (showcase) InitializeParty(_ context.Context, r *party.InitializePartyRequest) error {
	r.Party.SetExt(ext.Of(exhibit{All: "ALL new", Hidden: "HIDDEN new"}))
	return nil
}

func (showcase) OnAddPlayer(_ context.Context, r *party.AddPlayerRequest) error {
	r.PlayerToAdd.SetExt(ext.Of(exhibitOf(r.PlayerToAdd, "joined")))
	return nil
}

func exhibitOf(p *party.Player, what string) exhibit {
	return exhibit{"ALL " + what, fmt.Sprintf("SELF-%s- %s", p.DisplayName().DisplayName, what), "HIDDEN " + what}
}

type wish struct {
	What   string `json:"what"`
	Refuse bool   `json:"refuse"`
}

func (showcase) UpdateParty(_ context.Context, r *party.UpdatePartyRequest) error {
	w, err := ext.As[wish](r.RequestExt)
	r.Party.SetExt(ext.Of(exhibit{All: "ALL " + w.What, Hidden: "HIDDEN " + w.What}))
	if w.Refuse {
		return party.ErrInvalidState
	}
	return err
}

func (showcase) UpdatePlayer(_ context.Context, r *party.UpdatePlayerRequest) error {
	w, err := ext.As[wish](r.RequestExt)
	r.RequestingPlayer.SetExt(ext.Of(exhibitOf(r.RequestingPlayer, w.What)))
	if w.Refuse {
		return party.ErrInvalidState
	}
	return err
}

func (showcase) OnRemovePlayer(_ context.Context, e *party.RemovePlayerEvent) error {
	e.Party.SetExt(ext.Of(exhibit{All: "ALL left", Hidden: "HIDDEN left"}))
	return nil
}

func (showcase) BuildExtBroadcastParty(_ context.Context, r *party.BuildExtBroadcastPartyRequest) (ext.Value, error) {
	e, err := ext.As[exhibit](r.Party.Ext())
	return ext.Of(exhibit{All: e.All}), err
}

func (showcase) BuildExtBroadcastPlayer(_ context.Context, r *party.BuildExtBroadcastPlayerRequest) (ext.Value, error) {
	e, err := ext.As[exhibit](r.Player.Ext())
	return ext.Of(exhibit{All: e.All}), err
}

func (showcase) BuildExtPrivatePlayer(_ context.Context, r *party.BuildExtPrivatePlayerRequest) (ext.Value, error) {
	e, err := ext.As[exhibit](r.Player.Ext())
	return ext.Of(exhibit{Self: e.Self}), err
}

// projection is what a member must see of the studio's data, from the party as
// the server has it.
func projection(p *party.ReadOnlyParty, viewer *player) (m, error) {
	whole, err := ext.As[exhibit](p.Ext)
	if err != nil {
		return nil, err
	}
	seen := m{"party": whole.All, "self": ""}
	for i := range p.Players {
		data, err := ext.As[exhibit](p.Players[i].Ext)
		if err != nil {
			return nil, err
		}
		seen[p.Players[i].DisplayName.DisplayName] = data.All
		if p.Players[i].PlayerID == viewer.id {
			seen["self"] = data.Self
		}
	}
	return seen, nil
}

// projection is what a member does see.
func (s seen) projection() m {
	text := func(v any, key string) string { t, _ := v.(m)[key].(string); return t }
	shown := m{"party": text(s.m["extBroadcastParty"], "all"), "self": text(s.m["extPrivatePlayer"], "self")}
	for _, e := range s.m["partyMembers"].([]any) {
		shown[e.(m)["displayName"].(m)["displayName"].(string)] = text(e.(m)["ext"], "all")
	}
	return shown
}

var selfMark = regexp.MustCompile(`SELF-(\w+)-`)

// discreet fails the test if a text that reached a player's socket was not for him.
func discreet(rt *rapid.T, p *player, what any) {
	text, err := json.Marshal(what)
	if err != nil {
		rt.Fatal(err)
	}
	if regexp.MustCompile("HIDDEN").Match(text) {
		rt.Fatalf("%s got something hidden: %s", p.name, text)
	}
	for _, of := range selfMark.FindAllSubmatch(text, -1) {
		if string(of[1]) != p.name {
			rt.Fatalf("%s got what is for %s alone: %s", p.name, of[1], text)
		}
	}
}

// drain takes what a player was sent, checks it, and returns the newest party he
// was shown in notifications.
func (p *player) drain(rt *rapid.T) (newest *seen) {
	for _, f := range p.Notes() {
		discreet(rt, p, f)
		if f.Notification.Type == "PartyRpc.PartyDetailsV1Notification" {
			newest = &seen{f.Notification.Payload["party"].(m)}
		}
	}
	return newest
}

// act makes a random call of a player and returns the party he was answered, or
// nil. A call that changes the party without answering it is followed by a sync.
func (p *player) act(rt *rapid.T, n int, all []*player, party *seen) *seen {
	other := rapid.SampledFrom(all).Draw(rt, "other")
	w := m{"what": fmt.Sprint("change ", n), "refuse": rapid.IntRange(0, 4).Draw(rt, "refuse") == 0}
	calls := []struct {
		name    string
		payload m
	}{
		{"PartyRpc.UpdatePartyV1", m{"requestExt": w}},
		{"PartyRpc.UpdatePartyPlayerV1", m{"requestExt": w}},
		{"PartyRpc.UpdatePartyPlayerV1", m{"requestExt": w}},
		{"PartyRpc.CreateV1", nil},
		{"PartyRpc.LeaveV1", nil},
		{"PartyRpc.KickV1", m{"playerId": other.id}},
		{"PartyRpc.SetReadyStateV1", m{"ready": true}},
		{"PartyRpc.EnterMatchmakingV1", nil},
		{"MatchmakingRpc.LeaveMatchmakingV2", nil},
		{"PartyRpc.SendInviteV1", m{"inviteePlayerId": other.id}},
		{"MultiplayerRpc.InitializePartyV1", nil},
	}
	if party.m != nil {
		join := struct {
			name    string
			payload m
		}{"PartyRpc.JoinWithPartyIdV1", m{"partyId": party.id()}}
		calls = append(calls, join, join, join)
	}
	c := rapid.SampledFrom(calls).Draw(rt, "call")
	got, refused := p.Try(c.name, c.payload)
	discreet(rt, p, m{"answer": got, "refused": refused})
	if c.name == "PartyRpc.SendInviteV1" || c.name == "MatchmakingRpc.LeaveMatchmakingV2" {
		got = p.do("MultiplayerRpc.InitializePartyV1", nil)
		discreet(rt, p, got)
	}
	shown, ok := got["party"].(m)
	if !ok {
		return nil
	}
	if c.name == "PartyRpc.CreateV1" {
		*party = seen{shown}
	}
	return &seen{shown}
}

func TestAfterRandomCallsEveryMemberSeesExactlyTheProjection(t *testing.T) {
	run(t, options{plugin: showcase{}}, func(w *world) {
		all := w.players("a", "b", "c", "d")
		n := 0
		rapid.Check(inBubble{w.T}, func(rt *rapid.T) {
			var newest seen
			views := make(map[*player]seen) // as each client has it, from answers and notifications alone
			for _, p := range all {
				time.Sleep(2 * time.Second) // for the limit of calls
				p.try("PartyRpc.LeaveV1", nil)
			}
			for _, p := range all {
				p.drain(rt)
			}
			for range rapid.IntRange(5, 30).Draw(rt, "calls") {
				time.Sleep(time.Second)
				n++
				caller := rapid.SampledFrom(all).Draw(rt, "player")
				answer := caller.act(rt, n, all, &newest)
				for _, p := range all {
					if shown := p.drain(rt); shown != nil {
						views[p] = *shown
					}
				}
				if answer != nil {
					views[caller] = *answer
				}
				w.agreeOnViews(rt, all, views)
			}
		})
	})
}

// agreeOnViews compares what clients have with what the server wants them to.
func (w *world) agreeOnViews(rt *rapid.T, all []*player, views map[*player]seen) {
	ctx := w.T.Context()
	for _, p := range all {
		id, err := w.parties.PartyOf(ctx, p.id)
		if err != nil {
			rt.Fatal(err)
		}
		if id.IsZero() {
			continue
		}
		truth, err := w.parties.Party(ctx, id)
		if err != nil {
			rt.Fatal(err)
		}
		want, err := projection(truth, p)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, views[p].projection()); diff != "" || views[p].version() != fmt.Sprint(truth.Version) {
			rt.Fatalf("%s has version %s of %d (-want +got):\n%s", p.name, views[p].version(), truth.Version, diff)
		}
	}
}
