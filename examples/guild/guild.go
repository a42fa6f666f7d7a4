package main

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// Messages of this game, as its clients and servers know them. 64-bit numbers
// travel as text, which pragma.Int64 sees to.
type (
	CreateRequest struct {
		Name string `json:"name"`
	}
	JoinRequest struct {
		Name string `json:"name"`
	}
	AddPointsRequest struct {
		Name   string       `json:"name"`
		Points pragma.Int64 `json:"points"`
	}
	ListRequest   struct{}
	GuildResponse struct {
		Guild Guild `json:"guild"`
	}
	ListResponse struct {
		Guilds []Guild `json:"guilds"`
	}
	Guild struct {
		Name    string            `json:"name"`
		Points  pragma.Int64      `json:"points"`
		Members []pragma.PlayerID `json:"members"`
	}
	ChangedNotification struct {
		Guild Guild `json:"guild"`
	}
)

// The game's own errors travel as extError. Numbers do not.
var (
	errTaken   = &pragma.Error{Code: pragma.FailedPrecondition, Reason: "GUILD_NAME_TAKEN", Title: true, Message: "there is a guild of this name"}
	errUnknown = &pragma.Error{Code: pragma.NotFound, Reason: "GUILD_NOT_FOUND", Title: true, Message: "there is no such guild"}
	errFull    = &pragma.Error{Code: pragma.ResourceExhausted, Reason: "GUILD_FULL", Title: true, Message: "the guild has enough members"}
	errName    = &pragma.Error{Code: pragma.InvalidArgument, Reason: "GUILD_BAD_NAME", Title: true, Message: "a name has 1 to 32 letters and digits"}
)

// guildName keeps out what cannot be the id of an entity.
var guildName = regexp.MustCompile(`^[\pL\pN][\pL\pN ]{0,31}$`)

// settings is the section game.serviceConfigs.GuildServiceConfig.
type settings struct {
	MaxMembers int `yaml:"maxMembers"`
}

// guilds is a service of the studio, on a par with the engine's own: durable
// state, calls on three gateways, a notification, configuration.
type guilds struct {
	all     *entity.Kind[Guild]
	changed pragma.Notice[ChangedNotification]
	config  *pragma.Live[settings]
}

func (*guilds) Name() string { return "GuildRpc" }

func (g *guilds) Mount(m *pragma.Mount) error {
	g.all = entity.Of(m, "guild", entity.Options[Guild]{})
	g.changed = pragma.PlayerNotice[ChangedNotification](m, "ChangedV1Notification")
	pragma.HandlePlayer(m, "CreateV1", g.create)
	pragma.HandlePlayer(m, "JoinV1", g.join)
	pragma.HandlePartner(m, "AddPointsPartnerV1", g.addPoints)
	pragma.HandleOperator(m, "ListOperatorV1", g.list)
	var err error
	g.config, err = pragma.ServiceConfig(m, "GuildServiceConfig", settings{MaxMembers: 50})
	return err
}

func (g *guilds) create(ctx context.Context, p *pragma.PlayerSession, req *CreateRequest) (*GuildResponse, error) {
	if !guildName.MatchString(req.Name) {
		return nil, errName
	}
	var made Guild
	err := g.all.Create(ctx, req.Name, func(_ *entity.Tx, s *Guild) error {
		*s = Guild{Name: req.Name, Members: []pragma.PlayerID{p.PlayerID}}
		made = *s
		return nil
	})
	if errors.Is(err, entity.ErrExists) {
		return nil, errTaken
	}
	return &GuildResponse{made}, err
}

func (g *guilds) join(ctx context.Context, p *pragma.PlayerSession, req *JoinRequest) (*GuildResponse, error) {
	return g.change(ctx, req.Name, func(s *Guild) error {
		switch {
		case slices.Contains(s.Members, p.PlayerID):
			return nil
		case len(s.Members) >= g.config.Load().MaxMembers:
			return errFull
		}
		s.Members = append(s.Members, p.PlayerID)
		return nil
	})
}

// addPoints is for game servers. It is not idempotent; a studio that cares sends
// a key along and keeps the last ones in the state.
func (g *guilds) addPoints(ctx context.Context, _ *pragma.PartnerSession, req *AddPointsRequest) (*GuildResponse, error) {
	return g.change(ctx, req.Name, func(s *Guild) error {
		s.Points += req.Points
		return nil
	})
}

// change edits a guild and tells its members in the order of the changes.
func (g *guilds) change(ctx context.Context, name string, edit func(*Guild) error) (*GuildResponse, error) {
	if !guildName.MatchString(name) {
		return nil, errUnknown
	}
	var now Guild
	err := g.all.Update(ctx, name, func(tx *entity.Tx, s *Guild) error {
		if err := edit(s); err != nil {
			return err
		}
		now = *s
		tx.NotifyPlayers(g.changed.Of(&ChangedNotification{now}), now.Members...)
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return nil, errUnknown
	}
	return &GuildResponse{now}, err
}

func (g *guilds) list(ctx context.Context, _ *pragma.OperatorSession, _ *ListRequest) (*ListResponse, error) {
	var resp ListResponse
	for item, err := range g.all.List(ctx, "", "") {
		if err != nil {
			return nil, err
		}
		resp.Guilds = append(resp.Guilds, *item.State)
		if len(resp.Guilds) == 500 {
			break
		}
	}
	return &resp, nil
}
