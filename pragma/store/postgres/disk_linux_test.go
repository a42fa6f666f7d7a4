package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/openpragma/engine/internal/dbtest"
	"github.com/openpragma/engine/pragma/store"
)

// The tables of this database are on a disk that fills up; the log has room.
func TestAFullDiskRefusesCommitsAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := dbtest.NewPostgres(t)
	disk := t.TempDir()
	uid, gid := s.Account()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=16m,mode=700,uid=%d,gid=%d", uid, gid)); err != nil {
		t.Skipf("cannot mount a small disk here, which needs root: %v", err)
	}
	t.Cleanup(func() {
		s.Kill()
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	for dir := disk; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) { // for the server's account
		if err := os.Chmod(dir, 0o755); dir != disk && err != nil {
			t.Fatal(err)
		}
	}
	s.Exec(t, "CREATE TABLESPACE small LOCATION '"+disk+"'", "CREATE DATABASE full_disk TABLESPACE small")
	d := open(t, config(s.Addr(), "full_disk"))
	var mu sync.Mutex
	told := make(map[string]error)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			body := make([]byte, 32<<10)
			rand.Read(body) // else it is stored compressed
			for i := range 200 {
				id := fmt.Sprintf("%d/%d", w, i)
				b := &store.Batch{Puts: []store.Put{{Key: thing(id), Body: body}, {Key: thing("twin " + id)}}}
				err := store.Commit(context.Background(), d, b)
				mu.Lock()
				told[id] = err
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	refused := 0
	for id, err := range told {
		want := int64(1)
		if err != nil {
			refused, want = refused+1, 0
			if !errors.Is(err, store.ErrFull) {
				t.Errorf("Commit() on a full disk = %v, want %v", err, store.ErrFull)
			}
		}
		for _, id := range []string{id, "twin " + id} {
			if got := revision(t, d, id); got != want {
				t.Errorf("revision of %s = %d after %v, want %d", id, got, err, want)
			}
		}
	}
	if refused == 0 {
		t.Errorf("%d commits, and the disk is not full", len(told))
	}
}
