package escs

import (
	"context"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// queueKey is the key of the queue in which the party of a set is alone.
type queueKey struct {
	EscsSetID string `json:"escsSetId"`
}

// isSetQueue reports whether a queue is that of a set.
func isSetQueue(key matchmaking.QueueKey) bool {
	k, err := ext.As[queueKey](key.Ext)
	return err == nil && k.EscsSetID != ""
}

// ExternalMatchmakingFillPartyPlugin is the matchmaking plugin of a game with
// tournaments (escs §7): it makes a game of the party of a set as soon as that
// enters, if all its players are there and nobody else, with the teams of the set.
// All other queues are Inner's.
//
// A studio that rather wraps it embeds a *ExternalMatchmakingFillPartyPlugin in its
// own plugin, or gives it one by a method Unwrap() matchmaking.Plugin.
type ExternalMatchmakingFillPartyPlugin struct {
	matchmaking.Defaults
	// Inner is the game's own plugin. Nil means [matchmaking.Defaults].
	Inner matchmaking.Plugin
}

var (
	_ matchmaking.Plugin     = (*ExternalMatchmakingFillPartyPlugin)(nil)
	_ pragma.DocumentedClass = (*ExternalMatchmakingFillPartyPlugin)(nil)
	_ pragma.Configurable    = (*ExternalMatchmakingFillPartyPlugin)(nil)
)

// DocumentedClass implements [pragma.DocumentedClass].
func (p *ExternalMatchmakingFillPartyPlugin) DocumentedClass() string {
	return "matchmaking.escs.ExternalMatchmakingFillPartyPlugin"
}

// MountPlugin implements [pragma.Configurable] for Inner.
func (p *ExternalMatchmakingFillPartyPlugin) MountPlugin(m *pragma.PluginMount) error {
	return mountInner(m, p.inner())
}

func (p *ExternalMatchmakingFillPartyPlugin) inner() matchmaking.Plugin {
	if p.Inner == nil {
		return matchmaking.Defaults{}
	}
	return p.Inner
}

func (p *ExternalMatchmakingFillPartyPlugin) escsFillPlugin() *ExternalMatchmakingFillPartyPlugin {
	return p
}

// fillPluginIn finds the plugin in one that wraps it; nil if it is not there.
func fillPluginIn(plugin matchmaking.Plugin) *ExternalMatchmakingFillPartyPlugin {
	for range maxWrapping {
		if h, ok := plugin.(interface {
			escsFillPlugin() *ExternalMatchmakingFillPartyPlugin
		}); ok {
			return h.escsFillPlugin()
		}
		w, ok := plugin.(interface{ Unwrap() matchmaking.Plugin })
		if !ok {
			return nil
		}
		plugin = w.Unwrap()
	}
	return nil
}

// Initialize makes the game of the party of a set, or refuses the party: the leader
// gets PartyService_FailedToEnterMatchmaking with the reason (escs F15).
func (p *ExternalMatchmakingFillPartyPlugin) Initialize(ctx context.Context, r *matchmaking.InitializeRequest) (*matchmaking.NewGameInstance, error) {
	if !isSetQueue(r.QueueKey) {
		return p.inner().Initialize(ctx, r)
	}
	game := new(matchmaking.NewGameInstance)
	for _, party := range r.Matchable.Parties() {
		set, err := SetInfo(party.Ext)
		if err != nil || set == nil || set.SetID == "" || set.RoundID == "" {
			return nil, notFound(NoSetInfo)
		}
		for _, player := range party.Players {
			team := set.team(player.ID, player.SocialID)
			if team == 0 {
				return nil, cannotJoin(NotParticipant)
			}
			game.SetTeamByPlayers([]*matchmaking.Player{player}, team)
		}
		if len(party.Players) < set.playerCount() {
			return nil, cannotJoin(PartyIncomplete)
		}
	}
	return game, nil
}

// MatchParties leaves the queue of a set alone.
func (p *ExternalMatchmakingFillPartyPlugin) MatchParties(ctx context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	if isSetQueue(r.QueueKey) {
		return nil, nil
	}
	return p.inner().MatchParties(ctx, r)
}

// MatchPartiesWithGame leaves the queue of a set alone.
func (p *ExternalMatchmakingFillPartyPlugin) MatchPartiesWithGame(ctx context.Context, r *matchmaking.MatchPartiesWithGameRequest) (*matchmaking.GameInstanceUpdate, error) {
	if isSetQueue(r.QueueKey) {
		return nil, nil
	}
	return p.inner().MatchPartiesWithGame(ctx, r)
}

// EndOfLoop leaves the queue of a set alone.
func (p *ExternalMatchmakingFillPartyPlugin) EndOfLoop(ctx context.Context, r *matchmaking.EndOfLoopRequest) (*matchmaking.NewGameInstance, error) {
	if isSetQueue(r.QueueKey) {
		return nil, nil
	}
	return p.inner().EndOfLoop(ctx, r)
}

// GetQueueName has one name for the queues of all sets.
func (p *ExternalMatchmakingFillPartyPlugin) GetQueueName(ctx context.Context, r *matchmaking.GetQueueNameRequest) string {
	if isSetQueue(r.QueueKey) {
		return "escs"
	}
	return p.inner().GetQueueName(ctx, r)
}
