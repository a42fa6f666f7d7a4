package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// Limits of limited access events. All of a shard are one record, which every
// log-in reads.
const (
	maxEvents           = 100
	maxEventGroups      = 50
	maxEventName        = 100 // bytes
	maxEventDescription = 500
	maxTimeZone         = 64
)

// handleAccess registers the operators' calls about the access to the shard
// (engine §2.4). All names but that of the first are ours.
func (s *Service) handleAccess(m *pragma.Mount) {
	var err error
	if s.management, err = pragma.ServiceConfig(m, "GameManagementServiceConfig", DefaultGameManagementConfig()); err != nil {
		m.Problem(err)
		return
	}
	onOperator(s, m, "GameManagementRpc.CreateLimitedAccessEvent", act("create limited access event", s.createEvent))
	onOperator(s, m, "GameManagementRpc.UpdateLimitedAccessEvent", act("update limited access event", s.updateEvent))
	onOperator(s, m, "GameManagementRpc.DeleteLimitedAccessEvent", act("delete limited access event", s.deleteEvent))
	onOperator(s, m, "GameManagementRpc.GetAllLimitedAccessEvents", look(s.pageOfEvents))
	onOperator(s, m, "GameManagementRpc.SetAccessMode", act("set access mode", s.setAccessMode))
	onOperator(s, m, "GameManagementRpc.GetAccessMode", look(s.accessMode))
}

// GameManagement is the part of the account service that game servers ask on the
// Game backend: which limited access events there are (wire §7.12). Mount it there
// beside the services of the game:
//
//	accounts := &account.Service{}
//	srv := &pragma.Server{
//		Social: []pragma.Service{accounts},
//		Game:   []pragma.Service{&account.GameManagement{Accounts: accounts}},
//	}
//
// Operators make and change events, and set the access mode of the shard, on the
// social operator gateway, with the calls CreateLimitedAccessEvent, Update…,
// Delete…, GetAllLimitedAccessEvents, SetAccessMode and GetAccessMode of
// GameManagementRpc, each with the ending OperatorV1. They are there without
// GameManagement too.
type GameManagement struct {
	// Accounts is the account service of the same server. It is required.
	Accounts *Service
}

// Name implements [pragma.Service].
func (*GameManagement) Name() string { return "GameManagementRpc" }

// Mount implements [pragma.Service].
func (g *GameManagement) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Game {
		return errors.New("account.GameManagement belongs on the Game backend")
	}
	if g.Accounts == nil {
		return errors.New("account.GameManagement.Accounts is nil")
	}
	m.OnStart(func(context.Context) error {
		if g.Accounts.m == nil {
			return errors.New("account.GameManagement.Accounts is not a service of this server's Social backend")
		}
		return nil
	})
	pragma.HandlePartner(m, "GetAllLimitedAccessEventsPartnerV1", func(ctx context.Context, _ *pragma.PartnerSession, req *wire.GameManagementGetAllLimitedAccessEventsPartnerV1Request) (*wire.GameManagementGetAllLimitedAccessEventsPartnerV1Response, error) {
		events, err := g.Accounts.events(ctx, req.GameShardID)
		return &wire.GameManagementGetAllLimitedAccessEventsPartnerV1Response{LimitedAccessEvent: events}, err
	})
	return nil
}

// events lists all events of a shard, also those that are over.
func (s *Service) events(ctx context.Context, shard wire.UUID) ([]wire.LimitedAccessEvent, error) {
	a, err := s.access(ctx, shard)
	if err != nil {
		return nil, err
	}
	list := make([]wire.LimitedAccessEvent, len(a.Events))
	for i := range a.Events {
		list[i] = s.wireEvent(&a.Events[i])
	}
	return list, nil
}

