package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// GameServerOptions say where and as whom a game server connects.
type GameServerOptions struct {
	// Options: Game is the partner gateway of the game backend, such as
	// "127.0.0.1:10100". With an empty Social both sockets go where /v1/info on
	// Game says.
	Options
	// Tokens are the partner tokens. Without a social one there is no connection
	// to the social backend.
	Tokens Tokens
	// GameInstanceID is the game the process was started for, if it was told;
	// [GameServerFromEnv] fills it in. [NewGameServer] does not use it.
	GameInstanceID pragma.GameInstanceID
	// ServerID and ServerPoolID are for [GameServer.StartReportCapacityPolling], if
	// the process was started to ask for games. Used like GameInstanceID.
	ServerID, ServerPoolID string
}

// GameServer is a trusted server that runs games. [NewGameServer] makes one;
// close it when done. One GameServer may run several games. Its methods may be
// called by several goroutines at once; errors are as for [Call].
//
// What happens to a linked game comes as events: [PlayersAdded], [PlayerDeclined],
// [GameOver], [BackfillStarted], [BackfillStopped]. Subscribe before
// [GameServer.Link], so that none is missed. If the connection breaks and the
// backend cannot go on where it was, after a crash, the client links its games
// again and announces what was missed in the same events, or [GameLost].
type GameServer struct {
	*session
	game   *Conn
	social *Conn // nil without a token for it

	mu    sync.Mutex // guards what follows
	alive map[pragma.GameInstanceID]*keepAlive
	links map[pragma.GameInstanceID]*linked
	polls *polling // nil: it does not poll
}

var (
	_ Client = (*GameServer)(nil)
	_ role   = (*GameServer)(nil)
)

// NewGameServer connects a game server. ctx bounds the connecting, not the life
// of the server.
func NewGameServer(ctx context.Context, opts GameServerOptions) (*GameServer, error) {
	s := &GameServer{
		session: newSession(opts.Options.withDefaults()),
		alive:   make(map[pragma.GameInstanceID]*keepAlive),
		links:   make(map[pragma.GameInstanceID]*linked),
	}
	s.role = s
	if err := s.start(ctx, opts.Tokens); err != nil {
		s.Close()
		return nil, fmt.Errorf("connect game server: %w", err)
	}
	return s, nil
}

func (s *GameServer) start(ctx context.Context, tokens Tokens) error {
	if tokens.Game == "" {
		return errors.New("the partner token for the game backend is missing")
	}
	where, err := discover(ctx, s.http, s.opts)
	if err != nil {
		return err
	}
	const beat = "PartnerSessionRpc.HeartbeatPartnerV1"
	s.game = &Conn{session: s.session, backend: pragma.Game, url: socketURL(where.game), heartbeat: beat, token: tokens.Game}
	s.conns = []*Conn{s.game}
	if tokens.Social != "" {
		if where.social == "" {
			return errNoSocial
		}
		s.social = &Conn{session: s.session, backend: pragma.Social, url: socketURL(where.social), heartbeat: beat, token: tokens.Social}
		s.conns = append(s.conns, s.social)
	}
	return s.connect(ctx)
}

// GameConn returns the connection to the game backend, for [Call].
func (s *GameServer) GameConn() *Conn { return s.game }

// SocialConn returns the connection to the social backend, or nil if the server
// has no token for it.
func (s *GameServer) SocialConn() *Conn { return s.social }

// GameStart is what a game server needs to start a game.
type GameStart struct {
	GameInstanceID pragma.GameInstanceID
	Players        []GameServerPlayer
	Ext            ext.Value
	InMatchmaking  bool
}

// GameServerPlayer is a player as a game server sees him.
type GameServerPlayer struct {
	PlayerID      pragma.PlayerID
	SocialID      pragma.SocialID
	DisplayName   pragma.DisplayName
	PartyID       pragma.PartyID
	Team          int
	ClientVersion string
	Ext           ext.Value
}

// Link takes over a game: the server is its game server from now on
// (wire §16.5). A game has one at a time; linking again is refused for others.
// From here on the client keeps up with the game: see [GameServer].
func (s *GameServer) Link(ctx context.Context, id pragma.GameInstanceID) (*GameStart, error) {
	return s.gameStart(ctx, "GameInstanceRpc.LinkV1", id)
}

// GetGameStartData is Link under its older name.
func (s *GameServer) GetGameStartData(ctx context.Context, id pragma.GameInstanceID) (*GameStart, error) {
	return s.gameStart(ctx, "GameInstanceRpc.GetGameStartDataV1", id)
}

func (s *GameServer) gameStart(ctx context.Context, name string, id pragma.GameInstanceID) (*GameStart, error) {
	resp, err := invoke(ctx, s.game, name, request(id), func(r *wire.GameInstanceLinkV1Response) { s.link(name, &r.GameStart) })
	if err != nil {
		return nil, err
	}
	return gameStartOf(&resp.GameStart), nil
}

