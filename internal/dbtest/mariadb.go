package dbtest

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// User and Password open every server of this package.
const (
	User     = "tester"
	Password = "a'secret \\ of the test"
)

// Servers are what the tests of one binary have in common. The zero value is
// ready; a test package keeps one in a variable.
type Servers struct {
	mu          sync.Mutex
	mariadb     *Server
	err         error // of starting it
	postgres    *Postgres
	postgresErr error
	settings    []string // of PostgreSQL
}

// Main runs the tests and ends the shared servers. It returns what os.Exit takes.
func (s *Servers) Main(m *testing.M) int {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.mariadb != nil {
			s.mariadb.close()
			s.mariadb = nil
		}
		if s.postgres != nil {
			s.postgres.close()
			s.postgres = nil
		}
	}()
	return m.Run()
}

// Server is a running database server.
type Server struct {
	process
	admin   driver.Connector
	schemas atomic.Int64 // made so far
}

// MariaDB returns the server of this test binary, or skips the test.
func (s *Servers) MariaDB(t testing.TB) *Server {
	t.Helper()
	requireMariaDB(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mariadb == nil && s.err == nil {
		var args []string
		if _, bench := t.(*testing.B); !bench {
			// This server is never killed, so that waiting for a disk proves
			// nothing; benchmarks want the truth.
			args = append(args, "--innodb-flush-method=nosync")
		}
		s.mariadb, s.err = startMariaDB(t, args)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.mariadb
}

// NewMariaDB starts a server for this test alone, with further arguments such as
// --sync-binlog=0, or skips the test.
func NewMariaDB(t testing.TB, args ...string) *Server {
	t.Helper()
	requireMariaDB(t)
	s, err := startMariaDB(t, args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func (s *Server) close() {
	s.Kill()
	_ = s.dir.close()
}

func requireMariaDB(t testing.TB) {
	t.Helper()
	for _, name := range []string{"mariadbd", "mariadb-install-db"} {
		if _, ok := find(name); !ok {
			missing(t, name, "mariadb-server")
		}
	}
}

// startMariaDB builds a data directory and starts a server on it.
func startMariaDB(t testing.TB, args []string) (*Server, error) {
	dir, err := newGuarded(t, "dbtest-mariadb-")
	if err != nil {
		return nil, err
	}
	s, err := newMariaDB(dir, args)
	if err != nil {
		if s != nil {
			s.Kill()
		}
		return nil, errors.Join(err, dir.close())
	}
	return s, nil
}

// newMariaDB returns a server that has to be killed even if there is an error.
func newMariaDB(guarded *guarded, args []string) (_ *Server, err error) {
	dir := guarded.path
	install, _ := find("mariadb-install-db")
	data, temp := filepath.Join(dir, "data"), filepath.Join(dir, "temp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, err
	}
	cmd := exec.Command(install, append([]string{"--no-defaults", "--datadir=" + data, "--tmpdir=" + temp, "--skip-test-db",
		"--auth-root-authentication-method=normal", "--innodb-log-file-size=32M"}, asRoot()...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build a data directory: %w\n%s", err, tail(out, 2000))
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	server, _ := find("mariadbd")
	grant := filepath.Join(dir, "init.sql")
	text := fmt.Sprintf("CREATE USER IF NOT EXISTS '%s'@'%%' IDENTIFIED BY 'a''secret \\\\ of the test';\n"+
		"GRANT ALL ON *.* TO '%s'@'%%' WITH GRANT OPTION;\n", User, User)
	if err := os.WriteFile(grant, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s := &Server{process: process{name: "mariadbd", dir: guarded, port: port}}
	s.args = append([]string{server, "--no-defaults", "--datadir=" + data, "--tmpdir=" + temp, "--bind-address=127.0.0.1",
		fmt.Sprintf("--port=%d", port), "--socket=" + filepath.Join(dir, "socket"), "--pid-file=" + filepath.Join(dir, "server.pid"),
		"--init-file=" + grant, "--skip-name-resolve", "--innodb-log-file-size=32M", "--innodb-buffer-pool-size=64M",
		"--innodb-flush-log-at-trx-commit=1", "--max-connections=300"}, append(asRoot(), args...)...)
	if s.admin, err = mysql.NewConnector(s.clientConfig("")); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// asRoot lets a server run in a container where there is only root.
func asRoot() []string {
	if os.Getuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

func (s *Server) clientConfig(schema string) *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", s.Addr(), User, Password, schema
	c.Logger = &mysql.NopLogger{}
	c.MultiStatements, c.InterpolateParams, c.ClientFoundRows = true, true, true
	return c
}

// Addr returns host and port of the server. It stays the same after a restart.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Start starts a server that was killed or stopped, and waits until it answers.
func (s *Server) Start() error {
	return s.start(func() error { return s.exec("SELECT 1") })
}

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop has the server shut down in order.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Freeze stops the server's processor; connections stay open and silent.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

// Schema makes an empty schema for the test and returns its name.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.schemas.Add(1))
	s.Exec(t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	t.Cleanup(func() {
		// A test that killed its server has nothing to remove.
		_ = s.exec("DROP DATABASE IF EXISTS " + name)
	})
	return name
}

// Exec runs a statement as the administrator.
func (s *Server) Exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if err := s.exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// exec uses a connection of its own, so that nothing runs between the tests.
func (s *Server) exec(query string, args ...any) error {
	db := sql.OpenDB(s.admin)
	defer db.Close()
	_, err := db.Exec(query, args...)
	return err
}

// DB returns the plain SQL driver on a schema, without anything of ours between.
func (s *Server) DB(t testing.TB, schema string) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(s.clientConfig(schema))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}
