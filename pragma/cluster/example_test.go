package cluster_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma/cluster"
)

// Two nodes of one process share a hub.
func ExampleHub() {
	hub := cluster.NewHub()
	a, b := hub.Node("a"), hub.Node("b")
	defer a.Close()
	defer b.Close()

	_, err := b.Subscribe("party.changed", func(_ context.Context, data []byte) {
		fmt.Printf("b hears that %s changed\n", data)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := a.Publish(context.Background(), "party.changed", []byte("party 7")); err != nil {
		fmt.Println(err)
	}
	// Output: b hears that party 7 changed
}

// A request goes to one server and waits for its answer.
func ExampleBus() {
	ctx := context.Background()
	bus := cluster.NewLocal()
	defer bus.Close()

	_, err := bus.Request(ctx, "node.local.hello", []byte("world"))
	fmt.Println("nobody serves:", errors.Is(err, cluster.ErrNoServer))

	_, err = bus.Serve("node.local.hello", func(_ context.Context, data []byte) ([]byte, error) {
		return fmt.Appendf(nil, "hello %s", data), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := bus.Request(ctx, "node.local.hello", []byte("world"))
	fmt.Printf("%s %v\n", answer, err)
	// Output:
	// nobody serves: true
	// hello world <nil>
}

// A faulty bus loses messages; the code that uses it must live with that.
func ExampleFaulty() {
	ctx := context.Background()
	bus := cluster.NewFaulty(cluster.NewLocal(), 1, cluster.Faults{Drop: 1})
	defer bus.Close()

	_, err := bus.Subscribe("s", func(_ context.Context, data []byte) { fmt.Printf("%s\n", data) })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bus.Publish(ctx, "s", []byte("lost on the way")))
	bus.SetFaults(cluster.Faults{})
	fmt.Println(bus.Publish(ctx, "s", []byte("healed")))
	// Output:
	// <nil>
	// healed
	// <nil>
}