// access reads who may enter a shard.
func (s *Service) access(ctx context.Context, shard wire.UUID) (*access, error) {
	if err := s.isThisShard(shard); err != nil {
		return nil, err
	}
	a, err := s.accounts.shards.Read(ctx, shard.String())
	if errors.Is(err, entity.ErrNotFound) {
		return &access{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read game shard: %w", err)
	}
	return a, nil
}

func (s *Service) isThisShard(id wire.UUID) error {
	if pragma.GameShardID(id) != s.m.ShardID() {
		return ErrShard
	}
	return nil
}

func (s *Service) pageOfEvents(ctx context.Context, req *wire.GameManagementGetAllLimitedAccessEventsOperatorV1Request) (*wire.GameManagementGetAllLimitedAccessEventsOperatorV1Response, error) {
	events, err := s.events(ctx, req.GameShardID)
	if err != nil {
		return nil, err
	}
	start, end, err := req.Of(len(events))
	if err != nil {
		return nil, ErrGameManagement.With("%v", err)
	}
	return &wire.GameManagementGetAllLimitedAccessEventsOperatorV1Response{
		LimitedAccessEvent: events[start:end], Count: wire.Int64(len(events)),
	}, nil
}

func (s *Service) createEvent(ctx context.Context, audit auditor, req *wire.GameManagementCreateLimitedAccessEventOperatorV1Request) (*wire.GameManagementLimitedAccessEventV1Response, error) {
	e, err := s.eventOf(&req.LimitedAccessEventDetails)
	if err != nil {
		return nil, err
	}
	e.ID = pragma.NewID[eventID]()
	if err := audit(ctx, slog.String("event", e.ID.String()), slog.String("name", e.Name)); err != nil {
		return nil, err
	}
	return s.changeEvents(ctx, e, func(a *access, _ time.Time) error {
		if len(a.Events) >= maxEvents {
			return ErrGameManagement.With("there are %d limited access events; delete those that are over", len(a.Events))
		}
		a.Events = append(a.Events, *e)
		return nil
	})
}

// updateEvent replaces an event that has not ended.
func (s *Service) updateEvent(ctx context.Context, audit auditor, req *wire.GameManagementUpdateLimitedAccessEventOperatorV1Request) (*wire.GameManagementLimitedAccessEventV1Response, error) {
	e, err := s.eventOf(&req.LimitedAccessEventDetails)
	if err != nil {
		return nil, err
	}
	e.ID = eventID(req.LimitedAccessEventID)
	if err := audit(ctx, slog.String("event", e.ID.String()), slog.String("name", e.Name)); err != nil {
		return nil, err
	}
	return s.changeEvents(ctx, e, func(a *access, now time.Time) error {
		i, err := a.find(e.ID)
		if err != nil {
			return err
		}
		if a.Events[i].EndMillis <= now.UnixMilli() {
			return ErrEventOver
		}
		e.Unknown = a.Events[i].Unknown
		a.Events[i] = *e
		return nil
	})
}

func (a *access) find(id eventID) (int, error) {
	i := slices.IndexFunc(a.Events, func(e accessEvent) bool { return e.ID == id })
	if i < 0 {
		return 0, ErrEventNotFound
	}
	return i, nil
}

// changeEvents changes the events of this server's shard so that there is e.
func (s *Service) changeEvents(ctx context.Context, e *accessEvent, change func(a *access, now time.Time) error) (*wire.GameManagementLimitedAccessEventV1Response, error) {
	err := s.accounts.shards.Upsert(ctx, s.m.ShardID().String(), func(tx *entity.Tx, a *access) error {
		if err := change(a, tx.Now()); err != nil {
			return err
		}
		if e.EndMillis <= tx.Now().UnixMilli() {
			return ErrEventTime
		}
		for _, id := range e.Groups {
			if _, err := s.accounts.groups.all.In(tx, id.String()); errors.Is(err, entity.ErrNotFound) {
				return ErrGameManagement.With("no player group has the id %s", id)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("change limited access events: %w", err)
	}
	return &wire.GameManagementLimitedAccessEventV1Response{LimitedAccessEvent: s.wireEvent(e)}, nil
}

func (s *Service) deleteEvent(ctx context.Context, audit auditor, req *wire.GameManagementDeleteLimitedAccessEventOperatorV1Request) (*wire.Empty, error) {
	if err := audit(ctx, slog.String("event", req.LimitedAccessEventID.String())); err != nil {
		return nil, err
	}
	err := s.accounts.shards.Upsert(ctx, s.m.ShardID().String(), func(_ *entity.Tx, a *access) error {
		i, err := a.find(eventID(req.LimitedAccessEventID))
		if err != nil {
			return err
		}
		a.Events = slices.Delete(a.Events, i, i+1)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("delete limited access event: %w", err)
	}
	return nil, nil
}

// eventOf reads an event, without its id.
func (s *Service) eventOf(d *wire.LimitedAccessEventDetails) (*accessEvent, error) {
	e := &accessEvent{
		Name: strings.TrimSpace(d.Name), Description: d.Description, TimeZone: d.TimeZone,
		Groups: idsOf[groupID](d.PlayerGroupIDs), StartMillis: int64(d.StartUnixTimeMs), EndMillis: int64(d.EndUnixTimeMs),
	}
	if err := s.isThisShard(d.GameShardID); err != nil {
		return nil, err
	}
	switch {
	case e.Name == "":
		return nil, ErrEventName
	case len(e.Name) > maxEventName || len(e.Description) > maxEventDescription || len(e.TimeZone) > maxTimeZone:
		return nil, ErrGameManagement.With("name, description and timeZone may have %d, %d and %d bytes", maxEventName, maxEventDescription, maxTimeZone)
	case len(e.Groups) > maxEventGroups:
		return nil, ErrGameManagement.With("an event may have %d player groups", maxEventGroups)
	case e.StartMillis < 0 || e.EndMillis <= e.StartMillis:
		return nil, ErrEventTime
	}
	return e, nil
}

func (s *Service) wireEvent(e *accessEvent) wire.LimitedAccessEvent {
	return wire.LimitedAccessEvent{
		LimitedAccessEventID: wire.UUID(e.ID),
		LimitedAccessEventDetails: wire.LimitedAccessEventDetails{
			GameShardID:     wire.UUID(s.m.ShardID()),
			Name:            e.Name,
			Description:     e.Description,
			PlayerGroupIDs:  wireIDs(e.Groups),
			StartUnixTimeMs: wire.Int64(e.StartMillis),
			EndUnixTimeMs:   wire.Int64(e.EndMillis),
			TimeZone:        e.TimeZone,
		},
	}
}

func (s *Service) setAccessMode(ctx context.Context, audit auditor, req *wire.GameManagementSetAccessModeOperatorV1Request) (*wire.GameManagementAccessModeOperatorV1Response, error) {
	if err := s.isThisShard(req.GameShardID); err != nil {
		return nil, err
	}
	var mode AccessMode
	if err := mode.UnmarshalText([]byte(req.AccessMode)); err != nil {
		return nil, ErrGameManagement.With("accessMode: %v", err)
	}
	if err := audit(ctx, slog.String("mode", string(mode))); err != nil {
		return nil, err
	}
	err := s.accounts.shards.Upsert(ctx, req.GameShardID.String(), func(_ *entity.Tx, a *access) error {
		a.Mode = mode
		return nil
	})
	if err != nil {
		return nil, ErrAccessMode.Wrap(err)
	}
	return &wire.GameManagementAccessModeOperatorV1Response{GameShardID: req.GameShardID, AccessMode: string(mode)}, nil
}

// accessMode returns the mode that is in force.
func (s *Service) accessMode(ctx context.Context, req *wire.GameManagementGetAccessModeOperatorV1Request) (*wire.GameManagementAccessModeOperatorV1Response, error) {
	a, err := s.access(ctx, req.GameShardID)
	if err != nil {
		return nil, err
	}
	mode := a.Mode
	if mode == "" {
		mode = s.management.Load().AccessMode
	}
	return &wire.GameManagementAccessModeOperatorV1Response{GameShardID: req.GameShardID, AccessMode: string(mode)}, nil
}
