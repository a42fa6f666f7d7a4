package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a running PostgreSQL server. [User] and [Password] open it.
type Postgres struct {
	process
	schemas atomic.Int64 // made so far
	frozen  []int        // processes beside the first one
}

// Postgres returns the server of this test binary, or skips the test.
func (s *Servers) Postgres(t testing.TB) *Postgres {
	t.Helper()
	requirePostgres(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postgres == nil && s.postgresErr == nil {
		s.postgres, s.postgresErr = startPostgres(t, s.settings)
	}
	if s.postgresErr != nil {
		t.Fatal(s.postgresErr)
	}
	return s.postgres
}

// NewPostgres starts a server for this test alone, with further settings such as
// fsync=off, or skips the test.
func NewPostgres(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	requirePostgres(t)
	s, err := startPostgres(t, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func requirePostgres(t testing.TB) {
	t.Helper()
	if _, ok := findPostgres("initdb"); !ok {
		missing(t, "postgres", "postgresql")
	}
}

// findPostgres looks for a program of the server. Debian keeps those of each
// version in a directory of its own, outside of PATH.
func findPostgres(name string) (string, bool) {
	if path, ok := find(name); ok {
		return path, true
	}
	all, _ := filepath.Glob(filepath.Join("/usr/lib/postgresql/*/bin", name))
	if len(all) == 0 {
		return "", false
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) }), true
}

func startPostgres(t testing.TB, settings []string) (*Postgres, error) {
	dir, err := newGuarded(t, "dbtest-postgres-")
	if err != nil {
		return nil, err
	}
	s, err := newPostgres(dir, settings)
	if err != nil {
		if s != nil {
			s.Kill()
		}
		return nil, errors.Join(err, dir.close())
	}
	return s, nil
}

// newPostgres returns a server that has to be killed even if there is an error.
func newPostgres(guarded *guarded, settings []string) (*Postgres, error) {
	dir := guarded.path
	as, err := notRoot(dir)
	if err != nil {
		return nil, err
	}
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(Password+"\n"), 0o644); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb, _ := findPostgres("initdb")
	cmd := exec.Command(initdb, "--pgdata="+data, "--username="+User, "--pwfile="+secret, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build a data directory: %w\n%s", err, tail(out, 2000))
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	server, _ := findPostgres("postgres")
	args := []string{server, "-D", data}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", fmt.Sprintf("port=%d", port), "unix_socket_directories=",
		"dynamic_shared_memory_type=mmap", "max_connections=300", "shared_buffers=64MB", "max_wal_size=2GB", "checkpoint_timeout=1h"}, settings...) {
		args = append(args, "-c", setting)
	}
	s := &Postgres{process: process{name: "postgres", dir: guarded, port: port, args: args, as: as}}
	return s, s.Start()
}

// notRoot returns the account that a server gets which refuses to run as root,
// and hands the directory to it. It returns nil where that is not needed.
func notRoot(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither an account postgres nor nobody")
}

// Start starts a server that was killed or stopped, and waits until it answers.
// Processes that outlive a kill for a moment are waited for.
func (s *Postgres) Start() (err error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		err = s.start(s.ready)
		if err == nil || s.alive() {
			return err
		}
		s.end(syscall.SIGKILL)
	}
	return err
}

func (s *Postgres) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	c, err := s.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

func (s *Postgres) close() {
	if s.frozen != nil {
		_ = s.Thaw()
	}
	s.end(syscall.SIGQUIT) // at once, but it gives back its shared memory
	_ = s.dir.close()
}

// Addr returns host and port of the server. It stays the same after a restart.
func (s *Postgres) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// WriteData writes a file to the directory that holds the server's data, for the
// server alone to read.
func (s *Postgres) WriteData(t testing.TB, name string, text []byte) {
	t.Helper()
	path := filepath.Join(s.dir.path, "data", name)
	err := os.WriteFile(path, text, 0o600)
	if err == nil && s.as != nil {
		err = os.Chown(path, int(s.as.Uid), int(s.as.Gid))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Account returns the user and group that the server runs as.
func (s *Postgres) Account() (uid, gid int) {
	if s.as == nil {
		return os.Getuid(), os.Getgid()
	}
	return int(s.as.Uid), int(s.as.Gid)
}

// Schema makes an empty database for the test and returns its name.
func (s *Postgres) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.schemas.Add(1))
	s.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		// A test that killed its server has nothing to remove.
		if c, err := s.connect(ctx, "postgres"); err == nil {
			_, _ = c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
			_ = c.Close(ctx)
		}
	})
	return name
}

// Exec runs statements as the administrator, each in a transaction of its own.
func (s *Postgres) Exec(t testing.TB, queries ...string) {
	t.Helper()
	c := s.DB(t, "postgres")
	defer c.Close(context.Background())
	for _, query := range queries {
		if _, err := c.Exec(context.Background(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

// DB returns a connection of the plain driver to a database, without anything of
// ours between. It serves one goroutine at a time.
func (s *Postgres) DB(t testing.TB, schema string) *pgx.Conn {
	t.Helper()
	c, err := s.connect(context.Background(), schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	return c
}

func (s *Postgres) connect(ctx context.Context, schema string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	c.Host, c.Port, c.User, c.Password, c.Database = "127.0.0.1", uint16(s.port), User, Password, schema
	return pgx.ConnectConfig(ctx, c)
}
