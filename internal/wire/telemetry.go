package wire

// The calls of TelemetryRpc (wire §7.12, §13). All answers are [Empty].

// TelemetryPlayerEventV1Request reports something that happened in a client.
type TelemetryPlayerEventV1Request struct {
	Event TelemetryEvent `json:"event"`
}

// TelemetryPlayerEventsV1Request reports several things.
type TelemetryPlayerEventsV1Request struct {
	Events []TelemetryEvent `json:"events"`
}

// TelemetryEventPartnerV1Request reports something that happened at a source,
// such as a game server.
type TelemetryEventPartnerV1Request = SourcedEvent

// TelemetryEventsPartnerV1Request reports several things.
type TelemetryEventsPartnerV1Request struct {
	Events []SourcedEvent `json:"events"`
}

// SourcedEvent is Telemetry_SourcedEvent.
type SourcedEvent struct {
	SourceID string         `json:"sourceId"`
	Event    TelemetryEvent `json:"event"`
}

// TelemetryEvent is Telemetry_TelemetryEvent.
type TelemetryEvent struct {
	Name string `json:"name"`
	JSON string `json:"json"` // a JSON text, or what a client takes for one
}
