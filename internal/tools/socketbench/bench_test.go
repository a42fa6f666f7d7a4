package main

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
)

func TestEveryLibraryEchoesText(t *testing.T) {
	for _, l := range libraries() {
		t.Run(l.name, func(t *testing.T) {
			srv := httptest.NewServer(l.echo)
			defer srv.Close()
			c, err := dial(srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			for range 3 {
				if err := c.roundTrip(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEcho measures round trips of a 150-byte text over loopback. Client
// and server share the process; the client allocates nothing, so the
// allocations are the server's.
func BenchmarkEcho(b *testing.B) {
	for _, l := range libraries() {
		for _, conns := range []int{1, 32} {
			b.Run(fmt.Sprintf("lib=%s/conns=%d", l.name, conns), func(b *testing.B) {
				benchmarkEcho(b, l, conns)
			})
		}
	}
}

func benchmarkEcho(b *testing.B, l library, conns int) {
	srv := httptest.NewServer(l.echo)
	defer srv.Close()
	clients := make([]*client, conns)
	for i := range clients {
		c, err := dial(srv.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.close()
		clients[i] = c
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, c := range clients {
		share := b.N / conns
		if i < b.N%conns {
			share++
		}
		wg.Go(func() {
			for range share {
				if err := c.roundTrip(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rt/s")
}
