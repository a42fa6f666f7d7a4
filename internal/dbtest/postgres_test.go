package dbtest_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/openpragma/engine/internal/dbtest"
)

func TestAPostgresServerKeepsItsAddressAndDataThroughAKill(t *testing.T) {
	s := dbtest.NewPostgres(t)
	schema, addr := s.Schema(t), s.Addr()
	if _, err := s.DB(t, schema).Exec(t.Context(), "CREATE TABLE kept (x INT)"); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func(){s.Kill, s.Stop} {
		_ = s.DB(t, schema) // a client does not hold it up
		end()
		if _, err := net.Dial("tcp", addr); err == nil {
			t.Fatal("the server still listens")
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.DB(t, schema).Exec(t.Context(), "INSERT INTO kept VALUES (1)"); err != nil || s.Addr() != addr {
		t.Errorf("after a restart at %s: %v, want no error at %s", s.Addr(), err, addr)
	}
}

func TestAFrozenPostgresServerIsSilentOnOldConnectionsToo(t *testing.T) {
	s := dbtest.NewPostgres(t)
	old := s.DB(t, "postgres")
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := old.Exec(t.Context(), "SELECT 1")
		answered <- err
	}()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read() = %v, want %v", err, os.ErrDeadlineExceeded)
	}
	select {
	case err := <-answered:
		t.Errorf("an old connection answers %v", err)
	default:
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("after Thaw: %v", err)
	}
}

func TestPostgresDoesNotRunAsRoot(t *testing.T) {
	s := servers.Postgres(t)
	if uid, _ := s.Account(); uid == 0 {
		t.Error("its account is root")
	}
	if one, two := servers.Postgres(t), servers.Postgres(t); one != two || one.Schema(t) == two.Schema(t) {
		t.Error("tests do not share a server, or share a schema")
	}
}
