package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

var compareExt = cmp.Comparer(ext.Value.Equal)

// A call is what a method sends and gets, as JSON.
type call struct {
	do      func(context.Context, *client.Player) error
	name    string
	request string
	answer  string
}

func TestPartyCallsSendTheDocumentedRequests(t *testing.T) {
	mode := ext.Of(map[string]string{"mode": "duel"})
	whole := `{"party":` + party(partyA, 1) + `}`
	kimID, inviteID := id[pragma.PlayerID](t, kim), id[pragma.InviteID](t, gameB)
	// A member that answers with the party.
	with := func(fn func(context.Context, *client.Player) (*client.Party, error)) func(context.Context, *client.Player) error {
		return func(ctx context.Context, p *client.Player) error {
			got, err := fn(ctx, p)
			if err == nil && (got == nil || got.ID.String() != partyA || p.State().Party == nil) {
				t.Errorf("party = %+v, state %+v", got, p.State().Party)
			}
			return err
		}
	}
	calls := []call{
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.Create(ctx, client.CreateParty{Ext: mode, PreferredZones: []string{"eu"}})
		}), "PartyRpc.CreateV1", `{"createRequestExt":{"mode":"duel"},"playerJoinRequestExt":{},"gameClientVersion":"1.2.3","preferredGameServerZones":["eu"],"gameServerZoneToPing":{"eu":30}}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.JoinWithInviteCode(ctx, "ABC123", mode)
		}), "PartyRpc.JoinWithInviteCodeV1", `{"requestExt":{"mode":"duel"},"inviteCode":"ABC123","gameClientVersion":"1.2.3","gameServerZoneToPing":{"eu":30}}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.JoinWithPartyID(ctx, id[pragma.PartyID](t, partyA), mode)
		}), "PartyRpc.JoinWithPartyIdV1", `{"requestExt":{"mode":"duel"},"gameClientVersion":"1.2.3","partyId":"` + partyA + `","gameServerZoneToPing":{"eu":30}}`, whole},
		{func(ctx context.Context, p *client.Player) error {
			got, err := p.Party.SendInvite(ctx, kimID)
			if err == nil && got != inviteID {
				t.Errorf("invite = %v, want %v", got, inviteID)
			}
			return err
		}, "PartyRpc.SendInviteV1", `{"inviteePlayerId":"` + kim + `"}`, `{"inviteId":"` + gameB + `"}`},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.CancelInvite(ctx, inviteID)
		}),
			"PartyRpc.CancelInviteV1", `{"inviteId":"` + gameB + `"}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.AcceptInvite(ctx, inviteID, mode)
		}), "PartyRpc.RespondToInviteV1", `{"requestExt":{"mode":"duel"},"inviteId":"` + gameB + `","accepted":true,"gameClientVersion":"1.2.3","gameServerZoneToPing":{"eu":30}}`, whole},
		{func(ctx context.Context, p *client.Player) error { return p.Party.DeclineInvite(ctx, inviteID) },
			"PartyRpc.RespondToInviteV1", `{"requestExt":{},"inviteId":"` + gameB + `","accepted":false,"gameClientVersion":"","gameServerZoneToPing":{}}`, `{}`},
		{func(ctx context.Context, p *client.Player) error {
			got, err := p.Party.ReceivedInvites(ctx)
			if err == nil && (len(got) != 1 || len(p.State().Invites) != 1 || !got[0].Created.Equal(time.UnixMilli(5)) || !got[0].Expires.IsZero()) {
				t.Errorf("invites = %+v", got)
			}
			return err
		}, "PartyRpc.GetReceivedInvitesV1", `{}`, `{"invites":[{"inviteId":"` + gameB + `","createdTimestampMillis":"5","expiresTimestampMillis":"0"}]}`},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) { return p.Party.SetReady(ctx, true) }),
			"PartyRpc.SetReadyStateV1", `{"ready":true}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) { return p.Party.Update(ctx, mode) }),
			"PartyRpc.UpdatePartyV1", `{"requestExt":{"mode":"duel"}}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.UpdatePlayer(ctx, mode)
		}),
			"PartyRpc.UpdatePartyPlayerV1", `{"requestExt":{"mode":"duel"}}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.AssignLeader(ctx, kimID)
		}),
			"PartyRpc.AssignPartyLeaderV1", `{"playerId":"` + kim + `"}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) { return p.Party.Kick(ctx, kimID) }),
			"PartyRpc.KickV1", `{"playerId":"` + kim + `"}`, whole},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.SetPreferredZones(ctx, []string{"us"})
		}), "PartyRpc.SetPreferredGameServerZonesV1", `{"preferredGameServerZones":["us"]}`, whole},
		{func(ctx context.Context, p *client.Player) error {
			return p.Party.SetZonePings(ctx, map[string]time.Duration{"us": 90 * time.Millisecond})
		}, "PartyRpc.SetGameServerZoneToPingV1", `{"gameServerZoneToPing":{"us":90}}`, `{}`},
		{func(ctx context.Context, p *client.Player) error {
			return p.Party.OverrideGameServerVersion(ctx, "dev")
		},
			"PartyRpc.DevelopmentOverrideGameServerVersionV1", `{"gameServerVersion":"dev"}`, `{}`},
		{func(ctx context.Context, p *client.Player) error { return p.Party.Leave(ctx) }, "PartyRpc.LeaveV1", `{}`, `{}`},
		{with(func(ctx context.Context, p *client.Player) (*client.Party, error) {
			return p.Party.EnterMatchmaking(ctx)
		}),
			"PartyRpc.EnterMatchmakingV1", `{}`, whole},
		{func(ctx context.Context, p *client.Player) error { return p.Party.LeaveMatchmaking(ctx) },
			"MatchmakingRpc.LeaveMatchmakingV2", `{}`, `{}`},
		{func(ctx context.Context, p *client.Player) error {
			got, err := p.Party.Queues(ctx)
			want := []client.Queue{{KeyExt: mode, Parties: 1, Players: 2, Matchables: 3, GameInstances: 4}}
			if diff := cmp.Diff(want, got, compareExt); err == nil && diff != "" {
				t.Errorf("queues (-want +got):\n%s", diff)
			}
			return err
		}, "MatchmakingRpc.GetMatchmakingInfoV2", `{}`, `{"queueInfo":[{"matchmakingQueueKey":{"extMatchmakingKey":{"mode":"duel"},"gameServerVersion":""},
			"partiesInQueue":1,"playersInQueue":2,"matchablesInQueue":3,"gameInstancesInQueue":4}]}`},
	}
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) { checkCall(t, c) })
	}
}

func TestGameCallsSendTheDocumentedRequests(t *testing.T) {
	speed := ext.Of(map[string]int{"speed": 2})
	gameID := mustID(gameA)
	calls := []call{
		{func(ctx context.Context, p *client.Player) error {
			got, g, err := p.Games.Create(ctx, client.CreateGame{Ext: speed, Zone: "eu"})
			if err == nil && (got != gameID || g == nil || g.State != client.GameStateRunning || p.State().CurrentGame() == nil) {
				t.Errorf("Create = %v, %+v", got, g)
			}
			return err
		}, "GameInstanceRpc.CreateV1", `{"requestExt":{"speed":2},"gameClientVersion":"1.2.3","gameServerZone":"eu","gameServerZoneToPing":{"eu":30}}`,
			`{"gameInstanceId":"` + gameA + `","gameInstance":` + game(gameA, 1) + `}`},
		{func(ctx context.Context, p *client.Player) error {
			g, err := p.Games.Join(ctx, gameID, speed)
			if g != nil {
				t.Errorf("Join = %+v, want nil: the plugin did not let him in", g)
			}
			return err
		}, "GameInstanceRpc.JoinGameInstanceV1", `{"gameInstanceId":"` + gameA + `","requestExt":{"speed":2},"gameClientVersion":"1.2.3"}`, `{}`},
		{func(ctx context.Context, p *client.Player) error { return p.Games.Leave(ctx, gameID, speed) },
			"GameInstanceRpc.LeaveV1", `{"gameInstanceId":"` + gameA + `","requestExt":{"speed":2}}`, `{}`},
		{func(ctx context.Context, p *client.Player) error {
			return p.Games.Update(ctx, pragma.GameInstanceID{}, speed)
		},
			"GameInstanceRpc.UpdateV1", `{"requestExt":{"speed":2}}`, `{}`},
		{func(ctx context.Context, p *client.Player) error { return p.Games.DeclineReconnect(ctx, gameID) },
			"GameInstanceRpc.DeclineReconnectV1", `{"gameInstanceId":"` + gameA + `"}`, `{}`},
		{func(ctx context.Context, p *client.Player) error {
			h, err := p.Games.Host(ctx, gameID)
			if err == nil && (h == nil || h.Hostname != "h" || h.Port != 4) {
				t.Errorf("Host = %+v", h)
			}
			return err
		}, "GameInstanceRpc.GetHostConnectionDetailsV1", `{"gameInstanceId":"` + gameA + `"}`,
			`{"hostConnectionDetails":{"gameInstanceId":"` + gameA + `","hostname":"h","port":4,"connectionToken":"t"}}`},
		{func(ctx context.Context, p *client.Player) error {
			h, err := p.Games.Host(ctx, gameID)
			if h != nil {
				t.Errorf("Host = %+v, want nil while no server is ready", h)
			}
			return err
		}, "GameInstanceRpc.GetHostConnectionDetailsV1", `{"gameInstanceId":"` + gameA + `"}`,
			`{"hostConnectionDetails":{"hostname":"","port":0,"connectionToken":""}}`},
	}
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) { checkCall(t, c) })
	}
}

func TestSyncReturnsTheWholeTruth(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("MultiplayerRpc.InitializePartyV1", answer(`{"isInParty":true,"party":`+party(partyA, 8)+`}`))
		f.on("MultiplayerRpc.InitializeGameInstanceV1", answer(`{"isInGameInstance":true,"gameInstances":[`+game(gameA, 9)+`]}`))
		got, err := p.Party.Sync(t.Context())
		if err != nil || got.Version != 8 {
			t.Errorf("Party.Sync = %+v, %v", got, err)
		}
		games, err := p.Games.Sync(t.Context())
		if err != nil || len(games) != 1 || games[0].Version != 9 {
			t.Errorf("Games.Sync = %+v, %v", games, err)
		}
	})
}

func checkCall(t *testing.T, c call) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player(func(o *client.Options) { o.ZonePings = map[string]time.Duration{"eu": 30 * time.Millisecond} })
		f.on(c.name, answer(c.answer))
		if err := c.do(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{c.request}, f.seen("game "+c.name)); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		f.on(c.name, func(fc *fakeCall) { fc.refuse("Service_OperatingError") })
		if err := c.do(t.Context(), p); err == nil {
			t.Error("a refusal is no error")
		}
	})
}

func TestZonePingsSetLaterAreUsed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		p := f.player()
		f.on("PartyRpc.SetGameServerZoneToPingV1", answer(`{}`))
		f.on("PartyRpc.CreateV1", answer(`{"party":`+party(partyA, 1)+`}`))
		if err := p.Party.SetZonePings(t.Context(), map[string]time.Duration{"us": time.Hour * 24 * 365}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Party.Create(t.Context(), client.CreateParty{}); err != nil {
			t.Fatal(err)
		}
		want := `{"createRequestExt":{},"playerJoinRequestExt":{},"gameClientVersion":"1.2.3","preferredGameServerZones":[],"gameServerZoneToPing":{"us":2147483647}}`
		if diff := cmp.Diff([]string{want}, f.seen("game PartyRpc.CreateV1")); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	})
}
