package sqlite

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/openpragma/engine/pragma/store"
)

// lock keeps other processes, and other opens of this one, away from a file.
type lock struct{ f *os.File }

// acquireLock locks the file beside the database at path. The file holds the
// owner's process id and is never deleted: a lock on a file that somebody
// replaces would protect nothing.
func acquireLock(path string) (*lock, error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create lock file: %w", err)
	}
	ok, err := tryLock(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if !ok {
		owner := readOwner(f)
		f.Close()
		return nil, fmt.Errorf("%w: database %s is in use by %s (lock file %s)", store.ErrUnavailable, path, owner, name)
	}
	// The process id only helps a person; without room for it the lock holds.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &lock{f: f}, nil
}

// release gives the lock up.
func (l *lock) release() error { return l.f.Close() }

func readOwner(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	switch {
	case err != nil:
		return "another process"
	case pid == os.Getpid():
		return "this process already"
	}
	return "process " + strconv.Itoa(pid)
}
