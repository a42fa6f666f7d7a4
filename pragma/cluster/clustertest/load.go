package clustertest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/openpragma/engine/pragma/cluster"
)

func loadCases() []testCase {
	return []testCase{
		{"publishers at once keep their own order", publishersAtOnce},
		{"requests at once get their own answers", requestsAtOnce},
		{"subscriptions come and go under load", subscriptionsComeAndGo},
	}
}

func publishersAtOnce(t *testing.T, join joiner) {
	const publishers, each = 8, 200
	receiver := join("receiver")
	in := newInbox()
	subscribe(t, receiver, "s", in.handle)
	var wg sync.WaitGroup
	for p := range publishers {
		bus := join(strconv.Itoa(p))
		wg.Go(func() {
			for i := range each {
				if err := bus.Publish(t.Context(), "s", fmt.Appendf(nil, "%d %d", p, i)); err != nil {
					t.Errorf("Publish = %v", err)
				}
			}
		})
	}
	wg.Wait()
	var next [publishers]int
	for range publishers * each {
		from, number, _ := strings.Cut(in.next(t), " ")
		p, _ := strconv.Atoi(from)
		if want := strconv.Itoa(next[p]); number != want {
			t.Fatalf("publisher %d: got message %s, want %s", p, number, want)
		}
		next[p]++
	}
}

func requestsAtOnce(t *testing.T, join joiner) {
	a, b := join("a"), join("b")
	serve(t, b, "s", echo("b"))
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			for i := range 100 {
				question := fmt.Sprintf("%d %d", p, i)
				answer, err := a.Request(t.Context(), "s", []byte(question))
				if err != nil || string(answer) != "b:"+question {
					t.Errorf("Request(%s) = %q, %v", question, answer, err)
				}
			}
		})
	}
	wg.Wait()
}

func subscriptionsComeAndGo(t *testing.T, join joiner) {
	a, steady := join("a"), join("steady")
	in := newInbox()
	subscribe(t, steady, "s", in.handle)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for p := range 4 {
		bus := join(strconv.Itoa(p))
		wg.Go(func() { churn(t, bus, stop) })
	}
	list := numbers(500)
	for _, n := range list {
		publish(t, a, "s", n)
	}
	in.want(t, list...)
	close(stop)
	wg.Wait()
	if s := a.Status(); s.Published != uint64(len(list)) {
		t.Errorf("Published = %d, want %d", s.Published, len(list))
	}
}

// churn subscribes and serves, and takes it back, until stop.
func churn(t *testing.T, bus cluster.Bus, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		sub, err := bus.Subscribe("s", ignore)
		if err != nil {
			t.Errorf("Subscribe = %v", err)
			return
		}
		srv, err := bus.Serve("s", func(context.Context, []byte) ([]byte, error) { return nil, nil })
		if err != nil {
			t.Errorf("Serve = %v", err)
			return
		}
		_, _ = sub.Close(), srv.Close()
	}
}
