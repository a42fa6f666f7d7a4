package clustertest

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/cluster"
)

// inbox collects messages in the order in which a handler gets them.
type inbox chan string

func newInbox() inbox { return make(inbox, 10_000) }

func (in inbox) handle(_ context.Context, data []byte) { in <- string(data) }

// next waits for one message.
func (in inbox) next(t *testing.T) string {
	t.Helper()
	select {
	case got := <-in:
		return got
	case <-time.After(patience):
		t.Fatal("no message arrived")
		return ""
	}
}

// want waits for exactly these messages in this order. A message that should
// not have come shows when one that should is asked for next.
func (in inbox) want(t *testing.T, messages ...string) {
	t.Helper()
	for i, want := range messages {
		if got := in.next(t); got != want {
			t.Fatalf("message %d = %q, want %q", i+1, got, want)
		}
	}
}

func publish(t *testing.T, bus cluster.Bus, subject, data string) {
	t.Helper()
	if err := bus.Publish(t.Context(), subject, []byte(data)); err != nil {
		t.Fatalf("Publish(%s) = %v", subject, err)
	}
}

func subscribe(t *testing.T, bus cluster.Bus, subject string, fn cluster.Handler) cluster.Subscription {
	t.Helper()
	sub, err := bus.Subscribe(subject, fn)
	if err != nil {
		t.Fatalf("Subscribe(%s) = %v", subject, err)
	}
	return sub
}

func serve(t *testing.T, bus cluster.Bus, subject string, fn cluster.Server) cluster.Subscription {
	t.Helper()
	sub, err := bus.Serve(subject, fn)
	if err != nil {
		t.Fatalf("Serve(%s) = %v", subject, err)
	}
	return sub
}

func request(t *testing.T, bus cluster.Bus, subject, data string) string {
	t.Helper()
	answer, err := bus.Request(t.Context(), subject, []byte(data))
	if err != nil {
		t.Fatalf("Request(%s) = %v", subject, err)
	}
	return string(answer)
}

func closeAll(t *testing.T, closers ...interface{ Close() error }) {
	t.Helper()
	for _, c := range closers {
		if err := c.Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
	}
}

func wantError(t *testing.T, call string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s = %v, want %v", call, got, want)
	}
}

// echo answers with the name of its node and the request.
func echo(node string) cluster.Server {
	return func(_ context.Context, data []byte) ([]byte, error) {
		return []byte(node + ":" + string(data)), nil
	}
}

func ignore(context.Context, []byte) {}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: still not so after %v", what, patience)
		}
	}
}

func numbers(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strconv.Itoa(i)
	}
	return list
}
