package escs

import (
	"context"
	"errors"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// ExternalMatchmakingPartyPlugin is the party plugin of a game with tournaments
// (escs §7): the parties of sets take their players and nobody else, as many as the
// set has, and carry the set into matchmaking. Everything else, Inner decides, for
// all parties; its hooks tell the parties of sets by [SetOfParty]. In the party of
// a set, Inner may refuse a player, but not let one in.
//
// A studio that rather wraps it embeds a *ExternalMatchmakingPartyPlugin in its
// own plugin, or gives it one by a method Unwrap() party.Plugin.
type ExternalMatchmakingPartyPlugin struct {
	party.Defaults
	// Inner is the game's own plugin. Nil means [party.Defaults].
	Inner party.Plugin

	service *Service // set when the service mounts
}

var (
	_ party.Plugin           = (*ExternalMatchmakingPartyPlugin)(nil)
	_ pragma.DocumentedClass = (*ExternalMatchmakingPartyPlugin)(nil)
	_ pragma.Configurable    = (*ExternalMatchmakingPartyPlugin)(nil)
)

// DocumentedClass implements [pragma.DocumentedClass].
func (p *ExternalMatchmakingPartyPlugin) DocumentedClass() string {
	return "matchmaking.escs.ExternalMatchmakingPartyPlugin"
}

// MountPlugin implements [pragma.Configurable] for Inner.
func (p *ExternalMatchmakingPartyPlugin) MountPlugin(m *pragma.PluginMount) error {
	return mountInner(m, p.inner())
}

func mountInner[I any](m *pragma.PluginMount, inner I) error {
	err := pragma.CheckHooks(inner)
	if c, ok := any(inner).(pragma.Configurable); ok {
		err = errors.Join(err, c.MountPlugin(m))
	}
	return err
}

func (p *ExternalMatchmakingPartyPlugin) inner() party.Plugin {
	if p.Inner == nil {
		return party.Defaults{}
	}
	return p.Inner
}

func (p *ExternalMatchmakingPartyPlugin) escsPartyPlugin() *ExternalMatchmakingPartyPlugin { return p }

// partyPluginIn finds the plugin in one that wraps it; nil if it is not there.
func partyPluginIn(plugin party.Plugin) *ExternalMatchmakingPartyPlugin {
	for range maxWrapping {
		if h, ok := plugin.(interface {
			escsPartyPlugin() *ExternalMatchmakingPartyPlugin
		}); ok {
			return h.escsPartyPlugin()
		}
		w, ok := plugin.(interface{ Unwrap() party.Plugin })
		if !ok {
			return nil
		}
		plugin = w.Unwrap()
	}
	return nil
}

// maxWrapping is how many plugins may be around ours.
const maxWrapping = 16

// InitializeParty gives the party of a set as many places as the set has players.
func (p *ExternalMatchmakingPartyPlugin) InitializeParty(ctx context.Context, r *party.InitializePartyRequest) error {
	if err := p.inner().InitializeParty(ctx, r); err != nil {
		return err
	}
	if set := SetOfParty(r.Party); set != nil {
		r.Party.SetMaxPlayerCount(set.playerCount(), true)
	}
	return nil
}

// OnAddPlayer keeps outsiders out of the party of a set, however they come
// (escs F16).
func (p *ExternalMatchmakingPartyPlugin) OnAddPlayer(ctx context.Context, r *party.AddPlayerRequest) error {
	if set := SetOfParty(r.Party); set != nil && set.team(r.PlayerToAdd.ID(), r.PlayerToAdd.SocialID()) == 0 {
		return cannotJoin(NotParticipant)
	}
	return p.inner().OnAddPlayer(ctx, r)
}

// OnRemovePlayer hands the party of a set to the first of those who are left and
// connected (escs F11).
func (p *ExternalMatchmakingPartyPlugin) OnRemovePlayer(ctx context.Context, e *party.RemovePlayerEvent) error {
	if err := p.inner().OnRemovePlayer(ctx, e); err != nil {
		return err
	}
	if SetOfParty(e.Party) == nil || p.service == nil || hasLeader(e.Party) {
		return nil
	}
	next, err := p.service.firstConnected(ctx, e.Party)
	if err != nil || next.IsZero() {
		return err
	}
	return e.Party.SetLeader(next, true)
}

func hasLeader(p *party.Party) bool {
	for _, m := range p.Players() {
		if m.IsLeader() {
			return true
		}
	}
	return false
}

// firstConnected returns the first player who is connected, or the first of all.
func (s *Service) firstConnected(ctx context.Context, p *party.Party) (pragma.PlayerID, error) {
	var first pragma.PlayerID
	for _, m := range p.Players() {
		if first.IsZero() {
			first = m.ID()
		}
		live, err := s.m.Connected(ctx, m.ID())
		if err != nil {
			return pragma.PlayerID{}, err
		}
		if live {
			return m.ID(), nil
		}
	}
	return first, nil
}

// BuildMatchmakingKey returns the queue of the set; no other party is in it.
func (p *ExternalMatchmakingPartyPlugin) BuildMatchmakingKey(ctx context.Context, r *party.BuildMatchmakingKeyRequest) (ext.Value, error) {
	if set := SetOfParty(r.Party); set != nil {
		return ext.Of(queueKey{EscsSetID: set.SetID}), nil
	}
	return p.inner().BuildMatchmakingKey(ctx, r)
}

// BuildExtMatchmakingParty adds the set to what Inner builds.
func (p *ExternalMatchmakingPartyPlugin) BuildExtMatchmakingParty(ctx context.Context, r *party.BuildExtMatchmakingPartyRequest) (ext.Value, error) {
	v, err := p.inner().BuildExtMatchmakingParty(ctx, r)
	set := SetOfParty(r.Party)
	if err != nil || set == nil {
		return v, err
	}
	return withMember(v, infoMember, set)
}

// infoMember is escs_matchmaking_info, field 10001 of ExtMatchmakingParty.
const infoMember = "escsMatchmakingInfo"

// HandlePlayerEnterMatchmakingRequest lets the party of a set enter until the set
// is over, with what the platform has said of it last. Whether everybody is there,
// [ExternalMatchmakingFillPartyPlugin] judges.
func (p *ExternalMatchmakingPartyPlugin) HandlePlayerEnterMatchmakingRequest(ctx context.Context, r *party.PlayerEnterMatchmakingRequest) error {
	if set := SetOfParty(r.Party); set != nil && p.service != nil {
		if err := p.service.refresh(ctx, r.Party, set.SetID); err != nil {
			return err
		}
	}
	return p.inner().HandlePlayerEnterMatchmakingRequest(ctx, r)
}

// HandlePlayerSendInviteRequest refuses invites to the party of a set: its players
// come by themselves.
func (p *ExternalMatchmakingPartyPlugin) HandlePlayerSendInviteRequest(ctx context.Context, r *party.PlayerSendInviteRequest) error {
	if SetOfParty(r.Party) != nil {
		return party.ErrInviteNotFound.With("nobody is invited to the party of a set")
	}
	return p.inner().HandlePlayerSendInviteRequest(ctx, r)
}
