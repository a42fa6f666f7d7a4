package party

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// view is what the members of a party see of it.
type view struct {
	shared  wire.BroadcastParty // without anything private
	members []pragma.PlayerID
	private []ext.Value // by member
}

// of returns what one member sees, nil for others.
func (v *view) of(id pragma.PlayerID) *wire.BroadcastParty {
	if v == nil {
		return nil
	}
	i := slices.Index(v.members, id)
	if i < 0 {
		return nil
	}
	seen := v.shared
	seen.ExtPrivatePlayer = v.private[i]
	return &seen
}

// broadcast shows the party to all members but some. Those who see nothing
// private get the same message, encoded once.
func (c *change) broadcast(v *view, except ...pragma.PlayerID) {
	var alike []pragma.PlayerID
	for i, id := range v.members {
		switch {
		case slices.Contains(except, id):
		case v.private[i].IsEmpty():
			alike = append(alike, id)
		default:
			c.tx.NotifyPlayers(c.details.Of(&wire.PartyDetailsV1Notification{Party: v.of(id)}), id)
		}
	}
	if len(alike) > 0 {
		c.tx.NotifyPlayers(c.details.Of(&wire.PartyDetailsV1Notification{Party: &v.shared}), alike...)
	}
}

func (c *change) view() *view { return c.viewOf(c.tx.Context(), c.st, &c.cfg) }

// viewOf asks the plugin what members see and puts it together with the rest.
func (s *Service) viewOf(ctx context.Context, st *state, cfg *Config) *view {
	v := &view{
		shared: wire.BroadcastParty{
			PartyID:                  wire.UUID(st.ID),
			PartyMembers:             make([]wire.BroadcastPartyMember, len(st.Members)),
			InviteCode:               st.InviteCode,
			PreferredGameServerZones: st.PreferredGameServerZones,
			Version:                  wire.Int64(st.Version),
			Invites:                  make([]wire.PartyInvite, len(st.Invites)),
			InMatchmaking:            st.queued(),
			GameServerVersion:        st.GameServerVersion,
		},
		members: st.ids(),
		private: make([]ext.Value, len(st.Members)),
	}
	for i, m := range st.Members {
		v.shared.PartyMembers[i] = wire.BroadcastPartyMember{
			PlayerID: wire.UUID(m.PlayerID), SocialID: wire.UUID(m.SocialID),
			DisplayName: wire.DisplayName(m.DisplayName), IsReady: m.Ready, IsLeader: m.Leader,
		}
	}
	for i := range st.Invites {
		v.shared.Invites[i] = st.Invites[i].wire()
	}
	if !s.plain {
		s.build(ctx, v, &Party{st: st, cfg: cfg, now: st.LastAccess, frozen: true})
	}
	return v
}

// built is what the Build hooks of one broadcast return.
type built struct {
	party            ext.Value
	players, private []ext.Value
}

// build runs the broadcast hooks of one view under one deadline: a goroutine and
// a timer for each of them would cost more than the hooks themselves.
func (s *Service) build(ctx context.Context, v *view, p *Party) {
	b := &built{players: make([]ext.Value, len(v.members)), private: make([]ext.Value, len(v.members))}
	err := pragma.RunHook(ctx, s.m, "PartyPlugin.BuildExtBroadcast", func(ctx context.Context) error {
		b.party = s.builtExt("BuildExtBroadcastParty", func() (ext.Value, error) {
			return s.Plugin.BuildExtBroadcastParty(ctx, &BuildExtBroadcastPartyRequest{p})
		})
		for i, m := range p.Players() {
			b.players[i] = s.builtExt("BuildExtBroadcastPlayer", func() (ext.Value, error) {
				return s.Plugin.BuildExtBroadcastPlayer(ctx, &BuildExtBroadcastPlayerRequest{p, m})
			})
			b.private[i] = s.builtExt("BuildExtPrivatePlayer", func() (ext.Value, error) {
				return s.Plugin.BuildExtPrivatePlayer(ctx, &BuildExtPrivatePlayerRequest{p, m})
			})
		}
		return nil
	})
	if err != nil { // out of time: b may still be written
		s.m.Log().ErrorContext(ctx, "broadcast hooks took too long; members see empty messages", "party", p.ID(), "err", err)
		return
	}
	v.shared.ExtBroadcastParty, v.private = b.party, b.private
	for i := range v.shared.PartyMembers {
		v.shared.PartyMembers[i].Ext = b.players[i]
	}
}

// builtExt runs one Build hook; a failure is logged and its result is empty.
func (s *Service) builtExt(hook string, fn func() (ext.Value, error)) (v ext.Value) {
	failed := func(err error, attrs ...any) {
		v = ext.Value{}
		s.m.Log().Error("broadcast hook failed; members see an empty message", append(attrs, "hook", hook, "err", err)...)
	}
	defer func() {
		if p := recover(); p != nil {
			failed(fmt.Errorf("panic: %v", p), slog.String("stack", string(debug.Stack())))
		}
	}()
	v, err := fn()
	if err == nil {
		err = v.Err()
	}
	if err != nil {
		failed(err)
	}
	return v
}

func (inv *Invite) wire() wire.PartyInvite {
	w := wire.PartyInvite{
		InviteID: wire.UUID(inv.InviteID), PartyID: wire.UUID(inv.PartyID),
		InviterInfo:            inv.inviter(),
		InviteeInfo:            wire.InviterInfo{PlayerID: wire.UUID(inv.InviteePlayerID), DisplayName: wire.DisplayName(inv.InviteeName)},
		CreatedTimestampMillis: wire.Int64(inv.CreatedAt.UnixMilli()),
	}
	if !inv.ExpiresAt.IsZero() {
		w.ExpiresTimestampMillis = wire.Int64(inv.ExpiresAt.UnixMilli())
	}
	return w
}

func (inv *Invite) inviter() wire.InviterInfo {
	return wire.InviterInfo{PlayerID: wire.UUID(inv.InviterPlayerID), DisplayName: wire.DisplayName(inv.InviterName)}
}