// ConnectPlayers says how players reach the game.
type ConnectPlayers struct {
	GameInstanceID pragma.GameInstanceID
	Hostname       string
	Port           int
	Players        []PlayerExt // Ext: for this player's game client
}

// PlayerExt is a player with a studio's message about him.
type PlayerExt struct {
	PlayerID pragma.PlayerID
	Ext      ext.Value
}

// ConnectPlayers opens a game to its players: each of them is told the host. If
// the backend wants signs of life, they are sent from here on until the game is
// over, given back, or unknown to the backend; see [GameLost].
func (s *GameServer) ConnectPlayers(ctx context.Context, r ConnectPlayers) error {
	req := r.message()
	_, err := invoke(ctx, s.game, "GameInstanceRpc.ConnectPlayersV1", req, func(k *wire.GameInstanceConnectPlayersV1Response) {
		s.keepAlive(r.GameInstanceID, k)
	})
	return err
}

// ConnectMorePlayers does the same for players who came later; see [PlayersAdded].
func (s *GameServer) ConnectMorePlayers(ctx context.Context, r ConnectPlayers) error {
	return do(ctx, s.game, "GameInstanceRpc.ConnectMorePlayersV1", r.message(), nil)
}

func (r *ConnectPlayers) message() *wire.GameInstanceConnectPlayersV1Request {
	return &wire.GameInstanceConnectPlayersV1Request{
		GameInstanceID: wire.UUID(r.GameInstanceID),
		Hostname:       r.Hostname,
		Port:           wire.Int32(r.Port),
		PlayerConnectionDetails: each(r.Players, func(p *PlayerExt) wire.PlayerConnectionDetails {
			return wire.PlayerConnectionDetails{PlayerID: wire.UUID(p.PlayerID), ExtPlayerConnectionDetails: p.Ext}
		}),
	}
}

// VerifyPlayer asks whether a connecting player is who he says: token is what his
// [Host] has.
func (s *GameServer) VerifyPlayer(ctx context.Context, id pragma.GameInstanceID, player pragma.PlayerID, token string) (bool, error) {
	req := &wire.GameInstanceVerifyPlayerPartnerV1Request{
		GameInstanceID:  wire.UUID(id),
		PlayerID:        wire.UUID(player),
		ConnectionToken: token,
	}
	resp, err := invoke[wire.GameInstanceVerifyPlayerPartnerV1Response](ctx, s.game, "GameInstanceRpc.VerifyPlayerPartnerV1", req, nil)
	if err != nil {
		return false, err
	}
	return resp.IsValid, nil
}

// Update asks the plugin to change a game.
func (s *GameServer) Update(ctx context.Context, id pragma.GameInstanceID, request ext.Value) error {
	req := &wire.GameInstanceUpdateGameInstanceV1Request{GameInstanceID: wire.UUID(id), RequestExt: request}
	return do(ctx, s.game, "GameInstanceRpc.UpdateGameInstanceV1", req, nil)
}

// EndGame says what came out for a game and its players.
type EndGame struct {
	GameInstanceID pragma.GameInstanceID
	Results        []PlayerExt
	Ext            ext.Value
}

// EndGame ends a game. The backend takes it once; it may be repeated for an hour.
func (s *GameServer) EndGame(ctx context.Context, r EndGame) error {
	req := &wire.GameInstanceEndGameV1Request{
		GameInstanceID: wire.UUID(r.GameInstanceID),
		PlayerGameResults: each(r.Results, func(p *PlayerExt) wire.PlayerGameResult {
			return wire.PlayerGameResult{PlayerID: wire.UUID(p.PlayerID), Ext: p.Ext}
		}),
		Ext: r.Ext,
	}
	return s.parting(r.GameInstanceID, func(done func()) error {
		return do(ctx, s.game, "GameInstanceRpc.EndGameV1", req, done)
	})
}

// RemovePlayers says who is to go, and why.
type RemovePlayers struct {
	GameInstanceID pragma.GameInstanceID
	Players        []PlayerExt
	Ext            ext.Value
}

// RemovePlayers takes players out of a game. They are told with [RemovedFromGame];
// its Ext is what the plugin makes of theirs here.
func (s *GameServer) RemovePlayers(ctx context.Context, r RemovePlayers) error {
	req := &wire.GameInstanceRemovePlayersV2Request{
		GameInstanceID: wire.UUID(r.GameInstanceID),
		Players: each(r.Players, func(p *PlayerExt) wire.PlayerToRemove {
			return wire.PlayerToRemove{PlayerID: wire.UUID(p.PlayerID), Ext: p.Ext}
		}),
		Ext: r.Ext,
	}
	return do(ctx, s.game, "GameInstanceRpc.RemovePlayersV2", req, func() {
		s.ofLink(r.GameInstanceID, func(k *linked) {
			for _, p := range r.Players {
				delete(k.players, p.PlayerID)
			}
		})
	})
}

