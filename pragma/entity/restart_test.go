package entity_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// TestTimersAndCallsSurviveAReopenedFile stops a server with a timer that is not
// yet due and a call that could not be delivered, and starts another one.
func TestTimersAndCallsSurviveAReopenedFile(t *testing.T) {
	open := sqlite.File(filepath.Join(t.TempDir(), "restart.db"))

	d, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	down := newShop()
	down.set(0, func(*entity.Call[order]) error { return errors.New("down") })
	c := newCustomers(t, d, down, entity.LaneOptions[order, receipt]{MinBackoff: 100 * time.Millisecond, MaxBackoff: 100 * time.Millisecond})
	c.mustOrder(t, "a", "sword")
	other := newNode(t, d)
	k, _ := alarms(other)
	set(t, k, "x", 200*time.Millisecond, 0)
	waitUntil(t, func() bool { return len(down.took()) > 0 })
	c.stop()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	d, err = open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, d)
	n := newNode(t, d)
	k, rang := alarms(n)
	n.start()
	defer n.stop()
	up := newCustomers(t, d, newShop(), entity.LaneOptions[order, receipt]{})
	defer up.stop()
	waitUntil(t, func() bool { return len(rang.took()) > 0 })
	waitUntil(t, func() bool { return up.state(t, "a") == "9 sword, receipt 1" })
	if s, err := k.Read(t.Context(), "x"); err != nil || s.Rung != 1 {
		t.Errorf("alarm = %+v, %v; want rung once", s, err)
	}
}

// waitUntil polls: a real file is outside of virtual time.
func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("it never happened")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
