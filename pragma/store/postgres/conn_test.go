package postgres_test

import (
	"net"
	"testing"
	"time"

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
