package telemetry

import (
	"context"
	"errors"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// Service is the telemetry service. Put it into the list of services of a
// server's Game side; it works on the Social side too.
type Service struct {
	// Plugin takes the events. Nil means [Defaults].
	Plugin Plugin

	m   *pragma.Mount
	cfg *pragma.Live[Config]
}

// Name returns the prefix of the service's calls.
func (s *Service) Name() string { return "TelemetryRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	s.m = m
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	var err error
	s.cfg, err = pragma.ServiceConfig(m, "TelemetryConfig", DefaultConfig())
	pragma.HandlePlayer(m, "PlayerEventV1", s.playerEvent)
	pragma.HandlePlayer(m, "PlayerEventsV1", s.playerEvents)
	pragma.HandlePartner(m, "EventPartnerV1", s.partnerEvent)
	pragma.HandlePartner(m, "EventsPartnerV1", s.partnerEvents)
	return errors.Join(err, pragma.MountPlugin(m, "TelemetryService.telemetryPlugin", s.Plugin))
}

func (s *Service) playerEvent(ctx context.Context, p *pragma.PlayerSession, req *wire.TelemetryPlayerEventV1Request) (*wire.Empty, error) {
	return s.playerEvents(ctx, p, &wire.TelemetryPlayerEventsV1Request{Events: []wire.TelemetryEvent{req.Event}})
}

func (s *Service) playerEvents(ctx context.Context, p *pragma.PlayerSession, req *wire.TelemetryPlayerEventsV1Request) (*wire.Empty, error) {
	events := make([]Event, len(req.Events))
	for i, e := range req.Events {
		events[i] = Event{Name: e.Name, JSON: e.JSON}
	}
	return nil, s.take(ctx, &HandleEventsRequest{Player: p, Events: events})
}

func (s *Service) partnerEvent(ctx context.Context, p *pragma.PartnerSession, req *wire.TelemetryEventPartnerV1Request) (*wire.Empty, error) {
	return s.partnerEvents(ctx, p, &wire.TelemetryEventsPartnerV1Request{Events: []wire.SourcedEvent{*req}})
}

func (s *Service) partnerEvents(ctx context.Context, p *pragma.PartnerSession, req *wire.TelemetryEventsPartnerV1Request) (*wire.Empty, error) {
	events := make([]Event, len(req.Events))
	for i, e := range req.Events {
		events[i] = Event{SourceID: e.SourceID, Name: e.Event.Name, JSON: e.Event.JSON}
	}
	return nil, s.take(ctx, &HandleEventsRequest{Partner: p, Events: events})
}

// take checks the events and gives them to the plugin. A call without any has
// nothing to take.
func (s *Service) take(ctx context.Context, r *HandleEventsRequest) error {
	if len(r.Events) == 0 {
		return nil
	}
	if err := s.check(r.Events); err != nil {
		return err
	}
	r.Log = s.m.Log()
	err := pragma.RunHook(ctx, s.m, "TelemetryPlugin.HandleEvents", func(ctx context.Context) error {
		return s.Plugin.HandleEvents(ctx, r)
	})
	if e, known := errors.AsType[*pragma.Error](err); err != nil && (!known || e.Code == pragma.Internal) {
		return ErrFailedToPersist.Wrap(err)
	}
	return err
}

// maxName is how many bytes a name or a source may have.
const maxName = 128

func (s *Service) check(events []Event) error {
	cfg := s.cfg.Load()
	if len(events) > cfg.MaxEventsPerCall {
		return ErrTooLarge.With("%d events are more than %d", len(events), cfg.MaxEventsPerCall)
	}
	for i, e := range events {
		switch {
		case e.Name == "" || len(e.Name) > maxName || len(e.SourceID) > maxName:
			return ErrBadEvent
		case len(e.JSON) > cfg.MaxEventBytes:
			return ErrTooLarge.With("event %d has %d bytes, more than %d", i, len(e.JSON), cfg.MaxEventBytes)
		}
	}
	return nil
}
