package telemetry_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/telemetry"
)

// crashes counts the crashes that clients report, and leaves the rest to the log.
type crashes struct {
	telemetry.Defaults
	n int
}

func (c *crashes) HandleEvents(_ context.Context, r *telemetry.HandleEventsRequest) error {
	for _, e := range r.Events {
		if e.Name == "client.crashed" {
			c.n++
		}
	}
	return nil
}

// A plugin embeds Defaults and takes the events of one call. It needs no server
// to be tested.
func Example() {
	c := &crashes{}
	err := c.HandleEvents(context.Background(), &telemetry.HandleEventsRequest{Events: []telemetry.Event{
		{Name: "client.started"},
		{Name: "client.crashed", JSON: `{"build":"1.4.0"}`},
	}})
	fmt.Println(c.n, err)
	// Output: 1 <nil>
}

// The service is put into the list of a server's Game side.
func ExampleService() {
	srv := &pragma.Server{Game: []pragma.Service{&telemetry.Service{Plugin: &crashes{}}}}
	fmt.Println(srv.Game[0].Name())
	// Output: TelemetryRpc
}
