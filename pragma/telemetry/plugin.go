package telemetry

import (
	"context"
	"log/slog"

	"github.com/openpragma/engine/pragma"
)

// Plugin takes events (engine §11, slot TelemetryService.telemetryPlugin). Embed
// [Defaults] to implement it.
type Plugin interface {
	// HandleEvents takes the events of one call, in their order. It is called
	// by many goroutines at a time. It must not wait for slow things: it has
	// pluginTimeoutMillis, and the caller waits. Any error refuses the call; one
	// that is no [pragma.Error] reaches the client as [ErrFailedToPersist].
	HandleEvents(ctx context.Context, r *HandleEventsRequest) error

	mustEmbedDefaults()
}

// HandleEventsRequest has the events of one call.
type HandleEventsRequest struct {
	// Player or Partner is who sends them; the other one is nil.
	Player  *pragma.PlayerSession
	Partner *pragma.PartnerSession
	// Events are at least one.
	Events []Event
	// Log is the logger of the service. Nil means [slog.Default].
	Log *slog.Logger
}

// Event is something that happened. Nothing in it is verified.
type Event struct {
	// SourceID says where, in the words of a trusted server; empty for players.
	SourceID string
	// Name says what; it is not empty.
	Name string
	// JSON says more. It should be a JSON text, but may be anything, also empty.
	JSON string
}

// Defaults are the documented defaults of [Plugin]. Every implementation embeds
// it.
type Defaults struct{}

var _ Plugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// loggedBytes is how much of an event's text a line of the log has.
const loggedBytes = 1 << 10

// HandleEvents writes one line for each event, with the first 1,024 bytes of its
// text as text.
func (Defaults) HandleEvents(ctx context.Context, r *HandleEventsRequest) error {
	log := r.Log
	if log == nil {
		log = slog.Default()
	}
	var from []slog.Attr
	switch {
	case r.Player != nil:
		from = append(from, slog.Any("player", r.Player.PlayerID), slog.Any("account", r.Player.SocialID), slog.Any("session", r.Player.SessionID))
	case r.Partner != nil:
		from = append(from, slog.Any("partner", r.Partner.PartnerID))
	}
	for _, e := range r.Events {
		attrs := append(from[:len(from):len(from)], slog.String("event", e.Name), slog.String("json", e.JSON[:min(len(e.JSON), loggedBytes)]))
		if e.SourceID != "" {
			attrs = append(attrs, slog.String("source", e.SourceID))
		}
		if len(e.JSON) > loggedBytes {
			attrs = append(attrs, slog.Int("jsonBytes", len(e.JSON)))
		}
		log.LogAttrs(ctx, slog.LevelInfo, "telemetry event", attrs...)
	}
	return nil
}
