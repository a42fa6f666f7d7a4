package logindata_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/inventory"
	"github.com/openpragma/engine/pragma/logindata"
	"github.com/openpragma/engine/pragma/pragmatest"
)

var _ logindata.Inventory = (*inventory.Service)(nil)

type (
	m    = map[string]any
	list = []any
)

// jobs is a plugin that does what a test says.
type jobs struct {
	logindata.Defaults
	add []logindata.Job
	err error
	got *logindata.GetLoginDataJobsV2Request
}

func (j *jobs) GetLoginDataJobsV2(ctx context.Context, r *logindata.GetLoginDataJobsV2Request) ([]logindata.Job, error) {
	j.got = r
	usual, err := j.Defaults.GetLoginDataJobsV2(ctx, r)
	return append(usual, j.add...), errors.Join(err, j.err)
}

func items() *inventory.Service {
	return &inventory.Service{Catalog: inventory.Catalog{
		Stackables: []inventory.StackableSpec{{CatalogID: "gold", Name: "Gold", Limit: 1 << 40, Tags: []string{"currency"}}, {CatalogID: "rating", Tags: []string{"hidden"}}},
		Instanced:  []inventory.InstancedSpec{{CatalogID: "sword", Ext: ext.Of(m{"damage": 7})}},
	}}
}

func run(t *testing.T, plugin logindata.Plugin, withItems bool, fn func(t *testing.T, robin *pragmatest.Raw)) {
	t.Helper()
	build := func() *pragma.Server {
		login := &logindata.Service{Plugin: plugin}
		srv := &pragma.Server{Game: []pragma.Service{login}}
		if withItems {
			inv := items()
			login.Inventory = inv
			srv.Game = append(srv.Game, inv)
		}
		return srv
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		token, _ := w.Tokens("robin")
		fn(w.T, w.Raw(pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}, token))
	})
}

// content is inventoryData with this catalog.
func content(stackables, instanced list) m {
	return m{
		"issuedLimitedGrantTrackingIds": list{},
		"inventoryContent": m{
			"itemCatalog": m{"stackableEntries": stackables, "instancedEntries": instanced},
			"stores":      list{}, "updateEntries": list{}, "craftingEntries": list{}, "itemBundles": list{},
			"providerEntitlements": list{}, "craftingEntriesFingerprint": "",
		},
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("%s (-got +want):\n%s", what, diff)
	}
}

func TestLoginDataIsEmptyWithoutAnything(t *testing.T) {
	run(t, nil, false, func(t *testing.T, robin *pragmatest.Raw) {
		for _, call := range []string{"GetLoginDataV3", "GetLoginDataV2"} {
			robin.Request("GameDataRpc."+call, m{})
			f := robin.Read()
			if f.String() != "GameDataRpc."+call+"Response" {
				t.Fatalf("%s is answered with %s", call, f)
			}
			same(t, call, f.Response.Payload, m{"loginData": m{"ext": m{}, "inventoryData": content(list{}, list{})}})
		}
	})
}

func TestLoginDataHasTheCatalog(t *testing.T) {
	run(t, nil, true, func(t *testing.T, robin *pragmatest.Raw) {
		same(t, "answer", robin.Call("GameDataRpc.GetLoginDataV3", m{}), m{"loginData": m{"ext": m{}, "inventoryData": content(
			list{m{"catalogId": "gold", "name": "Gold", "limit": "1099511627776", "tags": list{"currency"}, "removeIfNone": false, "ext": m{}}},
			list{m{"catalogId": "sword", "name": "", "tags": list{}, "ext": m{"damage": 7.0}}},
		)}})
	})
}

func fill(part m) logindata.Job {
	return logindata.JobFunc(func(_ context.Context, d *logindata.LoginData) error {
		d.Ext = ext.Of(part)
		return nil
	})
}

func TestJobsRunSideBySideAndFailAlone(t *testing.T) {
	plugin := &jobs{}
	var began time.Time
	slow := func(name string) logindata.Job {
		return logindata.JobFunc(func(_ context.Context, d *logindata.LoginData) error {
			time.Sleep(1500 * time.Millisecond)
			d.Ext = ext.Of(m{name: time.Since(began).String()})
			return nil
		})
	}
	plugin.add = []logindata.Job{
		slow("first"), slow("second"),
		logindata.JobFunc(func(_ context.Context, d *logindata.LoginData) error {
			d.Ext, d.InventoryData = ext.Of(m{"failed": true}), ext.Of(m{"failed": true})
			return errors.New("no news")
		}),
		logindata.JobFunc(func(_ context.Context, d *logindata.LoginData) error {
			d.Ext = ext.Of(m{"panicked": true})
			panic("no news")
		}),
		logindata.JobFunc(func(_ context.Context, d *logindata.LoginData) error {
			for range 30 { // too late, and then still writing
				time.Sleep(100 * time.Millisecond)
				d.Ext = ext.Of(m{"late": true})
			}
			return nil
		}),
		logindata.JobFunc(func(_ context.Context, d *logindata.LoginData) error {
			d.Ext = ext.Of(make(chan int))
			return nil
		}),
		fill(m{"news": "old", "events": list{m{"id": 1}}}),
		fill(m{"news": "a new map"}),
	}
	run(t, plugin, true, func(t *testing.T, robin *pragmatest.Raw) {
		began = time.Now()
		got := robin.Call("GameDataRpc.GetLoginDataV3", m{})["loginData"].(m)
		same(t, "ext", got["ext"], m{"first": "1.5s", "second": "1.5s", "news": "a new map", "events": list{m{"id": 1.0}}})
		if text := fmt.Sprint(got["inventoryData"]); !strings.Contains(text, "sword") || strings.Contains(text, "failed") {
			t.Errorf("inventoryData = %s", text)
		}
		if plugin.got.PlayerID.IsZero() || plugin.got.SocialID.IsZero() || plugin.got.Inventory == nil {
			t.Errorf("request = %+v", plugin.got)
		}
		time.Sleep(2 * time.Second)
	})
}

func TestPluginMayRefuse(t *testing.T) {
	errMaintenance := &pragma.Error{Code: pragma.Unavailable, Reason: "LobbyService_Maintenance", Title: true}
	for name, tt := range map[string]struct {
		plugin *jobs
		want   string
	}{
		"refused":       {&jobs{err: errMaintenance}, "error LobbyService_Maintenance"},
		"too many jobs": {&jobs{add: make([]logindata.Job, 65)}, "error UNKNOWN_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, tt.plugin, false, func(t *testing.T, robin *pragmatest.Raw) {
				robin.Request("GameDataRpc.GetLoginDataV3", m{})
				same(t, "answer", robin.Read().String(), tt.want)
			})
		})
	}
}

func TestServiceBelongsOnTheGameBackend(t *testing.T) {
	srv := &pragma.Server{Social: []pragma.Service{&logindata.Service{}}}
	if err := srv.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs on the Game backend") {
		t.Errorf("error = %v", err)
	}
}

func TestPluginsAreChecked(t *testing.T) {
	pragmatest.CheckPlugin[logindata.Plugin](t, &jobs{})
}
