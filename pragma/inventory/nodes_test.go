package inventory_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
)

// kept is a store that outlives the servers that use it.
type kept struct{ store.Driver }

func (kept) Close() error { return nil }

// node starts a server of its own on a store and returns its inventories.
func node(t testing.TB, name string, db store.Driver) *inventory.Service {
	t.Helper()
	items := &inventory.Service{Catalog: goods()}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	srv := &pragma.Server{
		Config: pragmatest.Config(t, "core: {nodeName: "+name+"}"),
		Game:   []pragma.Service{items},
		Store:  memory(kept{db}),
		Logger: slog.New(slog.DiscardHandler),
		Ready:  func(pragma.Addresses) { close(ready) },
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
	}
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("node %s: %v", name, err)
		}
	})
	<-ready
	return items
}

// TestTwoNodesOnOneStoreAgree has two servers change one inventory at once, each
// request twice: one on each node.
func TestTwoNodesOnOneStoreAgree(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	nodes := []*inventory.Service{node(t, "a", db), node(t, "b", db)}
	robin := pragma.PlayerID{1}
	const games = 60
	var wg sync.WaitGroup
	for _, items := range nodes {
		wg.Go(func() {
			for n := range games {
				o := gold(1, fmt.Sprint("game ", n))
				o.InstancedGrants = []inventory.InstancedGrant{{CatalogID: "sword"}, {CatalogID: "curse"}}
				for {
					if _, err := items.Apply(t.Context(), robin, o); err == nil {
						break
					}
				}
				if _, err := items.Read(t.Context(), robin); err != nil { // at any moment
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, items := range nodes {
		c, err := items.Read(t.Context(), robin)
		if err != nil {
			t.Fatal(err)
		}
		got := []int64{c.Player.Stackables[0].Amount, int64(len(c.Player.Instanced)), c.Player.Version, int64(len(c.Hidden.Instanced)), c.Hidden.Version}
		for _, n := range got {
			if n != games {
				t.Fatalf("gold, swords, version, curses, hidden version = %v, want %d of each", got, games)
			}
		}
	}
}

func TestCatalogChangesWhileTheServerRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "items.yml")
	write := func(catalog string) {
		t.Helper()
		text := "game: {serviceConfigs: {InventoryServiceConfig: {catalog: " + catalog + "}}}"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("{stackables: {silver: {}}}")
	items := &inventory.Service{}
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		return &pragma.Server{Config: cfg, Game: []pragma.Service{items}}
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		t := w.T
		grant := func(id string) error {
			_, err := items.Apply(t.Context(), pragma.PlayerID{1}, &inventory.Operations{
				StackableGrants: []inventory.StackableGrant{{CatalogID: id, Amount: 1}},
			})
			return err
		}
		known := func(silver, copper bool) {
			t.Helper()
			time.Sleep(6 * time.Second)
			for id, want := range map[string]bool{"silver": silver, "copper": copper} {
				if err := grant(id); (err == nil) != want {
					t.Errorf("grant of %s: %v", id, err)
				}
			}
		}
		known(true, false)
		write("{stackables: {silver: {}, copper: {}}}")
		known(true, true)
		write("{stackables: {silver: {limit: -1}}}")
		known(true, true)
		write("{stackables: {copper: {}}}")
		known(false, true)
	})
}
