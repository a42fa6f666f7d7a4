package dbtest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/dbtest"
)

var servers dbtest.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

func TestAServerKeepsItsAddressAndDataThroughAKill(t *testing.T) {
	s := dbtest.NewMariaDB(t)
	schema, addr := s.Schema(t), s.Addr()
	s.Exec(t, "CREATE TABLE "+schema+".kept (x INT)")
	for _, end := range []func(){s.Kill, s.Stop} {
		end()
		if _, err := net.Dial("tcp", addr); err == nil {
			t.Fatal("the server still listens")
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.DB(t, schema).Exec("INSERT INTO kept VALUES (1)"); err != nil || s.Addr() != addr {
		t.Errorf("after a restart at %s: %v, want no error at %s", s.Addr(), err, addr)
	}
}

func TestAFrozenServerIsSilent(t *testing.T) {
	s := dbtest.NewMariaDB(t)
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read() = %v, want %v", err, os.ErrDeadlineExceeded)
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "SELECT 1")
}

func TestTestsOfABinaryShareAServerButNoSchema(t *testing.T) {
	one, two := servers.MariaDB(t), servers.MariaDB(t)
	if one != two {
		t.Error("there are two servers")
	}
	if a, b := one.Schema(t), one.Schema(t); a == b {
		t.Errorf("both schemas are %s", a)
	}
}

// echo answers every byte with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// pingPong sends n bytes one by one and returns how many came back.
func pingPong(t *testing.T, addr string, n int) (back int) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range n {
		if _, err := c.Write([]byte("x")); err != nil {
			return back
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			return back
		}
		back++
	}
	return back
}

func TestProxyCutsAfterTheGivenNumberOfBytes(t *testing.T) {
	p := dbtest.NewProxy(t, echo(t))
	if got := pingPong(t, p.Addr(), 10); got != 10 {
		t.Errorf("%d bytes came back without a cut, want 10", got)
	}
	for _, dir := range []dbtest.Direction{dbtest.ToServer, dbtest.ToClient} {
		for _, n := range []int{0, 1, 7} {
			p.CutAfter(dir, int64(n))
			if got := pingPong(t, p.Addr(), 10); got != n || p.Passed(dir) != int64(n) {
				t.Errorf("%d bytes came back, %d passed, want %d", got, p.Passed(dir), n)
			}
			if !p.Disarm() {
				t.Error("there was no cut")
			}
			if got := pingPong(t, p.Addr(), 10); got != 10 {
				t.Errorf("%d bytes came back after the cut, want 10", got)
			}
		}
	}
	p.CutAfter(dbtest.ToServer, 100)
	if pingPong(t, p.Addr(), 10); p.Disarm() {
		t.Error("a cut was reported that did not happen")
	}
}

func TestServersOfTheProcessAreOne(t *testing.T) {
	a, b := dbtest.Process().MariaDB(t), dbtest.Process().MariaDB(t)
	if a != b || a == servers.MariaDB(t) {
		t.Error("Process() has two servers, or that of the package")
	}
	a.Exec(t, "CREATE TABLE "+a.Schema(t)+".kept (x INT)")
}