// EnterMatchmaking lets a game wait for more players; [BackfillStarted] follows.
func (s *GameServer) EnterMatchmaking(ctx context.Context, id pragma.GameInstanceID) error {
	return do(ctx, s.game, "GameInstanceRpc.EnterMatchmakingV1", request(id), nil)
}

// LeaveMatchmaking ends that. Players who are already on their way may still come.
func (s *GameServer) LeaveMatchmaking(ctx context.Context, id pragma.GameInstanceID) error {
	return do(ctx, s.game, "GameInstanceRpc.LeaveMatchmakingV1", request(id), nil)
}

// Unlink gives a game back without ending it.
func (s *GameServer) Unlink(ctx context.Context, id pragma.GameInstanceID, request ext.Value) error {
	req := &wire.GameInstanceUnlinkV1Request{GameInstanceID: wire.UUID(id), RequestExt: request}
	return s.parting(id, func(done func()) error {
		return do(ctx, s.game, "GameInstanceRpc.UnlinkV1", req, done)
	})
}

// CreateInstance says what a new game is like.
type CreateInstance struct {
	Ext               ext.Value
	Players           []PlayerToAdd
	GameServerVersion string
	Zone              string
	// SkipLink leaves the game to another server.
	SkipLink bool
}

// PlayerToAdd is a player who is to join a new game.
type PlayerToAdd struct {
	PlayerID      pragma.PlayerID
	PartyID       pragma.PartyID
	Team          int
	ClientVersion string
	Ext           ext.Value
}

// Create makes a game and links this server to it. With SkipLink only the id of
// the game is known.
func (s *GameServer) Create(ctx context.Context, r CreateInstance) (*GameStart, error) {
	req := &wire.GameInstanceCreateGameInstancePartnerV1Request{
		RequestExt: r.Ext,
		PlayersToAdd: each(r.Players, func(p *PlayerToAdd) wire.PlayerToAdd {
			return wire.PlayerToAdd{
				PlayerID:      wire.UUID(p.PlayerID),
				Ext:           p.Ext,
				PartyID:       wire.UUID(p.PartyID),
				TeamNumber:    wire.Int64(p.Team),
				ClientVersion: p.ClientVersion,
			}
		}),
		GameServerVersion: r.GameServerVersion,
		GameServerZone:    r.Zone,
		SkipLink:          r.SkipLink,
	}
	resp, err := invoke(ctx, s.game, "GameInstanceRpc.CreateGameInstancePartnerV1", req, func(r *wire.GameInstanceCreateGameInstancePartnerV1Response) {
		if r.GameStart != nil {
			s.link("GameInstanceRpc.LinkV1", r.GameStart)
		}
	})
	if err != nil {
		return nil, err
	}
	if resp.GameStart == nil {
		return &GameStart{GameInstanceID: pragma.GameInstanceID(resp.GameInstanceID)}, nil
	}
	return gameStartOf(resp.GameStart), nil
}

func request(id pragma.GameInstanceID) *wire.GameInstanceRequest {
	return &wire.GameInstanceRequest{GameInstanceID: wire.UUID(id)}
}

// Capacity is what a waiting server offers (wire §7.6).
type Capacity struct {
	ServerID     string
	ServerPoolID string
	Total        int
	Used         int
}

// ReportCapacity offers the server to the fleet. It returns the games to run, and
// when to report again.
func (s *GameServer) ReportCapacity(ctx context.Context, c Capacity) ([]pragma.GameInstanceID, time.Duration, error) {
	req := &wire.FleetReportCapacityV1Request{
		ServerID:      c.ServerID,
		ServerPoolID:  c.ServerPoolID,
		TotalCapacity: wire.Int32(c.Total),
		UsedCapacity:  wire.Int32(c.Used),
	}
	resp, err := invoke[wire.FleetReportCapacityV1Response](ctx, s.game, "FleetRpc.ReportCapacityV1", req, nil)
	if err != nil {
		return nil, 0, err
	}
	ids := each(resp.GameInstanceIDs, func(id *wire.UUID) pragma.GameInstanceID { return pragma.GameInstanceID(*id) })
	return ids, time.Duration(resp.NextHeartbeatPeriodMillis) * time.Millisecond, nil
}

func gameStartOf(w *wire.GameStart) *GameStart {
	return &GameStart{
		GameInstanceID: pragma.GameInstanceID(w.GameInstanceID),
		Players:        each(w.Players, serverPlayerOf),
		Ext:            w.Ext,
		InMatchmaking:  w.IsInMatchmaking,
	}
}

func serverPlayerOf(w *wire.GameServerPlayer) GameServerPlayer {
	return GameServerPlayer{
		PlayerID:      pragma.PlayerID(w.PlayerID),
		SocialID:      pragma.SocialID(w.SocialID),
		DisplayName:   pragma.DisplayName(w.DisplayName),
		PartyID:       pragma.PartyID(w.PartyID),
		Team:          int(w.TeamNumber),
		ClientVersion: w.ClientVersion,
		Ext:           w.Ext,
	}
}
