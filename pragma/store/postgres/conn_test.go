package postgres_test

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store/postgres"
)

// After a write that took long, a goroutine of the library may be reading from a
// connection at rest. Looking at the connection does not wait for it.
func TestAConnectionAtRestIsQuietWhileSomebodyReadsIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	quiet := func() bool {
		t.Helper()
		told := make(chan bool, 1)
		go func() { told <- postgres.Quiet(client) }()
		select {
		case q := <-told:
			return q
		case <-time.After(10 * time.Second):
			t.Fatal("it waits")
			return false
		}
	}
	if !quiet() {
		t.Error("a new connection is not quiet")
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = client.Read(make([]byte, 1))
	}()
	time.Sleep(50 * time.Millisecond) // it reads
	if !quiet() {
		t.Error("a connection that is read is not quiet")
	}
	if _, err := server.Write([]byte("xy")); err != nil {
		t.Fatal(err)
	}
	<-read
	for end := time.Now().Add(10 * time.Second); quiet(); { // the second byte travels
		if time.Now().After(end) {
			t.Fatal("a connection with something to read is quiet")
		}
	}
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	server.Close()
	for end := time.Now().Add(10 * time.Second); quiet(); {
		if time.Now().After(end) {
			t.Fatal("a connection that has ended is quiet")
		}
	}
}

func TestNothingRunsAfterClose(t *testing.T) {
	s := dbtest.NewPostgres(t)
	schema := s.Schema(t)
	proxy := dbtest.NewProxy(t, s.Addr())
	before := goleak.IgnoreCurrent()
	for _, harm := range []struct {
		name string
		do   func()
		undo func()
	}{
		{"a server in order", func() {}, func() {}},
		{"connections that were cut", proxy.CutAll, func() {}},
		{"a frozen server", func() { _ = s.Freeze() }, func() { _ = s.Thaw() }},
		{"a server that is gone", s.Kill, func() { _ = s.Start() }},
	} {
		c := config(proxy.Addr(), schema)
		c.TimeoutMillis = 3000
		d, err := c.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = write(t, d, "a", revision(t, d, "a"))
		harm.do()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, _ = d.Get(ctx, thing("a"))
		_ = d.Commit(ctx, puts(0, "b"))
		cancel()
		if err := d.Close(); err != nil {
			t.Errorf("%s: Close() = %v", harm.name, err)
		}
		harm.undo()
		proxy.CutAll() // what the proxy itself still passes
		if err := goleak.Find(before); err != nil {
			t.Errorf("%s: %v", harm.name, err)
		}
	}
}
