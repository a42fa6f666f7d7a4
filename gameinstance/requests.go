package gameinstance

import (
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// NewInstance is what matchmaking makes a game instance of, see
// [Service.CreateByMatchmaking].
type NewInstance struct {
	// ID is the id of the new instance; zero: a random one.
	ID pragma.GameInstanceID
	// RequestExt is what the matchmaking plugin says of the game
	// (ExtBackendCreateRequest).
	RequestExt ext.Value
	// GameServerVersion and GameServerZone say what server the game needs; empty:
	// any.
	GameServerVersion, GameServerZone string
	// QueueKey is the key of the queue in which the players met.
	QueueKey ext.Value
	// Players are added before the hook runs. They may be in matchmaking, which
	// this ends; they must not be in a game.
	Players []PlayerToAdd
	// Parties are the parties of the players.
	Parties []MatchedParty
	// ContinueMatchmaking is the queue in which the instance waits for more
	// players from the start; nil: none.
	ContinueMatchmaking *QueuePlace
}

// PlayerToAdd is a player who is to join an instance.
type PlayerToAdd struct {
	PlayerID pragma.PlayerID
	// Ext is ExtBackendAddPlayer, for the hook that adds him.
	Ext ext.Value
	// PartyID is the party to which he returns; zero: the one he is in.
	PartyID       pragma.PartyID
	TeamNumber    int64
	ClientVersion string
	// SocialID and DisplayName are what others see of him. The service fills them
	// in for the player who asks, for those of a match, and, if it has
	// [Service.Accounts], for everybody.
	SocialID    pragma.SocialID
	DisplayName pragma.DisplayName
}

// PlayerToRemove is a player who is to go.
type PlayerToRemove struct {
	PlayerID pragma.PlayerID
	// Ext is ExtBackendRemovePlayer, for the hook that removes him.
	Ext ext.Value
}

// MatchedParty is a party of a new instance.
type MatchedParty struct {
	PartyID pragma.PartyID `json:"partyId"`
	// Ext is the party's ExtMatchmakingParty.
	Ext ext.Value `json:"ext,omitzero"`
}

// PlayerGameResult is what a game server reports of one player.
type PlayerGameResult struct {
	PlayerID pragma.PlayerID `json:"playerId"`
	Ext      ext.Value       `json:"ext,omitzero"`
}

// BackendCreateByMatchmakingRequest is for [Plugin.HandleBackendCreateByMatchmakingRequest].
type BackendCreateByMatchmakingRequest struct {
	GameInstance *Instance // with its players
	RequestExt   ext.Value
	PlayersAdded []PlayerToAdd
	Parties      []MatchedParty
	QueueKey     ext.Value
}

// Origin says who creates an instance.
type Origin string

// Who may create an instance through [Plugin.HandleBackendCreateRequest].
const (
	OriginBackend    Origin = "BACKEND"
	OriginGameServer Origin = "GAME_SERVER"
)

// BackendCreateRequest is for [Plugin.HandleBackendCreateRequest].
type BackendCreateRequest struct {
	GameInstance *Instance // without players
	RequestExt   ext.Value
	PlayersToAdd []PlayerToAdd
	Origin       Origin
}

// PlayerCreateRequest is for [Plugin.HandlePlayerCreateRequest].
type PlayerCreateRequest struct {
	GameInstance       *Instance // without players
	RequestingPlayerID pragma.PlayerID
	// RequestExt, ClientVersion and GameServerZoneToPing are what the client
	// sent; nobody has checked them.
	RequestExt           ext.Value
	ClientVersion        string
	GameServerZoneToPing map[string]int // milliseconds
	// PartyID is the player's party, zero if he has none.
	PartyID pragma.PartyID
}

// PlayerJoinRequest is for [Plugin.HandlePlayerJoinRequest].
type PlayerJoinRequest struct {
	GameInstance       *Instance
	RequestingPlayerID pragma.PlayerID
	// RequestExt and ClientVersion are what the client sent; nobody has checked them.
	RequestExt    ext.Value
	ClientVersion string
	// PartyID is the player's party, zero if he has none.
	PartyID pragma.PartyID
}

// BackendAddPlayersRequest is for [Plugin.HandleBackendAddPlayersRequest].
type BackendAddPlayersRequest struct {
	GameInstance *Instance
	RequestExt   ext.Value
	PlayersToAdd []PlayerToAdd
	// FromMatchmaking says that the players waited in a queue. Then the hook adds
	// all of them, or refuses; they wait on if it does.
	FromMatchmaking bool
}

// PlayerLeaveRequest is for [Plugin.HandlePlayerLeaveRequest].
type PlayerLeaveRequest struct {
	GameInstance     *Instance
	RequestingPlayer *GamePlayer
	RequestExt       ext.Value // unchecked
}

// BackendRemovePlayersRequest is for [Plugin.HandleBackendRemovePlayersRequest].
type BackendRemovePlayersRequest struct {
	GameInstance    *Instance
	RequestExt      ext.Value
	PlayersToRemove []PlayerToRemove // all of them are in the instance
}

// PlayerUpdateRequest is for [Plugin.HandlePlayerUpdateRequest].
type PlayerUpdateRequest struct {
	GameInstance     *Instance
	RequestingPlayer *GamePlayer
	RequestExt       ext.Value // unchecked
}

// BackendUpdateRequest is for [Plugin.HandleBackendUpdateRequest].
type BackendUpdateRequest struct {
	GameInstance *Instance
	RequestExt   ext.Value
}

// EndGameRequest is for [Plugin.OnEndGame] and
// [Plugin.PrepareUnknownInstanceForEndGameRequest].
type EndGameRequest struct {
	GameInstance *Instance
	// PlayerGameResults are about players who are, or were, in the instance. If a
	// server has sent two about one player, jobs get the last.
	PlayerGameResults []PlayerGameResult
	RequestExt        ext.Value // ExtEndGameRequest
}

// BuildExtGameStartRequest is for [Plugin.BuildExtGameStart].
type BuildExtGameStartRequest struct{ GameInstance *Instance }

// BuildExtGameServerPlayerRequest is for [Plugin.BuildExtGameServerPlayer].
type BuildExtGameServerPlayerRequest struct {
	GameInstance *Instance
	Player       *GamePlayer
}

// BuildExtAddedToGameRequest is for [Plugin.BuildExtAddedToGame].
type BuildExtAddedToGameRequest struct {
	GameInstance *Instance
	Player       *GamePlayer
}

// Causes of a failed allocation.
const (
	CauseProviderError = "PROVIDER_ERROR" // the provider said no
	CauseTimeout       = "TIMEOUT"        // no server linked in time
)

// GameServerAllocationFailedRequest is for [Plugin.OnGameServerAllocationFailed].
type GameServerAllocationFailedRequest struct {
	GameInstance *Instance
	Cause        string // CauseProviderError or CauseTimeout
}

// GameServerFailedToConnectInitialPlayersRequest is for
// [Plugin.OnGameServerFailedToConnectInitialPlayers].
type GameServerFailedToConnectInitialPlayersRequest struct {
	GameInstance   *Instance
	InitialPlayers []*GamePlayer // those of the start data who are still there
}

// GameServerFailedToConnectMorePlayersRequest is for
// [Plugin.OnGameServerFailedToConnectMorePlayers].
type GameServerFailedToConnectMorePlayersRequest struct {
	GameInstance *Instance
	MorePlayers  []*GamePlayer // whose time is over
}

// GameServerDisconnectedRequest is for [Plugin.OnGameServerDisconnected].
type GameServerDisconnectedRequest struct{ GameInstance *Instance }

// GameInstanceExpiredRequest is for [Plugin.OnGameInstanceExpired].
type GameInstanceExpiredRequest struct{ GameInstance *Instance }

// GameServerUnlinkRequest is for [Plugin.HandleGameServerUnlinkRequest].
type GameServerUnlinkRequest struct {
	GameInstance *Instance
	RequestExt   ext.Value // ExtGameServerUnlinkRequest
}
