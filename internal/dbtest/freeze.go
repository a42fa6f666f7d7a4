package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kill ends the server at once with all its processes, as kill -9 of each does.
func (s *Postgres) Kill() {
	if all, err := s.halt(); err == nil {
		signalAll(all, syscall.SIGKILL)
	}
	s.end(syscall.SIGKILL) // the others miss their parent
	_ = s.remember(nil)
}

// Stop has the server shut down in order, without waiting for its clients.
func (s *Postgres) Stop() { s.end(syscall.SIGINT) }

// Freeze stops all processes of the server; connections stay open and silent.
func (s *Postgres) Freeze() error {
	all, err := s.halt()
	if err == nil {
		err = s.remember(all)
	}
	if err != nil {
		return errors.Join(err, s.signal(syscall.SIGCONT))
	}
	signalAll(all, syscall.SIGSTOP)
	return nil
}

// Thaw lets a frozen server go on.
func (s *Postgres) Thaw() error {
	signalAll(s.frozen, syscall.SIGCONT)
	return errors.Join(s.signal(syscall.SIGCONT), s.remember(nil))
}

// remember keeps the processes that are frozen, also for those who tidy up after
// this process: they do not notice that their parent is gone.
func (s *Postgres) remember(all []int) error {
	s.frozen = all
	text := strings.Trim(fmt.Sprint(all), "[]")
	return os.WriteFile(filepath.Join(s.dir.path, "frozen"), []byte(text+"\n"), 0o600)
}

// halt stops the parent of all processes, so that there will be no further ones,
// and returns the others: those of the connections, of the log writer and so on.
func (s *Postgres) halt() ([]int, error) {
	if s.frozen != nil || !s.alive() {
		return s.frozen, s.signal(syscall.SIGSTOP)
	}
	if _, err := os.ReadDir("/proc/self"); err == nil {
		if err := s.signal(syscall.SIGSTOP); err != nil {
			return nil, err
		}
		return s.children()
	}
	return s.askForChildren()
}

// children looks for the processes where the system shows them.
func (s *Postgres) children() (all []int, err error) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// 17 (name) S 1 …
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(s.pid) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			all = append(all, pid)
		}
	}
	return some(all)
}

// askForChildren has the server name its processes, for systems without /proc and
// users who may not read it. A connection that is being made at this moment is
// not among them.
func (s *Postgres) askForChildren() ([]int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := s.connect(ctx, "postgres")
	if err != nil {
		return nil, err
	}
	defer func() {
		gone, cancel := context.WithCancel(context.Background())
		cancel() // it cannot answer any more
		_ = c.Close(gone)
	}()
	if err := s.signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	rows, err := c.Query(ctx, "SELECT pid FROM pg_stat_activity")
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, err
	}
	return some(all)
}

func some(all []int) ([]int, error) {
	if len(all) == 0 {
		return nil, errors.New("the processes of the connections cannot be seen")
	}
	return all, nil
}

func signalAll(all []int, sig syscall.Signal) {
	for _, pid := range all {
		_ = syscall.Kill(pid, sig)
	}
}
