// Package telemetry takes reports of what happened in clients and on game servers.
//
// A report is an event: a name and a text, usually JSON, of which the server
// understands nothing. Clients and trusted servers send them one by one or many
// at once (wire §7.12); a [Plugin] takes them where the studio evaluates them:
//
//	type lake struct{ telemetry.Defaults }
//
//	func (l lake) HandleEvents(ctx context.Context, r *telemetry.HandleEventsRequest) error {
//		return l.append(ctx, r.Events)
//	}
//
//	game := []pragma.Service{&telemetry.Service{Plugin: lake{}}}
//
// Without one, every event is a line in the log.
//
// All events of a call are taken together or refused together. They are bounded:
// by number and size here, and by the gateway's limits on calls and frames. What
// an event says is not checked. Above all, its text may be something else than
// JSON: clients with a broken encoder are those one wants to hear of.
package telemetry
